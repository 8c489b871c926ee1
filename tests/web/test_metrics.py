"""Numbers for Prometheus: for whoever has the token, and about nobody."""

from prometheus_client.parser import text_string_to_metric_families

from tests.web.conftest import Open

TOKEN = "0123456789abcdef"  # for a test


def test_the_numbers_are_those_of_the_office(open_office: Open) -> None:
    office = open_office(watch={"metrics_token": TOKEN})
    list_id = office.add_list()
    office.join("kim@reader.example")
    office.send_digest(list_id, "News")

    page = office.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})

    assert page.status_code == 200
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }
    assert found["communique_subscribers", "meetings"] == 1
    assert found["communique_workers",] == 0
    assert found["communique_letters_waiting",] >= 1
    assert found["communique_route_in_use", "smtp"] == 1
    assert found["communique_groups", "smtp", "held"] == 0
    assert found["communique_disk_free_bytes",] > 0
    assert "kim" not in page.text


def test_without_the_token_there_is_no_such_page(open_office: Open) -> None:
    closed, open_ = open_office(), open_office(watch={"metrics_token": TOKEN})

    asked = [
        closed.get("/metrics"),
        closed.get("/metrics", headers={"Authorization": "Bearer "}),
        open_.get("/metrics"),
        open_.get("/metrics", headers={"Authorization": f"Basic {TOKEN}"}),
        open_.get("/metrics", headers={"Authorization": f"Bearer {TOKEN[:-1]}"}),
        open_.get(f"/metrics?token={TOKEN}"),
    ]

    assert [page.status_code for page in asked] == [404] * 6
