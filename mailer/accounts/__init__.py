"""Who works in the editors' rooms: editors and their roles, passwords and codes, sign-ins.

editors      invite, give roles, retire; what may be done to whom
passwords    argon2 hashes, and what a password must be
openid       sign-in by an organisation's own provider
codes        one-time codes as a second factor (RFC 6238)
sign_ins     an editor at one browser, for as long as the cookie lives
seats        who asks a room for something, and whether they may
attempts     how often somebody may try
unsaved      what was typed and not saved yet
"""

from mailer.accounts import attempts, codes, editors, openid, passwords, sign_ins, unsaved
from mailer.accounts.seats import ROLES, Seat

__all__ = [
    "ROLES",
    "Seat",
    "attempts",
    "codes",
    "editors",
    "openid",
    "passwords",
    "sign_ins",
    "unsaved",
]
