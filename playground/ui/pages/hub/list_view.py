"""The list of results: how one is drawn, and the keys that move in it."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from playground.core.hub import Gate
from playground.ui.pages.hub import words
from playground.ui.pages.hub.results import ROW_ROLE, Index, ResultListModel
from playground.ui.pages.hub.view_models import ResultRow
from playground.ui.theme.theme import Theme
from playground.ui.widgets.lists import paint_chip, paint_ground, paint_text, row_rect


class ResultDelegate(QStyledItemDelegate):
    """Name and verdict, publisher and size, and how well known it is."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        """Qt: return the room for three lines."""
        strong, small = self._heights()
        return QSize(self._theme.px(160), strong + 2 * small + self._theme.px(11 * 2 + 4 + 3))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Qt: draw a result."""
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
        paint_text(theme, painter, name, words.friendly_name(row.model.repo), role="strong")
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

    def currentChanged(
        self,
        current: QModelIndex | QPersistentModelIndex,
        previous: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Qt: tell which repository is the current one."""
        super().currentChanged(current, previous)
        row = self._results.row_at(current)
        if row is not None:
            self.repo_chosen.emit(row.model.repo)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt: Enter goes on to the details, Up on the first result back to the search."""
        if not event.modifiers() and self.currentIndex().isValid():
            if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self.opened.emit()
                return
            if event.key() == Qt.Key.Key_Up and self.currentIndex().row() == 0:
                self.up_from_top.emit()
                return
        super().keyPressEvent(event)
