"""`mailer item` at the command line."""

import re

from tests import papers, photos
from tests.cli.conftest import Office

BRUSSELS = """---
title: Regional entities meet in Brussels
starts: 2023-02-20
ends: 2023-02-21
place: Brussels, Belgium
topic: Capacity building
---
The heads of the regional offices met.
"""


def test_added_items_are_named_by_id_in_the_order_of_the_files(office: Office) -> None:
    first = office.file("a.md", BRUSSELS)
    second = office.file("b.md", "---\ntitle: 会議　二\nlanguage: ja\n---\n")

    ids = [int(line) for line in office.ok("item", "add", first, second).lines]

    titles = [office.ok("item", "show", one, "--json").json["title"] for one in ids]
    assert titles == ["Regional entities meet in Brussels", "会議　二"]


def test_ids_come_as_json_too(office: Office) -> None:
    file = office.file("a.md", BRUSSELS)

    assert office.ok("item", "add", file, file, "--json").json == [1, 2]


def test_no_file_is_kept_when_one_is_wrong(office: Office) -> None:
    good, wrong = office.file("a.md", BRUSSELS), office.file("b.md", "no front matter")
    before = office.dump()

    ended = office.run("item", "add", good, wrong)

    assert ended.code == 2
    assert ended.error.startswith(f"{wrong}:1: ")
    assert office.dump() == before


def test_a_translation_shares_the_group_of_its_original(office: Office) -> None:
    office.ok("item", "add", office.file("en.md", BRUSSELS))
    ja = office.file("ja.md", "---\ntitle: ブリュッセル会合\n---\n")

    office.ok("item", "add", ja, "--language", "ja", "--translates", 1)

    groups = {one["language"]: one["group"] for one in office.ok("item", "list", "--json").json}
    assert groups["ja"] == groups["en"]


def test_a_second_translation_into_one_language_is_not_kept(office: Office) -> None:
    office.ok("item", "add", office.file("en.md", BRUSSELS))
    before = office.dump()

    ended = office.run("item", "add", office.file("b.md", BRUSSELS), "--translates", 1)

    assert ended.code == 2
    assert "has its words in “en” already" in ended.error
    assert office.dump() == before


def test_an_edited_item_has_a_new_version_in_its_own_language(office: Office) -> None:
    office.ok("item", "add", office.file("ja.md", "---\ntitle: 会議\n---\n"), "--language", "ja")

    office.ok("item", "edit", 1, office.file("ja.md", "---\ntitle: 会合\n---\n"))

    shown = office.ok("item", "show", 1, "--json").json
    assert (shown["title"], shown["version"], shown["language"]) == ("会合", 2, "ja")


def test_an_item_is_shown_with_its_text(office: Office) -> None:
    office.ok("item", "add", office.file("a.md", BRUSSELS))

    ended = office.ok("item", "show", 1)

    assert "place       Brussels, Belgium" in ended.lines
    assert ended.lines[-1] == "The heads of the regional offices met."


def test_columns_stand_below_each_other_in_scripts_of_double_width(office: Office) -> None:
    office.ok("item", "add", office.file("a.md", BRUSSELS))
    office.ok("item", "add", office.file("b.md", "---\ntitle: 会議\nplace: 東京\n---\n"))

    head, wide, narrow = office.ok("item", "list").lines

    # Two kanji take the room of four letters.
    assert head.index("place") == narrow.index("Brussels, Belgium") == wide.index("東京") + 2


def test_an_item_that_is_not_there_is_not_found(office: Office) -> None:
    ended = office.run("item", "show", 7)

    assert ended.code == 3
    assert ended.error == "there is no item “7”; “mailer item list” shows them all"


def test_an_empty_table_says_so_on_stderr_alone(office: Office) -> None:
    ended = office.ok("item", "list")

    assert (ended.out, ended.err) == ("", "none\n")


def test_an_item_is_shown_with_its_picture_and_documents(office: Office) -> None:
    (office.folder / "hall.jpg").write_bytes(photos.photo(photos.scene(800, 600), 6))
    (office.folder / "agenda.pdf").write_bytes(papers.PDF)
    lines = ["picture: hall.jpg", "picture_alt: Four colours.", "documents:"]
    lines += [
        "- file: agenda.pdf",
        "  title: Agenda",
        "- link: https://example.org/",
        "  title: Report",
    ]
    front = "\n".join(["---", "title: A meeting", *lines, "---", "It took two days."])

    office.ok("item", "add", office.file("item.md", front))
    shown = office.ok("item", "show", 1, "--json").json

    base = "https://news.example.org/m/"
    assert shown["picture"]["alt"] == "Four colours."
    assert shown["picture"]["small"]["width"] == 600
    assert shown["picture"]["large"]["url"].startswith(base)
    agenda, report = shown["documents"]
    assert (agenda["title"], agenda["kind"], agenda["size"]) == ("Agenda", "PDF", len(papers.PDF))
    assert re.fullmatch(rf"{base}[0-9a-f]{{64}}/Agenda\.pdf", agenda["url"])
    assert report == {"title": "Report", "kind": "", "size": None, "url": "https://example.org/"}
    said = office.ok("item", "show", 1).out
    assert agenda["url"] in said
    assert "600 × 450 pixels" in said
