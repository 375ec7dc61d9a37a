"""An answer's events out of a provider's: text, thinking, counts, and whatever is wrong with it."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from playground.core.characters import visible_line
from playground.core.errors import EngineError, ProviderFailed, StreamMalformed
from playground.core.events import (
    Alternative,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ThinkingEnded,
    Token,
)
from playground.core.runs import TOOL_ASKED, TokenUsage
from playground.core.thinking import Span
from playground.core.usage import ReportedUsage, believed_usage
from playground.engines.openai.chunks import ChunkReader, StreamChunk, error_in
from playground.engines.openai.errors import WEB_PAGE, ErrorTranslator, provider_message
from playground.engines.openai.sse import ServerEvent
from playground.engines.openai.stamped import Piece, StampedSplitter, StreamRedactor

TokenOrAlternative = TypeVar("TokenOrAlternative", Token, Alternative)
_DONE = re.compile(r"\W*done\W*", re.IGNORECASE)
"""`[DONE]`, however it is put in brackets and quotes."""
_ALIVE = re.compile(r"\W*(ping|pong|heart-?beat|keep-?alive|processing)\W*", re.IGNORECASE)
"""Says only that the connection stands: the name of an event, or its data."""
_ERRORS = re.compile(r"error|exception|fatal", re.IGNORECASE)
_AROUND_BODY = "\ufeff \t\r\n"
_LONGEST_WORD = 100
"""Characters of a finish reason and of a tool's name: some servers put whole texts there."""
_NO_JSON = object()


class AnswerReader:
    """Reads one answer, from the first event to the last; `t_s` is when an event arrived."""

    def __init__(self, name: str, errors: ErrorTranslator) -> None:
        self._name = name
        self._errors = errors
        self._reader = ChunkReader()
        self._undecided: list[tuple[dict[str, Any], float]] = []
        """Chunks of a choice that may not be the answer, and when they arrived."""
        self._splitter = StampedSplitter()
        self._thought_splitter = StampedSplitter()
        """For thinking in a field of its own: some leave its tags in."""
        self._redactor = StreamRedactor(errors.redactor)
        self._in_reasoning = False
        self._last_s = 0.0
        self._reported = ReportedUsage()
        self._answer_characters = self._reasoning_characters = 0
        self._has_words = False
        """True where the answer is more than white space."""
        self._strange = 0
        self._tool: str | None = None
        self._trouble = ""
        self._in_one_piece = False
        self._unsaid: list[StreamEvent] = []
        self.chunks = 0
        """Events and lines that are part of an answer."""
        self.is_done = False
        """True once nothing more is to be read."""
        self.has_tokens = False
        self.finish_reason: str | None = None
        self.finished_s: float | None = None
        """When the answer was complete."""

    @property
    def usage(self) -> TokenUsage:
        return believed_usage(
            self._reported,
            answer_characters=self._answer_characters,
            reasoning_characters=self._reasoning_characters,
        )

    @property
    def cost_usd(self) -> float | None:
        return self._reported.cost_usd

    @property
    def has_answer(self) -> bool:
        return bool(self._answer_characters or self._reasoning_characters or self._tool is not None)

    @property
    def is_foreign(self) -> bool:
        """True where nothing came but what is not understood."""
        return bool(self._strange) and not self.has_answer

    def read(
        self, events: Sequence[ServerEvent], t_s: float, *, is_cut: bool = False
    ) -> list[StreamEvent]:
        """Return what the events say.

        `is_cut`: the stream ended within the last of them. Raises what a provider reports, and
        `StreamMalformed` for what is no JSON; neither once the answer is complete. What the events
        said before is then left to `rest`.
        """
        deltas, self._last_s = _Deltas(t_s), t_s
        try:
            for event in events:
                if self.is_done:
                    break
                for data in self._decoded(event, is_cut=is_cut):
                    self._read_chunk(data, t_s, deltas)
        except EngineError as error:
            if self.finish_reason is None:
                self._unsaid = deltas.events
                raise
            self._trouble, self.is_done = error.message, True
        return deltas.events

    def read_body(self, text: str, t_s: float) -> list[StreamEvent]:
        """Return what an answer says that came as a body of its own, whole or line by line."""
        self._in_one_piece = True
        text = text.strip(_AROUND_BODY)
        value = _parsed(text)
        lines = text.splitlines() if value is _NO_JSON else [text]
        events = self.read([ServerEvent("message", line) for line in lines if line.strip()], t_s)
        # what comes whole is over, unless it says that it is not
        self.is_done |= isinstance(value, dict) and value.get("done") is not False
        return events

    def rest(self) -> list[StreamEvent]:
        """Return what was held back: it began like the key or a tag, or was half a character."""
        deltas = _Deltas(self._last_s)
        deltas.events, self._unsaid = self._unsaid, []
        self._read_undecided(deltas)
        last = self._reader.rest()
        self._add_thought(deltas.t_s, last.reasoning, deltas, is_last=True)
        self._add_answer(deltas.t_s, last.text, deltas)
        self._add_spans(self._splitter.finish(), deltas)
        self._flush(deltas)
        return deltas.events

    def note_broken(self) -> None:
        """Note that the connection broke when the answer was complete."""
        self._trouble = "the connection broke"

    def notices(self) -> Iterator[tuple[str, str]]:
        """Yield kind and sentence of everything a person should know about the answer."""
        if self._in_one_piece:
            yield (
                "answer_in_one_piece",
                (f"{self._name} sent the answer in one piece: there is no speed to measure"),
            )
        if self._tool is not None:
            named = f" “{self._tool}”" if self._tool else ""
            yield "tool_asked", f"{TOOL_ASKED}{named}: there is none here"
        if self._strange:
            yield (
                "piece_unknown",
                (f"{self._name} sent something that is not understood and not shown"),
            )
        elif not self._has_words and self._tool is None:
            thought = "only its thinking" if self._reasoning_characters else "no word"
            yield "answer_empty", f"{self._name} sent {thought}: there is no answer"
        if self._trouble:
            yield "trouble_after_answer", f"After the answer was complete: {self._trouble}"

    def _decoded(self, event: ServerEvent, *, is_cut: bool) -> Iterator[Any]:
        data = event.data.strip()
        while data.startswith("data:"):
            # written by a server, and once more by what it writes with
            data = data.removeprefix("data:").strip()
        if _DONE.fullmatch(data):
            self.is_done = True
            return
        value = _parsed(data)
        if isinstance(value, str) and isinstance(packed := _parsed(value), dict | list):
            # packed into JSON twice
            value = packed
        if _ERRORS.search(event.name):
            raise self._errors.from_payload(data if value is _NO_JSON else value)
        is_last = _DONE.fullmatch(event.name) is not None
        if value is not _NO_JSON:
            yield from value if isinstance(value, list) else [value]
        elif data and not is_last:
            yield from self._lines(event.name, data, is_cut=is_cut)
        self.is_done |= is_last

    def _lines(self, name: str, data: str, *, is_cut: bool) -> Iterator[Any]:
        """Yield what is no JSON as a whole: events parted by one line end instead of two."""
        lines = data.split("\n")
        if len(lines) > 1:
            for line in lines:
                yield from self._decoded(ServerEvent(name, line), is_cut=is_cut)
        elif is_cut or _ALIVE.fullmatch(name) or _ALIVE.fullmatch(data):
            return
        elif name != "message" and data[0] not in "{[<":
            # an event of the server's own, in words
            self._strange += 1
        else:
            is_page = data.startswith("<!--")
            said = provider_message(data) if data[0] == "<" and not is_page else ""
            if said and not said.startswith(WEB_PAGE):
                raise self._errors.from_payload(said)  # an error as XML
            if not said and data[0] not in "{[<":
                said = f"a piece that cannot be read: “{data}”"
            said = self._errors.redact(visible_line(said))
            raise StreamMalformed(f"{self._name} sent {said or 'a piece that cannot be read'}.")

    def _read_chunk(self, data: Any, t_s: float, deltas: "_Deltas") -> None:
        if not isinstance(data, dict):
            self._strange += data is not None
            return
        if not self._reader.choose(data) and error_in(data) is None and not self._in_one_piece:
            self._undecided.append((data, t_s))
            return
        self._read_undecided(deltas)
        self._read_chosen(data, t_s, deltas)

    def _read_chosen(self, data: dict[str, Any], t_s: float, deltas: "_Deltas") -> None:
        self.chunks += 1
        error, chunk = error_in(data, self._reader.index), self._reader.read(data, t_s)
        if chunk.usage is not None:
            self._reported = self._reported.merged(chunk.usage)
        if chunk.tool is not None:
            self._tool = self._tool or self._word(chunk.tool)
        self._strange += not chunk.is_understood
        self._add_chunk(chunk, t_s, deltas)
        if error is not None:
            raise self._errors.from_payload(error)
        if (chunk.finish_reason or "").lower() == "error":
            raise ProviderFailed(f"{self._name} broke the answer off with an error.")
        if chunk.finish_reason:
            self.finish_reason = self._word(chunk.finish_reason)
        if self.finish_reason and (chunk.text or chunk.reasoning or chunk.finish_reason):
            self.finished_s = t_s
        # Ollama's own API
        self.is_done |= data.get("done") is True

    def _word(self, text: str) -> str:
        return self._errors.redactor.clean(text)[:_LONGEST_WORD]

    def _read_undecided(self, deltas: "_Deltas") -> None:
        undecided, self._undecided = self._undecided, []
        for data, t_s in undecided:
            self._read_chosen(data, t_s, deltas)

    def _add_chunk(self, chunk: StreamChunk, t_s: float, deltas: "_Deltas") -> None:
        self._add_thought(t_s, chunk.reasoning, deltas, is_last=bool(chunk.text))
        in_reasoning = self._add_answer(t_s, chunk.text, deltas)
        if chunk.tokens:
            self.has_tokens = True
            tokens = tuple(map(self._without_key, chunk.tokens))
            # probabilities of a chunk that has both belong to the answer
            is_thought = in_reasoning or (bool(chunk.reasoning) and not chunk.text)
            deltas.add_tokens(tokens, is_reasoning=is_thought)

    def _add_thought(self, t_s: float, text: str, deltas: "_Deltas", *, is_last: bool) -> None:
        """Add thinking without its tags; `is_last`: an answer follows, or nothing."""
        spans = self._thought_splitter.feed(t_s, text) if text else []
        if is_last:
            spans += self._thought_splitter.finish()
        for span, pieces in spans:
            for piece in pieces if span.is_shown else ():
                self._say(piece, deltas, is_reasoning=True)

    def _without_key(self, token: Token) -> Token:
        others = tuple(map(self._clean, token.alternatives))
        return replace(self._clean(token), alternatives=others)

    def _clean(self, piece: TokenOrAlternative) -> TokenOrAlternative:
        text = self._errors.redactor.clean(piece.text)
        return piece if text == piece.text else replace(piece, text=text, raw=None)

    def _add_answer(self, t_s: float, text: str, deltas: "_Deltas") -> bool:
        """Add text in which thinking may stand between tags; return whether it is all thinking."""
        spans = self._splitter.feed(t_s, text) if text else []
        self._add_spans(spans, deltas)
        return bool(spans) and all(span.is_reasoning for span, _ in spans)

    def _add_spans(self, spans: Sequence[tuple[Span, list[Piece]]], deltas: "_Deltas") -> None:
        for span, pieces in spans:
            if span.ends_thinking:
                self._flush(deltas)
                deltas.events.append(ThinkingEnded(deltas.t_s))
                self._reasoning_characters += self._answer_characters
                self._answer_characters, self._has_words = 0, False
            if not span.is_shown:
                continue
            for piece in pieces:
                self._say(piece, deltas, is_reasoning=span.is_reasoning)

    def _say(self, piece: Piece, deltas: "_Deltas", *, is_reasoning: bool) -> None:
        """Add text without the key; what changes from thinking to answer holds nothing back."""
        t_s, text = piece
        if not text:
            return
        if is_reasoning is not self._in_reasoning:
            self._flush(deltas)
            self._in_reasoning = is_reasoning
        self._add(self._redactor.feed(t_s, text), deltas)

    def _flush(self, deltas: "_Deltas") -> None:
        self._add(self._redactor.flush(), deltas)

    def _add(self, pieces: Sequence[Piece], deltas: "_Deltas") -> None:
        for piece in pieces:
            deltas.add(piece, is_reasoning=self._in_reasoning)
            if self._in_reasoning:
                self._reasoning_characters += len(piece[1])
            else:
                self._answer_characters += len(piece[1])
                self._has_words |= not piece[1].isspace()


class _Deltas:
    """Deltas of one read: what arrived together is one of them."""

    def __init__(self, t_s: float) -> None:
        self.t_s = t_s
        self.events: list[StreamEvent] = []

    def add(self, piece: Piece, *, is_reasoning: bool) -> None:
        t_s, text = piece
        if not text:
            return
        kind = ReasoningDelta if is_reasoning else TextDelta
        last = self.events[-1] if self.events else None
        if isinstance(last, TextDelta | ReasoningDelta) and type(last) is kind and last.t_s == t_s:
            self.events[-1] = kind(t_s, last.text + text, last.tokens)
        else:
            self.events.append(kind(t_s, text))

    def add_tokens(self, tokens: tuple[Token, ...], *, is_reasoning: bool) -> None:
        kind = ReasoningDelta if is_reasoning else TextDelta
        last = self.events[-1] if self.events else None
        if isinstance(last, TextDelta | ReasoningDelta) and type(last) is kind:
            self.events[-1] = kind(last.t_s, last.text, (*last.tokens, *tokens))
        else:
            self.events.append(kind(self.t_s, "", tokens))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NO_JSON
