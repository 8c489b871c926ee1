"""Arguments and options that several commands share."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, whole and exact.")]

Slug = Annotated[str, typer.Argument(metavar="LIST", help="The list, by its slug.")]

OfList = Annotated[
    str | None, typer.Option("--list", metavar="LIST", help="Only this list, by its slug.")
]

DigestId = Annotated[int, typer.Argument(metavar="ID", help="The digest, by its id.")]

ItemId = Annotated[int, typer.Argument(metavar="ID", help="The item, by its id.")]

AnAddress = Annotated[str, typer.Argument(metavar="ADDRESS", help="An e-mail address.")]
