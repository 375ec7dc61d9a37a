"""Evaluations on scripted providers: real HTTP, a real database, a known share of right answers.

    python -m tests.services.evaluating PORT LOG [ANSWERS]

is one in a process of its own, which can be killed: it writes every prompt that reaches it into LOG
and answers three of four rightly; after ANSWERS it says nothing more.
"""

import json
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from playground.core.checks.reading import read_check
from playground.core.prompt_sets import PromptSet, new_case, new_set
from playground.core.targets import CloudTarget, Provider

Answer = str | tuple[int, dict[str, str], Any]
"""What is said, or status, headers and body of a refusal."""


def number_set(count: int, name: str = "numbers") -> PromptSet:
    """Return a set whose case n is answered rightly by the number n."""
    cases = tuple(
        new_case(f"Say the number {n}.", (read_check("number", str(n)),)) for n in range(count)
    )
    return new_set(name, cases)


class Oracle:
    """An OpenAI-compatible server whose answers a function makes, by model and prompt.

    It speaks as the real ones do: role, words, finish reason and usage, each in a chunk of its own.
    Every prompt that was answered whole is in `answered`, in its order; `at_once` is the most that
    were on their way at the same time.
    """

    def __init__(self, say: Callable[[str, str], Answer], port: int = 0) -> None:
        self.say = say
        self.answered: list[tuple[str, str]] = []
        self.bodies: list[Any] = []
        self.at_once = 0
        self.models: tuple[str, ...] = ("m",)
        self.gate: threading.Event | None = None
        self._here = 0
        self._lock = threading.Lock()
        oracle = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                oracle._answer(self)

            def do_GET(self) -> None:
                oracle._send(self, 200, {}, {"data": [{"id": name} for name in oracle.models]})

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def target(self, model: str = "m", provider: str = "oracle") -> CloudTarget:
        return CloudTarget(Provider(provider, provider.title(), self.base_url), model)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.gate is not None:
            self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers["content-length"])
        body = json.loads(handler.rfile.read(length))
        prompt = body["messages"][-1]["content"]
        with self._lock:
            self._here += 1
            self.at_once = max(self.at_once, self._here)
            self.bodies.append(body)
        try:
            if self.gate is not None:
                self.gate.wait(20)
            said = self.say(body["model"], prompt)
            if isinstance(said, tuple):
                self._send(handler, *said)
            else:
                self._stream(handler, body["model"], said)
                with self._lock:
                    self.answered.append((body["model"], prompt))
        finally:
            with self._lock:
                self._here -= 1

    def _send(
        self, handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: Any
    ) -> None:
        raw = json.dumps(body).encode()
        handler.send_response(status)
        for name, value in {**headers, "content-type": "application/json"}.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    def _stream(self, handler: BaseHTTPRequestHandler, model: str, said: str) -> None:
        usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
        words = [f"{word} " for word in said.split(" ")]
        words[-1] = words[-1][:-1]
        deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in words)]
        choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
        known = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model}
        chunks = [{**known, "choices": [choice]} for choice in choices]
        chunks.append({**known, "choices": [], "usage": usage})
        lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        raw = ("".join(lines) + "data: [DONE]\n\n").encode()
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("content-length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)


def number_in(prompt: str) -> int:
    return int(prompt.rstrip(".").rpartition(" ")[2])


def right_three_times_of_four(_model: str, prompt: str) -> str:
    number = number_in(prompt)
    return f"It is {number}." if number % 4 else "I do not know."


def main() -> None:
    port, path, *rest = sys.argv[1:]
    most = int(rest[0]) if rest else sys.maxsize
    lock = threading.Lock()
    asked = 0

    def say(model: str, prompt: str) -> str:
        nonlocal asked
        with lock, Path(path).open("a", encoding="utf-8") as log:
            asked += 1
            is_silent = asked > most
            log.write(f"{prompt}\n")
        if is_silent:
            threading.Event().wait()
        return right_three_times_of_four(model, prompt)

    with Oracle(say, int(port)):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
