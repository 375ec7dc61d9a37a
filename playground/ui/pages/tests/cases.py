"""The table of a set's messages; the chosen row has room for its editor."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QObject,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)
from typing_extensions import override

from playground.core.checks.reading import check_words
from playground.core.prompt_sets import Case
from playground.ui.pages.tests.words import counts_words
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import chip_width, paint_chip, plain_tooltip
from playground.ui.widgets.lists import (
    RIGHT,
    ROW_ROLE,
    Index,
    paint_text,
    row_rect,
    row_state,
)

ROW_HEIGHT = 42
"""In pixels at scale 1."""
_NARROW = 520
"""Width of the table, in units of text, below which only message and checks are shown."""
_TOOLTIP_LETTERS = 600
_SEARCHED_LETTERS = 20_000


class Column(IntEnum):
    """The columns in their order."""

    NUMBER = 0
    MESSAGE = 1
    CHECKS = 2
    TAGS = 3
    COUNTS = 4
    MENU = 5


class CaseTableModel(QAbstractTableModel):
    """The messages in which every word of the search occurs, of one tag where one is chosen."""

    rows_shown = Signal()
    """Rows have come or gone, and all is told."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cases: tuple[Case, ...] = ()
        self._shown: list[tuple[int, Case]] = []
        self._places: dict[str, int] = {}
        self._words: list[str] = []
        self._tag = ""
        self._is_narrow = False
        self.is_updating = False
        """True while rows are told one change after the other."""

    def show_cases(self, cases: tuple[Case, ...]) -> None:
        """Show `cases`; what is the same stays where it is."""
        if cases is not self._cases:
            self._cases = cases
            self._update()

    def search(self, text: str, tag: str) -> None:
        """Show only messages with these words, and with `tag` unless it is empty."""
        words = text.casefold().split()
        if (words, tag) != (self._words, self._tag):
            self._words, self._tag = words, tag
            self._update()

    def set_narrow(self, *, is_narrow: bool) -> None:
        """Say less in the headings where there is little room."""
        if is_narrow != self._is_narrow:
            self._is_narrow = is_narrow
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, Column.CHECKS, Column.CHECKS)

    def case_at(self, row: int) -> Case | None:
        return self._shown[row][1] if 0 <= row < len(self._shown) else None

    def row_of(self, case_id: str | None) -> int:
        """Return where a message is shown, -1 where it is not."""
        return self._places.get(case_id or "", -1)

    def _update(self) -> None:
        before, now = self._shown, self._found()
        same = 0
        most = min(len(before), len(now))
        while same < most and before[same][1].id == now[same][1].id:
            same += 1
        tail = 0
        while tail < most - same and before[-1 - tail][1].id == now[-1 - tail][1].id:
            tail += 1
        gone, new = len(before) - same - tail, len(now) - same - tail
        self.is_updating = True
        if gone:
            self.beginRemoveRows(QModelIndex(), same, same + gone - 1)
            self._take([*now[:same], *before[len(before) - tail :]])
            self.endRemoveRows()
        if new:
            self.beginInsertRows(QModelIndex(), same, same + new - 1)
            self._take(now)
            self.endInsertRows()
        self._take(now)
        self.is_updating = False
        if gone or new:
            self.rows_shown.emit()
        kept = [*before[:same], *[None] * new, *before[len(before) - tail :]]
        changed = [
            row
            for row, (old, this) in enumerate(zip(kept, now, strict=True))
            if old is not None and (old[0] != this[0] or old[1] is not this[1])
        ]
        if changed:
            self.dataChanged.emit(
                self.index(changed[0], 0), self.index(changed[-1], len(Column) - 1)
            )

    def _take(self, shown: list[tuple[int, Case]]) -> None:
        self._shown = shown
        self._places = {case.id: row for row, (_, case) in enumerate(shown)}

    def _found(self) -> list[tuple[int, Case]]:
        found = list(enumerate(self._cases, 1))
        if self._tag:
            found = [(n, case) for n, case in found if self._tag in case.tags]
        for word in self._words:
            found = [
                (n, case) for n, case in found if word in case.prompt[:_SEARCHED_LETTERS].casefold()
            ]
        return found

    @override
    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._shown)

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
                "#",
                self.tr("Message"),
                self.tr("Right when…") if self._is_narrow else self.tr("Right when the answer…"),
                self.tr("Tags"),
                self.tr("Counts"),
                "",
            )[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                "",
                self.tr("What each model is asked (the prompt)"),
                self.tr("Every check has to hold, or the answer counts as wrong"),
                self.tr("Words to sort messages by; results can be read for each"),
                self.tr("How much it weighs in the weighted share, never in an interval"),
                "",
            )[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = (
                Qt.AlignmentFlag.AlignRight
                if section == Column.COUNTS
                else Qt.AlignmentFlag.AlignLeft
            )
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        number, case = self._shown[index.row()]
        if role == ROW_ROLE:
            return case
        column = Column(index.column())
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            return self._text(number, case, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tooltip(case, column)
        return None

    def _text(self, number: int, case: Case, column: Column) -> str:
        match column:
            case Column.NUMBER:
                return f"{number:,}"
            case Column.MESSAGE:
                return " ".join(case.prompt[:_TOOLTIP_LETTERS].split())
            case Column.CHECKS:
                return ", ".join(map(check_words, case.checks)) or self.tr("no check yet")
            case Column.TAGS:
                return ", ".join(case.tags)
            case Column.COUNTS:
                return counts_words(case.weight)
            case Column.MENU:
                return self.tr("More")

    def _tooltip(self, case: Case, column: Column) -> str:
        match column:
            case Column.MESSAGE:
                return plain_tooltip(" ".join(case.prompt[:_TOOLTIP_LETTERS].split()))
            case Column.CHECKS:
                return plain_tooltip("\n".join(map(check_words, case.checks))) or self.tr(
                    "Without a check its answers are not scored"
                )
            case Column.TAGS:
                return plain_tooltip("\n".join(case.tags))
            case Column.MENU:
                return self.tr("Duplicate, move, delete")
            case _:
                return ""


class CaseDelegate(QStyledItemDelegate):
    """Paints a row's upper part: its editor covers what is below."""

    def __init__(self, theme: Theme, table: "CaseTable") -> None:
        super().__init__(table)
        self._theme = theme
        self._table = table

    @override
    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(self._theme.px(60), self._theme.px(ROW_HEIGHT))

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, px = self._theme, self._theme.px
        whole = row_rect(option)
        area = QRect(whole.left(), whole.top(), whole.width(), min(whole.height(), px(ROW_HEIGHT)))
        is_chosen = index.row() == self._table.currentIndex().row()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if is_chosen:
            painter.fillRect(whole, theme.color("accent_ground"))
        elif row_state(option) & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, theme.color("hover"))
        if is_chosen and index.column() == 0 and self._table.hasFocus():
            painter.fillRect(
                QRect(whole.left(), whole.top(), px(3), area.height()), theme.color("accent")
            )
        painter.fillRect(QRect(whole.left(), whole.bottom(), whole.width(), 1), theme.color("line"))
        inner = area.adjusted(px(8), 0, -px(8), 0)
        self._paint_cell(painter, inner, index, is_chosen=is_chosen)
        painter.restore()

    def _paint_cell(
        self, painter: QPainter, inner: QRect, index: Index, *, is_chosen: bool
    ) -> None:
        theme = self._theme
        case = index.data(ROW_ROLE)
        text = str(index.data(Qt.ItemDataRole.DisplayRole))
        elide = Qt.TextElideMode.ElideRight
        match Column(index.column()):
            case Column.NUMBER:
                paint_text(theme, painter, inner, text, "numbers", tone="quiet", elide=elide)
            case Column.MESSAGE:
                role = "row" if is_chosen else "control"
                paint_text(theme, painter, inner, text, role, elide=elide)
            case Column.CHECKS if not case.checks:
                paint_text(theme, painter, inner, text, "caption", tone="quiet", elide=elide)
            case Column.CHECKS:
                self._paint_chips(
                    painter, inner, [check_words(c) for c in case.checks], framed=True
                )
            case Column.TAGS:
                self._paint_chips(painter, inner, list(case.tags), framed=is_chosen)
            case Column.COUNTS:
                paint_text(theme, painter, inner, text, "numbers", align=RIGHT, elide=elide)
            case Column.MENU:
                side = theme.px(16)
                place = QRect(0, 0, side, side)
                place.moveCenter(inner.center())
                theme.icon("more", "text").paint(painter, place)

    def _paint_chips(
        self, painter: QPainter, area: QRect, texts: list[str], *, framed: bool
    ) -> None:
        """Paint as many chips as there is room for, then how many more there are."""
        theme, px = self._theme, self._theme.px
        height = QFontMetrics(theme.font("chip")).height() + px(7)
        left = area.left()
        for number, text in enumerate(texts):
            others = len(texts) - number - 1
            rest = chip_width(theme, f"+{others}") + px(6) if others else 0
            room = area.right() - left - rest
            width = chip_width(theme, text)
            shown = text
            if width > room and number:
                shown, others = f"+{others + 1}", 0
                width = chip_width(theme, shown)
            place = QRect(
                left, 0, max(0, min(width, area.right() - left if shown != text else room)), height
            )
            place.moveTop(area.center().y() - height // 2)
            self._paint_chip(painter, place, shown, framed=framed)
            if shown != text:
                return
            left += place.width() + px(6)

    def _paint_chip(self, painter: QPainter, place: QRect, text: str, *, framed: bool) -> None:
        theme = self._theme
        if not framed:
            paint_chip(theme, painter, place, text, "quiet")
            return
        radius = place.height() / 2
        painter.setPen(theme.color("line"))
        painter.setBrush(theme.color("card"))
        painter.drawRoundedRect(place, radius, radius)
        padding = theme.px(9)
        line = place.adjusted(min(padding, place.width() // 4), 0, -theme.px(3), 0)
        painter.setFont(theme.font("chip"))
        painter.setPen(theme.color("text"))
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


class CaseTable(QTableView):
    """Arrow keys and clicks choose a message; the editor stands in the chosen row."""

    chosen = Signal(object)
    """Id of the message whose row is the current one, or `None`."""
    edit_wanted = Signal()
    """Enter on a row: the keyboard goes into its editor."""
    delete_wanted = Signal()
    menu_wanted = Signal(QPoint)
    """Where the menu of the chosen row opens."""
    move_wanted = Signal(int)
    """The chosen message is to go so many rows down."""

    def __init__(self, theme: Theme, model: CaseTableModel, editor: QWidget, name: str) -> None:
        super().__init__()
        self._theme = theme
        self._cases = model
        self._editor = editor
        self._chosen: str | None = None
        self._tall_row = -1
        model.setParent(self)
        self.setModel(model)
        self.setItemDelegate(CaseDelegate(theme, self))
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(1)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        editor.setParent(self.viewport())
        editor.installEventFilter(self)
        editor.hide()
        model.rows_shown.connect(self._on_rows)
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    @property
    def chosen_id(self) -> str | None:
        return self._chosen

    def choose(self, case_id: str | None) -> None:
        """Open a message's row; none where it is not shown."""
        row = self._cases.row_of(case_id)
        self.setCurrentIndex(self._cases.index(row, Column.MESSAGE) if row >= 0 else QModelIndex())
        self._note_chosen()

    def fit_editor(self) -> None:
        """Give the chosen row the room that its editor takes now."""
        row = self._cases.row_of(self._chosen)
        base = self._theme.px(ROW_HEIGHT)
        if self._tall_row != row and 0 <= self._tall_row < self._cases.rowCount():
            self.setRowHeight(self._tall_row, base)
        self._tall_row = row
        if row < 0:
            self._editor.hide()
            return
        # what is not shown takes no room
        self._editor.show()
        width = self.viewport().width()
        layout = self._editor.layout()
        self._editor.ensurePolished()
        height = (
            layout.totalHeightForWidth(width)
            if layout is not None and layout.hasHeightForWidth()
            else -1
        )
        if height < 0:
            height = self._editor.sizeHint().height()
        self.setRowHeight(row, base + height + 1)
        self._place_editor()

    def _place_editor(self) -> None:
        if self._tall_row < 0:
            return
        base = self._theme.px(ROW_HEIGHT)
        top = self.rowViewportPosition(self._tall_row)
        height = self.rowHeight(self._tall_row) - base - 1
        self._editor.setGeometry(0, top + base, self.viewport().width(), max(0, height))

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # its parts have become larger: another text size, or more of them
        if watched is self._editor and event.type() is QEvent.Type.LayoutRequest:
            self.fit_editor()
        return super().eventFilter(watched, event)

    def _on_rows(self) -> None:
        """Stay with the message that was open; where it is not shown, none is."""
        base, header = self._theme.px(ROW_HEIGHT), self.verticalHeader()
        if self._tall_row >= 0:
            # its height has moved with it, and with what stood before it
            for row in range(self._cases.rowCount()):
                if header.sectionSize(row) != base:
                    self.setRowHeight(row, base)
        self._tall_row = -1
        self.choose(self._chosen)

    def _note_chosen(self) -> None:
        case = self._cases.case_at(self.currentIndex().row())
        case_id = None if case is None else case.id
        has_changed, self._chosen = case_id != self._chosen, case_id
        if has_changed:
            self.chosen.emit(case_id)
        self.fit_editor()
        self.viewport().update()

    def _apply_theme(self) -> None:
        height = self._theme.px(ROW_HEIGHT)
        self.verticalHeader().setDefaultSectionSize(height)
        self._tall_row = -1
        self._share_width()
        self.fit_editor()

    def _share_width(self) -> None:
        """Give the message and its checks what the other columns leave."""
        px = self._theme.px
        units = self.viewport().width() / self._theme.scale
        self._cases.set_narrow(is_narrow=units < _NARROW)
        header = self.horizontalHeader().fontMetrics()
        widths = {
            Column.NUMBER: px(52),
            Column.CHECKS: px(140),
            Column.TAGS: px(110),
            Column.COUNTS: px(72),
            Column.MENU: px(44),
        }
        for column, width in widths.items():
            title = self._cases.headerData(column, Qt.Orientation.Horizontal)
            widths[column] = max(width, header.horizontalAdvance(title) + px(8))
        for column, least in ((Column.TAGS, 640), (Column.COUNTS, _NARROW)):
            self.setColumnHidden(column, units < least)
            if units < least:
                widths[column] = 0
        left = self.viewport().width() - sum(widths.values())
        more = max(0, min(px(110), left // 4))
        widths[Column.CHECKS] += more
        widths[Column.MESSAGE] = max(px(120), left - more)
        for column, width in widths.items():
            if width:
                self.setColumnWidth(column, width)

    @override
    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        # rows that are being removed tell it as well: `_on_rows` comes after that
        if not self._cases.is_updating:
            self._note_chosen()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()
        self.fit_editor()

    @override
    def updateGeometries(self) -> None:
        super().updateGeometries()
        # Qt scrolls by rows otherwise, and the editor's row is as high as the view
        self.verticalScrollBar().setSingleStep(self._theme.px(ROW_HEIGHT) // 2)
        self._place_editor()

    @override
    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        self._place_editor()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and index.column() == Column.MENU:
            self.menu_wanted.emit(event.globalPosition().toPoint())

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, held = event.key(), event.modifiers()
        if self._chosen is not None:
            if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2} and not held:
                self.edit_wanted.emit()
                return
            if key == Qt.Key.Key_Delete and not held:
                self.delete_wanted.emit()
                return
            if key == Qt.Key.Key_Menu or (
                key == Qt.Key.Key_F10 and held == Qt.KeyboardModifier.ShiftModifier
            ):
                row = self.visualRect(self.currentIndex())
                self.menu_wanted.emit(
                    self.viewport().mapToGlobal(
                        row.topLeft() + QPoint(0, self._theme.px(ROW_HEIGHT))
                    )
                )
                return
            if held == Qt.KeyboardModifier.AltModifier and key in {Qt.Key.Key_Up, Qt.Key.Key_Down}:
                self.move_wanted.emit(-1 if key == Qt.Key.Key_Up else 1)
                return
        super().keyPressEvent(event)


def moved(cases: Sequence[Case], case_id: str, by: int) -> tuple[Case, ...]:
    """Return the cases with one of them `by` places further down, as far as that goes."""
    kept = list(cases)
    place = next((n for n, case in enumerate(kept) if case.id == case_id), None)
    if place is not None:
        case = kept.pop(place)
        kept.insert(min(max(0, place + by), len(kept)), case)
    return tuple(kept)
