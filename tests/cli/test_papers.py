"""docs/commands.md names every command and every option, each with an example."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from mailer.cli.tree import tree
from tests.cli.conftest import Office

PAPER = Path(__file__).parents[2] / "docs" / "commands.md"
FOR_ALL = {"--help", "--json"}


def commands(group: TyperGroup, path: str = "mailer") -> Iterator[tuple[str, Any]]:
    """Give every command of the tree with what is typed to call it."""
    context = typer.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def options(command: Any) -> set[str]:
    shown = (one for one in command.params if not getattr(one, "hidden", False))
    return {name for one in shown for name in one.opts if name.startswith("-")} - FOR_ALL


def sections() -> dict[str, str]:
    """Give the paper's sections by the command in their heading; what is before, by nothing."""
    first, *rest = re.split(r"^### ", PAPER.read_text(encoding="utf-8"), flags=re.MULTILINE)
    parts = (part.partition("\n") for part in rest)
    return {"": first} | {heading.strip(): text for heading, _, text in parts}


COMMANDS = dict(commands(tree()))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_has_a_section_with_an_example_and_its_options(name: str) -> None:
    text = sections()[name]

    assert re.search(rf"^{name}\b", text, re.MULTILINE)
    assert {one for one in options(COMMANDS[name]) if f"{one}" not in text} == set()


def test_no_section_is_about_a_command_that_is_not_there() -> None:
    assert set(sections()) - {""} == set(COMMANDS)


def test_the_options_of_all_commands_are_told_once() -> None:
    assert {one for one in options(tree()) if f"`{one}" not in sections()[""]} == set()


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("mailer status", ["status"]),
        ("mailer list show", ["list", "show", "meetings"]),
        ("mailer subscriber show", ["subscriber", "show", "kim@example.org"]),
        ("mailer item show", ["item", "show", "1"]),
        ("mailer digest show", ["digest", "show", "1"]),
        ("mailer digest status", ["digest", "status", "1"]),
        ("mailer route list", ["route", "list"]),
    ],
)
def test_the_keys_of_json_are_those_that_are_told(
    busy: Office, name: str, arguments: list[str]
) -> None:
    [told] = re.findall(r"^JSON keys: (.+?)(?:\n\n|\Z)", sections()[name], re.DOTALL | re.MULTILINE)
    # What is in brackets is said about a key.
    keys = re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", told.partition(".")[0]))

    found = busy.ok(*arguments, "--json").json

    assert list(found[0] if isinstance(found, list) else found) == keys
