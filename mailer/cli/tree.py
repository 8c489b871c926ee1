"""The tree of commands, and what stands above all of them: global options and the way out.

A noun's commands are imported when one of them is asked for, so that `mailer --help` and the
shell's completion need not wait for a database library.
"""

import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mailer import __version__
from mailer.cli import endings, running, safekeeping
from mailer.cli.desk import Desk

NAMES = ("mailer", "communique")
"""What the program may be called; completion is set up for the name that was typed."""

NOUNS = {
    "list": ("Lists, and who their mail is from.", ["lists", "cadences"]),
    "subscriber": (
        "Who is on which list: add, import, undo, export, leave.",
        ["subscribers", "transfers", "batches"],
    ),
    "organisation": ("Where subscribers work: by hand, and by domain.", ["organisations"]),
    "item": ("Pieces of meeting news, written as Markdown files.", ["items"]),
    "digest": ("Digests: draft, preview, queue, watch.", ["digests", "sending", "reach"]),
    "editor": ("Who works in the editors' rooms: invite, roles, a way in.", ["editors"]),
    "archive": ("Numbers from before: put in, list, take out.", ["archive"]),
    "keys": ("The secrets behind every link: which there are, and a fresh one.", ["keys"]),
    "dkim": ("Signatures on outgoing mail: keys, their records, the way to a fresh one.", ["dkim"]),
    "route": ("The ways out, and which of them stand still.", ["routes"]),
    "suppression": ("Addresses that must not be mailed.", ["suppressions"]),
}
"""Each noun with its sentence, and the modules that hold its commands."""


class Noun(TyperGroup):
    """A group of commands that is filled when somebody looks into it."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Give the names of the commands, in the order of the modules."""
        self._fill()
        return super().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Give a command by its name."""
        self._fill()
        return super().get_command(ctx, cmd_name)

    def _fill(self) -> None:
        if self.commands or self.name is None:
            return
        for module in NOUNS[self.name][1]:
            app = import_module(f"mailer.cli.{module}").app
            self.commands.update(typer.main.get_group(app).commands)


def tree() -> TyperGroup:
    """Give the whole tree of commands."""
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_global_options)
    app.add_typer(running.app)
    app.add_typer(safekeeping.app)
    for name, (sentence, _) in NOUNS.items():
        app.add_typer(typer.Typer(cls=Noun, help=sentence, no_args_is_help=True), name=name)
    made = typer.main.get_command(app)
    assert isinstance(made, TyperGroup)
    return made


COLLECT_AFTER = (10_000, 20, 100)
"""Objects that are new when Python looks for garbage among the youngest; 700 by itself."""


def main() -> None:
    """Run the command that was typed, and end the process with its exit code."""
    # What is imported makes objects by the hundred thousand, and no garbage.
    gc.set_threshold(*COLLECT_AFTER)
    # Pydantic would look for plugins in all that is installed; we have none and want none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "true")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a letter gets its number, and no traceback.
            stream.reconfigure(errors="backslashreplace")
    name = Path(sys.argv[0]).name
    sys.exit(run(sys.argv[1:], name=name if name in NAMES else NAMES[0]))


def run(arguments: Sequence[str], *, name: str = NAMES[0]) -> int:
    """Run one command; give its exit code, with any error said on stderr."""
    desk = Desk()
    try:
        code = tree().main(list(arguments), prog_name=name, obj=desk, standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001  (the one place where every error gets its answer)
        return endings.explain(error, verbose=desk.verbose)
    return code or endings.OK


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"mailer {__version__}")
        raise typer.Exit


def _global_options(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            envvar="MAILER_CONFIG",
            metavar="FILE",
            help="Settings to work with; without it, config.toml in this folder.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Say more, and show where an error arose.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Newsletters for offices that report on meetings."""
    del version
    ctx.obj.config = config
    ctx.obj.verbose = verbose
