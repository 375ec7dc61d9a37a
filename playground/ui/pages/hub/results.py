"""The repositories a search has found: fetched page by page as one scrolls."""

from collections.abc import Sequence
from typing import Any

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
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)
from typing_extensions import override

from playground.core.gguf.naming import name_from_repository
from playground.core.hub import Gate
from playground.ui.pages.hub import view_models as words
from playground.ui.pages.hub.view_models import ResultRow
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import plain_tooltip
from playground.ui.widgets.lists import paint_chip, paint_ground, paint_text, row_rect

Index = QModelIndex | QPersistentModelIndex
ROW_ROLE = int(Qt.ItemDataRole.UserRole)


class ResultListModel(QAbstractListModel):
    """Results in the Hub's order; asks for more when the view comes to the end."""

    more_wanted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ResultRow] = []
        self._known: set[str] = set()
        self._has_more = False
        self._is_waiting = False

    @property
    def rows(self) -> tuple[ResultRow, ...]:
        """What is listed so far."""
        return tuple(self._rows)

    def row_at(self, index: Index) -> ResultRow | None:
        """Return the result an index stands for."""
        return self._rows[index.row()] if index.isValid() else None

    def index_of(self, repo: str | None) -> QModelIndex:
        """Return where a repository is; an invalid index where it is not."""
        for number, row in enumerate(self._rows):
            if row.model.repo == repo:
                return self.index(number, 0)
        return QModelIndex()

    def show_rows(self, rows: Sequence[ResultRow], *, has_more: bool) -> None:
        """Show the first page of a search."""
        self.beginResetModel()
        self._rows = list(rows)
        self._known = {row.model.repo for row in rows}
        self._has_more = has_more
        self._is_waiting = False
        self.endResetModel()

    def add_rows(self, rows: Sequence[ResultRow], *, has_more: bool) -> None:
        """Add the next page; what is listed already is left out."""
        self._is_waiting = False
        self._has_more = has_more
        fresh = [row for row in rows if row.model.repo not in self._known]
        if fresh:
            first = len(self._rows)
            self.beginInsertRows(QModelIndex(), first, first + len(fresh) - 1)
            self._rows.extend(fresh)
            self._known.update(row.model.repo for row in fresh)
            self.endInsertRows()

    def change_rows(self, rows: Sequence[ResultRow]) -> None:
        """Say something else of the same repositories."""
        self._rows = list(rows)
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, 0))

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
            return name_from_repository(row.model.repo)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return words.spoken(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(f"{row.model.repo}\n{words.popularity(row.model)}")
        return None

    @override
    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and self._has_more and not self._is_waiting

    @override
    def fetchMore(self, parent: Index) -> None:
        # ask for more; it comes with `add_rows`
        if self.canFetchMore(parent):
            self._is_waiting = True
            self.more_wanted.emit()


class ResultDelegate(QStyledItemDelegate):
    """Name and verdict, publisher and size, and how well known it is."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    @override
    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        strong, small = self._heights()
        return QSize(self._theme.px(160), strong + 2 * small + self._theme.px(11 * 2 + 4 + 3))

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: ResultRow = index.data(ROW_ROLE)
        theme, px = self._theme, self._theme.px
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_ground(theme, painter, option)
        strong, small = self._heights()
        inner = row_rect(option).adjusted(px(14), px(11), -px(12), -px(11))
        line = QRect(inner.left(), inner.top(), inner.width(), strong)
        right = self._paint_chips(painter, line, row)
        name = line.adjusted(0, 0, right - line.right() - px(10), 0)
        paint_text(theme, painter, name, name_from_repository(row.model.repo), role="strong")
        line = QRect(inner.left(), line.bottom() + px(4), inner.width(), small)
        paint_text(
            theme, painter, line, words.result_caption(row.model), role="caption", tone="quiet"
        )
        line = QRect(inner.left(), line.bottom() + px(3), inner.width(), small)
        text = words.popularity(row.model)
        paint_text(theme, painter, line, text, role="caption", tone="quiet")
        painter.restore()

    def _paint_chips(self, painter: QPainter, line: QRect, row: ResultRow) -> int:
        theme = self._theme
        right = line.right()
        badge = words.estimated_badge(row.verdict)
        if badge is not None:
            middle = line.center().y()
            right = paint_chip(theme, painter, *badge, right=right, middle=middle) - theme.px(6)
        model = row.model
        if model.gate is not Gate.OPEN or model.is_private:
            side = theme.px(15)
            place = QRect(right - side, line.center().y() - side // 2, side, side)
            theme.icon("lock", "caution").paint(painter, place)
            right -= side + theme.px(6)
        return right

    def _heights(self) -> tuple[int, int]:
        theme = self._theme
        return (
            QFontMetrics(theme.font("strong")).height(),
            QFontMetrics(theme.font("caption")).height(),
        )


class ResultListView(QListView):
    """Shows a `ResultListModel`; the current one is opened."""

    repo_chosen = Signal(str)
    opened = Signal()
    """Enter or a double click: the keyboard goes on to the details."""
    up_from_top = Signal()
    """The arrow key left the list upwards."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._results = ResultListModel(self)
        self.setItemDelegate(ResultDelegate(theme, self))
        self.setModel(self._results)
        self.setUniformItemSizes(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(self.tr("Models on the Hub"))
        self.doubleClicked.connect(self._on_double_click)
        theme.changed.connect(self.doItemsLayout)

    @property
    def results(self) -> ResultListModel:
        """What is listed."""
        return self._results

    def choose(self, repo: str | None) -> None:
        """Make a repository the current one, where it is listed."""
        index = self._results.index_of(repo)
        if index.isValid() and index != self.currentIndex():
            self.setCurrentIndex(index)

    def choose_first(self) -> None:
        """Go to the first result."""
        if self._results.rowCount():
            if not self.currentIndex().isValid():
                self.setCurrentIndex(self._results.index(0, 0))
            self.setFocus()

    def _on_double_click(self, _index: Index) -> None:
        self.opened.emit()

    @override
    def currentChanged(
        self,
        current: QModelIndex | QPersistentModelIndex,
        previous: QModelIndex | QPersistentModelIndex,
    ) -> None:
        super().currentChanged(current, previous)
        row = self._results.row_at(current)
        if row is not None:
            self.repo_chosen.emit(row.model.repo)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        # enter goes on to the details, Up on the first result back to the search
        if not event.modifiers() and self.currentIndex().isValid():
            if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self.opened.emit()
                return
            if event.key() == Qt.Key.Key_Up and self.currentIndex().row() == 0:
                self.up_from_top.emit()
                return
        super().keyPressEvent(event)
