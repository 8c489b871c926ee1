"""Every table, on one page. Read this first.

Moments are aware and in UTC. States are enums, stored by value and checked by the database.
Table models do not check their fields: make them from checked values. What may follow what is
written where the subject lives, not here. Ids are integers, and links carry them signed.
"""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UTCDateTime(TypeDecorator[datetime]):
    """A moment: refused when naive, always given back in UTC (SQLite forgets the zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Bring a moment into UTC on its way in."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give a moment back aware, in UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def states(kind: type[StrEnum], name: str, *, checked: bool = True) -> Enum:
    """Give a column type that stores the enum's values and lets the database check them.

    One that is not `checked` has a constraint of its own.
    """
    return Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=checked,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


def _index_where_given(table: str, column: str) -> Index:
    """Make an index of those rows that have a value there."""
    given = text(f"{column} IS NOT NULL")
    name = f"ix_{table}_{column}"
    return Index(name, column, sqlite_where=given, postgresql_where=given)


BigId = BigInteger().with_variant(Integer, "sqlite")
"""A key that outgrows 32 bits; SQLite numbers rows by itself only in an INTEGER."""


class Table(SQLModel):
    """What all tables share: one catalogue of them, with names for every constraint."""

    metadata = MetaData(naming_convention=NAMING)


# --- lists -------------------------------------------------------------------------------


class Visibility(StrEnum):
    """Who finds a list."""

    PUBLIC = "public"  # shown on the front page
    UNLISTED = "unlisted"  # found by its address only
    PRIVATE = "private"  # no page; an editor adds its subscribers


class OptIn(StrEnum):
    """How a subscription comes to be confirmed."""

    DOUBLE = "double"
    SINGLE = "single"


class Sender(Table, table=True):
    """From, Reply-To, postal address and route: what lists refer to."""

    __tablename__ = "senders"
    id: int | None = Field(default=None, primary_key=True)
    name: str
    address: str
    reply_to: str | None = None
    postal_address: str = ""
    route: str = "smtp"
    created_at: datetime = Field(sa_type=UTCDateTime)


class MailingList(Table, table=True):
    """What one subscribes to. `identifier` is the List-Id, fixed at birth (RFC 2919).

    Where it `needs_approval`, a digest goes out only when a second person has read it.
    """

    __tablename__ = "lists"
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)
    identifier: str = Field(unique=True)
    sender_id: int = Field(foreign_key="senders.id")
    language: str = "en"
    languages: list[str] = Field(default_factory=list, sa_type=JSON)
    timezone: str = "UTC"
    visibility: Visibility = Field(
        default=Visibility.PUBLIC, sa_type=states(Visibility, "visibility")
    )
    opt_in: OptIn = Field(default=OptIn.DOUBLE, sa_type=states(OptIn, "opt_in"))
    layout: str = "digest"
    accent: str | None = None
    cadence: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    needs_approval: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=false())
    )
    last_number: int = 0
    created_at: datetime = Field(sa_type=UTCDateTime)
    retired_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class ListText(Table, table=True):
    """The words of a list in one language."""

    __tablename__ = "list_texts"
    list_id: int = Field(foreign_key="lists.id", primary_key=True)
    language: str = Field(primary_key=True)
    name: str
    description: str = ""
    welcome: str = ""
    consent: str = ""


class OldSlug(Table, table=True):
    """A name a list once had; links with it go on leading there."""

    __tablename__ = "old_slugs"
    slug: str = Field(primary_key=True)
    list_id: int = Field(foreign_key="lists.id", index=True)


# --- subscribers -------------------------------------------------------------------------


class Organisation(Table, table=True):
    """Where subscribers work."""

    __tablename__ = "organisations"
    __table_args__ = (UniqueConstraint("name", "country"),)
    id: int | None = Field(default=None, primary_key=True)
    name: str
    country: str = ""
    batch_id: int | None = Field(default=None, foreign_key="import_batches.id", index=True)
    created_at: datetime = Field(sa_type=UTCDateTime)


class OrganisationDomain(Table, table=True):
    """Whoever has an address in this domain works there, unless somebody said otherwise."""

    __tablename__ = "organisation_domains"
    domain: str = Field(primary_key=True)
    organisation_id: int = Field(foreign_key="organisations.id", index=True)


class ImportBatch(Table, table=True):
    """One file that was imported: what it was, on what basis, how it went; undone as a whole."""

    __tablename__ = "import_batches"
    id: int | None = Field(default=None, primary_key=True)
    list_id: int = Field(foreign_key="lists.id")
    name: str
    kind: str
    basis: str
    counts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    started_at: datetime = Field(sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    undone_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Subscriber(Table, table=True):
    """A person known by one address; `key` is its normal form, NULL once erased.

    Until `paused_until` no digest is mailed. `batch_id` is the import that brought the person.
    `merged_into` is whom they became, when they moved to the address of a subscriber.
    """

    __tablename__ = "subscribers"
    # Few have either: an index of everybody would be paid for by each who comes.
    __table_args__ = (
        _index_where_given("subscribers", "organisation_id"),
        _index_where_given("subscribers", "merged_into"),
        _index_where_given("subscribers", "domain"),
        # By how a name begins. On PostgreSQL in the order of code points, which is SQLite's own:
        # in that of a language, what begins alike does not stand together.
        Index(
            "ix_subscribers_called", text("name COLLATE NOCASE"), sqlite_where=text("name <> ''")
        ).ddl_if(dialect="sqlite"),
        Index(
            "ix_subscribers_called_c",
            text('(lower(name)) COLLATE "C"'),
            postgresql_where=text("name <> ''"),
        ).ddl_if(dialect="postgresql"),
        Index("ix_subscribers_key_c", text('key COLLATE "C"')).ddl_if(dialect="postgresql"),
    )
    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    address: str | None
    key: str | None = Field(unique=True)
    domain: str | None = None
    name: str = ""
    language: str | None = None
    organisation_id: int | None = Field(default=None, foreign_key="organisations.id")
    paused_until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    batch_id: int | None = Field(default=None, foreign_key="import_batches.id", index=True)
    merged_into: int | None = Field(
        default=None, sa_column=Column(BigId, ForeignKey("subscribers.id"))
    )
    created_at: datetime = Field(sa_type=UTCDateTime)
    erased_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class SubscriptionState(StrEnum):
    """Where one subscriber stands on one list."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class Subscription(Table, table=True):
    """One subscriber on one list. `ask` counts opt-ins: an old confirmation link is no new one.

    `reminded_at` says when an unconfirmed one was reminded, `batch_id` which import made it.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        Index("ix_subscriptions_audience", "list_id", "state", "subscriber_id"),
        # What an import brought, in order.
        Index(
            "ix_subscriptions_batch",
            "batch_id",
            "subscriber_id",
            sqlite_where=text("batch_id IS NOT NULL"),
            postgresql_where=text("batch_id IS NOT NULL"),
        ),
    )
    subscriber_id: int = Field(
        sa_column=Column(BigId, ForeignKey("subscribers.id"), primary_key=True)
    )
    list_id: int = Field(foreign_key="lists.id", primary_key=True)
    state: SubscriptionState = Field(sa_type=states(SubscriptionState, "state"))
    ask: int = 1
    language: str | None = None
    basis: str | None = None
    batch_id: int | None = Field(default=None, foreign_key="import_batches.id")
    created_at: datetime = Field(sa_type=UTCDateTime)
    reminded_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    confirmed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    left_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class SuppressionReason(StrEnum):
    """Why an address must not be mailed."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    REQUEST = "request"
    EDITOR = "editor"


class Suppression(Table, table=True):
    """An address that must not be mailed, everywhere (`list_id` 0) or on one list."""

    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("key", "list_id"),)
    id: int | None = Field(default=None, primary_key=True)
    key: str
    list_id: int = 0
    reason: SuppressionReason = Field(sa_type=states(SuppressionReason, "reason"))
    delivery_id: int | None = Field(default=None, sa_type=BigInteger)
    batch_id: int | None = Field(default=None, foreign_key="import_batches.id", index=True)
    note: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)


class Segment(Table, table=True):
    """Some of a list's subscribers (of any list, without one), by filters that an editor saved."""

    __tablename__ = "segments"
    id: int | None = Field(default=None, primary_key=True)
    list_id: int | None = Field(default=None, foreign_key="lists.id", index=True)
    name: str
    filters: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    created_at: datetime = Field(sa_type=UTCDateTime)
    retired_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class AskAction(StrEnum):
    """Which button was pressed."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    ACCESS = "access"  # the fresh link to one's own data


class Ask(Table, table=True):
    """What somebody asked by the box, kept until a worker acts upon it, then deleted."""

    __tablename__ = "asks"
    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    action: AskAction = Field(sa_type=states(AskAction, "action"))
    list_id: int = Field(foreign_key="lists.id")
    address: str
    language: str
    network: str
    trapped: bool = False
    evidence: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    asked_at: datetime = Field(sa_type=UTCDateTime)


class AddressChange(Table, table=True):
    """A reader's wish to be mailed at another address: done once its link was pressed there.

    With time both addresses are blanked; of the old one `old_name` stays, a keyed hash, so that
    no import mails what its reader gave up.
    """

    __tablename__ = "address_changes"
    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(
        sa_column=Column(BigId, ForeignKey("subscribers.id"), nullable=False, index=True)
    )
    old_address: str | None
    address: str | None
    old_name: str | None = None
    asked_at: datetime = Field(sa_type=UTCDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    undone_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Tally(Table, table=True):
    """How often something limited happened within one hour."""

    __tablename__ = "tallies"
    subject: str = Field(primary_key=True)
    hour: datetime = Field(primary_key=True, sa_type=UTCDateTime)
    count: int = 0


# --- pictures and documents --------------------------------------------------------------


class Medium(Table, table=True):
    """A picture or document that we host, known by the SHA-256 of its content; never changed.

    `created_at` is when it was put in last, or a back number let it go: unused, it stays so long.
    """

    __tablename__ = "media"
    hash: str = Field(primary_key=True)
    media_type: str
    size: int
    width: int | None = None
    height: int | None = None
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_type=UTCDateTime)


# --- items and digests -------------------------------------------------------------------


class ItemGroup(Table, table=True):
    """Translations of one piece of news belong to one group."""

    __tablename__ = "item_groups"
    id: int | None = Field(default=None, primary_key=True)
    created_at: datetime = Field(sa_type=UTCDateTime)


class Item(Table, table=True):
    """One piece of meeting news in one language; its words are in its versions."""

    __tablename__ = "items"
    __table_args__ = (UniqueConstraint("group_id", "language"),)
    id: int | None = Field(default=None, primary_key=True)
    group_id: int = Field(foreign_key="item_groups.id")
    language: str
    created_at: datetime = Field(sa_type=UTCDateTime)
    retired_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class ItemVersion(Table, table=True):
    """What an item said at one time; never changed, only followed by the next.

    `starts` and `ends` are ISO 8601: a date, or a local date and time in `timezone`. `picture`
    and `documents` name media by hash: see `mailer.digests.pictures` and `.documents`.
    `words` are all that it says, folded (`mailer.folding`), for the archive's search. `written_by`
    is nobody where a file was read by a command.
    """

    __tablename__ = "item_versions"
    __table_args__ = (UniqueConstraint("item_id", "number"),)
    id: int | None = Field(default=None, primary_key=True)
    item_id: int = Field(foreign_key="items.id")
    number: int
    title: str
    body: str = Field(default="", sa_type=Text)
    starts: str | None = None
    ends: str | None = None
    timezone: str | None = None
    place: str = ""
    topic: str = ""
    organiser: str = ""
    link: str = ""
    picture: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    documents: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]")
    )
    words: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    created_at: datetime = Field(sa_type=UTCDateTime)
    written_by: int | None = Field(default=None, foreign_key="editors.id")


class DigestState(StrEnum):
    """The life of a digest."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    QUEUED = "queued"  # its audience is being frozen
    SENDING = "sending"
    SENT = "sent"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Digest(Table, table=True):
    """One number of a list. `resume_to` is what a paused one goes back to.

    From `stops_at` on nothing more of it is sent: what waits then is withdrawn as too late.

    With a segment, it goes to those of its list whom the segment's filters choose.
    """

    __tablename__ = "digests"
    __table_args__ = (UniqueConstraint("list_id", "number"),)
    id: int | None = Field(default=None, primary_key=True)
    list_id: int = Field(foreign_key="lists.id")
    number: int
    dated_on: date
    layout: str
    state: DigestState = Field(
        default=DigestState.DRAFT, sa_type=states(DigestState, "digest_state")
    )
    resume_to: DigestState | None = Field(
        default=None, sa_type=states(DigestState, "digest_resume_to")
    )
    reason: str = ""
    local_time: str | None = None
    timezone: str | None = None
    due_at: datetime | None = Field(default=None, sa_type=UTCDateTime, index=True)
    not_after: datetime | None = Field(default=None, sa_type=UTCDateTime)
    stops_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    audience_cursor: int = Field(default=0, sa_type=BigInteger)
    segment_id: int | None = Field(default=None, foreign_key="segments.id")
    created_at: datetime = Field(sa_type=UTCDateTime)
    queued_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class DigestText(Table, table=True):
    """The words of a digest in one language, beside those of its items.

    `preheader` is what mail programs show behind the subject; empty, they show what comes first.
    `words` are subject and introduction folded, for the archive's search.
    """

    __tablename__ = "digest_texts"
    digest_id: int = Field(foreign_key="digests.id", primary_key=True)
    language: str = Field(primary_key=True)
    subject: str
    introduction: str = Field(default="", sa_type=Text)
    preheader: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    words: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))


class DigestItem(Table, table=True):
    """Which items are in a digest, in order, under which heading."""

    __tablename__ = "digest_items"
    digest_id: int = Field(foreign_key="digests.id", primary_key=True)
    item_id: int = Field(foreign_key="items.id", primary_key=True, index=True)
    position: int
    section: str = ""


class CadenceDay(Table, table=True):
    """A day on which a list's cadence fell due, and what came of it: acted upon once."""

    __tablename__ = "cadence_days"
    list_id: int = Field(foreign_key="lists.id", primary_key=True)
    day: date = Field(primary_key=True)
    acted_at: datetime = Field(sa_type=UTCDateTime)
    outcome: str
    digest_id: int | None = Field(default=None, foreign_key="digests.id")


class BackNumber(Table, table=True):
    """A number that went out before we did it: a PDF or HTML file put into the archive.

    `words` are its title's and its own, folded, for the archive's search.
    """

    __tablename__ = "back_numbers"
    id: int | None = Field(default=None, primary_key=True)
    list_id: int = Field(foreign_key="lists.id", index=True)
    number: str = ""
    dated_on: date
    language: str
    title: str
    file_name: str
    hash: str = Field(foreign_key="media.hash")
    words: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(sa_type=UTCDateTime)


class Edition(Table, table=True):
    """A digest or letter rendered for one language, frozen, known by what went into it.

    Recipient values are left as holes; a delivery fills them. `head` is what stands in the
    headers: sender, list, archive. Never changed.
    """

    __tablename__ = "editions"
    id: int | None = Field(default=None, primary_key=True)
    hash: str = Field(unique=True)
    kind: str
    layout: str
    language: str
    list_id: int | None = Field(default=None, foreign_key="lists.id")
    subject: str
    html: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    head: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSON, nullable=False, server_default="{}")
    )
    created_at: datetime = Field(sa_type=UTCDateTime)


class DigestEdition(Table, table=True):
    """Which editions a digest goes out as; the languages of one digest, one edition each."""

    __tablename__ = "digest_editions"
    digest_id: int = Field(foreign_key="digests.id", primary_key=True)
    language: str = Field(primary_key=True)
    edition_id: int = Field(foreign_key="editions.id")


class EditionItem(Table, table=True):
    """Which item versions an edition holds."""

    __tablename__ = "edition_items"
    edition_id: int = Field(foreign_key="editions.id", primary_key=True)
    item_version_id: int = Field(foreign_key="item_versions.id", primary_key=True)
    position: int


# --- the ledger --------------------------------------------------------------------------


class DeliveryKind(StrEnum):
    """What is mailed."""

    DIGEST = "digest"
    TEST = "test"
    CONFIRMATION = "confirmation"
    WELCOME = "welcome"
    ALREADY = "already"
    LEAVE = "leave"
    NOTICE = "notice"
    REMINDER = "reminder"  # an opt-in still waits to be confirmed
    ACCESS = "access"  # the fresh link to one's own data
    MOVE = "move"  # to the new address: is it yours?
    MOVED = "moved"  # to the old address: mail now goes elsewhere
    HANDOVER = "handover"  # to whoever took over a mailbox
    PASSWORD = "password"  # noqa: S105  (to an editor: the link to set one)
    APPROVAL = "approval"  # to whoever is asked to read a digest before it goes


class DeliveryState(StrEnum):
    """Where one delivery stands; “sending” is in the worker's journal, not here."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    WITHDRAWN = "withdrawn"
    UNCERTAIN = "uncertain"


class Worker(Table, table=True):
    """One life of a process that runs the engine. Its id is the fencing token of its claims."""

    __tablename__ = "workers"
    id: int | None = Field(default=None, primary_key=True)
    host: str
    boot: str
    pid: int
    started_at: datetime = Field(sa_type=UTCDateTime)
    lease_until: datetime = Field(sa_type=UTCDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UTCDateTime, index=True)


class Delivery(Table, table=True):
    """One message to one recipient: the row that accounts for it.

    Waiting: `queued`. Deferred: `queued` with `tries` behind it and a later `due_at`.
    Held: `queued` with `due_at` NULL and a reason; it waits for a person.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("digest_id", "subscriber_id"),
        Index(
            "ix_deliveries_waiting",
            "digest_id",
            "due_at",
            "id",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        Index(
            "ix_deliveries_claimed",
            "worker_id",
            sqlite_where=text("state IN ('claimed', 'uncertain')"),
            postgresql_where=text("state IN ('claimed', 'uncertain')"),
        ),
        Index("ix_deliveries_counts", "digest_id", "state", "tries"),
        Index(
            "ix_deliveries_letters_to",
            "key",
            "posted_at",
            sqlite_where=text("digest_id IS NULL"),
            postgresql_where=text("digest_id IS NULL"),
        ),
        CheckConstraint("tries >= 0", name="tries"),
        # Each by itself: of a list, SQLite makes a table anew for every row that it writes.
        CheckConstraint(
            " OR ".join(f"state = '{one.value}'" for one in DeliveryState), name="delivery_state"
        ),
    )
    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    kind: DeliveryKind = Field(sa_type=states(DeliveryKind, "kind"))
    state: DeliveryState = Field(
        default=DeliveryState.QUEUED,
        sa_type=states(DeliveryState, "delivery_state", checked=False),
    )
    digest_id: int | None = Field(default=None, foreign_key="digests.id")
    edition_id: int | None = Field(default=None, foreign_key="editions.id")
    list_id: int | None = Field(default=None, foreign_key="lists.id")
    subscriber_id: int | None = Field(
        default=None, sa_column=Column(BigId, ForeignKey("subscribers.id"), index=True)
    )
    address: str | None
    key: str | None
    domain: str = ""
    name: str = ""
    language: str = "en"
    context: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    route: str = "smtp"
    signing_key: int | None = None
    idempotency_key: str | None = Field(default=None, unique=True)
    posted_at: datetime = Field(sa_type=UTCDateTime)
    due_at: datetime | None = Field(sa_type=UTCDateTime)
    not_after: datetime = Field(sa_type=UTCDateTime)
    dated_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    tries: int = 0
    worker_id: int | None = Field(default=None, foreign_key="workers.id")
    settled_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    reason: str = ""
    reply_code: int | None = None
    reply_text: str = ""


class Attempt(Table, table=True):
    """One try that did not end with the relay taking the message, and what was answered."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_reply", "route", "reply_key", "tried_at"),)
    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    delivery_id: int = Field(
        sa_column=Column(BigId, ForeignKey("deliveries.id"), nullable=False, index=True)
    )
    tried_at: datetime = Field(sa_type=UTCDateTime)
    route: str
    domain: str
    step: str
    code: int | None = None
    enhanced: str | None = None
    text: str = Field(default="", sa_type=Text)
    reply_key: str = ""
    verdict: str


class RouteState(Table, table=True):
    """Whether a route may be used, and why not.

    Paused waits for a person; until `rests_until` it waits by itself, for a relay's window:
    the `rests`-th time in a row. `unreached_since`: nothing has come to this relay since then.
    """

    __tablename__ = "routes"
    name: str = Field(primary_key=True)
    paused_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    reason: str = ""
    resumed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    rests_until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    rest_reason: str = ""
    rests: int = 0
    unreached_since: datetime | None = Field(default=None, sa_type=UTCDateTime)


class RouteUse(Table, table=True):
    """How much of a route's allowance one window of time has used: a minute, an hour, a day."""

    __tablename__ = "route_uses"
    route: str = Field(primary_key=True)
    window: str = Field(primary_key=True)
    begins_at: datetime = Field(primary_key=True, sa_type=UTCDateTime)
    count: int = 0


class Destination(Table, table=True):
    """What a route has met at one recipient domain."""

    __tablename__ = "destinations"
    route: str = Field(primary_key=True)
    domain: str = Field(primary_key=True)
    accepted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    refused_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    refusals: int = 0


class Pace(Table, table=True):
    """How fast a route, or one group of destinations by it, may be used; without a row, at will.

    `group_name` is a provider, or a domain of its own, or empty for the route as a whole. Slots
    are given away up to `next_at`, the letters' reserve up to `letters_at`; who has to wait
    stands in line up to `line_at`. See mailer/delivery/pace.py.
    """

    __tablename__ = "paces"
    route: str = Field(primary_key=True)
    group_name: str = Field(primary_key=True)
    per_minute: int
    next_at: datetime = Field(sa_type=UTCDateTime)
    letters_at: datetime = Field(sa_type=UTCDateTime)
    line_at: datetime = Field(sa_type=UTCDateTime)
    taken: int = 0
    slowed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    held_until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    holds: int = 0
    strikes: int = 0
    stopped_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    reason: str = ""


class DomainGroup(Table, table=True):
    """Which provider takes a domain's mail, by its MX; not asked yet while `asked_at` is empty."""

    __tablename__ = "domain_groups"
    domain: str = Field(primary_key=True)
    group_name: str
    asked_at: datetime | None = Field(default=None, sa_type=UTCDateTime, index=True)


# --- editors -----------------------------------------------------------------------------


class Role(StrEnum):
    """What an editor may do; each may do what those before it may."""

    VIEWER = "viewer"  # sees
    APPROVER = "approver"  # says of a digest whether it may go
    EDITOR = "editor"  # writes, arranges, queues, keeps subscribers
    OWNER = "owner"  # settles how the installation and its lists are, and who does what


class Editor(Table, table=True):
    """Somebody who signs in, known by one address.

    `password` is argon2's own text, empty until one is set; `password_number` counts those that
    were set, so that a mailed link to set one is good for one time. `second` is a sealed secret
    for one-time codes (RFC 6238), and `second_step` the step whose code was used last.
    """

    __tablename__ = "editors"
    id: int | None = Field(default=None, primary_key=True)
    address: str
    key: str = Field(unique=True)
    name: str
    language: str | None = None
    password: str = ""
    password_number: int = 0
    second: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    second_by: int | None = None
    second_step: int = 0
    created_at: datetime = Field(sa_type=UTCDateTime)
    retired_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Grant(Table, table=True):
    """The role of an editor on one list, or (`list_id` 0) on every list there is and will be."""

    __tablename__ = "grants"
    editor_id: int = Field(foreign_key="editors.id", primary_key=True)
    list_id: int = Field(primary_key=True)
    role: Role = Field(sa_type=states(Role, "role"))


class SignIn(Table, table=True):
    """An editor at one browser. Its cookie's SHA-256 is kept, so that a copy of this opens nothing.

    Until `passed_at` the second factor is awaited.
    """

    __tablename__ = "sign_ins"
    id: int | None = Field(default=None, primary_key=True)
    hash: str = Field(unique=True)
    editor_id: int = Field(foreign_key="editors.id", index=True)
    agent: str = ""
    network: str = ""
    began_at: datetime = Field(sa_type=UTCDateTime)
    seen_at: datetime = Field(sa_type=UTCDateTime)
    passed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime, index=True)


class Unsaved(Table, table=True):
    """What an editor has typed in a form and not saved yet; `base` is the version it began with."""

    __tablename__ = "unsaved"
    __table_args__ = (UniqueConstraint("editor_id", "place"),)
    id: int | None = Field(default=None, primary_key=True)
    editor_id: int = Field(foreign_key="editors.id")
    place: str
    base: int = 0
    fields: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    saved_at: datetime = Field(sa_type=UTCDateTime)


class Answer(StrEnum):
    """What somebody said who was asked to read a digest."""

    APPROVED = "approved"
    DECLINED = "declined"


class Approval(Table, table=True):
    """A digest, in the very form that `fingerprint` names, laid before somebody to read."""

    __tablename__ = "approvals"
    id: int | None = Field(default=None, primary_key=True)
    digest_id: int = Field(foreign_key="digests.id", index=True)
    fingerprint: str
    address: str
    name: str = ""
    asked_by: int | None = Field(default=None, foreign_key="editors.id")
    message: str = ""
    asked_at: datetime = Field(sa_type=UTCDateTime)
    answer: Answer | None = Field(default=None, sa_type=states(Answer, "answer"))
    remark: str = ""
    answered_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


# --- the installation --------------------------------------------------------------------


class Fact(Table, table=True):
    """Something the installation remembers about itself, such as when it last made a backup."""

    __tablename__ = "facts"
    name: str = Field(primary_key=True)
    value: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    at: datetime = Field(sa_type=UTCDateTime)


class DkimAlgorithm(StrEnum):
    """How a key signs, as `k=` of its record says it (RFC 6376, RFC 8463)."""

    RSA = "rsa"
    ED25519 = "ed25519"


class DkimKey(Table, table=True):
    """A key by which mail from a domain is signed: new, signing, or retired, by its moments.

    `public` is what its record says in `p=`; `sealed` is the private half, which only the key of
    the ring opens that `sealed_by` names: see `mailer.dkim.keeping`.
    """

    __tablename__ = "dkim_keys"
    __table_args__ = (
        UniqueConstraint("domain", "selector"),
        Index(
            "ix_dkim_keys_signing",
            "domain",
            "algorithm",
            unique=True,
            sqlite_where=text("signs_from IS NOT NULL AND signs_until IS NULL"),
            postgresql_where=text("signs_from IS NOT NULL AND signs_until IS NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    domain: str
    selector: str
    algorithm: DkimAlgorithm = Field(sa_type=states(DkimAlgorithm, "algorithm"))
    public: str
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sealed_by: int
    made_at: datetime = Field(sa_type=UTCDateTime)
    signs_from: datetime | None = Field(default=None, sa_type=UTCDateTime)
    signs_until: datetime | None = Field(default=None, sa_type=UTCDateTime)


# --- history -----------------------------------------------------------------------------


class Actor(StrEnum):
    """Who made something happen."""

    READER = "reader"
    EDITOR = "editor"
    KEY = "key"
    SYSTEM = "system"


class Event(Table, table=True):
    """An immutable line of history. Names no address: erasing a person leaves it standing."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_subscriber", "subscriber_id", "list_id", "id"),
        _index_where_given("events", "digest_id"),
        # What editors did: few of the lines, for most are readers'.
        Index(
            "ix_events_actor_id",
            "actor_id",
            "id",
            sqlite_where=text("actor_id <> ''"),
            postgresql_where=text("actor_id <> ''"),
        ),
    )
    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    kind: str
    version: int = 1
    at: datetime = Field(sa_type=UTCDateTime)
    actor: Actor = Field(sa_type=states(Actor, "actor"))
    actor_id: str = ""
    subscriber_id: int | None = Field(default=None, sa_type=BigInteger)
    list_id: int | None = None
    digest_id: int | None = None
    delivery_id: int | None = Field(default=None, sa_type=BigInteger)
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
