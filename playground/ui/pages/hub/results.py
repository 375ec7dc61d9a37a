"""The repositories a search has found: fetched page by page as one scrolls."""

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

from playground.ui.pages.hub import words
from playground.ui.pages.hub.view_models import ResultRow
from playground.ui.widgets.basics import plain_tooltip

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

    def rowCount(self, parent: Index | None = None) -> int:
        """Qt: return how many are listed so far."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt: return what a result says."""
        row = self.row_at(index)
        if row is None:
            return None
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return words.friendly_name(row.model.repo)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return words.spoken(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(f"{row.model.repo}\n{words.popularity(row.model)}")
        return None

    def canFetchMore(self, parent: Index) -> bool:
        """Qt: say whether there is more to ask for."""
        return not parent.isValid() and self._has_more and not self._is_waiting

    def fetchMore(self, parent: Index) -> None:
        """Qt: ask for more; it comes with `add_rows`."""
        if self.canFetchMore(parent):
            self._is_waiting = True
            self.more_wanted.emit()
