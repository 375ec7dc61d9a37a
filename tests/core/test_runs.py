"""Turns and comparisons: what is said of answers."""

from dataclasses import replace

from playground.core.codec import decode, encode
from playground.core.runs import Comparison, RunOrder, Thumb, Turn


def turn(key: str = "t") -> Turn:
    return Turn(key, "Which is it?", RunOrder.FAIR)


def test_a_turn_of_an_older_version_has_neither_a_note_nor_thumbs() -> None:
    written = encode(turn())
    del written["note"], written["thumbs"]
    assert decode(Turn, written) == turn()


def test_a_note_and_thumbs_come_back_from_json() -> None:
    judged = replace(turn(), note="Good \N{HORSE}").with_thumb("a", Thumb.DOWN)
    assert decode(Turn, encode(judged)) == judged


def test_each_answer_has_one_thumb_or_none_in_whatever_order_they_were_given() -> None:
    judged = turn().with_thumb("b", Thumb.UP).with_thumb("a", Thumb.UP).with_thumb("a", Thumb.DOWN)
    assert judged == turn().with_thumb("a", Thumb.DOWN).with_thumb("b", Thumb.UP)
    assert [judged.thumb_of(key) for key in "abc"] == [Thumb.DOWN, Thumb.UP, None]
    assert judged.with_thumb("a", None).with_thumb("b", None) == turn()


def test_a_turn_takes_the_place_of_the_one_with_its_id_or_comes_last() -> None:
    comparison = Comparison("c", (), turns=(turn("a"), turn("b")))
    noted = replace(turn("a"), note="First")
    assert comparison.with_turn(noted).turns == (noted, turn("b"))
    assert comparison.with_turn(turn("c")).turns == (turn("a"), turn("b"), turn("c"))
