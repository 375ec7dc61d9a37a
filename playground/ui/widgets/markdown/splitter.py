"""Splitter of Markdown that is still being written: pieces that are finished, and one that is not.

Only what decides where a piece may end is read here: code fences, blank lines, lists. Everything
else is left to Qt's Markdown reader. Where a piece ends follows from the text alone and not from
the parts it came in, so that an answer looks the same while it is written and afterwards.
"""

import re
from dataclasses import dataclass

LONG_PROSE = 1200
"""Characters after which a piece is cut at the next harmless place, so that reading the last one
again stays cheap."""
LONG_LINE = 4000
"""Characters after which even one endless line is cut."""

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^`\n]*)$")
_DOCUMENTS = frozenset({"markdown", "md", "mdx"})
"""Languages whose text has fences of its own, which models write as long as the outer one."""
_USUAL_FENCE = 3
_DEEPEST_FENCE = 3
"""Spaces a closing fence may stand further in: https://spec.commonmark.org/0.31.2/#fenced-code-blocks."""
_LIST_ITEM = re.compile(r"^(?:[-*+]|\d{1,9}[.)])\s")
_LIST_ITEM_BEGUN = re.compile(r"[-*+]?|\d{1,9}[.)]?")
_FORMULA_LINE = re.compile(r"^[ \t]*\$\$[ \t]*$", re.MULTILINE)
_LEAST_LINE = LONG_PROSE // 2
"""Characters below which a line is not cut."""
_STEP = 200
"""Characters between two attempts to find a harmless place."""
_AHEAD = 2400
"""Characters after a bare fence in a document that tell whether it closes the document."""
_MARKER_ROOM = 12
"""Characters that show whether a word would be read as a list's number."""


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
    """Incremental splitter: `feed` returns the pieces that are finished, `rest` the last ones."""

    def __init__(self) -> None:
        self._pending = ""
        self._fence: str | None = None
        self._indent = 0
        self._language = ""
        self._inner_fences = 0
        """Fences within one around a whole document that are open."""
        self._code_joins = False
        self._prose_joins = False

    @property
    def rest(self) -> tuple[Piece, ...]:
        """What may still change: one piece at most, but behind a fence that may be one within."""
        if self._fence is not None:
            return self._rest_of_code(self._fence)
        return (Prose(self._pending, self._prose_joins),) if self._pending.strip() else ()

    def feed(self, text: str) -> list[Piece]:
        """Add `text` and return the pieces it has finished."""
        self._pending += text
        pieces: list[Piece] = []
        while (piece := self._next()) is not None:
            pieces.append(piece)
        return [piece for piece in pieces if not isinstance(piece, Prose) or piece.text.strip()]

    def _rest_of_code(self, fence: str) -> tuple[Piece, ...]:
        text = self._pending
        first, _, behind = text.partition("\n")
        if behind and not self._inner_fences and self._closes(first, fence):
            following = MarkdownSplitter()
            pieces = [*following.feed(behind), *following.rest]
            return (*(() if self._code_joins else (Code("", self._language),)), *pieces)
        before, _, last = text.removesuffix("\n").rpartition("\n")
        if not self._inner_fences and self._closes(last, fence):
            text = before
        if not text and self._code_joins:
            return ()
        return (Code(text, self._language, self._code_joins),)

    def _next(self) -> Piece | None:
        if self._fence is not None:
            return self._next_code(self._fence)
        return self._next_prose()

    def _next_code(self, fence: str) -> Piece | None:
        position = 0
        while (end := self._pending.find("\n", position)) >= 0:
            line = self._pending[position:end]
            if self._is_inner(line, fence):
                self._inner_fences += 1
            elif self._inner_fences and self._closes(line, fence):
                self._inner_fences -= 1
            elif self._closes(line, fence):
                # a longer fence than usual was chosen to be unlike those within
                is_usual = len(fence) == _USUAL_FENCE
                opens_another = is_usual and self._opens_another(end + 1, fence)
                if opens_another is None:
                    break
                if opens_another:
                    self._inner_fences += 1
                    position = end + 1
                    continue
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

    def _is_inner(self, line: str, fence: str) -> bool:
        """Return True for a fence with a language within one around a document."""
        found = _FENCE.match(line) if self._language.lower() in _DOCUMENTS else None
        return found is not None and found[1].startswith(fence) and bool(found[2].strip())

    def _opens_another(self, following: int, fence: str) -> bool | None:
        """Return whether a bare fence in a document opens code there; `None`: not known yet.

        Models begin code right below its fence, and close it with another bare one. Everything else
        closes the document, as any bare fence does in CommonMark.
        """
        if self._language.lower() not in _DOCUMENTS:
            return False
        ahead = self._pending[following : following + _AHEAD]
        line, is_complete, _ = ahead.partition("\n")
        if line.lstrip().startswith(("`", "~")) or (is_complete and not line.strip()):
            return False
        before = ""
        for line in ahead.split("\n")[:-1]:
            found = _FENCE.match(line)
            if found is not None and found[1].startswith(fence):
                # below a colon a fence opens code of its own
                return not found[2].strip() and not before.rstrip().endswith(":")
            before = line
        return None if len(ahead) < _AHEAD else False

    def _next_prose(self) -> Piece | None:
        position = 0
        is_list = not self._prose_joins and bool(_LIST_ITEM.match(self._pending))
        after_blank = False
        while True:
            end = self._pending.find("\n", position)
            is_complete = end >= 0
            line = self._pending[position : end if is_complete else None]
            # a longer line is cut before its end is known
            if is_complete and len(line) < _LEAST_LINE and (fence := _FENCE.match(line)):
                return self._open_fence(fence, position, end)
            if (
                after_blank
                and not self._is_in_formula(position)
                and self._begins_piece(line, is_list=is_list, is_complete=is_complete)
            ):
                return self._cut(position)
            if is_list and position > LONG_PROSE and _LIST_ITEM.match(line):
                return self._cut(position)
            place = self._place_in_long(line, position)
            if place is not None:
                return self._cut(position + place, joins=line[:1] != "|")
            if not is_complete:
                return None
            after_blank = not line.strip()
            position = end + 1

    def _is_in_formula(self, position: int) -> bool:
        """Return True behind a blank line within a formula of several lines."""
        before = self._pending[:position]
        # the rest of an answer is no formula because one was not closed
        return position < LONG_PROSE and (
            len(_FORMULA_LINE.findall(before)) % 2 == 1
            or before.rfind("\n\\[\n") > before.rfind("\\]")
            or (before.startswith("\\[\n") and "\\]" not in before)
        )

    def _closes(self, line: str, fence: str) -> bool:
        stripped = line.strip()
        is_fence = len(stripped) >= len(fence) and not stripped.strip(fence[0])
        return is_fence and _indent_of(line) <= self._indent + _DEEPEST_FENCE

    def _open_fence(self, fence: "re.Match[str]", position: int, end: int) -> Piece:
        before = self._pending[:position]
        self._pending = self._pending[end + 1 :]
        self._fence = fence.group(1)
        self._indent = _indent_of(fence[0])
        self._language = fence.group(2).strip()
        joins, self._prose_joins = self._prose_joins, False
        return Prose(before, joins)

    @staticmethod
    def _begins_piece(line: str, *, is_list: bool, is_complete: bool) -> bool:
        """Return True where `line`, after a blank one, belongs to nothing before it."""
        if line[:1].isspace() or line[:1] in "`~":
            # it may belong to a list item, or be a fence that is still being written
            return False
        if not is_list:
            return True
        may_become_item = not is_complete and _LIST_ITEM_BEGUN.fullmatch(line)
        return not may_become_item and not _LIST_ITEM.match(line)

    def _cut(self, position: int, *, joins: bool = False) -> Piece:
        piece = Prose(self._pending[:position], self._prose_joins)
        self._pending = self._pending[position:]
        self._prose_joins = joins
        return piece

    def _place_in_long(self, line: str, position: int) -> int | None:
        """Return where in `line` a text that has become long is cut."""
        least = max(LONG_PROSE - position, _LEAST_LINE)
        if len(line) < least:
            return None
        goes_on = self._prose_joins and position == 0
        if goes_on or not (_LIST_ITEM.match(line) or line[:1] in "|>#"):
            for size in range(least, min(len(line), LONG_LINE) + 1, _STEP):
                if (space := _harmless_space(line[:size])) is not None:
                    return space
        if len(line) < LONG_LINE:
            return None
        return _word_space(line[:LONG_LINE]) or _any_space(line[:LONG_LINE]) or LONG_LINE


def _indent_of(line: str) -> int:
    line = line.expandtabs(4)
    return len(line) - len(line.lstrip(" "))


def _harmless_space(line: str) -> int | None:
    """Return the last space before a plain word, if no inline mark is open there."""
    space = _word_space(line)
    if space is None:
        return None
    before = line[:space]
    is_open = any(before.count(mark) % 2 for mark in ("$$", *"$*_`~"))
    is_open |= any(
        before.count(mark) != before.count(end)
        for mark, end in ("[]", ("\\(", "\\)"), ("\\begin{", "\\end{"))
    )
    return None if is_open else space


def _word_space(line: str) -> int | None:
    """Return the last space before a plain word."""
    space = len(line)
    while (space := line.rfind(" ", 1, space)) > 0:
        if line[space + 1 : space + 2].isalpha() and line[space - 1] not in " *_`~[(<":
            return space
    return None


def _any_space(line: str) -> int | None:
    """Return the last space before something that does not begin a list or a quote."""
    space = len(line) - _MARKER_ROOM
    while (space := line.rfind(" ", 1, space)) > 0:
        following = line[space + 1 :]
        if following[0].isalnum() and not _LIST_ITEM.match(following):
            return space
    return None
