"""A small rounded word with an icon: where an answer comes from, or how large a model is."""

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from playground.ui.theme.theme import Theme

_GROUNDS = {
    "here": ("here_ground", "here_ink"),
    "cloud": ("cloud_ground", "cloud_ink"),
    "caution": ("caution_ground", "caution_ink"),
    "bad": ("bad_ground", "bad_ink"),
    "accent": ("accent_ground", "accent_ink"),
    "quiet": ("chip", "chip_ink"),
}


class Badge(QWidget):
    """Paints its text on the ground of its tone; ends in “…” where there is no room."""

    def __init__(
        self, theme: Theme, text: str = "", tone: str = "quiet", icon: str | None = None
    ) -> None:
        super().__init__()
        self._theme = theme
        self._text = text
        self._tone = tone
        self._icon = icon
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._wear)
        self.setAccessibleName(text)

    @property
    def text(self) -> str:
        """What it says."""
        return self._text

    def set_badge(self, text: str, tone: str = "quiet", icon: str | None = None) -> None:
        """Say something else."""
        if (text, tone, icon) == (self._text, self._tone, self._icon):
            return
        self._text, self._tone, self._icon = text, tone, icon
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Qt: return room for icon and text."""
        metrics = QFontMetrics(self._theme.font("chip"))
        return QSize(
            metrics.horizontalAdvance(self._text) + self._icon_room() + self._theme.px(19),
            metrics.height() + self._theme.px(7),
        )

    def minimumSizeHint(self) -> QSize:
        """Qt: return room for a few letters."""
        hint = self.sizeHint()
        return QSize(min(hint.width(), self._theme.px(52)), hint.height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Qt: draw ground, icon and text."""
        ground, ink = _GROUNDS[self._tone]
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(ground))
        radius = self.height() / 2
        painter.drawRoundedRect(QRectF(self.rect()), radius, radius)
        left = theme.px(9)
        if self._icon:
            side = theme.px(13)
            icon = theme.icon(self._icon, ink)
            icon.paint(painter, QRect(left, (self.height() - side) // 2, side, side))
            left += self._icon_room()
        painter.setFont(theme.font("chip"))
        painter.setPen(theme.color(ink))
        area = self.rect().adjusted(left, 0, -theme.px(8), 0)
        text = painter.fontMetrics().elidedText(
            self._text, Qt.TextElideMode.ElideRight, area.width()
        )
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)

    def _icon_room(self) -> int:
        return self._theme.px(17) if self._icon else 0

    def _wear(self) -> None:
        self.updateGeometry()
        self.update()
