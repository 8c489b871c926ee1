"""A real time server on loopback (SNTP), which errs as a test says.

with TimeServer() as server:
    server.ahead = timedelta(minutes=10)
    …                                    # ask server.address
"""

import socket
import struct
import threading
import time
from datetime import timedelta
from types import TracebackType
from typing import Self

TO_1900 = 2_208_988_800
"""Seconds from the epoch of NTP to that of this machine."""


class TimeServer:
    """Answers in a thread; `silent` questions first get no answer at all."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.stratum = 2
        self.leap = 0
        self.word = b"LOCL"
        self.repeats = True
        self.silent = 0
        self.asked: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> str:
        """Give where it listens, as the settings name it."""
        return f"127.0.0.1:{self._line.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._line.bind(("127.0.0.1", 0))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.sendto(b"", self._line.getsockname())
        self._thread.join(5)
        self._line.close()

    def _serve(self) -> None:
        while True:
            question, sender = self._line.recvfrom(1024)
            if not question:
                return
            self.asked.append(question)
            if self.silent:
                self.silent -= 1
            else:
                self._line.sendto(self._answer(question), sender)

    def _answer(self, question: bytes) -> bytes:
        now = time.time() + self.ahead.total_seconds() + TO_1900
        stamp = struct.pack("!II", int(now) & 0xFFFFFFFF, int(now % 1 * 2**32))
        head = bytes([self.leap << 6 | 4 << 3 | 4, self.stratum, 6, 0xEC]) + bytes(8)
        origin = question[40:48] if self.repeats else bytes(8)
        return head + self.word + stamp + origin + stamp + stamp
