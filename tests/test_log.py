"""What is written about the work tells nobody's address, link or secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from mailer import log
from mailer.config import Log
from mailer.tokens import Key, KeyRing, Purpose

TOKEN = KeyRing((Key(b"k" * 32),)).sign(Purpose.LEAVE, 1, 2)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_lines_go_to_stderr_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up(Log(format="auto"))

    structlog.get_logger().info("digest.sent", digest=7, name="税関", late=None)

    [line] = lines(capsys)
    assert (line["event"], line["digest"], line["name"]) == ("digest.sent", 7, "税関")
    assert line["level"] == "info"
    assert str(line["timestamp"]).endswith("Z")


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up(Log(level="warning", format="json"))

    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")

    assert [line["event"] for line in lines(capsys)] == ["loud"]
    assert logging.getLevelNamesMapping()["WARNING"]


@pytest.mark.parametrize(
    "value, written",
    [
        ("to kim@example.org now", "to k…@example.org now"),
        ("<Kim.Lee@example.org>, <jo@example.net>", "<K…@example.org>, <j…@example.net>"),
        (f"GET /news/u/{TOKEN} 200", "GET /news/u/… 200"),
        (f"https://office.example/c/{TOKEN}?x", "https://office.example/c/…?x"),
        (f"/n/{TOKEN} /back/{TOKEN}", "/n/… /back/…"),
        (f"/p/{TOKEN}/letter /me/{TOKEN}/data", "/p/…/letter /me/…/data"),
        (f"/move/{TOKEN} /stay/{TOKEN} /e/{TOKEN}.ics", "/move/… /stay/… /e/….ics"),
        (["kim@example.org", 3], ["k…@example.org", 3]),
        (
            {"to": ("kim@example.org",), "password": "s3cret"},
            {"to": ["k…@example.org"], "password": "…"},
        ),
        (ValueError("no kim@example.org here"), "no k…@example.org here"),
        (3.5, 3.5),
        (True, True),
        (None, None),
    ],
)
def test_addresses_and_tokens_are_masked_wherever_they_are(
    capsys: pytest.CaptureFixture[str], value: object, written: object
) -> None:
    log.set_up(Log(format="json"))

    structlog.get_logger().info("said", what=value)

    [line] = lines(capsys)
    assert line["what"] == written


@pytest.mark.parametrize("name", ["password", "token", "key", "secret", "keys"])
def test_what_is_named_like_a_secret_is_dropped(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    log.set_up(Log(format="json"))

    structlog.get_logger().info("said", **{name: "s3cret"})

    assert lines(capsys)[0][name] == "…"


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_is_masked_too(capsys: pytest.CaptureFixture[str], form: str) -> None:
    log.set_up(Log.model_validate({"format": form}))

    try:
        int("kim@example.org")
    except ValueError:
        structlog.get_logger().exception("failed", to="kim@example.org")

    written = capsys.readouterr().err
    assert "Traceback" in written
    assert "k…@example.org" in written
    assert "kim@" not in written


def test_a_line_goes_to_the_stderr_of_its_moment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = io.StringIO()
    monkeypatch.setattr("sys.stderr", first)
    log.set_up(Log(format="json"))
    logger = structlog.get_logger()
    monkeypatch.undo()
    first.close()

    logger.info("digest.sent")

    [line] = lines(capsys)
    assert line["event"] == "digest.sent"
