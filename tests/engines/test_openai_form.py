"""A form asked of providers: what they refuse is asked for less strictly, and said."""

import json
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.events import Failed, Finished, Notice, StreamEvent
from playground.core.targets import CloudTarget, Provider, Tier
from playground.engines.openai.engine import OpenAIChatEngine
from playground.engines.openai.request import build_body, without_refused_field
from tests.servers.scripted_openai import RefuseField, Reply, ScriptedOpenAI, Stream, text

CLOSED = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}
PROVIDER = Provider("far", "Far", "http://127.0.0.1:1/v1")


@pytest.fixture
def cloud() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI() as server:
        yield server


def request(schema: dict[str, Any]) -> ChatRequest:
    sampling = SamplingParams(schema=json.dumps(schema))
    return ChatRequest((Message(Role.USER, "Describe a dog as JSON."),), sampling)


async def answer(cloud: ScriptedOpenAI, **provider: Any) -> list[StreamEvent]:
    target = CloudTarget(Provider("far", "Far", cloud.base_url, **provider), "m")
    async with aclosing(OpenAIChatEngine(target, "key").stream(request(CLOSED))) as events:
        return [event async for event in events]


def refusal(message: str) -> Reply:
    return Reply(400, {"error": {"message": message}})


@pytest.mark.parametrize(
    ("schema", "is_strict"),
    [
        (CLOSED, True),
        ({**CLOSED, "required": []}, False),
        ({"type": "object", "properties": {"a": {}}, "required": ["a"]}, False),
        ({**CLOSED, "properties": {"name": {"type": "object"}}}, False),
        ({"type": "array", "items": CLOSED}, False),
        ({"$defs": {"d": {"type": "object"}}, **CLOSED}, False),
        ({**CLOSED, "properties": {"name": {"oneOf": [{"type": "string"}]}}}, False),
        ({**CLOSED, "properties": {"name": {"type": "array", "uniqueItems": True}}}, False),
        ({**CLOSED, "not": {"required": ["x"]}}, False),
        ({**CLOSED, "properties": {"not": {"type": "string"}}, "required": ["not"]}, True),
    ],
)
def test_strict_is_asked_for_only_where_the_schema_is(
    schema: dict[str, Any], is_strict: bool
) -> None:
    body, notes = build_body(PROVIDER, "m", request(schema))
    form = body["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"] == {"name": "answer", "schema": schema, "strict": is_strict}
    assert not notes


@pytest.mark.parametrize(
    "message",
    [
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported.",
        "This model does not support response format `json_schema`.",
        "This response_format type is unavailable now",
        "structured outputs are off",
        "Unknown name \"additionalProperties\" at 'generation_config.response_schema': no field.",
        "Failed to initialize samplers: failed to parse grammar",
        "The provided JSON schema contains features not supported by xgrammar.",
    ],
)
async def test_json_alone_is_asked_for_where_a_form_is_refused(
    cloud: ScriptedOpenAI, message: str
) -> None:
    cloud.script(refusal(message), Stream(text("{}")))
    events = await answer(cloud, tier=Tier.STUDIO)
    assert [each.body["response_format"]["type"] for each in cloud.requests] == [
        "json_schema",
        "json_object",
    ]
    assert [event.kind for event in events if isinstance(event, Notice)] == ["form_not_enforced"]
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize("status", [422, 500, 501])
async def test_ones_own_server_gets_the_schema_with_json_object(
    cloud: ScriptedOpenAI, status: int
) -> None:
    said = {"error": {"message": "[{'loc': ('body', 'response_format', 'type')}]", "code": None}}
    cloud.script(Reply(status, said), Stream(text("{}")))
    events = await answer(cloud, tier=Tier.OWN_SERVER)
    assert cloud.requests[-1].body["response_format"] == {"type": "json_object", "schema": CLOSED}
    assert isinstance(events[-1], Finished)


async def test_a_server_that_breaks_is_not_asked_again(cloud: ScriptedOpenAI) -> None:
    cloud.script(Reply(500, {"error": {"message": "out of memory"}}), Stream(text("{}")))
    events = await answer(cloud)
    assert len(cloud.requests) == 1
    assert isinstance(events[-1], Failed)


async def test_a_form_is_left_out_where_json_is_refused_as_well(cloud: ScriptedOpenAI) -> None:
    cloud.script(
        RefuseField("response_format", refusal("Unknown field: response_format"), Stream(text("a")))
    )
    events = await answer(cloud)
    assert "response_format" not in cloud.requests[-1].body
    assert [each.body.get("response_format", {}).get("type") for each in cloud.requests] == [
        "json_schema",
        "json_object",
        "json_object",
        None,
    ]
    [said] = [event.message for event in events if isinstance(event, Notice)]
    assert "in words only" in said


async def test_a_provider_known_to_take_no_form_is_not_asked(cloud: ScriptedOpenAI) -> None:
    cloud.script(Stream(text("a")))
    events = await answer(cloud, rejects=frozenset({"response_format"}))
    assert "response_format" not in cloud.requests[0].body
    assert any("in words only" in e.message for e in events if isinstance(e, Notice))


def test_another_refusal_leaves_the_form_alone() -> None:
    body, _ = build_body(PROVIDER, "m", request(CLOSED))
    assert without_refused_field(PROVIDER, body, {"error": "the messages are empty"}) is None
