"""The settings' rooms: what an owner looks after, with the way to each."""

from starlette.responses import Response

from mailer.accounts import Seat
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.visit import Visit


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the ways to all settings."""
    return frame.page(desk, visit, seat, "settings.html")
