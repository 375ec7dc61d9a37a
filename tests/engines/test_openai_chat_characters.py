"""Characters that a provider sends in halves: they come out whole, or as U+FFFD."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.codec import encode
from playground.core.events import Failed, ReasoningDelta, StreamEvent, TextDelta, Token
from playground.core.targets import CloudTarget, Provider
from playground.engines.openai.engine import OpenAIChatEngine
from tests.servers.scripted_openai import (
    Piece,
    Reply,
    ScriptedOpenAI,
    Stream,
    chunk,
    event,
    halves,
    text,
    token,
)

KEY = "sk-planted-0123456789"
SMILE = "😀"
SMILE_BYTES = SMILE.encode()
HIGH, LOW = halves(SMILE)
LOST = "\ufffd"
STOP = chunk(finish="stop")


@pytest.fixture
def cloud() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI() as server:
        yield server


async def answer(cloud: ScriptedOpenAI, *pieces: Piece, **asked: Any) -> list[StreamEvent]:
    """Return the events of an answer in these pieces; none of them holds half a character."""
    cloud.script(Stream(pieces))
    return await events_of(cloud, **asked)


async def events_of(
    cloud: ScriptedOpenAI, *, prompt: str = "Hi", model: str = "m", **sampling: Any
) -> list[StreamEvent]:
    engine = OpenAIChatEngine(CloudTarget(Provider("lab", "Lab", cloud.base_url), model), KEY)
    request = ChatRequest((Message(Role.USER, prompt),), SamplingParams(**sampling))
    events = [each async for each in engine.stream(request)]
    assert json.dumps(encode(events), ensure_ascii=False).encode()
    return events


def said(events: Sequence[StreamEvent]) -> str:
    return "".join(each.text for each in events if isinstance(each, TextDelta))


def tokens_of(events: Sequence[StreamEvent]) -> list[Token]:
    deltas = (each for each in events if isinstance(each, TextDelta | ReasoningDelta))
    return [each for delta in deltas for each in delta.tokens]


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (["Hi ", HIGH, LOW, " bye"], "Hi 😀 bye"),
        (["Hi " + HIGH, LOW + " bye"], "Hi 😀 bye"),
        (["Hi " + HIGH, "", LOW + HIGH, LOW], "Hi 😀😀"),
        (halves("Zürich 日本 👩‍🔬 é"), "Zürich 日本 👩‍🔬 é"),
        (["a" + HIGH + " b"], f"a{LOST} b"),
        (["a" + HIGH, " b"], f"a{LOST} b"),
        (["a", LOW + " b"], f"a{LOST} b"),
        ([LOW, HIGH], LOST * 2),
        (["a", HIGH], f"a{LOST}"),
        ([KEY[:5] + HIGH, LOW], f"{KEY[:5]}{SMILE}"),
    ],
)
async def test_halves_of_a_character_are_joined_and_a_lone_one_is_replaced(
    cloud: ScriptedOpenAI, parts: list[str], whole: str
) -> None:
    assert said(await answer(cloud, *text(*parts))) == whole


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
async def test_reasoning_is_joined_apart_from_the_answer(cloud: ScriptedOpenAI, name: str) -> None:
    pieces = [
        chunk(**{name: "so " + HIGH}),
        chunk(content=HIGH),
        chunk(**{name: LOW}),
        chunk(content=LOW),
    ]
    events = await answer(cloud, *pieces, STOP)
    thought = "".join(each.text for each in events if isinstance(each, ReasoningDelta))
    assert (thought, said(events)) == ("so 😀", SMILE)


async def test_content_in_parts_is_joined(cloud: ScriptedOpenAI) -> None:
    def part(kind: str, value: Any) -> list[dict[str, Any]]:
        return [{"type": kind, kind: value}]

    pieces = [
        chunk(content=part("thinking", part("text", HIGH))),
        chunk(content=part("thinking", part("text", LOW))),
        chunk(content=[*part("text", "a" + HIGH), *part("text", LOW + "b")]),
    ]
    events = await answer(cloud, *pieces, STOP)
    assert said(events) == "a😀b"
    assert [each.text for each in events if isinstance(each, ReasoningDelta)] == [SMILE]


async def test_a_half_that_a_broken_stream_ends_with_is_kept_as_lost(cloud: ScriptedOpenAI) -> None:
    cloud.script(Stream(text("Hi ", HIGH, finish=None), reset=True))
    events = await events_of(cloud)
    assert said(events) == f"Hi {LOST}"
    assert isinstance(events[-1], Failed)


async def test_half_a_character_is_no_text_yet(cloud: ScriptedOpenAI) -> None:
    events = await answer(cloud, chunk(content=HIGH), chunk(content=LOW), STOP)
    assert [each.text for each in events if isinstance(each, TextDelta)] == [SMILE]


LONE = {"error": {"message": f"no {HIGH} left", "code": 429}}


@pytest.mark.parametrize(
    "script",
    [
        Reply(429, LONE),
        Reply(200, LONE),
        Stream([event(LONE)]),
        Stream([*text("Good", finish=None), event(LONE)]),
    ],
)
async def test_an_error_message_with_half_a_character_is_shown(
    cloud: ScriptedOpenAI, script: Reply | Stream
) -> None:
    cloud.script(script)
    failed = (await events_of(cloud))[-1]
    assert isinstance(failed, Failed)
    assert f"no {LOST} left" in failed.error.message


async def test_half_a_character_anywhere_else_does_no_harm(cloud: ScriptedOpenAI) -> None:
    counts = {"prompt_tokens": 3, "completion_tokens": 1, "service_tier": HIGH, HIGH: LOW}
    pieces = [chunk(content="a"), chunk(finish="st" + HIGH, usage=counts)]
    events = await answer(cloud, *pieces)
    assert events[-1].finish_reason == f"st{LOST}"
    assert events[-1].usage.completion_tokens == 1


async def test_half_a_character_in_what_is_asked_leaves_the_request_valid(
    cloud: ScriptedOpenAI,
) -> None:
    await answer(
        cloud, *text("fine"), prompt=f"caf{LOW} {HIGH}{LOW}", model=f"m{HIGH}", stop=(HIGH,)
    )
    (request,) = cloud.requests
    assert request.body["messages"][0]["content"] == f"caf{LOST} {SMILE}"
    assert (request.body["model"], request.body["stop"]) == (f"m{LOST}", [LOST])


def with_tokens(content: str | None, *entries: dict[str, Any]) -> Piece:
    return chunk(content=content, logprobs={"content": list(entries)})


def untold(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the token as a server tells it that knows no bytes."""
    return {**entry, "bytes": None}


FIRST, SECOND, THIRD = SMILE_BYTES[:1], SMILE_BYTES[1:3], SMILE_BYTES[3:]


@pytest.mark.parametrize(
    ("pieces", "texts"),
    [
        # OpenAI: the text comes with the token that completes it
        (
            [
                with_tokens("Hi ", token(b"Hi ")),
                with_tokens("", token(FIRST)),
                with_tokens("", token(SECOND)),
                with_tokens("😀!", token(THIRD + b"!")),
            ],
            ["Hi ", "", "", "😀!"],
        ),
        # several tokens in one chunk
        (
            [with_tokens("a😀b", token(b"a"), token(FIRST), token(SECOND + THIRD), token(b"b"))],
            ["a", "", SMILE, "b"],
        ),
        # text and tokens both in halves
        (
            [
                with_tokens(HIGH, untold(token(b"", says=HIGH))),
                with_tokens(LOW, untold(token(b"", says=LOW))),
            ],
            ["", SMILE],
        ),
        # SentencePiece without bytes
        (
            [
                with_tokens("", *(untold(token(b"", says=f"<0x{b:02X}>")) for b in SMILE_BYTES)),
                with_tokens("😀.", untold(token(b"."))),
            ],
            ["", "", "", SMILE, "."],
        ),
        # vLLM: the replacement character and its own bytes
        (
            [
                with_tokens("a", token(b"a")),
                with_tokens("", token(LOST.encode())),
                with_tokens("😀b", token(LOST.encode()), token(b"b")),
            ],
            ["a", "", SMILE, "b"],
        ),
        # llama-server: the bytes of the last token alone
        ([with_tokens("a😀", token(b"a"), token(THIRD))], ["a", SMILE]),
        # a character that is never completed
        (
            [with_tokens("", token(FIRST)), with_tokens("Hello", token(b"Hello"))],
            ["", "Hello"],
        ),
        # bytes that are none
        (
            [
                with_tokens("a", {**token(b"a"), "bytes": [300]}),
                with_tokens("b", {**token(b"b"), "bytes": "b"}),
            ],
            ["a", "b"],
        ),
    ],
)
async def test_the_texts_of_the_tokens_together_are_the_answer(
    cloud: ScriptedOpenAI, pieces: list[Piece], texts: list[str]
) -> None:
    events = await answer(cloud, *pieces, STOP, logprobs=1)
    assert [each.text for each in tokens_of(events)] == texts


async def test_tokens_have_the_bytes_that_are_told_of_them(cloud: ScriptedOpenAI) -> None:
    pieces = [
        with_tokens("", token(SMILE_BYTES[:3], b"Hello")),
        with_tokens(SMILE, token(SMILE_BYTES[3:])),
        with_tokens("a", untold(token(b"a"))),
    ]
    found = tokens_of(await answer(cloud, *pieces, STOP, logprobs=1))
    assert [each.raw for each in found] == [SMILE_BYTES[:3], SMILE_BYTES[3:], None]
    assert [each.raw for each in found[0].alternatives] == [SMILE_BYTES[:3], b"Hello"]
    assert {each.id for each in found} == {None}


async def test_an_alternative_is_read_as_if_it_had_come_instead(cloud: ScriptedOpenAI) -> None:
    smirk = "😏".encode()
    pieces = [
        with_tokens("", token(SMILE_BYTES[:3], b"Hello")),
        with_tokens(SMILE, token(SMILE_BYTES[3:], smirk[3:], b"Hello")),
    ]
    first, second = tokens_of(await answer(cloud, *pieces, STOP, logprobs=2))
    assert [each.text for each in first.alternatives] == [r"\xf0\x9f\x98", "Hello"]
    assert [each.text for each in second.alternatives] == [SMILE, "😏", "Hello"]
