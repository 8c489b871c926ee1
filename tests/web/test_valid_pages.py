"""Every public page is valid HTML, by the Nu checker, without an exception."""

from pathlib import Path

import pytest

from tests import nu
from tests.web.conftest import Street
from tests.web.test_looks import furnish, pages

MAILS = ("digest", "digest-arabic")
"""Pages that are a mail: see tests/rendering/test_mail_standards.py."""


@pytest.mark.gate
@pytest.mark.parametrize("language", ["en", "ja", "fr"])
def test_every_page_is_valid(empty_street: Street, tmp_path: Path, language: str) -> None:
    office = empty_street.office
    furnish(office)
    shown = {
        name: office.get(path if "?" in path else f"{path}?lang={language}").text
        for name, path in pages(office).items()
        if name not in MAILS
    }

    assert nu.remarks(shown, tmp_path) == []
