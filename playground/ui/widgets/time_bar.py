"""The thin bar above an answer: grey loading, amber reading the prompt, accent writing."""

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from playground.ui.theme.theme import Theme


@dataclass(frozen=True, slots=True)
class Spans:
    """Seconds spent in each stage so far."""

    loading_s: float = 0.0
    reading_s: float = 0.0
    writing_s: float = 0.0

    @property
    def total_s(self) -> float:
        """All stages together."""
        return self.loading_s + self.reading_s + self.writing_s


class TimeBar(QWidget):
    """Shows `Spans` on a scale all panes share."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._spans = Spans()
        self._scale_s = 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Time"))

    def set_spans(self, spans: Spans, scale_s: float) -> None:
        """Show `spans`; the whole bar is `scale_s` seconds."""
        if (spans, scale_s) == (self._spans, self._scale_s):
            return
        self._spans, self._scale_s = spans, max(scale_s, 1e-3)
        self.setToolTip(self._explanation() if spans.total_s else "")
        self.update()

    def sizeHint(self) -> QSize:
        """Qt: as thin as two hairs of type."""
        return QSize(60, self._theme.px(6))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Qt: draw the stages one behind the other."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        shape = QPainterPath()
        shape.addRoundedRect(area, area.height() / 2, area.height() / 2)
        painter.setClipPath(shape)
        painter.fillRect(area, self._theme.color("track"))
        left = 0.0
        spans = self._spans
        for seconds, token in (
            (spans.loading_s, "loading"),
            (spans.reading_s, "reading"),
            (spans.writing_s, "accent"),
        ):
            width = area.width() * seconds / self._scale_s
            if width > 0:
                width = max(width, 2.0)
                painter.fillRect(QRectF(left, 0, width, area.height()), self._theme.color(token))
                left += width
        painter.setPen(Qt.PenStyle.NoPen)

    def _explanation(self) -> str:
        parts = []
        for seconds, words in (
            (self._spans.loading_s, self.tr("loading the model {seconds} s")),
            (self._spans.reading_s, self.tr("reading the prompt {seconds} s")),
            (self._spans.writing_s, self.tr("writing {seconds} s")),
        ):
            if seconds > 0:
                parts.append(words.format(seconds=f"{seconds:.1f}"))
        return self.tr("Time, on the same scale for every answer: {parts}").format(
            parts=", ".join(parts)
        )
