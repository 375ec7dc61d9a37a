"""Answers of an OpenAI-compatible provider, streamed through the openai package."""

import asyncio
import codecs
import contextlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

from playground.core.characters import REPLACEMENT
from playground.core.chat import ChatRequest
from playground.core.errors import (
    EngineError,
    StreamEmpty,
    StreamInvalid,
    StreamMalformed,
    StreamTruncated,
    TimedOut,
)
from playground.core.events import (
    Failed,
    Finished,
    InputPrepared,
    Notice,
    RequestSent,
    StreamEvent,
)
from playground.core.redaction import Redactor
from playground.core.runs import ModelInput, TokenUsage
from playground.core.targets import CloudTarget
from playground.engines.openai.answer import AnswerReader
from playground.engines.openai.chunks import error_in
from playground.engines.openai.client import (
    DEFAULT_TIMEOUTS,
    ProviderConnection,
    Timeouts,
)
from playground.engines.openai.errors import WEB_PAGE, ErrorTranslator, decoded, provider_message
from playground.engines.openai.request import (
    FORM_NOT_ENFORCED,
    REFUSING,
    RequestNote,
    build_body,
    without_refused_field,
)
from playground.engines.openai.sse import MOST_EVENT_BYTES, EventDecoder, EventTooLarge
from playground.network.traffic import Traffic

if TYPE_CHECKING:
    import httpx2

_LONGEST_SENTENCE = 200
"""Characters of a text that is shown where an answer should be."""
_BLANK = b"\xef\xbb\xbf \t\r\n"
"""What may stand before a body begins: white space, a byte order mark."""
_BODIES = (b"{", b"[", b"<", b'"', codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""What a body begins with that is no event stream."""
_RUN_AGAIN = "What arrived before is kept. Run it again."


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
        redactor: Redactor | None = None,
        traffic: Traffic | None = None,
        proxy: str | None = None,
    ) -> None:
        """Take `started`, a `time.perf_counter()`, where the events' clock began earlier.

        `redactor` hides more keys than this one; `traffic` counts what leaves; `proxy` is the one
        from Settings.
        """
        self._target = target
        self._key = key
        self._timeouts = timeouts
        self._started = started
        self._redactor = redactor
        self._traffic = traffic
        self._proxy = proxy

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Yield the answer's events; leaving the generator closes the connection."""
        started = time.perf_counter() if self._started is None else self._started
        answer = _Answer(
            self._target,
            self._key,
            self._timeouts,
            started,
            redactor=self._redactor,
            traffic=self._traffic,
            proxy=self._proxy,
        )
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
        self,
        target: CloudTarget,
        key: str | None,
        timeouts: Timeouts,
        started: float,
        *,
        redactor: Redactor | None,
        traffic: Traffic | None,
        proxy: str | None,
    ) -> None:
        self._provider = provider = target.provider
        self._name = provider.name
        self._model = target.model
        self._key = key
        self._timeouts = timeouts
        self._started = started
        self.errors = ErrorTranslator(provider.name, provider.base_url, key, timeouts, redactor)
        self._traffic = traffic
        self._proxy = proxy
        self._connection: ProviderConnection | None = None
        self._pending_notes: list[RequestNote] = []
        self._text = AnswerReader(provider.name, self.errors)

    async def events(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Yield everything up to `Finished`; raises whatever goes wrong."""
        # importing the package takes a second, and its TLS context reads files
        self._connection = connection = await asyncio.to_thread(
            ProviderConnection,
            self._provider.base_url,
            self._key,
            self._timeouts,
            self._traffic,
            self._proxy,
        )
        body, notes = build_body(self._provider, self._model, request)
        self._pending_notes += notes
        response: httpx2.Response | None = None
        while response is None:
            leaving = connection.leaving()
            opening = asyncio.create_task(self._open(connection, body))
            try:
                either: set[asyncio.Future[Any]] = {leaving, opening}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if leaving.done():
                    times = leaving.result()
                    yield RequestSent(
                        times.sent - self._started,
                        hosts=(connection.destination,),
                        connect_s=times.connect_s,
                    )
                    yield InputPrepared(times.sent - self._started, self._given(body))
                async with self._within(self._timeouts.word_s):
                    response, body = await opening
            finally:
                opening.cancel()
                await asyncio.gather(opening, return_exceptions=True)
        # said only now: handing events on must not delay the request
        for notice in self._notices():
            yield notice
        try:
            async with aclosing(self._answer(response)) as events:
                async for event in events:
                    yield event
        finally:
            await response.aclose()
        if "logprobs" in body and not self._text.has_tokens:
            message = f"{self._name} sent no probabilities"
            yield Notice(self._now(), "probabilities_missing", message)
        for kind, message in self._text.notices():
            yield Notice(self._now(), kind, message)
        finished_s = self._text.finished_s
        yield Finished(
            self._now() if finished_s is None else finished_s,
            self._text.usage,
            self._text.finish_reason or "",
            hosts=connection.hosts,
            reported_cost_usd=self._text.cost_usd,
        )

    def ended_by(self, error: EngineError) -> list[StreamEvent]:
        """Return the events that end the stream, with the key out of sight."""
        clean = type(error)(self.errors.redact(error.message), self.errors.redact(error.hint))
        clean.retry_after_s = error.retry_after_s
        hosts = self._connection.hosts if self._connection else ()
        usage = self._text.usage
        known = usage if usage != TokenUsage() else None
        failed = Failed(self._now(), clean.info(), known, hosts)
        return [*self._text.rest(), *self._notices(), failed]

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.client.close()

    def _given(self, body: dict[str, Any]) -> ModelInput:
        fields = tuple((name, value) for name, value in body.items() if name != "messages")
        return ModelInput(settings=fields, seed=body.get(self._provider.seed_field))

    async def _open(
        self, connection: ProviderConnection, body: dict[str, Any]
    ) -> tuple["httpx2.Response | None", dict[str, Any]]:
        """Send the request; no response but another body where something in it was refused."""
        from openai import APIStatusError, AsyncStream  # noqa: PLC0415 - start-up time

        try:
            # a stream in any case: a body is read here, in pieces, whatever it is
            stream = await connection.client.post(
                "/chat/completions",
                cast_to=object,
                body=body,
                stream=True,
                stream_cls=AsyncStream[object],
            )
        except APIStatusError as refusal:
            if refusal.status_code not in REFUSING:
                raise
            changed = without_refused_field(self._provider, body, decoded(refusal.response.content))
            if changed is None:
                raise
            shorter, note = changed
            if shorter.get("response_format") != body.get("response_format"):
                # what was tried before it is no longer what was asked for
                earlier = [each for each in self._pending_notes if each.kind != FORM_NOT_ENFORCED]
                self._pending_notes = earlier
            self._pending_notes.append(note)
            return None, shorter
        return stream.response, body

    async def _answer(self, response: "httpx2.Response") -> AsyncGenerator[StreamEvent, None]:
        """Yield what the response says, be it a stream or an answer in one piece."""
        arrived = aiter(response.aiter_bytes())
        first, is_over, began_s = b"", False, self._now()
        while not (first.strip(_BLANK) or is_over or len(first) > MOST_EVENT_BYTES):
            piece, is_over = await self._next(arrived, self._limit_s(began_s))
            # white space without an end is not kept
            first = piece if first.isspace() else first + piece
        if first.strip(_BLANK).startswith(_BODIES):
            for event in await self._body(response, arrived, first, is_over=is_over):
                yield event
        else:
            decoder = EventDecoder()
            async with aclosing(self._stream(decoder, arrived, first, is_over=is_over)) as events:
                async for event in events:
                    yield event
            if first.strip(_BLANK) and not decoder.is_event_stream:
                raise self._no_stream(response, first)
        for event in self._text.rest():
            yield event
        if not self._text.chunks:
            raise StreamEmpty(f"{self._name} sent an empty answer stream.", "Try again.")
        if not (self._text.is_done or self._text.finish_reason):
            if self._text.is_foreign:
                raise StreamInvalid(f"{self._name} sent something that is not understood.")
            raise StreamTruncated(f"{self._name} ended the answer before it was finished.")

    async def _stream(
        self,
        decoder: EventDecoder,
        arrived: AsyncIterator[bytes],
        data: bytes,
        *,
        is_over: bool,
    ) -> AsyncGenerator[StreamEvent, None]:
        t_s = word_s = self._now()
        while True:
            try:
                pieces = decoder.feed(data)
            except EventTooLarge as error:
                raise StreamInvalid(f"{self._name} sent a piece without an end.") from error
            for event in self._text.read(pieces, t_s):
                word_s = t_s
                yield event
            if is_over:
                for event in self._text.read(decoder.finish(), t_s, is_cut=True):
                    yield event
            if is_over or self._text.is_done:
                return
            try:
                data, is_over = await self._next(arrived, self._limit_s(word_s))
            except TimedOut:
                if self._text.finish_reason is None:
                    raise
                return
            except Exception:
                if self._text.finish_reason is None:
                    raise
                self._text.note_broken()
                return
            t_s = self._now()

    async def _body(
        self,
        response: "httpx2.Response",
        arrived: AsyncIterator[bytes],
        data: bytes,
        *,
        is_over: bool,
    ) -> list[StreamEvent]:
        """Return an answer that comes in one piece; raises what came instead of one."""
        content, began_s = bytearray(data), self._now()
        while not is_over and len(content) <= MOST_EVENT_BYTES:
            piece, is_over = await self._next(arrived, self._limit_s(began_s))
            content += piece
        text, t_s = _decoded_text(bytes(content), response.charset_encoding), self._now()
        try:
            events = self._text.read_body(text, t_s)
        except StreamMalformed as error:
            raise self._no_stream(response, bytes(content)) from error
        if not (self._text.has_answer or self._text.finish_reason):
            raise self._no_stream(response, bytes(content))
        return events

    async def _next(self, arrived: AsyncIterator[bytes], limit_s: float) -> tuple[bytes, bool]:
        """Return the next bytes and whether the body is over; `TimedOut` after `limit_s`."""
        async with self._within(limit_s):
            data = await anext(arrived, None)
        return data or b"", data is None

    @asynccontextmanager
    async def _within(self, limit_s: float) -> AsyncIterator[None]:
        """Raise `TimedOut` for what takes longer than `limit_s`."""
        try:
            async with asyncio.timeout(limit_s):
                yield
        except TimeoutError as error:
            raise TimedOut(
                f"{self._name} sent no word for {self._timeouts.word_s:g} s.", _RUN_AGAIN
            ) from error

    def _limit_s(self, word_s: float) -> float:
        """Return how long the next piece is waited for, where the last word came at `word_s`."""
        limit_s = self._timeouts.word_s
        if self._text.finished_s is not None:
            word_s, limit_s = self._text.finished_s, self._timeouts.after_finish_s
        return max(0.0, word_s + limit_s - self._now())

    def _no_stream(self, response: "httpx2.Response", content: bytes) -> EngineError:
        payload = decoded(content)
        if error_in(payload) is not None:
            return self.errors.from_payload(payload)
        said = provider_message(payload)
        kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
        what = f" {kind or 'something without a type'}."
        if said.startswith(WEB_PAGE):
            what = f" {said}."
        elif said and (isinstance(payload, dict) or _is_sentence(said)):
            what = f": {said}"
        elif kind == "text/event-stream":
            what = " something that is called one."
        return StreamInvalid(f"{self._name} sent no answer stream but{what}")

    def _notices(self) -> list[Notice]:
        notes, self._pending_notes = self._pending_notes, []
        return [Notice(self._now(), note.kind, note.message) for note in notes]

    def _now(self) -> float:
        return time.perf_counter() - self._started


def _decoded_text(content: bytes, charset: str | None) -> str:
    """Return a body as text: JSON tells its encoding, and where it is wrong the header may."""
    for encoding in (json.detect_encoding(content), charset):
        with contextlib.suppress(UnicodeDecodeError, LookupError):
            if encoding:
                return content.decode(encoding)
    return content.decode("utf-8-sig", "replace")


def _is_sentence(text: str) -> bool:
    """Return True for what a person can read, not for bytes taken as text."""
    return len(text) <= _LONGEST_SENTENCE and REPLACEMENT not in text
