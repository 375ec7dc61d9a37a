"""The comparisons of the list: fetched piece by piece, changed without losing one's place."""

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QRect
from PySide6.QtGui import QFontMetrics, QPainter
from typing_extensions import override

from playground.store.history import ComparisonSummary
from playground.ui.format import PLACE_LOOKS, recorded_words
from playground.ui.pages.history import view_models as words
from playground.ui.widgets.basics import chip_width, paint_chip
from playground.ui.widgets.lists import RIGHT, PagedListModel, RowDelegate


class ComparisonListModel(PagedListModel[ComparisonSummary]):
    """Summaries, the newest first; nothing of hidden names is in them."""

    @override
    def key(self, row: ComparisonSummary) -> str:
        return row.id

    @override
    def text(self, row: ComparisonSummary) -> str:
        return row.title

    @override
    def spoken(self, row: ComparisonSummary) -> str:
        return words.spoken(row)

    @override
    def tooltip(self, row: ComparisonSummary) -> str:
        recorded = recorded_words(row.recorded)
        lines = (row.title, words.names(row), recorded, words.exactly(row.created_at))
        return "\n".join(line for line in lines if line)

    def show_rows(self, rows: Sequence[ComparisonSummary], *, is_complete: bool) -> None:
        """Show `rows` instead; where only new ones came on top, the others stay in place."""
        added = self._added_on_top(rows)
        if added is None:
            self.reset_rows(rows, is_complete=is_complete)
            return
        self._is_waiting = False
        if added:
            self.beginInsertRows(QModelIndex(), 0, added - 1)
            self._rows[:0] = rows[:added]
            self.endInsertRows()
        if len(self._rows) > len(rows):
            self.beginRemoveRows(QModelIndex(), len(rows), len(self._rows) - 1)
            del self._rows[len(rows) :]
            self.endRemoveRows()
        self._is_complete = is_complete
        self.change_rows(rows)

    def _added_on_top(self, rows: Sequence[ComparisonSummary]) -> int | None:
        """Return how many of `rows` are new on top of those shown; `None` for other changes."""
        if not self._rows or not rows:
            return None
        old = [row.id for row in self._rows]
        new = [row.id for row in rows]
        if old[0] not in new:
            return None
        added = new.index(old[0])
        return added if new[added:] == old[: len(new) - added] else None


class ComparisonDelegate(RowDelegate):
    """Three lines; whatever does not fit ends in “…”."""

    MARGINS = (16, 11, 12)
    LINES = (("strong", 0), ("caption", 5), ("chip", 7))

    @override
    def paint_row(self, painter: QPainter, lines: list[QRect], row: ComparisonSummary) -> None:
        title, caption, chips = lines
        self.paint_text(painter, title, row.title, "strong")
        self._paint_caption(painter, caption, row)
        self._paint_chips(painter, chips, row)

    def _paint_caption(self, painter: QPainter, line: QRect, row: ComparisonSummary) -> None:
        metrics = QFontMetrics(self._theme.font("caption"))
        moment, remark = words.caption(row), words.remark(row)
        taken = metrics.horizontalAdvance(moment) + self._theme.px(10)
        self.paint_text(painter, line, moment, "caption", "quiet")
        if remark:
            right = line.adjusted(min(taken, line.width()), 0, 0, 0)
            tone = "caution" if row.names_hidden else "quiet"
            self.paint_text(painter, right, remark, "chip", tone, align=RIGHT)

    def _paint_chips(self, painter: QPainter, line: QRect, row: ComparisonSummary) -> None:
        theme, px = self._theme, self._theme.px
        chips = _chips(row)
        left = line.left()
        for number, (text, tone) in enumerate(chips):
            others = len(chips) - number - 1
            reserved = chip_width(theme, f"+{others}") + px(12) if others else 0
            room = line.right() - left - reserved
            width = chip_width(theme, text)
            if width > room and number:
                text_of_rest = f"+{others + 1}"
                width = min(chip_width(theme, text_of_rest), line.right() - left)
                area = QRect(left, line.top(), width, line.height())
                paint_chip(theme, painter, area, text_of_rest, "quiet")
                return
            area = QRect(left, line.top(), min(width, max(room, px(30))), line.height())
            paint_chip(theme, painter, area, text, tone)
            left += area.width() + px(5)


def _chips(row: ComparisonSummary) -> list[tuple[str, str]]:
    """Return text and tone of each target, the winners first."""
    if row.names_hidden:
        return [(words.names(row), "quiet")]
    won = set(row.winner_labels)
    targets = sorted(zip(row.target_labels, row.places, strict=True), key=lambda t: t[0] not in won)
    return [
        (f"✓ {label}" if label in won else label, PLACE_LOOKS[place][0]) for label, place in targets
    ]
