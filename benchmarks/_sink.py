"""A relay that takes everything, and writes down each recipient at the final dot.

    python benchmarks/_sink.py LOG [--wait MS] [--hold] [--close-after N] [--tls FILE]

It prints its port. LOG gets a line for each message: when its dot came (microseconds), for whom,
how many bytes, on which connection. What is in LOG was taken, whatever the sender came to know
of it.

--wait         milliseconds between the dot and the 250
--hold         after a line on the standard input no dot is answered, until a connection that
               waits for its answer is lost; a line is printed when the first one waits
--close-after  messages after which a connection is closed without a word
--tls          a certificate and its key: TLS from the first byte on
"""

import argparse
import asyncio
import os
import ssl
import sys
import time
from pathlib import Path
from typing import cast

try:
    import uvloop
except ImportError:
    uvloop = None

END = b"\r\n.\r\n"


class Sink:
    """What all connections share: the log, the count, and what is held."""

    def __init__(self, log: Path, *, wait: float, close_after: int) -> None:
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.wait = wait
        self.close_after = close_after
        self.shall_hold = False
        self.is_holding = False
        self.taken = 0
        self.connections = 0

    def take(self, recipient: str, size: int, connection: int) -> None:
        """Write down a message whose dot has come; begin to hold if that was asked."""
        self.taken += 1
        line = f"{time.time_ns() // 1000} {recipient} {size} {connection}\n"
        os.write(self.log, line.encode())
        if self.shall_hold:
            self.shall_hold, self.is_holding = False, True
            say(f"held {self.taken}")

    def release(self) -> None:
        """Answer dots again."""
        self.is_holding = False

    def hear(self) -> None:
        """Take a line of the standard input."""
        if sys.stdin.readline():
            self.shall_hold = True
        else:
            asyncio.get_running_loop().remove_reader(sys.stdin)


class Session(asyncio.Protocol):
    """One connection's conversation; answers in the order in which it was asked."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        sink.connections += 1
        self.number = sink.connections
        self.buffer = b""
        self.recipient = ""
        self.in_message = False
        self.taken = 0
        self.is_held = False
        self.is_waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport for TLS is one in all but name.
        self.transport = cast("asyncio.Transport", transport)
        self.answer("220 sink ESMTP")

    def connection_lost(self, _error: Exception | None) -> None:
        if self.is_held:
            self.sink.release()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.go_on()

    def go_on(self) -> None:
        """Take what has come, but nothing behind a dot before that is answered."""
        while not (self.is_held or self.is_waiting):
            if not (self.message() if self.in_message else self.command()):
                return

    def message(self) -> bool:
        """Take a whole message out of what came; False when it is not whole yet."""
        end = self.buffer.find(END)
        if end < 0:
            return False
        self.buffer, self.in_message = self.buffer[end + len(END) :], False
        self.taken += 1
        self.sink.take(self.recipient, end + 2, self.number)
        if self.sink.is_holding:
            self.is_held = True
        elif self.sink.wait:
            self.is_waiting = True
            asyncio.get_running_loop().call_later(self.sink.wait, self.accept)
        else:
            self.accept()
        return True

    def accept(self) -> None:
        was_waiting, self.is_waiting = self.is_waiting, False
        self.answer("250 2.0.0 taken")
        if self.taken == self.sink.close_after:
            self.transport.close()
        elif was_waiting:
            self.go_on()

    def command(self) -> bool:
        """Answer one line of what came; False when there is none."""
        line, end, rest = self.buffer.partition(b"\r\n")
        if not end:
            return False
        self.buffer = rest
        verb = line[:4].upper()
        if verb == b"EHLO":
            self.answer("250-sink\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250 PIPELINING")
        elif verb == b"RCPT":
            self.recipient = line.partition(b"<")[2].partition(b">")[0].decode()
            self.answer("250 2.1.5 ok")
        elif verb == b"DATA":
            self.in_message = True
            self.answer("354 go ahead")
        elif verb == b"QUIT":
            self.answer("221 2.0.0 bye")
            self.transport.close()
        else:
            self.answer("250 2.0.0 ok")
        return True

    def answer(self, reply: str) -> None:
        if not self.transport.is_closing():
            self.transport.write(f"{reply}\r\n".encode())


def say(line: str) -> None:
    """Tell whoever started the sink."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def serve(sink: Sink, tls: ssl.SSLContext | None, *, may_hold: bool) -> None:
    """Take mail on a free port of this machine until the process ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(sink), "127.0.0.1", 0, ssl=tls)
    if may_hold:
        loop.add_reader(sys.stdin, sink.hear)
    say(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


def main() -> None:
    """Read what was typed, and serve."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("log", type=Path)
    parser.add_argument("--wait", type=float, default=0, metavar="MS")
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--close-after", type=int, default=0, metavar="N")
    parser.add_argument("--tls", type=Path, metavar="FILE")
    options = parser.parse_args()
    tls = None
    if options.tls:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.tls)
    sink = Sink(options.log, wait=options.wait / 1000, close_after=options.close_after)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if uvloop else None) as runner:
        runner.run(serve(sink, tls, may_hold=options.hold))


if __name__ == "__main__":
    main()
