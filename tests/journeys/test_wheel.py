"""From a wheel: no checkout in reach, nothing of the installation writable, two languages."""

import os
import pwd
import subprocess
import venv
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests import wheel
from tests.journeys.office import Office
from tests.smtp_server import SmtpServer, Taken

pytestmark = pytest.mark.gate

NEWS = "---\ntitle: Laboratories compare notes\nstarts: 2027-03-01\nplace: Suva\n---\nTwo days.\n"


@pytest.mark.timeout(600)
def test_a_wheel_alone_subscribes_and_sends_in_two_languages(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Given a wheel, built from a copy of the sources that is then gone
    python = _installed(tmp_path, wheel.built(tmp_path_factory))
    office = Office(
        tmp_path / "elsewhere" / "office", program=(*_as_nobody(), python, "-m", "mailer")
    )
    office.cwd = _for_everybody(tmp_path / "elsewhere")

    # When an owner with a template of their own sets up a list in two languages and sends
    with SmtpServer() as server:
        office.found(smtp__port=str(server.port), smtp__security="none", templates__folder="own")
        own = office.folder / "own" / "mail" / "digest"
        own.mkdir(parents=True)
        (own / "subject.txt").write_text("[Ours] {{ digest.subject }}\n")
        office.run("list", "add", "news", "--name", "News", "--from", "news@example.org")
        office.run("list", "edit", "news", "--languages", "en,ja")
        for address, language in (("kim@example.org", "en"), ("sato@example.org", "ja")):
            office.run(
                "subscriber", "add", "news", address, "--language", language,
                "--confirmed", "--basis", "asked at the meeting",
            )  # fmt: skip
        item = office.run("item", "add", _written(tmp_path)).strip()
        office.run("digest", "draft", "news", "--subject", "Meetings", "--item", item)
        office.run("digest", "text", "1", "--language", "ja", "--subject", "会合")
        office.run("digest", "queue", "1")
        office.run("subscriber", "add", "news", "ines@example.org")
        office.run("worker", "--once")

        # Then everybody has theirs, in their language, by the owner's template
        server.wait_for(3, seconds=20)
        mail = {message.recipients[0]: _read(message) for message in server.messages}
        assert mail["kim@example.org"] == ("[Ours] Meetings", "en")
        assert mail["sato@example.org"] == ("[Ours] 会合", "ja")
        assert "ines@example.org" in mail
        assert office.json("digest", "status", "1")["sent"] == 2


def _installed(tmp_path: Path, built: Path) -> str:
    """Install the wheel in an environment of its own, and make it read-only."""
    home = tmp_path / "venv"
    venv.create(home)
    python = str(home / "bin" / "python")
    wheel.install(built, python)
    subprocess.run(["chmod", "-R", "a-w,a+rX", home], check=True)
    return python


def _as_nobody() -> tuple[str, ...]:
    """Give what makes a command run without root's rights, for which nothing is read-only."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "env", "HOME=/tmp")


def _for_everybody(folder: Path) -> Path:
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        for above in (folder, *folder.parents):
            if above != Path("/"):
                above.chmod(above.stat().st_mode | 0o711)
    return folder


def _written(tmp_path: Path) -> Path:
    path = tmp_path / "news.md"
    path.write_text(NEWS)
    path.chmod(0o644)
    return path


def _read(message: Taken) -> tuple[str, str]:
    found = message_from_bytes(message.content, policy=policy.default)
    return str(found["Subject"]), str(found["Content-Language"])
