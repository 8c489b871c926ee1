"""Documents: of kinds that offices send around, and what they say they are."""

import os
from pathlib import Path

import pytest

from mailer import media
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.digests import documents
from mailer.digests.documents import Document, StoredDocument
from mailer.errors import UsageError
from tests import papers

GOOD = {
    "agenda.pdf": papers.PDF,
    "Agenda.PDF": papers.PDF,
    "report.docx": papers.word(),
    "table.xlsx": papers.sheet(),
    "report.odt": papers.open_document("text"),
    "table.ods": papers.open_document("spreadsheet"),
    "talk.odp": papers.open_document("presentation"),
    "notes.txt": "\ufeffCafé\n".encode(),
    "table.csv": b"name,place\n",
}

BAD = {
    "page.html": (b"<script>", "is of a kind that is not hosted; there are csv, docx, odp"),
    "logo.svg": (b"<svg/>", "is of a kind that is not hosted"),
    "setup.exe": (b"MZ", "is of a kind that is not hosted"),
    "papers.zip": (papers.archive(a=b""), "is of a kind that is not hosted"),
    "agenda": (papers.PDF, "is of a kind that is not hosted"),
    "agenda.pdf": (b"MZ\x90\x00", "is not a PDF, whatever its name says"),
    "empty.pdf": (b"", "is empty"),
    "report.docx": (papers.PDF, "is not a .docx document, whatever its name says"),
    "sheet.docx": (papers.sheet(), "is not a .docx document"),
    "talk.odt": (papers.open_document("presentation"), "is not a .odt document"),
    "bare.odt": (papers.archive(content_xml=b""), "is not a .odt document"),
    "macros.docx": (papers.word(word__vbaProject_bin=b"x"), "holds macros: save it without them"),
    "latin.txt": ("Café".encode("latin-1"), "is not text in UTF-8: save it as UTF-8"),
    "binary.csv": (b"a\x00b", "is not text, whatever its name says"),
}


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", GOOD)
def test_a_document_is_what_its_name_and_its_bytes_agree_upon(tmp_path: Path, name: str) -> None:
    read = documents.read(put(tmp_path, name, GOOD[name]), "A title")

    assert read == Document("A title", name.rpartition(".")[2].upper(), GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_what_is_none_is_refused(tmp_path: Path, name: str) -> None:
    content, said = BAD[name]

    with pytest.raises(UsageError, match=said):
        documents.read(put(tmp_path, name, content), "A title")


def test_a_document_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = put(tmp_path, "agenda.pdf", papers.PDF)
    os.truncate(path, documents.LARGEST + 1)

    with pytest.raises(UsageError, match="is larger than 20 MB: link to a page that has it"):
        documents.read(path, "Agenda")


def test_a_hosted_document_is_kept_and_a_linked_one_is_not(
    database: Database, clock: FrozenClock
) -> None:
    hosted, linked = (
        StoredDocument.load(database.write(documents.keep, one, now=clock.now()))
        for one in (
            Document("Agenda", "PDF", papers.PDF),
            Document("Report", "PDF", link="https://example.org/report"),
        )
    )

    medium = database.read(media.get, hosted.hash)
    assert (medium.content, medium.media_type) == (papers.PDF, "application/pdf")
    assert (hosted.kind, hosted.size, hosted.extension) == ("PDF", len(papers.PDF), "pdf")
    assert linked == StoredDocument("Report", "PDF", "https://example.org/report")


@pytest.mark.parametrize(
    "title, name",
    [
        ("Agenda", "Agenda"),
        ("Agenda (draft), 2026/12", "Agenda-draft-2026-12"),
        ("วาระการประชุม", "วาระการประชุม"),
        ("議題　二", "議題-二"),
        ("…", "document"),
        ("x" * 200, "x" * 80),
    ],
)
def test_a_document_is_saved_by_its_title(title: str, name: str) -> None:
    assert StoredDocument(title).name == name
    assert media.file_name(name) == name
