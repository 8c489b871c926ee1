"""An office at the command line: an installation, and the real command run in this process."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mailer import cli, tokens


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


@pytest.fixture
def office(
    tmp_path: Path, migrated_database_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> Office:
    """Give an installation without a list, on each of the two databases."""
    folder = tmp_path / "office"
    folder.mkdir()
    config = folder / "config.toml"
    config.write_text(
        '[organisation]\nname = "Office"\npostal_address = "1 Harbour Road, Suva"\n'
        '[web]\nbase_url = "https://news.example.org/"\n'
        f'[tokens]\nkeys = ["{tokens.new_key()}"]\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("MAILER_CONFIG", str(config))
    monkeypatch.setenv("MAILER_DATABASE__URL", migrated_database_url)
    return Office(folder, migrated_database_url, run)


@pytest.fixture
def meetings(office: Office) -> Office:
    """Give an office with one list, “meetings”, by the clock of Brussels."""
    office.ok(
        "list", "add", "meetings", "--name", "Meeting news", "--from", "news@example.org",
        "--timezone", "Europe/Brussels",
    )  # fmt: skip
    return office
