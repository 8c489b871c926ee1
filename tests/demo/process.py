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
STOP_SECONDS = 20


@dataclass
class Demo:
    """A demo at work. What it makes, it makes below `temporary`."""

    process: "subprocess.Popen[str]"
    temporary: Path
    said: str = ""

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
        """Read what is printed, up to a line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if until in line:
                return
        raise AssertionError(f"the demo ended with {self.process.wait()}:\n{self.said}")

    def stop(self, name: signal.Signals = signal.SIGTERM) -> float:
        """Send a signal and wait for the end; give the seconds it took."""
        begin = time.monotonic()
        self.process.send_signal(name)
        assert self.process.stdout is not None
        self.said += self.process.stdout.read()
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
    temporary.mkdir(exist_ok=True)
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONUTF8": "1", **environment},
    ) as process:
        try:
            yield Demo(process, temporary)
        finally:
            process.kill()


def _line(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""
