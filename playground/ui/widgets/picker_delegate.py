"""Draws a line of the list of models: icon, name, what tells it apart, and a remark."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from playground.ui.theme.theme import Theme

ENTRY_ROLE = int(Qt.ItemDataRole.UserRole) + 1
AnyIndex = QModelIndex | QPersistentModelIndex


class PickerDelegate(QStyledItemDelegate):
    """Headings are one quiet line, entries two."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, _option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        """Qt: return the height of a line."""
        entry = index.data(ENTRY_ROLE)
        return QSize(200, self._theme.px(30 if entry.is_heading else 48))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """Qt: draw a line."""
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

    def _paint_entry(self, painter: QPainter, area: QRect, entry: object) -> None:
        theme = self._theme
        px = theme.px
        left = area.left() + px(10)
        icon = getattr(entry, "icon", None)
        tone = getattr(entry, "tone", "quiet")
        if icon:
            side = px(18)
            box = QRect(left, area.center().y() - side // 2, side, side)
            theme.icon(icon, tone).paint(painter, box)
        left += px(28)
        remark = ("✓ " if getattr(entry, "is_chosen", False) else "") + getattr(entry, "remark", "")
        painter.setFont(theme.font("caption"))
        width = QFontMetrics(painter.font()).horizontalAdvance(remark)
        right = area.right() - px(10)
        painter.setPen(theme.color("quiet"))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(QRect(right - width, area.top(), width, area.height()), flags, remark)
        room = right - width - px(10) - left
        middle = area.center().y()
        for text, role, color, top in (
            (getattr(entry, "title", ""), "strong", "text", middle - px(20)),
            (getattr(entry, "detail", ""), "caption", "quiet", middle + px(1)),
        ):
            painter.setFont(theme.font(role))
            painter.setPen(theme.color(color))
            elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRect(left, top, room, px(20)), Qt.AlignmentFlag.AlignVCenter, elided)
