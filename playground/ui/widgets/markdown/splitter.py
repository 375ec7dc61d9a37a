"""Cuts Markdown that is still being written into pieces that are finished and one that is not.

Only what decides where a piece may end is read here: code fences, blank lines, lists. Everything
else is left to Qt's Markdown reader.
"""

import re
from dataclasses import dataclass

LONG_PROSE = 1200
"""Characters after which a piece is cut at the next harmless place, so that reading the last one
again stays cheap."""
LONG_LINE = 4000
"""Characters after which even one endless line is cut."""

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^`\n]*)$")
_LIST_ITEM = re.compile(r"^(?:[-*+]|\d{1,9}[.)])\s")
_INLINE = frozenset("*_`[]<>~|\\!#")


@dataclass(frozen=True, slots=True)
class Prose:
    """Markdown without code fences."""

    text: str
    joins: bool = False
    """True where it goes on in the line the piece before it ended in."""


@dataclass(frozen=True, slots=True)
class Code:
    """Lines of a fenced block; `joins` where the fence was opened in an earlier piece."""

    text: str
    language: str = ""
    joins: bool = False


Piece = Prose | Code


class MarkdownSplitter:
    """Takes text as it comes; `take` returns what is finished, `rest` what is not."""

    def __init__(self) -> None:
        self._pending = ""
        self._fence: str | None = None
        self._language = ""
        self._code_joins = False
        self._prose_joins = False

    @property
    def rest(self) -> Piece | None:
        """The piece that may still change."""
        if self._fence is not None:
            text = self._pending
            if _closes(text.rpartition("\n")[2], self._fence):
                text = text.rpartition("\n")[0]
            if not text and self._code_joins:
                return None
            return Code(text, self._language, self._code_joins)
        if not self._pending.strip():
            return None
        return Prose(self._pending, self._prose_joins)

    def take(self, text: str) -> list[Piece]:
        """Add `text` and return the pieces it has finished."""
        self._pending += text
        pieces: list[Piece] = []
        while (piece := self._next()) is not None:
            pieces.append(piece)
        return [piece for piece in pieces if not isinstance(piece, Prose) or piece.text.strip()]

    def _next(self) -> Piece | None:
        if self._fence is not None:
            return self._next_code(self._fence)
        return self._next_prose()

    def _next_code(self, fence: str) -> Piece | None:
        position = 0
        while (end := self._pending.find("\n", position)) >= 0:
            if _closes(self._pending[position:end], fence):
                if position:
                    break
                # its lines have been taken already, but for an empty block
                joins, self._code_joins = self._code_joins, False
                self._pending = self._pending[end + 1 :]
                self._fence = None
                return Prose("") if joins else Code("", self._language)
            position = end + 1
        if position:
            # whole lines of code never change any more: only the last one is written again
            lines = self._pending[: position - 1]
            self._pending = self._pending[position:]
            piece = Code(lines, self._language, self._code_joins)
            self._code_joins = True
            return piece
        return None

    def _next_prose(self) -> Piece | None:
        position = 0
        is_list = bool(_LIST_ITEM.match(self._pending))
        after_blank = False
        while (end := self._pending.find("\n", position)) >= 0:
            line = self._pending[position:end]
            fence = _FENCE.match(line)
            if fence is not None:
                return self._open_fence(fence, position, end)
            if after_blank and line.strip() and self._may_cut(line, is_list=is_list):
                return self._cut(position)
            if is_list and position > LONG_PROSE and _LIST_ITEM.match(line):
                return self._cut(position)
            after_blank = not line.strip()
            position = end + 1
        line = self._pending[position:]
        if after_blank and len(line) > 3 and self._may_cut(line, is_list=is_list):
            return self._cut(position)
        return self._cut_long(position)

    def _open_fence(self, fence: "re.Match[str]", position: int, end: int) -> Piece:
        before = self._pending[:position]
        self._pending = self._pending[end + 1 :]
        self._fence = fence.group(1)
        self._language = fence.group(2).strip()
        joins, self._prose_joins = self._prose_joins, False
        return Prose(before, joins)

    @staticmethod
    def _may_cut(line: str, *, is_list: bool) -> bool:
        if line[:1].isspace() or line[:1] in "`~":
            # it may belong to a list item, or be a fence that is still being written
            return False
        return not (is_list and _LIST_ITEM.match(line))

    def _cut(self, position: int, *, joins: bool = False) -> Piece:
        piece = Prose(self._pending[:position], self._prose_joins)
        self._pending = self._pending[position:]
        self._prose_joins = joins
        return piece

    def _cut_long(self, line_start: int) -> Piece | None:
        if len(self._pending) < LONG_PROSE:
            return None
        start = max(line_start, 0)
        line = self._pending[start:]
        if _LIST_ITEM.match(line) or line[:1] in "|>#" or len(line) < LONG_PROSE // 2:
            return None if len(line) < LONG_LINE else self._cut(len(self._pending))
        space = _harmless_space(line)
        if space is None:
            return None if len(line) < LONG_LINE else self._cut(len(self._pending), joins=True)
        return self._cut(start + space, joins=True)


def _closes(line: str, fence: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= len(fence) and not stripped.strip(fence[0]) and bool(stripped)


def _harmless_space(line: str) -> int | None:
    """Return the last space before a plain word, with no inline mark open before it."""
    if any(character in _INLINE for character in line):
        head = line.rstrip()
        marks = [head.count(mark) for mark in ("*", "_", "`", "~")]
        if any(count % 2 for count in marks) or head.count("[") != head.count("]"):
            return None
    position = len(line)
    while (position := line.rfind(" ", 1, position)) > 0:
        following = line[position + 1 : position + 2]
        if following.isalpha() and line[position - 1] not in " *_`~[(<":
            return position
    return None
