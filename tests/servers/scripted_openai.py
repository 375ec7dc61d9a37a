"""A real OpenAI-compatible server on loopback whose every answer a test writes beforehand.

    with ScriptedOpenAI() as server:
        server.script(Stream(text("Hello", " world")))
        ... send requests to server.base_url ...
        assert server.requests[0].body["model"] == "m"

Scripts are used in the order they were given, the last one again and again. Everything it was
asked is in `requests`; `disconnected` is set once a client has left in mid-answer.
"""

import json
import re
import socket
import struct
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Recorded:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes
    header_bytes: str

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass(frozen=True)
class Piece:
    """Bytes of the stream, sent after `wait_s`, or once `gate` is set."""

    data: bytes
    wait_s: float = 0.0
    gate: threading.Event | None = None


@dataclass(frozen=True)
class Stream:
    """An answer that arrives in pieces."""

    pieces: Sequence[Piece]
    done: bool = True
    """Whether `[DONE]` is sent at the end."""
    reset: bool = False
    """Break the connection (TCP RST) instead of ending the stream."""
    hang: threading.Event | None = None
    """Hold the connection open after the last piece until this is set."""
    content_type: str = "text/event-stream"
    status: int = 200


@dataclass(frozen=True)
class Reply:
    """A whole answer at once: errors, wrong content types, model lists."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(frozen=True)
class RefuseField:
    """400 as long as the request has `name`, else `then`."""

    name: str
    error: Reply
    then: Stream


Script = Stream | Reply | RefuseField


def chunk(
    *,
    content: Any = None,
    finish: str | None = None,
    usage: dict[str, Any] | None = None,
    logprobs: Any = None,
    wait_s: float = 0.0,
    gate: threading.Event | None = None,
    **delta: Any,
) -> Piece:
    """Return one chunk of a chat completion stream; further names go into its delta."""
    if content is not None:
        delta["content"] = content
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": logprobs}
    data = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    data |= {"choices": [choice]}
    if usage is not None:
        data["usage"] = usage
    return event(data, wait_s=wait_s, gate=gate)


def event(data: Any, *, wait_s: float = 0.0, gate: threading.Event | None = None) -> Piece:
    """Return any value as a server-sent event; a string goes out as it is."""
    payload = data if isinstance(data, str) else json.dumps(data, ensure_ascii=_has_half(data))
    return Piece(f"data: {payload}\n\n".encode(), wait_s, gate)


def _has_half(data: Any) -> bool:
    """Return True where only an escape can bring a text over: UTF-8 has no half characters."""
    return re.search("[\ud800-\udfff]", json.dumps(data, ensure_ascii=False)) is not None


def text(*parts: str, every_s: float = 0.0, finish: str | None = "stop") -> list[Piece]:
    """Return an answer in these parts, `every_s` apart, with its finish reason."""
    pieces = [chunk(content=part, wait_s=every_s) for part in parts]
    return pieces if finish is None else [*pieces, chunk(finish=finish)]


def halves(text: str) -> list[str]:
    """Return the text in UTF-16 units, each as a part of its own, as JavaScript cuts strings."""
    raw = text.encode("utf-16-le")
    cut = [raw[place : place + 2] for place in range(0, len(raw), 2)]
    return [unit.decode("utf-16-le", "surrogatepass") for unit in cut]


def token(data: bytes, *others: bytes, says: str | None = None) -> dict[str, Any]:
    """Return a token's log-probability with its bytes, as OpenAI tells it; `says` is its text."""

    def entry(data: bytes) -> dict[str, Any]:
        text = data.decode("utf-8", "replace")
        return {"token": text if says is None else says, "logprob": -0.5, "bytes": list(data)}

    return {**entry(data), "top_logprobs": [entry(data), *map(entry, others)]}


def usage(prompt: int, completion: int, **more: Any) -> Piece:
    """Return the chunk without choices that carries the counts."""
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, **more}
    return event({"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": counts})


def tokens(count: int, per_s: float, word: str = "word ") -> list[Piece]:
    """Return `count` tokens at `per_s` a second, their usage at the end."""
    return [*text(*([word] * count), every_s=1 / per_s), usage(10, count)]


class ScriptedOpenAI:
    """The server; a context manager that is listening inside its block."""

    def __init__(self, scripts: Iterable[Script] = (), *, models: Any = None) -> None:
        self.requests: list[Recorded] = []
        self.disconnected = threading.Event()
        self.asked = threading.Event()
        """Set when the first request has arrived."""
        self.models = models
        """Body of `GET /models`, or a `Reply`."""
        self.list_path = "/models"
        """What the path of the list ends with."""
        self._scripts = list(scripts)
        self._by_model: dict[str, list[Script]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> Self:
        return self.__enter__()

    def close(self) -> None:
        """Stop listening and let every open answer go."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    def script(self, *scripts: Script, model: str | None = None) -> None:
        """Set what is answered from now on, to one model or to all."""
        with self._lock:
            if model is None:
                self._scripts = list(scripts)
            else:
                self._by_model[model] = list(scripts)

    def next_script(self, body: Any) -> Script:
        with self._lock:
            name = body.get("model") if isinstance(body, dict) else None
            queue = self._by_model.get(str(name)) or self._scripts
            if not queue:
                return Stream([*text("Hello", " world"), usage(5, 2)])
            return queue.pop(0) if len(queue) > 1 else queue[0]

    def wait(self, seconds: float, gate: threading.Event | None) -> bool:
        """Wait for the piece's time; False when the server is being closed."""
        if gate is not None:
            while not gate.wait(0.02):
                if self._closing.is_set():
                    return False
        return not self._closing.wait(seconds) if seconds else not self._closing.is_set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave are part of the script."""


def _handler_for(owner: ScriptedOpenAI) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def setup(self) -> None:
            super().setup()
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def do_GET(self) -> None:
            self._record(b"")
            models = owner.models
            if isinstance(models, Reply):
                self._reply(models)
            elif self.path.endswith(owner.list_path):
                listed = models or {"object": "list", "data": [{"id": "m", "object": "model"}]}
                self._reply(Reply(200, listed))
            else:
                self._reply(Reply(404, {"detail": "Not Found"}))

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._record(raw)
            body = json.loads(raw or b"null")
            script = owner.next_script(body)
            if isinstance(script, RefuseField):
                script = script.error if script.name in body else script.then
            if isinstance(script, Reply):
                self._reply(script)
            else:
                self._stream(script)

        def _record(self, raw: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            owner.requests.append(
                Recorded(self.command, self.path, headers, raw, str(self.headers))
            )
            owner.asked.set()

        def _reply(self, reply: Reply) -> None:
            body = reply.body
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            if isinstance(body, str):
                data = body.encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(data)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def _stream(self, script: Stream) -> None:
            self.close_connection = True
            self.send_response(script.status)
            self.send_header("Content-Type", script.content_type)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for piece in script.pieces:
                    if not owner.wait(piece.wait_s, piece.gate) or self._client_left():
                        return
                    self._send(piece.data)
                if script.hang is not None:
                    self._hold(script.hang)
                    return
                if script.reset:
                    self._break()
                    return
                if script.done:
                    self._send(b"data: [DONE]\n\n")
                self.wfile.write(b"0\r\n\r\n")
            except OSError:
                owner.disconnected.set()

        def _send(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

        def _client_left(self) -> bool:
            with suppress(BlockingIOError):
                self.connection.setblocking(False)
                try:
                    if self.connection.recv(1, socket.MSG_PEEK) == b"":
                        owner.disconnected.set()
                        return True
                finally:
                    self.connection.setblocking(True)
            return False

        def _hold(self, until: threading.Event) -> None:
            while not until.wait(0.01):
                if self._client_left() or not owner.wait(0, None):
                    return

        def _break(self) -> None:
            # linger 0 turns the close into a reset
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()

    return Handler
