"""By which name a browser saves what it is given (RFC 6266): the header Content-Disposition."""

from urllib.parse import quote

from mailer import unseen

NOT_QUOTED = str.maketrans({'"': "_", "\\": "_"})
"""What would end a quoted text, or change what follows."""


def attachment(name: str) -> dict[str, str]:
    """Have it saved."""
    return _header("attachment", name)


def inline(name: str) -> dict[str, str]:
    """Have it shown, and saved by this name if need be."""
    return _header("inline", name)


def _header(kind: str, name: str) -> dict[str, str]:
    name = unseen.IN_LINE.sub("_", name)  # a line break would be a header of its own
    # The plain name is for old programs; the true one beside it is for all others.
    plain = name.encode("ascii", "replace").decode().replace("?", "_").translate(NOT_QUOTED)
    return {"Content-Disposition": f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"}
