"""The rooms about subscribers, for the table of all rooms."""

from mailer.db.schema import Role
from mailer.web.rooms import segments, subscriber, subscribers
from mailer.web.rooms.room import Room, Scope

PEOPLE = (
    Room("/subscribers", get=subscribers.show, sees=Role.EDITOR),
    Room("/subscribers/segments", get=segments.show, post=segments.press, sees=Role.EDITOR),
    # A subscriber is a number: behind all that is a word.
    Room("/subscribers/{subscriber}", get=subscriber.show, post=subscriber.press, sees=Role.EDITOR),
    Room(
        "/subscribers/{subscriber}/data",
        get=subscriber.take_out,
        sees=Role.EDITOR,
        of=Scope.EVERYWHERE,
        is_page=False,
    ),
)
