"""One card for each provider, and one for the practice cloud."""

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QVBoxLayout

from playground.core.targets import Tier
from playground.ui.pages.providers.entries import (
    PracticeEntry,
    ProviderEntry,
    tier_explained,
    tier_words,
)
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.badge import Badge
from playground.ui.widgets.basics import ElidedLabel, IconButton, make_button, make_label

_PERMILLE = 1000


class ProviderCard(QFrame):
    """Name, kind, address, key and models of one provider, with what can be done."""

    test_asked = Signal(str)
    models_asked = Signal(str)
    edit_asked = Signal(str)
    remove_asked = Signal(str)
    """Each with the provider's id."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._id = ""
        self._build()
        self._connect()

    def show_entry(self, entry: ProviderEntry) -> None:
        """Show a provider as it is now."""
        provider = entry.provider
        self._id = provider.id
        self.setAccessibleName(provider.name)
        self._name.set_full_text(provider.name)
        is_here = provider.is_loopback
        self._place.set_badge(
            self.tr("On this computer") if is_here else self.tr("In the cloud"),
            "here" if is_here else "cloud",
            "home" if is_here else "cloud",
        )
        if provider.tier is Tier.OWN_SERVER and not is_here:
            self._place.set_badge(self.tr("In your network"), "cloud", "cloud")
        self._tier.set_badge(tier_words(provider.tier))
        self._tier.setToolTip(tier_explained(provider.tier))
        self._address.set_full_text(provider.base_url)
        self._key.setText(entry.key_words)
        set_role(self._key, "caption", entry.key_tone)
        self._show_state(entry)
        for button, words in (
            (self._test, self.tr("Test {0}")),
            (self._models, self.tr("Models and prices of {0}")),
            (self._edit, self.tr("Edit {0}")),
            (self._remove, self.tr("Remove {0}")),
        ):
            button.setAccessibleName(words.format(provider.name))

    def _show_state(self, entry: ProviderEntry) -> None:
        self._test.setEnabled(not entry.is_testing)
        self._test.setText(self.tr("Testing…") if entry.is_testing else self.tr("Test connection"))
        self._models.setVisible(bool(entry.models))
        words, tone = "", "quiet"
        if entry.problem:
            words, tone = entry.problem, "bad"
        elif entry.models is not None and not entry.models:
            words, tone = self.tr("It answers, but offers no models."), "caution"
        elif entry.models is not None:
            priced = sum(model.price is not None for model in entry.models)
            count = len(entry.models)
            some = self.tr("1 model") if count == 1 else self.tr("{0} models").format(count)
            words = self.tr("Connected: {0}, {1} with a known price").format(some, priced)
            tone = "here"
        self._state.setText(words)
        set_role(self._state, "caption", tone)
        self._state.setVisible(bool(words))

    def _build(self) -> None:
        px = self._theme.px
        self.setProperty("card", "true")
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(12), px(12), px(12))
        column.setSpacing(px(5))
        self._name = ElidedLabel(role="heading")
        self._place = Badge(self._theme)
        self._tier = Badge(self._theme)
        for badge in (self._place, self._tier):
            badge.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._test = make_button(
            "", tooltip=self.tr("Ask it which models it offers. Nothing of yours is sent.")
        )
        self._models = make_button(
            self.tr("Models and prices"), tooltip=self.tr("What it offers, and what that costs")
        )
        self._edit = IconButton(self._theme, "edit", self.tr("Edit"))
        self._remove = IconButton(self._theme, "trash", self.tr("Remove"))
        head = QHBoxLayout()
        head.setSpacing(px(8))
        head.addWidget(self._name)
        head.addWidget(self._place)
        head.addWidget(self._tier)
        head.addStretch(1)
        for button in (self._models, self._test, self._edit, self._remove):
            head.addWidget(button)
        column.addLayout(head)
        self._address = ElidedLabel(role="caption", tone="quiet")
        self._key = make_label(role="caption", tone="quiet")
        line = QHBoxLayout()
        line.setSpacing(px(14))
        line.addWidget(self._address)
        line.addWidget(self._key)
        line.addStretch(1)
        column.addLayout(line)
        self._state = make_label(role="caption", wrap=True)
        column.addWidget(self._state)

    def _connect(self) -> None:
        self._test.clicked.connect(self._on_test)
        self._models.clicked.connect(self._on_models)
        self._edit.clicked.connect(self._on_edit)
        self._remove.clicked.connect(self._on_remove)

    def _on_test(self) -> None:
        self.test_asked.emit(self._id)

    def _on_models(self) -> None:
        self.models_asked.emit(self._id)

    def _on_edit(self) -> None:
        self.edit_asked.emit(self._id)

    def _on_remove(self) -> None:
        self.remove_asked.emit(self._id)


class PracticeCard(QFrame):
    """Starts and stops the practice cloud; always says that it is on this computer."""

    toggled = Signal()
    compare_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._build()
        self._button.clicked.connect(self.toggled)
        self._compare.clicked.connect(self.compare_asked)
        theme.changed.connect(self._wear)
        self._wear()

    def show_entry(self, entry: PracticeEntry) -> None:
        """Show it as it is now."""
        if entry.is_starting:
            self._button.setText(self.tr("Stop starting"))
        elif entry.is_running:
            self._button.setText(self.tr("Stop"))
        else:
            self._button.setText(self.tr("Start"))
        self._button.setAccessibleName(
            self.tr("{0} the practice cloud").format(self._button.text())
        )
        self._compare.setVisible(entry.is_running)
        self._progress.setVisible(entry.is_starting)
        self._progress.setValue(round(entry.fraction * _PERMILLE))
        words, tone = "", "quiet"
        if entry.problem:
            words, tone = entry.problem, "bad"
        elif entry.is_starting:
            words = self.tr("Starting… {0}").format(entry.doing).strip()
        elif entry.is_running:
            words, tone = self.tr("Running on this computer."), "here"
        self._state.setText(words)
        set_role(self._state, "caption", tone)
        self._state.setVisible(bool(words))

    def _build(self) -> None:
        px = self._theme.px
        self.setProperty("card", "true")
        self.setAccessibleName(self.tr("Practice cloud (on this computer)"))
        row = QHBoxLayout(self)
        row.setContentsMargins(px(16), px(12), px(12), px(12))
        row.setSpacing(px(12))
        self._icon = QLabel()
        row.addWidget(self._icon)
        column = QVBoxLayout()
        column.setSpacing(px(4))
        head = QHBoxLayout()
        head.setSpacing(px(8))
        head.addWidget(make_label(self.tr("Practice cloud (on this computer)"), "heading"))
        head.addWidget(Badge(self._theme, self.tr("No key needed"), "here", "home"))
        head.addStretch(1)
        column.addLayout(head)
        column.addWidget(
            make_label(
                self.tr(
                    "A stand-in for a cloud provider that runs on this computer: no key, no "
                    "internet, no cost. Its speed is this computer's, not a real cloud's."
                ),
                "caption",
                "quiet",
                wrap=True,
            )
        )
        self._state = make_label(role="caption", wrap=True)
        self._progress = QProgressBar()
        self._progress.setRange(0, _PERMILLE)
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName(self.tr("How far the practice cloud has started"))
        column.addWidget(self._state)
        column.addWidget(self._progress)
        row.addLayout(column, 1)
        self._button = make_button(
            "", tooltip=self.tr("Try a whole comparison without any key or internet")
        )
        self._compare = make_button(
            self.tr("Try it"),
            tooltip=self.tr("Open the Compare page, where you can ask it something"),
            name=self.tr("Try the practice cloud"),
        )
        row.addWidget(self._compare)
        row.addWidget(self._button)

    def _wear(self) -> None:
        side = self._theme.px(26)
        icon = self._theme.icon("cloud", "here")
        self._icon.setPixmap(icon.pixmap(QSize(side, side)))
