"""A check box that can be seen in both themes."""

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox

from playground.ui.theme.theme import Theme


class TickBox(QCheckBox):
    """Draws its box and its tick in the theme's colours."""

    def __init__(self, theme: Theme, text: str, tooltip: str) -> None:
        super().__init__(text)
        self._theme = theme
        self.setAccessibleName(text)
        self.setToolTip(tooltip)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        """Qt: return room for box and text."""
        px = self._theme.px
        return QSize(px(28) + self.fontMetrics().horizontalAdvance(self.text()), px(26))

    def hitButton(self, pos: QPoint) -> bool:
        """Qt: the text can be clicked as well."""
        return self.rect().contains(pos)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Qt: draw box, tick and text."""
        px = self._theme.px
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = px(17)
        box = QRectF(1, (self.height() - side) / 2, side, side)
        is_on = self.isChecked()
        edge = "accent" if is_on or self.hasFocus() else "quiet"
        painter.setPen(QPen(self._theme.color(edge), 2 if self.hasFocus() else 1.3))
        painter.setBrush(self._theme.color("accent" if is_on else "card"))
        painter.drawRoundedRect(box, px(4), px(4))
        if is_on:
            inner = px(13)
            offset = (side - inner) // 2
            place = QRect(1 + offset, int(box.top()) + offset, inner, inner)
            self._theme.icon("check", "on_accent").paint(painter, place)
        painter.setPen(self._theme.color("text"))
        painter.setFont(self._theme.font("control"))
        words = self.rect().adjusted(side + px(9), 0, 0, 0)
        painter.drawText(
            words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.text()
        )
