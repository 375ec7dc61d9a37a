"""Scroll area for text: it shows whole lines only, and what is read stays where it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, Qt, QTimer
from PySide6.QtGui import (
    QFontMetricsF,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCursor,
    QTextTable,
)
from PySide6.QtWidgets import QLabel, QScrollArea, QTextEdit, QWidget
from typing_extensions import override

from playground.ui.theme.theme import Theme
from playground.ui.widgets.layouts import scrolled

_NEAR_END = 24
"""So far from the end, in pixels at scale 1, the view still follows it."""

Span = tuple[int, int]
"""Top and bottom of a line, in pixels."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What stands at the top of the view."""

    part: QWidget
    character: int | None = None
    """Of the part's text; `None` where the part counts as a whole."""
    share: float = 0.0
    """How much of the line or part is above the view, as a share of its height."""


class ReadingArea(QScrollArea):
    """Scrolls a widget of texts; a line that would be cut at an edge is left out there.

    It follows the end, or keeps the line at its top where it is, whatever is put above it and
    however large the text is written.
    """

    def __init__(self, theme: Theme, body: QWidget, name: str) -> None:
        super().__init__()
        self._theme = theme
        self._body = body
        self._place: _Place | None = None
        self._is_placing = False
        self.follows_end = True
        scrolled(self, body, name)
        self._covers = (_Cover(theme, self), _Cover(theme, self))
        """Over what is cut at the top and at the bottom."""
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(self._on_range)
        bar.valueChanged.connect(self._on_scrolled)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._cover)
        body.installEventFilter(self)

    def set_room(self, least: int, *, above: int, below: int) -> None:
        """Show at least so many pixels of the text, with room above and below it."""
        self.setViewportMargins(0, above, 0, below)
        self.setMinimumHeight(least + above + below + 2 * self.frameWidth())

    def follow_end(self, *, on: bool = True) -> None:
        """Keep the end in view, or stay at the beginning."""
        self.follows_end, self._place = on, None

    def stand_at(self, part: QWidget) -> None:
        """Keep the beginning of a part in view until a person scrolls."""
        self.follows_end, self._place = False, _Place(part)
        # once it has its place
        QTimer.singleShot(0, self, self._go_to_place)

    def forget(self, part: QWidget) -> None:
        """Let go of a part that is taken away."""
        place = self._place
        if place is not None and (part is place.part or part.isAncestorOf(place.part)):
            self._place = None

    def hold(self) -> None:
        """Stay at what is at the top now, while something is put above it."""
        if not self.follows_end and self._place is None:
            self._place = self._place_at(self.verticalScrollBar().value())

    def whole_room(self) -> QRect:
        """Return the part of the viewport in which lines are whole."""
        room = self.viewport().rect()
        top, bottom = (cover.height() if cover.isVisible() else 0 for cover in self._covers)
        return room.adjusted(0, top, 0, -bottom)

    def _on_range(self) -> None:
        self._go_to_place()
        self._cover()

    def _on_scrolled(self, value: int) -> None:
        if not self._is_placing:
            near = self._theme.px(_NEAR_END)
            self.follows_end = value >= self.verticalScrollBar().maximum() - near
            self._place = None if self.follows_end else self._place_at(value)
        self._cover()

    def _go_to_place(self) -> None:
        bar = self.verticalScrollBar()
        self._is_placing = True
        if self._place is not None:
            top, bottom = self._span_of(self._place)
            bar.setValue(round(top + self._place.share * (bottom - top)))
        elif self.follows_end:
            bar.setValue(bar.maximum())
        self._is_placing = False

    def _place_at(self, y: int) -> _Place | None:
        """Return what stands at `y` of the body, or below it."""
        part = _leaf_below(self._body, y)
        if part is None:
            return None
        top = part.mapTo(self._body, QPoint(0, 0)).y()
        if not isinstance(part, QTextEdit):
            return _Place(part, None, (y - top) / max(1, part.height()))
        character = _character_at(part, y - top)
        place = _Place(part, character)
        first, last = self._span_of(place)
        return _Place(part, character, (y - first) / max(1, last - first))

    def _span_of(self, place: _Place) -> Span:
        part = place.part
        top = part.mapTo(self._body, QPoint(0, 0)).y()
        if place.character is None or not isinstance(part, QTextEdit):
            return top, top + part.height()
        first, last = _line_of(part, place.character)
        return top + first, top + last

    def _cover(self) -> None:
        """Lay the covers over lines that the edges cut, unless they would leave none."""
        room, value = self.viewport().geometry(), self.verticalScrollBar().value()
        last = value + room.height()
        above = max([bottom for _top, bottom in _cut_at(self._body, value)], default=value)
        below = min([top for top, _bottom in _cut_at(self._body, last)], default=last)
        if below <= above:
            above, below = value, last
        head, foot = self._covers
        head.setGeometry(room.left(), room.top(), room.width(), above - value)
        foot.setGeometry(
            room.left(), room.bottom() + 1 - (last - below), room.width(), last - below
        )
        head.setVisible(above > value)
        foot.setVisible(below < last)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._body and event.type() is QEvent.Type.LayoutRequest:
            # once it is laid out
            self._later.start()
        return super().eventFilter(watched, event)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._cover()


class _Cover(QWidget):
    """Ground of the card over a line that is cut."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(event.rect(), self._theme.color("card"))


def _parts(widget: QWidget) -> list[QWidget]:
    """Return what stands in a widget that only holds others; nothing for a part of its own."""
    if isinstance(widget, (QTextEdit, QLabel)):
        return []
    children = widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
    return [child for child in children if child.isVisibleTo(widget) and not child.isWindow()]


def _leaf_below(widget: QWidget, y: int) -> QWidget | None:
    """Return the first part whose end is below `y`."""
    parts = [part for part in _parts(widget) if part.geometry().bottom() >= y]
    if not parts:
        return widget if not _parts(widget) else None
    first = min(parts, key=lambda part: (part.y(), part.x()))
    return _leaf_below(first, y - first.y())


def _cut_at(widget: QWidget, y: int) -> Iterator[Span]:
    """Yield the lines that `y` goes through; a part without lines, such as a button, is one.

    What a ground has around its text belongs to the first and the last line.
    """
    if not 0 < y < widget.height():
        return
    if isinstance(widget, QTextEdit):
        yield from _text_cut_at(widget, y)
    elif isinstance(widget, QLabel):
        yield _words_cut_at(widget, y)
    elif parts := _parts(widget):
        has_ground = bool(widget.property("card"))
        first, last = (
            min(part.y() for part in parts),
            max(part.geometry().bottom() for part in parts),
        )
        if has_ground and not first <= y <= last:
            yield (0, first) if y < first else (last, widget.height())
        for part in parts:
            top = part.y()
            for one, other in _cut_at(part, y - top):
                yield 0 if has_ground and top + one <= first else top + one, top + other
    elif widget.layout() is None:
        yield 0, widget.height()


def _words_cut_at(label: QLabel, y: int) -> Span:
    # Qt puts each line on whole pixels
    area, pitch = label.contentsRect(), ceil(QFontMetricsF(label.font()).lineSpacing())
    count = max(1, area.height() // pitch)
    number = min(max(0, (y - area.top()) // pitch), count - 1)
    first = area.top() + number * pitch
    if y == first and number:
        return first, first
    return (
        0 if number == 0 else first,
        label.height() if number == count - 1 else first + pitch,
    )


def _character_at(view: QTextEdit, y: int) -> int:
    layout = view.document().documentLayout()
    return max(0, layout.hitTest(QPointF(0, y), Qt.HitTestAccuracy.FuzzyHit))


def _line_of(view: QTextEdit, character: int) -> Span:
    """Return where the line with a character is."""
    block = view.document().findBlock(min(character, view.document().characterCount() - 1))
    line = block.layout().lineForTextPosition(character - block.position())
    top = view.document().documentLayout().blockBoundingRect(block).top()
    if line.isValid():
        top += line.y()
    return int(top), int(top + (line.height() if line.isValid() else 0)) + 1


def _text_cut_at(view: QTextEdit, y: int) -> Iterator[Span]:
    cursor = QTextCursor(view.document())
    cursor.setPosition(_character_at(view, y))
    table: QTextTable | None = cursor.currentTable()
    if table is None:
        top, bottom = _line_of(view, cursor.position())
        if top < y < bottom:
            yield top, bottom
        return
    row = table.cellAt(cursor).row()
    cells = (table.cellAt(row, column) for column in range(table.columns()))
    blocks = (cell.firstCursorPosition().block() for cell in cells)
    for block in blocks:
        for number in range(block.layout().lineCount()):
            start = block.position() + block.layout().lineAt(number).textStart()
            top, bottom = _line_of(view, start)
            if top < y < bottom:
                yield top, bottom
