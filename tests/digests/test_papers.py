"""Files for the archive: what they are is seen in their bytes, and their words are found."""

import io
from pathlib import Path

import pytest
from pypdf import PdfWriter

from mailer.digests import papers, pdf_words
from mailer.errors import FileInvalid, TooLarge
from tests import old_numbers

WORDS = {
    "utf-8": "会議の報告 Réunion",
    "utf-8-sig": "会議の報告",
    "utf-16": "会議の報告",
    "shift_jis": "地域事務所の会議の報告をお届けします。今回は検査機関の長が東京に集まりました。",
    "gb18030": "区域办事处会议的报告。各实验室负责人在北京举行了会议。",
    "cp1252": "La réunion des laboratoires s’est tenue à Genève, près du lac, en été.",
    "cp874": "รายงานการประชุมของสำนักงานภูมิภาค",
}


@pytest.mark.parametrize("encoding", WORDS)
def test_a_page_is_read_in_whatever_encoding_it_is(tmp_path: Path, encoding: str) -> None:
    declared = {"cp874": "windows-874", "cp1252": "windows-1252"}.get(encoding, encoding)
    page = old_numbers.page("News", f"{WORDS[encoding]} {WORDS[encoding]}")
    page = page.replace("<head>", f'<head><meta charset="{declared.removesuffix("-sig")}">')
    file = tmp_path / "old.htm"
    file.write_bytes(page.encode(encoding))

    found = papers.read(file)

    assert found.media_type == papers.HTML
    assert WORDS[encoding] in found.content.decode()


def test_what_a_page_hides_is_none_of_its_words(tmp_path: Path) -> None:
    file = tmp_path / "old.html"
    file.write_text(old_numbers.page("Réunion"), encoding="utf-8")

    words = papers.read(file).words

    assert "reunion the harbour was opened." in words
    for hidden in ("alert", "500px", "old news"):
        assert hidden not in words


def test_the_words_of_a_pdf_are_found_on_all_its_pages(tmp_path: Path) -> None:
    file = tmp_path / "old.dat"
    file.write_bytes(old_numbers.pdf("Harbour laboratories", "Second page"))

    found = papers.read(file)

    assert found.media_type == papers.PDF
    assert found.words == "harbour laboratories second page"
    assert found.trouble == ""


def broken() -> bytes:
    return old_numbers.pdf("Harbour")[:200]


def scan() -> bytes:
    made, writer = io.BytesIO(), PdfWriter()
    writer.add_blank_page(612, 792)
    writer.write(made)
    return made.getvalue()


def endless() -> bytes:
    return old_numbers.pdf(*["Page"] * (pdf_words.MOST_PAGES + 1))


@pytest.mark.parametrize(
    "content, trouble",
    [
        (broken(), "it cannot be understood"),
        (b"%PDF-1.7\n" + bytes(5_000), "it cannot be understood"),
        (scan(), "there is no text in it, as in a scan"),
        (old_numbers.locked_pdf(reader="secret"), "it is locked with a password"),
        (endless(), f"it has more than {pdf_words.MOST_PAGES} pages; the first were read"),
    ],
    ids=["broken", "rubbish", "scan", "locked", "endless"],
)
def test_a_pdf_without_words_is_taken_and_says_why(
    tmp_path: Path, content: bytes, trouble: str
) -> None:
    file = tmp_path / "old.pdf"
    file.write_bytes(content)

    found = papers.read(file)

    assert found.trouble.startswith(trouble)
    assert found.content == content


def test_a_pdf_that_anybody_may_open_is_read(tmp_path: Path) -> None:
    assert papers.words_of_pdf(old_numbers.locked_pdf(reader=""))[0] == "under lock and key"


def test_a_pdf_that_takes_too_long_is_given_up() -> None:
    words, trouble = papers.words_of_pdf(old_numbers.pdf("Harbour"), seconds=0.001)

    assert words == ""
    assert trouble == "that took more than 0.001 seconds"


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04" + bytes(500),
        b"Dear readers,\nhello.",
        b"\x89PNG\r\n\x1a\n" + bytes(99),
        b"\0\0",
    ],
    ids=["docx", "text", "picture", "nothing"],
)
def test_what_is_neither_is_refused_whatever_its_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "old.pdf"
    file.write_bytes(content)

    with pytest.raises(FileInvalid, match="is neither a PDF nor an HTML file"):
        papers.read(file)


def test_a_file_that_is_not_there_is_empty_or_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "old.html"
    with pytest.raises(FileInvalid, match="there is no such file"):
        papers.read(file)
    file.write_bytes(b"")
    with pytest.raises(FileInvalid, match="is empty"):
        papers.read(file)
    with pytest.raises(FileInvalid):
        papers.read(tmp_path)
    monkeypatch.setattr(papers, "LARGEST_HTML", 1_000_000)
    file.write_bytes(b"<html>" + b" " * 1_000_000)
    with pytest.raises(TooLarge, match="larger than 1 MB"):
        papers.read(file)
    monkeypatch.setattr(papers, "LARGEST_PDF", 1_000_000)
    file.write_bytes(b"%PDF-" + b" " * 1_000_000)
    with pytest.raises(TooLarge, match="larger than 1 MB"):
        papers.read(file)
