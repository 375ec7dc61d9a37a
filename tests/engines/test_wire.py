"""Messages between a worker and its parent."""

import pytest

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.errors import ContextOverflow
from playground.core.events import ReasoningDelta, TextDelta
from playground.core.runs import ModelInput
from playground.engines.llama import protocol as wire


def test_a_request_survives_the_pipe_whole() -> None:
    request = ChatRequest(
        (Message(Role.SYSTEM, "Be brief.\n"), Message(Role.USER, "नमस्ते 😀 \u2028 \x00")),
        SamplingParams(0.5, 0.9, 7, 0.1, 1.1, 2**31 - 1, 12, ("END", "\n"), 3, True, "{}"),
        keep_cache=True,
    )
    line = wire.pack(wire.generate(9, request))
    assert line.count(b"\n") == 1
    assert wire.read_generate(wire.unpack(line)) == (9, request)


def test_a_delta_keeps_each_token_with_time_and_alternatives() -> None:
    others = [wire.alternative_row(9, " 世".encode(), 0.5), wire.alternative_row(7, b"!", 0.25)]
    plain, known = (wire.token_row(12.5, 3, b"Hi"), wire.token_row(12.75, 9, " 世".encode()))
    rows = [plain, [*known, 0.5, 1, others]]
    line = wire.delta(12.75, "Hi 世", rows, is_reasoning=False)
    event = wire.read_delta(wire.unpack(line), 12.0)
    assert isinstance(event, TextDelta)
    assert [token.t_s for token in event.tokens] == [0.5, 0.75]
    assert [(t.id, t.raw, t.rank) for t in event.tokens] == [
        (3, b"Hi", None),
        (9, " 世".encode(), 1),
    ]
    assert [(a.text, a.probability, a.id) for a in event.tokens[1].alternatives] == [
        (" 世", 0.5, 9),
        ("!", 0.25, 7),
    ]


def test_reasoning_stays_reasoning() -> None:
    line = wire.delta(1.0, "hm", [wire.token_row(1.0, 3, b"hm")], is_reasoning=True)
    assert isinstance(wire.read_delta(wire.unpack(line), 0.0), ReasoningDelta)


def test_what_the_model_is_given_survives_the_pipe() -> None:
    value = ModelInput((("top_k", 40), ("temperature", 0.8)), 2**31 - 1, "ab", tuple(range(70_000)))
    message = wire.unpack(wire.pack(wire.model_input(1.5, value)))
    arrived = wire.read_model_input(message)
    assert (arrived, arrived.prompt_ids) == (value, value.prompt_ids)
    del message["seed"]
    with pytest.raises(wire.WireError):
        wire.read_model_input(message)


def test_an_error_arrives_as_what_it_was() -> None:
    error = ContextOverflow("Too long.", "Shorten it.")
    arrived = wire.read_failed(wire.unpack(wire.pack(wire.failed(error.info()))))
    assert isinstance(arrived, ContextOverflow)
    assert arrived.info() == error.info()


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", b"llama_model_load: ...\n", b"[1]\n", b'{"type": 3}\n', b"[" * 100_000, b"\xff\n"],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.unpack(line)


def test_a_line_beyond_the_limit_is_refused() -> None:
    with pytest.raises(wire.WireError):
        wire.unpack(b'{"type": "x", "y": "' + b"a" * wire.LINE_LIMIT + b'"}')


@pytest.mark.parametrize(
    "message",
    [
        {"type": "delta"},
        {"type": "delta", "t": 1.0, "kind": "text", "text": "a", "tokens": [["a"]]},
        {"type": "delta", "t": "soon", "kind": "text", "text": "a", "tokens": []},
    ],
)
def test_a_delta_with_the_wrong_shape_is_refused(message: dict[str, object]) -> None:
    with pytest.raises(wire.WireError):
        wire.read_delta(message, 0.0)
