"""Thinking and answer in what a model writes, cut anywhere."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.thinking import CONTROL_TEXTS, Span, ThinkingSplitter, opens_reasoning

FAMILIES = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("[THINK]", "[/THINK]"),
    ("<seed:think>", "</seed:think>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought", "<channel|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("◁think▷", "◁/think▷"),
    # capitals as they come
    ("<Think>", "</Think>"),
    ("<THINKING>", "</THINKING>"),
    ("[think]", "[/think]"),
]
HARMONY = (
    "<|channel|>analysis<|message|>",
    "Two and two.",
    "<|end|><|start|>assistant<|channel|>final<|message|>",
    "Four.",
    "<|return|>",
)
TOOL = "<|start|>assistant<|channel|>commentary to=functions.get <|constrain|>json<|message|>"


def read(
    pieces: Iterable[str], stops: tuple[str, ...] = (), *, in_reasoning: bool = False
) -> tuple[str, str]:
    """Return answer and thinking as they are shown; every character comes back in some span."""
    splitter = ThinkingSplitter(stops, in_reasoning=in_reasoning)
    pieces = list(pieces)
    spans = [span for piece in pieces for span in splitter.feed(piece)] + splitter.finish()
    assert "".join(span.text for span in spans) == "".join(pieces)
    return shown(spans)


def shown(spans: list[Span]) -> tuple[str, str]:
    answer = thinking = ""
    for span in spans:
        if span.ends_thinking:
            answer, thinking = "", thinking + answer
        if span.is_shown and span.is_reasoning:
            thinking += span.text
        elif span.is_shown:
            answer += span.text
    return answer, thinking


def cut(text: str, data: st.DataObject) -> list[str]:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8).map(sorted))
    return [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]


@pytest.mark.parametrize(("opening", "closing"), FAMILIES)
def test_every_family_of_tags_parts_thinking_from_the_answer(opening: str, closing: str) -> None:
    text = f"{opening}\nTwo and two.\n{closing}\n\nFour."
    for pieces in ([text], text):
        assert read(pieces) == ("Four.", "Two and two.\n")
    assert read([opening, "Two and", " two."]) == ("", "Two and two.")
    assert opens_reasoning(f"<|assistant|>{opening}\n")
    assert opening in CONTROL_TEXTS or opening == "<|channel>thought"
    assert closing in CONTROL_TEXTS


@pytest.mark.parametrize(("opening", "closing"), FAMILIES)
def test_a_prompt_that_opened_thinking_leaves_the_closing_tag_alone(
    opening: str, closing: str
) -> None:
    assert read([f"\nso\n{closing}\nFour."], in_reasoning=True) == ("Four.", "so\n")


TEXTS = [
    # a closing tag alone, where a provider kept the opening one
    ("Two and two.</think>\n\nFour.", "Four.", "Two and two."),
    ("Two.[/THINK]Four.", "Four.", "Two."),
    ("</think>Four.", "Four.", ""),
    ("a</reasoning>b", "a</reasoning>b", ""),
    ("a</think>b</think>c", "b</think>c", "a"),
    # thinking twice, and none at all
    ("<think>a</think><think>b</think>c", "c", "ab"),
    ("<think>\n\n</think>\n\nFour.", "Four.", ""),
    ("<think></think>", "", ""),
    (" \n<think>a</think>b", "b", "a"),
    (" \n</think>b", "b", ""),
    (" \n b", " \n b", ""),
    (" \n ", " \n ", ""),
    (" \n<thin", " \n<thin", ""),
    ("\n<|channel|>final<|message|>b", "b", ""),
    # other tags inside
    ("<think>a</thinking>b</think>c", "c", "a</thinking>b"),
    ("<think>a<think>b</think>c", "c", "a<think>b"),
    # said twice, by the prompt and by the model
    ("<think>\n<think>a</think>c", "c", "a"),
    ("<think>a</think>\n</think>c", "c", "a"),
    # what cannot be seen before it
    ("\ufeff<think>a</think>b", "b", "a"),
    ("\n\u200b\n<think>a</think>b", "b", "a"),
    ("\ufeffb", "\ufeffb", ""),
    # attributes
    ("<think type=\"deep\" n='2' x=1 >a</think>b", "b", "a"),
    ("<thinking about it> is odd", "<thinking about it> is odd", ""),
    ('<think a="1', '<think a="1', ""),
    ("<think " + "x" * 300 + ">b", "<think " + "x" * 300 + ">b", ""),
    # tags that are spoken of
    ("Use <think> and </b>.", "Use <think> and </b>.", ""),
    ("Write `</think>` last.", "Write `</think>` last.", ""),
    ('Write "</think>" last.', 'Write "</think>" last.', ""),
    ("```\na\n</think>\n```\nb", "```\na\n</think>\n```\nb", ""),
    ("```\na\n```\nb</think>c", "c", "```\na\n```\nb"),
    ("<think>a</think>b <think>c</think>", "b <think>c</think>", "a"),
    # tags around the answer
    (
        "<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>\nb<|end_of_solution|>",
        "b",
        "a",
    ),
    ("<|START_RESPONSE|>b<|END_RESPONSE|>", "b", ""),
    ("Say <|START_RESPONSE|>b", "Say <|START_RESPONSE|>b", ""),
    # beginnings of tags
    ("<thin", "<thin", ""),
    ("<think>a</thin", "", "a</thin"),
    ("a < b <", "a < b <", ""),
    # channels of gpt-oss
    ("".join(HARMONY), "Four.", "Two and two."),
    ("<|start|>assistant" + "".join(HARMONY), "Four.", "Two and two."),
    ("".join(HARMONY[:2]), "", "Two and two."),
    ("<|channel|>final<|message|>Four.", "Four.", ""),
    ("<|start|>assistant<|message|>Four.<|return|>", "Four.", ""),
    ("".join(HARMONY[:2]) + "<|end|>" + TOOL + "{}<|call|>", "", "Two and two.{}"),
    ("<|channel|>" + "x" * 300, "<|channel|>" + "x" * 300, ""),
    (f"<|start|>{'x' * 300}</think>b", "b", f"<|start|>{'x' * 300}"),
    (f"<|start|>{'x' * 300}<|message|>b", f"<|start|>{'x' * 300}<|message|>b", ""),
    ("<|start|>assistant", "<|start|>assistant", ""),
    ("".join(HARMONY[:2]) + "<|end|><|start|>assistant", "", "Two and two."),
    ("".join(HARMONY[:4]) + " <|start|>assistant<|chan", "Four. ", "Two and two."),
    ("", "", ""),
]


@pytest.mark.parametrize(("text", "answer", "thinking"), TEXTS)
def test_a_text_is_read_alike_in_one_piece_and_by_the_letter(
    text: str, answer: str, thinking: str
) -> None:
    assert read([text]) == (answer, thinking)
    assert read(text) == (answer, thinking)


@pytest.mark.parametrize(
    ("pieces", "stops", "answer", "thinking"),
    [
        (["one tw", "o E", "ND three", "END"], ("END",), "one two ", ""),
        (["<think>a EN", "D</think>b"], ("END",), "", "a "),
        (["a E", "N", "emy"], ("END",), "a ENemy", ""),
        (["ab c"], ("c", "b"), "a", ""),
        (["a</answer>b"], ("answer", "</answer>"), "a", ""),
        (["a<think>b"], ("<",), "a", ""),
        (["<think>b"], ("<",), "", ""),
        (["a"], ("",), "a", ""),
        (["\nEND"], ("END",), "\n", ""),
    ],
)
def test_what_follows_a_stop_string_is_not_shown(
    pieces: list[str], stops: tuple[str, ...], answer: str, thinking: str
) -> None:
    assert read(pieces, stops) == (answer, thinking)
    assert read("".join(pieces), stops) == (answer, thinking)


FRAGMENTS = st.sampled_from(
    [
        *(tag for family in FAMILIES for tag in family),
        *("<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|return|>", "analysis", "final"),
        *("<|START_RESPONSE|>", "<|END_RESPONSE|>", "a", " b ", "\n", "`", "```\n", '"', "<", "<|"),
        *("END", "E", "日", "x" * 150),
    ]
)


@given(
    text=st.lists(FRAGMENTS, max_size=12).map("".join),
    stops=st.lists(st.sampled_from(["END", "EN", "ND\n", "<", "</think", "a b"]), max_size=3),
    in_reasoning=st.booleans(),
    data=st.data(),
)
def test_any_cut_of_a_text_gives_the_same_answer_and_thinking(
    text: str, stops: list[str], in_reasoning: bool, data: st.DataObject
) -> None:
    pieces = cut(text, data)
    whole = read([text], tuple(stops), in_reasoning=in_reasoning)
    assert read(pieces, tuple(stops), in_reasoning=in_reasoning) == whole


def read_tokens(*tokens: str) -> tuple[str, str]:
    """Return answer and thinking of tokens; those in angle brackets are control tokens."""
    splitter = ThinkingSplitter()
    spans: list[Span] = []
    for token in tokens:
        spans += splitter.feed(token, is_control=token.startswith(("<", "[", "◁")))
    spans += splitter.finish()
    assert "".join(span.text for span in spans) == "".join(tokens)
    return shown(spans)


@pytest.mark.parametrize(("opening", "closing"), FAMILIES)
def test_tags_that_are_control_tokens_are_tags(opening: str, closing: str) -> None:
    cut = (opening[:10], opening[10:]) if opening == "<|channel>thought" else (opening,)
    assert read_tokens(*cut, "so", closing, "Four", ".") == ("Four.", "so")


def test_channels_written_with_control_tokens_are_told_apart() -> None:
    tokens = "<|channel|> analysis <|message|> so <|end|> <|start|> assistant <|channel|> final"
    assert read_tokens(*tokens.split(), "<|message|>", "Four.", "<|return|>") == ("Four.", "so")


def test_a_control_token_that_means_nothing_is_never_shown() -> None:
    assert read_tokens("Hi", "<|vision_start|>", " there", "<|im_end|>") == ("Hi there", "")
    assert read_tokens("<think>", "a <", "<|pad|>", "b", "</think>", "c") == ("c", "a <b")


def test_what_can_be_no_tag_is_let_go_at_once() -> None:
    splitter = ThinkingSplitter(("END",))
    assert [span.text for span in splitter.feed("One <b")] == ["One <b"]
    assert [span.text for span in splitter.feed(" two E")] == [" two "]
    assert [span.text for span in splitter.feed("F")] == ["EF"]
    assert not opens_reasoning("Say <think> once.")


@pytest.mark.parametrize("ending", [("<|end|>", "<|start|>"), ("<|start|>",)])
def test_channels_are_told_by_control_tokens(ending: tuple[str, ...]) -> None:
    pieces = ("<|channel|>", "analysis", "<|message|>", "Two.", *ending, "assistant")
    pieces += ("<|channel|>", "final", "<|message|>", "Four.")
    splitter = ThinkingSplitter()
    spans = [
        span for piece in pieces for span in splitter.feed(piece, is_control=piece.startswith("<|"))
    ]
    assert shown([*spans, *splitter.finish()]) == ("Four.", "Two.")


def test_an_opening_token_within_thinking_is_not_shown() -> None:
    splitter = ThinkingSplitter(in_reasoning=True)
    spans = splitter.feed("so ") + splitter.feed("<think>", is_control=True) + splitter.feed("on")
    assert shown([*spans, *splitter.finish()]) == ("", "so on")
