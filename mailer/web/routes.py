"""The public addresses, all on one page. `mailer.links` makes what stands here.

Short and lasting: they are in mails that are opened years later.
"""

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mailer import accent
from mailer.errors import NotFound, UsageError
from mailer.links import (
    ACCESS,
    CONFIRM,
    EVENT,
    LEAVE,
    MEDIUM,
    MOVE,
    PREFERENCES,
    REFUSE,
    UNDO,
    UNDO_MOVE,
)
from mailer.web import (
    administrators,
    archive,
    back_number,
    box,
    browsing,
    confirming,
    events,
    feed,
    front,
    health,
    hosted,
    item,
    leaving,
    metrics,
    moving,
    person,
    preferences,
    pressing,
    privacy,
    refusing,
    rooms,
    you,
)
from mailer.web.desk import Desk
from mailer.web.door import Door
from mailer.web.guard import FOREVER
from mailer.web.visit import Visit

A_DAY = {"Cache-Control": "public, max-age=86400"}


def table(desk: Desk) -> list[BaseRoute]:
    """Give every route."""
    return [
        Route("/", Door(desk, get=front.show)),
        Route("/l/{slug}", Door(desk, get=box.show, posts=pressing.press)),
        Route("/l/{slug}/box", Door(desk, get=box.snippet)),
        Route("/l/{slug}/archive", Door(desk, get=browsing.show)),
        Route("/l/{slug}/feed", Door(desk, get=feed.of_list)),
        Route("/l/{slug}/item/{item}", Door(desk, get=item.show)),
        Route("/l/{slug}/you", Door(desk, get=you.show, post=you.press)),
        Route("/l/{slug}/back/{id}", Door(desk, get=back_number.show)),
        Route("/l/{slug}/{number}", Door(desk, get=archive.show)),
        Route(f"/{CONFIRM}/{{token}}", Door(desk, get=confirming.show, post=confirming.press)),
        Route(f"/{CONFIRM}/{{token}}/again", Door(desk, post=confirming.renew)),
        Route(
            f"/{LEAVE}/{{token}}",
            Door(desk, get=leaving.show, post=leaving.press, reads_form=False),
        ),
        Route(f"/{REFUSE}/{{token}}", Door(desk, get=refusing.show, post=refusing.press)),
        Route(f"/{UNDO}/{{token}}", Door(desk, get=leaving.show_undo, post=leaving.undo)),
        Route(f"/{UNDO}/{{token}}/why", Door(desk, post=leaving.say_why)),
        Route(f"/{EVENT}/{{token}}", Door(desk, get=events.show)),
        Route(f"/{MEDIUM}/{{name}}", Door(desk, get=hosted.show)),
        Route(f"/{MEDIUM}/{{hash}}/{{name}}", Door(desk, get=hosted.show)),
        Route(f"/{PREFERENCES}/{{token}}", Door(desk, get=preferences.show, post=preferences.save)),
        Route(f"/{PREFERENCES}/{{token}}/letter", Door(desk, post=preferences.ask_link)),
        Route("/feed", Door(desk, get=feed.of_all)),
        Route(f"/{ACCESS}/{{token}}", Door(desk, get=person.show, post=person.save)),
        Route(f"/{ACCESS}/{{token}}/again", Door(desk, post=person.renew)),
        Route(f"/{ACCESS}/{{token}}/data", Door(desk, get=person.take_along)),
        Route(f"/{ACCESS}/{{token}}/move", Door(desk, post=person.move)),
        Route(
            f"/{ACCESS}/{{token}}/forget", Door(desk, get=person.show_forget, post=person.forget)
        ),
        Route(f"/{MOVE}/{{token}}", Door(desk, get=moving.show, post=moving.press)),
        Route(f"/{UNDO_MOVE}/{{token}}", Door(desk, get=moving.show_undo, post=moving.undo)),
        *rooms.routes(desk),
        Route("/livez", health.livez, methods=["GET", "OPTIONS"]),
        Route("/readyz", Door(desk, get=health.readyz)),
        Route("/privacy", Door(desk, get=privacy.show)),
        Route("/administrators", Door(desk, get=administrators.show)),
        Route("/metrics", Door(desk, get=metrics.show)),
        Route("/robots.txt", Door(desk, get=health.robots)),
        Route("/favicon.ico", Door(desk, get=_picture)),
        Route("/static/accent/{colour}.css", Door(desk, get=_accent)),
        Route("/static/{name}", Door(desk, get=_file)),
    ]


def _file(desk: Desk, visit: Visit) -> Response:
    asset = desk.assets.by_name.get(visit.parts["name"])
    if asset is None:
        raise NotFound("file", visit.parts["name"])
    return Response(asset.content, media_type=asset.media_type, headers=FOREVER)


def _picture(desk: Desk, _visit: Visit) -> Response:
    asset = desk.assets.by_plain_name["favicon.svg"]
    return Response(asset.content, media_type=asset.media_type, headers=A_DAY)


def _accent(_desk: Desk, visit: Visit) -> Response:
    """Give the style sheet of a colour: our pages' own policy lets no style stand in a page."""
    try:
        colour = accent.parse(visit.parts["colour"])
    except UsageError:
        raise NotFound("colour", visit.parts["colour"]) from None
    return Response(accent.style_sheet(colour), media_type="text/css", headers=A_DAY)
