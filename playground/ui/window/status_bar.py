"""The strip that is always there: processor, memory, graphics, and what this program uses."""

from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from playground.core.runs import HostContact
from playground.ui.bridge import Bridge, Follower
from playground.ui.format import UNKNOWN, host_words, sent_words, size_words
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import ElidedLabel, breakable, make_label, plain_tooltip
from playground.ui.widgets.layouts import NO_MARGINS, make_row

if TYPE_CHECKING:
    from playground.services.machine.gpu import GpuSample
    from playground.services.machine.telemetry import Sample
    from playground.ui.widgets.details import DetailsPopup, Row

SAMPLES = 60
_KEPT = 600
"""Samples kept for the charts: ten minutes at one a second."""


class Sparkline(QWidget):
    """Takes shares of 0 … 1, one a second; `None` leaves a gap."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._values: deque[float | None] = deque(maxlen=SAMPLES)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def add(self, share: float | None) -> None:
        self._values.append(None if share is None else min(1.0, max(0.0, share)))
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(60), self._theme.px(16))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        # the newest value is at the right
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


_WIDEST = "100 %"


class Meter(QWidget):
    """Name and value in small type beside a sparkline."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._name = name
        self._value = make_label("—", "strip")
        self._value.setFont(theme.font("strip"))
        self.line = Sparkline(theme)
        label = make_label(name, "strip", "quiet")
        make_row(
            label, self._value, self.line, parent=self, margins=NO_MARGINS, spacing=theme.px(5)
        )

    def show_value(self, text: str, share: float | None) -> None:
        """Show `text` and add `share` (0 … 1) to the line."""
        self.show_words(text)
        self.line.add(share)

    def show_words(self, text: str) -> None:
        self._value.setText(text)
        # not one digit narrower at every other sample, and never narrower than its text: the
        # layout gives a label its new width only after it has been painted
        advance = self._value.fontMetrics().horizontalAdvance
        self._value.setMinimumWidth(max(advance(text), advance(_WIDEST)) + 2)
        layout = self.layout()
        if layout is not None:
            layout.activate()
        self.setAccessibleName(f"{self._name} {text}")


_LINES_FROM = 1000
"""Width of the window, in units of text, from which there are sparklines and remarks."""


class StatusBar(QWidget):
    """Live meters in one line; a click asks for the charts."""

    opened = Signal()
    """A person wants to see more."""
    sampled = Signal()
    """There is another sample in `history`."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._follower: Follower | None = None
        self._sample: Sample | None = None
        self.history: deque[Sample] = deque(maxlen=_KEPT)
        """The samples of the last minutes, the newest last."""
        self._sent_now: Callable[[], Sequence[HostContact]] = tuple
        self._gpus: list[Meter] = []
        self._popup: DetailsPopup | None = None
        self._build()
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def follow(
        self,
        bridge: Bridge,
        samples: Callable[[], "AsyncGenerator[Sample, None]"],
        sent: Callable[[], Sequence[HostContact]],
    ) -> None:
        """Show each sample, and what has been `sent` out until then."""
        self._sent_now = sent
        self._follower = bridge.follow(samples, self._on_samples, hz=2)

    def _on_samples(self, samples: "list[Sample]") -> None:
        self.history.extend(samples[:-1])
        self.show_sample(samples[-1])

    def show_sample(self, sample: "Sample") -> None:
        self._sample = sample
        self.history.append(sample)
        self.sampled.emit()
        cpu = sample.cpu_percent
        self._cpu.show_value(_percent(cpu), _share(cpu))
        self._ram.show_value(
            _of(sample.ram_used_bytes, sample.ram_total_bytes),
            sample.ram_used_bytes / sample.ram_total_bytes if sample.ram_total_bytes else None,
        )
        self._show_gpus(sample)
        names = ", ".join(worker.name for worker in sample.workers)
        self._loaded.set_full_text(self.tr("Loaded: {names}").format(names=names) if names else "")
        own = sample.program_rss_bytes + sum(worker.rss_bytes for worker in sample.workers)
        self._own.setText(self.tr("This app {size}").format(size=size_words(own)))
        contacts = self._sent_now()
        total = size_words(sum(contact.bytes_sent or 0 for contact in contacts))
        words = self.tr("{size} sent out").format(size=total)
        self._sent.setText(words if contacts else self.tr("Nothing sent out"))
        self._sent.setToolTip(plain_tooltip(sent_words(contacts)))
        self._fit()
        if self._popup is not None:
            self._popup.set_rows(self._rows(sample))

    def stop(self) -> None:
        if self._follower is not None:
            self._follower.cancel()
            self._follower = None

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.opened.emit()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _build(self) -> None:
        self.setObjectName("strip")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(self.tr("Meters of this computer"))
        self.setToolTip(self.tr("Click for large charts and every exact figure"))
        self._cpu = Meter(self._theme, self.tr("Processor"))
        self._ram = Meter(self._theme, self.tr("Memory"))
        self._note = ElidedLabel("", "strip", "quiet")
        self._loaded = ElidedLabel("", "strip", "quiet")
        self._sent = make_label("", "strip")
        self._own = make_label("", "strip")
        self._row = make_row(
            self._cpu, self._ram, self._note, 1, self._loaded, self._sent, self._own, parent=self
        )

    def _show_gpus(self, sample: "Sample") -> None:
        while len(self._gpus) < len(sample.gpus):
            meter = Meter(self._theme, self.tr("Graphics"))
            self._row.insertWidget(2 + len(self._gpus), meter)
            self._gpus.append(meter)
        for meter, gpu in zip(self._gpus, sample.gpus, strict=False):
            meter.show_value(self._gpu_words(gpu), _share(gpu.load_percent))
        self._note.set_full_text("" if sample.gpus else sample.gpu_note or "")

    def _gpu_words(self, gpu: "GpuSample") -> str:
        parts = [gpu.name, _percent(gpu.load_percent)]
        if gpu.memory_total_bytes is not None and gpu.memory_used_bytes is not None:
            parts.append(_of(gpu.memory_used_bytes, gpu.memory_total_bytes))
        if gpu.temperature_c is not None:
            parts.append(f"{gpu.temperature_c:.0f} °C")
        if gpu.power_w is not None:
            parts.append(f"{gpu.power_w:.0f} W")
        return " · ".join(parts)

    def show_details(self, anchor: QWidget) -> None:
        """Show every exact figure in a popup at `anchor`."""
        if self._sample is None:
            return
        from playground.ui.widgets.details import DetailsPopup  # noqa: PLC0415 - not on the way to the first prompt

        self._popup = DetailsPopup(self._theme, self.tr("This computer, right now"), anchor)
        self._popup.destroyed.connect(self._forget_popup)
        self._popup.set_rows(self._rows(self._sample))
        self._popup.show_at(anchor)

    def _forget_popup(self) -> None:
        self._popup = None

    def _rows(self, sample: "Sample") -> "list[Row]":
        rows: list[Row] = [
            (self.tr("Processor"), _percent(sample.cpu_percent, 1), self.tr("of all cores")),
            (
                self.tr("Memory"),
                _of(sample.ram_used_bytes, sample.ram_total_bytes),
                self.tr("{bytes} bytes used").format(bytes=f"{sample.ram_used_bytes:,}"),
            ),
            (
                self.tr("Processor's power"),
                UNKNOWN if sample.power_w is None else f"{sample.power_w:.1f} W",
                "" if sample.power_w is not None else self.tr("this computer does not tell"),
            ),
        ]
        if sample.computer_power_w is not None:
            watts = f"{sample.computer_power_w:.1f} W"
            rows.append((self.tr("Whole computer's power"), watts, self.tr("processor included")))
        rows.extend(
            (self.tr("Graphics"), self._gpu_words(gpu), self.tr("of the whole card"))
            for gpu in sample.gpus
        )
        if not sample.gpus:
            rows.append((self.tr("Graphics"), UNKNOWN, sample.gpu_note or ""))
        rows.append(
            (
                self.tr("This program"),
                size_words(sample.program_rss_bytes),
                self._use_words(sample.program_rss_bytes, sample.program_cpu_percent),
            )
        )
        rows.extend(
            (
                breakable(worker.name),
                size_words(worker.rss_bytes),
                self._use_words(worker.rss_bytes, worker.cpu_percent)
                + self.tr(", process {pid}").format(pid=worker.pid),
            )
            for worker in sample.workers
        )
        contacts = self._sent_now()
        rows.extend(
            (
                self.tr("Sent out"),
                size_words(contact.bytes_sent),
                self.tr("to {host}").format(host=host_words(contact)),
            )
            for contact in contacts
        )
        if not contacts:
            rows.append((self.tr("Sent out"), self.tr("nothing"), sent_words(contacts)))
        return rows

    def _use_words(self, rss_bytes: int, cpu_percent: float | None) -> str:
        return self.tr("{bytes} bytes, {percent} of the processor").format(
            bytes=f"{rss_bytes:,}", percent=_percent(cpu_percent, 1)
        )

    def _fit(self) -> None:
        """Show what there is room for; everything is in the details, one click away."""
        is_wide = self.width() >= self._theme.px(_LINES_FROM)
        for meter in (self._cpu, self._ram, *self._gpus):
            meter.line.setVisible(is_wide)
        margins = self._row.contentsMargins()
        room = self.width() - margins.left() - margins.right() + self._row.spacing()
        shown = self._sample.gpus if self._sample is not None else ()
        for meter, gpu in zip(self._gpus, shown, strict=False):
            meter.show_words(self._gpu_words(gpu) if is_wide else _percent(gpu.load_percent))
        wanted: tuple[tuple[QWidget, bool], ...] = (
            (self._cpu, True),
            (self._ram, True),
            *((meter, index < len(shown)) for index, meter in enumerate(self._gpus)),
            (self._sent, True),
            (self._own, True),
            (self._loaded, is_wide),
            (self._note, is_wide),
        )
        for part, is_wanted in wanted:
            needed = part.sizeHint().width() + self._row.spacing()
            is_shown = is_wanted and needed <= room
            part.setVisible(is_shown)
            room -= needed if is_shown else 0

    def _apply_theme(self) -> None:
        px = self._theme.px
        self._row.setContentsMargins(px(16), px(5), px(16), px(6))
        self._row.setSpacing(px(22))
        self._fit()


def _percent(value: float | None, digits: int = 0) -> str:
    return UNKNOWN if value is None else f"{value:.{digits}f} %"


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _of(used: int, total: int) -> str:
    return f"{used / 1e9:.1f} of {total / 1e9:.0f} GB"
