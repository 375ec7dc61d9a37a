"""The card with the list of models: search, sorting, and what it says when it is empty."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QRect,
    QRectF,
    QSize,
    QSortFilterProxyModel,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QKeySequence, QPainter, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QListView,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from playground.core.requirements.model import Compatibility
from playground.ui.format import exact_bytes, exact_speed, size_words, words_in
from playground.ui.pages.models.rows import (
    LoadState,
    ModelRow,
    badge,
    caption,
    last_used_sort,
    last_used_words,
    reason,
    row_speed,
)
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import chip_width, paint_chip, plain_tooltip
from playground.ui.widgets.empty_state import EmptyState
from playground.ui.widgets.lists import (
    RIGHT,
    ROW_ROLE,
    Index,
    paint_ground,
    paint_text,
    row_rect,
    row_state,
)

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
    """Model files, one a row; unchanged rows stay where they are.

    It sorts by itself: Qt asks Python twice for each comparison, 250 ms for 3,000 rows.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._given: tuple[ModelRow, ...] = ()
        self._rows: tuple[ModelRow, ...] = ()
        self._places: dict[str, int] = {}
        self._sorted_by: tuple[Column, Qt.SortOrder] | None = None

    def show_rows(self, rows: tuple[ModelRow, ...]) -> None:
        """Show `rows`; where the same files are listed, only what changed is drawn again."""
        if rows is self._given:
            return
        self._given = rows
        rows = self._in_order(rows)
        if not _are_of_same_files(rows, self._rows):
            places = {row.key: place for place, row in enumerate(rows)}
            if places.keys() == self._places.keys():
                self._move(rows, places)
                return
            self.beginResetModel()
            self._rows, self._places = rows, places
            self.endResetModel()
            return
        before, self._rows = self._rows, rows
        changed = [i for i, row in enumerate(rows) if row is not before[i] and row != before[i]]
        if not changed:
            return
        for first, last in _runs(changed):
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(Column) - 1))

    def row_of(self, key: str) -> int | None:
        return self._places.get(key)

    def _in_order(self, rows: tuple[ModelRow, ...]) -> tuple[ModelRow, ...]:
        if self._sorted_by is None:
            return rows
        column, order = self._sorted_by
        is_falling = order is Qt.SortOrder.DescendingOrder
        return tuple(sorted(rows, key=lambda r: self._sort_value(r, column), reverse=is_falling))

    def _move(self, rows: tuple[ModelRow, ...], places: dict[str, int]) -> None:
        """Put the same files in another order; what is selected and in view stays so."""
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        now = [self.index(places[self._rows[i.row()].key], i.column()) for i in before]
        self._rows, self._places = rows, places
        self.changePersistentIndexList(before, now)
        self.layoutChanged.emit()

    @override
    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorted_by = None if column < 0 else (Column(column), order)
        rows = self._in_order(self._given)
        self._move(rows, {row.key: place for place, row in enumerate(rows)})

    @override
    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    @override
    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(Column)

    @override
    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
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

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        # return what a cell says, in one of several ways
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
        """Return the whole of what a cell may have cut, and what is to be said of it."""
        model = row.model
        match column:
            case Column.MODEL:
                # a card shows all of it in one cell
                parts: tuple[str, ...] = (
                    caption(row),
                    badge(row)[0],
                    row_speed(row),
                    *filter(None, (model.problem,)),
                    str(model.path),
                )
            case Column.FIT:
                parts = (reason(row),)
            case Column.SPEED:
                parts = (exact_speed(row.needs.speed if row.needs else None),)
            case Column.SIZE:
                parts = (exact_bytes(model.size_bytes),)
            case Column.READS if model.context_length is not None:
                parts = (self.tr("{0} tokens").format(f"{model.context_length:,}"),)
            case _:
                parts = (str(model.path),)
        return plain_tooltip("\n".join((self._text(row, column), *parts)))

    def _sort_value(self, row: ModelRow, column: Column) -> Any:
        model = row.model
        match column:
            case Column.FIT:
                order = list(Compatibility)
                return order.index(row.needs.verdict) if row.needs else len(order)
            case Column.SPEED:
                speed = row.needs.speed if row.needs else None
                return speed.high_tokens_per_s if speed else 0.0
            case Column.USED:
                return last_used_sort(row.use)
            case Column.SIZE:
                return model.size_bytes
            case Column.READS:
                return model.context_length or 0
            case _:
                return self._text(row, column).casefold()


_FITTING = frozenset({Compatibility.RUNS_GREAT, Compatibility.RUNS})
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

    def keep(self, kind: str) -> None:
        """Show only rows of a kind; see `KINDS`."""
        self._kind = kind
        self.search(" ".join(self._words))

    def search(self, text: str) -> None:
        """Show only what has these words in name, maker, path, format, place or verdict."""
        self._words = text.casefold().split()
        # asks for every row again; the function for just that differs between versions of Qt
        self.setFilterFixedString(text)

    @override
    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self.sourceModel().sort(column, order)

    @override
    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
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

    Each signal asks for every row of its stretch.
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


_PADDING = 8
"""At both sides of a cell."""


class ModelDelegate(QStyledItemDelegate):
    """A name with a quiet line below it, a verdict's badge, or a figure."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    @override
    def sizeHint(self, _option: QStyleOptionViewItem, index: Index) -> QSize:
        # return the room for two lines, and for a column's widest text
        px = self._theme.px
        role = "chip" if index.column() == Column.FIT else "numbers"
        text = str(index.data(Qt.ItemDataRole.DisplayRole))
        width = QFontMetrics(self._theme.font(role)).horizontalAdvance(text) + px(40)
        return QSize(width, px(58))

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(ROW_ROLE)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_Active
        is_chosen = row_state(option) & chosen == chosen
        is_marked = is_chosen and index.column() == Column.MODEL
        paint_ground(self._theme, painter, option, is_marked=is_marked)
        padding = self._theme.px(_PADDING)
        inner = row_rect(option).adjusted(padding, 0, -padding, 0)
        if index.column() == Column.MODEL:
            self._paint_name(painter, inner, row)
        elif index.column() == Column.FIT:
            self._paint_badge(painter, inner, row)
        else:
            text = str(index.data(Qt.ItemDataRole.DisplayRole))
            tone, elide = _ink(row), Qt.TextElideMode.ElideMiddle
            paint_text(self._theme, painter, inner, text, "numbers", tone=tone, elide=elide)
        painter.restore()

    def _paint_name(self, painter: QPainter, rect: QRect, row: ModelRow) -> None:
        theme = self._theme
        name_height, caption_height = (
            QFontMetrics(theme.font(role)).height() for role in ("row", "caption")
        )
        gap = theme.px(3)
        top = rect.top() + (rect.height() - name_height - gap - caption_height) // 2
        line = QRect(rect.left(), top, rect.width(), name_height)
        paint_text(theme, painter, line, row.model.name, "row", tone=_ink(row))
        line = QRect(rect.left(), top + name_height + gap, rect.width(), caption_height)
        tone = "quiet" if row.state is LoadState.UNLOADED else "local"
        if row.is_broken:
            tone = "bad"
        paint_text(theme, painter, line, caption(row), "caption", tone=tone)

    def _paint_badge(self, painter: QPainter, rect: QRect, row: ModelRow) -> None:
        text, tone = badge(row)
        theme = self._theme
        height = QFontMetrics(theme.font("chip")).height() + theme.px(5)
        top = rect.top() + (rect.height() - height) // 2
        area = QRect(rect.left(), top, min(chip_width(theme, text), rect.width()), height)
        paint_chip(theme, painter, area, text, tone)


def _ink(row: ModelRow) -> str:
    return "text" if row.model.is_present else "quiet"


_CARD_WIDTH, _CARD_HEIGHT = 236, 132


class CardDelegate(QStyledItemDelegate):
    """Name, verdict, speed and size of one model."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    @override
    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(self._theme.px(_CARD_WIDTH), self._theme.px(_CARD_HEIGHT))

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, px = self._theme, self._theme.px
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = row_rect(option).adjusted(px(5), px(5), -px(5), -px(5))
        is_chosen = bool(row_state(option) & QStyle.StateFlag.State_Selected)
        is_hovered = bool(row_state(option) & QStyle.StateFlag.State_MouseOver)
        painter.setPen(theme.color("accent" if is_chosen else "line"))
        ground = "accent_ground" if is_chosen else "hover" if is_hovered else "card"
        painter.setBrush(theme.color(ground))
        painter.drawRoundedRect(QRectF(card), px(12), px(12))
        inner = card.adjusted(px(14), px(12), -px(14), -px(12))
        self._paint_inside(painter, inner, index.data(ROW_ROLE))
        painter.restore()

    def _paint_inside(self, painter: QPainter, inner: QRect, row: ModelRow) -> None:
        theme, px = self._theme, self._theme.px
        height = QFontMetrics(theme.font("strong")).height()
        line = QRect(inner.left(), inner.top(), inner.width(), height)
        paint_text(theme, painter, line, row.model.name, "strong", tone=_ink(row))
        line.translate(0, height + px(3))
        tone = "bad" if row.is_broken else "quiet"
        paint_text(theme, painter, line, caption(row), "caption", tone=tone)
        text, chip_tone = badge(row)
        chip_height = QFontMetrics(theme.font("chip")).height() + px(5)
        width = min(chip_width(theme, text), inner.width())
        top = inner.bottom() - px(32) - chip_height // 2
        area = QRect(inner.left(), top, width, chip_height)
        paint_chip(theme, painter, area, text, chip_tone)
        foot = QRect(inner.left(), inner.bottom() - height, inner.width(), height)
        paint_text(theme, painter, foot, row_speed(row), "caption", tone=_ink(row))
        size = size_words(row.model.size_bytes)
        paint_text(theme, painter, foot, size, "caption", tone="quiet", align=RIGHT)


_FIRST_TO_GO = (Column.USED, Column.PLACE, Column.READS, Column.SPEED, Column.SIZE)
"""Columns that go, in this order, until the names have room."""
_NAME_WIDTH = 190
_WIDTHS = {
    Column.FIT: 116,
    Column.SPEED: 152,
    Column.SIZE: 84,
    Column.READS: 118,
    Column.PLACE: 112,
    Column.USED: 100,
}
_LONGEST_SPEED = "≈ 9999–99999 words/s"
_ROW_HEIGHT = 58


class ModelList(QFrame):
    """Shows rows, keeps one chosen, and tells which."""

    selected = Signal(str)
    """Key of the row a person has chosen."""
    activated = Signal()
    """The chosen row was double-clicked, or Enter was pressed on it."""
    delete_asked = Signal()
    """Delete was pressed on the chosen row."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: tuple[ModelRow, ...] = ()
        self._search = ""
        self._selected: str | None = None
        self._is_grid = False
        self._widths: dict[Column, int] = {}
        self._build()
        self._connect()
        self._apply_theme()

    def show_rows(self, rows: tuple[ModelRow, ...], chosen: str | None) -> None:
        """List model files, with `chosen` as the current one."""
        self._rows = rows
        self._selected = chosen
        self._table_model.show_rows(rows)
        self._show_what_there_is()
        self._mark_selected()

    def search(self, text: str) -> None:
        """List only what has these words."""
        self._search = text.strip()
        self._filter.search(text)
        self._show_what_there_is()
        self._mark_selected()

    def keep(self, kind: str) -> None:
        """List only models of a kind; see `KINDS`."""
        self._filter.keep(kind)
        self._show_what_there_is()
        self._mark_selected()

    def show_as(self, *, is_grid: bool) -> None:
        self._is_grid = is_grid
        self._show_what_there_is()

    def focus_list(self) -> bool:
        """Put the keyboard into the list; return False where it is empty."""
        if not self._rows:
            return False
        self._shown.setFocus()
        return True

    @property
    def views(self) -> tuple[QAbstractItemView, ...]:
        """The list, and the same as cards."""
        return self._table, self._grid

    @property
    def _shown(self) -> QAbstractItemView:
        return self._grid if self._is_grid else self._table

    def _show_what_there_is(self) -> None:
        if self._filter.rowCount():
            self._stack.setCurrentWidget(self._shown)
        elif self._rows:
            self.nothing.show_words(
                self.tr("No model matches “{0}”").format(self._search)
                if self._search
                else self.tr("No model of this kind"),
                self.tr("The search looks at names, makers, folders, formats and verdicts."),
            )
            self._stack.setCurrentWidget(self.nothing)
        else:
            self._stack.setCurrentWidget(self.empty)

    def _mark_selected(self) -> None:
        row = None if self._selected is None else self._table_model.row_of(self._selected)
        if row is None:
            return
        index = self._filter.mapFromSource(self._table_model.index(row, 0))
        if index.isValid() and index.row() != self._table.currentIndex().row():
            selection = self._table.selectionModel()
            # only a person's choice is told
            selection.blockSignals(True)
            flag = QItemSelectionModel.SelectionFlag
            selection.setCurrentIndex(index, flag.ClearAndSelect | flag.Rows)
            selection.blockSignals(False)
            self._table.viewport().update()
            self._grid.viewport().update()

    def _build(self) -> None:
        self.setProperty("card", "true")
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        self._table_model = ModelTableModel(self)
        self._filter = ModelFilter(self)
        self._filter.setSourceModel(self._table_model)
        self._stack = QStackedWidget(self)
        column.addWidget(self._stack)
        self._table = self._build_table()
        self._grid = self._build_grid()
        self.empty = EmptyState(
            self._theme,
            "models",
            self.tr("No models here yet"),
            self.tr(
                "A model is one large file whose name ends in .gguf. Get one from the Hugging Face "
                "Hub, or drop a file or a folder on this window."
            ),
            self.tr("Get models"),
        )
        self.nothing = EmptyState(self._theme, "search", "", "", self.tr("Clear the search"))
        for widget in (self._table, self._grid, self.empty, self.nothing):
            self._stack.addWidget(widget)
        self._stack.setCurrentWidget(self.empty)

    def _build_table(self) -> QTableView:
        table = QTableView(self._stack)
        table.setModel(self._filter)
        table.setItemDelegate(ModelDelegate(self._theme, self))
        table.setAccessibleName(self.tr("Models on this computer"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setMouseTracking(True)
        table.setWordWrap(False)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(Column.MODEL, QHeaderView.ResizeMode.Stretch)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        table.setSortingEnabled(True)
        return table

    def _build_grid(self) -> QListView:
        grid = QListView(self._stack)
        grid.setModel(self._filter)
        grid.setSelectionModel(self._table.selectionModel())
        grid.setItemDelegate(CardDelegate(self._theme, self))
        grid.setAccessibleName(self.tr("Models on this computer, as cards"))
        grid.setViewMode(QListView.ViewMode.IconMode)
        grid.setResizeMode(QListView.ResizeMode.Adjust)
        grid.setMovement(QListView.Movement.Static)
        grid.setUniformItemSizes(True)
        grid.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        grid.setSelectionRectVisible(False)
        grid.setMouseTracking(True)
        grid.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        grid.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return grid

    def _connect(self) -> None:
        self._theme.changed.connect(self._apply_theme)
        self._table.selectionModel().currentRowChanged.connect(self._on_row)
        self._table.doubleClicked.connect(self._on_activated)
        self._table.activated.connect(self._on_activated)
        self._grid.doubleClicked.connect(self._on_activated)
        self._grid.activated.connect(self._on_activated)
        for view in (self._table, self._grid):
            delete = QShortcut(QKeySequence.StandardKey.Delete, view)
            delete.setContext(Qt.ShortcutContext.WidgetShortcut)
            delete.activated.connect(self.delete_asked)

    def _apply_theme(self) -> None:
        px = self._theme.px
        self._table.verticalHeader().setDefaultSectionSize(px(_ROW_HEIGHT))
        metrics = QFontMetrics(self._theme.font("caption"))
        for column, width in _WIDTHS.items():
            head = self._table_model.headerData(column, Qt.Orientation.Horizontal)
            self._widths[column] = max(px(width), metrics.horizontalAdvance(head) + px(30))
        figures = QFontMetrics(self._theme.font("numbers"))
        speed = figures.horizontalAdvance(_LONGEST_SPEED) + 2 * px(_PADDING)
        self._widths[Column.SPEED] = max(self._widths[Column.SPEED], speed)
        for column, width in self._widths.items():
            self._table.setColumnWidth(column, width)
        self._table.viewport().update()
        self._fit_columns()

    def _fit_columns(self) -> None:
        """Leave out columns until the names have room; what they say is beside the list as well."""
        room = self._table.viewport().width() - self._theme.px(_NAME_WIDTH)
        widths = {column: self._widths[column] for column in _WIDTHS}
        for column in _FIRST_TO_GO:
            is_hidden = sum(widths.values()) > room
            if is_hidden:
                del widths[column]
            self._table.setColumnHidden(column, is_hidden)

    def _on_row(self, index: QModelIndex, _before: QModelIndex) -> None:
        row = index.data(ROW_ROLE)
        if isinstance(row, ModelRow):
            self.selected.emit(row.key)

    def _on_activated(self, _index: QModelIndex) -> None:
        self.activated.emit()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # the table itself gets its width after this
        QTimer.singleShot(0, self, self._fit_columns)
