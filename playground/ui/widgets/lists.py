"""Lists of rows: a model that fetches more, a view with its keys, and what delegates paint."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)
from typing_extensions import override

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import chip_width, elide_mode, paint_chip, plain_tooltip

Index = QModelIndex | QPersistentModelIndex
Row = TypeVar("Row")
ROW_ROLE = int(Qt.ItemDataRole.UserRole)
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class PagedListModel(QAbstractListModel, Generic[Row]):
    """Rows that are told apart by a key; asks for more when the view comes to the end."""

    more_wanted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []
        self._is_complete = True
        self._is_waiting = False

    @abstractmethod
    def key(self, row: Row) -> str:
        """Return what tells a row from all others."""

    @abstractmethod
    def text(self, row: Row) -> str:
        """Return what a row is called."""

    @abstractmethod
    def spoken(self, row: Row) -> str:
        """Return a row as a screen reader says it."""

    @abstractmethod
    def tooltip(self, row: Row) -> str:
        """Return what is told of a row under the mouse, as plain text."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is listed so far."""
        return tuple(self._rows)

    @property
    def is_complete(self) -> bool:
        """True where nothing more is to come."""
        return self._is_complete

    def row_at(self, index: Index) -> Row | None:
        return self._rows[index.row()] if index.isValid() else None

    def index_of(self, key: str | None) -> QModelIndex:
        """Return where a row is; an invalid index where it is not."""
        for number, row in enumerate(self._rows):
            if self.key(row) == key:
                return self.index(number, 0)
        return QModelIndex()

    def reset_rows(self, rows: Sequence[Row], *, is_complete: bool = True) -> None:
        """Show `rows` instead; no row is the current one after that."""
        self.beginResetModel()
        self._rows = list(rows)
        self._is_complete = is_complete
        self._is_waiting = False
        self.endResetModel()

    def change_rows(self, rows: Sequence[Row]) -> None:
        """Show the same rows as they are now; only what has changed is painted again."""
        for number, row in enumerate(rows):
            if row != self._rows[number]:
                self._rows[number] = row
                self.dataChanged.emit(self.index(number, 0), self.index(number, 0))

    def add_rows(self, rows: Sequence[Row], *, is_complete: bool) -> None:
        """Add the next page at the end; what is listed already is left out."""
        self._is_waiting = False
        self._is_complete = is_complete
        known = {self.key(row) for row in self._rows}
        fresh = [row for row in rows if self.key(row) not in known]
        if fresh:
            first = len(self._rows)
            self.beginInsertRows(QModelIndex(), first, first + len(fresh) - 1)
            self._rows.extend(fresh)
            self.endInsertRows()

    def remove_row(self, key: str) -> None:
        index = self.index_of(key)
        if index.isValid():
            self.beginRemoveRows(QModelIndex(), index.row(), index.row())
            del self._rows[index.row()]
            self.endRemoveRows()

    def give_up(self) -> None:
        """Forget that more was asked for: it did not come, and scrolling asks again."""
        self._is_waiting = False

    @override
    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.row_at(index)
        if row is None:
            return None
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(row)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self.spoken(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(self.tooltip(row))
        return None

    @override
    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and not self._is_complete and not self._is_waiting

    @override
    def fetchMore(self, parent: Index) -> None:
        # it comes with `add_rows`
        if self.canFetchMore(parent):
            self._is_waiting = True
            self.more_wanted.emit()


class RowDelegate(QStyledItemDelegate):
    """A row of several lines, on a ground that shows selection, mouse and keyboard."""

    MARGINS = (14, 11, 12)
    """Left, above and below, and right, in pixels at scale 1."""
    LINES: tuple[tuple[str, int], ...] = ()
    """Text role of each line, and the gap above it."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    @abstractmethod
    def paint_row(self, painter: QPainter, lines: list[QRect], row: Any) -> None:
        """Paint what is on the ground, in `lines`."""

    def line_height(self, role: str) -> int:
        height = QFontMetrics(self._theme.font(role)).height()
        return height + self._theme.px(5) if role == "chip" else height

    def paint_text(
        self,
        painter: QPainter,
        rect: QRect,
        text: str,
        role: str,
        tone: str = "text",
        *,
        align: Qt.AlignmentFlag = LEFT,
    ) -> None:
        paint_text(self._theme, painter, rect, text, role, tone=tone, align=align)

    def paint_chip(
        self, painter: QPainter, text: str, tone: str, *, right: int, middle: int
    ) -> int:
        """Paint a chip that ends at `right`, and return where it begins."""
        width, height = chip_width(self._theme, text), self.line_height("chip")
        area = QRect(right - width, middle - height // 2, width, height)
        paint_chip(self._theme, painter, area, text, tone)
        return area.left()

    @override
    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        gaps = self.MARGINS[1] * 2 + sum(gap for _, gap in self.LINES)
        heights = sum(self.line_height(role) for role, _ in self.LINES)
        return QSize(self._theme.px(120), heights + self._theme.px(gaps))

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        left, top, right = map(self._theme.px, self.MARGINS)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_ground(self._theme, painter, option)
        inner = row_rect(option).adjusted(left, top, -right, -top)
        lines: list[QRect] = []
        y = inner.top()
        for role, gap in self.LINES:
            y = lines[-1].bottom() + self._theme.px(gap) if lines else y
            lines.append(QRect(inner.left(), y, inner.width(), self.line_height(role)))
        self.paint_row(painter, lines, index.data(ROW_ROLE))
        painter.restore()


class ListView(QListView):
    """Shows the rows of a `PagedListModel`; the current one is the one that is open."""

    chosen = Signal(str)
    """Key of the row that has become the current one."""
    opened = Signal()
    """Enter or a double click on the current row."""
    delete_wanted = Signal()
    left_upwards = Signal()
    """The arrow key left the list at its first row."""

    def __init__(
        self, theme: Theme, delegate: RowDelegate, model: PagedListModel[Any], name: str
    ) -> None:
        super().__init__()
        self._model = model
        model.setParent(self)
        delegate.setParent(self)
        self.setItemDelegate(delegate)
        self.setModel(model)
        self.setUniformItemSizes(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(name)
        self.doubleClicked.connect(self._on_double_click)
        theme.changed.connect(self.doItemsLayout)

    @property
    def chosen_key(self) -> str | None:
        """Key of the current row."""
        row = self._model.row_at(self.currentIndex())
        return None if row is None else self._model.key(row)

    def choose(self, key: str | None) -> bool:
        """Make a row the current one; return False where it is not listed."""
        index = self._model.index_of(key)
        if index.isValid() and index != self.currentIndex():
            self.setCurrentIndex(index)
        return index.isValid()

    def choose_row(self, number: int) -> None:
        """Make the row at `number`, or the last one, the current one."""
        count = self._model.rowCount()
        if count:
            self.setCurrentIndex(self._model.index(min(max(0, number), count - 1), 0))

    def _on_double_click(self, _index: Index) -> None:
        self.opened.emit()

    @override
    def minimumSizeHint(self) -> QSize:
        # a whole row, however little room there is
        return super().minimumSizeHint().expandedTo(QSize(0, self.sizeHintForRow(0)))

    @override
    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        row = self._model.row_at(current)
        if row is not None:
            self.chosen.emit(self._model.key(row))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.currentIndex().isValid() and not event.modifiers():
            if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self.opened.emit()
                return
            if event.key() in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
                self.delete_wanted.emit()
                return
            if event.key() == Qt.Key.Key_Up and self.currentIndex().row() == 0:
                self.left_upwards.emit()
                return
        super().keyPressEvent(event)


def row_rect(option: QStyleOptionViewItem) -> QRect:
    rect: QRect = getattr(option, "rect")  # noqa: B009 - missing from the stubs
    return rect


def row_state(option: QStyleOptionViewItem) -> QStyle.StateFlag:
    """Return whether a row is selected, under the mouse, has the keyboard."""
    state: QStyle.StateFlag = getattr(option, "state")  # noqa: B009 - missing from the stubs
    return state


def paint_ground(
    theme: Theme, painter: QPainter, option: QStyleOptionViewItem, *, is_marked: bool | None = None
) -> None:
    """Draw what lies below a row: selection, hover, a mark, and the hairline at its foot.

    The mark is where the keyboard is unless `is_marked` says so.
    """
    rect, state = row_rect(option), row_state(option)
    if state & QStyle.StateFlag.State_Selected:
        painter.fillRect(rect, theme.color("accent_ground"))
    elif state & QStyle.StateFlag.State_MouseOver:
        painter.fillRect(rect, theme.color("hover"))
    if bool(state & QStyle.StateFlag.State_HasFocus) if is_marked is None else is_marked:
        mark = QRect(rect.left(), rect.top(), theme.px(3), rect.height())
        painter.fillRect(mark, theme.color("accent"))
    painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), theme.color("line"))


def paint_text(
    theme: Theme,
    painter: QPainter,
    rect: QRect,
    text: str,
    role: str,
    *,
    tone: str = "text",
    align: Qt.AlignmentFlag = LEFT,
    elide: Qt.TextElideMode | None = None,
) -> None:
    """Draw one line, cut with “…” where it does not fit: a path in front, all else as `elide`."""
    painter.setFont(theme.font(role))
    painter.setPen(theme.color(tone))
    mode = elide or elide_mode(text)
    painter.drawText(rect, align, painter.fontMetrics().elidedText(text, mode, rect.width()))
