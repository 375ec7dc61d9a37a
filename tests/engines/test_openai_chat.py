"""Answers of a scripted provider, as the engine reports them."""

import asyncio
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.events import (
    Finished,
    InputPrepared,
    Notice,
    ReasoningDelta,
    RequestSent,
    StreamEvent,
    TextDelta,
)
from playground.core.fold import RunFold
from playground.core.runs import Provenance, Run, RunStatus
from playground.core.targets import CloudTarget, Provider
from playground.engines.openai.answer import AnswerReader
from playground.engines.openai.client import Timeouts
from playground.engines.openai.engine import OpenAIChatEngine
from playground.engines.openai.errors import ErrorTranslator
from playground.engines.openai.sse import ServerEvent
from tests.servers.scripted_openai import (
    Piece,
    RefuseField,
    Reply,
    ScriptedOpenAI,
    Stream,
    chunk,
    event,
    text,
    usage,
)

KEY = "sk-planted-0123456789"


@pytest.fixture
def cloud() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI() as server:
        yield server


def ask(cloud: ScriptedOpenAI, key: str | None = KEY, **provider: Any) -> OpenAIChatEngine:
    described = replace(Provider("lab", "Lab", cloud.base_url), **provider)
    return OpenAIChatEngine(CloudTarget(described, "m"), key)


async def events_of(
    engine: OpenAIChatEngine, prompt: str = "Hi", **sampling: Any
) -> list[StreamEvent]:
    request = ChatRequest((Message(Role.USER, prompt),), SamplingParams(**sampling))
    return [event async for event in engine.stream(request)]


def of_kind(events: list[StreamEvent], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def folded(events: list[StreamEvent], cloud: ScriptedOpenAI) -> Run:
    target = CloudTarget(Provider("lab", "Lab", cloud.base_url), "m")
    fold = RunFold(Run("r", target, ChatRequest((Message(Role.USER, "Hi"),)), 0))
    for each in events:
        fold.add(each)
    return fold.run


async def test_text_arrives_piece_by_piece_with_counts_and_reason(cloud):
    cloud.script(Stream([*text("Good", " morning", finish="length"), usage(7, 2)]))
    events = await events_of(ask(cloud))
    assert isinstance(events[0], RequestSent)
    assert [delta.text for delta in of_kind(events, TextDelta)] == ["Good", " morning"]
    assert [each.t_s for each in events] == sorted(each.t_s for each in events)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.finish_reason == "length"
    assert (finished.usage.prompt_tokens, finished.usage.completion_tokens) == (7, 2)
    assert finished.usage.provenance is Provenance.REPORTED


async def test_the_run_says_where_the_prompt_went_and_how_much_of_it(cloud):
    events = await events_of(ask(cloud), prompt="Привет")
    contact = events[-1].hosts[0]
    assert contact.host == f"127.0.0.1:{cloud.port}"
    assert contact.bytes_sent == len(cloud.requests[0].raw)
    assert folded(events[:1], cloud).hosts[0].host == contact.host, "a stopped run tells it as well"


async def test_nothing_of_the_environment_reaches_a_provider(cloud, monkeypatch):
    planted = {
        "OPENAI_API_KEY": "leak-key",
        "OPENAI_ADMIN_KEY": "leak-admin",
        "OPENAI_ORG_ID": "leak-org",
        "OPENAI_PROJECT_ID": "leak-project",
        "OPENAI_WEBHOOK_SECRET": "leak-hook",
        "OPENAI_BASE_URL": "http://leak-host/v1",
        "OPENAI_CUSTOM_HEADERS": "X-Leak: leak-header\nAuthorization: Bearer leak-auth\n"
        "Host: leak-name\nContent-Length: 1",
    }
    for name, value in planted.items():
        monkeypatch.setenv(name, value)
    for key in (KEY, None):
        await events_of(ask(cloud, key))
    for request in cloud.requests:
        assert "leak" not in request.header_bytes.lower()
        assert "leak" not in request.raw.decode()
        assert "stainless" not in request.header_bytes.lower()
    assert cloud.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in cloud.requests[1].headers


async def test_parameters_go_out_under_the_names_the_provider_uses(cloud):
    engine = ask(
        cloud,
        max_tokens_field="max_completion_tokens",
        seed_field="random_seed",
        repeat_penalty_field="repetition_penalty",
    )
    await events_of(
        engine, max_tokens=9, seed=3, repeat_penalty=1.1, top_k=4, min_p=0.1, stop=("END",)
    )
    body = cloud.requests[0].body
    assert body["max_completion_tokens"] == 9
    assert body["random_seed"] == 3
    assert body["repetition_penalty"] == 1.1
    assert (body["top_k"], body["min_p"], body["stop"]) == (4, 0.1, ["END"])
    assert body["stream_options"] == {"include_usage": True}
    assert not {"max_tokens", "seed", "temperature"} & set(body)


async def test_what_a_provider_does_not_take_is_left_out_and_said(cloud):
    refused = frozenset({"top_k", "seed", "logprobs"})
    engine = ask(cloud, rejects=refused, seed_field="random_seed")
    events = await events_of(engine, top_k=4, seed=3, logprobs=2, temperature=0.5)
    body = cloud.requests[0].body
    assert body["temperature"] == 0.5
    assert not {"top_k", "seed", "random_seed", "logprobs", "top_logprobs"} & set(body)
    said = " ".join(notice.message for notice in of_kind(events, Notice))
    assert all(word in said for word in ("top_k", "seed", "logprobs"))
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"error": {"message": "Unsupported value", "param": "temperature"}}),
        (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "temperature"]}]}),
        (400, {"error": "`temperature` is not something we know"}),
        (400, {"message": "temperature is not supported by this model"}),
        (400, [{"error": {"code": 400, "message": 'Unknown name "temperature": no such field'}}]),
    ],
)
async def test_a_refused_parameter_is_left_out_visibly_and_asked_again(cloud, status, error):
    fallback = Stream([*text("fine"), usage(1, 1)])
    cloud.script(RefuseField("temperature", Reply(status, error), fallback))
    events = await events_of(ask(cloud), temperature=0.5, seed=1)
    run = folded(events, cloud)
    assert run.status is RunStatus.FINISHED
    assert run.text == "fine"
    assert any("temperature" in notice for notice in run.notices)
    assert len(cloud.requests) == 2
    assert cloud.requests[1].body["seed"] == 1, "only the refused one goes"
    again = of_kind(events, RequestSent)[1]
    assert run.sent_t_s == again.t_s, "TTFT counts from the request that was accepted"


async def test_what_was_sent_in_the_end_is_told_without_messages_and_key(cloud):
    error = Reply(400, {"error": {"message": "Unsupported value", "param": "temperature"}})
    cloud.script(RefuseField("temperature", error, Stream([*text("fine"), usage(1, 1)])))
    engine = ask(cloud, seed_field="random_seed")
    events = await events_of(engine, temperature=0.5, seed=3, stop=("END",), prompt="Secret")
    kinds = [type(event) for event in events if isinstance(event, RequestSent | InputPrepared)]
    assert kinds == [RequestSent, InputPrepared] * 2
    given = folded(events, cloud).model_input
    assert given is not None
    sent = cloud.requests[1].body
    del sent["messages"]
    assert dict(given.settings) == sent
    assert {"random_seed", "stop", "model"} <= sent.keys()
    assert "temperature" not in sent
    assert (given.seed, given.template_sha256, given.prompt_ids) == (3, None, ())
    assert "Secret" not in repr(given)
    assert KEY not in repr(given)


async def test_a_provider_that_does_not_count_is_asked_without_counts(cloud):
    error = Reply(422, {"error": {"message": "Extra inputs: stream_options"}})
    cloud.script(RefuseField("stream_options", error, Stream(text("fine"))))
    events = await events_of(ask(cloud))
    assert events[-1].usage.completion_tokens is None
    assert "estimated" in of_kind(events, Notice)[0].message


async def test_the_other_name_for_the_length_limit_is_tried(cloud):
    message = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    error = Reply(400, {"error": {"message": message, "param": "max_tokens"}})
    cloud.script(RefuseField("max_tokens", error, Stream(text("fine"))))
    await events_of(ask(cloud), max_tokens=5)
    assert cloud.requests[1].body["max_completion_tokens"] == 5


async def test_a_field_that_is_refused_for_ever_ends_the_run(cloud):
    cloud.script(Reply(400, {"error": {"message": "Unsupported", "param": "temperature"}}))
    events = await events_of(ask(cloud), temperature=0.5)
    assert events[-1].error.kind == "RequestRejected"
    assert len(cloud.requests) == 2


@pytest.mark.parametrize(
    "pieces",
    [
        [chunk(reasoning_content="Let me"), chunk(reasoning_content=" see.")],
        [chunk(reasoning="Let me"), chunk(reasoning=" see.")],
        [
            chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Let me"}]}]),
            chunk(content=[{"type": "thinking", "thinking": " see."}]),
        ],
    ],
)
async def test_reasoning_is_kept_apart_from_the_answer(cloud, pieces):
    cloud.script(Stream([*pieces, *text("Four.")]))
    run = folded(await events_of(ask(cloud)), cloud)
    assert (run.reasoning, run.text) == ("Let me see.", "Four.")
    assert run.timings.first_answer_s >= run.timings.ttft_s


@pytest.mark.parametrize(
    ("last", "cached", "reasoning", "cost"),
    [
        (
            usage(
                9,
                5,
                prompt_tokens_details={"cached_tokens": 4},
                completion_tokens_details={"reasoning_tokens": 3},
            ),
            4,
            3,
            None,
        ),
        (usage(9, 5, prompt_cache_hit_tokens=6), 6, None, None),
        (usage(9, 5, cost=0.00012), None, None, 0.00012),
        (
            event(
                {"choices": [], "x_groq": {"usage": {"prompt_tokens": 9, "completion_tokens": 5}}}
            ),
            None,
            None,
            None,
        ),
        (
            chunk(content="", usage={"prompt_tokens": 9, "completion_tokens": 5}),
            None,
            None,
            None,
        ),
    ],
)
async def test_counts_are_read_in_every_usual_shape(cloud, last, cached, reasoning, cost):
    cloud.script(Stream([*text("Hello"), last]))
    run = folded(await events_of(ask(cloud)), cloud)
    assert (run.usage.prompt_tokens, run.usage.completion_tokens) == (9, 5)
    assert (run.usage.cached_tokens, run.usage.reasoning_tokens) == (cached, reasoning)
    assert run.reported_cost_usd == cost


async def test_log_probabilities_become_probabilities_with_alternatives(cloud):
    entry = {
        "token": "Yes",
        "logprob": math.log(0.75),
        "top_logprobs": [
            {"token": "Yes", "logprob": math.log(0.75)},
            {"token": "No", "logprob": -9999.0},
            {"token": "?", "logprob": None},
        ],
    }
    cloud.script(
        Stream([chunk(content="Yes", logprobs={"content": [entry]}), chunk(finish="stop")])
    )
    events = await events_of(ask(cloud), logprobs=2)
    assert cloud.requests[0].body["logprobs"] is True
    assert cloud.requests[0].body["top_logprobs"] == 2
    token = of_kind(events, TextDelta)[0].tokens[0]
    assert token.text == "Yes"
    assert token.probability == pytest.approx(0.75)
    assert [(each.text, each.probability) for each in token.alternatives] == [
        ("Yes", pytest.approx(0.75)),
        ("No", 0.0),
    ]


async def test_a_key_in_a_token_is_in_neither_its_text_nor_its_bytes(cloud):
    said = {"token": KEY, "logprob": 0.0, "bytes": list(KEY.encode())}
    entry = {**said, "top_logprobs": [said]}
    cloud.script(Stream([chunk(content="Hi", logprobs={"content": [entry]}), chunk(finish="stop")]))
    (token,) = of_kind(await events_of(ask(cloud), logprobs=1), TextDelta)[0].tokens
    assert KEY not in token.text + token.alternatives[0].text
    assert (token.raw, token.alternatives[0].raw) == (None, None)


async def test_probabilities_that_do_not_come_are_said_to_be_missing(cloud):
    events = await events_of(ask(cloud), logprobs=2)
    assert any("probabilities" in notice.message for notice in of_kind(events, Notice))


async def test_oddities_that_harm_nothing_are_passed_over(cloud):
    cloud.script(
        Stream(
            [
                Piece(b": keep-alive\n\n"),
                event({"choices": None}),
                event({"choices": [{"delta": None}]}),
                event({"choices": [{"delta": {"content": 5, "role": "assistant"}}]}),
                event({"choices": [None], "usage": {"prompt_tokens": "many"}, "x": 1}),
                chunk(content="Hello"),
                chunk(finish="some_new_reason"),
            ],
            done=False,
        )
    )
    run = folded(await events_of(ask(cloud)), cloud)
    assert (run.text, run.finish_reason) == ("Hello", "some_new_reason")


async def test_a_character_split_between_pieces_arrives_whole(cloud):
    line = chunk(content="日本語 👩‍🚀").data
    middle = line.index("本".encode()) + 1
    cloud.script(Stream([Piece(line[:middle]), Piece(line[middle:]), chunk(finish="stop")]))
    assert folded(await events_of(ask(cloud)), cloud).text == "日本語 👩‍🚀"


async def test_one_engine_answers_two_requests_at_once(cloud):
    engine = ask(cloud)
    both = await asyncio.gather(events_of(engine), events_of(engine))
    assert [folded(events, cloud).text for events in both] == ["Hello world"] * 2


async def test_reasoning_and_answer_in_one_piece_are_both_kept(cloud):
    cloud.script(Stream([chunk(content="Four.", reasoning="Two and two."), chunk(finish="stop")]))
    events = await events_of(ask(cloud))
    assert of_kind(events, ReasoningDelta)[0].text == "Two and two."
    assert of_kind(events, TextDelta)[0].text == "Four."


def test_the_first_piece_of_a_choice_other_than_0_keeps_its_time() -> None:
    def said(text: str, index: int) -> ServerEvent:
        choice = {"index": index, "delta": {"content": text}}
        return ServerEvent("message", json.dumps({"choices": [choice]}))

    reader = AnswerReader("Lab", ErrorTranslator("Lab", "https://x/v1", None, Timeouts()))
    assert reader.read([said("One", 1)], 1.0) == []
    assert reader.read([said(" two", 1)], 2.0) == [TextDelta(1.0, "One"), TextDelta(2.0, " two")]
    assert reader.read([said(" three", 1)], 3.0) == [TextDelta(3.0, " three")]
    reader = AnswerReader("Lab", ErrorTranslator("Lab", "https://x/v1", None, Timeouts()))
    assert reader.read([said("B", 1)], 1.0) == []
    assert reader.read([said("One", 0), said("B", 1)], 2.0) == [TextDelta(2.0, "One")]
