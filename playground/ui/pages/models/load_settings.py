"""The editor of how one model is loaded, each setting with what it does."""

from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from playground.core.targets import FlashAttention, KvType, LoadSettings
from playground.ui.format import words_in
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_button, make_label, plain_tooltip
from playground.ui.widgets.inputs import ChoiceOrNumber, ComboBox
from playground.ui.widgets.layouts import make_flow

_SMALLEST_CONTEXT = 512
_CONTEXT_WHERE_UNKNOWN = 131_072


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """What the choices of one model go up to."""

    context_length: int | None = None
    """Tokens it was trained for."""
    automatic_context: int | None = None
    """What is taken where nobody chose."""
    layers: int | None = None
    cores: int = 1
    """What is taken for threads where nobody chose."""
    threads: int = 1
    """Processor threads there are."""


class LoadSettingsEditor(QWidget):
    """Shows `LoadSettings`, and tells new ones as soon as one of them is changed."""

    changed = Signal(object)
    """`LoadSettings` as they are now."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._settings = LoadSettings()
        self._build()
        self._connect()

    def show_settings(self, settings: LoadSettings, limits: LoadLimits) -> None:
        """Show settings, offering what makes sense within `limits`."""
        self._settings = settings
        self._context.show_value(
            settings.context,
            self._context_choices(limits),
            _SMALLEST_CONTEXT,
            limits.context_length or _CONTEXT_WHERE_UNKNOWN,
        )
        layers = limits.layers or 0
        self._gpu.show_value(
            settings.gpu_layers,
            [
                (self.tr("Automatic"), None),
                (self.tr("None: on the processor"), 0),
                (self.tr("All of them"), -1),
            ],
            0,
            max(layers + 1, 1) if layers else 999,
        )
        automatic = self.tr("Automatic ({0})").format(limits.cores)
        self._threads.show_value(settings.threads, [(automatic, None)], 1, max(limits.threads, 1))
        self._kv.choose(settings.kv_type)
        self._flash.choose(settings.flash_attention)
        clashes = (
            settings.kv_type is not KvType.F16 and settings.flash_attention is FlashAttention.OFF
        )
        self._clash.setVisible(clashes)
        self._reset.setEnabled(settings != LoadSettings())

    def _context_choices(self, limits: LoadLimits) -> list[tuple[str, Any]]:
        automatic = self.tr("Automatic")
        if limits.automatic_context is not None:
            automatic = self.tr("Automatic (~{0})").format(words_in(limits.automatic_context))
        longest = limits.context_length or _CONTEXT_WHERE_UNKNOWN
        tokens = []
        step = 2048
        while step < longest:
            tokens.append(step)
            step *= 2
        tokens.append(longest)
        return [(automatic, None)] + [
            (self.tr("~{0} ({1})").format(words_in(count), f"{count:,}"), count) for count in tokens
        ]

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(self._theme.px(4))
        self._context = ChoiceOrNumber(self._theme, self.tr("How much it keeps in mind"))
        self._gpu = ChoiceOrNumber(self._theme, self.tr("Work for the graphics card"))
        self._threads = ChoiceOrNumber(self._theme, self.tr("Processor threads"))
        self._kv = ComboBox(
            self._theme,
            self.tr("Precision of the conversation"),
            [
                (self.tr("Full"), KvType.F16),
                (self.tr("Half the memory"), KvType.Q8_0),
                (self.tr("A quarter of the memory"), KvType.Q4_0),
            ],
        )
        self._flash = ComboBox(
            self._theme,
            self.tr("Faster attention"),
            [
                (self.tr("Automatic"), FlashAttention.AUTO),
                (self.tr("On"), FlashAttention.ON),
                (self.tr("Off"), FlashAttention.OFF),
            ],
        )
        self._clash = make_label(
            self.tr("Less precision needs faster attention: set it to automatic or on."),
            "caption",
            "caution",
            wrap=True,
        )
        for control, title, technical, what in (
            (
                self._context,
                self.tr("How much it keeps in mind"),
                self.tr("context"),
                self.tr(
                    "Your prompts and its answers together. Longer takes more memory. In brackets: "
                    "the same in tokens, pieces of words."
                ),
            ),
            (
                self._gpu,
                self.tr("Work for the graphics card"),
                self.tr("GPU layers"),
                self.tr(
                    "Layers there are answered faster, and take graphics memory. Automatic: as "
                    "many as fit into the memory that is free on the card."
                ),
            ),
            (
                self._kv,
                self.tr("Precision of the conversation"),
                self.tr("KV cache type"),
                self.tr("Less precision saves memory and costs a little quality."),
            ),
            (
                self._threads,
                self.tr("Processor threads"),
                self.tr("threads"),
                self.tr("One for each core is fastest. Fewer leave room for other programs."),
            ),
            (
                self._flash,
                self.tr("Faster attention"),
                self.tr("flash attention"),
                self.tr("The same answer, worked out in blocks: less memory, more speed."),
            ),
        ):
            self._add(column, control, title, technical, what)
        column.addWidget(self._clash)
        self._reset = make_button(
            self.tr("Back to automatic"),
            tooltip=self.tr("Forget what was chosen for this model"),
            kind="flat",
        )
        column.addLayout(make_flow(self._reset))

    def _add(
        self, column: QVBoxLayout, control: QWidget, title: str, technical: str, what: str
    ) -> None:
        words = make_label(title, "control", wrap=True)
        column.addLayout(make_flow(words, 1, make_label(technical, "caption", "quiet")))
        control.setToolTip(plain_tooltip(what))
        column.addWidget(control)
        column.addWidget(make_label(what, "caption", "quiet", wrap=True))
        column.addSpacing(self._theme.px(8))

    def _connect(self) -> None:
        self._context.picked.connect(self._on_context)
        self._gpu.picked.connect(self._on_gpu)
        self._threads.picked.connect(self._on_threads)
        self._kv.picked.connect(self._on_kv)
        self._flash.picked.connect(self._on_flash)
        self._reset.clicked.connect(self._on_reset)

    def _on_context(self, value: Any) -> None:
        self._tell(replace(self._settings, context=value))

    def _on_gpu(self, value: Any) -> None:
        self._tell(replace(self._settings, gpu_layers=value))

    def _on_threads(self, value: Any) -> None:
        self._tell(replace(self._settings, threads=value))

    def _on_kv(self, value: Any) -> None:
        self._tell(replace(self._settings, kv_type=value))

    def _on_flash(self, value: Any) -> None:
        self._tell(replace(self._settings, flash_attention=value))

    def _on_reset(self) -> None:
        self._tell(LoadSettings())

    def _tell(self, settings: LoadSettings) -> None:
        if settings != self._settings:
            self._settings = settings
            self.changed.emit(settings)
