"""What the demo says at the terminal: how far it is on stderr, where to look on stdout."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mailer.app import App
from mailer.demo.office import EDITOR_ADDRESS, EDITOR_PASSWORD, NEWSLETTER, Gone
from mailer.demo.views import PATH

OPENING = """
Communiqué is at work, with a made-up office. Its mail stays on this machine.

  Readers’ pages    {base}
  The newsletter    {newsletter}
  The inbox         {inbox}
  Editors’ rooms    {rooms}  ({editor}, password “{password}”)

{standing}

What to try

  1  On the newsletter’s page, subscribe with an address that you make up: you@example.org.
  2  Open the letter in the inbox, press its button, and confirm.
  3  Queue the next digest, by the button in the inbox or by the command
       {command} digest queue {next_id}
  4  Open your digest in the inbox. Leave by the link in its foot, or by “Unsubscribe” above it.
  5  See that everybody is accounted for:
       {command} digest status {next_id}
  6  Find number 1 in the archive, with its picture, document, dates for a calendar, and feed;
     and below it a number from before, when the office still copied its mails by hand:
       {archive}

Ctrl-C ends the demo and removes its folder.
"""


def talk(text: str) -> None:
    """Say something to the person at the keyboard."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def opening(app: App, gone: Gone | None, program: str) -> str:
    """Give the addresses to open and what to try there."""
    sums = gone.sums if gone else None
    standing = (
        f"Number 1 has just gone to {sums.recipients} subscribers: "
        f"{sums.sent} taken by the relay, which is the inbox."
        if sums
        else "Number 1 is on its way."
    )
    return OPENING.format(
        base=app.links.home(),
        newsletter=app.links.list_page(NEWSLETTER),
        archive=app.links.archive(NEWSLETTER),
        rooms=app.links.room(),
        editor=EDITOR_ADDRESS,
        password=EDITOR_PASSWORD,
        inbox=f"{app.links.home().rstrip('/')}{PATH}/",
        standing=standing,
        command=f"{program} --config {shlex.quote(str(app.config.path))}",
        next_id=gone.digest_id + 1 if gone else 2,
    )


def command() -> str:
    """Give how this program is called from where it was called."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m mailer"
    on_path = shutil.which(called.name)
    if on_path and Path(on_path).resolve() == called.resolve():
        return called.name
    nearest = os.path.relpath(called)
    return shlex.quote(str(called if nearest.startswith("..") else nearest))


@contextmanager
def progress() -> Iterator[Callable[[Gone | None], None]]:
    """Show how far a number is: a line that changes at a terminal, one that stands elsewhere."""
    moves = sys.stderr.isatty()
    if not moves:
        talk("Sending number 1 …")

    def show(gone: Gone | None) -> None:
        if moves and gone is not None:
            sums = gone.sums
            sys.stderr.write(f"\rSending number 1: {sums.sent} of {sums.recipients} ")
            sys.stderr.flush()

    yield show
    if moves:
        sys.stderr.write("\n")
