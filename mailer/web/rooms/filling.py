"""A form that is read field by field: what was typed is kept, and every mistake is at its field."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from mailer import address
from mailer.address import Address
from mailer.errors import MailerError
from mailer.language import Language, translatable
from mailer.web.rooms import frame

Read = TypeVar("Read")

NOT_AN_ADDRESS = translatable("This is not an address. It should look like name@example.org.")


class Filling:
    """What was typed into a form; `errors` are by field, in the editor's language."""

    def __init__(self, language: Language, form: Mapping[str, str]) -> None:
        self.form = form
        self.errors: dict[str, str] = {}
        self._language = language

    def text(self, name: str) -> str:
        """Give a field as it was typed, without the blanks around it."""
        return self.form.get(name, "").strip()

    def ticked(self, name: str) -> bool:
        """Tell whether a box is ticked."""
        return name in self.form

    def read(
        self, name: str, reader: Callable[[str], Read], otherwise: Read, *, says: str = ""
    ) -> Read:
        """Read a field; what is wrong with it goes to its errors, in our words or in `says`."""
        try:
            return reader(self.text(name))
        except (MailerError, ValueError) as error:
            known = isinstance(error, MailerError)
            self.wrong(name, says or (error if known else str(error)))
            return otherwise

    def address(self, name: str) -> Address | None:
        """Read an address; None for an empty field."""
        if not self.text(name):
            return None
        return self.read(name, address.parse, None, says=NOT_AN_ADDRESS)

    def one_of(self, name: str, known: Mapping[str, Read], otherwise: Read, *, says: str) -> Read:
        """Read which of several things was chosen."""
        chosen = self.text(name)
        if chosen not in known:
            self.wrong(name, says)
            return otherwise
        return known[chosen]

    def wrong(self, name: str, why: object) -> None:
        """Say what is wrong with a field; the first word about it counts."""
        self.errors.setdefault(name, frame.explained(self._language, why))
