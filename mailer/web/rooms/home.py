"""The first room: what needs whoever has come in now."""

from starlette.responses import Response

from mailer.accounts import Seat
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.visit import Visit


def keys(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show what can be done without a mouse."""
    return frame.page(desk, visit, seat, "keys.html")


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show what waits, runs or went wrong, and the lists one works on."""
    return frame.page(desk, visit, seat, "home.html")
