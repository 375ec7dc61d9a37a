"""The list of model files: what is in each cell, and which rows are shown."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)

from playground.core.requirements.model import Verdict
from playground.ui.pages.models.rows import (
    ModelRow,
    badge,
    caption,
    last_used_sort,
    last_used_words,
    reason,
    row_speed,
)
from playground.ui.widgets.amounts import exact_bytes, size_words, words_in
from playground.ui.widgets.basics import plain_tooltip
from playground.ui.widgets.verdict import exact_speed

Index = QModelIndex | QPersistentModelIndex
ROW_ROLE = int(Qt.ItemDataRole.UserRole)
SORT_ROLE = ROW_ROLE + 1
_MOST_RUNS = 8


class Column(IntEnum):
    """The columns in their order."""

    MODEL = 0
    FIT = 1
    SPEED = 2
    SIZE = 3
    READS = 4
    PLACE = 5
    USED = 6


class ModelTableModel(QAbstractTableModel):
    """Model files, one a row; unchanged rows stay where they are."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[ModelRow, ...] = ()
        self._places: dict[str, int] = {}

    def show_rows(self, rows: tuple[ModelRow, ...]) -> None:
        """Show `rows`; where the same files are listed, only what changed is drawn again."""
        if rows is self._rows:
            return
        if not _are_of_same_files(rows, self._rows):
            self.beginResetModel()
            self._rows = rows
            self._places = {row.key: place for place, row in enumerate(rows)}
            self.endResetModel()
            return
        before, self._rows = self._rows, rows
        changed = [i for i, row in enumerate(rows) if row is not before[i] and row != before[i]]
        if not changed:
            return
        for first, last in _runs(changed):
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(Column) - 1))

    def row_of(self, key: str) -> int | None:
        """Return where a file is listed."""
        return self._places.get(key)

    def rowCount(self, parent: Index | None = None) -> int:
        """Qt: return the number of files."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:
        """Qt: return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(Column)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Qt: return a column's heading."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (
                self.tr("Model"),
                self.tr("Runs here?"),
                self.tr("Speed"),
                self.tr("Size"),
                self.tr("Reads up to"),
                self.tr("Lives in"),
                self.tr("Last used"),
            )[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._explanation(section)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt: return what a cell says, in one of several ways."""
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == ROW_ROLE:
            return row
        column = Column(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            spoken = self._text(row, column)
            return f"{spoken}, {caption(row)}" if column is Column.MODEL else spoken
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tooltip(row, column)
        if role == SORT_ROLE:
            return self._sort_value(row, column)
        return None

    def _explanation(self, section: int) -> str:
        return (
            self.tr("The name its maker gave it, and how strongly its numbers are rounded"),
            self.tr(
                "Whether it goes into the memory that is free now, and how fast it would write"
            ),
            self.tr("Words a second it writes on this computer; ≈ is an estimate"),
            self.tr("Room it takes on the disk"),
            self.tr("How much prompt and answer together it was trained to keep in mind"),
            self.tr("The folder or program it belongs to"),
            self.tr("When it last answered on this computer"),
        )[section]

    def _text(self, row: ModelRow, column: Column) -> str:
        model = row.model
        match column:
            case Column.MODEL:
                return model.name
            case Column.FIT:
                return badge(row)[0]
            case Column.SPEED:
                return row_speed(row)
            case Column.SIZE:
                return size_words(model.size_bytes)
            case Column.READS:
                return words_in(model.context_length)
            case Column.PLACE:
                return place_name(model.source)
            case Column.USED:
                return last_used_words(row.use)

    def _tooltip(self, row: ModelRow, column: Column) -> str:
        model = row.model
        match column:
            case Column.FIT:
                return plain_tooltip(reason(row))
            case Column.SPEED:
                return exact_speed(row.needs.speed if row.needs else None)
            case Column.SIZE:
                return exact_bytes(model.size_bytes)
            case Column.READS if model.context_length is not None:
                return self.tr("{0} tokens").format(f"{model.context_length:,}")
            case _:
                return plain_tooltip(str(model.path))

    def _sort_value(self, row: ModelRow, column: Column) -> Any:
        model = row.model
        match column:
            case Column.FIT:
                order = list(Verdict)
                return order.index(row.needs.verdict) if row.needs else len(order)
            case Column.SPEED:
                speed = row.needs.speed if row.needs else None
                return speed.high_tokens_per_s if speed else 0.0
            case Column.USED:
                return last_used_sort(row.use)
            case Column.SIZE:
                # a Python int reaches Qt as 32 bits where it fits, so all of them go as floats
                return float(model.size_bytes)
            case Column.READS:
                return model.context_length or 0
            case _:
                return self._text(row, column).casefold()


_FITTING = frozenset({Verdict.RUNS_GREAT, Verdict.RUNS})
KINDS: dict[str, Callable[[ModelRow], bool]] = {
    "all": lambda _row: True,
    "runs": lambda row: row.needs is not None and row.needs.verdict in _FITTING,
    "pictures": lambda row: row.model.has_vision,
    "thinks": lambda row: bool(row.model.is_reasoning),
    "chats": lambda row: bool(row.model.has_chat_template),
    "others": lambda row: row.model.owner is not None,
    "broken": lambda row: not row.is_usable,
}
"""What can be picked out of the list, by its key."""


class ModelFilter(QSortFilterProxyModel):
    """Keeps the rows that have every word of the search somewhere."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words: list[str] = []
        self._kind = "all"
        self.setSortRole(SORT_ROLE)

    def keep(self, kind: str) -> None:
        """Show only rows of a kind; see `KINDS`."""
        self._kind = kind
        self.search(" ".join(self._words))

    def search(self, text: str) -> None:
        """Show only what has these words in name, maker, path, format, place or verdict."""
        self._words = text.casefold().split()
        # asks for every row again; the function for just that differs between versions of Qt
        self.setFilterFixedString(text)

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        """Qt: say whether a row is shown."""
        if not self._words and self._kind == "all":
            return True
        source = self.sourceModel()
        row = source.data(source.index(source_row, 0, source_parent), ROW_ROLE)
        model = row.model
        if not KINDS[self._kind](row):
            return False
        parts = (model.name, str(model.path), model.quantization, model.architecture)
        more = (model.publisher, model.licence, model.source, badge(row)[0])
        haystack = " ".join(part for part in (*parts, *more) if part)
        haystack = haystack.casefold()
        return all(word in haystack for word in self._words)


def _are_of_same_files(rows: tuple[ModelRow, ...], others: tuple[ModelRow, ...]) -> bool:
    return len(rows) == len(others) and all(
        row is other or row.model is other.model or row.key == other.key
        for row, other in zip(rows, others, strict=True)
    )


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Return ascending numbers as stretches, first and last of each; one where they are many.

    Each signal makes the list sort again, and asks for every row of its stretch.
    """
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs if len(runs) <= _MOST_RUNS else [(numbers[0], numbers[-1])]


def place_name(source: str) -> str:
    """Return where a model lives: the last folder of a path, or the program's name."""
    return source.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or source
