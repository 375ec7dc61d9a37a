"""SVG icons from `resources/icons`, drawn in whatever colour the theme asks for."""

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QImageReader, QPainter, QPixmap
from typing_extensions import override

from playground.resources import resource


class Icons:
    """Icons by name and colour; each is drawn when it is first painted at a size."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], QIcon] = {}

    def icon(self, name: str, color: str) -> QIcon:
        """Return the icon in `color` (`#rrggbb`); an unknown name raises `FileNotFoundError`."""
        key = (name, color)
        if key not in self._made:
            source = resource("icons", f"{name}.svg").read_text(encoding="utf-8")
            self._made[key] = QIcon(_SvgEngine(source.replace("currentColor", color).encode()))
        return self._made[key]


class _SvgEngine(QIconEngine):
    """Engine on Qt's SVG image plugin, so that no further module is imported."""

    def __init__(self, source: bytes) -> None:
        super().__init__()
        self._source = source
        self._pixmaps: dict[tuple[int, int], QPixmap] = {}

    @override
    def clone(self) -> QIconEngine:
        return _SvgEngine(self._source)

    @override
    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        ratio = painter.device().devicePixelRatio()
        pixmap = self.scaledPixmap(rect.size() * ratio, mode, state, ratio)
        if mode is QIcon.Mode.Disabled:
            painter.setOpacity(0.4)
        painter.drawPixmap(rect, pixmap)

    @override
    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    @override
    def scaledPixmap(
        self, size: QSize, _mode: QIcon.Mode, _state: QIcon.State, scale: float
    ) -> QPixmap:
        key = (size.width(), size.height())
        if key not in self._pixmaps:
            buffer = QBuffer()
            buffer.setData(QByteArray(self._source))
            buffer.open(QIODevice.OpenModeFlag.ReadOnly)
            reader = QImageReader(buffer, QByteArray(b"svg"))
            reader.setScaledSize(size)
            pixmap = QPixmap.fromImage(reader.read())
            if pixmap.isNull():
                pixmap = QPixmap(size)
                pixmap.fill(Qt.GlobalColor.transparent)
            self._pixmaps[key] = pixmap
        pixmap = self._pixmaps[key]
        pixmap.setDevicePixelRatio(scale)
        return pixmap
