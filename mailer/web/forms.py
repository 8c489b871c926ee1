"""The box as it comes in: which button, which address, and whether our page was seen before.

A form carries the signed moment at which it was shown. One without it comes from another
site's box, one that is younger than a person can type comes from a program, one that is too
old from a forgotten tab: all three are shown our page, and nothing is kept or mailed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mailer.db.schema import AskAction
from mailer.errors import TokenError
from mailer.tokens import KeyRing, Purpose

TRAP = "subject"
"""The field that people do not see. Browsers fill in no such name by themselves."""

LONGEST_TYPED = 320
"""Characters of an address that are shown back to whoever typed it."""

_ACTIONS = {action.value: action for action in AskAction}


class Timing(StrEnum):
    """What the signed moment in a form tells."""

    GOOD = "good"
    YOUNG = "young"
    ABSENT = "absent"  # or too old, or not ours


@dataclass(frozen=True, slots=True)
class Box:
    """The fields of one sent box; `sure` of an address that we had doubted."""

    address: str
    action: AskAction | None
    shown: str
    trapped: bool
    sure: bool = False

    @classmethod
    def of(cls, form: Mapping[str, str]) -> "Box":
        """Read the fields, whatever they hold."""
        action = _ACTIONS.get(form.get("action", ""))
        address = form.get("address", "").strip()[:LONGEST_TYPED]
        return cls(
            address=address,
            action=action,
            shown=form.get("shown", ""),
            trapped=bool(form.get(TRAP)),
            sure=form.get("sure") == address,
        )


@dataclass(frozen=True, slots=True)
class Stamp:
    """Signs and reads the moment at which a form was shown."""

    keys: KeyRing
    life: timedelta
    youngest: timedelta

    def sign(self, list_id: int, *, now: datetime) -> str:
        """Give the token for a form that is shown now."""
        return self.keys.sign(Purpose.FORM, list_id, expires_at=now + self.life)

    def read(self, token: str, list_id: int, *, now: datetime) -> Timing:
        """Tell how long ago a form was shown, as far as it matters."""
        try:
            ids, expires_at = self.keys.read(token, Purpose.FORM)
        except TokenError:
            return Timing.ABSENT
        if ids != (list_id,) or expires_at is None or now >= expires_at:
            return Timing.ABSENT
        return Timing.YOUNG if now - (expires_at - self.life) < self.youngest else Timing.GOOD
