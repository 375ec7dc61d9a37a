"""Pieces of tokens into shown text: characters, stop strings, reasoning."""

import codecs
from collections import deque
from dataclasses import dataclass, field

from playground.engines.llama.protocol import TokenRow

THINK_OPEN = "<think>"
THINK_CLOSE = "</think>"


@dataclass(slots=True)
class TextPiece:
    """Text that may be shown, with the tokens it came in; both may be empty."""

    is_reasoning: bool
    text: str = ""
    rows: list[TokenRow] = field(default_factory=list)


@dataclass(slots=True)
class _Held:
    """A token of which some characters are still undecided."""

    row: TokenRow
    rest: str
    shown: str = ""


class AnswerText:
    """Decides, token by token, what is answer, what is reasoning, and what is never shown.

    A token is let go as soon as none of its characters can belong to a stop string or a reasoning
    tag; its row then carries the text that is shown of it. Reasoning is what stands between
    `<think>` and `</think>` at the start of an answer; white space beside the tags is left out.
    """

    def __init__(self, stop: tuple[str, ...] = (), *, in_reasoning: bool = False) -> None:
        self._stops = tuple(text for text in stop if text)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._pending: deque[_Held] = deque()
        self._undecided = ""
        self._is_reasoning = in_reasoning
        self._may_open = not in_reasoning
        self._skips_space = in_reasoning
        self._chunks: list[TextPiece] = []
        self.is_stopped = False
        self.reasoning_tokens = 0

    def add(self, piece: bytes, row: TokenRow) -> list[TextPiece]:
        """Take the next token and return what can be shown now."""
        text = self._decode(piece)
        self._pending.append(_Held(row, text))
        self._undecided += text
        self._chunks = []
        self._decide()
        return self._chunks

    def finish(self) -> list[TextPiece]:
        """Return what was held back; the first bytes of an unfinished character are dropped."""
        self._chunks = []
        if not self.is_stopped:
            self._show(len(self._undecided))
        self._hide(len(self._undecided))
        return self._chunks

    def _decide(self) -> None:
        while True:
            markers = self._markers()
            found = _first(self._undecided, markers) if markers else None
            if found is None:
                self._show(len(self._undecided) - _possible_start(self._undecided, markers))
                return
            index, marker = found
            self._show(index)
            if marker == THINK_OPEN and not self._may_open:
                continue
            if marker == THINK_OPEN:
                self._is_reasoning, self._may_open = True, False
                self._hide(len(marker))
            elif marker == THINK_CLOSE and self._is_reasoning:
                self._hide(len(marker))
                self._part_straddling_token()
                self._is_reasoning = False
            else:
                self.is_stopped = True
                self._hide(len(self._undecided))
                return
            self._skips_space = True

    def _markers(self) -> tuple[str, ...]:
        if self._is_reasoning:
            return (THINK_CLOSE, *self._stops)
        if self._may_open:
            return (THINK_OPEN, *self._stops)
        return self._stops

    def _show(self, count: int) -> None:
        if self._skips_space and count:
            visible = self._undecided[:count].lstrip()
            self._skips_space = not visible
            self._hide(count - len(visible))
            count = len(visible)
        if count and not self._undecided[:count].isspace():
            self._may_open = False
        self._take(count, is_shown=True)

    def _hide(self, count: int) -> None:
        self._take(count, is_shown=False)

    def _take(self, count: int, *, is_shown: bool) -> None:
        self._undecided = self._undecided[count:]
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

    def _part_straddling_token(self) -> None:
        """Show what a token holds of the reasoning when the rest of it belongs to the answer."""
        if self._pending and self._pending[0].shown:
            self._chunk().text += self._pending[0].shown
            self._pending[0].shown = ""

    def _chunk(self) -> TextPiece:
        if not self._chunks or self._chunks[-1].is_reasoning != self._is_reasoning:
            self._chunks.append(TextPiece(self._is_reasoning))
        return self._chunks[-1]


def _first(text: str, markers: tuple[str, ...]) -> tuple[int, str] | None:
    """Return where the first marker stands in `text`, the longest of those that start there."""
    found = [(text.index(marker), -len(marker), marker) for marker in markers if marker in text]
    if not found:
        return None
    index, _, marker = min(found)
    return index, marker


def _possible_start(text: str, markers: tuple[str, ...]) -> int:
    """Return how many characters at the end of `text` may be the beginning of a marker."""
    longest = 0
    for marker in markers:
        for length in range(min(len(marker) - 1, len(text)), longest, -1):
            if text.endswith(marker[:length]):
                longest = length
                break
    return longest
