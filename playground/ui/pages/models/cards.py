"""Draws a model as a card in the grid."""

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from playground.ui.pages.models.rows import ModelRow, badge, caption, row_speed
from playground.ui.pages.models.table import ROW_ROLE
from playground.ui.theme.theme import Theme
from playground.ui.widgets.amounts import size_words
from playground.ui.widgets.lists import chip_width, paint_chip, paint_text, row_rect

WIDTH, HEIGHT = 236, 132


class CardDelegate(QStyledItemDelegate):
    """Name, verdict, speed and size of one model."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(
        self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Qt: return the room of a card and the gap around it."""
        return QSize(self._theme.px(WIDTH), self._theme.px(HEIGHT))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Qt: draw a card."""
        row = index.data(ROW_ROLE)
        if not isinstance(row, ModelRow):
            return
        theme, px = self._theme, self._theme.px
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = row_rect(option).adjusted(px(5), px(5), -px(5), -px(5))
        state = option.state
        is_chosen = bool(state & QStyle.StateFlag.State_Selected)
        painter.setPen(theme.color("accent" if is_chosen else "line"))
        is_hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        ground = "accent_ground" if is_chosen else "hover" if is_hovered else "card"
        painter.setBrush(theme.color(ground))
        painter.drawRoundedRect(QRectF(card), px(12), px(12))
        self._paint_inside(painter, card.adjusted(px(14), px(12), -px(14), -px(12)), row)
        painter.restore()

    def _paint_inside(self, painter: QPainter, inner: QRect, row: ModelRow) -> None:
        theme, px = self._theme, self._theme.px
        ink = "text" if row.model.is_present else "quiet"
        height = QFontMetrics(theme.font("strong")).height()
        line = QRect(inner.left(), inner.top(), inner.width(), height)
        paint_text(theme, painter, line, row.model.name, role="strong", tone=ink)
        line.translate(0, height + px(3))
        tone = "bad" if row.model.problem else "quiet"
        paint_text(theme, painter, line, caption(row), role="caption", tone=tone)
        text, chip_tone = badge(row)
        middle = inner.bottom() - px(32)
        left = inner.left() + min(chip_width(theme, text), inner.width())
        paint_chip(theme, painter, text, chip_tone, right=left, middle=middle)
        foot = QRect(inner.left(), inner.bottom() - height, inner.width(), height)
        paint_text(theme, painter, foot, row_speed(row), role="caption", tone=ink)
        paint_text(
            theme,
            painter,
            foot,
            size_words(row.model.size_bytes),
            role="caption",
            tone="quiet",
            align=Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
        )
