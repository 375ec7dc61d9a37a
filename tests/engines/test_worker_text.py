"""What is shown of a stream of pieces."""

import pytest

from playground.engines.worker.text import AnswerText


def shown(
    pieces: list[str | bytes], stop: tuple[str, ...] = (), *, in_reasoning: bool = False
) -> tuple[str, str, list[str]]:
    """Return answer, reasoning and the text of each token."""
    text = AnswerText(stop, in_reasoning=in_reasoning)
    chunks = []
    for number, piece in enumerate(pieces):
        raw = piece.encode() if isinstance(piece, str) else piece
        chunks += text.add(raw, ["", float(number)])
        if text.is_stopped:
            break
    chunks += text.finish()
    rows = [row for chunk in chunks for row in chunk.rows]
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    answer = "".join(chunk.text for chunk in chunks if not chunk.is_reasoning)
    reasoning = "".join(chunk.text for chunk in chunks if chunk.is_reasoning)
    return answer, reasoning, [row[0] for row in rows]


def test_a_stop_string_is_found_across_tokens_and_never_shown() -> None:
    answer, _, tokens = shown(["one", " tw", "o E", "N", "D three"], stop=("END",))
    assert answer == "one two "
    assert tokens == ["one", " tw", "o ", "", ""]


def test_what_only_looked_like_a_stop_string_is_shown_with_its_own_token() -> None:
    answer, _, tokens = shown(["the E", "N", "emy"], stop=("END",))
    assert answer == "the ENemy"
    assert tokens == ["the E", "N", "emy"]


def test_what_was_held_back_for_a_stop_string_comes_at_the_end() -> None:
    assert shown(["the E", "N"], stop=("END",))[0] == "the EN"


def test_the_first_of_several_stop_strings_ends_the_answer() -> None:
    assert shown(["a b", " c\n", "d"], stop=("d", "\n", " c\nx"))[0] == "a b c"


@pytest.mark.parametrize("split", [1, 2, 3, 5, 100])
def test_reasoning_is_told_from_the_answer_however_the_tags_are_cut(split: int) -> None:
    whole = "<think>\nLet me see.\n</think>\n\nIt is 4."
    pieces = [whole[i : i + split] for i in range(0, len(whole), split)]
    answer, reasoning, tokens = shown(pieces)
    assert answer == "It is 4."
    assert reasoning == "Let me see.\n"
    assert len(tokens) == len(pieces)


def test_reasoning_that_the_prompt_opened_needs_no_opening_tag() -> None:
    answer, reasoning, _ = shown(["\nhm", "</th", "ink>", "\nyes"], in_reasoning=True)
    assert (answer, reasoning) == ("yes", "hm")


def test_a_tag_that_an_answer_talks_about_is_text() -> None:
    assert shown(["Write <think>", " first"])[0] == "Write <think> first"


def test_a_token_with_both_reasoning_and_answer_gives_each_its_part() -> None:
    answer, reasoning, tokens = shown(["<think>", "so</think>yes", "!"])
    assert (answer, reasoning) == ("yes!", "so")
    assert len(tokens) == 3


def test_a_character_split_over_tokens_comes_with_the_last_of_them() -> None:
    first, second = "é".encode()[:1], "é".encode()[1:]
    answer, _, tokens = shown(["caf", first, second])
    assert answer == "café"
    assert tokens == ["caf", "", "é"]


def test_bytes_that_are_no_text_do_not_end_the_answer() -> None:
    assert shown(["a", b"\xff", "b"])[0] == "a\ufffdb"


def test_an_unfinished_character_at_the_end_is_left_out() -> None:
    assert shown(["a", "é".encode()[:1]])[0] == "a"
