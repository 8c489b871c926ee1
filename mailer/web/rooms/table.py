"""Every room with the role that it takes. Tests try each of them with every role."""

from collections.abc import Iterator

from starlette.routing import BaseRoute, Route

from mailer.accounts import openid
from mailer.db.schema import Role
from mailer.links import APPROVAL, PASSWORD, SET_UP
from mailer.links import ROOMS as FIRST
from mailer.web.desk import Desk
from mailer.web.door import Door
from mailer.web.rooms import (
    approving,
    calendar,
    check_room,
    deliveries,
    digests,
    dkim_room,
    draft,
    elsewhere,
    entrance,
    home,
    item_form,
    item_page,
    item_typing,
    items,
    list_editing,
    list_pages,
    list_rhythm,
    lock,
    own,
    picking,
    progress,
    proof,
    queueing,
    rehearsing,
    report,
    route_rooms,
    settings,
    staff,
    template_room,
    trail,
    value_editing,
    values,
    welcome,
)
from mailer.web.rooms.people import PEOPLE
from mailer.web.rooms.room import UPLOAD, Room, Scope, of_digest, of_list

ROOMS = (
    Room("", get=home.show),
    Room("/keys", get=home.keys),
    Room("/items", get=items.show),
    Room(
        "/items/new",
        get=item_form.show_new,
        post=item_form.press_new,
        sees=Role.EDITOR,
        limits=UPLOAD,
    ),
    Room("/items/page", get=item_page.show, post=item_page.press, sees=Role.EDITOR),
    Room("/items/typing", post=item_typing.keep),
    Room("/items/words", post=item_typing.put, limits=item_typing.PASTED),
    Room("/items/{item}", get=items.show_one, post=items.press),
    Room(
        "/items/{item}/edit",
        get=item_form.show_edit,
        post=item_form.press_edit,
        sees=Role.EDITOR,
        limits=UPLOAD,
    ),
    Room("/items/{item}/versions/{version}", get=items.show_version),
    Room("/digests/{digest}/progress", get=progress.show, post=progress.press, of=of_digest),
    Room("/digests/{digest}/events", get=progress.events, of=of_digest, is_page=False),
    Room("/digests/{digest}/report", get=report.show, post=report.press, of=of_digest),
    Room("/digests/{digest}/deliveries", get=deliveries.show, sees=Role.EDITOR, of=of_digest),
    Room("/digests/{digest}/part", get=progress.part, of=of_digest, is_page=False),
    Room("/own", get=own.show, post=own.press, acts=Role.VIEWER),
    *PEOPLE,
    Room("/digests", get=digests.show),
    Room("/digests/new", get=digests.show_new, post=digests.press_new, sees=Role.EDITOR),
    Room("/digests/calendar", get=calendar.show),
    Room("/digests/{digest}", get=draft.show, post=draft.press, of=of_digest),
    Room(
        "/digests/{digest}/items",
        get=picking.show,
        post=picking.press,
        sees=Role.EDITOR,
        of=of_digest,
    ),
    Room("/digests/{digest}/preview", get=proof.show, post=proof.press, of=of_digest),
    Room("/digests/{digest}/queue", get=queueing.show, post=queueing.press, of=of_digest),
    Room(
        "/digests/{digest}/approval",
        get=approving.show,
        post=approving.press,
        acts=Role.APPROVER,
        of=of_digest,
    ),
    Room("/digests/{digest}/rehearsal", get=rehearsing.show, post=rehearsing.press, of=of_digest),
    Room("/digests/{digest}/frame", get=proof.show_frame, of=of_digest),
    Room("/settings", get=settings.show, sees=Role.OWNER, of=Scope.EVERYWHERE),
    Room(
        "/settings/editors",
        get=staff.show,
        sees=Role.OWNER,
        of=Scope.EVERYWHERE,
    ),
    Room(
        "/settings/editors/new",
        get=staff.show_new,
        post=staff.press_new,
        sees=Role.OWNER,
        acts=Role.OWNER,
        of=Scope.EVERYWHERE,
    ),
    Room(
        "/settings/editors/{editor}",
        get=staff.show_one,
        post=staff.press_one,
        sees=Role.OWNER,
        acts=Role.OWNER,
        of=Scope.EVERYWHERE,
    ),
    Room(
        "/settings/routes",
        get=route_rooms.show,
        post=route_rooms.press,
        sees=Role.OWNER,
        acts=Role.OWNER,
        of=Scope.EVERYWHERE,
    ),
    Room(
        "/settings/routes/{route}",
        get=route_rooms.show_one,
        post=route_rooms.press_one,
        sees=Role.OWNER,
        acts=Role.OWNER,
        of=Scope.EVERYWHERE,
    ),
    Room(
        "/settings/dkim",
        get=dkim_room.show,
        post=dkim_room.press,
        sees=Role.OWNER,
        acts=Role.OWNER,
        of=Scope.EVERYWHERE,
    ),
    Room(
        "/settings/check",
        get=check_room.show,
        post=check_room.press,
        sees=Role.OWNER,
        acts=Role.OWNER,
        of=Scope.EVERYWHERE,
    ),
    Room("/settings/values", get=values.show, sees=Role.OWNER, of=Scope.EVERYWHERE),
    Room(
        "/settings/values/{table}",
        get=value_editing.show,
        post=value_editing.press,
        sees=Role.OWNER,
        acts=Role.OWNER,
        of=Scope.EVERYWHERE,
    ),
    Room("/settings/templates", get=template_room.show, sees=Role.OWNER, of=Scope.EVERYWHERE),
    Room("/welcome", get=welcome.show, sees=Role.OWNER, of=Scope.EVERYWHERE),
    Room("/settings/trail", get=trail.show, sees=Role.OWNER, of=Scope.EVERYWHERE),
    Room("/lists", get=list_pages.show_all),
    # No slug begins like this.
    Room(
        "/lists/_new",
        get=list_editing.show_new,
        post=list_editing.press_new,
        sees=Role.OWNER,
        acts=Role.OWNER,
        of=Scope.EVERYWHERE,
    ),
    Room("/lists/{slug}", get=list_pages.show, of=of_list),
    Room("/lists/{slug}/box", get=list_pages.show_box, of=of_list),
    Room(
        "/lists/{slug}/texts",
        get=list_editing.show_texts,
        post=list_editing.press_texts,
        sees=Role.EDITOR,
        of=of_list,
    ),
    Room(
        "/lists/{slug}/cadence",
        get=list_rhythm.show,
        post=list_rhythm.press,
        sees=Role.EDITOR,
        of=of_list,
    ),
    Room(
        "/lists/{slug}/colour",
        get=list_editing.show_colour,
        post=list_editing.press_colour,
        sees=Role.EDITOR,
        of=of_list,
    ),
    Room(
        "/lists/{slug}/settings",
        get=list_editing.show_settings,
        post=list_editing.press_settings,
        sees=Role.OWNER,
        acts=Role.OWNER,
        of=of_list,
    ),
)


def routes(desk: Desk) -> list[BaseRoute]:
    """Give the doors of all rooms, and those before them."""
    nowhere = Door(desk, get=lock.not_here, post=lock.not_here)
    return [*_before(desk), *_rooms(desk), Route(f"/{FIRST}/{{rest:path}}", nowhere)]


def _before(desk: Desk) -> Iterator[BaseRoute]:
    """Give what takes no sign-in."""
    yield Route(f"/{FIRST}/sign-in", Door(desk, get=entrance.show, post=entrance.press))
    if desk.app.settings.sign_in.issuer:
        openid.require()
        yield Route(f"/{FIRST}/sign-in/out", Door(desk, get=elsewhere.out))
        yield Route(f"/{FIRST}/sign-in/back", Door(desk, get=elsewhere.back))
    yield Route(f"/{FIRST}/code", Door(desk, get=entrance.show_code, post=entrance.press_code))
    yield Route(f"/{FIRST}/sign-out", Door(desk, post=entrance.leave))
    yield Route(
        f"/{FIRST}/forgotten",
        Door(desk, get=entrance.show_forgotten, post=entrance.press_forgotten),
    )
    yield Route(
        f"/{FIRST}/{PASSWORD}/{{token}}",
        Door(desk, get=entrance.show_password, post=entrance.press_password),
    )
    yield Route(
        f"/{FIRST}/{SET_UP}/{{token}}",
        Door(desk, get=entrance.show_set_up, post=entrance.press_set_up),
    )
    yield Route(
        f"/{FIRST}/{APPROVAL}/{{token}}",
        Door(desk, get=approving.show_by_link, post=approving.press_by_link),
    )
    yield Route(f"/{FIRST}/{APPROVAL}/{{token}}/frame", Door(desk, get=approving.frame_by_link))


def _rooms(desk: Desk) -> Iterator[BaseRoute]:
    for room in ROOMS:
        yield Route(
            f"/{FIRST}{room.path}",
            Door(
                desk,
                get=lock.shows(room, room.get) if room.get else None,
                post=lock.acts(room, room.post) if room.post else None,
                limits=room.limits,
                gate=lock.gate(room) if room.limits.files else None,
            ),
        )
