"""Each claimed row gets its plate and its signer; a letter without an edition gets one now.

Letters that are alike get the same edition, keep it, and are rendered once. What cannot be
rendered, or not be read as it was kept, says why and stops nobody else.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from mailer import ledger
from mailer.db.schema import DeliveryKind
from mailer.delivery.press import Press, sameness
from mailer.errors import MailerError
from mailer.ledger import Claimed
from mailer.rendering import Plate

if TYPE_CHECKING:  # what signs is large, and who has no key goes without it
    from mailer.dkim import Signer

Ready: TypeAlias = "tuple[Plate, Signer | None]"
"""An edition as it is filled, and what signs it."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Fitting:
    """One turn's fitting. `broken` are the kinds of letters that could not be made, and why."""

    session: Session
    press: Press
    now: datetime
    broken: dict[DeliveryKind, str] = field(default_factory=dict)
    _found: dict[Hashable, int | MailerError] = field(default_factory=dict)
    _given: dict[int, int] = field(default_factory=dict)
    _ready: dict[int, "Ready | MailerError"] = field(default_factory=dict)

    def ready(self, claimed: Claimed) -> "Ready":
        """Give what a row is sent as. Raises MailerError when it cannot be."""
        edition_id = claimed.edition_id or self._edition(claimed)
        found = self._ready.get(edition_id)
        if found is None:
            found = self._ready[edition_id] = self._made_ready(edition_id)
        if isinstance(found, MailerError):
            raise found.with_traceback(None)  # raised again and again, it would grow
        return found

    def keep(self) -> None:
        """Write down which letter has which edition."""
        ledger.give_editions(self.session, self._given)

    def _made_ready(self, edition_id: int) -> "Ready | MailerError":
        plate = self._compiled(edition_id)
        if isinstance(plate, MailerError):
            return plate
        try:
            return plate, self.press.signer(plate)
        except MailerError as error:
            return error

    def _compiled(self, edition_id: int) -> Plate | MailerError:
        try:
            return self.press.plate(self.session, edition_id)
        except SQLAlchemyError:
            raise
        except MailerError as error:
            log.warning("edition.unfit", edition=edition_id, why=str(error))
            return error
        except Exception as error:
            # Kept by another version of this program, or damaged.
            log.exception("edition.unfit", edition=edition_id)
            return MailerError(f"edition {edition_id}: {type(error).__name__}: {error}")

    def _edition(self, claimed: Claimed) -> int:
        alike = sameness(claimed)
        if alike not in self._found:
            self._found[alike] = self._made(claimed)
        found = self._found[alike]
        if isinstance(found, MailerError):
            raise found
        self._given[claimed.id] = found
        return found

    def _made(self, claimed: Claimed) -> int | MailerError:
        try:
            return self.press.keep_letter(self.session, claimed, now=self.now)
        except SQLAlchemyError:
            raise
        except MailerError as error:
            log.warning("letter.unmade", kind=claimed.kind.value, why=str(error))
            found = error
        except Exception as error:
            log.exception("letter.unmade", kind=claimed.kind.value)
            found = MailerError(f"{type(error).__name__}: {error}")
        self.broken[claimed.kind] = str(found)
        return found


def render_ahead(session: Session, press: Press, letters: list[Claimed]) -> None:
    """Render letters that will want it, so that the turn that claims them need not."""
    for one in {sameness(one): one for one in letters if one.edition_id is None}.values():
        try:
            press.letter(session, one)
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001  (said when the letter is claimed)
            log.debug("letter.unmade", kind=one.kind.value, why=str(error))
