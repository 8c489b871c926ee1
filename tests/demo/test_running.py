import signal
import socket
import time
from pathlib import Path

import pytest

from mailer.demo import running, telling
from mailer.errors import ConfigError
from tests.demo.process import demo

SOON_SECONDS = 8

pytestmark = pytest.mark.timeout(120)


# ------------------------------------------------------------------ the port


def test_a_port_that_is_taken_is_named_and_the_next_one_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]

        with running.listen(taken) as sock:
            found = sock.getsockname()[1]

    assert taken < found < taken + running.MOST_PORTS
    assert f"Another program has port {taken}: this is on port {found}." in capsys.readouterr().err


def test_when_no_port_is_left_the_command_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_PORTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]

        with pytest.raises(ConfigError, match=f"port {taken} and those after it are taken"):
            running.listen(taken)


def test_the_pages_are_on_loopback_only() -> None:
    with running.listen(0) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"


# ------------------------------------------------------------------ the command that is printed


@pytest.mark.parametrize(
    "called,said",
    [
        ("{here}/.venv/bin/mailer", ".venv/bin/mailer"),
        ("/opt/mail room/bin/mailer", "'/opt/mail room/bin/mailer'"),
        ("{path}/mailer", "mailer"),
    ],
    ids=["below this folder", "elsewhere", "on the path"],
)
def test_commands_are_printed_as_they_can_be_typed(
    called: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, path = tmp_path / "here", tmp_path / "path"
    for folder in (here, path):
        folder.mkdir()
    (path / "mailer").touch(mode=0o755)
    monkeypatch.chdir(here)
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setattr("sys.argv", [called.format(here=here, path=path)])

    assert telling.command() == said


# ------------------------------------------------------------------ the process


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGHUP])
def test_a_stop_ends_everything_and_leaves_nothing(tmp_path: Path, stop: signal.Signals) -> None:
    with demo(tmp_path / "tmp", "--port", "0") as running_demo:
        running_demo.wait()
        assert running_demo.workers()

        seconds = running_demo.stop(stop)

        assert running_demo.process.returncode == 0
        assert running_demo.workers() == []
        assert list(running_demo.temporary.iterdir()) == []
        assert seconds < SOON_SECONDS


def test_a_stop_before_anything_is_to_be_seen_leaves_nothing_either(tmp_path: Path) -> None:
    with demo(tmp_path / "tmp", "--port", "0") as running_demo:
        running_demo.wait("Making an office")

        running_demo.stop(signal.SIGINT)

        assert running_demo.process.returncode == 0
        assert running_demo.workers() == []
        assert list(running_demo.temporary.iterdir()) == []


def test_the_worker_does_not_outlive_a_demo_that_was_killed(tmp_path: Path) -> None:
    with demo(tmp_path / "tmp", "--port", "0") as running_demo:
        running_demo.wait()

        running_demo.process.kill()

        until = time.monotonic() + SOON_SECONDS
        while running_demo.workers() and time.monotonic() < until:
            time.sleep(0.1)
        assert running_demo.workers() == []


def test_settings_of_another_installation_do_not_count(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    environment = {
        "MAILER_DATABASE__URL": f"sqlite:///{other}",
        "MAILER_SMTP__HOST": "relay.example.org",
        "MAILER_TOKENS__KEYS_FILE": "/nowhere",
    }

    with demo(tmp_path / "tmp", "--port", "0", **environment) as running_demo:
        running_demo.wait()
        said = running_demo.said

    assert not other.exists()
    assert "30 taken by the relay" in said
    assert "do not count for the demo" in said
