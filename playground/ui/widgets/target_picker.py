"""A searchable list of what can be compared: models here, and in the cloud."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QKeyEvent, QKeySequence, QPainter, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QWidget,
)
from typing_extensions import override

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import (
    IconButton,
    elided_name,
    make_button,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.layouts import make_column, make_flow, make_row, round_corners
from playground.ui.widgets.lists import RIGHT, paint_text
from playground.ui.widgets.popup import popup_rect

ENTRY_ROLE = int(Qt.ItemDataRole.UserRole) + 1
_PIECE = 200
"""Entries that the view gets at once."""
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
    searchable: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # once, and not at every letter that is typed: there may be 100,000 entries
        object.__setattr__(self, "searchable", f"{self.title} {self.detail}".lower())

    @property
    def is_heading(self) -> bool:
        return self.key is None and self.icon is None


class PickerDelegate(QStyledItemDelegate):
    """Headings are one quiet line, entries two."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    @override
    def sizeHint(self, _option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        entry = index.data(ENTRY_ROLE)
        return QSize(200, self._theme.px(30 if entry.is_heading else 48))

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        entry = index.data(ENTRY_ROLE)
        theme = self._theme
        px = theme.px
        area: QRect = option.rect.adjusted(px(2), 1, -px(4), -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if entry.is_heading:
            painter.setFont(theme.font("chip"))
            painter.setPen(theme.color("quiet"))
            text = area.adjusted(px(8), px(6), 0, 0)
            painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, entry.title)
            painter.restore()
            return
        state = option.state
        painter.setPen(Qt.PenStyle.NoPen)
        if state & QStyle.StateFlag.State_Selected:
            painter.setBrush(theme.color("accent_ground"))
            painter.drawRoundedRect(area, px(8), px(8))
        elif state & QStyle.StateFlag.State_MouseOver and entry.key is not None:
            painter.setBrush(theme.color("hover"))
            painter.drawRoundedRect(area, px(8), px(8))
        self._paint_entry(painter, area, entry)
        painter.restore()

    def _paint_entry(self, painter: QPainter, area: QRect, entry: PickerEntry) -> None:
        theme = self._theme
        px = theme.px
        left, right = area.left() + px(38), area.right() - px(10)
        middle = area.center().y()
        if entry.icon:
            side = px(18)
            box = QRect(area.left() + px(10), middle - side // 2, side, side)
            theme.icon(entry.icon, entry.tone).paint(painter, box)
        remark = entry.remark
        if entry.is_chosen:
            # not a tick alone: beside a verdict it would read as part of that
            remark = " · ".join(part for part in (self.tr("✓ chosen"), remark) if part)
        # the advance is rounded: what is exactly as wide would be elided
        width = QFontMetrics(theme.font("caption")).horizontalAdvance(remark) + px(2)
        box = QRect(right - width, area.top(), width, area.height())
        paint_text(theme, painter, box, remark, role="caption", tone="quiet", align=RIGHT)
        room = right - width - px(10) - left
        box = QRect(left, middle - px(20), room, px(20))
        paint_text(theme, painter, box, entry.title, role="strong")
        box = QRect(left, middle + px(1), room, px(20))
        paint_text(theme, painter, box, entry.detail, role="caption", tone="quiet")


class PickerListModel(QAbstractListModel):
    """The entries in which every word of the search occurs; headings and remarks always stay.

    The view gets them piece by piece as it is scrolled: laying out all of them would take seconds.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.entries: tuple[PickerEntry, ...] = ()
        self._words: list[str] = []
        self._found: Sequence[PickerEntry] = ()
        self._given = 0

    def set_entries(self, entries: Sequence[PickerEntry]) -> None:
        self.entries = tuple(entries)
        self._show()

    def set_search(self, text: str) -> None:
        self._words = text.lower().split()
        self._show()

    def index_of(self, key: str) -> QModelIndex:
        """Return where an entry is, invalid where the search does not find it."""
        row = next((row for row, entry in enumerate(self._found) if entry.key == key), -1)
        if row >= self._given:
            self._give(row + _PIECE)
        return self.index(row, 0)

    def _show(self) -> None:
        found: Sequence[PickerEntry] = self.entries
        for word in self._words:
            found = [entry for entry in found if entry.key is None or word in entry.searchable]
        self.beginResetModel()
        self._found = found
        self._given = min(_PIECE, len(found))
        self.endResetModel()

    def _give(self, count: int) -> None:
        count = min(count, len(self._found))
        self.beginInsertRows(QModelIndex(), self._given, count - 1)
        self._given = count
        self.endInsertRows()

    @override
    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else self._given

    @override
    def canFetchMore(self, parent: AnyIndex) -> bool:
        return not parent.isValid() and self._given < len(self._found)

    @override
    def fetchMore(self, parent: AnyIndex) -> None:
        if self.canFetchMore(parent):
            self._give(self._given + _PIECE)

    @override
    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        entry = self._found[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{entry.title} {entry.detail}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(entry.tooltip) if entry.tooltip else None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (entry.title, entry.detail, entry.remark) if part)
        if role == ENTRY_ROLE:
            return entry
        return None

    @override
    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        # headings and remarks cannot be chosen
        if not index.isValid() or self._found[index.row()].key is None:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


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
        self._has_moved = False
        """Something else than the first line was selected since it was opened."""
        self._build()
        self._connect()

    def set_entries(self, entries: Sequence[PickerEntry]) -> None:
        """Show `entries`, keeping the search and what a person has selected."""
        selected = self._list.currentIndex().data(ENTRY_ROLE)
        key = selected.key if isinstance(selected, PickerEntry) and self._has_moved else None
        self._model.set_entries(entries)
        index = QModelIndex() if key is None else self._model.index_of(key)
        if index.isValid():
            self._list.setCurrentIndex(index)
        else:
            self._select(0)

    def open_at(self, anchor: QWidget) -> None:
        """Open below `anchor`, or above it where there is more room."""
        px = self._theme.px
        self.setGeometry(popup_rect(anchor, QSize(px(520), px(440))))
        round_corners(self, px(10))
        self._search.clear()
        self._has_moved = False
        self._select(0)
        self._list.scrollToTop()
        self.show()
        self._search.setFocus(Qt.FocusReason.PopupFocusReason)

    def _build(self) -> None:
        px = self._theme.px
        self._search = QLineEdit()
        self._search.setPlaceholderText(self.tr("Search models"))
        self._search.setAccessibleName(self.tr("Search models"))
        self._search.setClearButtonEnabled(True)
        self._list = QListView()
        self._list.setModel(self._model)
        self._list.setItemDelegate(PickerDelegate(self._theme, self._list))
        self._list.setAccessibleName(self.tr("Models that can be compared"))
        self._list.setMouseTracking(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        make_column(
            self._search,
            (self._list, 1),
            make_flow(
                (
                    make_label(
                        self.tr("↑ ↓ to move, Enter to add or take away"),
                        "caption",
                        "quiet",
                        wrap=True,
                    ),
                    1,
                ),
                make_button(self.tr("Done"), self.close, tooltip=self.tr("Close the list (Esc)")),
            ),
            parent=self,
            margins=(px(10), px(10), px(10), px(8)),
            spacing=px(8),
        )

    def _connect(self) -> None:
        self._search.textChanged.connect(self._on_search)
        self._search.installEventFilter(self)
        self._list.clicked.connect(self._choose)
        self._list.activated.connect(self._choose)

    def _on_search(self, text: str) -> None:
        self._model.set_search(text)
        self._select(0)

    def _select(self, row: int) -> None:
        """Select the first line from `row` on that can be chosen."""
        count = self._model.rowCount()
        for candidate in (*range(row, count), *range(min(row, count))):
            index = self._model.index(candidate, 0)
            if index.flags() & Qt.ItemFlag.ItemIsSelectable:
                self._list.setCurrentIndex(index)
                return

    def _choose(self, index: QModelIndex) -> None:
        entry = index.data(ENTRY_ROLE)
        if isinstance(entry, PickerEntry) and entry.key is not None:
            self._has_moved = True
            # it stays: most people choose more than one
            self.chosen.emit(entry.key)

    @override
    def eventFilter(self, watched: object, event: object) -> bool:
        if watched is self._search and isinstance(event, QKeyEvent):
            is_press = event.type() is QKeyEvent.Type.KeyPress
            if is_press and event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self._choose(self._list.currentIndex())
                return True
            moves = {Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp}
            if is_press and event.key() in moves:
                self._has_moved = True
                self._list.keyPressEvent(event)
                return True
        return False

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
            return
        super().keyPressEvent(event)


_CHIP_WIDTH = 280
"""Of a name at most; its tooltip has all of it."""


class TargetChip(QFrame):
    """A click on `button` opens this target's own answer settings, `remove_button` removes it."""

    def __init__(self, theme: Theme, text: str, tone: str, icon: str, tooltip: str) -> None:
        super().__init__()
        self._theme = theme
        self._tone = tone
        self._icon = icon
        self._text = text
        self.setProperty("chip", tone)
        self.button = QToolButton()
        self.button.setProperty("chiptext", tone)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setToolTip(plain_tooltip(tooltip))
        self.button.setCursor(Qt.CursorShape.PointingHandCursor)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.setAccessibleName(self.tr("Settings for {name}").format(name=text))
        self.remove_button = IconButton(
            theme, "close", self.tr("Remove {name}").format(name=text), tone=f"{tone}_ink", size=11
        )
        # Delete on the chip does the same: one stop of the keyboard for each
        self.remove_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        remove = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.button)
        remove.setContext(Qt.ShortcutContext.WidgetShortcut)
        remove.activated.connect(self.remove_button.click)
        margins = (theme.px(4), 0, theme.px(3), 0)
        make_row(self.button, self.remove_button, parent=self, margins=margins, spacing=0)
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def _apply_theme(self) -> None:
        side = self._theme.px(13)
        metrics = QFontMetrics(self._theme.font("chip"))
        room = self._theme.px(_CHIP_WIDTH)
        text = elided_name(metrics, self._text, room)
        self.button.setText(text.replace("&", "&&"))
        self.button.setIconSize(QSize(side, side))
        self.button.setIcon(self._theme.icon(self._icon, f"{self._tone}_ink"))
