"""How mail leaves: audiences frozen, editions pressed, messages sent, outcomes accounted for."""

from mailer.delivery.accounting import Pause
from mailer.delivery.again import count_as_sent, send_again
from mailer.delivery.allowance import Allowance
from mailer.delivery.assembling import Due, assemble, conclude, due_lists, set_cadence
from mailer.delivery.assembling import days as cadence_days
from mailer.delivery.assembling import failed as cadence_failed
from mailer.delivery.checking import (
    Remark,
    Severity,
    links,
)
from mailer.delivery.closing import (
    expire,
    finish,
    has_loose_ends,
    reopen,
    withdraw_cancelled,
    withdraw_late,
)
from mailer.delivery.editing import (
    UNDO,
    Intent,
    Preview,
    post_test,
    preview,
    queue_digest,
)
from mailer.delivery.engine import Engine, Pacing
from mailer.delivery.exchanges import answered as keep_groups
from mailer.delivery.exchanges import by_records as group_by_exchanges
from mailer.delivery.exchanges import wanted as domains_to_ask_about
from mailer.delivery.fate import Fate, fate
from mailer.delivery.inspecting import Inspection, fingerprint_of, inspect
from mailer.delivery.linking import Looked
from mailer.delivery.linking import found as links_found
from mailer.delivery.linking import keep as keep_links
from mailer.delivery.linking import look_at as look_at_links
from mailer.delivery.notices import (
    Notice,
    Said,
    backup_failed,
    database_put_back,
    digest_missed,
    say,
)
from mailer.delivery.notices import post as post_notice
from mailer.delivery.office import (
    ApprovalLetter,
    PasswordLink,
    post_approval_letter,
    post_invitation,
    post_password_link,
    post_route_test,
)
from mailer.delivery.opening import NotOpened, Session, machine_name, open_session
from mailer.delivery.outlook import Outlook, outlook
from mailer.delivery.paces import GroupStanding, stopped_reason
from mailer.delivery.paces import forget as forget_paces
from mailer.delivery.paces import resume as resume_group
from mailer.delivery.paces import standings as paces
from mailer.delivery.plates import frozen, stored
from mailer.delivery.press import Press
from mailer.delivery.progress import Ahead, Destination, ahead, destinations
from mailer.delivery.queueing import Terms, freeze_chunk, promote
from mailer.delivery.reaching import Counts, Reach, reach
from mailer.delivery.rehearsing import Rehearsal
from mailer.delivery.rehearsing import begin as begin_rehearsal
from mailer.delivery.rehearsing import found as rehearsal
from mailer.delivery.rehearsing import go_on as rehearse
from mailer.delivery.reply import Reply, Step
from mailer.delivery.report import Report, report
from mailer.delivery.report import said as reason_said
from mailer.delivery.route import is_loopback, trust
from mailer.delivery.routes import RouteStanding
from mailer.delivery.routes import resume as resume_route
from mailer.delivery.routes import standings as routes
from mailer.delivery.transport import Route, Timeouts
from mailer.delivery.turns import Turns
from mailer.delivery.wire import Lost

__all__ = [
    "UNDO",
    "Ahead",
    "Allowance",
    "ApprovalLetter",
    "Counts",
    "Destination",
    "Due",
    "Engine",
    "Fate",
    "GroupStanding",
    "Inspection",
    "Intent",
    "Looked",
    "Lost",
    "NotOpened",
    "Notice",
    "Outlook",
    "Pacing",
    "PasswordLink",
    "Pause",
    "Press",
    "Preview",
    "Reach",
    "Rehearsal",
    "Remark",
    "Reply",
    "Report",
    "Route",
    "RouteStanding",
    "Said",
    "Session",
    "Severity",
    "Step",
    "Terms",
    "Timeouts",
    "Turns",
    "ahead",
    "assemble",
    "backup_failed",
    "begin_rehearsal",
    "cadence_days",
    "cadence_failed",
    "conclude",
    "count_as_sent",
    "database_put_back",
    "destinations",
    "digest_missed",
    "domains_to_ask_about",
    "due_lists",
    "expire",
    "fate",
    "fingerprint_of",
    "finish",
    "forget_paces",
    "freeze_chunk",
    "frozen",
    "group_by_exchanges",
    "has_loose_ends",
    "inspect",
    "is_loopback",
    "keep_groups",
    "keep_links",
    "links",
    "links_found",
    "look_at_links",
    "machine_name",
    "open_session",
    "outlook",
    "paces",
    "post_approval_letter",
    "post_invitation",
    "post_notice",
    "post_password_link",
    "post_route_test",
    "post_test",
    "preview",
    "promote",
    "queue_digest",
    "reach",
    "reason_said",
    "rehearsal",
    "rehearse",
    "reopen",
    "report",
    "resume_group",
    "resume_route",
    "routes",
    "say",
    "send_again",
    "set_cadence",
    "stopped_reason",
    "stored",
    "trust",
    "withdraw_cancelled",
    "withdraw_late",
]
