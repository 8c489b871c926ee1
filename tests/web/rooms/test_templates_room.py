"""The templates' room: ours, the owner's in their place, and what differs; nothing else is read."""

from pathlib import Path

import pytest

from mailer import config, files
from mailer.db.schema import Role
from tests.web.rooms.conftest import Rooms, seen

NAME = "mail/welcome/body.html"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def own(lone_rooms: Rooms, tmp_path: Path) -> Path:
    """Give the owner's folder, with a template in the place of ours."""
    folder = tmp_path / "looks"
    (folder / NAME).parent.mkdir(parents=True)
    ours = (files.templates() / NAME).read_text(encoding="utf-8")
    (folder / NAME).write_text(f"{ours}\n{SCRIPT}\n", encoding="utf-8")
    (folder / "secret.toml").write_text("hidden", encoding="utf-8")
    app = lone_rooms.office.app
    changed = {"templates": config.Templates(folder=folder)}
    app.config.settings = app.settings.model_copy(update=changed)
    app.__dict__.pop("template_folders", None)
    return folder


def test_an_owner_reads_what_their_template_does_otherwise(lone_rooms: Rooms, own: Path) -> None:
    desk = lone_rooms.as_(Role.OWNER)

    assert "yours, in the place of ours" in seen(desk.get("/settings/templates"))
    page = desk.get(f"/settings/templates?name={NAME}")

    assert own.is_dir()
    assert "+&lt;script&gt;" in page.text
    assert SCRIPT not in page.text


def test_a_template_of_ours_is_read_as_it_is(lone_rooms: Rooms) -> None:
    page = lone_rooms.as_(Role.OWNER).get(f"/settings/templates?name={NAME}")

    assert page.status_code == 200
    assert "ours" in seen(page)


@pytest.mark.parametrize(
    "name", ["../config.toml", "/etc/passwd", "secret.toml", "nothing.html", SCRIPT]
)
def test_no_other_file_is_read(lone_rooms: Rooms, own: Path, name: str) -> None:
    assert own.is_dir()
    answer = lone_rooms.as_(Role.OWNER).get("/settings/templates", params={"name": name})

    assert answer.status_code == 404
    assert "hidden" not in answer.text
    assert SCRIPT not in answer.text
