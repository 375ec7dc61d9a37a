"""Bars of coloured segments: the parts of a model's memory, the time of an answer."""

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize
from PySide6.QtGui import QHelpEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget
from typing_extensions import override

from playground.ui.format import exact_bytes
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import plain_tooltip

_MOST_ROOM = 3
"""The bar is never longer than so many times its parts."""


def paint_segments(widget: QWidget, theme: Theme, segments: Iterable[tuple[float, str]]) -> None:
    """Fill a widget with a rounded bar: shares of its width from the left, each with its colour.

    A share that is there is never invisible. What they leave of the bar is its track.
    """
    painter = QPainter(widget)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    whole = QRectF(widget.rect())
    shape = QPainterPath()
    shape.addRoundedRect(whole, whole.height() / 2, whole.height() / 2)
    painter.setClipPath(shape)
    painter.fillRect(whole, theme.color("track"))
    left = 0.0
    for share, tone in segments:
        if share > 0:
            width = max(2.0, whole.width() * share)
            painter.fillRect(QRectF(left, 0, width, whole.height()), theme.color(tone))
            left += width


@dataclass(frozen=True, slots=True)
class MemoryPart:
    """One part of the bar."""

    label: str
    size_bytes: int
    tone: str
    """A token of `Palette`."""


class MemoryBar(QWidget):
    """Parts side by side on the scale of what is free; the exact figures are in the tooltip."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._parts: tuple[MemoryPart, ...] = ()
        self._room_bytes = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.updateGeometry)

    def show_parts(self, parts: tuple[MemoryPart, ...], room_bytes: int) -> None:
        """Show `parts` and how much of `room_bytes` they leave, as far as that can be drawn."""
        self._parts = parts
        self._room_bytes = room_bytes
        self.setAccessibleName(self._text())
        self.update()

    def _text(self) -> str:
        lines = [f"{part.label}: {exact_bytes(part.size_bytes)}" for part in self._parts]
        total = sum(part.size_bytes for part in self._parts)
        lines.append(self.tr("Together: {0}").format(exact_bytes(total)))
        lines.append(self.tr("Free on this computer: {0}").format(exact_bytes(self._room_bytes)))
        return "\n".join(lines)

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._parts:
            QToolTip.showText(event.globalPos(), plain_tooltip(self._text()), self)
            return True
        return super().event(event)

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(120), self._theme.px(11))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        need = sum(part.size_bytes for part in self._parts)
        # beside plenty of free memory a small model's parts would be too narrow to tell apart
        scale = max(min(self._room_bytes, need * _MOST_ROOM), need, 1)
        segments = [(part.size_bytes / scale, part.tone) for part in self._parts]
        paint_segments(self, self._theme, segments)


@dataclass(frozen=True, slots=True)
class Spans:
    """Seconds spent in each stage so far; loading a model is not counted."""

    reading_s: float = 0.0
    writing_s: float = 0.0

    @property
    def total_s(self) -> float:
        return self.reading_s + self.writing_s


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
        self.setToolTip(plain_tooltip(self._explanation() if spans.total_s else ""))
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(60, self._theme.px(6))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        segments = (
            (self._spans.reading_s / self._scale_s, "reading"),
            (self._spans.writing_s / self._scale_s, "accent"),
        )
        paint_segments(self, self._theme, segments)

    def _explanation(self) -> str:
        parts = []
        for seconds, words in (
            (self._spans.reading_s, self.tr("reading the prompt {seconds} s")),
            (self._spans.writing_s, self.tr("writing {seconds} s")),
        ):
            if seconds > 0:
                parts.append(words.format(seconds=f"{seconds:.1f}"))
        return self.tr("Time, on the same scale for every answer: {parts}").format(
            parts=", ".join(parts)
        )
