"""Text and when it arrived: what is held back keeps the time at which it came."""

from collections import deque
from collections.abc import Iterator

from playground.core.redaction import Redactor
from playground.core.thinking import Span, ThinkingSplitter

_LONGEST_PIECE = 4096
"""Characters that are looked through at once: a whole answer may come in one piece."""

Piece = tuple[float, str]
"""Seconds on the run's clock, and the text that came then."""


class StampedText:
    """A queue of text from which any number of characters can be taken with their times."""

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque()

    def add(self, t_s: float, text: str) -> None:
        if text:
            self._pieces.append((t_s, text))

    def take(self, count: int) -> Iterator[Piece]:
        """Yield the next `count` characters, those that came together in one piece."""
        while count > 0 and self._pieces:
            t_s, text = self._pieces.popleft()
            if len(text) > count:
                self._pieces.appendleft((t_s, text[count:]))
                text = text[:count]
            count -= len(text)
            yield t_s, text

    @property
    def text(self) -> str:
        return "".join(text for _, text in self._pieces)


class StampedSplitter:
    """Tells thinking from answer, each with the time at which it arrived."""

    def __init__(self) -> None:
        self._splitter = ThinkingSplitter()
        self._waiting = StampedText()

    def feed(self, t_s: float, text: str) -> list[tuple[Span, list[Piece]]]:
        spans = []
        for start in range(0, len(text), _LONGEST_PIECE):
            piece = text[start : start + _LONGEST_PIECE]
            self._waiting.add(t_s, piece)
            spans += self._timed(self._splitter.feed(piece))
        return spans

    def finish(self) -> list[tuple[Span, list[Piece]]]:
        return self._timed(self._splitter.finish())

    def _timed(self, spans: list[Span]) -> list[tuple[Span, list[Piece]]]:
        return [(span, list(self._waiting.take(len(span.text)))) for span in spans]


class StreamRedactor:
    """Hands text on without keys; what may be a key's beginning waits for what follows."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._waiting = StampedText()

    def feed(self, t_s: float, text: str) -> list[Piece]:
        self._waiting.add(t_s, text)
        whole = self._waiting.text
        clean = self._redactor.clean(whole)
        if clean != whole:
            # the time at which the first of it came; the key is over, so nothing waits
            first, *_ = self._waiting.take(len(whole))
            return [(first[0], clean)]
        return list(self._waiting.take(len(whole) - self._redactor.unfinished(whole)))

    def flush(self) -> list[Piece]:
        """Return what was held back: the stream is over, so it was no key."""
        return list(self._waiting.take(len(self._waiting.text)))
