"""One-time codes as a second factor (RFC 6238): six digits that change every thirty seconds.

The secret is sealed by the ring of keys. A code is good once: the step it was for is kept, and
no step up to that one counts again.
"""

import base64
import secrets
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col

from mailer import sealing
from mailer.db import changed
from mailer.db.schema import Editor
from mailer.tokens import KeyRing

SECRET_BYTES = 20
STEP_SECONDS = 30
STEPS_BESIDE = 1
"""Steps before and after that count too: clocks differ, and people type."""


def new_secret() -> str:
    """Make a secret, in base32 as programs for codes take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def uri(secret: str, *, address: str, issuer: str) -> str:
    """Give the address that a picture for such a program holds."""
    import pyotp  # noqa: PLC0415  (a worker, which tidies up after sign-ins, has no use for it)

    return pyotp.TOTP(secret).provisioning_uri(name=address, issuer_name=issuer)


def step_of(secret: str, code: str, *, after: int, now: datetime) -> int | None:
    """Give the step that a code is for, if it is right now and later than `after`."""
    import pyotp  # noqa: PLC0415  (as above)

    plain = "".join(code.split())
    today = int(now.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    for step in range(today - STEPS_BESIDE, today + STEPS_BESIDE + 1):
        if step > after and pyotp.utils.strings_equal(plain, totp.generate_otp(step)):
            return step
    return None


def keep(session: Session, ring: KeyRing, editor_id: int, secret: str) -> None:
    """Keep an editor's secret, sealed; from now on a password alone is not enough."""
    sealed, by = sealing.seal(ring, secret.encode(), _about(editor_id))
    _set(session, editor_id, second=sealed, second_by=by, second_step=0)


def drop(session: Session, editor_id: int) -> None:
    """Let an editor's password be enough again."""
    _set(session, editor_id, second=None, second_by=None, second_step=0)


def secret_of(ring: KeyRing, editor: Editor) -> str | None:
    """Give an editor's secret, if there is one. Raises ConfigError when its key is gone."""
    if editor.second is None or editor.second_by is None or editor.id is None:
        return None
    opened = sealing.unseal(ring, editor.second, _about(editor.id), key_id=editor.second_by)
    return opened.decode()


def use(session: Session, ring: KeyRing, editor: Editor, code: str, *, now: datetime) -> bool:
    """Tell whether a code is right, and let it be good no more."""
    secret = secret_of(ring, editor)
    if secret is None:
        return False
    step = step_of(secret, code, after=editor.second_step, now=now)
    if step is None:
        return False
    used = update(Editor).where(col(Editor.id) == editor.id, col(Editor.second_step) < step)
    return changed(session, used.values(second_step=step)) == 1


def _set(session: Session, editor_id: int, **values: object) -> None:
    session.execute(update(Editor).where(col(Editor.id) == editor_id).values(**values))


def _about(editor_id: int) -> str:
    return f"second factor of editor {editor_id}"
