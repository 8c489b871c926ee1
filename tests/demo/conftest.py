"""The demo's office without its processes: an installation that was filled, and its inbox."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from mailer import web
from mailer.app import App
from mailer.clock import FrozenClock
from mailer.demo import inbox, intake, office
from mailer.demo.office import Office
from mailer.demo.postbox import Postbox
from tests.conftest import MOMENT

# Nobody listens there.
BASE = "http://127.0.0.1:1/"
LEAVE = f"{BASE}u/abc"

LETTER = """\
From: Coral Regional Office <news@example.org>
To: {to}
Subject: {subject}
Content-Language: ja
List-Id: Meeting news <meetings.example.org>
List-Unsubscribe: <{leave}>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Feedback-ID: meetings-1:meetings:digest:0123456789ab
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b"

--b
Content-Type: text/plain; charset=utf-8

Plain words
--b
Content-Type: text/html; charset=utf-8

<p>Set words <a href="https://example.org/">out</a> <a href="#item">down</a></p>
--b--
"""


def letter(to: str = "kim@example.org", subject: str = "News", leave: str = LEAVE) -> bytes:
    return LETTER.format(to=to, subject=subject, leave=leave).replace("\n", "\r\n").encode()


@dataclass(frozen=True)
class Furnished:
    """An office that was filled once, in a folder to copy."""

    folder: Path
    office: Office


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Furnished:
    """Fill an office as the demo does; its mail would go to a port where nobody listens."""
    folder = tmp_path_factory.mktemp("furnished")
    with intake.bind() as closed:
        port = closed.getsockname()[1]
    settings = office.found(folder, base_url=BASE, smtp_port=port)
    shutil.copyfile(sqlite_template, folder / "mailer.db")
    with App.open(settings, clock=FrozenClock(MOMENT)) as opened:
        return Furnished(folder, office.fill(opened))


@pytest.fixture
def app(furnished: Furnished, tmp_path: Path, clock: FrozenClock) -> Iterator[App]:
    """Open the demo's office, fresh for this test."""
    folder = tmp_path / "office"
    shutil.copytree(furnished.folder, folder)
    with App.open(folder / office.CONFIG, clock=clock) as opened:
        yield opened


@pytest.fixture
def made(furnished: Furnished) -> Office:
    """Give what the demo remembers of its office."""
    return furnished.office


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@dataclass
class Visitor:
    """Somebody at the demo's port, without a browser."""

    client: TestClient
    postbox: Postbox

    def receives(self, *, times: int = 1, **said: str) -> int:
        """Let messages come in; give the number of the last."""
        for _ in range(times):
            recipient = said.get("to", "kim@example.org")
            self.postbox.put("news@example.org", (recipient,), letter(**said), at=MOMENT)
        return self.postbox.taken

    def sees(self, path: str = "/inbox/") -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200
        return answer.text

    def presses(self, path: str, **headers: str) -> Response:
        return self.client.post(path, headers=headers, follow_redirects=False)


@pytest.fixture
def visitor(app: App, made: Office, postbox: Postbox) -> Visitor:
    both = inbox.beside(inbox.create(app, made, postbox), web.create(app))
    return Visitor(TestClient(both, base_url=BASE), postbox)
