"""The sets there are: a person's own, then those that come with the program."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyleOptionViewItem
from typing_extensions import override

from playground.ui.widgets.lists import ROW_ROLE, Index, PagedListModel, RowDelegate, row_rect


@dataclass(frozen=True, slots=True)
class SetRow:
    """A set as it is listed; one without a key is a heading."""

    key: str
    name: str
    caption: str = ""


class SetListModel(PagedListModel[SetRow]):
    """Sets under their headings, which cannot be chosen."""

    @override
    def key(self, row: SetRow) -> str:
        return row.key

    @override
    def text(self, row: SetRow) -> str:
        return row.name

    @override
    def spoken(self, row: SetRow) -> str:
        return ", ".join(part for part in (row.name, row.caption) if part)

    @override
    def tooltip(self, row: SetRow) -> str:
        return "\n".join(part for part in (row.name, row.caption) if part)

    def show_rows(self, rows: Sequence[SetRow]) -> bool:
        """Show `rows`; return False where only their words changed, and the place is kept."""
        if [row.key for row in rows] == [row.key for row in self._rows] and rows:
            self.change_rows(rows)
            return False
        self.reset_rows(rows)
        return True

    @override
    def flags(self, index: Index) -> Qt.ItemFlag:
        row = self.row_at(index)
        if row is None or not row.key:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class SetDelegate(RowDelegate):
    """A name with a quiet line below it; a heading is one quiet line."""

    MARGINS = (14, 8, 12)
    LINES = (("row", 0), ("caption", 3))

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        row = index.data(ROW_ROLE)
        if row is not None and not row.key:
            return QSize(self._theme.px(120), self._theme.px(34))
        return super().sizeHint(option, index)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(ROW_ROLE)
        if row.key:
            super().paint(painter, option, index)
            return
        left, _, right = map(self._theme.px, self.MARGINS)
        inner = row_rect(option).adjusted(left, self._theme.px(6), -right, 0)
        self.paint_text(painter, inner, row.name, "chip", "quiet")

    @override
    def paint_row(self, painter: QPainter, lines: list[QRect], row: SetRow) -> None:
        name, caption = lines
        self.paint_text(painter, name, row.name, "row")
        self.paint_text(painter, caption, row.caption, "caption", "quiet")
