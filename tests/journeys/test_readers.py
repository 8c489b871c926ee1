"""Readers manage themselves: a pause, a language, a further list, another address, and forgotten.

Real processes, a real database, a real relay; every step by a link that came in a mail.
"""

import json
from pathlib import Path

import httpx2
import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.journeys.office import Office
from tests.journeys.serving import serving
from tests.journeys.test_main_job import _link, _mail, _press, _send_digest
from tests.smtp_server import SmtpServer

NO_WAITING = {"subscribe__minutes_between_letters": "0", "subscribe__letters_per_address": "99"}
OLD, NEW = "kim.wanyama@example.org", "kim@example.net"


@pytest.mark.gate
@pytest.mark.timeout(300)
def test_a_reader_settles_everything_alone(tmp_path: Path, copied_database_url: str) -> None:
    with (
        SmtpServer() as server,
        serving(tmp_path, copied_database_url, server.port, **NO_WAITING) as (office, web),
    ):
        # Given a reader of one list of two, who got a digest
        office.run("list", "add", "customs", "--name", "Customs", "--from", "news@example.org")
        _press(web, "/news/l/meetings", "subscribe", OLD)
        server.wait_for(1, seconds=20)
        web.post(_link(_mail(server, 0), "/c/"))
        server.wait_for(2, seconds=20)
        _send_digest(office, "The laboratories meet")
        server.wait_for(3, seconds=20)
        digest = _mail(server, 2)
        preferences = _link(digest, "/p/")
        sums = office.json("digest", "status", "1")

        # When they pause and choose Japanese by the link in it
        _save(web, preferences, pause="2w", speak="ja")

        # Then the next digest is not mailed, and accounts for them all the same
        _send_digest(office, "The training centres meet")
        paused = office.json("digest", "status", "2")
        assert (paused["recipients"], paused["withdrawn"]) == (1, 1)
        assert len(server.messages) == 3

        # When they ask for the fresh link, end the pause and take a further list on its page
        web.post(f"{preferences}/letter")
        server.wait_for(4, seconds=20)
        person = _link(_mail(server, 3), "/me/")
        _save(web, person, pause="end", name="Kim Wanyama", **{"list-2": "yes"})

        # Then they are on it at once, and welcomed in their language
        server.wait_for(5, seconds=20)
        shown = office.json("subscriber", "show", OLD)
        assert [one["state"] for one in shown["subscriptions"]] == ["confirmed", "confirmed"]
        assert _mail(server, 4)["Content-Language"] == "ja"
        held = json.loads(web.get(f"{person}/data").text)
        assert (held["name"], held["address"]) == ("Kim Wanyama", OLD)

        # When they move to another mailbox
        web.post(f"{person}/move", data={"address": NEW})
        server.wait_for(6, seconds=20)
        web.post(_link(_mail(server, 5), "/move/"))
        server.wait_for(7, seconds=20)

        # Then the old one is told, and the next digest comes to the new one
        assert OLD in str(_mail(server, 6)["To"])
        _send_digest(office, "The committee meets")
        server.wait_for(8, seconds=20)
        assert NEW in str(_mail(server, 7)["To"])

        # When they have themselves forgotten by a fresh link at the new address
        web.post(f"{_link(_mail(server, 7), '/p/')}/letter")
        server.wait_for(9, seconds=20)
        last = _link(_mail(server, 8), "/me/")
        web.post(f"{last}/forget")

        # Then nobody knows them, old links say so, and the old digest's sums are as they were
        assert _forgotten(office)
        assert web.get(preferences).status_code == 404
        assert web.post(_link(digest, "/u/")).status_code == 200
        assert office.json("digest", "status", "1") == sums


def _save(web: httpx2.Client, page: str, **chosen: str) -> None:
    """Change some fields of the sheet of preferences as a browser would, and save it."""
    form = LexborHTMLParser(web.get(page).text).css_first("form.sheet")
    assert form is not None
    fields = {
        str(one.attributes["name"]): one.attributes.get("value") or ""
        for one in form.css("input")
        if one.attributes.get("type") != "checkbox" or "checked" in one.attributes
    }
    for one in form.css("select"):
        picked = one.css_first("option[selected]")
        assert picked is not None
        fields[str(one.attributes["name"])] = picked.attributes.get("value") or ""
    answer = web.post(page, data=fields | chosen)
    assert answer.status_code == 200


def _forgotten(office: Office) -> bool:
    """Tell whether no export and no list of who must not be mailed names the reader."""
    printed = office.run("suppression", "list", "--json")
    for slug in ("meetings", "customs"):
        printed += office.run("subscriber", "export", slug)
    return not any(trace in printed.casefold() for trace in ("wanyama", OLD, NEW))
