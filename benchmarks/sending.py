"""How fast does a digest leave, whole path, beside Postfix's own load generator? Here it is told.

    python benchmarks/sending.py [--recipients 100000] [--runs 3] [--connections 10]
        [--database sqlite|postgresql|URL] [--processes 1] [--wait MS]
        [--dkim rsa|both] [--tls] [--naive 2000] [--no-source]

Each run, in turn and on a sink of the same kind: Postfix's smtp-source with a fixed message of
the same size, then `mailer worker` with a digest of about 20 KB and 15 links, a personal name,
a link to leave in header and body, a signed return path, and the ledger in the database. With
`--naive N`, also N messages the way a first version would send them: a row of the ORM, an
EmailMessage, `send_message`, a commit, one after the other.

`--dkim` signs with RSA-2048, or also with Ed25519. `--tls` sends to a sink that speaks TLS and
is slower (it is Python): compare with what no TLS gives on another day of the same sink.

The rate is what the sink saw between the first and the last dot; processor time is the whole
process's, with its start. Needs a C compiler and smtp-source (Debian: gcc, postfix).
"""

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import _bench
import aiosmtplib
from _bench import Cost, Sink, Span, Table, median
from sqlalchemy import select
from sqlmodel import Session, col

from mailer import dkim, ledger, scheduler
from mailer.db.schema import Delivery, DeliveryState, DigestState, DkimAlgorithm
from tests.installation import SENDER, Installation, wait_for
from tests.smtp_server import certificate

ITEMS = 5
LINKS = 3
BODY = (
    "The working group met for two days and agreed on the next steps. Delegates from "
    "fourteen offices took part, and the chair thanked the hosts for their hospitality. "
)
PATIENCE_SECONDS = 3600
ALGORITHMS = {
    "none": (),
    "rsa": (DkimAlgorithm.RSA,),
    "both": (DkimAlgorithm.RSA, DkimAlgorithm.ED25519),
}


@dataclass(frozen=True)
class Sent:
    """One run: what the sink saw, and what it cost."""

    span: Span
    cost: Cost

    @property
    def cpu_each(self) -> float:
        """Processor time for a message, in microseconds."""
        return self.cost.cpu / max(self.span.messages, 1) * 1e6


def main() -> int:
    """Run in turn, print, and give the exit code."""
    options = _options()
    ours: list[Sent] = []
    sources: list[Span] = []
    naive: list[Sent] = []
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            ours.append(whole_path(folder, options))
            size = ours[-1].span.bytes_each
            if options.source:
                sources.append(source(folder, size, options))
            if options.naive:
                naive.append(one_by_one(folder, options))
        _show_run(ours[-1], sources[-1:], naive[-1:])
    _show(options, ours, sources, naive)
    return 0


def whole_path(folder: Path, options: argparse.Namespace) -> Sent:
    """Queue a digest for everybody and let workers send it."""
    with _sink(folder, options) as sink, _bench.database(options.database, folder) as url:
        office = _bench.office(folder, url, sink, smtp=_smtp(options))
        _bench.fill(office, options.recipients)
        for algorithm in ALGORITHMS[options.dkim]:
            office.app.database.write(_sign, office, algorithm)
        digest = a_digest(office)
        scheduler.promote(office.app)
        cost = _work(office, digest, options.processes)
        sink.finish()
        span = Span.of(sink)
        _check(office, digest, span, options.recipients)
        office.close()
    return Sent(span, cost)


def _sink(folder: Path, options: argparse.Namespace) -> AbstractContextManager[Sink]:
    return (
        _bench.tls_sink(folder) if options.tls else _bench.fast_sink(folder, wait_ms=options.wait)
    )


def _sign(session: Session, office: Installation, algorithm: DkimAlgorithm) -> None:
    """Make a key for the sender's domain and let it sign."""
    now = office.clock.now()
    wish = dkim.Wish(SENDER.rpartition("@")[2], algorithm)
    key = dkim.make(session, office.app.keys, wish, now=now)
    dkim.switch(session, [key], now=now)


def _smtp(options: argparse.Namespace) -> dict[str, object]:
    tls = {"security": "tls", "ca_file": str(certificate().authority)} if options.tls else {}
    return {
        **tls,
        "connections": options.connections,
        "envelope": "signed",
        "return_path_domain": "bounce.office.example.org",
    }


def a_digest(office: Installation) -> int:
    """Queue a digest of some 20 KB as it is mailed, with 15 links and more of its own."""
    for number in range(ITEMS):
        page = f"https://office.example.org/reports/{number}"
        links = ", ".join(f"[paper {paper}]({page}/{paper})" for paper in range(1, LINKS + 1))
        office.item(f"Meeting number {number}", body=f"{BODY}{links}.")
    digest = office.draft("What the meetings came to", new_items=True)
    office.queue(digest)
    return digest


def _work(office: Installation, digest: int, processes: int) -> Cost:
    command = [sys.executable, "-m", "mailer", "--config", str(office.config), "worker"]
    if processes == 1:
        return _bench.run([*command, "--once"])
    began = time.monotonic()
    process = subprocess.Popen([*command, "--processes", str(processes)], stderr=subprocess.DEVNULL)
    wait_for(lambda: office.digest(digest).state is DigestState.SENT, seconds=PATIENCE_SECONDS)
    process.send_signal(signal.SIGTERM)
    return _bench.wait(process, began)


def _check(office: Installation, digest: int, span: Span, recipients: int) -> None:
    sums = office.sums(digest)
    if not span.messages == span.distinct == sums.sent == recipients:
        sys.exit(f"{span.messages} messages for {span.distinct} of {recipients} readers: {sums}")


def source(folder: Path, size: int, options: argparse.Namespace) -> Span:
    """Send fixed messages of the same size with Postfix's smtp-source."""
    program = shutil.which("smtp-source", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        sys.exit("smtp-source is missing (Debian: postfix)")
    with _bench.fast_sink(folder, wait_ms=options.wait) as sink:
        command = [program, "-d", "-s", str(options.connections), "-m", str(options.recipients)]
        command += ["-l", str(size), "-f", "a@example.org", "-t", "b@example.org"]
        _bench.run([*command, f"127.0.0.1:{sink.port}"])
        sink.finish()
        return Span.of(sink)


def one_by_one(folder: Path, options: argparse.Namespace) -> Sent:
    """Send some of the messages as a first version would."""
    with (
        _bench.fast_sink(folder, wait_ms=options.wait) as sink,
        tempfile.TemporaryDirectory() as own,
    ):
        office = _bench.office(Path(own), f"sqlite:///{own}/mailer.db", sink, smtp=_smtp(options))
        _bench.fill(office, options.naive)
        digest = a_digest(office)
        scheduler.promote(office.app)
        before, began = os.times(), time.monotonic()
        asyncio.run(_naive(office, digest, sink))
        after = os.times()
        cost = Cost(time.monotonic() - began, sum(after[:2]) - sum(before[:2]), 0)
        sink.finish()
        office.close()
        return Sent(Span.of(sink), cost)


async def _naive(office: Installation, digest: int, sink: Sink) -> None:
    """A row of the ORM, an EmailMessage, send_message, a commit: one after the other."""
    press = office.app.press
    client = aiosmtplib.SMTP(hostname=sink.host, port=sink.port, start_tls=False)
    await client.connect()
    with Session(office.app.database._engine) as session:  # noqa: SLF001
        waiting = select(Delivery).where(col(Delivery.digest_id) == digest)
        for row in session.execute(waiting).scalars().all():
            assert row.edition_id is not None
            row.dated_at = office.clock.now()
            claimed = ledger.Claimed(*(getattr(row, name) for name in ledger.Claimed._fields))
            plate = press.plate(session, row.edition_id)
            filled = press.filled(claimed, plate)
            message = EmailMessage()
            message["From"], message["To"] = "news@office.example.org", claimed.address
            message["Subject"] = filled.subject
            message.set_content(filled.text)
            message.add_alternative(filled.html, subtype="html")
            await client.send_message(message)
            row.state, row.settled_at = DeliveryState.SENT, office.clock.now()
            session.commit()
    await client.quit()


def _show_run(ours: Sent, sources: list[Span], naive: list[Sent]) -> None:
    print(
        f"worker {ours.span.rate:,.0f}/s, {ours.cpu_each:.0f} µs, {ours.cost.peak:.0f} MB, "
        f"{ours.span.bytes_each} bytes; in all {ours.cost.seconds:.1f} s",
        *(f"; smtp-source {one.rate:,.0f}/s" for one in sources),
        *(f"; naive {one.span.rate:,.0f}/s, {one.cpu_each:.0f} µs" for one in naive),
        sep="",
        flush=True,
    )


def _show(
    options: argparse.Namespace, ours: list[Sent], sources: list[Span], naive: list[Sent]
) -> None:
    rate = median(one.span.rate for one in ours)
    table = Table(["recipients", "messages/s", "CPU µs", "peak MB", "of smtp-source", "of naive"])
    table.add(
        f"{options.recipients:,}",
        f"{rate:,.0f}",
        f"{median(one.cpu_each for one in ours):.0f}",
        f"{median(one.cost.peak for one in ours):.0f}",
        _ratio([one.span.rate for one in ours], [one.rate for one in sources]),
        _ratio([one.span.rate for one in ours], [one.span.rate for one in naive]),
    )
    print(table)


def _ratio(ours: list[float], others: list[float]) -> str:
    if not others:
        return ""
    return f"{median(our / other for our, other in zip(ours, others, strict=True)):.2f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--wait", type=float, default=0, metavar="MS")
    parser.add_argument("--database", default="sqlite", metavar="sqlite|postgresql|URL")
    parser.add_argument("--dkim", choices=ALGORITHMS, default="none")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--naive", type=int, default=0, metavar="N")
    parser.add_argument("--no-source", dest="source", action="store_false")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
