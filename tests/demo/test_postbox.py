from mailer.demo.postbox import Postbox
from tests.conftest import MOMENT
from tests.demo.conftest import letter


def put(postbox: Postbox, *subjects: str) -> None:
    for subject in subjects:
        postbox.put("news@example.org", ("kim@example.org",), letter(subject=subject), at=MOMENT)


def test_the_newest_message_comes_first() -> None:
    postbox = Postbox()

    put(postbox, "one", "two")

    assert [each.message.subject for each in postbox.newest()] == ["two", "one"]
    assert [each.number for each in postbox.newest()] == [2, 1]


def test_the_oldest_message_goes_when_there_is_no_room() -> None:
    postbox = Postbox(room=2)

    put(postbox, "one", "two", "three")

    assert [each.message.subject for each in postbox.newest()] == ["three", "two"]
    assert postbox.get(1) is None
    assert (postbox.taken, postbox.gone) == (3, 1)


def test_a_number_is_never_used_twice() -> None:
    postbox = Postbox(room=1)

    put(postbox, "one", "two", "three")

    assert [each.number for each in postbox.newest()] == [3]


def test_only_what_is_wanted_is_given() -> None:
    postbox = Postbox()

    put(postbox, "one", "two")

    wanted = postbox.newest(lambda each: each.message.subject == "one")
    assert [each.number for each in wanted] == [1]
