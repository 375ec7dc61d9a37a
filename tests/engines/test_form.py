"""Answers held to a JSON schema by a real model: what ends has the form, and nothing is fetched."""

import json
import socket
from typing import Any

import pytest

from playground.core.checks.schema import first_fault
from playground.core.events import Notice
from playground.engines.llama.engine import LlamaEngine
from playground.engines.worker.grammar import grammar_of
from tests.engines.local_run import Answer, ask, run

pytestmark = pytest.mark.asyncio(loop_scope="session")


def an_object(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields)}


TEXT = {"type": "string"}
FORMS: dict[str, dict[str, Any]] = {
    "one text": an_object(name=TEXT),
    "several kinds": an_object(name=TEXT, age={"type": "integer"}, tame={"type": "boolean"}),
    "a choice": an_object(mood={"enum": ["good", "bad"]}),
    "signs that are escaped": {"enum": ['a\\b "c"', "ä\n"]},
    "a list": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "maxItems": 3},
    "a definition": {
        "$defs": {"age": {"type": "integer"}},
        **an_object(age={"$ref": "#/$defs/age"}),
    },
    "a definition beside its use": {
        "$ref": "#/$defs/dog",
        "$defs": {"dog": an_object(tail={"type": "boolean"})},
    },
    "a short text": an_object(word={"type": "string", "minLength": 1, "maxLength": 8}),
    "a pattern": an_object(code={"type": "string", "pattern": "^[a-z]{3}$"}),
    "one of two": {"anyOf": [an_object(a={"type": "integer"}), an_object(b={"type": "null"})]},
    "a date": an_object(day={"type": "string", "format": "date"}),
    "an object or nothing": {"type": ["object", "null"], **an_object(a={"type": "integer"})},
    "two of anything": {"type": "array", "minItems": 2, "maxItems": 2},
    "itself, beside a name like the rule for it": {
        "type": "object",
        "properties": {
            "ref": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "next": {"$ref": "#"},
        },
        "required": ["ref"],
    },
    "several texts": an_object(
        name={"type": ["string", "null"], "maxLength": 5},
        mood={"type": ["string", "null"], "enum": ["good", None]},
        code={"type": "string", "pattern": "^.{3}[^a]{3}$"},
        file={"type": "string", "pattern": r"^[\w-]{1,5}?\.(?:py|js)\d$"},
    ),
    "names nobody writes": {
        **an_object(
            **{
                "": {"type": "null"},
                "root": {"type": "boolean"},
                'a "b"\n\\': {"type": "integer", "minimum": 1, "maximum": 5},
                "ä": {"allOf": [{"enum": ["p", "q"]}]},
                "any": {"title": "Any"},
            }
        ),
        "required": ["", "root", 'a "b"\n\\', "ä"],
    },
}


async def asked(loaded: LlamaEngine, schema: dict[str, Any], **more: Any) -> Answer:
    settings = {"max_tokens": 80, "temperature": 0.8, **more}
    question = "Describe a dog. Use plain text and several lines."
    return await run(loaded, ask(question, schema=json.dumps(schema), **settings))


@pytest.mark.parametrize("schema", FORMS.values(), ids=FORMS)
async def test_whatever_is_finished_has_the_form(
    loaded: LlamaEngine, schema: dict[str, Any]
) -> None:
    for seed in (1, 2):
        answer = await asked(loaded, schema, seed=seed)
        assert "form_not_enforced" not in answer.notices
        if answer.finished.finish_reason == "stop":
            assert first_fault(json.loads(answer.text), schema) is None, answer.text
        else:
            assert answer.text.startswith(("{", "["))


async def test_a_form_holds_with_a_penalty_and_without_chance(loaded: LlamaEngine) -> None:
    schema = FORMS["several kinds"]
    for settings in ({"temperature": 0.0}, {"repeat_penalty": 1.3}):
        answer = await asked(loaded, schema, **settings)
        assert first_fault(json.loads(answer.text), schema) is None, answer.text


async def test_probabilities_are_those_before_the_form(loaded: LlamaEngine) -> None:
    free = await run(loaded, ask("Say hello.", logprobs=5, max_tokens=1))
    formed = await run(
        loaded, ask("Say hello.", logprobs=5, max_tokens=1, schema=json.dumps(FORMS["one text"]))
    )
    assert formed.tokens[0].text.startswith("{")
    assert formed.tokens[0].alternatives == free.tokens[0].alternatives
    assert (formed.tokens[0].probability or 0) < (free.tokens[0].probability or 0)


@pytest.mark.parametrize(
    ("schema", "keywords"),
    [
        (an_object(a={"type": "integer", "minimum": 5}), "minimum"),
        (an_object(a={"type": "number", "multipleOf": 7}), "multipleOf"),
        (an_object(a={"type": "string", "pattern": "b"}), "pattern"),
        (an_object(a={"type": "string", "pattern": "^a|b$"}), "pattern"),
        (an_object(a={"type": "string", "pattern": '^"$'}), "pattern"),
        (an_object(a={"type": "string", "pattern": "^[ -~]$"}), "pattern"),
        (an_object(a={"type": "string", "not": {"const": "b"}}), "not"),
        ({"type": "array", "items": TEXT, "uniqueItems": True}, "uniqueItems"),
        ({"type": "array", "prefixItems": [TEXT], "minItems": 2}, "minItems, prefixItems"),
        ({"type": "object", "minProperties": 1}, "minProperties"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "oneOf"),
        ({"enum": ["a"], "minLength": 3}, "minLength"),
    ],
)
async def test_what_a_grammar_does_not_hold_to_is_known(
    schema: dict[str, Any], keywords: str
) -> None:
    grammar = grammar_of(json.dumps(schema))
    assert grammar is not None
    assert ", ".join(grammar.not_held) == keywords


async def test_what_a_form_is_not_held_to_is_said(loaded: LlamaEngine) -> None:
    answer = await asked(loaded, an_object(a={"type": "integer", "minimum": 5}), max_tokens=2)
    (said,) = [event.message for event in answer.events if isinstance(event, Notice)]
    assert said == "The form is held to but for minimum: the answer is checked for the rest."


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"$ref": "#/$defs/missing"},
        an_object(a={"type": "string", "maxLength": 60_000}),
        {"enum": [f"word {n}" for n in range(4_000)]},
        {"anyOf": [{"anyOf": [{"anyOf": [{}]}]}], "items": []},
        {"type": "object", "properties": {"a\x00": TEXT}, "required": ["a\x00"]},
        an_object(**{"\ud800": TEXT}),
        {"enum": ["\ud800"]},
        an_object(a={"type": "string", "minLength": 3, "maxLength": 2}),
        {"type": "array", "items": TEXT, "minItems": 3, "maxItems": 1},
    ],
    ids=[
        "itself",
        "a loop",
        "a gap",
        "long",
        "wide",
        "deep",
        "nul",
        "half a character",
        "a choice of half a character",
        "no length",
        "no number of items",
    ],
)
async def test_a_form_that_cannot_be_held_to_is_said_and_the_worker_lives(
    loaded: LlamaEngine, schema: dict[str, Any]
) -> None:
    answer = await asked(loaded, schema, max_tokens=5)
    assert answer.finished
    said = [event.message for event in answer.events if isinstance(event, Notice)]
    assert not said or "in words only" in said[0] or "but for items" in said[0]
    assert (await run(loaded, ask("Say hello.", max_tokens=2))).finished


async def test_no_address_in_a_form_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for address in ("https://example.com/a.json", "file:///etc/passwd", "x/properties/a"):
        assert grammar_of(json.dumps(an_object(a={"$ref": address}))) is None
