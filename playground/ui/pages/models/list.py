"""The card with the list of models: search, sorting, and what it says when it is empty."""

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QListView,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from playground.ui.pages.models.cards import CardDelegate
from playground.ui.pages.models.list_delegate import ModelDelegate
from playground.ui.pages.models.rows import ModelRow
from playground.ui.pages.models.table import (
    ROW_ROLE,
    Column,
    ModelFilter,
    ModelTableModel,
)
from playground.ui.theme.theme import Theme
from playground.ui.widgets.empty_state import EmptyState

_HIDE_BELOW = (
    (Column.READS, 640),
    (Column.PLACE, 740),
    (Column.USED, 860),
)
"""Columns that go where the list is narrower than that."""
_WIDTHS = {
    Column.FIT: 116,
    Column.SPEED: 152,
    Column.SIZE: 84,
    Column.READS: 118,
    Column.PLACE: 112,
    Column.USED: 100,
}
_ROW_HEIGHT = 58


class ModelList(QFrame):
    """Shows rows, keeps one chosen, and tells which."""

    selected = Signal(str)
    """Key of the row a person has chosen."""
    activated = Signal()
    """The chosen row was double-clicked, or Enter was pressed on it."""
    add_asked = Signal()
    hub_asked = Signal()
    clear_asked = Signal()
    delete_asked = Signal()
    """Delete was pressed on the chosen row."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: tuple[ModelRow, ...] = ()
        self._search = ""
        self._selected: str | None = None
        self._is_grid = False
        self._build()
        self._connect()
        self._wear()

    def show_rows(self, rows: tuple[ModelRow, ...]) -> None:
        """List model files, keeping the chosen one."""
        self._rows = rows
        self._table_model.show_rows(rows)
        self._show_what_there_is()
        self._mark_selected()

    def choose(self, key: str | None) -> None:
        """Mark a row."""
        self._selected = key
        self._mark_selected()

    def search(self, text: str) -> None:
        """List only what has these words."""
        self._search = text.strip()
        self._filter.search(text)
        self._show_what_there_is()
        self._mark_selected()

    def keep(self, kind: str) -> None:
        """List only models of a kind; see `table.KINDS`."""
        self._filter.keep(kind)
        self._show_what_there_is()
        self._mark_selected()

    def show_as(self, *, is_grid: bool) -> None:
        """Show cards in a grid, or lines in a list."""
        self._is_grid = is_grid
        self._show_what_there_is()

    def focus_list(self) -> bool:
        """Put the keyboard into the list; return False where it is empty."""
        if not self._rows:
            return False
        self._shown.setFocus()
        return True

    @property
    def _shown(self) -> QAbstractItemView:
        return self._grid if self._is_grid else self._table

    def _show_what_there_is(self) -> None:
        if self._filter.rowCount():
            self._stack.setCurrentWidget(self._shown)
        elif self._rows:
            self._nothing.show_words(
                self.tr("No model matches “{0}”").format(self._search)
                if self._search
                else self.tr("No model of this kind"),
                self.tr("The search looks at names, makers, folders, formats and verdicts."),
            )
            self._stack.setCurrentWidget(self._nothing)
        else:
            self._stack.setCurrentWidget(self._empty)

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
        self._empty = EmptyState(
            self._theme,
            "models",
            self.tr("No models here yet"),
            self.tr(
                "A model is one large file whose name ends in .gguf. Get one from the Hugging Face "
                "Hub, or drop a file or a folder on this window."
            ),
            self.tr("Get models"),
        )
        self._nothing = EmptyState(self._theme, "search", "", "", self.tr("Clear the search"))
        for widget in (self._table, self._grid, self._empty, self._nothing):
            self._stack.addWidget(widget)
        self._stack.setCurrentWidget(self._empty)

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
        self._theme.changed.connect(self._wear)
        self._empty.asked.connect(self.hub_asked)
        self._nothing.asked.connect(self.clear_asked)
        self._table.selectionModel().currentRowChanged.connect(self._on_row)
        self._table.doubleClicked.connect(self._on_activated)
        self._table.activated.connect(self._on_activated)
        self._grid.doubleClicked.connect(self._on_activated)
        self._grid.activated.connect(self._on_activated)
        for view in (self._table, self._grid):
            delete = QShortcut(QKeySequence.StandardKey.Delete, view)
            delete.setContext(Qt.ShortcutContext.WidgetShortcut)
            delete.activated.connect(self.delete_asked)

    def _wear(self) -> None:
        px = self._theme.px
        self._table.verticalHeader().setDefaultSectionSize(px(_ROW_HEIGHT))
        for column, width in _WIDTHS.items():
            self._table.setColumnWidth(column, px(width))
        self._table.viewport().update()
        self._fit_columns()

    def _fit_columns(self) -> None:
        width = self._table.viewport().width()
        for column, needed in _HIDE_BELOW:
            self._table.setColumnHidden(column, width < self._theme.px(needed))

    def _on_row(self, index: QModelIndex, _before: QModelIndex) -> None:
        row = index.data(ROW_ROLE)
        if isinstance(row, ModelRow):
            self.selected.emit(row.key)

    def _on_activated(self, _index: QModelIndex) -> None:
        self.activated.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt: leave out the columns there is no room for."""
        super().resizeEvent(event)
        # the table itself gets its width after this
        QTimer.singleShot(0, self, self._fit_columns)
