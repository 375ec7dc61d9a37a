"""What differs between two answers."""

from hypothesis import given
from hypothesis import strategies as st

from playground.core.difference import MOST_WORDS, Piece, difference


def marked(pieces: tuple[Piece, ...]) -> list[str]:
    return [piece.text.strip() for piece in pieces if piece.differs]


def test_words_that_only_one_has_are_marked() -> None:
    found = difference("The sky is blue because of air.", "The sky looks blue, because of air.")
    assert marked(found.one) == ["is"]
    assert marked(found.other) == ["looks", ","]
    assert found.is_whole


def test_spaces_alone_make_no_difference() -> None:
    found = difference("a b\n\nc", "a  b c ")
    assert not marked(found.one)
    assert not marked(found.other)
    assert found.shared == 1.0


def test_nothing_in_common_is_marked_whole() -> None:
    found = difference("red green blue", "one two three")
    assert found.one == (Piece("red green blue", differs=True),)
    assert found.shared == 0.0


def test_the_end_of_a_very_long_text_is_left_unmarked() -> None:
    long = " ".join(f"w{n}" for n in range(MOST_WORDS + 5))
    found = difference(long, "nothing alike")
    assert not found.is_whole
    assert found.one[-1].text.split() == [f"w{n}" for n in range(MOST_WORDS, MOST_WORDS + 5)]
    assert not found.one[-1].differs


def test_of_texts_that_repeat_themselves_less_is_compared() -> None:
    found = difference("again " * 3000, "again " * 2900)
    assert not found.is_whole
    assert found.shared == 1.0


@given(st.text(), st.text())
def test_the_pieces_are_the_texts(one: str, other: str) -> None:
    found = difference(one, other)
    assert "".join(piece.text for piece in found.one) == one
    assert "".join(piece.text for piece in found.other) == other
