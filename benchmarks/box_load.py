"""What the box takes: subscriptions a second by one `mailer serve`, each with its letter.

    python benchmarks/box_load.py [--posts 20000] [--connections 32] [--database postgresql://…]

A throw-away installation is served by `mailer serve`, its limits raised by its settings. Distinct
addresses press *subscribe* over connections that stay open; each answer comes after its commit
(`synchronous=FULL`). Counted are answers, and confirmation letters at the final dot of a sink.
CPU is that of `serve` and its worker together. The exit code says whether every letter came.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import _bench

from mailer import web

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
            with _served(config) as (process, port):
                return asyncio.run(_measure(options, process, port, sink.log))


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
    shown = await _ready(port)
    await _posts(port, shown, range(-WARM_UP, 0), 4)
    await _until(log, WARM_UP)
    before, began = _cpu(process.pid), time.monotonic()
    await _posts(port, shown, range(options.posts), options.connections)
    answered = time.monotonic() - began
    came = await _until(log, WARM_UP + options.posts) - WARM_UP
    taken, cpu = time.monotonic() - began, _cpu(process.pid) - before
    print(f"answers:  {options.posts / answered:8.0f}/s, {options.posts} in {answered:.1f} s")
    print(f"letters:  {came / taken:8.0f}/s, {came} at the sink after {taken:.1f} s")
    print(f"CPU:      {cpu / options.posts * 1e6:8.0f} µs for each, pages and worker together")
    return int(came != options.posts)


async def _ready(port: int) -> str:
    """Wait until the pages are there; give the moment that a form of theirs carries."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            line = await Line.open(port)
            page = await line.ask(b"GET /l/meetings HTTP/1.1\r\nHost: localhost\r\n\r\n")
            found = re.search(rb'name="shown" value="([^"]+)"', page)
            assert found is not None
            await asyncio.sleep(3)  # younger forms come from programs
            return found[1].decode()
        except OSError:
            await asyncio.sleep(0.2)
    raise SystemExit("the pages are not ready")


async def _posts(port: int, shown: str, numbers: range, connections: int) -> None:
    """Post once for each number, over some connections that stay open."""
    left = iter(numbers)

    async def some() -> None:
        line = await Line.open(port)
        for number in left:
            await line.ask(_post(shown, number))

    await asyncio.gather(*(some() for _ in range(connections)))


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


class Line:
    """One connection to the pages, one question after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Line":
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> bytes:
        """Give the body of a good answer."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        size = re.search(rb"(?i)content-length: (\d+)", head)
        assert size is not None
        body = await self.reader.readexactly(int(size[1]))
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode())
        return body


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


def _cpu(parent: int) -> float:
    """Give the seconds of CPU that a process and its children have used."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if parent in {int(stat.parent.name), int(words[1])}:
            total += int(words[11]) + int(words[12])
    return total / TICKS


if __name__ == "__main__":
    raise SystemExit(main())
