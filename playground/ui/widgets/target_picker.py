"""A searchable list of what can be compared: models here, and in the cloud."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QListView, QVBoxLayout, QWidget

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_label, plain_tooltip
from playground.ui.widgets.picker_delegate import ENTRY_ROLE, PickerDelegate

AnyIndex = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class PickerEntry:
    """One line of the list; `key` `None` is a heading or a remark that cannot be chosen."""

    key: str | None
    title: str
    detail: str = ""
    remark: str = ""
    """At the right: a price, or whether it fits."""
    tone: str = "quiet"
    icon: str | None = None
    is_chosen: bool = False
    tooltip: str = ""

    @property
    def is_heading(self) -> bool:
        """True for the title of a group."""
        return self.key is None and self.icon is None


class PickerListModel(QAbstractListModel):
    """The entries; headings stay while a search is on."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._entries: tuple[PickerEntry, ...] = ()

    def set_entries(self, entries: Sequence[PickerEntry]) -> None:
        """Replace all entries."""
        self.beginResetModel()
        self._entries = tuple(entries)
        self.endResetModel()

    def entry(self, row: int) -> PickerEntry:
        """Return the entry in a row."""
        return self._entries[row]

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Qt: return the number of entries."""
        return 0 if parent.isValid() else len(self._entries)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Qt: return what a role shows."""
        if not index.isValid():
            return None
        entry = self._entries[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{entry.title} {entry.detail}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(entry.tooltip) if entry.tooltip else None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (entry.title, entry.detail, entry.remark) if part)
        if role == ENTRY_ROLE:
            return entry
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        """Qt: headings and remarks cannot be chosen."""
        if self._entries[index.row()].key is None:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class _Filter(QSortFilterProxyModel):
    """Every word of the search must occur; headings always stay."""

    def filterAcceptsRow(self, row: int, _parent: AnyIndex) -> bool:
        """Qt: decide about a row."""
        model = self.sourceModel()
        if not isinstance(model, PickerListModel):
            return True
        entry = model.entry(row)
        if entry.key is None:
            return True
        text = f"{entry.title} {entry.detail}".lower()
        words = self.filterRegularExpression().pattern().lower().split()
        return all(word.replace("\\", "") in text for word in words)


class TargetPicker(QFrame):
    """Opens below its button; type to search, arrows and Enter to choose, Esc to leave."""

    chosen = Signal(str)
    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._theme = theme
        self.setProperty("card", "popup")
        self.setAccessibleName(self.tr("Add a model"))
        self._model = PickerListModel(self)
        self._filter = _Filter(self)
        self._filter.setSourceModel(self._model)
        self._build()
        self._connect()

    def set_entries(self, entries: Sequence[PickerEntry]) -> None:
        """Show `entries`, keeping the search and what is selected."""
        selected = self._list.currentIndex().data(ENTRY_ROLE)
        key = selected.key if isinstance(selected, PickerEntry) else None
        self._model.set_entries(entries)
        for row in range(self._filter.rowCount()):
            entry = self._filter.index(row, 0).data(ENTRY_ROLE)
            if key is not None and entry.key == key:
                self._list.setCurrentIndex(self._filter.index(row, 0))
                return
        self._select(0)

    def open_at(self, anchor: QWidget) -> None:
        """Open below `anchor`, or above it where there is more room."""
        px = self._theme.px
        room = anchor.screen().availableGeometry()
        corner = anchor.mapToGlobal(QPoint(0, anchor.height() + 4))
        width = min(px(520), room.width() - 16)
        height = min(px(440), room.height() - 16)
        x = min(max(corner.x(), room.left() + 8), room.right() - width - 8)
        y = min(corner.y(), room.bottom() - height - 8)
        self.setGeometry(x, y, width, height)
        self._search.clear()
        self.show()
        self._search.setFocus(Qt.FocusReason.PopupFocusReason)

    def _build(self) -> None:
        px = self._theme.px
        column = QVBoxLayout(self)
        column.setContentsMargins(px(10), px(10), px(10), px(8))
        column.setSpacing(px(8))
        self._search = QLineEdit()
        self._search.setPlaceholderText(self.tr("Search models"))
        self._search.setAccessibleName(self.tr("Search models"))
        self._search.setClearButtonEnabled(True)
        self._list = QListView()
        self._list.setModel(self._filter)
        self._list.setItemDelegate(PickerDelegate(self._theme, self._list))
        self._list.setAccessibleName(self.tr("Models that can be compared"))
        self._list.setMouseTracking(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column.addWidget(self._search)
        column.addWidget(self._list, 1)
        column.addWidget(
            make_label(self.tr("↑ ↓ to move, Enter to add or take away"), "caption", "quiet")
        )

    def _connect(self) -> None:
        self._search.textChanged.connect(self._on_search)
        self._search.installEventFilter(self)
        self._list.clicked.connect(self._choose)
        self._list.activated.connect(self._choose)

    def _on_search(self, text: str) -> None:
        self._filter.setFilterFixedString(text)
        self._select(0)

    def _select(self, row: int) -> None:
        """Select the first line from `row` on that can be chosen."""
        count = self._filter.rowCount()
        for candidate in (*range(row, count), *range(min(row, count))):
            index = self._filter.index(candidate, 0)
            if index.flags() & Qt.ItemFlag.ItemIsSelectable:
                self._list.setCurrentIndex(index)
                return

    def _choose(self, index: QModelIndex) -> None:
        entry = index.data(ENTRY_ROLE)
        if isinstance(entry, PickerEntry) and entry.key is not None:
            self.close()
            self.chosen.emit(entry.key)

    def eventFilter(self, watched: object, event: object) -> bool:
        """Qt: arrows and Enter in the search move and choose in the list."""
        if watched is self._search and isinstance(event, QKeyEvent):
            is_press = event.type() is QKeyEvent.Type.KeyPress
            if is_press and event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self._choose(self._list.currentIndex())
                return True
            moves = {
                Qt.Key.Key_Down,
                Qt.Key.Key_Up,
                Qt.Key.Key_PageDown,
                Qt.Key.Key_PageUp,
            }
            if is_press and event.key() in moves:
                self._list.keyPressEvent(event)
                return True
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt: Esc closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
            return
        super().keyPressEvent(event)
