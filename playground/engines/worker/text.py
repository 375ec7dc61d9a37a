"""Pieces of tokens into shown text: characters, stop strings, reasoning."""

import codecs
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from playground.core.thinking import CONTROL_TEXTS, Span, ThinkingSplitter
from playground.engines.llama.protocol import TokenRow

CONTROL_PIECES = frozenset(text.encode() for text in CONTROL_TEXTS)
"""Control tokens whose text tells where thinking begins and ends."""


@dataclass(slots=True)
class TextPiece:
    """Text that may be shown, with the tokens it came in; both may be empty."""

    is_reasoning: bool
    text: str = ""
    rows: list[TokenRow] = field(default_factory=list)
    ends_thinking: bool = False
    """True where everything shown before turns out to have been thinking."""


@dataclass(slots=True)
class _Held:
    """A token of which some characters are still undecided."""

    row: TokenRow
    rest: str
    shown: str = ""


class AnswerText:
    """Decides, token by token, what is answer, what is reasoning, and what is never shown.

    A token is let go as soon as all its characters are decided; its row then carries the text that
    is shown of it.
    """

    def __init__(self, stop: tuple[str, ...] = (), *, in_reasoning: bool = False) -> None:
        self._splitter = ThinkingSplitter(stop, in_reasoning=in_reasoning)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._pending: deque[_Held] = deque()
        self._is_reasoning = in_reasoning
        self._chunks: list[TextPiece] = []
        self.reasoning_tokens = 0
        self._answer_tokens = 0

    @property
    def is_stopped(self) -> bool:
        return self._splitter.is_stopped

    def is_answer(self, piece: bytes) -> bool:
        """Return whether `piece`, coming next, is part of the answer, not of the thinking."""
        if self._splitter.is_before_answer:
            return False
        return not (self._splitter.begins_answer and piece in CONTROL_PIECES)

    def add(self, piece: bytes, row: TokenRow) -> list[TextPiece]:
        """Take the next token and return what can be shown now."""
        text = self._decode(piece)
        self._pending.append(_Held(row, text))
        return self._taken(self._splitter.feed(text, is_control=piece in CONTROL_PIECES))

    def finish(self) -> list[TextPiece]:
        """Return what was held back; the first bytes of an unfinished character are dropped."""
        chunks = self._taken(self._splitter.finish())
        # what has no text of its own
        self._take("", is_shown=False)
        return chunks

    def _taken(self, spans: Sequence[Span]) -> list[TextPiece]:
        self._chunks = []
        for span in spans:
            if span.ends_thinking:
                self._chunks.append(TextPiece(is_reasoning=True, ends_thinking=True))
                self.reasoning_tokens += self._answer_tokens
                self._answer_tokens = 0
            elif self._is_reasoning and not span.is_reasoning:
                self._part_straddling_token()
            self._is_reasoning = span.is_reasoning
            self._take(span.text, is_shown=span.is_shown)
        if not spans:
            self._take("", is_shown=False)
        return self._chunks

    def _take(self, text: str, *, is_shown: bool) -> None:
        count = len(text)
        while self._pending:
            held = self._pending[0]
            if held.rest:
                if not count:
                    return
                part = held.rest[:count]
                held.rest = held.rest[count:]
                count -= len(part)
                if is_shown:
                    held.shown += part
                if held.rest:
                    return
            self._pending.popleft()
            held.row[0] = held.shown
            chunk = self._chunk()
            chunk.text += held.shown
            chunk.rows.append(held.row)
            self.reasoning_tokens += self._is_reasoning
            self._answer_tokens += not self._is_reasoning

    def _part_straddling_token(self) -> None:
        """Show what a token holds of the reasoning when the rest of it belongs to the answer."""
        if self._pending and self._pending[0].shown:
            self._chunk().text += self._pending[0].shown
            self._pending[0].shown = ""

    def _chunk(self) -> TextPiece:
        if not self._chunks or self._chunks[-1].is_reasoning != self._is_reasoning:
            self._chunks.append(TextPiece(self._is_reasoning))
        return self._chunks[-1]
