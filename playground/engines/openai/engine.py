"""Answers of an OpenAI-compatible provider, streamed through the openai package."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from playground.core.chat import ChatRequest
from playground.core.errors import (
    EngineError,
    ProviderFailed,
    StreamEmpty,
    StreamInvalid,
    StreamMalformed,
    StreamTruncated,
)
from playground.core.events import (
    Failed,
    Finished,
    Notice,
    ReasoningDelta,
    RequestSent,
    StreamEvent,
    TextDelta,
)
from playground.core.redaction import unfinished_key, without_keys
from playground.core.runs import TokenUsage
from playground.core.targets import CloudTarget
from playground.engines.openai.chunks import ChunkReader, StreamChunk, is_error
from playground.engines.openai.client import (
    DEFAULT_TIMEOUTS,
    ProviderConnection,
    Timeouts,
)
from playground.engines.openai.errors import ErrorTranslator, decoded, provider_message
from playground.engines.openai.request import RequestNote, build_body, without_refused_field

if TYPE_CHECKING:
    from openai import AsyncStream


class StreamRedactor:
    """Hands text on without keys; what may be a key's beginning waits for what follows."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        text = without_keys(self._held + text)
        held = unfinished_key(text)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def flush(self) -> str:
        """Return what was held back: the stream is over, so it was not the key."""
        held, self._held = self._held, ""
        return held


_BODY_LIMIT = 65536
"""Bytes read of a body that is not an answer stream."""


class OpenAIChatEngine:
    """Answers chat requests for one provider's model.

    Every stream has a connection of its own, so that TTFT contains the same handshakes each time.
    """

    def __init__(
        self,
        target: CloudTarget,
        key: str | None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        *,
        started: float | None = None,
    ) -> None:
        """Take `started`, a `time.perf_counter()`, where the events' clock began earlier."""
        self._target = target
        self._key = key
        self._timeouts = timeouts
        self._started = started

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Yield the answer's events; leaving the generator closes the connection."""
        started = time.perf_counter() if self._started is None else self._started
        answer = _Answer(self._target, self._key, self._timeouts, started)
        try:
            async with aclosing(answer.events(request)) as events:
                async for event in events:
                    yield event
        except Exception as error:
            translated = answer.errors.translate(error)
            if translated is None:
                raise
            for event in answer.ended_by(translated):
                yield event
        finally:
            await answer.close()


class _Answer:
    """One answer while it is being received."""

    def __init__(
        self, target: CloudTarget, key: str | None, timeouts: Timeouts, started: float
    ) -> None:
        self._provider = provider = target.provider
        self._model = target.model
        self._key = key
        self._timeouts = timeouts
        self._started = started
        self.errors = ErrorTranslator(provider.name, provider.base_url, key, timeouts)
        self._connection: ProviderConnection | None = None
        self._pending_notes: list[RequestNote] = []
        self._reader = ChunkReader()
        self._chunks = 0
        self._finish_reason: str | None = None
        self._usage: TokenUsage | None = None
        self._cost_usd: float | None = None
        self._saw_tokens = False
        self._answer_redactor = StreamRedactor()
        self._reasoning_redactor = StreamRedactor()

    async def events(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Yield everything up to `Finished`; raises whatever goes wrong."""
        # importing the package takes a second, and its TLS context reads files
        self._connection = await asyncio.to_thread(
            ProviderConnection, self._provider.base_url, self._key, self._timeouts
        )
        body, notes = build_body(self._provider, self._model, request)
        self._pending_notes += notes
        stream: AsyncStream[object] | None = None
        while stream is None:
            yield RequestSent(self._now(), hosts=(self._connection.destination,))
            stream, body = await self._open(self._connection, body)
            # said only now: handing events on must not delay the request
            for notice in self._notices():
                yield notice
        try:
            await self._check_content_type(stream)
            async with aclosing(self._deltas(stream)) as deltas:
                async for delta in deltas:
                    yield delta
        finally:
            await stream.close()
        if request.sampling.logprobs is not None and "logprobs" in body and not self._saw_tokens:
            message = f"{self._provider.name} sent no probabilities"
            yield Notice(self._now(), "probabilities_missing", message)
        yield Finished(
            self._now(),
            self._usage or TokenUsage(),
            self._finish_reason or "",
            hosts=self._connection.hosts,
            reported_cost_usd=self._cost_usd,
        )

    def ended_by(self, error: EngineError) -> list[StreamEvent]:
        """Return the events that end the stream, with the key out of sight."""
        clean = type(error)(self.errors.redact(error.message), self.errors.redact(error.hint))
        hosts = self._connection.hosts if self._connection else ()
        failed = Failed(self._now(), clean.info(), self._usage, hosts)
        return [*self._rest(), *self._notices(), failed]

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.client.close()

    async def _open(
        self, connection: ProviderConnection, body: dict[str, Any]
    ) -> tuple["AsyncStream[object] | None", dict[str, Any]]:
        """Send the request; no stream but a shorter body where an optional field was refused."""
        from openai import APIStatusError, AsyncStream  # noqa: PLC0415 - start-up time

        try:
            # `post` rather than `chat.completions.create`: chunks arrive as plain dictionaries, so
            # any oddity of a server passes, and no class is built between the socket and the stamp
            stream = await connection.client.post(
                "/chat/completions",
                cast_to=object,
                body=body,
                stream=True,
                stream_cls=AsyncStream[object],
            )
        except APIStatusError as refusal:
            if refusal.status_code not in {400, 422}:
                raise
            shorter = without_refused_field(self._provider, body, decoded(refusal.response.content))
            if shorter is None:
                raise
            self._pending_notes.append(shorter[1])
            return None, shorter[0]
        return stream, body

    async def _check_content_type(self, stream: "AsyncStream[object]") -> None:
        kind = stream.response.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind == "text/event-stream":
            return
        content = b""
        async for piece in stream.response.aiter_bytes():
            content += piece
            if len(content) >= _BODY_LIMIT:
                break
        payload = decoded(content)
        said = provider_message(payload)
        what = f" {kind or 'something without a type'}."
        if isinstance(payload, dict) and said:
            what = f": {said}"
        elif said.startswith("a web page"):
            what = f" {said}."
        raise StreamInvalid(f"{self._provider.name} sent no answer stream but{what}")

    async def _deltas(self, stream: "AsyncStream[object]") -> AsyncGenerator[StreamEvent, None]:
        from openai import APIConnectionError  # noqa: PLC0415 - start-up time

        try:
            async for data in stream:
                t_s = self._now()
                chunk = self._read_chunk(data, t_s)
                # probabilities of a chunk that has both belong to the answer
                if chunk.reasoning:
                    tokens = () if chunk.text else chunk.tokens
                    yield ReasoningDelta(t_s, chunk.reasoning, tokens)
                if chunk.text or (chunk.tokens and not chunk.reasoning):
                    yield TextDelta(t_s, chunk.text, chunk.tokens)
        except APIConnectionError:
            if self._finish_reason is None:
                raise
            message = "The connection broke after the answer was complete"
            yield Notice(self._now(), "connection_broke", message)
        for rest in self._rest():
            yield rest
        name = self._provider.name
        if self._chunks == 0:
            raise StreamEmpty(f"{name} sent an empty answer stream.", "Try again.")
        if self._finish_reason is None:
            raise StreamTruncated(f"{name} ended the answer before it was finished.")

    def _read_chunk(self, data: object, t_s: float) -> StreamChunk:
        if not isinstance(data, dict):
            raise StreamMalformed(f"{self._provider.name} sent a piece that is not an object.")
        if is_error(data):
            raise self.errors.from_payload(data)
        chunk = self._redacted(self._reader.read(data, t_s))
        self._chunks += 1
        self._finish_reason = chunk.finish_reason or self._finish_reason
        self._usage = chunk.usage or self._usage
        self._cost_usd = self._cost_usd if chunk.cost_usd is None else chunk.cost_usd
        self._saw_tokens = self._saw_tokens or bool(chunk.tokens)
        if chunk.finish_reason == "error":
            raise ProviderFailed(f"{self._provider.name} broke the answer off with an error.")
        return chunk

    def _redacted(self, chunk: StreamChunk) -> StreamChunk:
        """Return the chunk without the key: a server that says it back must not get it stored."""
        hide = without_keys
        return replace(
            chunk,
            text=self._answer_redactor.feed(chunk.text),
            reasoning=self._reasoning_redactor.feed(chunk.reasoning),
            finish_reason=hide(chunk.finish_reason) if chunk.finish_reason else None,
            tokens=tuple(replace(token, text=hide(token.text)) for token in chunk.tokens),
        )

    def _rest(self) -> list[StreamEvent]:
        """Return what was held back: it began like the key, or was half a character."""
        last = self._redacted(self._reader.rest())
        thought = last.reasoning + self._reasoning_redactor.flush()
        said = last.text + self._answer_redactor.flush()
        now = self._now()
        events = (ReasoningDelta(now, thought), TextDelta(now, said))
        return [event for event in events if event.text]

    def _notices(self) -> list[Notice]:
        notes, self._pending_notes = self._pending_notes, []
        return [Notice(self._now(), note.kind, note.message) for note in notes]

    def _now(self) -> float:
        return time.perf_counter() - self._started
