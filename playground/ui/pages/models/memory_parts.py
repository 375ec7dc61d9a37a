"""Where a model's memory goes: a bar of its parts beside what is free, and the figures in words."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from playground.core.requirements.memory import MemoryNeed
from playground.core.requirements.model import Requirements
from playground.ui.theme.theme import Theme
from playground.ui.widgets.amounts import exact_bytes, size_words, words_in
from playground.ui.widgets.bars import MemoryBar, MemoryPart
from playground.ui.widgets.basics import make_label


class MemoryParts(QWidget):
    """Weights, conversation, working space, and what sees pictures."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(6))
        self._where = make_label(role="caption", tone="quiet", wrap=True)
        self._bar = MemoryBar(theme)
        self._legend = make_label(role="caption", tone="quiet", wrap=True)
        for widget in (self._where, self._bar, self._legend):
            column.addWidget(widget)

    @property
    def legend(self) -> str:
        """The figures in words."""
        return self._legend.text()

    def show_needs(self, needs: Requirements) -> None:
        """Show the parts of what a model needs."""
        need = needs.need
        self._where.setText(
            self.tr("Where the memory goes, at ~{0}").format(words_in(need.context))
        )
        self._where.setToolTip(self.tr("Exactly {0} tokens").format(f"{need.context:,}"))
        parts = [
            MemoryPart(self._model_words(need), need.weights_bytes, "accent"),
            MemoryPart(self.tr("Conversation"), need.kv_bytes, "cloud"),
            MemoryPart(self.tr("Working space (≈)"), need.compute_bytes, "reading"),
        ]
        words = self.tr("model {0} · conversation {1} · working space ≈\N{NO-BREAK SPACE}{2}")
        sizes = [need.weights_bytes, need.kv_bytes, need.compute_bytes]
        if need.projector_bytes:
            parts.append(MemoryPart(self.tr("Pictures (≈)"), need.projector_bytes, "here"))
            words += self.tr(" · pictures ≈\N{NO-BREAK SPACE}{3}")
            sizes.append(need.projector_bytes)
        self._bar.show_parts(tuple(parts), needs.free_bytes)
        # a number stays in one line with its unit
        shown = (size_words(size).replace(" ", "\N{NO-BREAK SPACE}") for size in sizes)
        legend = words.format(*shown)
        if needs.card_layers:
            legend += self.tr(" · of it {0} on the graphics card").format(
                size_words(needs.card_bytes)
            )
        self._legend.setText(legend)

    def _model_words(self, need: MemoryNeed) -> str:
        if not need.repacked_bytes:
            return self.tr("Model")
        return self.tr("Model, with {0} of it rearranged for this processor").format(
            exact_bytes(need.repacked_bytes)
        )
