"""The comparisons of the list: fetched piece by piece, changed without losing one's place."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from playground.store.history import ComparisonSummary
from playground.ui.pages.history import words
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

    def rowCount(self, parent: Index | None = None) -> int:
        """Qt: return how many are listed so far."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt: return what an entry says; nothing of hidden names is in it."""
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

    def canFetchMore(self, parent: Index) -> bool:
        """Qt: say whether there is more to ask for."""
        return not parent.isValid() and not self._is_complete and not self._is_waiting

    def fetchMore(self, parent: Index) -> None:
        """Qt: ask for more; it comes with `add_rows`."""
        if self.canFetchMore(parent):
            self._is_waiting = True
            self.more_wanted.emit()
