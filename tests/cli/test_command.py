"""What stands above all commands: help, global options, exit codes, output, the way out."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mailer import __version__, cli
from mailer.cli import endings
from mailer.db.schema import SuppressionReason
from mailer.errors import (
    ConfigError,
    MailerError,
    NotFound,
    Refused,
    TemplateInvalid,
    TooLarge,
    UsageError,
)
from tests.backends import SQLITE
from tests.cli.conftest import Office, Run

MAILER = [sys.executable, "-m", "mailer"]
HEAVY = ("sqlalchemy", "sqlmodel", "alembic", "starlette", "pydantic", "mailer.app")
FOR_SENDING = ("mailer.delivery", "mailer.rendering", "jinja2", "markdown_it", "aiosmtplib")
FOR_OTHERS = ("alembic", "starlette", "uvicorn", "apscheduler", "PIL", "icalendar", "openpyxl")


@pytest.fixture
def backend() -> str:
    """Run each test once: what stands above the commands is the same on both databases."""
    return SQLITE


def mailer(*arguments: object, **changes: str) -> "subprocess.CompletedProcess[str]":
    """Run the real command in a process of its own."""
    return subprocess.run(
        [*MAILER, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **changes},
        timeout=50,
        check=False,
    )


# ------------------------------------------------------------------------- help and version


def test_help_names_every_noun(run: Run) -> None:
    ended = run("--help")

    assert ended.code == 0
    for name in (
        "init", "serve", "worker", "demo", "status",
        "list", "subscriber", "item", "digest", "route", "suppression",
    ):  # fmt: skip
        assert name in ended.out


def loaded(names: tuple[str, ...], *arguments: str) -> list[str]:
    """Run a command in a fresh process; give which of these modules it has imported."""
    story = (
        f"import sys; from mailer import cli; code = cli.run({arguments!r});"
        f"print(*(name for name in {names!r} if name in sys.modules), file=sys.stderr);"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", story], capture_output=True, text=True, check=True)
    return done.stderr.splitlines()[-1].split()


def test_help_loads_nothing_of_what_does_the_work() -> None:
    assert loaded(HEAVY, "--help") == []


@pytest.mark.parametrize(
    "arguments",
    [("list", "show"), ("subscriber", "show", "kim@example.org"), ("suppression", "list")],
)
def test_a_command_that_only_looks_loads_nothing_of_what_sends(
    meetings: Office, arguments: tuple[str, ...]
) -> None:
    meetings.ok(
        "subscriber", "add", "meetings", "kim@example.org", "--confirmed", "--basis", "by mail"
    )

    assert loaded((*FOR_SENDING, *FOR_OTHERS), *arguments) == []


def test_the_version_is_printed(run: Run) -> None:
    ended = run("--version")

    assert (ended.code, ended.out) == (0, f"mailer {__version__}\n")


# ------------------------------------------------------------------------- where the settings are


def test_without_settings_the_way_to_some_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    ended = run("list", "show")

    assert ended.code == 1
    assert "“mailer init DIR”" in ended.error
    assert not list(tmp_path.iterdir())


def test_settings_named_by_a_flag_go_before_the_environment(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_CONFIG", "/nowhere/config.toml")

    assert office.run("list", "show").code == 1
    assert office.run("--config", office.config, "list", "show").code == 0


def test_settings_in_this_folder_need_no_name(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAILER_CONFIG")
    monkeypatch.chdir(office.folder)

    assert office.run("list", "show").code == 0


# ------------------------------------------------------------------------- exit codes


@pytest.mark.parametrize(
    "error, code",
    [
        (UsageError("x"), 2),
        (TemplateInvalid("t", 3, "x"), 2),
        (NotFound("list", "x"), 3),
        (Refused("x"), 4),
        (TooLarge("x"), 4),
        (ConfigError(["x"]), 1),
        (MailerError("x"), 1),
        (PermissionError(13, "Permission denied", "/x"), 1),
        (KeyError("x"), None),
    ],
)
def test_an_error_ends_with_the_code_of_its_nearest_class(
    error: Exception, code: int | None
) -> None:
    assert endings.exit_code(error) == code


@pytest.mark.parametrize(
    "arguments, why",
    [
        (["lists"], "no such command 'lists'. Did you mean 'list'?"),
        (["list", "shwo"], "no such command 'shwo'. Did you mean 'show'?"),
        (["list", "show", "--jsn"], "no such option: --jsn"),
        (["list", "add", "x", "--from", "a@example.org"], "missing option '--name'"),
        (["digest", "show", "first"], "invalid value for 'ID'"),
        (["digest", "queue"], "missing argument 'ID'"),
        (["worker", "--processes", "0"], "invalid value for '--processes'"),
    ],
)
def test_what_cannot_be_read_ends_with_2_and_one_line(
    run: Run, arguments: list[str], why: str
) -> None:
    ended = run(*arguments)

    assert ended.code == 2
    assert why in ended.error
    assert "--help”" in ended.error


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("mailer.lists.cards", fail)


def test_a_mistake_of_ours_is_one_line_and_asks_for_a_report(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, KeyError("surprise"))

    ended = office.run("list", "show")

    assert ended.code == 1
    assert "(KeyError: 'surprise')" in ended.error
    assert "report" in ended.error
    assert "Traceback" not in ended.err


def test_with_v_a_mistake_of_ours_comes_with_its_traceback(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, KeyError("surprise"))

    ended = office.run("-v", "list", "show")

    assert ended.code == 1
    assert "Traceback" in ended.err


def test_ctrl_c_ends_with_130(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyboardInterrupt())

    assert office.run("list", "show").code == 130


def test_a_file_that_cannot_be_written_is_named(meetings: Office) -> None:
    words = meetings.file("words.md", "Hello.")
    meetings.ok("digest", "draft", "meetings", "--subject", "S", "--introduction", words)

    ended = meetings.run("digest", "preview", 1, "--out", words)

    assert ended.code == 1
    assert ended.error == f"{words}: File exists"


# ------------------------------------------------------------------------- output


def many_suppressions(office: Office) -> None:
    from mailer import subscribers
    from mailer.app import App

    with App.open(office.config) as app, app.database.writing() as session:
        for number in range(2000):
            key = f"reader{number}@example.org"
            reason = SuppressionReason.EDITOR
            subscribers.suppress(session, key, reason, now=app.clock.now())


def test_a_reader_of_our_output_may_go_early(office: Office) -> None:
    many_suppressions(office)
    command = " ".join([*MAILER, "suppression", "list"])

    done = subprocess.run(
        ["bash", "-c", f"{command} | head -n 1"], capture_output=True, text=True, check=False
    )

    assert done.stdout.split() == ["address", "list", "reason", "since", "note"]
    assert done.stderr == ""


def test_there_is_no_colour_where_nobody_looks(meetings: Office) -> None:
    done = mailer("list", "show")

    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("no_color, coloured", [("", True), ("1", False)])
def test_at_a_terminal_heads_are_bold_unless_colour_is_not_wanted(
    meetings: Office, no_color: str, coloured: bool
) -> None:
    shown = at_a_terminal("list", "show", NO_COLOR=no_color, TERM="xterm")

    assert ("\x1b[1m" in shown) is coloured
    assert "Meeting news" in shown


@pytest.mark.parametrize("option, moving", [("--dry-run", True), ("--json", False)])
def test_long_work_shows_a_bar_at_a_terminal_alone(
    meetings: Office, option: str, moving: bool
) -> None:
    people = meetings.file("people.csv", "email\nkim@example.org\n")

    command = ("subscriber", "import", "meetings", str(people), option)
    shown, piped = at_a_terminal(*command, TERM="xterm"), mailer(*command)

    assert ("importing" in shown) is moving
    assert "importing" not in piped.stderr


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["list", "show"], 0),
        (["subscriber", "add", "meetings", "nobody"], 2),
        (["digest", "show", "7"], 3),
        (["route", "resume", "smtp"], 4),
        (["--config", "/nowhere/config.toml", "list", "show"], 1),
    ],
)
def test_a_process_ends_with_the_code_of_its_command(
    meetings: Office, arguments: list[str], code: int
) -> None:
    done = mailer(*arguments)

    assert done.returncode == code
    if code:
        assert done.stdout == ""
        assert done.stderr.startswith("error: ")
        assert len(done.stderr.splitlines()) == 1


def at_a_terminal(*arguments: str, **changes: str) -> str:
    """Run the real command at a terminal; give all that it showed."""
    import pty

    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*MAILER, *arguments],
        stdout=slave,
        stderr=slave,
        stdin=slave,
        env={**os.environ, **{key: value for key, value in changes.items() if value}},
    )
    os.close(slave)
    shown = read_all(lambda: os.read(master, 1 << 16))
    process.wait(30)
    os.close(master)
    return shown


def read_all(read: Callable[[], bytes]) -> str:
    pieces = []
    while True:
        try:
            piece = read()
        except OSError:  # Linux: the other side of the terminal is closed
            break
        if not piece:
            break
        pieces.append(piece)
    return b"".join(pieces).decode()


def test_letters_that_a_terminal_lacks_do_not_stop_a_command(meetings: Office) -> None:
    meetings.ok("list", "edit", "meetings", "--name", "会議")

    done = mailer("list", "show", PYTHONIOENCODING="ascii")

    assert done.returncode == 0
    assert "\\u4f1a\\u8b70" in done.stdout


def test_the_face_of_the_package_is_one_command() -> None:
    assert set(cli.__all__) == {"main", "run"}


def test_completion_knows_the_commands_of_a_noun() -> None:
    done = mailer(_MAILER_COMPLETE="complete_bash", COMP_WORDS="mailer digest pre", COMP_CWORD="2")

    assert done.stdout.split() == ["preview"]
