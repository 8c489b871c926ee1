"""`mailer organisation`, `subscriber edit` and `digest reach` at the command line."""

import pytest

from tests.cli.conftest import Office

CONFIRMED = ("--confirmed", "--basis", "asked by mail")


@pytest.fixture
def placed(meetings: Office) -> Office:
    """Give an office with two subscribers, and an organisation with a rule for one of them."""
    for address in ("kim@lab.customs.example", "jo@gmail.com"):
        meetings.ok("subscriber", "add", "meetings", address, *CONFIRMED)
    meetings.ok("organisation", "add", "Customs", "--country", "Fiji")
    meetings.ok("organisation", "domain", "@Customs.Example.", "customs")
    return meetings


def works_at(office: Office, address: str) -> str | None:
    found = office.ok("subscriber", "show", address, "--json").json
    return str(found["organisation"]) if found["organisation"] else None


def test_a_rule_holds_for_who_is_here_and_who_comes(placed: Office) -> None:
    placed.ok("subscriber", "add", "meetings", "ana@customs.example", *CONFIRMED)

    assert works_at(placed, "kim@lab.customs.example") == "Customs"
    assert works_at(placed, "ana@customs.example") == "Customs"
    assert works_at(placed, "jo@gmail.com") is None
    [one] = placed.ok("organisation", "list", "--json").json
    assert (one["people"], one["domains"], one["country"]) == (2, ["customs.example"], "Fiji")


def test_a_rule_does_not_hold_for_a_domain_that_only_ends_alike(placed: Office) -> None:
    placed.ok("subscriber", "add", "meetings", "ana@notcustoms.example", *CONFIRMED)

    assert works_at(placed, "ana@notcustoms.example") is None


def test_the_longer_domain_goes_first_and_a_rule_can_be_taken_away(placed: Office) -> None:
    placed.ok("organisation", "add", "Laboratory")
    placed.ok("organisation", "domain", "lab.customs.example", "Laboratory")
    assert works_at(placed, "kim@lab.customs.example") == "Laboratory"

    placed.ok("organisation", "no-domain", "lab.customs.example")

    assert works_at(placed, "kim@lab.customs.example") == "Customs"


def test_what_is_said_by_hand_goes_before_a_rule_until_it_is_taken_back(placed: Office) -> None:
    placed.ok(
        "subscriber", "edit", "kim@lab.customs.example", "--organisation", "Port", "--country", "FJ"
    )
    assert works_at(placed, "kim@lab.customs.example") == "Port"

    said = placed.ok("subscriber", "edit", "kim@lab.customs.example", "--organisation", "")

    assert works_at(placed, "kim@lab.customs.example") == "Customs"
    assert "where a rule on the domain says" in said.err


def test_an_export_names_the_organisation_that_a_rule_gives(placed: Office) -> None:
    rows = placed.ok("subscriber", "export", "meetings", "--json").json

    assert [(row["organisation"], row["country"]) for row in rows] == [
        ("Customs", "Fiji"),
        ("", ""),
    ]


def test_two_become_one_with_all_that_they_have(placed: Office) -> None:
    placed.ok("organisation", "add", "Fiji Customs")
    placed.ok("organisation", "domain", "customs.gov.example", "Fiji Customs")
    placed.ok("subscriber", "edit", "jo@gmail.com", "--organisation", "Fiji Customs")

    said = placed.ok("organisation", "merge", "Fiji Customs", "Customs")

    [one] = placed.ok("organisation", "list", "--json").json
    assert (one["name"], one["people"]) == ("Customs", 2)
    assert one["domains"] == ["customs.example", "customs.gov.example"]
    assert said.err == "1 person moved from “Fiji Customs” to “Customs”\n"


def test_a_new_name_keeps_people_and_domains(placed: Office) -> None:
    placed.ok("organisation", "rename", "Customs", "--name", "Customs Service")

    found = placed.ok("organisation", "show", "customs service", "--json").json
    assert (found["people"], found["country"]) == (1, "Fiji")


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["add", "Customs", "--country", "Fiji"], 4, "an organisation “Customs” already"),
        (["add", ""], 2, "an organisation's name has 1 to 200 characters"),
        (["add", "x" * 201], 2, "an organisation's name has 1 to 200 characters"),
        (["rename", "Customs", "--name", ""], 2, "an organisation's name has 1 to 200"),
        (["show", "Nobody"], 3, "there is no organisation “Nobody”"),
        (["domain", "gmail.com", "Customs"], 4, "anybody may have an address at gmail.com"),
        (["domain", "no domain", "Customs"], 2, "“no domain” is not a domain"),
        (["no-domain", "none.example"], 3, "there is no rule for the domain “none.example”"),
        (["rename", "Customs"], 2, "say what changes"),
        (["merge", "Customs", "1"], 2, "cannot be merged with itself"),
    ],
)
def test_what_cannot_be_done_is_told(
    placed: Office, arguments: list[str], code: int, said: str
) -> None:
    before = placed.dump()

    ended = placed.run("organisation", *arguments)

    assert ended.code == code
    assert said in ended.error
    assert placed.dump() == before


def test_a_domain_belongs_to_one(placed: Office) -> None:
    placed.ok("organisation", "add", "Port")

    ended = placed.run("organisation", "domain", "customs.example", "Port")

    assert ended.code == 4
    assert "is the domain of “Customs”; remove that rule first" in ended.error


def test_two_of_one_name_are_told_apart_by_country_or_id(placed: Office) -> None:
    placed.ok("organisation", "add", "Customs", "--country", "Japan")

    ended = placed.run("organisation", "show", "Customs")
    placed.ok(
        "subscriber", "edit", "jo@gmail.com", "--organisation", "Customs", "--country", "Japan"
    )

    assert ended.code == 4
    assert "say its id: 1 (Fiji), 2 (Japan)" in ended.error
    assert placed.ok("subscriber", "show", "jo@gmail.com", "--json").json["country"] == "Japan"


def test_reach_is_printed_with_a_bar_and_as_json(placed: Office) -> None:
    placed.ok("organisation", "add", "Port", "--country", "Fiji")
    placed.ok("item", "add", placed.file("item.md", "---\ntitle: One\n---\nText.\n"))
    placed.ok("digest", "draft", "meetings", "--subject", "News", "--item", 1)
    placed.ok("digest", "queue", 1)
    placed.run("worker", "--once")

    found = placed.ok("digest", "reach", 1, "--json").json
    printed = placed.ok("digest", "reach", 1).out

    sums = placed.ok("digest", "status", 1, "--json").json
    assert found["total"]["recipients"] == sums["recipients"] == 2
    assert [one["organisation"] for one in found["organisations"]] == ["Customs"]
    assert found["no_organisation"]["recipients"] == 1
    assert found["nobody"] == [{"organisation": "Port", "country": "Fiji"}]
    assert "no organisation known" in printed
    assert "nobody subscribed" in printed
    assert "·" * 20 in printed


def test_reach_of_a_digest_that_is_not_there_is_told(placed: Office) -> None:
    ended = placed.run("digest", "reach", 9)

    assert ended.code == 3
