"""What the box takes: subscriptions a second by one `mailer serve`, each with its letter.

    python benchmarks/box_load.py [--posts 20000] [--connections 32] [--database postgresql://…]

A throw-away installation is served by `mailer serve`, its limits raised by its settings. Distinct
addresses press *subscribe* over connections that stay open; each answer comes after its commit
(`synchronous=FULL`). Counted are answers, and confirmation letters at the final dot of a sink.
CPU is that of `serve` and its worker together. The exit code says whether every letter came.
"""

import argparse
import asyncio
import gc
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from urllib.parse import urlencode
from urllib.request import urlopen

import _bench

from mailer import web, worker

ROOT = _bench.ROOT

WARM_UP = 200
PATIENCE_SECONDS = 300
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure, print, and give the exit code."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with _bench.fast_sink(home) as sink:
            config = _found(home, options.database, sink.port)
            loop = asyncio.Runner(loop_factory=worker.fastest_loop())
            with _served(config) as (process, port), loop as runner:
                return runner.run(_measure(options, process, port, sink.log))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--posts", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--database", help="URL of an empty database instead of SQLite")
    return parser.parse_args()


# ------------------------------------------------------------------------- before


def _found(folder: Path, database: str | None, relay: int) -> Path:
    """Make an installation whose settings go with every process started from here."""
    with web.listen("127.0.0.1", 0) as free:
        port = web.port_of(free)
    settings = {
        "WEB__PORT": str(port),
        # Each post says that it comes from a network of its own, as posts of many readers do.
        "WEB__TRUSTED_PROXIES": "127.0.0.0/8",
        "SMTP__HOST": "127.0.0.1",
        "SMTP__PORT": str(relay),
        "SMTP__SECURITY": "none",
        "SMTP__CONNECTIONS": "4",
        "SUBSCRIBE__LETTERS_PER_HOUR": "10000000",
        "LOG__LEVEL": "error",
    }
    if database:
        settings["DATABASE__URL"] = database
    os.environ.update({f"MAILER_{name}": value for name, value in settings.items()})
    home = folder / "office"
    _mailer("init", str(home))
    config = home / "config.toml"
    sender = ("--name", "Meeting News", "--from", "news@office.example")
    _mailer("--config", str(config), "list", "add", "meetings", *sender)
    return config


def _mailer(*arguments: str) -> None:
    command = [sys.executable, "-m", "mailer", *arguments]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)


@contextmanager
def _served(config: Path) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    command = [sys.executable, "-m", "mailer", "--config", str(config), "serve"]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield process, int(os.environ["MAILER_WEB__PORT"])
    finally:
        process.terminate()
        process.wait(60)


# ------------------------------------------------------------------------- meanwhile


async def _measure(
    options: argparse.Namespace, process: "subprocess.Popen[bytes]", port: int, log: Path
) -> int:
    shown = await asyncio.to_thread(_ready, port)
    await _posts(port, [_post(shown, number) for number in range(-WARM_UP, 0)], 4)
    await _until(log, WARM_UP)
    requests = [_post(shown, number) for number in range(options.posts)]
    gc.freeze()
    before, began, ours = _cpu(process.pid), time.monotonic(), time.process_time()
    await _posts(port, requests, options.connections)
    answered, ours = time.monotonic() - began, time.process_time() - ours
    came = await _until(log, WARM_UP + options.posts) - WARM_UP
    taken, after = time.monotonic() - began, _cpu(process.pid)
    pages, working = (1e6 * (after[who] - before[who]) / options.posts for who in ("", "worker"))
    print(f"answers:  {options.posts / answered:8.0f}/s, {options.posts} in {answered:.1f} s")
    print(f"letters:  {came / taken:8.0f}/s, {came} at the sink after {taken:.1f} s")
    print(f"CPU:      {pages + working:8.0f} µs for each: pages {pages:.0f}, worker {working:.0f}")
    print(f"          {1e6 * ours / options.posts:8.0f} µs for each here, where they are pressed")
    return int(came != options.posts)


def _ready(port: int) -> str:
    """Wait until the pages are there; give the moment that a form of theirs carries."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            with urlopen(f"http://127.0.0.1:{port}/l/meetings", timeout=10) as answer:
                found = re.search(r'name="shown" value="([^"]+)"', answer.read().decode())
            assert found is not None
            time.sleep(3)  # younger forms come from programs
            return found[1]
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the pages are not ready")


async def _posts(port: int, requests: list[bytes], connections: int) -> None:
    """Send all requests, over some connections that stay open."""
    left, loop = iter(requests), asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Line(left), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(line.ended for _, line in opened))


def _post(shown: str, number: int) -> bytes:
    typed = f"reader{number & 0xFFFFFFFF:010}@reader{number % 1000}.example"
    fields = {"address": typed, "action": "subscribe", "shown": shown, "lang": "en", "subject": ""}
    body = urlencode(fields)
    network = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return (
        f"POST /l/meetings HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {network}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


class Line(asyncio.Protocol):
    """A connection to the pages, one request after the other; light, for it shares the machine."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self.requests = requests
        self.ended = asyncio.get_running_loop().create_future()
        self.wanted = 0
        self.came = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)
        self.go_on()

    def connection_lost(self, error: Exception | None) -> None:
        """Say so, if it is not we who hung up."""
        if not self.ended.done():
            self.ended.set_exception(error or ConnectionError("the pages hung up"))

    def data_received(self, data: bytes) -> None:
        """Count what comes; an answer that is whole and good makes room for the next request."""
        if not self.wanted:
            head, _, _ = data.partition(b"\r\n\r\n")
            size = re.search(rb"(?i)content-length: (\d+)", head)
            if not head.startswith(b"HTTP/1.1 200") or size is None:
                self.ended.set_exception(SystemExit(data.decode()))
                self.transport.abort()
                return
            self.wanted = len(head) + 4 + int(size[1])
        self.came += len(data)
        if self.came == self.wanted:
            self.wanted = self.came = 0
            self.go_on()

    def go_on(self) -> None:
        """Send the next request, or hang up after the last."""
        request = next(self.requests, None)
        if request is not None:
            self.transport.write(request)
        elif not self.ended.done():
            self.ended.set_result(None)
            self.transport.close()


async def _until(log: Path, count: int) -> int:
    """Wait until so many letters came, or none comes any more; give how many did."""
    came, since = 0, time.monotonic()
    while time.monotonic() - since < 30:
        now = await asyncio.to_thread(_lines, log)
        if now >= count:
            return now
        if now > came:
            came, since = now, time.monotonic()
        await asyncio.sleep(0.1)
    return came


def _lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def _cpu(parent: int) -> dict[str, float]:
    """Give the seconds of CPU that a process ("") and its children ("worker") have used."""
    found = {"": 0.0, "worker": 0.0}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if parent in {int(stat.parent.name), int(words[1])}:
            who = "" if int(stat.parent.name) == parent else "worker"
            found[who] += (int(words[11]) + int(words[12])) / TICKS
    return found


if __name__ == "__main__":
    raise SystemExit(main())
