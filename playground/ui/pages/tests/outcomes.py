"""Message by message: a row for each, and a mark for each model that opens its answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)
from typing_extensions import override

from playground.core.checks.reading import check_words
from playground.core.prompt_sets import Case
from playground.core.targets import Target
from playground.ui.pages.tests.grid import paint_cell
from playground.ui.pages.tests.progress import CellState
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import plain_tooltip
from playground.ui.widgets.lists import ROW_ROLE, Index, paint_text, row_rect, row_state

_FIXED = 3
"""Columns before those of the models."""
_LETTERS = 400


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """A message and how each model did."""

    number: int
    case: Case
    marks: tuple[bool | None, ...]
    """Right, wrong, or `None`: not scored; in the order of the models."""
    reasons: tuple[str, ...]
    is_asked: tuple[bool, ...]

    @property
    def is_disputed(self) -> bool:
        """True where one model was right and another wrong."""
        return True in self.marks and False in self.marks


def outcome_rows(
    cases: Sequence[Case],
    targets: Sequence[Target],
    judged: Mapping[str, Mapping[str, bool | None]],
    reasons: Mapping[tuple[str, str], str],
) -> tuple[OutcomeRow, ...]:
    """Return a row for each case; `judged` and `reasons` go by target and case."""
    keys = [target.key for target in targets]
    return tuple(
        OutcomeRow(
            number,
            case,
            tuple(judged[key][case.id] for key in keys),
            tuple(reasons.get((key, case.id), "") for key in keys),
            tuple((key, case.id) in reasons for key in keys),
        )
        for number, case in enumerate(cases, 1)
    )


class OutcomeTableModel(QAbstractTableModel):
    """The rows a person wants to see."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[OutcomeRow, ...] = ()
        self._labels: tuple[str, ...] = ()

    def show_rows(self, rows: Sequence[OutcomeRow], labels: Sequence[str]) -> None:
        self.beginResetModel()
        self._rows, self._labels = tuple(rows), tuple(labels)
        self.endResetModel()

    def row_at(self, row: int) -> OutcomeRow | None:
        return self._rows[row] if 0 <= row < len(self._rows) else None

    @override
    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    @override
    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else _FIXED + len(self._labels)

    @override
    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        names = ("#", self.tr("Message"), self.tr("Right when it…"), *self._labels)
        if role == Qt.ItemDataRole.DisplayRole:
            # a name has no room above a mark: the number stands beside it in the table above
            return names[section] if section < _FIXED else str(section - _FIXED + 1)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return names[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(names[section]) if section >= _FIXED else ""
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = (
                Qt.AlignmentFlag.AlignHCenter if section >= _FIXED else Qt.AlignmentFlag.AlignLeft
            )
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            return self._text(row, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(self._tooltip(row, index.column()))
        return None

    def _text(self, row: OutcomeRow, column: int) -> str:
        if column == 0:
            return f"{row.number:,}"
        if column == 1:
            return " ".join(row.case.prompt[:_LETTERS].split())
        if column == _FIXED - 1:
            return ", ".join(map(check_words, row.case.checks))
        mark = row.marks[column - _FIXED]
        return {True: self.tr("right"), False: self.tr("wrong"), None: self.tr("not scored")}[mark]

    def _tooltip(self, row: OutcomeRow, column: int) -> str:
        if column == 1:
            return " ".join(row.case.prompt[:_LETTERS].split())
        if column < _FIXED:
            return ", ".join(map(check_words, row.case.checks))
        place = column - _FIXED
        return f"{self._labels[place]}: {self._text(row, column)}\n{row.reasons[place]}".strip()


class OutcomeDelegate(QStyledItemDelegate):
    """Paints the marks of the running view."""

    def __init__(self, theme: Theme, table: "OutcomeTable") -> None:
        super().__init__(table)
        self._theme = theme
        self._table = table

    @override
    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(self._theme.px(44), self._theme.px(35))

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, px = self._theme, self._theme.px
        area = row_rect(option)
        is_chosen = index.row() == self._table.currentIndex().row()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if is_chosen:
            painter.fillRect(area, theme.color("accent_ground"))
        elif row_state(option) & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, theme.color("hover"))
        painter.fillRect(QRect(area.left(), area.bottom(), area.width(), 1), theme.color("line"))
        inner = area.adjusted(px(8), 0, -px(8), 0)
        if index.column() < _FIXED:
            role, tone = (("numbers", "quiet"), ("control", "text"), ("caption", "quiet"))[
                index.column()
            ]
            text = str(index.data(Qt.ItemDataRole.DisplayRole))
            elide = Qt.TextElideMode.ElideRight
            paint_text(theme, painter, inner, text, role, tone=tone, elide=elide)
        else:
            self._paint_mark(painter, area, index, is_current=index == self._table.currentIndex())
        painter.restore()

    def _paint_mark(
        self, painter: QPainter, area: QRect, index: Index, *, is_current: bool
    ) -> None:
        row = index.data(ROW_ROLE)
        place = index.column() - _FIXED
        state = {True: CellState.RIGHT, False: CellState.WRONG, None: CellState.NOT_SCORED}[
            row.marks[place]
        ]
        if not row.is_asked[place]:
            state = CellState.EMPTY
        side = self._theme.px(24)
        square = QRect(0, 0, side, side)
        square.moveCenter(area.center())
        paint_cell(self._theme, painter, square, state)
        if is_current and self._table.hasFocus():
            painter.setPen(self._theme.color("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(square.adjusted(-2, -2, 2, 2), 6, 6)


class OutcomeTable(QTableView):
    """The table; Enter or a click on a mark opens the answers to its message."""

    opened = Signal(object)
    """The `OutcomeRow`."""

    def __init__(self, theme: Theme, model: OutcomeTableModel) -> None:
        super().__init__()
        self._theme = theme
        self._model = model
        self.setModel(model)
        self.setItemDelegate(OutcomeDelegate(theme, self))
        self.setAccessibleName(self.tr("Message by message"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head = self.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head.setHighlightSections(False)
        head.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.clicked.connect(self._on_clicked)
        model.modelReset.connect(self._share_width)
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def _open(self, index: QModelIndex) -> None:
        if (row := self._model.row_at(index.row())) is not None:
            self.opened.emit(row)

    def _on_clicked(self, index: QModelIndex) -> None:
        self._open(index)

    def _apply_theme(self) -> None:
        self.verticalHeader().setDefaultSectionSize(self._theme.px(35))
        self._share_width()

    def _share_width(self) -> None:
        px = self._theme.px
        marks = max(0, self._model.columnCount() - _FIXED)
        whole = self.viewport().width()
        mark = max(px(44), min(px(64), whole // (2 * max(1, marks))))
        left = whole - marks * mark - px(44)
        expected = min(px(170), left // 3) if left > px(450) else 0
        self.setColumnHidden(_FIXED - 1, expected == 0)
        for column in range(self._model.columnCount()):
            width = (px(44), max(px(140), left - expected), expected, *[mark] * marks)[column]
            self.setColumnWidth(column, width)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self._open(self.currentIndex())
            return
        super().keyPressEvent(event)
