"""Numbers from before our time, as offices have them on their disks: PDF and HTML."""

import io

from pypdf import PdfWriter

PAGE = """<!DOCTYPE html>
<html><head><title>Old news</title><style>.red {{ color: #b00020; margin: -500px }}</style>
<script>alert(1)</script></head>
<body onload="alert(2)" bgcolor="#ffffff">
<table width="600"><tr><td style="padding: 8px; position: fixed; background: url(https://x.example/)">
<h1 class="red" id="top">{title}</h1>
<p>{words} <a href="javascript:alert(3)">run</a> <a href="#top">up</a> <a href="page2.html">next</a>
<a href="https://wco.example/">WCO</a></p>
<img src="https://pictures.example/hall.jpg" alt="the hall"><img src="local.gif" alt="logo">
<form action="https://evil.example/"><input name="password"></form><iframe src="/"></iframe>
</td></tr></table></body></html>
"""


def page(title: str = "Old news", words: str = "The harbour was opened.") -> str:
    """Give a newsletter of years ago, with all that a stranger might put into it."""
    return PAGE.format(title=title, words=words)


def pdf(*pages: str) -> bytes:
    """Give a PDF with a line of words on each page."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    kids = []
    for words in pages:
        stream = f"BT /F1 24 Tf 72 720 Td ({words}) Tj ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Contents {len(objects)} 0 R /Resources << /Font << /F1 "
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    return _file(objects)


def locked_pdf(*, reader: str, owner: str = "owner", algorithm: str = "RC4-128") -> bytes:
    """Give a PDF that is locked; with an empty password for readers, anybody may open it."""
    writer = PdfWriter(clone_from=io.BytesIO(pdf("Under lock and key")))
    writer.encrypt(reader, owner, algorithm=algorithm)
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def _file(objects: list[str]) -> bytes:
    text, places = "%PDF-1.4\n", []
    for number, words in enumerate(objects, 1):
        places.append(len(text))
        text += f"{number} 0 obj\n{words}\nendobj\n"
    start = len(text)
    rows = "".join(f"{place:010} 00000 n \n" for place in places)
    text += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{rows}"
    text += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return text.encode("latin-1")
