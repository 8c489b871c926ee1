"""*Not me, never write again*: the link of a confirmation letter for those who did not ask."""

from starlette.responses import Response

from mailer import subscribers
from mailer.tokens import Purpose
from mailer.web import bearer, wording
from mailer.web.bearer import Bearer
from mailer.web.desk import Desk
from mailer.web.visit import Visit


def show(desk: Desk, visit: Visit) -> Response:
    """Show what never means, and the button."""
    return _page(desk, visit, "refuse.html", _holder(desk, visit))


def press(desk: Desk, visit: Visit) -> Response:
    """See that nothing is mailed to the address again."""
    found = _holder(desk, visit)
    evidence = wording.by_link(visit, desk.app.links.base)
    desk.app.database.write(subscribers.refuse, *found.ids, evidence, now=desk.now())
    return _page(desk, visit, "refused.html", found)


def _holder(desk: Desk, visit: Visit) -> Bearer:
    ids = desk.app.keys.verify(visit.parts["token"], Purpose.REFUSE, now=desk.now())
    return bearer.of(desk, visit, *ids)


def _page(desk: Desk, visit: Visit, name: str, found: Bearer) -> Response:
    return desk.page(visit, name, found.language, bearer=found, listing=found.listing)
