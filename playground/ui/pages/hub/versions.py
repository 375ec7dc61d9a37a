"""All versions of a model: one line each, with its own verdict as it becomes known."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from playground.ui.pages.hub import words
from playground.ui.pages.hub.results import ROW_ROLE, Index
from playground.ui.pages.hub.view_models import VersionRow
from playground.ui.theme.theme import Theme
from playground.ui.widgets.amounts import exact_bytes, size_words
from playground.ui.widgets.basics import plain_tooltip
from playground.ui.widgets.lists import paint_chip, paint_ground, paint_text, row_rect

_MOST_LINES = 8
"""From there on the list scrolls by itself."""


class VersionListModel(QAbstractListModel):
    """The files of a repository, the smallest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[VersionRow, ...] = ()

    def show_rows(self, rows: Sequence[VersionRow]) -> None:
        """Show `rows`; where the same files stay, only what changed is drawn again."""
        rows = tuple(rows)
        if [row.file.path for row in rows] != [row.file.path for row in self._rows]:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
            return
        before, self._rows = self._rows, rows
        for number, row in enumerate(rows):
            if row != before[number]:
                index = self.index(number, 0)
                self.dataChanged.emit(index, index)

    def index_of(self, path: str | None) -> QModelIndex:
        """Return where a file is; an invalid index where it is not."""
        for number, row in enumerate(self._rows):
            if row.file.path == path:
                return self.index(number, 0)
        return QModelIndex()

    def rowCount(self, parent: Index | None = None) -> int:
        """Qt: return the number of files."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt: return what a file says."""
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return size_words(row.file.size_bytes)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            parts = [
                size_words(row.file.size_bytes),
                row.file.quantization or "",
                words.version_badge(row)[0].replace("…", self.tr("not known yet")),
                words.version_state(row),
                self.tr("Recommended") if row.is_recommended else "",
            ]
            return ", ".join(part for part in parts if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            names = "\n".join(part.path for part in row.file.parts)
            return plain_tooltip(f"{names}\n{exact_bytes(row.file.size_bytes)}")
        return None


class VersionDelegate(QStyledItemDelegate):
    """Size and verdict; below them the quantization and the speed to expect."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        """Qt: return the room for two lines."""
        strong, small = self._heights()
        return QSize(self._theme.px(120), strong + small + self._theme.px(8 * 2 + 3))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Qt: draw a file."""
        row: VersionRow = index.data(ROW_ROLE)
        theme, px = self._theme, self._theme.px
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_ground(theme, painter, option)
        strong, small = self._heights()
        inner = row_rect(option).adjusted(px(12), px(8), -px(10), -px(8))
        middle = inner.top() + (strong + small + px(3)) // 2
        right = inner.right()
        right = paint_chip(theme, painter, *words.version_badge(row), right=right, middle=middle)
        if row.is_recommended and row.requirements is not None:
            text = self.tr("Recommended")
            right = paint_chip(theme, painter, text, "accent", right=right - px(6), middle=middle)
        room = right - px(8) - inner.left()
        line = QRect(inner.left(), inner.top(), room, strong)
        paint_text(theme, painter, line, size_words(row.file.size_bytes), role="numbers")
        line = QRect(inner.left(), line.bottom() + px(3), room, small)
        tone = "here" if row.here is not None else "quiet"
        paint_text(theme, painter, line, self._caption(row), role="caption", tone=tone)
        painter.restore()

    def _caption(self, row: VersionRow) -> str:
        parts = (row.file.quantization, words.version_state(row))
        return " · ".join(part for part in parts if part and part != "—")

    def _heights(self) -> tuple[int, int]:
        theme = self._theme
        return (
            QFontMetrics(theme.font("numbers")).height(),
            QFontMetrics(theme.font("caption")).height(),
        )


class VersionList(QListView):
    """As high as its lines, up to a few of them; one is chosen."""

    version_chosen = Signal(str)
    """Path of the file a person has chosen."""
    download_asked = Signal()
    """Enter or a double click on the chosen one."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._versions = VersionListModel(self)
        self.setItemDelegate(VersionDelegate(theme, self))
        self.setModel(self._versions)
        self.setUniformItemSizes(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(self.tr("All versions"))
        self.activated.connect(self._on_activated)
        theme.changed.connect(self._fit)

    def show_rows(self, rows: Sequence[VersionRow], chosen: str | None) -> None:
        """List files; only a person's own choice is told."""
        self._versions.show_rows(rows)
        index = self._versions.index_of(chosen)
        if index.isValid() and index != self.currentIndex():
            selection = self.selectionModel()
            selection.blockSignals(True)
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            selection.blockSignals(False)
            self.viewport().update()
        self._fit()

    def currentChanged(
        self,
        current: QModelIndex | QPersistentModelIndex,
        previous: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Qt: tell which version is the current one."""
        super().currentChanged(current, previous)
        if current.isValid():
            self.version_chosen.emit(current.data(ROW_ROLE).file.path)

    def _on_activated(self, _index: Index) -> None:
        self.download_asked.emit()

    def _fit(self) -> None:
        self.doItemsLayout()
        lines = min(_MOST_LINES, self._versions.rowCount())
        self.setFixedHeight(max(1, lines * self.sizeHintForRow(0)) if lines else 1)
