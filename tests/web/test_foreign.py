"""A picture of another site becomes a link, however its address is written."""

import pytest

from mailer.web import foreign

OURS = "https://office.example/news/"


@pytest.mark.parametrize("address", ["https://far.example/a.png", "HTTPS://far.example/a.png"])
def test_what_another_site_would_serve_is_a_link(address: str) -> None:
    shown = foreign.without_pictures_in(f'<p><img src="{address}" alt="A map"></p>', OURS)

    assert "<img" not in shown
    assert f'<a href="{address}">A map</a>' in shown
