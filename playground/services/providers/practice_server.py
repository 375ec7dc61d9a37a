"""The practice cloud's child process: `llama_cpp.server`'s app, locked with a key.

The parent writes one line of JSON, `{"key", "model", "alias", "context"}`, and reads lines back:
`{"fraction", "doing"}` while it starts, then `{"port"}` or `{"error"}`. End of file ends it.
"""

import asyncio
import contextlib
import hmac
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from playground.engines.child_process import claim_pipes, die_with_parent

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_ORDER_LIMIT = 65536


@dataclass(frozen=True, slots=True)
class ServerRequest:
    """What the parent wants served."""

    key: str
    model: str
    alias: str
    context: int


def main() -> int:
    """Serve until the parent closes the pipe or dies; return the exit code."""
    die_with_parent()
    incoming, outgoing = claim_pipes()
    # Ctrl-C is meant for the parent, which ends this process in its own time
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = incoming.readline(_ORDER_LIMIT)
    if not line:
        return 0
    order = ServerRequest(**json.loads(line))
    threading.Thread(target=_end_with, args=(incoming,), daemon=True).start()

    def report(**message: object) -> None:
        os.write(outgoing, json.dumps(message).encode() + b"\n")

    try:
        report(fraction=0.1, doing="Starting the server")
        app = build_app(order, lambda: report(fraction=0.5, doing="Loading the model"))
        asyncio.run(_serve(app, report))
    except ImportError as error:
        report(error=f"a part of the server is missing ({error.name})")
        return 1
    except (OSError, ValueError, RuntimeError, AssertionError) as error:
        report(error=str(error) or type(error).__name__)
        return 1
    return 0


def build_app(order: ServerRequest, on_load: Callable[[], None]) -> App:
    """Return `llama_cpp.server`'s app with one model, open to holders of the key alone."""
    import llama_cpp  # noqa: PLC0415 - only this child may
    from fastapi.middleware.cors import CORSMiddleware  # noqa: PLC0415 - an extra
    from llama_cpp.server.app import create_app  # noqa: PLC0415 - an extra
    from llama_cpp.server.settings import ModelSettings, ServerSettings  # noqa: PLC0415 - an extra

    from playground.services.machine.machine import physical_cores  # noqa: PLC0415 - after the pipes have moved

    llama_cpp.Llama = _fresh_llama(llama_cpp.Llama)
    # as many as a local model gets: only so is a comparison with one fair
    threads = physical_cores()
    on_load()
    app = create_app(
        # two panes may ask at once: none of them is to be cut off for the other
        server_settings=ServerSettings(api_key=order.key, interrupt_requests=False),
        model_settings=[
            ModelSettings(
                model=order.model,
                model_alias=order.alias,
                n_ctx=order.context,
                n_threads=threads,
                n_threads_batch=threads,
                logits_all=False,
                use_mlock=False,
                cache=False,
                verbose=False,
            )
        ],
    )
    # it lets pages of any origin call; no page has a reason to
    app.user_middleware = [m for m in app.user_middleware if m.cls is not CORSMiddleware]
    return locked(app, order.key)


def locked(app: App, key: str) -> App:
    """Return `app` behind its key, on every path: its own check leaves the documentation open."""
    expected = f"Bearer {key}".encode()

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if hmac.compare_digest(given, expected):
            await app(scope, receive, send)
            return
        body = json.dumps({"error": {"message": "The key is wrong.", "code": "invalid_api_key"}})
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": body.encode()})

    return guarded


def _fresh_llama(base: Any) -> Any:
    """Return the model class with two habits changed: no prompt cache, and errors are told."""

    class FreshLlama(base):  # type: ignore[misc]  # llama_cpp has no types
        def create_chat_completion(self, *args: Any, **kwargs: Any) -> Any:
            # a prompt that was read before would otherwise start at once, and be measured so
            self.reset()
            answer = super().create_chat_completion(*args, **kwargs)
            return _with_errors(answer) if kwargs.get("stream") else answer

    return FreshLlama


def _with_errors(chunks: Iterator[Any]) -> Iterator[Any]:
    """Yield the chunks; an error becomes one, where the server would only break the connection."""
    try:
        yield from chunks
    except (ValueError, RuntimeError) as error:
        code = "context_length_exceeded" if "context window" in str(error) else "server_error"
        yield {"error": {"message": str(error), "code": code}}


async def _serve(app: App, report: Callable[..., None]) -> None:
    import uvicorn  # noqa: PLC0415 - an extra

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))

    class AnnouncedServer(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                report(port=listener.getsockname()[1])

    config = uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False)
    await AnnouncedServer(config).serve(sockets=[listener])


def _end_with(incoming: BinaryIO) -> None:
    """End the process, whatever it is doing, when the parent's end of the pipe is closed."""
    with contextlib.suppress(OSError):
        while incoming.read(1):
            pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
