"""The order of a digest's items: each step from one to the next, and what it leaves as it was."""

from mailer.digests import order
from mailer.digests.order import Placed, Way

ORDER = (Placed(1, "Lab"), Placed(2, "Lab"), Placed(3, "Dogs"))


def ids(some: order.Order) -> list[tuple[int, str]]:
    return [(one.item_id, one.section) for one in some]


def test_items_of_one_section_stand_together() -> None:
    mixed = (Placed(1, "Lab"), Placed(3, "Dogs"), Placed(2, "Lab"))

    assert order.together(mixed) == ORDER
    assert [name for name, _ in order.sections(ORDER)] == ["Lab", "Dogs"]


def test_an_item_moves_within_its_section_and_from_its_edge_into_the_next() -> None:
    assert ids(order.moved(ORDER, 1, Way.DOWN)) == [(2, "Lab"), (1, "Lab"), (3, "Dogs")]
    assert ids(order.moved(ORDER, 2, Way.DOWN)) == [(1, "Lab"), (2, "Dogs"), (3, "Dogs")]
    assert ids(order.moved(ORDER, 3, Way.UP)) == [(1, "Lab"), (2, "Lab"), (3, "Lab")]


def test_what_is_first_goes_no_further_up_and_what_is_not_there_moves_nothing() -> None:
    assert order.moved(ORDER, 1, Way.UP) == ORDER
    assert order.moved(ORDER, 3, Way.DOWN) == ORDER
    assert order.moved(ORDER, 9, Way.UP) == ORDER
    assert order.section_moved(ORDER, "Cats", Way.UP) == ORDER


def test_a_section_moves_as_a_whole_and_may_join_another() -> None:
    assert ids(order.section_moved(ORDER, "Dogs", Way.UP)) == [(3, "Dogs"), (1, "Lab"), (2, "Lab")]
    assert ids(order.renamed(ORDER, "Lab", "Dogs")) == [(1, "Dogs"), (2, "Dogs"), (3, "Dogs")]


def test_what_is_put_in_twice_is_in_once() -> None:
    assert ids(order.added(ORDER, Placed(1, "Dogs"))) == [(2, "Lab"), (3, "Dogs"), (1, "Dogs")]
    assert ids(order.without(ORDER, 2)) == [(1, "Lab"), (3, "Dogs")]


def test_another_order_has_another_fingerprint() -> None:
    assert order.of(ORDER) != order.of(order.moved(ORDER, 1, Way.DOWN))
    assert order.of(ORDER) != order.of(order.renamed(ORDER, "Lab", "Laboratories"))
