"""What providers were seen to answer, right and wrong: the model's name says which it is.

    with ScenarioServer() as server:
        ... ask model "error_mid" at server.base_url ...
        assert server.requests[-1].model == "error_mid"

A raw server on loopback, in a thread of the test's process: it writes its responses byte by byte,
so that they can be wrong in any way. Everything it was asked is in `requests`.
"""

import asyncio
import contextlib
import gzip
import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Self

ANSWER = "One two three four"
WORDS = ("One", " two", " three", " four")
THOUGHT = "Let me think now"
THOUGHTS = ("Let", " me", " think", " now")
COUNTS = {"prompt_tokens": 11, "completion_tokens": 4, "total_tokens": 15}
THOUGHT_COUNTS = {
    "prompt_tokens": 11,
    "completion_tokens": 8,
    "completion_tokens_details": {"reasoning_tokens": 4},
}
GAP_S = 0.001
"""Between two pieces of an ordinary stream."""
SHORT_S = 0.03
"""Before a connection breaks: what was sent has arrived by then."""
MEGABYTE = 1_000_000

Data = str | bytes


@dataclass
class Asked:
    """A request as it arrived, and what became of its answer."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes
    received: float = 0.0
    """Seconds of `time.perf_counter`, as those of `stamps`."""
    stamps: list[float] = field(default_factory=list)
    """When each timed piece left."""
    bytes_sent: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)
    """Set when the answer has ended, or the client has left."""

    @property
    def body(self) -> dict[str, Any]:
        found = json.loads(self.raw or b"{}")
        return found if isinstance(found, dict) else {}

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def key(self) -> str:
        return self.headers.get("authorization", "none").split()[-1]


class Response:
    """Writes one response as it should be, or as it should not."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: "ScenarioServer"
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._is_chunked = False
        self.server = server

    def head(
        self,
        status: int = 200,
        content_type: str | None = "text/event-stream",
        *,
        chunked: bool = True,
        **headers: Any,
    ) -> None:
        """Begin the response; `retry_after=5` becomes the header `Retry-After`."""
        names = {name.replace("_", "-").title(): value for name, value in headers.items()}
        if content_type is not None:
            names["Content-Type"] = content_type
        names |= {"Transfer-Encoding": "chunked"} if chunked else {"Connection": "close"}
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in names.items())]
        self._is_chunked = chunked
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    async def raw(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def send(self, asked: Asked, data: Data) -> None:
        content = data.encode() if isinstance(data, str) else data
        if not content:
            return
        framed = b"%x\r\n%s\r\n" % (len(content), content) if self._is_chunked else content
        await self.raw(framed)
        asked.bytes_sent += len(content)

    async def pieces(self, asked: Asked, pieces: Iterable[Data], gap_s: float = GAP_S) -> None:
        for piece in pieces:
            await self.send(asked, piece)
            await asyncio.sleep(gap_s)

    async def end(self) -> None:
        if self._is_chunked:
            await self.raw(b"0\r\n\r\n")

    async def until_left(self) -> None:
        """Say nothing until the client has left."""
        await self._writer.drain()
        await self._reader.read()

    def reset(self) -> None:
        """Break the connection (TCP RST)."""
        # linger 0 turns the close into a reset
        linger = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, linger
        )
        self._writer.transport.abort()


Scenario = Callable[[Response, Asked], Awaitable[None]]


class ScenarioServer:
    """The server; a context manager that is listening inside its block."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.base_url = ""
        self.elsewhere: str = ""
        """Where redirects lead: a second port of this server; requests to it are `strays`."""
        self.strays: list[Asked] = []
        self._answering: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._closing is not None
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        limit = {"limit": 1 << 22, "backlog": 200}
        async with (
            await asyncio.start_server(
                partial(self._answer, log=self.requests), "127.0.0.1", 0, **limit
            ) as first,
            await asyncio.start_server(
                partial(self._answer, log=self.strays), "127.0.0.1", 0, **limit
            ) as second,
        ):
            self.base_url = f"http://127.0.0.1:{first.sockets[0].getsockname()[1]}/v1"
            self.elsewhere = f"127.0.0.1:{second.sockets[0].getsockname()[1]}"
            self._listening.set()
            await self._closing.wait()
            for writer in self._answering.values():
                writer.transport.abort()
            await asyncio.gather(*self._answering)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: list[Asked]
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering[task] = writer
        asked: Asked | None = None
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            asked = await _read_request(reader)
            log.append(asked)
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            scenario = SCENARIOS.get(asked.model.partition("@")[0], SCENARIOS["http_404_model"])
            if log is self.strays:
                scenario = SCENARIOS["ok"]
            await scenario(Response(reader, writer, self), asked)
            await writer.drain()
        if asked is not None:
            asked.is_over.set()
        del self._answering[task]
        writer.close()


async def _read_request(reader: asyncio.StreamReader) -> Asked:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    pairs = (line.partition(":") for line in lines[1:] if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    raw = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, path, headers, raw, time.perf_counter())


# ---------------------------------------------------------------------------- pieces of a stream


def event(data: Any) -> str:
    """Return a value as a server-sent event; a text goes out as it is."""
    return f"data: {data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)}\n\n"


def chunk(
    delta: Any = None, finish: Any = None, usage: Any = None, *, index: int = 0, **more: Any
) -> dict[str, Any]:
    """Return a chunk of a chat completion; further names stand beside its choices."""
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    data: dict[str, Any] = {"id": "c1", "object": "chat.completion.chunk", "choices": [choice]}
    return {**data, **({} if usage is None else {"usage": usage}), **more}


def say(text: str, finish: Any = None, usage: Any = None, *, index: int = 0) -> str:
    return event(chunk({"content": text}, finish, usage, index=index))


def delta(**fields: Any) -> str:
    return event(chunk(fields))


def choices(*found: Any, **more: Any) -> str:
    return event({"choices": list(found), **more})


def counted(**usage: Any) -> str:
    return choices(usage=usage)


SAID = tuple(map(say, WORDS))
STOP = event(chunk({}, "stop"))
USAGE = choices(usage=COUNTS)
DONE = "data: [DONE]\n\n"
REST = (STOP, USAGE, DONE)
WHOLE = (*SAID, *REST)
START = SAID[:2]
TWICE = choices(usage=THOUGHT_COUNTS)
AFTER_THOUGHT = (*SAID, STOP, TWICE, DONE)


def stream(
    *pieces: Data, content_type: str | None = "text/event-stream", chunked: bool = True
) -> Scenario:
    """Return an answer that is only a list of pieces."""

    async def answer(out: Response, asked: Asked) -> None:
        out.head(content_type=content_type, chunked=chunked)
        await out.pieces(asked, pieces)
        await out.end()

    return answer


def reply(
    status: int, body: Any = b"", content_type: str | None = "application/json", **headers: Any
) -> Scenario:
    """Return an answer in one piece with its length."""

    async def answer(out: Response, asked: Asked) -> None:
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        content = text.encode() if isinstance(text, str) else text
        names = {name: make(asked) if callable(make) else make for name, make in headers.items()}
        out.head(status, content_type, chunked=False, content_length=len(content), **names)
        await out.send(asked, content)

    return answer


def made(build: Callable[[Asked], Scenario]) -> Scenario:
    """Return an answer that depends on the request."""

    async def answer(out: Response, asked: Asked) -> None:
        await build(asked)(out, asked)

    return answer


def refused(
    is_refused: Callable[[dict[str, Any]], bool], message: str, then: Scenario, **error: Any
) -> Scenario:
    """Return a refusal of some requests, and `then` for all others."""
    refusal = reply(400, {"error": {"message": message, **error}})
    return made(lambda asked: refusal if is_refused(asked.body) else then)


def replaced(pieces: Iterable[str], old: str, new: str) -> tuple[str, ...]:
    return tuple(piece.replace(old, new) for piece in pieces)


OK = stream(delta(role="assistant", content=""), *WHOLE)


# ---------------------------------------------------------------------------- silence and ends


async def _silent(out: Response, asked: Asked) -> None:
    await out.until_left()


def _then_silent(*pieces: Data) -> Scenario:
    async def answer(out: Response, asked: Asked) -> None:
        out.head()
        await out.pieces(asked, pieces)
        await out.until_left()

    return answer


def _then_reset(*pieces: Data, has_head: bool = True) -> Scenario:
    async def answer(out: Response, asked: Asked) -> None:
        if has_head:
            out.head()
            await out.pieces(asked, pieces)
            await asyncio.sleep(SHORT_S)
        out.reset()

    return answer


def _then_closed(*pieces: Data, chunked: bool = False) -> Scenario:
    """Return an answer that ends without the mark of its end, where there is one."""

    async def answer(out: Response, asked: Asked) -> None:
        out.head(chunked=chunked)
        await out.pieces(asked, pieces)

    return answer


async def _close(out: Response, asked: Asked) -> None:
    """Say nothing at all."""


async def _dripping_headers(out: Response, asked: Asked) -> None:
    await out.raw(b"HTTP/1.1 200 X\r\n")
    while True:
        await out.raw(b"x")
        await asyncio.sleep(SHORT_S)


async def _white_space_forever(out: Response, asked: Asked) -> None:
    out.head()
    while True:
        await out.pieces(asked, [b" " * MEGABYTE], 0)


async def _keepalive_forever(out: Response, asked: Asked) -> None:
    out.head()
    while True:
        await out.pieces(asked, [": ping\n\n"], SHORT_S)


async def _endless_answer(out: Response, asked: Asked) -> None:
    out.head()
    while True:
        await out.pieces(asked, [say("word " * 20)], 0)


ENDS: dict[str, Scenario] = {
    "ok": OK,
    "silent": _silent,
    "silent_headers": _then_silent(),
    "silent_mid": _then_silent(*START),
    "silent_after_finish": _then_silent(*SAID, STOP),
    "silent_after_done": _then_silent(*WHOLE),
    "keepalive_forever": _keepalive_forever,
    "endless_answer": _endless_answer,
    "reset_mid": _then_reset(*START),
    "reset_before_bytes": _then_reset(has_head=False),
    "reset_after_headers": _then_reset(),
    "reset_after_finish": _then_reset(*SAID, STOP),
    "close_before_bytes": _close,
    "close_mid_chunked": _then_closed(*START, chunked=True),
    "close_mid_event": _then_closed(SAID[0], 'data: {"choices":[{"index":0,"delta":{"content":" t'),
    "close_no_finish": _then_closed(*SAID),
    "done_no_blank_line": _then_closed(*SAID, STOP, USAGE, "data: [DONE]"),
    "last_event_no_blank_line": _then_closed(*SAID[:3], say(" four", "stop", COUNTS).rstrip("\n")),
    "no_finish_done": stream(*SAID, USAGE, DONE),
    "done_no_finish": stream(*SAID, DONE),
    "finish_no_done": stream(*SAID, STOP, USAGE),
    "finish_no_done_no_usage": stream(*SAID, STOP),
    "finish_with_last_text": stream(*SAID[:3], say(" four", "stop", COUNTS), DONE),
    "empty_stream": stream(),
    "empty_stream_close": stream(chunked=False),
    "done_only": stream(DONE),
    "done_first": stream(DONE, *WHOLE),
    "done_in_quotes": stream(*SAID, 'data: "[DONE]"\n\n'),
    "done_without_brackets": stream(*SAID, "data: DONE\n\n"),
    "done_without_field": stream(*SAID, "[DONE]\n\n"),
    "done_event": stream(*SAID, "event: done\ndata: {}\n\n"),
    "done_event_empty": stream(*SAID, "event: done\ndata:\n\n"),
    "dripping_headers": _dripping_headers,
    "white_space_forever": _white_space_forever,
    "only_role_then_stop": stream(delta(role="assistant"), STOP, DONE),
    "only_blank": stream(say("\n\n"), *REST),
    "only_stop_usage0": stream(STOP, counted(prompt_tokens=11, completion_tokens=0), DONE),
}

# ---------------------------------------------------------------------------- bytes on the wire


def _by_the_byte(*pieces: str) -> Scenario:
    data = "".join(pieces).encode()
    return _then_closed_fast([data[place : place + 1] for place in range(len(data))])


def _then_closed_fast(pieces: Sequence[bytes]) -> Scenario:
    async def answer(out: Response, asked: Asked) -> None:
        out.head(chunked=False)
        await out.pieces(asked, pieces, 0)

    return answer


async def _endless_line(out: Response, asked: Asked) -> None:
    out.head()
    await out.send(asked, SAID[0] + "data: ")
    for _ in range(200):
        await out.send(asked, b"x" * MEGABYTE)
    await out.end()


MANY = 20_000
NUMBERS = [f"{number} " for number in range(MANY)]


async def _fast(out: Response, asked: Asked) -> None:
    out.head(chunked=False)
    for first in range(0, MANY, 50):
        await out.send(asked, "".join(map(say, NUMBERS[first : first + 50])))
    counts = counted(prompt_tokens=11, completion_tokens=MANY)
    await out.send(asked, STOP + counts + DONE)


def _indented(piece: str) -> str:
    """Return an event whose JSON stands on several lines."""
    data = piece.removeprefix("data: ").strip()
    if data == "[DONE]":
        return piece
    return event(json.dumps(json.loads(data), indent=1).replace("\n", "\ndata: "))


SCRIPTS = "Zürich 日本 👩‍🔬 é"
PARTED = event('{"choices":\ndata: [{"index":0,"delta":{"content":"One two three four"}}]}')
ERROR = "event: error\ndata: "

BYTES: dict[str, Scenario] = {
    "drip": _by_the_byte(*WHOLE),
    "utf8_split": _by_the_byte(say(SCRIPTS), say(" end"), *REST),
    "lone_surrogate": stream('data: {"choices":[{"delta":{"content":"a\\ud83d b"}}]}\n\n', *REST),
    "surrogates": stream(
        say("Hi "),
        'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
        'data: {"choices":[{"delta":{"content":"\\ude00"}}]}\n\n',
        say(" bye"),
        *REST,
    ),
    "nul_in_text": stream(say("a\0b\x1b[31mred\x07"), *REST),
    "invalid_utf8": stream(
        SAID[0], b'data: {"choices":[{"delta":{"content":"\xff\xfe"}}]}\n\n', *REST
    ),
    "huge_event": stream(say("x" * 2 * MEGABYTE), say(" end"), *REST),
    "huge_comment": stream(": " + "x" * 2 * MEGABYTE + "\n\n", *WHOLE),
    "endless_line": _endless_line,
    "fast20k": _fast,
    "comments20": stream(*[": OPENROUTER PROCESSING\n\n"] * 20, *WHOLE),
    "crlf": stream(*replaced(WHOLE, "\n", "\r\n")),
    "cr": stream(*replaced(WHOLE, "\n", "\r"), chunked=False),
    "bom": stream("\ufeff" + SAID[0], *SAID[1:], *REST),
    "no_space": stream(*replaced(WHOLE, "data: ", "data:")),
    "done_trailing_space": stream(*SAID, STOP, USAGE, "data: [DONE] \n\n"),
    "done_lower": stream(*SAID, STOP, USAGE, "data: [done]\n\n"),
    "multiline": stream(PARTED, *REST),
    "indented": stream(*map(_indented, WHOLE)),
    "id_retry_lines": stream(
        "retry: 1000\n",
        *(f"id: 7\nevent: message\n{piece}" for piece in (*SAID, STOP, USAGE)),
        DONE,
    ),
    "retry_first_blank": stream("retry: 3000\n\n", *WHOLE),
    "event_ping_blank": stream("event: ping\n\n", *WHOLE),
    "data_empty": stream("data:\n\n", *SAID, "data: \n\n", *REST),
    "data_null": stream("data: null\n\n", *WHOLE),
    "blank_lines_between": stream("\n\n\n", *(piece + "\n\n" for piece in SAID), *REST),
    "single_newlines": stream(*(piece[:-1] for piece in (*SAID, STOP, USAGE)), DONE),
    "event_error": stream(
        *START, ERROR + '{"error":{"message":"Upstream overloaded","code":502}}\n\n'
    ),
    "event_error_anthropic": stream(
        *START,
        ERROR + '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
    ),
    "event_error_code": stream(
        *START, ERROR + '{"code":503,"message":"Worker pool exhausted"}\n\n'
    ),
    "event_error_string": stream(
        *START, ERROR + '{"message":"Internal server error","status_code":500}\n\n'
    ),
    "event_error_words": stream(*START, ERROR + "out of memory\n\n"),
    "event_error_then_done": stream(*START, ERROR + '{"message":"kaputt"}\n\n', DONE),
    "event_ping": stream('event: ping\ndata: {"type": "ping"}\n\n', *WHOLE),
    "event_thread": stream("event: thread.message.delta\n" + SAID[0], *SAID[1:], *REST),
    "bom_each": stream(*(f"\ufeff\ufeff{piece}" for piece in WHOLE)),
    "nul_first": stream(f"\0\0{SAID[0]}", *SAID[1:], *REST),
    "indented_fields": stream(*(f" \t{piece}" for piece in WHOLE)),
    "upper_fields": stream(*replaced(WHOLE, "data: ", "DATA: ")),
    "data_twice": stream(*replaced(WHOLE, "data: ", "data: data: ")),
    "ping_in_words": stream(
        SAID[0], "data: ping\n\n", "event: heartbeat\ndata: still here\n\n", *SAID[1:], *REST
    ),
    "event_in_words": stream(SAID[0], "event: log\ndata: a note\n\n", *SAID[1:], *REST),
    "event_error_capitals": stream(*START, "event: ERROR\ndata: GPU on fire\n\n"),
    "event_exception": stream(*START, "event: exception\ndata: GPU on fire\n\n"),
    "event_error_json_text": stream(*START, ERROR + '"GPU on fire"\n\n'),
    "surrogate_halves_apart": stream(
        'data: {"choices":[{"delta":{"reasoning_content":"a\\ud83d"}}]}\n\n',
        'data: {"choices":[{"delta":{"content":"\\ude00b"}}]}\n\n',
        *REST,
    ),
}

# ---------------------------------------------------------------------------- no stream at all

PAGE = "<!DOCTYPE html><html><head><title>Log in to Hotel Wi-Fi</title></head><body>x</body></html>"
MESSAGE = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
COMPLETION = {"id": "x", "object": "chat.completion", "choices": [MESSAGE], "usage": COUNTS}


def _lines(*values: Any) -> Scenario:
    lines = [json.dumps(value) + "\n" for value in values]
    return stream(*lines, content_type="application/x-ndjson")


def _completion(text: str) -> dict[str, Any]:
    return {**COMPLETION, "choices": [{**MESSAGE, "message": {"content": text}}]}


def _ollama(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "m", "message": {"role": "assistant", "content": text}, **more}


async def _endless_body(out: Response, asked: Asked) -> None:
    out.head(content_type="application/json")
    await out.send(asked, '{"choices": "')
    for _ in range(200):
        await out.send(asked, b"x" * MEGABYTE)
    await out.end()


BODIES: dict[str, Scenario] = {
    "html_200": reply(200, PAGE, "text/html"),
    "html_200_in_pieces": stream(PAGE[:30], PAGE[30:], content_type="text/html"),
    "json_error_list_200": reply(200, [{"error": {"message": "slow down", "code": 429}}]),
    "json_after_blank_lines": stream(
        "\n\n", "\n", json.dumps(COMPLETION, indent=1), content_type=None
    ),
    "json_chunks_200": reply(200, [chunk({"content": ANSWER}), chunk({}, "stop", COUNTS)]),
    "json_endless_200": _endless_body,
    "html_200_as_sse": reply(200, PAGE, "text/event-stream"),
    "json_error_200": reply(200, {"error": {"message": "model is asleep", "type": "server_error"}}),
    "json_error_200_429": reply(200, {"error": {"message": "slow down", "code": 429}}),
    "json_completion_200": reply(200, COMPLETION),
    "message_instead_of_delta": stream(choices(MESSAGE, usage=COUNTS), DONE),
    "sse_no_ctype": stream(*WHOLE, content_type=None),
    "sse_text_plain": stream(*WHOLE, content_type="text/plain; charset=utf-8"),
    "sse_json_ctype": stream(*WHOLE, content_type="application/json"),
    "sse_charset": stream(*WHOLE, content_type="text/event-stream; charset=utf-8"),
    "sse_upper_ctype": stream(*WHOLE, content_type="Text/Event-Stream"),
    "sse_latin1": stream(say(SCRIPTS), *REST, content_type="text/event-stream; charset=latin-1"),
    "ndjson": _lines(*(chunk({"content": word}) for word in WORDS[:2])),
    "ndjson_whole": _lines(
        *(chunk({"content": word}) for word in WORDS), chunk({}, "stop", COUNTS)
    ),
    "text_200": reply(200, "upstream connect error", "text/plain"),
    "utf16_200": reply(200, SAID[0].encode("utf-16"), "text/event-stream"),
    "only_comments": stream(": ping\n\n", ": ping\n\n"),
    "gemini_native": stream(event({"candidates": [{"content": {"parts": [{"text": "One"}]}}]})),
    "gemini_native_done": stream(
        event({"candidates": [{"content": {"parts": [{"text": "One"}]}}]}), DONE
    ),
    "anthropic_native": stream(
        event({"type": "message_start", "message": {"content": []}}),
        event({"type": "content_block_delta", "delta": {"text": "One"}}),
    ),
    "ollama_native": _lines(_ollama("One", done=False), _ollama(" two", done=True)),
    "ollama_native_cut": _lines(_ollama("One", done=False)),
    "empty_200": reply(200, b"", "text/event-stream"),
    "status_204": reply(204, b"", None),
    "utf16_json": reply(200, json.dumps(COMPLETION).encode("utf-16"), "application/json"),
    "latin1_json": reply(
        200,
        json.dumps(_completion("Zürich"), ensure_ascii=False).encode("latin-1"),
        "application/json; charset=iso-8859-1",
    ),
    "json_in_json": reply(200, json.dumps(json.dumps(COMPLETION))),
    "json_after_bom": reply(200, "\r\n\ufeff" + json.dumps(COMPLETION)),
    "json_then_done": stream(json.dumps(COMPLETION), "\n", DONE, content_type="application/json"),
    "html_after_comment": reply(200, f"<!-- x -->\n{PAGE}", "text/html"),
    "anthropic_whole": reply(
        200,
        {"type": "message", "content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn"},
    ),
}

# ---------------------------------------------------------------------------- errors in mid-stream


def _error(error: Any, **more: Any) -> str:
    return event({"error": error, **more})


def _failed_choice(**error: Any) -> str:
    return choices({"index": 0, "delta": {"content": ""}, "finish_reason": "error", "error": error})


RAW = {"raw": "model is overloaded, retry shortly", "provider_name": "X"}
OVERFLOW = "This model's maximum context length is 8192 tokens."

ERRORS: dict[str, Scenario] = {
    "error_mid": stream(*START, _error({"message": "GPU on fire", "code": 502}), DONE),
    "error_mid_string": stream(*START, _error("GPU on fire"), DONE),
    "error_mid_429": stream(
        *START, _error({"message": "slow down", "type": "rate_limit_error"}), DONE
    ),
    "error_mid_openrouter": stream(
        *START,
        _error({"code": 502, "message": "Provider disconnected"}, **chunk({}, "error")),
        DONE,
    ),
    "error_in_choice": stream(*START, _failed_choice(code=504, message="Upstream timed out"), DONE),
    "error_null_field": stream(event({**chunk({"content": ANSWER}), "error": None}), *REST),
    "error_mid_detail": stream(*START, event({"detail": "worker died"}), DONE),
    "error_mid_code_str": stream(
        *START, _error({"message": "Rate limit reached", "code": "rate_limit_exceeded"}), DONE
    ),
    "error_mid_ctx": stream(_error({"message": OVERFLOW, "code": "context_length_exceeded"}), DONE),
    "error_html_in_event": stream(*START, event("<html><title>502 Bad Gateway</title></html>")),
    "error_empty_message": stream(*START, _error({"message": "", "code": 503})),
    "error_nested_json": stream(
        *START, _error({"message": '{"error":{"message":"inner"}}', "code": 400})
    ),
    "error_openrouter_metadata": stream(
        *START, _error({"message": "Provider returned error", "code": 429, "metadata": RAW})
    ),
    "error_only": stream(_error("model is overloaded")),
    "error_after_finish": stream(*SAID, STOP, _error({"message": "too late", "code": 500}), DONE),
    "error_in_one_write": stream("".join((*START, _error("GPU on fire")))),
    "error_with_text": stream(
        SAID[0], _error({"message": "GPU on fire"}, **chunk({"content": WORDS[1]}, "stop"))
    ),
    "error_empty_field": stream(event({**chunk({"content": ANSWER}), "error": {"code": 0}}), *REST),
    "error_mid_detail_object": stream(*START, event({"detail": {"message": "worker died"}})),
    "error_mid_list": stream(
        *START, event({"success": False, "errors": [{"message": "worker died"}]})
    ),
    "error_mid_minimax": stream(
        *START, event({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}})
    ),
    "error_bare": stream(*START, event({"type": "error", "code": 503})),
    "error_in_list": stream(*START, event([{"error": {"message": "GPU on fire", "code": 503}}])),
    "error_raw": _then_closed(*START, '{"error": {"message": "GPU on fire"}}'),
    "event_error_empty": stream(*START, ERROR + "\n\n", DONE),
    "error_field": stream(*START, 'error: {"code": 500, "message": "GPU on fire"}\n\n'),
    "error_at_the_end": _then_closed(*START, ERROR + "GPU on fire"),
    "bad_json_in_one_write": stream("".join((*START, "data: {oops\n\n"))),
    "bad_json_mid": stream(*START, 'data: {"choices": [{"delta"\n\n', *SAID[2:], *REST),
    "bad_json_nan": stream(
        *SAID,
        STOP,
        event('{"choices":[],"usage":{"prompt_tokens":NaN,"completion_tokens":Infinity}}'),
        DONE,
    ),
    "json_dup_keys": stream(
        event('{"choices":[{"delta":{"content":"x","content":"One two three four"}}]}'), *REST
    ),
    "json_number": stream("data: 42\n\n", *WHOLE),
    "json_bigint": stream(
        *SAID, STOP, event('{"usage":{"prompt_tokens":' + "9" * 5_000 + "}}"), DONE
    ),
    "json_deep": stream(*START, event("[" * 100_000), DONE),
    "fin_then_bad_json": stream(*SAID, STOP, "data: {oops\n\n", DONE),
    "error_words": stream(*START, event("Error: GPU on fire")),
    "error_number": stream(*START, event({"error": 503, "reason": "GPU on fire"})),
    "error_baidu": stream(*START, event({"error_code": 17, "error_msg": "GPU on fire"})),
    "error_capitals": stream(*START, event({"Error": {"Message": "GPU on fire"}})),
    "error_elsewhere": stream(*START, _error({"message": {"text": "GPU on fire"}, "code": 503})),
    "error_in_delta": stream(*START, delta(error={"message": "GPU on fire"})),
    "error_x_groq": stream(*START, choices(x_groq={"error": "GPU on fire"}), DONE),
    "error_status_code": stream(*START, event({"statusCode": 429, "message": "slow down"})),
}

# ---------------------------------------------------------------------------- reasons to finish


def _tool_call(**function: str) -> str:
    return delta(content=None, tool_calls=[{"index": 0, "id": "call_1", "function": function}])


REASONS = (
    *("eos", "length", "content_filter", "tool_calls", "end_turn", "MAX_TOKENS", "function_call"),
    *("insufficient_system_resource", "FINISH_REASON_STOP", "SPII", "sensitive"),
    *("guardrail_intervened", "model_context_window_exceeded", "max_new_tokens", "pause_turn"),
)
"""Ends of a whole answer, as providers write them."""

FINISHES: dict[str, Scenario] = {
    **{f"fin_{reason}": stream(*SAID, event(chunk({}, reason)), USAGE, DONE) for reason in REASONS},
    "fin_empty": stream(*SAID, event(chunk({}, "")), USAGE, DONE),
    "fin_null": stream(*SAID, event(chunk({}, None)), USAGE, DONE),
    "fin_number": stream(*SAID, event(chunk({}, 1)), USAGE, DONE),
    "fin_every_chunk_empty": stream(*(say(word, "") for word in WORDS), *REST),
    "fin_stop_every_chunk": stream(*(say(word, "stop") for word in WORDS), USAGE, DONE),
    "fin_content_filter_empty": stream(event(chunk({}, "content_filter")), DONE),
    "fin_error": stream(*START, event(chunk({}, "error")), DONE),
    "fin_error_in_one_write": stream("".join((*START, event(chunk({}, "error"))))),
    "fin_error_after_stop": stream(*SAID, STOP, event(chunk({}, "error")), DONE),
    "fin_abort": stream(*START, event(chunk({}, "abort")), DONE),
    "fin_ERROR": stream(*START, event(chunk({}, "ERROR")), DONE),
    "fin_word_null": stream(*(say(word, "null") for word in WORDS), *REST),
    "fin_word_null_cut": stream(*(say(word, "None") for word in WORDS)),
    "fin_in_delta": stream(*SAID, choices({"delta": {"finish_reason": "stop"}}, usage=COUNTS)),
    "fin_beside": stream(*SAID, choices(finish_reason=" stop\n", usage=COUNTS)),
    "fin_huge": stream(*SAID, event(chunk({}, "x" * MEGABYTE)), USAGE, DONE),
    "tool_name_huge": stream(_tool_call(name="f" * MEGABYTE), event(chunk({}, "tool_calls")), DONE),
    "text_after_finish": stream(SAID[0], STOP, *SAID[1:], *REST),
    "text_after_done": stream(*WHOLE, say(" five")),
    "tool_calls": stream(
        _tool_call(name="get_weather", arguments=""),
        _tool_call(arguments='{"city":"Paris"}'),
        event(chunk({}, "tool_calls")),
        USAGE,
        DONE,
    ),
    "refusal": stream(delta(refusal="I cannot "), delta(refusal="help."), *REST),
    "azure_prompt_filter_first": stream(
        choices(prompt_filter_results=[{"prompt_index": 0}], id=""), *WHOLE
    ),
    "audio_delta": stream(delta(audio={"id": "a", "transcript": "One two"}), *REST),
    "unknown_fields": stream(
        event(
            {
                **chunk({"content": ANSWER, "foo": [1, {"a": 2}], "role": 7}),
                "x": {"y": 1},
                "id": None,
            }
        ),
        *REST,
    ),
}

# ---------------------------------------------------------------------------- counts of tokens


def _with_usage(*usages: Any) -> Scenario:
    return stream(*SAID, STOP, *(choices(usage=usage) for usage in usages), DONE)


def _both(prompt: Any, completion: Any, **more: Any) -> Scenario:
    return _with_usage({"prompt_tokens": prompt, "completion_tokens": completion, **more})


ZEROS = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
UPSTREAM = {"upstream_inference_cost": 0.0004}

USAGES: dict[str, Scenario] = {
    "usage_missing": stream(*SAID, STOP, DONE),
    "usage_twice": _with_usage({"prompt_tokens": 11, "completion_tokens": 3}, COUNTS),
    "usage_every_chunk": stream(
        *(
            say(word, None, {"prompt_tokens": 11, "completion_tokens": count})
            for count, word in enumerate(WORDS, 1)
        ),
        event(chunk({}, "stop", COUNTS)),
        DONE,
    ),
    "usage_then_zero": stream(*SAID, event(chunk({}, "stop", COUNTS)), choices(usage=ZEROS), DONE),
    "usage_zero": _with_usage(ZEROS),
    "usage_null": stream(
        *(event({**chunk({"content": word}), "usage": None}) for word in WORDS), STOP, DONE
    ),
    "usage_negative": _both(-5, -7),
    "usage_absurd": _both(10**15, 10**15),
    "usage_absurd_2_60": _both(2**60, 2**63),
    "usage_float": _both(11.0, 4.0),
    "usage_strings": _both("11", "4"),
    "usage_bool": _both(True, False),
    "usage_list": _with_usage([1, 2]),
    "usage_empty_object": _with_usage({}),
    "usage_only_completion": _with_usage({"completion_tokens": 4}),
    "usage_only_prompt": _with_usage({"prompt_tokens": 11}),
    "usage_only_total": _with_usage({"total_tokens": 15}),
    "usage_input_output_names": _with_usage({"input_tokens": 11, "output_tokens": 4}),
    "usage_cached": _both(2000, 4, prompt_tokens_details={"cached_tokens": 1920}),
    "usage_cached_more_than_prompt": _both(11, 4, prompt_tokens_details={"cached_tokens": 9999}),
    "usage_cached_deepseek": _both(2000, 4, prompt_cache_hit_tokens=1920),
    "usage_cost": _both(
        11, 4, cost=0.00042, cost_details={"upstream_inference_cost": None}, is_byok=False
    ),
    "usage_cost_zero": _both(11, 4, cost=0),
    "usage_cost_string": _both(11, 4, cost="0.00042"),
    "usage_cost_huge": _both(11, 4, cost=1e300),
    "usage_cost_byok": _both(11, 4, cost=0.00002, is_byok=True, cost_details=UPSTREAM),
    "usage_cost_object_perplexity": _both(
        11, 4, cost={"input_tokens_cost": 0.1, "total_cost": 0.2}
    ),
    "usage_x_groq": stream(*SAID, event({**chunk({}, "stop"), "x_groq": {"usage": COUNTS}}), DONE),
    "usage_in_choice_moonshot": stream(
        *SAID, choices({"index": 0, "delta": {}, "finish_reason": "stop", "usage": COUNTS}), DONE
    ),
    "usage_after_done": stream(*SAID, STOP, DONE, USAGE),
    "usage_cost_no_flag": _both(11, 4, cost=0.0004, cost_details=UPSTREAM),
    "usage_cost_deepinfra": _both(11, 4, estimated_cost=0.00042),
    "usage_cached_anthropic": _with_usage(
        {
            "input_tokens": 11,
            "output_tokens": 4,
            "cache_read_input_tokens": 1900,
            "cache_creation_input_tokens": 89,
        }
    ),
    "usage_cached_beside": _both(
        11, 4, total_tokens=2015, prompt_tokens_details={"cached_tokens": 2000}
    ),
    "usage_cached_litellm": _both(2000, 4, total_tokens=2004, cache_read_input_tokens=1920),
    "usage_cached_mistral": _both(2000, 4, total_tokens=2004, num_cached_tokens=1920),
    "usage_too_many_written": _both(11, 4, total_tokens=19_000_000),
    "usage_too_few_for_the_text": stream(
        say("word " * 2000),
        STOP,
        choices(usage={"prompt_tokens": 11, "completion_tokens": 1}),
        DONE,
    ),
    "usage_in_delta": stream(*SAID, event(chunk({"usage": COUNTS}, "stop")), DONE),
    "usage_ollama": _lines(
        _ollama(ANSWER, done=True, done_reason="stop", prompt_eval_count=11, eval_count=4)
    ),
    "usage_reasoning_negative_diff": _both(
        11, 4, completion_tokens_details={"reasoning_tokens": 50}
    ),
    "usage_reasoning_null": _both(
        11, 4, completion_tokens_details=None, prompt_tokens_details=None
    ),
    "usage_xai": _both(
        32, 4, total_tokens=136, completion_tokens_details={"reasoning_tokens": 100}
    ),
    "usage_xai_cached": _both(
        10120,
        1499,
        total_tokens=14428,
        prompt_tokens_details={"cached_tokens": 128},
        completion_tokens_details={"reasoning_tokens": 2809},
    ),
    "usage_gemini": _both(20, 4, total_tokens=424),
    "usage_openai_reasoning": _both(
        32, 104, total_tokens=136, completion_tokens_details={"reasoning_tokens": 100}
    ),
    "llama_timings": stream(
        *SAID, event({**chunk({}, "stop"), "timings": {"prompt_n": 11, "predicted_n": 4}}), DONE
    ),
}

# ---------------------------------------------------------------------------- shapes of the text


def _said_as(shape: Callable[[str], Any]) -> Scenario:
    return stream(*(event(shape(word)) for word in WORDS), *REST)


def _thinking_part(text: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


def _whole_so_far(count: int, finish: str | None = None) -> str:
    """Return a chunk of Perplexity's: what is new in `delta`, all of it in `message`."""
    message = {"role": "assistant", "content": "".join(WORDS[:count])}
    new = {"content": WORDS[count - 1]}
    return choices({"index": 0, "delta": new, "message": message, "finish_reason": finish})


SHAPES: dict[str, Scenario] = {
    "content_parts": _said_as(lambda word: chunk({"content": [{"type": "text", "text": word}]})),
    "content_parts_strings": _said_as(lambda word: chunk({"content": [word]})),
    "content_parts_reasoning": stream(
        delta(content=[{"type": "reasoning", "text": "hmm"}]), *WHOLE
    ),
    "content_parts_thinking": stream(delta(content=[_thinking_part("hmm")]), *WHOLE),
    "content_object": _said_as(lambda word: chunk({"content": {"text": word}})),
    "content_parts_refusal": _said_as(
        lambda word: chunk({"content": [{"type": "refusal", "refusal": word}]})
    ),
    "content_parts_value": _said_as(
        lambda word: chunk({"content": [None, {"type": "text", "text": {"value": word}}]})
    ),
    "content_parts_picture": stream(
        delta(content=[{"type": "image_url", "image_url": {"url": "x"}}]), *REST
    ),
    "picture_beside": stream(*SAID, delta(images=[{"image_url": {"url": "x"}}]), *REST),
    "content_object_strange": stream(delta(content={"answer": "One"}), *REST),
    "message_string": _said_as(lambda word: {"choices": [{"index": 0, "message": word}]}),
    "choice_string": _said_as(lambda word: {"choices": [word]}),
    "text_without_choices": stream(*(event({"text": word}) for word in WORDS), *REST),
    "content_null": stream(
        delta(content=None), *SAID, event(chunk({"content": None}, "stop")), USAGE, DONE
    ),
    "content_number": stream(delta(content=5), *WHOLE),
    "content_number_only": stream(delta(content=42), *REST),
    "content_elsewhere": stream(*(delta(output_text=word) for word in WORDS), *REST),
    "delta_missing": stream(choices({"index": 0, "finish_reason": None}), *WHOLE),
    "delta_null": stream(choices({"index": 0, "delta": None}), *WHOLE),
    "delta_list": _said_as(lambda word: {"choices": [{"index": 0, "delta": [word]}]}),
    "delta_string": _said_as(lambda word: {"choices": [{"index": 0, "delta": word}]}),
    "choices_null": stream(event({"choices": None}), *WHOLE),
    "choices_empty": stream(choices(), *WHOLE),
    "choices_missing": stream(event({"id": "x"}), *WHOLE),
    "choices_object": _said_as(lambda word: {"choices": {"0": {"delta": {"content": word}}}}),
    "choices_index1_extra": stream(
        *(piece for word in WORDS for piece in (say(word), say("B", index=1))),
        STOP,
        event(chunk({}, "stop", index=1)),
        USAGE,
        DONE,
    ),
    "choices_index1_first": stream(
        *(piece for word in WORDS for piece in (say("B", index=1), say(word))),
        event(chunk({}, "length", index=1)),
        *REST,
    ),
    "choices_index1_only": stream(*(say(word, index=1) for word in WORDS), USAGE, DONE),
    "choices_index1_whole": stream(say(ANSWER, "stop", COUNTS, index=1), DONE),
    "choices_index1_no_finish": stream(say(ANSWER, index=1), DONE),
    "choices_index1_body": reply(
        200, {**COMPLETION, "choices": [{**MESSAGE, "index": 1, "finish_reason": None}]}
    ),
    "choices_index1_error": stream(
        say("One two", index=1), choices({"index": 1, "error": {"message": "kaputt"}}), DONE
    ),
    "choices_index_string": _said_as(
        lambda word: {"choices": [{"index": "0", "delta": {"content": word}}]}
    ),
    "choices_index_missing": _said_as(lambda word: {"choices": [{"delta": {"content": word}}]}),
    "legacy_text_completion": stream(
        *(choices({"index": 0, "text": word}) for word in WORDS),
        choices({"index": 0, "text": "", "finish_reason": "stop"}),
        USAGE,
        DONE,
    ),
    "whole_once_more": stream(*SAID, choices(MESSAGE, usage=COUNTS), DONE),
    "message_by_message": stream(
        *(choices({"index": 0, "message": {"content": word}}) for word in WORDS), *REST
    ),
    "perplexity": stream(*map(_whole_so_far, (1, 2, 3)), _whole_so_far(4, "stop"), USAGE, DONE),
}

# ---------------------------------------------------------------------------- thinking


def _thought_in(**fields: Callable[[str], Any]) -> Scenario:
    thoughts = (delta(**{name: make(word) for name, make in fields.items()}) for word in THOUGHTS)
    return stream(*thoughts, *AFTER_THOUGHT)


def _detail(text: str) -> list[dict[str, Any]]:
    return [{"type": "reasoning.text", "text": text, "index": 0}]


def _tagged(*pieces: str) -> Scenario:
    return stream(*map(say, pieces), STOP, TWICE, DONE)


def _tagged_field(name: str, *pieces: str) -> Scenario:
    return stream(*(delta(**{name: piece}) for piece in pieces), *AFTER_THOUGHT)


def _empty(_: str) -> str:
    return ""


def _none(_: str) -> None:
    return None


REASONINGS: dict[str, Scenario] = {
    "reasoning_content": _thought_in(reasoning_content=str),
    "reasoning": _thought_in(reasoning=str),
    "reasoning_both_fields": _thought_in(reasoning=str, reasoning_content=str),
    "reasoning_object": _thought_in(reasoning=lambda word: {"content": word}),
    "reasoning_details": _thought_in(content=_empty, reasoning_details=_detail),
    "reasoning_and_details": _thought_in(reasoning=str, reasoning_details=_detail),
    "reasoning_details_encrypted": stream(
        delta(content="", reasoning_details=[{"type": "reasoning.encrypted", "data": "AAAA"}]),
        *AFTER_THOUGHT,
    ),
    "reasoning_content_and_content_same_chunk": stream(
        event(chunk({"reasoning_content": THOUGHT, "content": ANSWER}, "stop", THOUGHT_COUNTS)),
        DONE,
    ),
    "reasoning_content_empty_strings": stream(
        *(delta(reasoning_content=word, content="") for word in THOUGHTS),
        *(delta(reasoning_content="", content=word) for word in WORDS),
        STOP,
        TWICE,
        DONE,
    ),
    "reasoning_content_null": _thought_in(reasoning_content=str, content=_none),
    "reasoning_only": stream(
        *(delta(reasoning_content=word) for word in THOUGHTS),
        event(chunk({}, "length")),
        TWICE,
        DONE,
    ),
    "think_tags": _tagged("<think>", *THOUGHTS, "</think>", "\n\n", *WORDS),
    "think_tags_after_blank": _tagged("\n", "<think>", *THOUGHTS, "</think>", "\n\n", *WORDS),
    "think_tags_split": _tagged("<th", "ink>Let me", " think now</", "think>\n\nOne", *WORDS[1:]),
    "think_tags_magistral": _tagged("[THINK]", *THOUGHTS, "[/TH", "INK]", *WORDS),
    "think_closing_tag_alone": _tagged(*THOUGHTS, "</think>", "\n\n", *WORDS),
    "think_never_closed": _tagged("<think>", *THOUGHTS),
    "think_channels": _tagged(
        "<|channel|>analysis<|message|>",
        *THOUGHTS,
        "<|end|><|start|>assistant<|channel|>final<|message|>",
        *WORDS,
        "<|return|>",
    ),
    "reasoning_tagged": _tagged_field("reasoning_content", "<think>\n", *THOUGHTS, "\n</think>"),
    "reasoning_tagged_split": _tagged_field("reasoning", "<th", "ink>Let me think now</", "think>"),
    "reasoning_tagged_magistral": _tagged_field("reasoning", "[THINK]", *THOUGHTS, "[/THINK]"),
    "reasoning_closed_alone": _tagged_field("reasoning_content", *THOUGHTS, "\n</think>"),
    "reasoning_never_closed": _tagged_field("reasoning_content", "<think>", *THOUGHTS),
    "reasoning_ends_like_a_tag": _tagged_field("reasoning", *THOUGHTS, " <"),
    "reasoning_about_tags": _tagged_field("reasoning", "They write `</think>` after it"),
    "reasoning_text": _thought_in(reasoning_text=str),
    "think_tags_capitals": _tagged("<Think>", *THOUGHTS, "</Think>", "\n\n", *WORDS),
    "think_tags_attribute": _tagged('<think type="deep', '">', *THOUGHTS, "</think>", *WORDS),
    "think_tags_after_bom": _tagged("\ufeff", "<think>", *THOUGHTS, "</think>", *WORDS),
    "think_tags_twice": _tagged("<think>\n", "<think>", *THOUGHTS, "</think>", "</think>", *WORDS),
    "think_tags_flood": stream(say("<think>x</think>" * 3000 + ANSWER), *REST),
    "tags_like_code": stream(say("Use "), say("<think>"), say(" in HTML"), *REST),
}

# ---------------------------------------------------------------------------- HTTP errors

SENTENCE = "Sentence-{status}-of-the-provider"
STATUSES = (
    *(400, 401, 402, 403, 404, 405, 406, 408, 409, 413, 418, 422, 429, 451),
    *(500, 501, 502, 503, 504, 520, 529),
)
_ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
STYLES: dict[str, Callable[[str, int], Any]] = {
    "openai": lambda said, _: {
        "error": {"message": said, "type": "invalid_request_error", "code": None}
    },
    "plain": lambda said, _: said,
    "fastapi": lambda said, _: {"detail": said},
    "fastapi422": lambda said, _: {
        "detail": [{"type": "missing", "loc": ["body", "model"], "msg": said}]
    },
    "anthropic": lambda said, status: {
        "type": "error",
        "error": {"type": _ANTHROPIC.get(status, "api_error"), "message": said},
    },
    "google": lambda said, status: [{"error": {"code": status, "message": said, "status": "X"}}],
    "html": lambda said, status: (
        f"<html>\r\n<head><title>{status} {said}</title></head><hr></html>"
    ),
    "empty": lambda said, status: "",
    "ollama": lambda said, status: {"error": said},
}
"""How an error's body is written."""

BINARY = bytes(range(256))
GEMINI_OVERFLOW = "exceeds the maximum number of tokens allowed (8192)."
MISTRAL_OVERFLOW = "for model with 32768 maximum context length"
TOO_LARGE = (
    "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 21034"
)


def _message(status: int, message: str, /, *, retry_after: Any = None, **error: Any) -> Scenario:
    headers = {} if retry_after is None else {"retry_after": retry_after}
    return reply(status, {"error": {"message": message, **error}}, **headers)


async def _endless_error(out: Response, asked: Asked) -> None:
    out.head(500, "text/plain")
    for _ in range(300):
        await out.send(asked, b"x" * MEGABYTE)
    await out.end()


async def _dripping_error(out: Response, asked: Asked) -> None:
    out.head(500, "text/plain")
    while True:
        await out.pieces(asked, [b"x"], SHORT_S)


HTTP: dict[str, Scenario] = {
    **{
        f"http_{status}_{style}": reply(
            status,
            build(SENTENCE.format(status=status), status),
            "text/html" if style == "html" else "application/json",
        )
        for status in STATUSES
        for style, build in STYLES.items()
    },
    "http_429_seconds": _message(
        429, "Rate limit reached", code="rate_limit_exceeded", retry_after=17
    ),
    "http_429_date": _message(
        429, "Rate limit reached", retry_after="Fri, 31 Dec 2027 23:59:59 GMT"
    ),
    "http_429_garbage": _message(429, "Rate limit reached", retry_after="soon\t<b>please</b>"),
    "http_429_huge": _message(429, "Rate limit reached", retry_after="9" * 400),
    "http_429_past": _message(
        429, "Rate limit reached", retry_after="Wed, 21 Oct 2015 07:28:00 GMT"
    ),
    "http_429_year_9999": _message(
        429, "Rate limit reached", retry_after="Fri, 31 Dec 9999 23:59:59 GMT"
    ),
    "http_429_negative": _message(429, "Rate limit reached", retry_after="-5"),
    "http_429_zero": _message(429, "Rate limit reached", retry_after="0"),
    "http_429_words": _message(429, "Slow down. Please retry after 20 seconds."),
    "http_429_minutes": _message(429, "Slow down. Please try again in 7m12.3s."),
    "http_413_plain": reply(413, "Payload Too Large", "text/plain"),
    "http_400_ctx_dashscope": _message(400, "Range of input length should be [1, 30720]"),
    "http_400_ctx_cerebras": _message(400, "Please reduce the length of the messages."),
    "http_500_ctx": _message(500, "the context size was exceeded: context size is 4096"),
    "http_400_model_retired": _message(400, "The model x has been deprecated."),
    "http_400_model_together": _message(400, "Unable to access non-serverless model x."),
    "http_400_key_expired": _message(400, "API key expired. Please renew the API key."),
    "http_403_no_key": _message(403, "API key is missing"),
    "http_429_balance": _message(429, "Account balance is insufficient, please recharge"),
    "http_400_billing": _message(400, "Billing hard limit has been reached"),
    "http_429_inf": _message(429, "Rate limit reached", retry_after="inf"),
    "http_429_reset_headers": reply(
        429, {"error": {"message": "Rate limit reached"}}, retry_after_ms="1500"
    ),
    "http_429_google": reply(
        429,
        [
            {
                "error": {
                    "code": 429,
                    "message": "Quota exceeded for metric",
                    "status": "RESOURCE_EXHAUSTED",
                }
            }
        ],
    ),
    "http_429_quota": _message(429, "You exceeded your current quota.", code="insufficient_quota"),
    "http_429_tpm_too_big": _message(429, TOO_LARGE, type="tokens", code="rate_limit_exceeded"),
    "http_413_groq": _message(413, TOO_LARGE, type="tokens", code="rate_limit_exceeded"),
    "http_413_html": reply(
        413, "<html><head><title>413 Request Entity Too Large</title>", "text/html"
    ),
    "http_503_retry": _message(503, "Loading model", type="unavailable_error", retry_after=5),
    "http_503_loading": _message(503, "Model is loading", estimated_time=20.0),
    "http_404_model": _message(404, "The model `foo` does not exist.", code="model_not_found"),
    "http_404_ollama_model": _message(404, 'model "foo" not found, try pulling it first'),
    "http_404_nginx": reply(
        404, "<html><head><title>404 Not Found</title></head></html>", "text/html"
    ),
    "http_400_model_missing": _message(
        400, "The requested model 'foo' does not exist", code="model_not_found"
    ),
    "http_400_ctx": _message(400, OVERFLOW, code="context_length_exceeded"),
    "http_400_ctx_anthropic": _message(400, "prompt is too long: 212345 tokens > 200000 maximum"),
    "http_400_ctx_openrouter": _message(
        400, f"{OVERFLOW} However, you requested about 50000 tokens", code=400
    ),
    "http_400_ctx_llamacpp": _message(
        400, "the request exceeds the available context size", type="exceed_context_size_error"
    ),
    "http_400_ctx_vllm": reply(
        400, {"object": "error", "message": OVERFLOW, "type": "BadRequestError"}
    ),
    "http_400_ctx_gemini": reply(
        400,
        [
            {
                "error": {
                    "code": 400,
                    "message": f"The input token count (9000) {GEMINI_OVERFLOW}",
                    "status": "INVALID_ARGUMENT",
                }
            }
        ],
    ),
    "http_422_ctx_mistral": reply(
        422,
        {"message": f"Prompt contains 40000 tokens, too large {MISTRAL_OVERFLOW}"},
    ),
    "http_400_google_key": reply(
        400,
        [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key."}}],
    ),
    "http_400_credit": _message(400, "Your credit balance is too low to access the Anthropic API."),
    "http_400_openrouter_raw": _message(
        400,
        "Provider returned error",
        metadata={"raw": '{"error":{"message":"max_tokens must be at least 16"}}'},
    ),
    "http_401_key_words": _message(401, "No auth credentials found", code=401),
    "http_401_binary": reply(401, BINARY, "application/octet-stream"),
    "http_401_echo_key": made(
        lambda asked: _message(
            401, f"Incorrect API key provided: {asked.key}", code="invalid_api_key"
        )
    ),
    "http_401_echo_partial": made(
        lambda asked: _message(401, f"Incorrect API key provided: {asked.key[:8]}****")
    ),
    "http_403_key_words": reply(403, {"error": "Invalid API key"}),
    "http_403_region": _message(
        403, "Country, region, or territory not supported", code="unsupported_country"
    ),
    "http_403_cloudflare": reply(
        403, "<!DOCTYPE html><title>Just a moment...</title>", "text/html"
    ),
    "http_500_key_echo": reply(500, {"error": {"message": "boom"}}, x_echo=lambda asked: asked.key),
    "http_500_huge": reply(500, "x" * 3 * MEGABYTE, "text/plain"),
    "http_500_endless": _endless_error,
    "http_500_drip": _dripping_error,
    "http_500_ansi": _message(500, "\x1b[31mred\x1b[0m\x07\u202eevil\0"),
    "http_101": reply(101, b"", None),
    "http_300": reply(300, "x", "text/plain"),
    "http_304": reply(304, b"", None),
}

# ---------------------------------------------------------------------------- refused parameters

NOT_STREAMED = reply(200, COMPLETION)


def _refuse_field(name: str, message: str, then: Scenario, **error: Any) -> Scenario:
    return refused(lambda body: name in body, message, then, **error)


async def _rate_limit_once(out: Response, asked: Asked) -> None:
    before = sum(each.model == asked.model for each in out.server.requests)
    await (OK if before > 1 else _message(429, "slow down", retry_after=0))(out, asked)


REFUSALS: dict[str, Scenario] = {
    "refuses_stream_options": _refuse_field(
        "stream_options",
        "Unrecognized request argument supplied: stream_options",
        stream(*SAID, STOP, DONE),
    ),
    "refuses_stream_options_always": _message(400, "stream_options not supported"),
    "refuses_temperature": _refuse_field(
        "temperature",
        "Unsupported value: 'temperature' does not support 0.3 with this model.",
        stream(*WHOLE),
        param="temperature",
        code="unsupported_value",
    ),
    "refuses_temperature_range": refused(
        lambda body: body.get("temperature", 0) > 1, "temperature: range: 0..1", stream(*WHOLE)
    ),
    "refuses_max_tokens_name": _refuse_field(
        "max_tokens",
        "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        stream(*WHOLE),
        param="max_tokens",
        code="unsupported_parameter",
    ),
    "refuses_max_tokens_maximum": _message(
        400, "'max_tokens' or 'max_completion_tokens' is too large: 100000. At most 4096."
    ),
    "refuses_top_logprobs_range": _refuse_field(
        "top_logprobs", "top_logprobs must be between 0 and 20", OK, param="top_logprobs"
    ),
    "refuses_top_logprobs": _refuse_field(
        "top_logprobs", "Unrecognized request argument supplied: top_logprobs", OK
    ),
    "refuses_max_tokens_minimum": refused(
        lambda body: body.get("max_tokens", 16) < 16,
        "Invalid 'max_tokens': integer below minimum value. Expected a value >= 16, but got 5.",
        stream(*WHOLE),
        param="max_tokens",
        code="integer_below_min_value",
    ),
    "overflow_mentions_max_tokens": _message(
        400, f"{OVERFLOW} Please reduce the length of the completion (max_tokens)."
    ),
    "refuses_streaming": refused(
        lambda body: bool(body.get("stream")),
        "Streaming completion is not supported yet, please remove 'stream' key value.",
        NOT_STREAMED,
    ),
    "refuses_streaming_unverified": refused(
        lambda body: bool(body.get("stream")),
        "Your organization must be verified to stream this model.",
        NOT_STREAMED,
        param="stream",
        code="unsupported_value",
    ),
    "rate_limit_then_ok": _rate_limit_once,
    "refuses_streaming_501": made(
        lambda asked: (
            reply(501, {"error": "streaming is not supported here"})
            if asked.body.get("stream")
            else NOT_STREAMED
        )
    ),
}

# ---------------------------------------------------------------------------- redirects


def _redirect(status: int, location: Callable[[str, Asked], str] | None) -> Scenario:
    async def answer(out: Response, asked: Asked) -> None:
        names = {} if location is None else {"location": location(out.server.elsewhere, asked)}
        out.head(status, None, chunked=False, content_length=0, **names)

    return answer


REDIRECTS: dict[str, Scenario] = {
    "redirect_other_307": _redirect(307, lambda other, asked: f"http://{other}{asked.path}"),
    "redirect_other_302": _redirect(302, lambda other, asked: f"http://{other}{asked.path}"),
    "redirect_same_307": _redirect(
        307, lambda _, asked: f"http://{asked.headers['host']}/moved/v1"
    ),
    "redirect_same_308_relative": _redirect(308, lambda _, asked: f"/moved{asked.path}"),
    "redirect_loop": _redirect(307, lambda _, asked: asked.path),
    "redirect_no_scheme": _redirect(301, lambda other, asked: f"//{other}{asked.path}"),
    "redirect_key_in_location": _redirect(
        307, lambda other, asked: f"http://{other}/?k={asked.key}"
    ),
    "redirect_bad": _redirect(302, lambda *_: "http://[bad"),
    "redirect_no_location": _redirect(302, None),
}

# ---------------------------------------------------------------------------- lengths, encodings


def _with_length(pieces: Sequence[str], more: int) -> Scenario:
    async def answer(out: Response, asked: Asked) -> None:
        data = "".join(pieces)
        out.head(chunked=False, content_length=len(data) + more)
        await out.send(asked, data)

    return answer


async def _length_too_short(out: Response, asked: Asked) -> None:
    out.head(chunked=False, content_length=len("".join(START)))
    await out.send(asked, "".join(WHOLE))


async def _length_and_chunked(out: Response, asked: Asked) -> None:
    out.head(content_length=10)
    await out.pieces(asked, WHOLE)
    await out.end()


async def _garbage_chunk_size(out: Response, asked: Asked) -> None:
    out.head()
    await out.send(asked, SAID[0])
    await asyncio.sleep(SHORT_S)
    await out.raw(b"zz\r\nxx\r\n")


def _raw(head: bytes, *pieces: Data) -> Scenario:
    async def answer(out: Response, asked: Asked) -> None:
        await out.raw(head)
        await out.pieces(asked, pieces)

    return answer


async def _interim(out: Response, asked: Asked) -> None:
    await out.raw(b"HTTP/1.1 100 Continue\r\n\r\n")
    await OK(out, asked)


def _packed(encoding: str, pieces: Iterable[bytes]) -> Scenario:
    held = list(pieces)

    async def answer(out: Response, asked: Asked) -> None:
        out.head(content_encoding=encoding)
        await out.pieces(asked, held)
        await out.end()

    return answer


def _deflated(pieces: Iterable[bytes], window_bits: int) -> Iterator[bytes]:
    packer = zlib.compressobj(6, zlib.DEFLATED, window_bits)
    for piece in pieces:
        yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def _bomb(count: int) -> Iterator[bytes]:
    yield SAID[0].encode()
    for _ in range(count):
        yield b": " + b"\0" * MEGABYTE + b"\n"
    for piece in (*SAID[1:], *REST):
        yield piece.encode()


@cache
def _packed_bomb(begin: bytes, letter: bytes) -> bytes:
    """Return a hundred megabytes that are packed into one tenth of one."""
    return gzip.compress(begin + letter * 100 * MEGABYTE, 1)


def _gzip_bomb_of(begin: bytes, letter: bytes, status: int = 200) -> Scenario:
    async def answer(out: Response, asked: Asked) -> None:
        packed = await asyncio.to_thread(_packed_bomb, begin, letter)
        out.head(status, content_encoding="gzip")
        await out.send(asked, packed)
        await out.end()

    return answer


async def _gzip_bomb(out: Response, asked: Asked) -> None:
    out.head(content_encoding="gzip")
    await out.pieces(asked, _deflated(_bomb(50), 31), 0)
    await out.end()


PLAIN = tuple(piece.encode() for piece in WHOLE)
ZIPPED = gzip.compress(b"".join(PLAIN))

TRANSPORTS: dict[str, Scenario] = {
    "length_too_long": _with_length(WHOLE, 500),
    "length_too_long_unfinished": _with_length(SAID, 500),
    "length_too_short": _length_too_short,
    "length_and_chunked": _length_and_chunked,
    "chunk_size_garbage": _garbage_chunk_size,
    "no_http_at_all": _raw(b"\x16\x03\x01hello\r\n\r\n"),
    "http10": _raw(b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", *WHOLE),
    "huge_header": _raw(b"HTTP/1.1 200 OK\r\nX-Big: " + b"a" * 300_000 + b"\r\n\r\n", *WHOLE),
    "interim_100": _interim,
    "gzip": _packed("gzip", _deflated(PLAIN, 31)),
    "gzip_block": _packed("gzip", [ZIPPED]),
    "deflate": _packed("deflate", _deflated(PLAIN, 15)),
    "deflate_raw": _packed("deflate", _deflated(PLAIN, -15)),
    "unknown_encoding": _packed("xpress", PLAIN),
    # "hello", by https://www.rfc-editor.org/rfc/rfc7932
    "brotli": _packed("br", [b"\x0b\x02\x80hello\x03"]),
    "zstd": _packed("zstd", [b"\x28\xb5\x2f\xfd\x04\x00junk"]),
    "gzip_that_is_none": _packed("gzip", PLAIN),
    "gzip_truncated": _packed("gzip", list(_deflated(PLAIN, 31))[:2]),
    "gzip_bomb": _gzip_bomb,
    "gzip_bomb_line": _gzip_bomb_of(b"data: ", b"x"),
    "gzip_bomb_white": _gzip_bomb_of(b"", b" "),
    "gzip_bomb_refusal": _gzip_bomb_of(b"Sorry ", b" ", 500),
    "gzip_twice": _packed("gzip, gzip", [gzip.compress(ZIPPED)]),
    "gzip_each": _packed("x-gzip", map(gzip.compress, PLAIN)),
    "gzip_refusal_that_is_none": reply(401, "Wrong key", content_encoding="gzip"),
}

# ---------------------------------------------------------------------------- what comes back

ECHOES: dict[str, Scenario] = {
    "echo_key": made(lambda asked: stream(say("Key: "), *map(say, asked.key), say(" end"), *REST)),
    "echo_key_begun": made(lambda asked: stream(say("Key: "), say(asked.key[:9]), *REST)),
    "echo_key_finish": made(
        lambda asked: stream(*SAID, event(chunk({}, "stop:" + asked.key)), USAGE, DONE)
    ),
    "echo_prompt": made(lambda asked: stream(say(asked.body["messages"][-1]["content"]), *REST)),
    "numbered": made(
        lambda asked: stream(*(say(f"{asked.model}:{number} ") for number in range(100)), *REST)
    ),
    "echo_headers": made(lambda asked: stream(say(json.dumps(asked.headers)), *REST)),
}

# ---------------------------------------------------------------------------- timing

FIRST_S, BETWEEN_S = 0.2, 0.02
TIMED = 51
"""Words of a timed answer: 50 after the first one, at 50 a second."""


def words(count: int) -> list[str]:
    """Return words of the same length, so that shares of characters are shares of tokens."""
    return [f"word{number % 10} " for number in range(count)]


def timed(
    pieces: Sequence[str],
    *,
    between_s: float = BETWEEN_S,
    together: int = 1,
    lead: Sequence[str] = (),
    silent_s: float = 0.0,
    head_late: bool = False,
    **usage: Any,
) -> Scenario:
    """Return an answer whose pieces leave at known times, so many `together`.

    `silent_s` passes before its end.
    """
    usage = {"prompt_tokens": 11, "completion_tokens": len(pieces), **usage}

    async def answer(out: Response, asked: Asked) -> None:
        began = asked.received + FIRST_S
        if head_late:
            await _until(began)
        out.head()
        for piece in lead:
            await out.send(asked, piece)
        for number, piece in enumerate(pieces):
            await _until(began + number // together * between_s)
            asked.stamps.append(time.perf_counter())
            await out.send(asked, piece if piece.startswith("data:") else say(piece))
        await asyncio.sleep(silent_s)
        await out.send(asked, STOP + choices(usage=usage) + DONE)
        await out.end()

    return answer


async def _until(moment: float) -> None:
    while (left := moment - time.perf_counter()) > 0:
        await asyncio.sleep(left)


def _together(count: int, size: int, make: Callable[[list[str]], str] = "".join) -> list[str]:
    """Return `count` words in pieces of `size`."""
    said = words(count)
    return [make(said[first : first + size]) for first in range(0, count, size)]


def _with_logprobs(said: list[str]) -> str:
    entries = [{"token": word, "logprob": -0.1, "top_logprobs": []} for word in said]
    choice = {"index": 0, "delta": {"content": "".join(said)}, "logprobs": {"content": entries}}
    return choices(choice)


def _counted_thinking(tokens: int, completion: int) -> dict[str, Any]:
    return {
        "completion_tokens": completion,
        "completion_tokens_details": {"reasoning_tokens": tokens},
    }


_SEEN_THOUGHTS = [delta(reasoning_content=word) for word in words(25)]

TIMES: dict[str, Scenario] = {
    "t_plain": timed(words(TIMED)),
    "t_role": timed(words(TIMED), lead=[delta(role="assistant")]),
    "t_empty": timed(words(TIMED), lead=[delta(role="assistant", content="")]),
    "t_tool_first": timed(
        words(TIMED), lead=[delta(tool_calls=[{"index": 0, "function": {"name": "x"}}])]
    ),
    "t_space_first": timed(["\n", *words(TIMED - 1)]),
    "t_head_late": timed(words(TIMED), head_late=True),
    "t_x4": timed(_together(52, 4), between_s=4 * BETWEEN_S, completion_tokens=52),
    "t_bursts": timed(words(60), between_s=10 * BETWEEN_S, together=10),
    "t_burst_one_write": timed(
        _together(60, 10, lambda said: "".join(map(say, said))),
        between_s=10 * BETWEEN_S,
        completion_tokens=60,
    ),
    "t_hidden": timed(words(TIMED), **_counted_thinking(2000, 2000 + TIMED)),
    "t_hidden_summary": timed(
        [delta(reasoning="Thinking about it. "), *words(TIMED)],
        **_counted_thinking(2000, 2000 + TIMED),
    ),
    "t_reasoning": timed([*_SEEN_THOUGHTS, *words(26)], **_counted_thinking(25, 51)),
    "t_reasoning_apart": timed([*_SEEN_THOUGHTS, *words(25)], **_counted_thinking(25, 25)),
    "t_think_tags": timed(["<think>", *words(50), "</think>", *words(50)], completion_tokens=102),
    "t_think_tags_after_blank": timed(
        ["\n", "<think>", *words(50), "</think>", *words(50)], completion_tokens=102
    ),
    "t_nousage": timed(words(TIMED), prompt_tokens=None, completion_tokens=None),
    "t_tail": timed(words(TIMED), silent_s=0.3),
    "t_logprobs": timed(
        _together(52, 2, _with_logprobs), between_s=2 * BETWEEN_S, completion_tokens=52
    ),
    "t_logprobs_hidden": timed(
        [_with_logprobs([word]) for word in words(TIMED)], **_counted_thinking(2000, 2000 + TIMED)
    ),
    "t_two_chunks": timed(words(2), between_s=0.3),
    "t_one_chunk": timed(["".join(words(100))], completion_tokens=100),
    "t_uneven": timed(["".join(words(50)), *words(TIMED - 1)], completion_tokens=50 + TIMED - 1),
    # the key begins with "s": what ends in "s" may be its beginning
    "t_tail_x": timed([*words(TIMED - 1), "wordx"], silent_s=0.3),
    "t_tail_s": timed([*words(TIMED - 1), "words"], silent_s=0.3),
    "t_yes": timed(["Yes"], silent_s=0.3, completion_tokens=1),
    "t_yex": timed(["Yex"], silent_s=0.3, completion_tokens=1),
    "slow_stream": timed(words(300), between_s=0.2),
}

SCENARIOS: dict[str, Scenario] = {
    **ENDS,
    **BYTES,
    **BODIES,
    **ERRORS,
    **FINISHES,
    **USAGES,
    **SHAPES,
    **REASONINGS,
    **HTTP,
    **REFUSALS,
    **REDIRECTS,
    **TRANSPORTS,
    **ECHOES,
    **TIMES,
}
