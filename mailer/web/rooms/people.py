"""The rooms about subscribers, for the table of all rooms."""

from mailer.db.schema import Role
from mailer.web.rooms import exporting, imports, segments, subscriber, subscribers
from mailer.web.rooms.room import UPLOAD, Room, Scope

PEOPLE = (
    Room("/subscribers", get=subscribers.show, sees=Role.EDITOR),
    Room("/subscribers/segments", get=segments.show, post=segments.press, sees=Role.EDITOR),
    Room("/subscribers/export", post=exporting.take_out, sees=Role.EDITOR),
    Room("/subscribers/imports", get=imports.show, sees=Role.EDITOR),
    Room(
        "/subscribers/imports/new",
        get=imports.show_new,
        post=imports.press_new,
        sees=Role.EDITOR,
        limits=UPLOAD,
    ),
    Room(
        "/subscribers/imports/files/{file}",
        get=imports.show_file,
        post=imports.press_file,
        sees=Role.EDITOR,
    ),
    Room(
        "/subscribers/imports/files/{file}/errors",
        get=imports.take_errors,
        sees=Role.EDITOR,
        is_page=False,
    ),
    Room(
        "/subscribers/imports/{batch}",
        get=imports.show_batch,
        post=imports.press_batch,
        sees=Role.EDITOR,
    ),
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
