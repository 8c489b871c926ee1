"""The name of a file is nothing but a name, whatever stands in it."""

from mailer.web import disposition


def test_a_name_cannot_end_its_header_nor_its_quotation_marks() -> None:
    header = disposition.inline('a\r\nSet-Cookie: x="1"\\.pdf')["Content-Disposition"]

    assert header.startswith('inline; filename="a__Set-Cookie: x=_1__.pdf"; ')
    assert header.isprintable()
