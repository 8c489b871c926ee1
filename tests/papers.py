"""Documents as offices send them around: as small as the real programs could write them."""

import io
import zipfile

import openpyxl

PDF = b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"


def archive(**members: bytes) -> bytes:
    """Give an archive; in the names, two underscores stand for a slash and one for a point."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as made:
        for name, content in members.items():
            made.writestr(name.replace("__", "/").replace("_", "."), content)
    return into.getvalue()


def word(**more: bytes) -> bytes:
    """Give a document of a word processor (ECMA-376)."""
    kept = {"[Content_Types]_xml": b"<Types/>", "word__document_xml": b"<document/>"}
    # The one name with an underscore in it, as the standard has it.
    into = archive(**{**kept, **more})
    return into.replace(b"[Content.Types].xml", b"[Content_Types].xml")


def sheet() -> bytes:
    """Give a workbook."""
    into = io.BytesIO()
    openpyxl.Workbook().save(into)
    return into.getvalue()


def open_document(kind: str) -> bytes:
    """Give a document of OpenDocument 1.3: text, spreadsheet or presentation."""
    return archive(mimetype=f"application/vnd.oasis.opendocument.{kind}".encode(), content_xml=b"")
