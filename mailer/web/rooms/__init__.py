"""The editors' rooms: pages for whoever signs in, and the way in.

`table.ROOMS` is every page with the role that it takes; `lock` sees to it. A room is a plain
function from desk, visit and seat to a response, and `frame` gives it its page.
"""

from mailer.web.rooms.table import routes

__all__ = ["routes"]
