"""What went wrong, as a page: the one table from errors to answers."""

from dataclasses import dataclass

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from mailer.errors import (
    DatabaseError,
    NotAllowed,
    NotFound,
    Refused,
    TemplateInvalid,
    TokenError,
    TooLarge,
    UsageError,
)
from mailer.language import translatable
from mailer.web.desk import Desk
from mailer.web.visit import Visit

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Fault:
    """What a reader is told: what happened, and what to do next."""

    headline: str
    advice: str


BROKEN_LINK = Fault(
    translatable("This link does not work"),
    translatable(
        "It may have been cut when it was copied. Open it once more from the letter or digest, "
        "or copy it whole."
    ),
)
NOBODY = Fault(
    translatable("Nothing is sent to you"),
    translatable(
        "The address that this link was made for is not on the list. There is nothing to do."
    ),
)
NO_PAGE = Fault(
    translatable("There is no such page"),
    translatable("Look for the list among all our lists."),
)
UNREADABLE = Fault(
    translatable("The form did not arrive whole"),
    translatable("Go back and send it once more."),
)
NOT_TAKEN = Fault(
    translatable("That cannot be done here"),
    translatable("Go back to the list’s page and start from there."),
)
TOO_LONG = Fault(
    translatable("That was too long"),
    translatable("Go back, shorten what you wrote, and send it once more."),
)
OURS = Fault(
    translatable("Something went wrong on our side"),
    translatable("It has been noted. Try again in some minutes."),
)
RESTING = Fault(
    translatable("The pages are not at work just now"),
    translatable("Try again in some minutes."),
)

ERRORS: tuple[tuple[type[Exception], int], ...] = (
    (TokenError, 404),
    (NotFound, 404),
    (TooLarge, 413),
    (NotAllowed, 403),
    (Refused, 409),
    (TemplateInvalid, 500),  # the owner's, and no fault of whoever asks
    (UsageError, 400),
    (DatabaseError, 503),
)
"""The first that fits gives the status; everything else is a mistake of ours: 500."""

FAULTS = {
    400: UNREADABLE,
    403: NOT_TAKEN,
    404: NO_PAGE,
    405: NOT_TAKEN,
    408: UNREADABLE,
    409: NOT_TAKEN,
    413: TOO_LONG,
    503: RESTING,
}


def answer(desk: Desk, visit: Visit, error: Exception) -> Response:
    """Give the page for an error; one that nobody foresaw is written to the log whole."""
    status = status_of(error)
    if status >= 500:
        log.error("page.failed", path=visit.path, status=status, exc_info=error)
    response = _page(desk, visit, _fault(error, status), status)
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


def _fault(error: Exception, status: int) -> Fault:
    if isinstance(error, TokenError):
        return BROKEN_LINK
    if isinstance(error, NotFound) and error.kind == "subscription":
        return NOBODY
    return FAULTS.get(status, OURS)


def _page(desk: Desk, visit: Visit, fault: Fault, status: int) -> Response:
    try:
        language = desk.language(visit)
        return desk.page(visit, "problem.html", language, status=status, fault=fault)
    except Exception as error:
        # The page about errors is itself broken: an owner's template, most likely.
        log.exception("page.failed", path=visit.path, exc_info=error)
        return PlainTextResponse(f"{fault.headline}.\n{fault.advice}\n", status)


def status_of(error: Exception) -> int:
    """Give the status that an error is answered with; 500 for a mistake of ours."""
    if isinstance(error, HTTPException):
        return error.status_code
    return next((status for kind, status in ERRORS if isinstance(error, kind)), 500)
