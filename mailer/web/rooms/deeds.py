"""What editors did, in plain words: a sentence for each kind of line in history.

A kind that an editor can cause must be here, or among those that readers are told of too.
"""

from mailer.language import Language, translatable
from mailer.web import told

DEEDS = {
    "list.created": translatable("List made"),
    "list.changed": translatable("List changed"),
    "list.cadence": translatable("Dates of a list changed"),
    "list.retired": translatable("List retired"),
    "list.taken_back": translatable("List taken back"),
    "digest.drafted": translatable("Digest drafted"),
    "digest.arranged": translatable("Items of a digest arranged"),
    "digest.worded": translatable("Words of a digest changed"),
    "digest.settled": translatable("Settings of a digest changed"),
    "digest.scheduled": translatable("Digest scheduled"),
    "digest.unscheduled": translatable("Digest taken back to a draft"),
    "digest.queued": translatable("Digest queued"),
    "digest.sending": translatable("Digest began to go out"),
    "digest.paused": translatable("Digest paused"),
    "digest.resumed": translatable("Digest goes on"),
    "digest.cancelled": translatable("Digest cancelled"),
    "digest.reopened": translatable("Digest opened again for those who did not get it"),
    "digest.accepted": translatable("Remarks on a digest accepted"),
    "digest.approval_asked": translatable("Second reader of a digest asked"),
    "digest.stops": translatable("Last hour of a digest set"),
    "digest.uncertain_counted": translatable("Uncertain recipients of a digest counted as sent"),
    "digest.sent": translatable("Digest went out"),
    "item.added": translatable("Item added"),
    "item.changed": translatable("Item changed"),
    "item.retired": translatable("Item retired"),
    "item.taken_back": translatable("Item taken back"),
    "subscriber.barred": translatable("Address barred from mail"),
    "subscriber.let_back": translatable("Address allowed mail again"),
    "digest.segment": translatable("Readers of a digest chosen"),
    "segment.saved": translatable("Segment saved"),
    "segment.renamed": translatable("Segment renamed"),
    "segment.retired": translatable("Segment retired"),
    "segment.brought_back": translatable("Segment brought back"),
    "subscribers.exported": translatable("Subscribers handed out as a file"),
    "import.undone": translatable("Import taken back"),
    "route.resumed": translatable("Route put in use again"),
    "group.resumed": translatable("Provider or domain gets mail again"),
    "settings.changed": translatable("Settings changed"),
    "dkim.made": translatable("Key for signatures made"),
    "dkim.switched": translatable("Key for signatures switched to"),
    "dkim.removed": translatable("Key for signatures forgotten"),
    "editor.invited": translatable("Editor invited"),
    "editor.role": translatable("Role changed"),
    "editor.retired": translatable("Editor retired"),
    "editor.password": translatable("Password set"),
    "editor.link": translatable("Link to a new password sent"),
    "editor.second_on": translatable("Code as second step turned on"),
    "editor.second_off": translatable("Code as second step taken away"),
    "editor.signed_in": translatable("Signed in"),
    "editor.signed_out": translatable("Sign-ins of an editor ended"),
}


def in_words(language: Language, kind: str) -> str:
    """Say what a line of history tells; the kind itself for one of a later version."""
    said = DEEDS.get(kind) or told.EVENTS.get(kind)
    return language.gettext(said) if said else kind
