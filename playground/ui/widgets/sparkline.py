"""The last minute of a figure as a line."""

from collections import deque

from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from playground.ui.theme.theme import Theme

SAMPLES = 60


class Sparkline(QWidget):
    """Takes shares of 0 … 1, one a second; `None` leaves a gap."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._values: deque[float | None] = deque(maxlen=SAMPLES)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def add(self, share: float | None) -> None:
        """Add the newest value."""
        self._values.append(None if share is None else min(1.0, max(0.0, share)))
        self.update()

    def sizeHint(self) -> QSize:
        """Qt: a line of small type high."""
        return QSize(self._theme.px(60), self._theme.px(16))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Qt: draw the line, the newest value at the right."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.color("quiet"), 1.3))
        step = self.width() / (SAMPLES - 1)
        left = self.width() - step * (len(self._values) - 1)
        high = self.height() - 3.0
        line = QPolygonF()
        for index, value in enumerate(self._values):
            if value is None:
                painter.drawPolyline(line)
                line = QPolygonF()
                continue
            line.append(QPointF(left + index * step, 1.5 + high * (1 - value)))
        painter.drawPolyline(line)
