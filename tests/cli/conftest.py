"""An office at the command line: an installation, and the real command run in this process."""

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mailer import cli
from tests.backends import POSTGRESQL, PROPERTY, SQLITE
from tests.postgres import Postgres, Rows

SETTINGS = """
[organisation]
name = "Office"
postal_address = "1 Harbour Road, Suva"
[web]
base_url = "https://news.example.org/"
[tokens]
keys = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed where."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def error(self) -> str:
        """Give the one line that says what was wrong."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        return lines[0].removeprefix("error: ")


Run = Callable[..., Ended]


@dataclass(frozen=True)
class Office:
    """An installation with its settings in a folder, on one of the two databases."""

    folder: Path
    url: str
    run: Run

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def settle(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Write the settings, and let the commands of a test find them."""
        self.folder.mkdir(exist_ok=True)
        if not self.config.exists():
            self.config.write_text(SETTINGS, encoding="utf-8")
        monkeypatch.setenv("MAILER_CONFIG", str(self.config))
        monkeypatch.setenv("MAILER_DATABASE__URL", self.url)

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def ok(self, *arguments: object) -> Ended:
        ended = self.run(*arguments)
        assert ended.code == 0, ended.err
        return ended

    def dump(self) -> dict[str, list[str]]:
        """Give every row of every table, to compare before with after."""
        engine = sa.create_engine(self.url.replace("postgresql:", "postgresql+psycopg:"))
        try:
            with engine.connect() as connection:
                return {
                    name: sorted(
                        repr(tuple(row))
                        for row in connection.execute(sa.text(f'SELECT * FROM "{name}"'))
                    )
                    for name in sa.inspect(connection).get_table_names()
                }
        finally:
            engine.dispose()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, as `mailer ARGUMENTS` would."""

    def call(*arguments: object, stdin: str = "") -> Ended:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


# ------------------------------------------------------------------------- one for each test

Story = Callable[[Office], object]
OFFICE = "office"
Left = bytes | Rows
"""What a story left behind: an SQLite file, or the rows of a PostgreSQL database."""


@pytest.fixture(scope="session")
def played() -> dict[tuple[str, Story], Left]:
    """Remember what the stories that were played already left, by backend and story."""
    return {}


@pytest.fixture(scope="session")
def nothing_yet(postgresql: Postgres, postgresql_template: str) -> Rows:
    """Make the PostgreSQL database of all offices, one after the other; give what is in it."""
    postgresql.create(OFFICE, template=postgresql_template)
    return postgresql.rows(OFFICE)


@pytest.fixture
def stage(
    backend: str,
    request: pytest.FixtureRequest,
    *,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    played: dict[tuple[str, Story], Left],
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Story], Office]:
    """Make an office as a story leaves it, on each of the two databases.

    A story is played once in a run; each test begins with what it left.
    """
    server = request.getfixturevalue("postgresql") if backend == POSTGRESQL else None

    def begin(left: Left, folder: Path) -> str:
        if isinstance(left, Rows):
            assert server is not None
            server.fill(OFFICE, left)
            return str(server.url(OFFICE))
        (folder / "mailer.sqlite3").write_bytes(left)
        return f"sqlite:///{folder / 'mailer.sqlite3'}"

    def nothing() -> Left:
        if server is not None:
            rows: Rows = request.getfixturevalue("nothing_yet")
            return rows
        template: Path = request.getfixturevalue("sqlite_template")
        return template.read_bytes()

    def play(story: Story) -> Left:
        folder = tmp_path_factory.mktemp("story")
        office = Office(folder, begin(nothing(), folder), in_silence)
        with pytest.MonkeyPatch.context() as patch:
            office.settle(patch)
            story(office)
        if server is not None:
            left: Left = server.rows(OFFICE)
            return left
        return (folder / "mailer.sqlite3").read_bytes()

    def make(story: Story) -> Office:
        if (backend, story) not in played:
            played[backend, story] = play(story)
        office = Office(tmp_path / "office", begin(played[backend, story], tmp_path), run)
        office.settle(monkeypatch)
        return office

    return make


def with_nothing(office: Office) -> None:
    """Leave it as it is."""


def with_a_list(office: Office) -> None:
    """Add list “meetings”, by the clock of Brussels."""
    office.ok(
        "list", "add", "meetings", "--name", "Meeting news", "--from", "news@example.org",
        "--timezone", "Europe/Brussels",
    )  # fmt: skip


@pytest.fixture
def office(stage: Callable[[Story], Office]) -> Office:
    """Give an installation without a list."""
    return stage(with_nothing)


@pytest.fixture
def meetings(stage: Callable[[Story], Office]) -> Office:
    """Give an office with list “meetings”."""
    return stage(with_a_list)


# ------------------------------------------------------------------------- shared by a module


@pytest.fixture(scope="module", params=[SQLITE, POSTGRESQL])
def shared_url(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    fresh_names: Callable[[], str],
) -> Iterator[str]:
    """Give the URL of a database for tests that leave it as it is, once on each of the two."""
    if request.param == SQLITE:
        file = tmp_path_factory.mktemp("shared") / "mailer.sqlite3"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    server: Postgres = request.getfixturevalue("postgresql")
    name = fresh_names()
    yield server.create(name, template=request.getfixturevalue("postgresql_template"))
    server.drop(name)


@pytest.fixture(scope="module")
def filled(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Give an office with list “meetings”, a subscriber, item 1, and digest 1, a draft."""
    office = Office(tmp_path_factory.mktemp("office"), shared_url, in_silence)
    with pytest.MonkeyPatch.context() as monkeypatch:
        office.settle(monkeypatch)
        with_a_list(office)
        office.ok(
            "subscriber", "add", "meetings", "kim@example.org", "--confirmed", "--basis", "asked"
        )
        office.ok("item", "add", office.file("item.md", "---\ntitle: One\n---\nText.\n"))
        office.ok("digest", "draft", "meetings", "--subject", "News", "--item", 1)
    return office


def in_silence(*arguments: object) -> Ended:
    """Run a command before any test begins; what it prints is thrown away."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return Ended(cli.run([str(argument) for argument in arguments]), "", "")


@pytest.fixture
def busy(
    filled: Office, request: pytest.FixtureRequest, run: Run, monkeypatch: pytest.MonkeyPatch
) -> Office:
    """Give a test the office that its module shares; it must leave it as it was."""
    backend = SQLITE if filled.url.startswith(SQLITE) else POSTGRESQL
    request.node.user_properties.append((PROPERTY, backend))
    office = replace(filled, run=run)
    office.settle(monkeypatch)
    return office
