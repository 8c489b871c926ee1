"""Pictures and documents that we host, under addresses that never mean anything else.

A picture is shown; a document is saved, and never opened among our pages.
"""

import re

from selectolax.lexbor import LexborHTMLParser
from starlette.responses import Response

from mailer import media
from mailer.errors import NotFound
from mailer.links import MEDIUM
from mailer.web import disposition, guard
from mailer.web.desk import Desk
from mailer.web.visit import Visit

PICTURE = re.compile(rf"\b{MEDIUM}/[0-9a-f]{{64}}\.(?:jpg|png)$")
"""How the address of a picture that we host ends."""

POLICY = guard.policy(img_src="'none'", style_src="'unsafe-inline'") + "; sandbox"
"""Browsers lay out a lone picture by a style of their own."""


def show(desk: Desk, visit: Visit) -> Response:
    """Give a medium; NotFound too for one whose name ends as another type does."""
    name, _, extension = visit.parts["name"].rpartition(".")
    if name != media.file_name(name):
        raise NotFound("medium", visit.parts["name"])
    medium = desk.app.database.read(media.get, visit.parts.get("hash", name))
    if extension != media.extension(medium.media_type):
        raise NotFound("medium", visit.parts["name"])
    headers = {"Content-Security-Policy": POLICY, "ETag": f'"{medium.hash}"'}
    response = Response(medium.content, media_type=medium.media_type, headers=headers)
    response.headers.update(guard.FOREVER)
    if not medium.media_type.startswith("image/"):
        response.headers.update(disposition.attachment(visit.parts["name"]))
    return response


def by_path(page: str, base: str) -> str:
    """Give a digest's page with the pictures that we host by a path of ours, sharp on fine screens.

    They are known by the end of their address: when the digest went out, the pages may have been
    at another host.
    """
    tree = LexborHTMLParser(page)
    for picture in tree.css("img[src]"):
        small, large = (
            PICTURE.search(picture.attributes.get(name) or "") for name in ("src", "data-large")
        )
        if small:
            picture.attrs["src"] = f"{base}{small[0]}"
        if small and large:
            picture.attrs["srcset"] = f"{base}{large[0]} 2x"
    return tree.html or ""
