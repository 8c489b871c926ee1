"""Editors: who there are, what each may do on which list, and how they come to a password."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, update
from sqlmodel import Session, col, select

from mailer import unseen
from mailer.accounts.seats import EVERYWHERE
from mailer.address import Address
from mailer.db import changed
from mailer.db.schema import Editor, Grant, Role, SignIn
from mailer.errors import NotFound, Refused, UsageError
from mailer.history import SYSTEM, About, By, record
from mailer.language import translatable

LONGEST_NAME = 120
NO_NAME = translatable("A name has 1 to 120 characters.")
UNSEEN_NAME = translatable("A name holds characters that cannot be seen.")
LAST_OWNER = translatable(
    "nobody would be left who owns the installation: make somebody owner first"
)
INVITED_FOR = timedelta(days=7)
"""How long the link in an invitation sets a password."""

FORGOTTEN_FOR = timedelta(hours=2)
"""The same, when somebody asked for it who has forgotten theirs."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody to be an editor; on every list unless one is named."""

    address: Address
    name: str
    role: Role
    list_id: int = EVERYWHERE
    language: str | None = None


def invite(session: Session, new: Newcomer, *, now: datetime, by: By = SYSTEM) -> Editor:
    """Make somebody an editor, without a password yet; Refused when they are one."""
    _check_role(new.role, new.list_id)
    found = _by_key(session, new.address.key)
    if found is not None and found.retired_at is None:
        raise Refused(f"{found.name} is an editor already: change the role instead")
    editor = found or Editor(
        address=new.address.mailbox, key=new.address.key, name="", created_at=now
    )
    editor.address, editor.name = new.address.mailbox, name_of(new.name)
    editor.language, editor.retired_at = new.language, None
    session.add(editor)
    session.flush()
    editor_id = id_of(editor)
    session.execute(delete(Grant).where(col(Grant.editor_id) == editor_id))
    session.add(Grant(editor_id=editor_id, list_id=new.list_id, role=new.role))
    session.flush()
    details = {"editor": editor_id, "role": new.role.value, "list": new.list_id}
    record(session, "editor.invited", by, About(), at=now, details=details)
    return editor


def are_there(session: Session) -> bool:
    """Tell whether there is an editor who can sign in, or could."""
    return session.exec(select(Editor.id).where(_works()).limit(1)).first() is not None


def every(session: Session) -> list[Editor]:
    """Give all editors who have not been retired, by name."""
    return list(session.exec(select(Editor).where(_works()).order_by(col(Editor.name))))


def get(session: Session, editor_id: int) -> Editor:
    """Give an editor; NotFound when there is none, or no longer."""
    fresh = select(Editor).where(col(Editor.id) == editor_id, _works())
    found = session.exec(fresh.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound("editor", editor_id)
    return found


def by_key(session: Session, key: str) -> Editor | None:
    """Give the editor whose address has this normal form, unless retired."""
    found = _by_key(session, key)
    return found if found and found.retired_at is None else None


def names(session: Session) -> dict[int, str]:
    """Give the names of all editors there are or were, for lines of history."""
    return {one or 0: name for one, name in session.exec(select(Editor.id, Editor.name))}


def grants(session: Session, editor_id: int) -> dict[int, Role]:
    """Give an editor's roles by list; that of list 0 is good for every list."""
    statement = select(Grant.list_id, Grant.role).where(col(Grant.editor_id) == editor_id)
    return {list_id: Role(role) for list_id, role in session.exec(statement)}


def all_grants(session: Session) -> Mapping[int, dict[int, Role]]:
    """Give everybody's roles, by editor and list."""
    found: dict[int, dict[int, Role]] = {}
    for one in session.exec(select(Grant)):
        found.setdefault(one.editor_id, {})[one.list_id] = one.role
    return found


def grant(
    session: Session, editor_id: int, list_id: int, role: Role | None, *, now: datetime, by: By
) -> None:
    """Give a role on a list (0: on every list), or (None) take it away.

    Raises Refused when nobody would be left who owns the installation.
    """
    get(session, editor_id)
    if role is not None:
        _check_role(role, list_id)
    if list_id == EVERYWHERE and role is not Role.OWNER:
        _keep_an_owner(session, editor_id)
    session.execute(
        delete(Grant).where(col(Grant.editor_id) == editor_id, col(Grant.list_id) == list_id)
    )
    if role is not None:
        session.add(Grant(editor_id=editor_id, list_id=list_id, role=role))
    session.flush()
    details = {"editor": editor_id, "list": list_id, "role": role.value if role else None}
    record(session, "editor.role", by, About(list_id=list_id or None), at=now, details=details)


def retire(session: Session, editor_id: int, *, now: datetime, by: By) -> None:
    """Let somebody be an editor no longer, and end their sign-ins; what they did stays theirs.

    Raises Refused when nobody would be left who owns the installation.
    """
    editor = get(session, editor_id)
    _keep_an_owner(session, editor_id)
    editor.retired_at, editor.password, editor.second = now, "", None
    editor.password_number += 1
    session.add(editor)
    session.execute(delete(SignIn).where(col(SignIn.editor_id) == editor_id))
    session.flush()
    record(session, "editor.retired", by, About(), at=now, details={"editor": editor_id})


def rename(session: Session, editor_id: int, name: str, language: str | None) -> None:
    """Give an editor another name, and the language in which the rooms speak."""
    editor = get(session, editor_id)
    editor.name, editor.language = name_of(name), language
    session.add(editor)
    session.flush()


def set_password(
    session: Session, editor_id: int, number: int, hashed: str, *, now: datetime, by: By
) -> None:
    """Set a password, the one after `number`, and end all sign-ins of before.

    Raises Refused when another was set in between: a mailed link is good once.
    """
    statement = (
        update(Editor)
        .where(col(Editor.id) == editor_id, col(Editor.password_number) == number, _works())
        .values(password=hashed, password_number=number + 1)
    )
    if changed(session, statement) != 1:
        raise Refused("this link has been used: a password was set since")
    session.execute(delete(SignIn).where(col(SignIn.editor_id) == editor_id))
    record(session, "editor.password", by, About(), at=now, details={"editor": editor_id})


def id_of(editor: Editor) -> int:
    """Give an editor's id."""
    assert editor.id is not None
    return editor.id


def name_of(text: str) -> str:
    """Give a name as it is kept; UsageError for none, or one that is too long or unseen."""
    if unseen.IN_LINE.search(text):
        raise UsageError(UNSEEN_NAME)
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME:
        raise UsageError(NO_NAME)
    return name


def _check_role(role: Role, list_id: int) -> None:
    if role is Role.OWNER and list_id != EVERYWHERE:
        raise UsageError("an owner owns the installation, and not one list")


def _keep_an_owner(session: Session, without: int) -> None:
    others = (
        select(Grant.editor_id)
        .join(Editor, col(Editor.id) == col(Grant.editor_id))
        .where(
            col(Grant.role) == Role.OWNER,
            col(Grant.list_id) == EVERYWHERE,
            col(Grant.editor_id) != without,
            _works(),
        )
    )
    is_owner = grants(session, without).get(EVERYWHERE) is Role.OWNER
    if is_owner and session.exec(others.limit(1)).first() is None:
        raise Refused(LAST_OWNER)


def _by_key(session: Session, key: str) -> Editor | None:
    return session.exec(select(Editor).where(col(Editor.key) == key)).first()


def _works() -> ColumnElement[bool]:
    return col(Editor.retired_at).is_(None)
