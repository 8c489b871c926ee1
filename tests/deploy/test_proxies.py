"""Behind a real nginx and a real Apache, below a path, with the snippets that we ship."""

import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from mailer import files, web
from mailer.check import State, pages
from mailer.clock import FrozenClock
from mailer.db import Database
from tests import outside
from tests.web.conftest import Office, office_with, serving

pytestmark = pytest.mark.gate

KIM = "kim@reader.example"
READER = "127.0.0.2"
"""Where requests come from; the proxy is at 127.0.0.1, as seen from the pages."""

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=seam"
PARTS = (
    b'--seam\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
    b"One-Click\r\n--seam--\r\n"
)
DEPLOY = files.CHECKOUT / "deploy"
NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid;
{user}
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; include {snippet}; }}
}}
"""
APACHE = """
ServerRoot {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
ServerName office.example.org
Listen 127.0.0.1:{port}
User www-data
Group www-data
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
Include {snippet}
"""
MODULES = "/usr/lib/apache2/modules"


@dataclass
class Proxied:
    """An office below `/news/` of another server."""

    office: Office
    port: int

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        line = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=20, source_address=(READER, 0)
        )
        with closing(line):
            line.request(method, path, body=body, headers=headers or {})
            answer = line.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, fields, answer.read()


def nginx(folder: Path, port: int, upstream: int, *, cuts: bool) -> list[str]:
    """Set up an nginx with our snippet; with `cuts`, it takes `/news` off, as many do."""
    program = outside.require("nginx", package="nginx-light")
    pages = f"proxy_pass http://127.0.0.1:{upstream}"
    words = snippet("nginx.conf", "proxy_pass http://127.0.0.1:8080", pages + "/" * cuts)
    (folder / "snippet.conf").write_text(words)
    config = NGINX.format(
        folder=folder,
        port=port,
        snippet=folder / "snippet.conf",
        user="user root;" if os.geteuid() == 0 else "",
    )
    (folder / "nginx.conf").write_text(config)
    return [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", "nginx.conf"]


def apache(folder: Path, port: int, upstream: int) -> list[str]:
    """Set up an Apache with our snippet."""
    program = outside.require("apache2", package="apache2")
    words = snippet("apache.conf", "http://127.0.0.1:8080/", f"http://127.0.0.1:{upstream}/")
    (folder / "snippet.conf").write_text(words)
    config = APACHE.format(
        folder=folder, port=port, snippet=folder / "snippet.conf", modules=MODULES
    )
    (folder / "apache.conf").write_text(config)
    return [program, "-X", "-f", str(folder / "apache.conf")]


def snippet(name: str, before: str, after: str) -> str:
    """Give a file that we ship, with the port of the pages in it changed and nothing else."""
    shipped = (DEPLOY / name).read_text(encoding="utf-8")
    assert before in shipped
    return shipped.replace(before, after)


PROXIES: dict[str, Callable[[Path, int, int], list[str]]] = {
    "nginx, as shipped": partial(nginx, cuts=False),
    "nginx, cutting the path off": partial(nginx, cuts=True),
    "Apache, as shipped": apache,
}


@pytest.fixture(params=PROXIES)
def proxied(
    request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path, clock: FrozenClock
) -> Iterator[Proxied]:
    shutil.copyfile(sqlite_template, tmp_path / "office.sqlite3")
    database = Database(f"sqlite:///{tmp_path / 'office.sqlite3'}")
    port = free_port()
    settings = {
        "base_url": f"http://127.0.0.1:{port}/news/",
        "trusted_proxies": ["127.0.0.1/32"],
    }
    office = office_with(database, clock, tmp_path, web=settings)
    office.add_list()
    sock = web.listen("127.0.0.1", 0)
    command = PROXIES[request.param](tmp_path, port, web.port_of(sock))
    with serving(office.app, sock):
        process = subprocess.Popen(command)
        try:
            wait_for(port)
            yield Proxied(office, port)
        finally:
            process.terminate()
            process.wait(10)
    database.close()


def free_port() -> int:
    with closing(web.listen("127.0.0.1", 0)) as sock:
        return web.port_of(sock)


def wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the proxy does not answer")


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    "kind, body",
    [
        pytest.param(URLENCODED, b"List-Unsubscribe=One-Click", id="urlencoded"),
        pytest.param(MULTIPART, PARTS, id="multipart"),
        pytest.param("", b"", id="empty"),
        pytest.param("garbage/garbage", bytes(range(256)), id="garbage"),
        pytest.param(URLENCODED, b"x" * 2_000_000, id="oversized"),
    ],
)
def test_one_click_leaves(proxied: Proxied, kind: str, body: bytes, slash: str) -> None:
    path = proxied.office.join(KIM)

    status, headers, _ = proxied.ask("POST", path + slash, body, {"Content-Type": kind})

    assert status == 200
    assert "location" not in headers
    assert "set-cookie" not in headers
    assert proxied.office.state(KIM) == "unsubscribed"


def test_mailer_check_tries_one_click_through_the_proxy(proxied: Proxied) -> None:
    app = proxied.office.app
    before = proxied.office.everything()

    found = pages.look(app.links, seconds=20, now=proxied.office.clock.now()).findings

    assert [one.state for one in found] == [State.WARN, State.OK]  # loopback, and it works
    assert "One-click works" in found[1].says
    assert proxied.office.everything() == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_changes_nothing(proxied: Proxied, method: str) -> None:
    paths = [proxied.office.join(KIM), proxied.office.confirm_path(KIM), "/news/l/meetings/"]
    before = proxied.office.everything()

    for path in paths:
        assert proxied.ask(method, path)[0] in {200, 204}

    assert proxied.office.everything() == before


def test_the_pages_find_their_style_and_know_their_reader(proxied: Proxied) -> None:
    form = proxied.office.form("/news/l/meetings")
    proxied.office.clock.move(timedelta(seconds=5))
    _, _, page = proxied.ask("GET", "/news/l/meetings")
    style = page.decode().partition('rel="stylesheet" href="')[2].partition('"')[0]

    assert proxied.ask("GET", style)[0] == 200
    fields = f"address={KIM}&action=subscribe&shown={form['shown']}".encode()
    status, _, _ = proxied.ask(
        "POST",
        "/news/l/meetings",
        fields,
        {"Content-Type": URLENCODED, "X-Forwarded-For": "1.2.3.4"},
    )
    assert status == 200
    assert [ask.network for ask in proxied.office.asks()] == [READER]
