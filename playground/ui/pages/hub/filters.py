"""What narrows a search: size, licence, purpose, and whether it runs here."""

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from playground.core.hub import HubQuery, HubSort
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_button
from playground.ui.widgets.flow_layout import FlowLayout
from playground.ui.widgets.inputs import ChoiceBox
from playground.ui.widgets.tick_box import TickBox

_B = 10**9
_GB = 10**9


class Filters(QWidget):
    """Choices in a line that goes on in the next where there is no room."""

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._build()
        self._connect()
        self._wear()

    @property
    def query(self) -> HubQuery:
        """What is chosen, without the words."""
        low, high = self._parameters.value
        return HubQuery(
            sort=self._sort.value,
            min_parameters=low,
            max_parameters=high,
            max_size_bytes=self._size.value,
            licence=self._licence.value,
            task=self._task.value,
            fits_only=self._fits.isChecked(),
        )

    @property
    def is_filtering(self) -> bool:
        """True where anything but the order is chosen."""
        return replace(self.query, sort=HubSort.TRENDING) != HubQuery()

    def clear(self) -> None:
        """Filter nothing; the order stays."""
        if not self.is_filtering:
            return
        for box in (self._size, self._parameters, self._licence, self._task):
            box.setCurrentIndex(0)
        self._fits.blockSignals(True)
        self._fits.setChecked(False)
        self._fits.blockSignals(False)
        self._on_changed()

    def _build(self) -> None:
        tr, theme = self.tr, self._theme
        self._fits = TickBox(
            theme,
            tr("Runs on this computer"),
            tr("Only models that go into this computer's memory, as far as one can tell by size"),
        )
        self._task = ChoiceBox(
            theme,
            tr("What it is for"),
            [
                (tr("For anything"), None),
                (tr("Writing and chat"), "text-generation"),
                (tr("Looking at pictures"), "image-text-to-text"),
                (tr("Translation"), "translation"),
                (tr("Summaries"), "summarization"),
                (tr("Finding similar texts"), "feature-extraction"),
            ],
        )
        self._size = ChoiceBox(
            theme,
            tr("Largest download"),
            [(tr("Any size"), None)]
            + [(tr("Up to {0} GB").format(size), size * _GB) for size in (1, 2, 5, 10, 25)],
        )
        self._parameters = ChoiceBox(
            theme,
            tr("How large a model: its number of parameters"),
            [
                (tr("Any model"), (None, None)),
                (tr("Tiny: up to 1 billion"), (None, _B)),
                (tr("Small: 1–4 billion"), (_B, 4 * _B)),
                (tr("Medium: 4–10 billion"), (4 * _B, 10 * _B)),
                (tr("Large: 10–40 billion"), (10 * _B, 40 * _B)),
                (tr("Huge: over 40 billion"), (40 * _B, None)),
            ],
        )
        self._licence = ChoiceBox(
            theme,
            tr("Licence"),
            [
                (tr("Any licence"), None),
                ("Apache 2.0", "apache-2.0"),
                ("MIT", "mit"),
                ("Gemma", "gemma"),
                ("Llama 3.1", "llama3.1"),
                ("Llama 3.2", "llama3.2"),
                ("CC BY 4.0", "cc-by-4.0"),
            ],
        )
        self._sort = ChoiceBox(
            theme,
            tr("Order"),
            [
                (tr("Popular right now"), HubSort.TRENDING),
                (tr("Most downloads"), HubSort.DOWNLOADS),
                (tr("Most likes"), HubSort.LIKES),
                (tr("Newest first"), HubSort.UPDATED),
            ],
        )
        self._clear = make_button(
            tr("Clear filters"), self.clear, kind="flat", tooltip=tr("Show every model again")
        )
        self._clear.hide()
        self._flow = FlowLayout(self)
        for box, what in (
            (self._task, tr("What the model was made for")),
            (self._size, tr("There is a version that is no larger to download")),
            (self._parameters, tr("More parameters know more and need more memory")),
            (self._licence, tr("What you may do with it and its answers")),
            (self._sort, tr("Which models come first")),
        ):
            box.setToolTip(what)
        for widget in (
            self._sort,
            self._task,
            self._size,
            self._parameters,
            self._licence,
            self._fits,
            self._clear,
        ):
            self._flow.addWidget(widget)

    def _connect(self) -> None:
        self._theme.changed.connect(self._wear)
        for box in (self._task, self._size, self._parameters, self._licence, self._sort):
            box.picked.connect(self._on_changed)
        self._fits.toggled.connect(self._on_changed)

    def _wear(self) -> None:
        px = self._theme.px
        widths = (
            (self._task, 168),
            (self._size, 118),
            (self._parameters, 178),
            (self._licence, 126),
            (self._sort, 176),
        )
        for box, width in widths:
            box.setFixedWidth(px(width))

    def _on_changed(self, _value: object = None) -> None:
        self._clear.setVisible(self.is_filtering)
        self.changed.emit()
