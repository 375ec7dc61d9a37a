"""Draws a cell of the list of models."""

from typing import Any

from PySide6.QtCore import QObject, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from playground.ui.pages.models.rows import LoadState, ModelRow, badge, caption
from playground.ui.pages.models.table import ROW_ROLE, Column, Index
from playground.ui.theme.theme import Theme


class ModelDelegate(QStyledItemDelegate):
    """A name with a quiet line below it, a verdict's badge, or a figure."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, _option: QStyleOptionViewItem, index: Index) -> QSize:
        """Qt: return the room for two lines, and for a column's widest text."""
        px = self._theme.px
        role = "chip" if index.column() == Column.FIT else "numbers"
        text = str(index.data(Qt.ItemDataRole.DisplayRole))
        width = QFontMetrics(self._theme.font(role)).horizontalAdvance(text) + px(40)
        return QSize(width, px(58))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Qt: draw a cell and the hairline below it."""
        row = index.data(ROW_ROLE)
        px = self._theme.px
        state: Any = getattr(option, "state")  # noqa: B009 - missing from the stubs
        rect: QRect = getattr(option, "rect")  # noqa: B009 - missing from the stubs
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, self._theme.color("accent_ground"))
            if index.column() == Column.MODEL and state & QStyle.StateFlag.State_Active:
                mark = QRect(rect.left(), rect.top(), px(3), rect.height())
                painter.fillRect(mark, self._theme.color("accent"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, self._theme.color("hover"))
        painter.fillRect(
            QRect(rect.left(), rect.bottom(), rect.width(), 1), self._theme.color("line")
        )
        inner = rect.adjusted(px(8), 0, -px(8), 0)
        if index.column() == Column.MODEL:
            self._paint_name(painter, inner, row)
        elif index.column() == Column.FIT:
            self._paint_badge(painter, inner, row)
        else:
            painter.setFont(self._theme.font("numbers"))
            painter.setPen(self._theme.color("text" if row.model.is_present else "quiet"))
            text = str(index.data(Qt.ItemDataRole.DisplayRole))
            text = painter.fontMetrics().elidedText(
                text, Qt.TextElideMode.ElideMiddle, inner.width()
            )
            flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(inner, flags, text)
        painter.restore()

    def _paint_name(self, painter: QPainter, rect: QRect, row: ModelRow) -> None:
        strong, small = self._theme.font("strong"), self._theme.font("caption")
        strong.setPixelSize(self._theme.px(14))
        name_height = QFontMetrics(strong).height()
        gap = self._theme.px(3)
        height = name_height + gap + QFontMetrics(small).height()
        top = rect.top() + (rect.height() - height) // 2
        painter.setFont(strong)
        painter.setPen(self._theme.color("text" if row.model.is_present else "quiet"))
        line = QRect(rect.left(), top, rect.width(), name_height)
        self._draw_elided(painter, line, row.model.name)
        painter.setFont(small)
        tone = "quiet"
        if row.model.problem is not None:
            tone = "bad"
        elif row.state is not LoadState.UNLOADED:
            tone = "here"
        painter.setPen(self._theme.color(tone))
        line = QRect(rect.left(), top + name_height + gap, rect.width(), height - name_height - gap)
        self._draw_elided(painter, line, caption(row))

    def _paint_badge(self, painter: QPainter, rect: QRect, row: ModelRow) -> None:
        text, tone = badge(row)
        font = self._theme.font("chip")
        metrics = QFontMetrics(font)
        px = self._theme.px
        width = metrics.horizontalAdvance(text) + px(18)
        height = metrics.height() + px(5)
        top = rect.top() + (rect.height() - height) / 2
        pill = QRectF(rect.left(), top, min(width, rect.width()), height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("chip" if tone == "quiet" else f"{tone}_ground"))
        painter.drawRoundedRect(pill, height / 2, height / 2)
        painter.setFont(font)
        painter.setPen(self._theme.color("chip_ink" if tone == "quiet" else f"{tone}_ink"))
        painter.drawText(pill, int(Qt.AlignmentFlag.AlignCenter), text)

    def _draw_elided(self, painter: QPainter, rect: QRect, text: str) -> None:
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
