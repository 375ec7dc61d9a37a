"""The Models page: what is on this computer, and whether it runs here."""

from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from playground.ui.page import Page
from playground.ui.pages.models.details import ModelDetails
from playground.ui.pages.models.folders import FolderEntry, FolderList
from playground.ui.pages.models.load_settings import LoadLimits
from playground.ui.pages.models.rows import ModelRow
from playground.ui.pages.models.table import (
    ROW_ROLE,
    Column,
    ModelDelegate,
    ModelFilter,
    ModelTableModel,
)
from playground.ui.theme import Theme
from playground.ui.widgets.amounts import size_words
from playground.ui.widgets.badge import Badge
from playground.ui.widgets.empty import EmptyState
from playground.ui.widgets.parts import IconButton, make_button, make_card, make_label

_HIDE_BELOW = ((Column.READS, 560), (Column.PLACE, 680))
"""Columns that go where the table is narrower than that."""
_WIDTHS = {
    Column.FIT: 118,
    Column.SIZE: 88,
    Column.READS: 124,
    Column.PLACE: 118,
}


class ModelsPage(Page):
    """List on the left, details on the right, places below."""

    selected = Signal(str)
    """Key of the row a person has chosen."""
    folder_chosen = Signal(object)
    """A `Path` to look for models in."""
    rescan_asked = Signal()
    shown = Signal()
    hidden = Signal()
    closing = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rows: tuple[ModelRow, ...] = ()
        self._has_sizes = False
        self._selected: str | None = None
        self._is_scanning = False
        self._dialog: QFileDialog | None = None
        self._build()
        self._connect()
        self._wear()

    @property
    def details(self) -> ModelDetails:
        """The pane beside the list; its signals are what can be done with a model."""
        return self._details

    @property
    def folders(self) -> FolderList:
        """The places below the list."""
        return self._folders

    def show_rows(self, rows: tuple[ModelRow, ...]) -> None:
        """List model files, keeping the chosen one."""
        self._rows = rows
        self._table_model.show_rows(rows)
        total = sum(row.model.size_bytes for row in rows)
        count = self.tr("{0} models").format(len(rows)) if len(rows) != 1 else self.tr("1 model")
        self._count.set_badge(f"{count} · {size_words(total)}")
        self._count.setVisible(bool(rows))
        self._show_what_there_is()

    def show_details(self, row: ModelRow | None, limits: LoadLimits) -> None:
        """Show one model beside the list, or that none is chosen."""
        self._selected = None if row is None else row.key
        if row is not None:
            self._details.show_row(row, limits)
            self._mark_selected()
        self._beside.setCurrentIndex(0 if row is None else 1)

    def show_scanning(self, *, is_scanning: bool) -> None:
        """Say that the folders are being looked through."""
        self._is_scanning = is_scanning
        self._rescan.setEnabled(not is_scanning)
        self._scanning.setVisible(is_scanning)
        self._show_what_there_is()

    def show_folders(self, entries: tuple[FolderEntry, ...]) -> None:
        """List the places that are looked through."""
        self._folders.show_entries(entries)

    def ask_for_folder(self) -> None:
        """Open the dialog that chooses a folder; the page goes on meanwhile."""
        if self._dialog is not None:
            self._dialog.raise_()
            return
        dialog = QFileDialog(self, self.tr("Choose a folder with models"), str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_folder_chosen)
        dialog.finished.connect(self._on_dialog_closed)
        self._dialog = dialog
        dialog.open()

    def _show_what_there_is(self) -> None:
        if self._filter.rowCount():
            self._stack.setCurrentIndex(0)
        elif self._rows:
            self._nothing.show_words(
                self.tr("No model matches “{0}”").format(self._search.text().strip()),
                self.tr("The search looks at names, folders, formats and verdicts."),
            )
            self._stack.setCurrentIndex(2)
        else:
            self._stack.setCurrentIndex(1)
        self._empty.setEnabled(not self._is_scanning)

    def _mark_selected(self) -> None:
        if self._selected is None:
            return
        row = self._table_model.row_of(self._selected)
        if row is None:
            return
        index = self._filter.mapFromSource(self._table_model.index(row, 0))
        if index.isValid() and index.row() != self._table.currentIndex().row():
            selection = self._table.selectionModel()
            selection.blockSignals(True)
            flag = QItemSelectionModel.SelectionFlag
            selection.setCurrentIndex(index, flag.ClearAndSelect | flag.Rows)
            selection.blockSignals(False)
            self._table.viewport().update()

    def _build(self) -> None:
        self._column = QVBoxLayout(self)
        self._head = QHBoxLayout()
        self._head.addWidget(make_label(self.tr("Models on this computer"), "title"))
        self._count = Badge(self._theme)
        self._count.hide()
        self._head.addWidget(self._count)
        self._scanning = make_label(self.tr("Looking…"), "caption", "quiet")
        self._scanning.hide()
        self._head.addWidget(self._scanning)
        self._head.addStretch(1)
        self._search = QLineEdit()
        self._search.setPlaceholderText(self.tr("Search"))
        self._search.setAccessibleName(self.tr("Search models"))
        self._search.setToolTip(self.tr("Part of a name, folder or format (Ctrl+F)"))
        self._search.setClearButtonEnabled(True)
        self._rescan = IconButton(self._theme, "refresh", self.tr("Look again for models"))
        self._add = make_button(
            self.tr("Add a folder"),
            self.ask_for_folder,
            tooltip=self.tr("List the models of another folder and the folders in it"),
        )
        for widget in (self._search, self._rescan, self._add):
            self._head.addWidget(widget)
        self._column.addLayout(self._head)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setStyleSheet("QSplitter::handle { image: none; background: transparent; }")
        left = QWidget()
        self._left = QVBoxLayout(left)
        self._left.setContentsMargins(0, 0, 0, 0)
        self._left.addWidget(self._build_list(), 1)
        self._folders = FolderList(self._theme)
        self._left.addWidget(self._folders)
        self._splitter.addWidget(left)
        self._splitter.addWidget(self._build_beside())
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setStretchFactor(1, 0)
        self._column.addWidget(self._splitter, 1)

    def _build_list(self) -> QWidget:
        card = make_card()
        column = QVBoxLayout(card)
        column.setContentsMargins(6, 6, 6, 6)
        self._table = QTableView()
        self._table_model = ModelTableModel(self)
        self._filter = ModelFilter(self)
        self._filter.setSourceModel(self._table_model)
        self._table.setModel(self._filter)
        self._delegate = ModelDelegate(self._theme, self)
        self._table.setItemDelegate(self._delegate)
        self._table.setAccessibleName(self.tr("Models on this computer"))
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._table.setShowGrid(False)
        self._table.setTabKeyNavigation(False)
        self._table.setMouseTracking(True)
        self._table.setWordWrap(False)
        self._table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._table.verticalHeader().hide()
        header = self._table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(Column.MODEL, QHeaderView.ResizeMode.Stretch)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        self._table.setSortingEnabled(True)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._table)
        self._empty = EmptyState(
            self._theme,
            "models",
            self.tr("No models here yet"),
            self.tr(
                "A model is one large file whose name ends in .gguf. If you have some, add their "
                "folder, or drop a file or a folder on this window."
            ),
            self.tr("Add a folder"),
        )
        self._nothing = EmptyState(self._theme, "search", "", "", self.tr("Clear the search"))
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._nothing)
        self._stack.setCurrentIndex(1)
        column.addWidget(self._stack)
        return card

    def _build_beside(self) -> QWidget:
        card = make_card()
        column = QVBoxLayout(card)
        column.setContentsMargins(2, 2, 2, 2)
        self._beside = QStackedWidget()
        hint = make_label(
            self.tr("Choose a model to see what it needs."), "control", "quiet", wrap=True
        )
        hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        hint.setMargin(self._theme.px(24))
        self._beside.addWidget(hint)
        self._details = ModelDetails(self._theme)
        self._beside.addWidget(self._details)
        column.addWidget(self._beside)
        self._side = card
        return card

    def _connect(self) -> None:
        self._theme.changed.connect(self._wear)
        self._search.textChanged.connect(self._on_search)
        self._rescan.clicked.connect(self.rescan_asked)
        self._empty.asked.connect(self.ask_for_folder)
        self._nothing.asked.connect(self._search.clear)
        self._table.selectionModel().currentRowChanged.connect(self._on_row)
        self._table.doubleClicked.connect(self._on_activated)
        self._table.activated.connect(self._on_activated)

    def _wear(self) -> None:
        px = self._theme.px
        self._column.setContentsMargins(px(22), px(16), px(22), px(12))
        self._column.setSpacing(px(12))
        self._head.setSpacing(px(10))
        self._left.setSpacing(px(10))
        self._splitter.setHandleWidth(px(14))
        self._side.setMinimumWidth(px(344))
        self._search.setMaximumWidth(px(240))
        self._search.setMinimumWidth(px(110))
        self._table.verticalHeader().setDefaultSectionSize(px(58))
        for column, width in _WIDTHS.items():
            self._table.setColumnWidth(column, px(width))
        self._table.viewport().update()

    def _on_search(self, text: str) -> None:
        self._filter.search(text)
        self._show_what_there_is()
        self._mark_selected()

    def _on_row(self, index: QModelIndex, _before: QModelIndex) -> None:
        row = index.data(ROW_ROLE)
        if isinstance(row, ModelRow):
            self.selected.emit(row.key)

    def _on_activated(self, _index: QModelIndex) -> None:
        if self._selected is not None:
            self._details.compare_asked.emit()

    def _on_folder_chosen(self, folder: str) -> None:
        self.folder_chosen.emit(Path(folder))

    def _on_dialog_closed(self) -> None:
        self._dialog = None

    def _fit_columns(self) -> None:
        if not self._has_sizes:
            self._has_sizes = True
            side = min(self._theme.px(390), self._splitter.width() * 2 // 5)
            self._splitter.setSizes([self._splitter.width() - side, side])
        width = self._table.viewport().width()
        for column, needed in _HIDE_BELOW:
            self._table.setColumnHidden(column, width < self._theme.px(needed))

    def page_shown(self) -> None:
        """Come to the front."""
        self.shown.emit()

    def page_hidden(self) -> None:
        """Leave the front."""
        self.hidden.emit()

    async def close_page(self) -> None:
        """End what the page has begun."""
        self.closing.emit()

    def focus_first(self) -> None:
        """Put the keyboard into the list, so that the arrow keys choose a model."""
        (self._table if self._rows else self._add).setFocus()

    def handle_escape(self) -> bool:
        """Clear the search."""
        if not self._search.text():
            return False
        self._search.clear()
        return True

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt: leave out what there is no room for."""
        super().resizeEvent(event)
        self._folders.suggest_open(is_open=self.height() >= self._theme.px(640))
        # the splitter gives the list its width after this
        QTimer.singleShot(0, self, self._fit_columns)
