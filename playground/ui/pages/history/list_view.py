"""The list itself: keys that open and delete, and pieces fetched in time."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView

from playground.ui.pages.history.delegate import ComparisonDelegate
from playground.ui.pages.history.list import ComparisonListModel
from playground.ui.theme.theme import Theme


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

    def currentChanged(
        self,
        current: QModelIndex | QPersistentModelIndex,
        previous: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Qt: tell which entry is the current one."""
        super().currentChanged(current, previous)
        row = self._list.row_at(current)
        if row is not None:
            self.comparison_chosen.emit(row.id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt: Enter opens the entry in Compare, Delete takes it out."""
        if self.currentIndex().isValid() and not event.modifiers():
            if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self.open_wanted.emit()
                return
            if event.key() in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
                self.delete_wanted.emit()
                return
        super().keyPressEvent(event)
