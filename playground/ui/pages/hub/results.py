"""The repositories a search has found: fetched page by page as one scrolls."""

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter
from typing_extensions import override

from playground.core.gguf.naming import name_from_repository
from playground.core.hub import Gate
from playground.ui.pages.hub import view_models as words
from playground.ui.pages.hub.view_models import ResultRow
from playground.ui.widgets.lists import PagedListModel, RowDelegate


class ResultListModel(PagedListModel[ResultRow]):
    """Results in the Hub's order."""

    @override
    def key(self, row: ResultRow) -> str:
        return row.model.repo

    @override
    def text(self, row: ResultRow) -> str:
        return name_from_repository(row.model.repo)

    @override
    def spoken(self, row: ResultRow) -> str:
        return words.spoken(row)

    @override
    def tooltip(self, row: ResultRow) -> str:
        name, model = name_from_repository(row.model.repo), row.model
        parts = (name, words.result_caption(model), words.popularity(model), model.repo)
        return "\n".join(parts)


class ResultDelegate(RowDelegate):
    """Name and verdict, publisher and size, and how well known it is."""

    MARGINS = (14, 11, 12)
    LINES = (("strong", 0), ("caption", 4), ("caption", 3))

    @override
    def paint_row(self, painter: QPainter, lines: list[QRect], row: ResultRow) -> None:
        title, facts, popularity = lines
        right = self._paint_marks(painter, title, row)
        name = title.adjusted(0, 0, right - title.right() - self._theme.px(10), 0)
        self.paint_text(painter, name, name_from_repository(row.model.repo), "strong")
        self.paint_text(painter, facts, words.result_caption(row.model), "caption", "quiet")
        self.paint_text(painter, popularity, words.popularity(row.model), "caption", "quiet")

    def _paint_marks(self, painter: QPainter, line: QRect, row: ResultRow) -> int:
        """Paint the verdict, and a lock where terms stand before it; return where they begin."""
        right, middle = line.right(), line.center().y()
        badge = words.verdict_badge(row.verdict, is_exact=row.is_exact)
        if badge is not None:
            right = self.paint_chip(painter, *badge, right=right, middle=middle) - self._theme.px(6)
        if row.model.gate is not Gate.OPEN or row.model.is_private:
            side = self._theme.px(15)
            area = QRect(right - side, middle - side // 2, side, side)
            self._theme.icon("lock", "caution").paint(painter, area)
            right -= side + self._theme.px(6)
        return right
