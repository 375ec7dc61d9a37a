"""The comparisons of the list: fetched piece by piece, changed without losing one's place."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
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
    QWidget,
)
from typing_extensions import override

from playground.core.targets import Place
from playground.store.history import ComparisonSummary
from playground.ui.pages.history import view_models as words
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import plain_tooltip

Index = QModelIndex | QPersistentModelIndex
ROW_ROLE = int(Qt.ItemDataRole.UserRole)


class ComparisonListModel(QAbstractListModel):
    """Summaries, the newest first; asks for more when the view comes to the end."""

    more_wanted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ComparisonSummary] = []
        self._is_complete = True
        self._is_waiting = False

    @property
    def is_complete(self) -> bool:
        """True where nothing more is to come."""
        return self._is_complete

    def row_at(self, index: Index) -> ComparisonSummary | None:
        """Return the comparison an index stands for."""
        return self._rows[index.row()] if index.isValid() else None

    def index_of(self, comparison_id: str) -> QModelIndex:
        """Return where a comparison is; an invalid index where it is not."""
        for number, row in enumerate(self._rows):
            if row.id == comparison_id:
                return self.index(number, 0)
        return QModelIndex()

    def show_rows(self, rows: Sequence[ComparisonSummary], *, is_complete: bool) -> None:
        """Show `rows` instead; where only new ones came on top, the others stay in place."""
        self._is_waiting = False
        added = self._added_on_top(rows)
        if added is None:
            self.beginResetModel()
            self._rows = list(rows)
            self._is_complete = is_complete
            self.endResetModel()
            return
        if added:
            self.beginInsertRows(QModelIndex(), 0, added - 1)
            self._rows[:0] = rows[:added]
            self.endInsertRows()
        if len(self._rows) > len(rows):
            self.beginRemoveRows(QModelIndex(), len(rows), len(self._rows) - 1)
            del self._rows[len(rows) :]
            self.endRemoveRows()
        self._is_complete = is_complete
        for number, row in enumerate(rows):
            if row != self._rows[number]:
                self._rows[number] = row
                self.dataChanged.emit(self.index(number, 0), self.index(number, 0))

    def add_rows(self, rows: Sequence[ComparisonSummary], *, is_complete: bool) -> None:
        """Add the next piece at the end; what is there already is left out."""
        self._is_waiting = False
        self._is_complete = is_complete
        known = {row.id for row in self._rows}
        fresh = [row for row in rows if row.id not in known]
        if fresh:
            first = len(self._rows)
            self.beginInsertRows(QModelIndex(), first, first + len(fresh) - 1)
            self._rows.extend(fresh)
            self.endInsertRows()

    def remove_row(self, comparison_id: str) -> None:
        """Take a comparison out of the list."""
        index = self.index_of(comparison_id)
        if index.isValid():
            self.beginRemoveRows(QModelIndex(), index.row(), index.row())
            del self._rows[index.row()]
            self.endRemoveRows()

    def give_up(self) -> None:
        """Forget that more was asked for: it could not be read."""
        self._is_waiting = False

    def _added_on_top(self, rows: Sequence[ComparisonSummary]) -> int | None:
        """Return how many of `rows` are new on top of those shown; `None` for other changes."""
        if not self._rows or not rows:
            return None
        old = [row.id for row in self._rows]
        new = [row.id for row in rows]
        if old[0] not in new:
            return None
        added = new.index(old[0])
        return added if new[added:] == old[: len(new) - added] else None

    @override
    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        # return what an entry says; nothing of hidden names is in it
        row = self.row_at(index)
        if row is None:
            return None
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return words.spoken(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            lines = (row.title, words.names(row), words.exactly(row.created_at))
            return plain_tooltip("\n".join(line for line in lines if line))
        return None

    @override
    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and not self._is_complete and not self._is_waiting

    @override
    def fetchMore(self, parent: Index) -> None:
        # ask for more; it comes with `add_rows`
        if self.canFetchMore(parent):
            self._is_waiting = True
            self.more_wanted.emit()


_TONES = {Place.LOCAL: ("local_ground", "local_ink"), Place.CLOUD: ("cloud_ground", "cloud_ink")}
_QUIET = ("chip", "chip_ink")
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ComparisonDelegate(QStyledItemDelegate):
    """Three lines; whatever does not fit ends in “…”."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    @override
    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        heights = self._heights()
        return QSize(self._theme.px(160), sum(heights) + self._theme.px(11 * 2 + 5 + 7))

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(ROW_ROLE)
        state: Any = getattr(option, "state")  # noqa: B009 - missing from the stubs
        rect: QRect = getattr(option, "rect")  # noqa: B009 - missing from the stubs
        px = self._theme.px
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ground(painter, rect, state)
        title_height, caption_height, chip_height = self._heights()
        inner = rect.adjusted(px(16), px(11), -px(12), -px(11))
        line = QRect(inner.left(), inner.top(), inner.width(), title_height)
        self._write(painter, line, row.title, "strong", "text")
        line = QRect(inner.left(), line.bottom() + px(5), inner.width(), caption_height)
        self._paint_caption(painter, line, row)
        line = QRect(inner.left(), line.bottom() + px(7), inner.width(), chip_height)
        self._paint_chips(painter, line, row)
        painter.restore()

    def _heights(self) -> tuple[int, int, int]:
        theme = self._theme
        strong, small, chip = (
            QFontMetrics(theme.font(role)).height() for role in ("strong", "caption", "chip")
        )
        return strong, small, chip + theme.px(5)

    def _paint_ground(self, painter: QPainter, rect: QRect, state: Any) -> None:
        theme = self._theme
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("accent_ground"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, theme.color("hover"))
        if state & QStyle.StateFlag.State_HasFocus:
            painter.fillRect(
                QRect(rect.left(), rect.top(), theme.px(3), rect.height()), theme.color("accent")
            )
        painter.setPen(theme.color("line"))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())

    def _paint_caption(self, painter: QPainter, line: QRect, row: ComparisonSummary) -> None:
        metrics = QFontMetrics(self._theme.font("caption"))
        moment, remark = words.caption(row), words.remark(row)
        taken = metrics.horizontalAdvance(moment) + self._theme.px(10)
        self._write(painter, line, moment, "caption", "quiet")
        if remark:
            right = line.adjusted(min(taken, line.width()), 0, 0, 0)
            tone = "caution" if row.names_hidden else "quiet"
            self._write(painter, right, remark, "chip", tone, align=_RIGHT)

    def _paint_chips(self, painter: QPainter, line: QRect, row: ComparisonSummary) -> None:
        chips = [(words.names(row), _QUIET)]
        if not row.names_hidden:
            won = set(row.winner_labels)
            targets = sorted(
                zip(row.target_labels, row.places, strict=True), key=lambda t: t[0] not in won
            )
            chips = [
                (f"✓ {label}" if label in won else label, _TONES[place]) for label, place in targets
            ]
        px = self._theme.px
        metrics = QFontMetrics(self._theme.font("chip"))
        left = line.left()
        for number, (text, tones) in enumerate(chips):
            others = len(chips) - number - 1
            rest = f"+{others}" if others else ""
            reserved = metrics.horizontalAdvance(rest) + px(30) if rest else 0
            room = line.right() - left - reserved
            wanted = metrics.horizontalAdvance(text) + px(18)
            if wanted > room and number:
                self._chip(
                    painter,
                    QRect(left, line.top(), line.right() - left, line.height()),
                    f"+{others + 1}",
                    _QUIET,
                )
                return
            width = max(min(wanted, room), px(30))
            self._chip(painter, QRect(left, line.top(), width, line.height()), text, tones)
            left += width + px(5)

    def _chip(self, painter: QPainter, area: QRect, text: str, tones: tuple[str, str]) -> None:
        theme = self._theme
        font = theme.font("chip")
        wanted = QFontMetrics(font).horizontalAdvance(text) + theme.px(18)
        pill = QRect(area.left(), area.top(), min(wanted, area.width()), area.height())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(tones[0]))
        painter.drawRoundedRect(QRectF(pill), pill.height() / 2, pill.height() / 2)
        self._write(painter, pill.adjusted(theme.px(9), 0, -theme.px(8), 0), text, "chip", tones[1])

    def _write(
        self,
        painter: QPainter,
        rect: QRect,
        text: str,
        role: str,
        tone: str,
        *,
        align: Qt.AlignmentFlag = _LEFT,
    ) -> None:
        painter.setFont(self._theme.font(role))
        painter.setPen(self._theme.color(tone))
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, align, text)


class ComparisonListView(QListView):
    """Shows a `ComparisonListModel`; the current entry is the one that is opened."""

    comparison_chosen = Signal(str)
    open_wanted = Signal()
    delete_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._list = ComparisonListModel(self)
        self.setItemDelegate(ComparisonDelegate(theme, self))
        self.setModel(self._list)
        self.setUniformItemSizes(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(self.tr("Comparisons"))
        self.doubleClicked.connect(self._on_double_click)
        theme.changed.connect(self.doItemsLayout)

    @property
    def comparisons(self) -> ComparisonListModel:
        """The entries."""
        return self._list

    @property
    def chosen_id(self) -> str | None:
        """Id of the current entry."""
        row = self._list.row_at(self.currentIndex())
        return row.id if row is not None else None

    def choose(self, comparison_id: str | None) -> bool:
        """Make an entry the current one; return False where it is not listed."""
        index = self._list.index_of(comparison_id) if comparison_id else QModelIndex()
        if not index.isValid():
            return False
        if index != self.currentIndex():
            self.setCurrentIndex(index)
        return True

    def choose_row(self, row: int) -> None:
        """Make the entry at `row`, or the last one, the current one."""
        count = self._list.rowCount()
        if count:
            self.setCurrentIndex(self._list.index(min(max(0, row), count - 1), 0))

    def _on_double_click(self, _index: QModelIndex | QPersistentModelIndex) -> None:
        self.open_wanted.emit()

    @override
    def currentChanged(
        self,
        current: QModelIndex | QPersistentModelIndex,
        previous: QModelIndex | QPersistentModelIndex,
    ) -> None:
        super().currentChanged(current, previous)
        row = self._list.row_at(current)
        if row is not None:
            self.comparison_chosen.emit(row.id)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        # enter opens the entry in Compare, Delete takes it out
        if self.currentIndex().isValid() and not event.modifiers():
            if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self.open_wanted.emit()
                return
            if event.key() in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
                self.delete_wanted.emit()
                return
        super().keyPressEvent(event)
