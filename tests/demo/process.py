"""The real command, in a process of its own: started, read until it says where to look, stopped."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY = "Ctrl-C ends the demo"
START_SECONDS = 60
STOP_SECONDS = 20


@dataclass
class Demo:
    """A demo at work. What it makes, it makes below `temporary`; what it says is in `log`."""

    process: "subprocess.Popen[bytes]"
    temporary: Path
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    @property
    def base(self) -> str:
        """Give where the readers' pages are."""
        found = re.search(r"http://127\.0\.0\.1:\d+/", self.said)
        assert found is not None, self.said
        return found[0]

    @property
    def inbox(self) -> str:
        return f"{self.base}inbox/"

    @property
    def config(self) -> Path:
        found = re.search(r"--config (\S+)", self.said)
        assert found is not None, self.said
        return Path(found[1])

    def wait(self, until: str = READY) -> None:
        """Wait until something is said."""
        end = time.monotonic() + START_SECONDS
        while until not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            time.sleep(0.05)

    def stop(self, name: signal.Signals = signal.SIGTERM) -> float:
        """Send a signal and wait for the end; give the seconds it took."""
        begin = time.monotonic()
        self.process.send_signal(name)
        self.process.wait(STOP_SECONDS)
        return time.monotonic() - begin

    def workers(self) -> list[int]:
        """Give the processes that work for this demo, whoever their parent is by now."""
        here = str(self.temporary).encode()
        lines = {
            int(path.parent.name): _line(path) for path in Path("/proc").glob("[0-9]*/cmdline")
        }
        return [pid for pid, line in lines.items() if here in line and b"worker" in line]


@contextmanager
def demo(temporary: Path, *arguments: str, **environment: str) -> Iterator[Demo]:
    """Start `mailer demo`; whatever happens in the block, nothing of it stays at work."""
    command = [sys.executable, "-m", "mailer", "demo", *arguments]
    around = {**os.environ, "TMPDIR": str(temporary), "PYTHONUTF8": "1", **environment}
    temporary.mkdir(exist_ok=True)
    log = temporary.with_suffix(".log")
    # Into a file and not a pipe: one that nobody reads would fill up and hold the demo.
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=around) as process,
    ):
        try:
            yield Demo(process, temporary, log)
        finally:
            process.kill()


def _line(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""
