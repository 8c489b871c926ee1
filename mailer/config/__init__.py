"""The settings: from a TOML file and the environment, every mistake named at once."""

from mailer.config.asking import Check
from mailer.config.editing import Plain, edit
from mailer.config.loading import (
    PREFIX,
    Config,
    forget_environment,
    load,
    named_by_environment,
    named_files,
    origins,
)
from mailer.config.relay import Auth, Envelope, Pace, Route, Security
from mailer.config.rewriting import put_first
from mailer.config.tables import (
    Backup,
    Database,
    Delivery,
    Log,
    Organisation,
    Partner,
    Retention,
    Settings,
    Subscribe,
    Templates,
    Tokens,
    Watch,
    Web,
)

__all__ = [
    "PREFIX",
    "Auth",
    "Backup",
    "Check",
    "Config",
    "Database",
    "Delivery",
    "Envelope",
    "Log",
    "Organisation",
    "Pace",
    "Partner",
    "Plain",
    "Retention",
    "Route",
    "Security",
    "Settings",
    "Subscribe",
    "Templates",
    "Tokens",
    "Watch",
    "Web",
    "edit",
    "forget_environment",
    "load",
    "named_by_environment",
    "named_files",
    "origins",
    "put_first",
]
