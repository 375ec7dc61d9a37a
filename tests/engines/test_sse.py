"""Bytes of an event stream into events, as the specification says, cut anywhere."""

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.engines.openai.sse import (
    MOST_EVENT_BYTES,
    EventDecoder,
    EventTooLarge,
    ServerEvent,
)

BOM = "\ufeff"
PIECE = b"x" * 65_536


def decoded(*pieces: bytes) -> list[ServerEvent]:
    decoder = EventDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return [*events, *decoder.finish()]


def message(data: str) -> ServerEvent:
    return ServerEvent("message", data)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        ("data: a\n\ndata: b\n\n", [message("a"), message("b")]),
        ("data: a\r\n\r\ndata: b\r\n\r\n", [message("a"), message("b")]),
        ("data: a\r\rdata: b\r\r", [message("a"), message("b")]),
        ("data: a\r\n\ndata: b\n\r\n", [message("a"), message("b")]),
        (f"{BOM}data: a\n\n", [message("a")]),
        (": a comment\n\n:\n:data: no\ndata: a\n\n", [message("a")]),
        ("data: a\ndata\ndata:\ndata: b\n\n", [message("a\n\n\nb")]),
        ("data:a\n\ndata:  a\n\n", [message("a"), message(" a")]),
        ("data:\n\ndata\n\n", [message(""), message("")]),
        ("\n\n\ndata: a\n\n\n\ndata: b\n\n\n", [message("a"), message("b")]),
        ("id: 7\n\nretry: 1000\n\nevent: ping\n\ndata: a\n\n", [message("a")]),
        ("event: error\ndata: a\n\ndata: b\n\n", [ServerEvent("error", "a"), message("b")]),
        ("data: a\nevent: x\nevent: y\n\n", [ServerEvent("y", "a")]),
        ("event: x\nevent:\ndata: a\n\n", [message("a")]),
        ("bata: a\ndatab\ndat\xe4: c\n\n", []),
        ("data: a\u2028b\x0bc\x85d\n\n", [message("a\u2028b\x0bc\x85d")]),
        ("data: a:b: c\n\n", [message("a:b: c")]),
        # what llama-server writes, unlike in the specification
        (
            'error: {"code": 500}\n\ndata: a\n\n',
            [ServerEvent("error", '{"code": 500}'), message("a")],
        ),
        ('data: a\n\n{"error": "b"}\n\n', [message("a"), message('{"error": "b"}')]),
        # fields that the specification does not know
        ("Data: a\n data: b\nbata: c\ndata : d\n\n", [message("a\nb\nd")]),
        (f"data: {BOM}a\n\n{BOM}data: b\n\n", [message(f"{BOM}a"), message("b")]),
        ("\0\0data: a\n\n[DONE]\n\n[1]\n\n", [message("a"), message("[DONE]")]),
        # what the end of the stream completes, unlike in the specification
        ("data: a\n\ndata: b", [message("a"), message("b")]),
        ("data: a\ndata: b\r", [message("a\nb")]),
        ("data: a\n\nevent: ping", [message("a")]),
        ("", []),
    ],
)
def test_events_are_those_of_the_specification(stream: str, events: list[ServerEvent]) -> None:
    whole = stream.encode()
    assert decoded(whole) == events
    assert decoded(*(bytes([byte]) for byte in whole)) == events


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert decoded(b"data: a\xff\n\n", b"data: \xe6\x97") == [message("a\ufffd"), message("\ufffd")]


LINES = st.sampled_from(
    [
        "",
        "data: a",
        "data:é日👩‍🔬",
        "data",
        "data:  b",
        "event: error",
        "event:",
        ":c",
        "id: 7",
        BOM,
    ]
)
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "\r\r"])
STREAMS = st.tuples(
    st.sampled_from(["", BOM]), st.lists(st.tuples(LINES, ENDS).map("".join)).map("".join), LINES
).map("".join)


@given(stream=STREAMS, data=st.data())
def test_any_cut_of_the_bytes_gives_the_same_events(stream: str, data: st.DataObject) -> None:
    whole = stream.encode()
    cuts = data.draw(st.lists(st.integers(0, len(whole))).map(sorted))
    pieces = [whole[start:end] for start, end in pairwise([0, *cuts, len(whole)])]
    assert decoded(*pieces) == decoded(whole) == as_specified(stream)


def as_specified(stream: str) -> list[ServerEvent]:
    """Return the events of a whole stream, read line by line."""
    text = stream.removeprefix(BOM).replace("\r\n", "\n").replace("\r", "\n")
    events: list[ServerEvent] = []
    name, lines = "", list[str]()
    for line in [*text.split("\n"), ""]:
        if not line:
            events += [ServerEvent(name or "message", "\n".join(lines))] if lines else []
            name, lines = "", []
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            lines.append(value)
        elif field == "event":
            name = value
    return events


def taken_before_refusal(decoder: EventDecoder, piece: bytes) -> int:
    """Return how many bytes are taken in such pieces before the event is too large."""
    for count in range(2 * MOST_EVENT_BYTES // len(piece)):
        try:
            decoder.feed(piece)
        except EventTooLarge:
            return count * len(piece)
    pytest.fail("nothing was refused")


@pytest.mark.parametrize(
    "start", [b"data: ", b": ", b"", b"event: ", b"data: a\n\ndata: a\ndata: "]
)
def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(start: bytes) -> None:
    decoder = EventDecoder()
    decoder.feed(start)
    tracemalloc.start()
    try:
        taken = taken_before_refusal(decoder, PIECE)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert MOST_EVENT_BYTES - len(PIECE) <= taken <= MOST_EVENT_BYTES
    assert most < 2 * MOST_EVENT_BYTES


def test_an_event_of_lines_without_an_end_is_refused() -> None:
    assert taken_before_refusal(EventDecoder(), b"data: " + PIECE + b"\n") <= MOST_EVENT_BYTES


def test_what_an_event_does_not_keep_is_not_counted() -> None:
    decoder = EventDecoder()
    comment = b":" + PIECE + b"\n"
    for _ in range(2 * MOST_EVENT_BYTES // len(comment)):
        assert decoder.feed(comment) == []
    assert decoder.feed(b"data: a\n\n") == [message("a")]


def test_events_one_after_the_other_may_be_longer_together() -> None:
    decoder = EventDecoder()
    event = b"data: " + PIECE + b"\n\n"
    for _ in range(2 * MOST_EVENT_BYTES // len(event)):
        assert len(decoder.feed(event)) == 1
