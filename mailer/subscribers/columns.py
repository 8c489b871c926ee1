"""Which column of a table is what: by its name in many languages, or as somebody says.

A table need not name its columns, if one of them plainly holds addresses. What is not recognised
is named and left aside.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailer import address
from mailer.errors import AddressInvalid, FileInvalid, UsageError
from mailer.sheets import Line, Sheet

ADDRESS = "address"
FIRST = "first"
LAST = "last"
FIELDS = (ADDRESS, "name", FIRST, LAST, "language", "organisation", "country")
"""What `--map` may name; the first and last name are put together."""

NAMES = {
    ADDRESS: """
        email, e-mail address, mail, mail address, mailbox, subscribed address, e-mail-adresse,
        mailadresse, courriel, adresse courriel, adresse mail, adresse e-mail,
        adresse électronique, correo, correo electrónico, dirección de correo, indirizzo e-mail,
        posta elettronica, endereço de e-mail, メール, メールアドレス, Eメール, 电子邮件, 电子邮箱,
        邮箱, 邮件地址, 電子郵件, 電郵, อีเมล, อีเมล์, ที่อยู่อีเมล, 이메일, 이메일 주소, 전자우편,
        эл. почта, электронная почта, البريد الإلكتروني
    """,
    "name": """
        name, full name, display name, subscriber name, nom complet, nom et prénom,
        vollständiger name, nombre completo, nome completo, お名前, 名前, 氏名, 姓名, 名字,
        ชื่อ, ชื่อ-นามสกุล, ชื่อ นามสกุล, 이름, 성명, имя, الاسم
    """,
    FIRST: """
        first name, given name, forename, fname, vorname, prénom, nombre, nome, 名, ชื่อจริง
    """,
    LAST: """
        last name, family name, surname, lname, nachname, familienname, nom de famille, nom,
        apellido, apellidos, cognome, sobrenome, 姓, นามสกุล, 성
    """,
    "language": """
        language, lang, locale, preferred language, sprache, langue, idioma, lingua, 言語, 语言,
        語言, ภาษา, 언어, язык, اللغة
    """,
    "organisation": """
        organisation, organization, company, company name, employer, administration, institution,
        agency, firma, unternehmen, société, entreprise, organisme, empresa, organización, azienda,
        organização, 所属, 会社, 会社名, 組織, 機関, 所属機関, 单位, 單位, 公司, 组织, 机构,
        หน่วยงาน, องค์กร, บริษัท, 기관, 소속, 회사, организация, المؤسسة
    """,
    "country": """
        country, country/region, land, pays, país, paese, 国, 国名, 国家, 國家, ประเทศ, 국가, 나라,
        страна, البلد
    """,
}
WEAK = {ADDRESS: "address, adresse, dirección, indirizzo, 地址, ที่อยู่", "name": "nombre, nome"}
"""What may be another thing, a street or a first name: only when nothing better is there."""

UNMAPPED = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands in a row. `bare` tells that the first line is a row like others."""

    head: tuple[str, ...]
    place: Mapping[str, int]
    bare: bool = False

    @property
    def left_aside(self) -> tuple[str, ...]:
        """Give the names of columns that are not read."""
        used = set(self.place.values())
        return tuple(
            name.strip() for at, name in enumerate(self.head) if at not in used and name.strip()
        )

    @property
    def understood(self) -> dict[str, str]:
        """Give each field with the name of its column."""
        return {field: self.head[at].strip() for field, at in self.place.items()}


def understand(sheet: Sheet, said: Mapping[str, str]) -> Columns:
    """Find out what the columns of a sheet are; `said` maps fields to columns and goes first.

    A column is said by its name or its number from 1 on, or is empty for a field to leave aside.
    Raises FileInvalid when no column holds addresses, UsageError when a column is not there.
    """
    first = next(sheet.lines(), None)
    if first is None:
        raise FileInvalid(sheet.name, None, "holds no row")
    if sheet.head:
        return _columns(sheet, sheet.head, said, bare=True)
    if first.why:
        raise FileInvalid(sheet.name, first.number, first.why)
    named = _columns(sheet, first.cells, said, bare=False)
    if ADDRESS in named.place and not _is_address(first.cells[named.place[ADDRESS]]):
        _refuse_doubled(sheet, first, named, said)
        return named
    return _without_head(sheet, first, said)


def _without_head(sheet: Sheet, first: Line, said: Mapping[str, str]) -> Columns:
    numbers = tuple(str(number) for number in range(1, len(first.cells) + 1))
    columns = _columns(sheet, numbers, said, bare=True)
    place = dict(columns.place)
    holding = [at for at, cell in enumerate(first.cells) if _is_address(cell)]
    if ADDRESS not in place and len(holding) == 1:
        place[ADDRESS] = holding[0]
        if len(numbers) == 2:
            place.setdefault("name", 1 - holding[0])
    if ADDRESS not in place:
        seen = ", ".join(f"“{cell.strip()[:40]}”" for cell in first.cells[:20] if cell.strip())
        raise FileInvalid(
            sheet.name,
            first.number,
            f"no column is known to hold addresses; there are: {seen or 'none'}; "
            'say which, as in --map address="Work mail"',
        )
    return Columns(numbers, place, bare=True)


def _columns(sheet: Sheet, head: Sequence[str], said: Mapping[str, str], *, bare: bool) -> Columns:
    plain = [_plain(name) for name in head]
    place = {} if bare and not sheet.head else {**_named(plain, WEAK), **_named(plain, NAMES)}
    for field, column in said.items():
        place.pop(field, None)
        if column != UNMAPPED:
            at = _said(sheet, head, plain, column)
            place = {other: where for other, where in place.items() if where != at}
            place[field] = at
    return Columns(tuple(head), _names_apart(place), bare=bare)


def _named(plain: Sequence[str], tier: Mapping[str, str]) -> dict[str, int]:
    """Give where the fields stand whose columns have one of their names."""
    found = {field: _first(plain, _names(names)) for field, names in tier.items()}
    return {field: at for field, at in found.items() if at is not None}


def _first(plain: Sequence[str], names: frozenset[str]) -> int | None:
    return next((at for at, name in enumerate(plain) if name in names), None)


def _names_apart(place: dict[str, int]) -> dict[str, int]:
    """Beside a first name, a column “name” is the last."""
    if "name" in place and place["name"] == place.get(FIRST):
        place.pop("name" if LAST in place else FIRST)
    if FIRST in place and LAST not in place and "name" in place:
        place[LAST] = place.pop("name")
    elif LAST in place and FIRST not in place and "name" not in place:
        place["name"] = place.pop(LAST)
    elif "name" in place:
        place.pop(FIRST, None)
        place.pop(LAST, None)
    return {field: place[field] for field in FIELDS if field in place}


def _said(sheet: Sheet, head: Sequence[str], plain: Sequence[str], column: str) -> int:
    exact = [at for at, name in enumerate(head) if name.strip() == column.strip()]
    close = [at for at, name in enumerate(plain) if name == _plain(column)]
    found = exact or close
    if len(found) == 1:
        return found[0]
    if not found and column.isascii() and column.isdigit() and 0 < int(column) <= len(head):
        return int(column) - 1
    there = ", ".join(f"“{name.strip()[:40]}”" for name in head[:20])
    what = "twice" if found else "not"
    raise UsageError(f"--map: the column “{column}” is {what} in {sheet.name}; there are: {there}")


def _refuse_doubled(sheet: Sheet, first: Line, found: Columns, said: Mapping[str, str]) -> None:
    for field, at in found.place.items():
        name = _plain(first.cells[at])
        others = [one for one in first.cells if _plain(one) == name]
        if len(others) > 1 and field not in said:
            raise FileInvalid(
                sheet.name, first.number, f"the column “{others[0].strip()}” is there twice"
            )


def _is_address(cell: str) -> bool:
    if "@" not in cell:
        return False
    try:
        address.parse(cell)
    except AddressInvalid:
        return False
    return True


def _names(names: str) -> frozenset[str]:
    return frozenset(_plain(name) for name in names.split(",") if name.strip())


def _plain(name: str) -> str:
    """Give a column's name without case, marks and spaces: “E-Mail ” is “email”."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LMN")
