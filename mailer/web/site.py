"""The pages as one ASGI application."""

from starlette.routing import Match, Router
from starlette.types import ASGIApp, Scope

from mailer.app import App
from mailer.web import routes
from mailer.web.desk import FOLDER, Desk
from mailer.web.door import Door
from mailer.web.guard import Below, Headers


def create(app: App) -> ASGIApp:
    """Give the pages of an installation.

    Raises TemplateInvalid when a template of the owner's cannot be read: better now than when
    the first reader comes.
    """
    desk = Desk(app)
    _check_templates(desk)
    table = routes.table(desk)
    router = Router(table, redirect_slashes=False, default=Door(desk))

    def leads_somewhere(scope: Scope) -> bool:
        return any(route.matches(scope)[0] is not Match.NONE for route in table)

    below = Below(router, desk.base_path, leads_somewhere)
    return Headers(below, https=app.settings.web.base_url.startswith("https://"))


def _check_templates(desk: Desk) -> None:
    for folder in desk.app.template_folders[:-1]:
        for path in sorted((folder / FOLDER).glob("*.html")):
            for _ in desk.templates.sources(f"{FOLDER}/{path.name}"):
                pass
