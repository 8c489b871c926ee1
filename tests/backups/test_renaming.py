"""Settings of a backup in another folder: nothing of the old folder is read, nor written into."""

import shutil
from pathlib import Path

import pytest

from mailer import backups, config
from mailer.app import App
from mailer.backups import Wanted
from mailer.backups.making import make
from mailer.errors import Refused
from tests.installation import Installation

OURS = "{% block subject %}Ours{% endblock %}"


def backed_up(office: Installation, folder: Path) -> Path:
    target = folder / "copy.zip"
    make(office.app, target)
    return target


def own_templates(folder: Path) -> Path:
    """Give a folder of an owner's templates."""
    made = folder / "looks" / "web" / "public"
    made.mkdir(parents=True)
    (made / "mine.html").write_text(OURS)
    return folder / "looks"


@pytest.mark.parametrize("is_gone", [False, True], ids=["old machine", "new machine"])
@pytest.mark.parametrize("is_inside", [True, False], ids=["in its folder", "elsewhere"])
def test_templates_are_found_where_they_are_now(
    office: Installation, tmp_path: Path, *, is_inside: bool, is_gone: bool
) -> None:
    # Given templates that the settings name by their whole path
    looks = own_templates(office.folder if is_inside else tmp_path / "shared")
    office.reopen(templates={"folder": str(looks)})
    source = backed_up(office, tmp_path)
    if is_gone:
        shutil.rmtree(looks)

    # When a backup is restored into another folder
    done = backups.restore(
        Wanted(source, tmp_path / "again", database="sqlite:///mailer.db"), clock=office.clock
    )

    # Then those of the backup are used; a folder for all on the same machine is, while it is there
    with App.open(done.config, clock=office.clock) as app:
        folder = app.template_folders[0]
    assert (folder / "web" / "public" / "mine.html").read_text() == OURS
    stays = not is_inside and not is_gone
    assert folder.is_relative_to(tmp_path / "shared" if stays else tmp_path / "again")
    names = [key for key, _ in done.renamed]
    assert names == ([] if stays else ["templates.folder"])


@pytest.mark.parametrize("key", ["url", '"url"', "'url'"])
def test_a_database_file_by_its_whole_path_is_in_the_new_folder(
    office: Installation, tmp_path: Path, key: str
) -> None:
    # Given settings that name an SQLite file where one is
    old = tmp_path / "disk" / "news.db"
    old.parent.mkdir()
    old.write_bytes(b"the database of the old installation")
    written = f'[database]\n{key} = "sqlite:///{old}"  # on the fast disk\n'
    office.subscribers("kim@example.org")
    _write_database(office, written)
    source = backed_up(office, tmp_path)

    # When a backup is restored into another folder
    done = backups.restore(Wanted(source, tmp_path / "again"), clock=office.clock)

    # Then its database is there, and the old one as it was
    assert done.renamed == (("database.url", "sqlite:///news.db"),)
    assert config.load(done.config).database_url == f"sqlite:///{tmp_path}/again/news.db"
    assert old.read_bytes() == b"the database of the old installation"


@pytest.mark.parametrize(
    "written", ['database.url = "sqlite:///{}"\n', 'database = {{ url = "sqlite:///{}" }}\n']
)
def test_what_cannot_be_rewritten_is_refused_with_what_to_do(
    office: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    _write_database(office, written.format(tmp_path / "news.db"))
    source, again = backed_up(office, tmp_path), tmp_path / "again"

    with pytest.raises(Refused, match="set MAILER_DATABASE__URL to that"):
        backups.restore(Wanted(source, again), clock=office.clock)

    assert not again.exists()
    monkeypatch.setenv("MAILER_DATABASE__URL", "sqlite:///news.db")
    assert backups.restore(Wanted(source, again), clock=office.clock).renamed == ()
    assert (again / "news.db").exists()


def test_templates_beside_the_old_folder_come_along(office: Installation, tmp_path: Path) -> None:
    own_templates(tmp_path)
    office.reopen(templates={"folder": "../looks"})
    source, again = backed_up(office, tmp_path), tmp_path / "other" / "again"

    done = backups.restore(Wanted(source, again, database="sqlite:///a.db"), clock=office.clock)

    folder = again / (config.load(done.config).settings.templates.folder or "")
    assert (folder / "web" / "public" / "mine.html").read_text() == OURS
    assert [key for key, _ in done.renamed] == ["templates.folder"]


def _write_database(office: Installation, written: str) -> None:
    """Let the settings on disk name the database so; what is open stays open."""
    text = office.config.read_text(encoding="utf-8")
    head, _, rest = text.partition("[database]\n")
    tables = rest.partition("\n[")
    kept = f"{head}[{tables[2]}" if tables[2] else head
    is_table = written.startswith("[")
    office.config.write_text(f"{kept}\n{written}" if is_table else f"{written}\n{kept}")
