"""A row that goes on in the next line where there is no room left."""

from dataclasses import dataclass, field

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtWidgets import QLabel, QLayout, QLayoutItem, QSpacerItem, QWidget
from typing_extensions import override


@dataclass(slots=True)
class _Line:
    """Items that stand side by side, with the width of each."""

    items: list[tuple[QLayoutItem, int]] = field(default_factory=list)
    is_right: bool = False
    """True where it stands at the right edge: what comes after a stretch does."""

    def width(self, gap: int) -> int:
        return sum(width for _, width in self.items) + gap * (len(self.items) - 1)


_ENOUGH_CHARACTERS = 34


class Folding(QWidget):
    """Something that folds to its smallest size before anything beside it goes to another line."""


class FlowLayout(QLayout):
    """Items from left to right, then from top to bottom.

    Each is in the middle of its line, or at its head or foot if so aligned. None gets less than it
    asks for while a line of its own has it. One with a stretch takes what its line leaves, and asks
    for no more than a line of text that is easily read. What comes after an empty stretch stands at
    the right edge, in every line.
    """

    # what Qt still asks one whose own attributes the garbage collector has taken already
    _items: list[QLayoutItem] = []  # noqa: RUF012 - each has its own
    _stretches: dict[QWidget, int] = {}  # noqa: RUF012 - each has its own
    _line_height = 0
    _is_centred = False

    def __init__(self, parent: QWidget | None = None, *, spacing: int = 8) -> None:
        super().__init__(parent)
        self._items = []
        self._stretches = {}
        self.setSpacing(spacing)
        self.setContentsMargins(0, 0, 0, 0)

    @override
    def addWidget(self, widget: QWidget, stretch: int = 0) -> None:
        super().addWidget(widget)
        if stretch:
            self._stretches[widget] = stretch

    def addStretch(self, _stretch: int = 1) -> None:  # noqa: N802 - as QBoxLayout's
        self.addItem(QSpacerItem(0, 0))

    def insert_widget(self, index: int, widget: QWidget) -> None:
        self.addWidget(widget)
        self._items.insert(index, self._items.pop())
        self.invalidate()

    def set_centred(self) -> None:
        """Have every line in the middle."""
        self._is_centred = True

    def set_line_height(self, height: int) -> None:
        """Have no line lower than this."""
        self._line_height = height
        self.invalidate()

    @override
    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    @override
    def count(self) -> int:
        return len(self._items)

    @override
    def itemAt(self, index: int) -> QLayoutItem | None:
        # return an item, `None` past the end
        return self._items[index] if 0 <= index < len(self._items) else None

    @override
    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    @override
    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation.Horizontal if self._stretches else Qt.Orientation(0)

    @override
    def hasHeightForWidth(self) -> bool:
        return True

    @override
    def heightForWidth(self, width: int) -> int:
        return self._lay_out(QRect(0, 0, width, 0), is_trial=True)

    @override
    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._lay_out(rect, is_trial=False)

    @override
    def sizeHint(self) -> QSize:
        lines = self._lines(1_000_000)
        width = lines[0].width(self.spacing()) if lines else 0
        return self._with_margins(QSize(width, 0)).expandedTo(self.minimumSize())

    @override
    def minimumSize(self) -> QSize:
        size = QSize(0, self._line_height)
        for item in self._items:
            if not _is_hidden(item):
                size = size.expandedTo(item.minimumSize())
        return self._with_margins(size)

    def _with_margins(self, size: QSize) -> QSize:
        return size.grownBy(self.contentsMargins())

    def _lines(self, room: int) -> list[_Line]:
        lines, line, is_right = [], _Line(), False
        empty: list[tuple[QLayoutItem, int]] = []
        for item in self._items:
            if _is_hidden(item):
                continue
            if item.spacerItem() is not None:
                is_right = True
                if line.items:
                    # it counts once something stands after it
                    empty = [(item, 0)]
                else:
                    line.is_right = True
                continue
            longer = _Line([*line.items, *empty, (item, min(self._asked(item), max(1, room)))])
            if longer.width(self.spacing()) > room:
                longer = _Line([(one, _folded(one, width)) for one, width in longer.items])
            if line.items and longer.width(self.spacing()) > room:
                lines.append(line)
                line = _Line(longer.items[-1:], is_right)
            else:
                line.items = longer.items
            empty = []
        return [*lines, line] if line.items else lines

    def _asked(self, item: QLayoutItem) -> int:
        asked, widget = item.sizeHint().width(), item.widget()
        if isinstance(widget, QLabel) and widget.wordWrap():
            # Qt asks for lines of about one length; it is to wrap only where it has to
            asked = widget.fontMetrics().horizontalAdvance(widget.text()) + 2
        if widget is None or widget not in self._stretches:
            return asked
        enough = widget.fontMetrics().averageCharWidth() * _ENOUGH_CHARACTERS
        return min(asked, max(enough, item.minimumSize().width()))

    def _lay_out(self, whole: QRect, *, is_trial: bool) -> int:
        rect = whole.marginsRemoved(self.contentsMargins())
        y = rect.y()
        for number, line in enumerate(self._lines(rect.width())):
            y += self.spacing() if number else 0
            widths = self._shared(line, rect.width())
            height = max(
                self._line_height,
                *(
                    _height(item, width)
                    for (item, _), width in zip(line.items, widths, strict=True)
                ),
            )
            if not is_trial:
                self._place(line, widths, rect, y, height)
            y += height
        return y - rect.y() + whole.height() - rect.height()

    def _shared(self, line: _Line, room: int) -> list[int]:
        """Return the widths of a line's items, with what is left given to those that stretch."""
        widths = [width for _, width in line.items]
        left = room - line.width(self.spacing())
        takers = [
            (place, self._stretches[widget])
            for place, (item, _) in enumerate(line.items)
            if (widget := item.widget()) is not None and widget in self._stretches
        ]
        weights = sum(stretch for _, stretch in takers)
        # those that soon have enough first: what they leave is for the others
        for place, stretch in sorted(takers, key=lambda one: _most(line.items[one[0]][0])):
            share = left * stretch // weights
            more = max(0, min(share, _most(line.items[place][0]) - widths[place]))
            widths[place] += more
            left -= more
            weights -= stretch
        spacers = [place for place, (item, _) in enumerate(line.items) if item.spacerItem()]
        if spacers:
            widths[spacers[0]] += max(0, left)
        return widths

    def _place(self, line: _Line, widths: list[int], rect: QRect, y: int, height: int) -> None:
        x = rect.x()
        left = max(0, rect.width() - sum(widths) - self.spacing() * (len(widths) - 1))
        if line.is_right or self._is_centred:
            x += left // 2 if self._is_centred else left
        for (item, _), width in zip(line.items, widths, strict=True):
            own = _height(item, width)
            lower = (height - own) // 2
            if item.alignment() & Qt.AlignmentFlag.AlignBottom:
                lower = height - own
            elif item.alignment() & Qt.AlignmentFlag.AlignTop:
                lower = 0
            item.setGeometry(QRect(x, y + lower, width, own))
            x += width + self.spacing()


def _is_hidden(item: QLayoutItem) -> bool:
    widget = item.widget()
    return widget is not None and widget.isHidden()


def _folded(item: QLayoutItem, width: int) -> int:
    return item.minimumSize().width() if isinstance(item.widget(), Folding) else width


def _height(item: QLayoutItem, width: int) -> int:
    return item.heightForWidth(width) if item.hasHeightForWidth() else item.sizeHint().height()


def _most(item: QLayoutItem) -> int:
    return item.maximumSize().width()
