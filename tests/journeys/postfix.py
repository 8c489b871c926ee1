"""A real Postfix on loopback, in a folder of its own, that passes everything on to a sink."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.outside import require

START_SECONDS = 20

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
myhostname = relay.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{sink}
smtputf8_enable = yes
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
disable_dns_lookups = yes
smtp_destination_concurrency_limit = 10
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
in_flow_delay = 0
alias_maps =
alias_database =
"""

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""


@contextmanager
def running(folder: Path, sink: int) -> Iterator[int]:
    """Run Postfix before a sink's port; give the port it takes mail on."""
    postfix = require("postfix")
    if os.geteuid() != 0:
        pytest.skip("Postfix must be started by root")
    port = _free_port()
    home = _home(folder, sink=sink, port=port)
    subprocess.run([postfix, "-c", str(home), "start"], check=True, capture_output=True)
    try:
        _wait_for(port, folder / "mail.log")
        yield port
    finally:
        subprocess.run([postfix, "-c", str(home), "abort"], check=False, capture_output=True)


def _home(folder: Path, *, sink: int, port: int) -> Path:
    home, owner = folder / "etc", pwd.getpwnam("postfix")
    for name in ("etc", "queue", "data"):
        (folder / name).mkdir()
    (home / "main.cf").write_text(MAIN.format(folder=folder, sink=sink))
    (home / "master.cf").write_text(MASTER.format(port=port))
    dynamic = Path("/etc/postfix/dynamicmaps.cf")
    if dynamic.exists():
        shutil.copy(dynamic, home)
    os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    # Postfix drops its rights: it must be able to walk to its folder.
    for above in (folder, *folder.parents):
        with suppress(PermissionError):
            above.chmod(above.stat().st_mode | 0o111)
    return home


def _wait_for(port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as there:
            if there.recv(3) == b"220":
                return
        time.sleep(0.1)
    pytest.fail(f"Postfix did not start: {log.read_text() if log.exists() else 'no log'}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
