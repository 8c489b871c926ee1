"""Hosted pictures and documents, as a browser or a mail program fetches them."""

import pytest

from mailer import media
from tests.web.conftest import Office

PICTURE = b"\x89PNG a picture"
PDF = b"%PDF-1.7 an agenda"


def put(office: Office, content: bytes, media_type: str) -> str:
    return office.app.database.write(media.put, content, media_type, now=office.clock.now())


def test_a_picture_is_shown_and_kept_for_a_year(office: Office) -> None:
    known = put(office, PICTURE, "image/png")

    answer = office.get(office.app.links.medium(known, "png"))

    assert answer.content == PICTURE
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].endswith("; sandbox")
    assert "content-disposition" not in answer.headers


def test_a_document_is_saved_under_its_name(office: Office) -> None:
    known = put(office, PDF, "application/pdf")

    plain = office.get(f"/m/{known}.pdf")
    named = office.get(office.app.links.medium(known, "pdf", "議題-2026"))

    assert plain.headers["content-disposition"].startswith(f'attachment; filename="{known}.pdf"')
    assert named.content == PDF
    assert named.headers["content-disposition"] == (
        "attachment; filename=\"__-2026.pdf\"; filename*=UTF-8''%E8%AD%B0%E9%A1%8C-2026.pdf"
    )


def test_head_says_the_same_without_the_bytes(office: Office) -> None:
    known = put(office, PDF, "application/pdf")

    answer = office.client.head(f"/m/{known}.pdf")

    assert answer.status_code == 200
    assert answer.headers["content-length"] == str(len(PDF))


@pytest.mark.parametrize(
    "path",
    [
        "/m/{known}",
        "/m/{known}.png",
        "/m/{known}.PDF",
        "/m/{known}.pdf.exe",
        "/m/{known}/agenda.exe",
        "/m/{known}/agenda",
        "/m/{known}/a%20b.pdf",
        "/m/{known}/..%2fagenda.pdf",
        "/m/{known}/%22agenda.pdf",
        "/m/{missing}.pdf",
        "/m/agenda.pdf",
    ],
)
def test_there_is_nothing_under_any_other_address(office: Office, path: str) -> None:
    known = put(office, PDF, "application/pdf")

    assert office.get(path.format(known=known, missing="0" * 64)).status_code == 404


def test_what_could_run_in_a_browser_has_no_address(office: Office) -> None:
    known = put(office, b"<script>", "text/html")

    assert office.get(f"/m/{known}.html").status_code == 404
    assert office.post(f"/m/{known}.html").status_code == 405
