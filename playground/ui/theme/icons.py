"""SVG icons from `resources/icons`, drawn in whatever colour the theme asks for."""

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QImageReader, QPainter, QPixmap
from typing_extensions import override

from playground.resources import resource


def make_icon(name: str, color: str) -> QIcon:
    """Return an icon in `color` (`#rrggbb`), drawn when it is first painted at a size.

    An unknown name raises `FileNotFoundError`.
    """
    source = resource("icons", f"{name}.svg").read_text(encoding="utf-8")
    return QIcon(_SvgEngine(source.replace("currentColor", color).encode()))


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
