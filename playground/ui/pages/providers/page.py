"""The Providers page: who else can answer, and what is known of each."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QCoreApplication, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from playground.core.targets import CloudModel, ModelPrice, Place, Provider, Tier
from playground.services.providers.practice import PracticeState, PracticeStatus
from playground.services.providers.service import KeyLocation
from playground.store.secrets import KeySource
from playground.ui.format import PLACE_LOOKS
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.basics import (
    Badge,
    ElidedLabel,
    IconButton,
    make_button,
    make_card,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.empty_state import EmptyState
from playground.ui.widgets.layouts import (
    NO_MARGINS,
    make_column,
    make_flow,
    make_row,
    make_scroll_area,
)
from playground.ui.window.page import Page


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """A provider as its card shows it."""

    provider: Provider
    key_words: str = ""
    """Where its key is, in words; empty while that is being looked up."""
    key_tone: str = "quiet"
    key_note: str = ""
    """The same in the field's words, for those who hover."""
    is_testing: bool = False
    models: tuple[CloudModel, ...] | None = None
    """What it offered when it was asked; `None` before that."""
    problem: str = ""
    """Why it could not be asked, and what to try."""
    lacks_list: bool = False
    """It answers, but has no list of its models: they have to be named."""
    has_moved: bool = False
    """It was found at its address with /v1, which is kept."""
    is_address_wrong: bool = False
    """The last test found nobody at its address, or something that is no API."""
    key_action: str = ""
    """What can be done about a key that is missing, in words; empty where it is not."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("ProvidersPage", text)


def tier_words(tier: Tier) -> str:
    """Return a provider's kind in words that need no explanation."""
    return {
        Tier.AAA: _tr("Big name"),
        Tier.STUDIO: _tr("Specialist"),
        Tier.OWN_SERVER: _tr("Your own server"),
        Tier.INDIE: _tr("On this computer"),
    }[tier]


def tier_explained(tier: Tier) -> str:
    return {
        Tier.AAA: _tr("One of the big, well-known products: clever, costly, your words leave here"),
        Tier.STUDIO: _tr("A specialised service: often faster or cheaper, your words leave here"),
        Tier.OWN_SERVER: _tr("A server you run yourself, on this computer or in your network"),
        Tier.INDIE: _tr("A model file on this computer"),
    }[tier]


def with_key(entry: ProviderEntry, key: KeyLocation) -> ProviderEntry:
    """Return the entry with where the provider's key is, and what can be done about that."""
    words, tone, action, note = "", "caution", "", ""
    match key.source:
        case KeySource.KEYRING:
            words, tone = _tr("Key kept safely by this system"), "quiet"
            note = _tr("In the system's keyring")
        case KeySource.SESSION:
            words = _tr("Key kept for this run of the program only")
        case KeySource.ENVIRONMENT:
            words = _tr("Key from this system's variable {0}").format(key.variable)
            tone, note = "quiet", _tr("Environment variable {0}").format(key.variable)
        case _ if key.is_lost:
            words = _tr("The key was kept only until the program ended")
            action = _tr("Enter the key again")
        case _ if entry.provider.tier is Tier.OWN_SERVER:
            words, tone = _tr("No key: your own server may not need one"), "quiet"
        case _:
            words, action = _tr("No key yet"), _tr("Enter the key")
    return replace(entry, key_words=words, key_tone=tone, key_action=action, key_note=note)


def price_words(usd_per_mtok: float | None) -> str:
    """Return a price per million tokens: `$0.15`, or a dash for unknown."""
    if usd_per_mtok is None:
        return "—"
    digits = 2 if usd_per_mtok >= 0.1 or usd_per_mtok == 0 else 4
    return f"${usd_per_mtok:,.{digits}f}"


def price_source(price: ModelPrice | None) -> str:
    if price is None:
        return _tr("unknown")
    return _tr("yours") if price.source == "yours" else price.source


_PERMILLE = 1000
_CARDS_AT_ONCE = 4
"""New cards that are built at once: each takes 10 ms and more."""


def _show_state(label: QLabel, words: str, tone: str) -> None:
    """Show a card's last line, or none where there is nothing to say."""
    label.setText(words)
    set_role(label, "caption", tone)
    label.setVisible(bool(words))


class ProviderCard(QFrame):
    """Name, kind, address, key and models of one provider, with what can be done.

    `asked` gets the provider's id and `key`, `try`, `test`, `models`, `edit` or `remove`.
    """

    def __init__(self, theme: Theme, asked: Callable[[str, str], None]) -> None:
        super().__init__()
        self._theme = theme
        self._asked = asked
        self._id = ""
        self.entry: ProviderEntry | None = None
        """What is shown."""
        self._build()

    def show_entry(self, entry: ProviderEntry) -> None:
        self.entry = entry
        provider = entry.provider
        self._id = provider.id
        self.setAccessibleName(provider.name)
        self._name.set_full_text(provider.name)
        places = {
            Place.LOCAL: self.tr("On this computer"),
            Place.NETWORK: self.tr("In your network"),
            Place.CLOUD: self.tr("In the cloud"),
        }
        self._place.set_badge(places[provider.place], *PLACE_LOOKS[provider.place])
        self._tier.set_badge(tier_words(provider.tier))
        self._tier.setToolTip(tier_explained(provider.tier))
        self._address.set_full_text(provider.base_url)
        self._key.setText(entry.key_words)
        self._key.setToolTip(plain_tooltip(entry.key_note))
        set_role(self._key, "caption", entry.key_tone)
        self._show_state(entry)
        self._buttons["key"].setText(entry.key_action)
        self._buttons["key"].setVisible(bool(entry.key_action))
        is_own = provider.tier is Tier.OWN_SERVER
        self._buttons["try"].setVisible(is_own and bool(entry.models))
        for action, words in (
            ("key", self.tr("Enter the key of {0}")),
            ("try", self.tr("Try {0}")),
            ("test", self.tr("Test {0}")),
            ("models", self.tr("Models and prices of {0}")),
            ("edit", self.tr("Edit {0}")),
            ("remove", self.tr("Remove {0}")),
        ):
            self._buttons[action].setAccessibleName(words.format(provider.name))

    def _show_state(self, entry: ProviderEntry) -> None:
        test = self._buttons["test"]
        test.setEnabled(not entry.is_testing)
        test.setText(self.tr("Testing…") if entry.is_testing else self.tr("Test connection"))
        models = self._buttons["models"]
        models.setVisible(entry.models is not None or entry.lacks_list)
        models.setText(
            self.tr("Models and prices") if entry.models else self.tr("Type a model's name")
        )
        words, tone = "", "quiet"
        if entry.problem:
            words, tone = entry.problem, "bad"
        elif entry.models is not None and not entry.models:
            words = self.tr("It answers, but offers no models: type the name of one.")
            tone = "caution"
        elif entry.models is not None:
            priced = sum(model.price is not None for model in entry.models)
            count = len(entry.models)
            some = self.tr("1 model") if count == 1 else self.tr("{0} models").format(count)
            words = self.tr("Connected: {0}, {1} with a known price").format(some, priced)
            if entry.has_moved:
                words = f"{words}. {self.tr('It answers at the address with /v1: that is kept.')}"
            tone = "local"
        _show_state(self._state, words, tone)

    def _build(self) -> None:
        px = self._theme.px
        self.setProperty("card", "true")
        self._name = ElidedLabel(role="heading")
        self._place = Badge(self._theme)
        self._tier = Badge(self._theme)
        self._buttons: dict[str, QAbstractButton] = {
            "key": make_button("", tooltip=self.tr("The secret word it knows your account by")),
            "try": make_button(
                self.tr("Try it"),
                tooltip=self.tr("Open the Compare page, where you can ask it something"),
            ),
            "models": make_button("", tooltip=self.tr("What it offers, and what that costs")),
            "test": make_button(
                "", tooltip=self.tr("Ask it which models it offers. Nothing of yours is sent.")
            ),
            "edit": IconButton(self._theme, "edit", self.tr("Edit")),
            "remove": IconButton(self._theme, "trash", self.tr("Remove")),
        }
        words = make_flow(self._name, self._place, self._tier, 1)
        # at the right of the first line, however many lines the others take
        icons = make_row()
        for action, button in self._buttons.items():
            button.setProperty("action", action)
            button.clicked.connect(self._on_clicked)
            if isinstance(button, IconButton):
                icons.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
            else:
                words.addWidget(button)
        head = make_row((words, 1), icons)
        self._address = ElidedLabel(role="caption", tone="quiet")
        self._key = make_label(role="caption", tone="quiet", wrap=True)
        line = make_flow(self._address, self._key, spacing=px(14))
        self._state = make_label(role="caption", wrap=True)
        margins = (px(16), px(12), px(12), px(12))
        make_column(head, line, self._state, parent=self, margins=margins, spacing=px(5))

    def _on_clicked(self) -> None:
        self._asked(self._id, self.sender().property("action"))


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

    def show_status(self, status: PracticeStatus) -> None:
        is_starting = status.state is PracticeState.STARTING
        is_running = status.state is PracticeState.RUNNING
        if is_starting:
            self._button.setText(self.tr("Stop starting"))
        elif is_running:
            self._button.setText(self.tr("Stop"))
        else:
            self._button.setText(self.tr("Start"))
        self._button.setAccessibleName(
            self.tr("{0} the practice cloud").format(self._button.text())
        )
        self._compare.setVisible(is_running)
        self._progress.setVisible(is_starting)
        self._progress.setValue(round(status.fraction * _PERMILLE))
        words, tone = "", "quiet"
        if status.problem:
            words, tone = status.problem, "bad"
        elif is_starting:
            words = self.tr("Starting… {0}").format(status.doing).strip()
        elif is_running:
            words, tone = self.tr("Running on this computer."), "local"
        _show_state(self._state, words, tone)

    def _build(self) -> None:
        px = self._theme.px
        self.setProperty("card", "true")
        self.setAccessibleName(self.tr("Practice cloud (on this computer)"))
        name = make_label(self.tr("Practice cloud (on this computer)"), "heading", wrap=True)
        badge = Badge(self._theme, self.tr("No key needed"), *PLACE_LOOKS[Place.CLOUD])
        head = make_flow(name, badge)
        explanation = make_label(
            self.tr(
                "A stand-in for a cloud provider that runs on this computer: no key, no "
                "internet, no cost. Its speed is this computer's, not a real cloud's."
            ),
            "caption",
            "quiet",
            wrap=True,
        )
        self._state = make_label(role="caption", wrap=True)
        self._progress = QProgressBar()
        self._progress.setRange(0, _PERMILLE)
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName(self.tr("How far the practice cloud has started"))
        words = QWidget()
        parts = (head, explanation, self._state, self._progress)
        make_column(*parts, parent=words, margins=NO_MARGINS, spacing=px(4))
        self._button = make_button(
            "", tooltip=self.tr("Try a whole comparison without any key or internet")
        )
        self._compare = make_button(
            self.tr("Try it"),
            tooltip=self.tr("Open the Compare page, where you can ask it something"),
            name=self.tr("Try the practice cloud"),
        )
        flow = make_flow((words, 1), 1, self._compare, self._button, parent=self, spacing=px(12))
        flow.setContentsMargins(px(16), px(12), px(12), px(12))


class ProvidersPage(Page):
    """The practice cloud, and a card for each provider that is set up."""

    add_asked = Signal()
    asked = Signal(str, str)
    """A provider's id, and what a person wants: see `ProviderCard`."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._cards: dict[str, ProviderCard] = {}
        self._entries: tuple[ProviderEntry, ...] = ()
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.timeout.connect(self._show_next)
        self._build()
        theme.changed.connect(self._apply_theme)
        self._add.clicked.connect(self.add_asked)
        self._apply_theme()

    def show_providers(self, entries: tuple[ProviderEntry, ...]) -> None:
        """Show a card for each provider, in their order; cards that stay are kept.

        Many new ones are built one after the other, so that the window answers meanwhile.
        """
        self._entries = entries
        ids = {entry.provider.id for entry in entries}
        for gone in [key for key in self._cards if key not in ids]:
            self._cards[gone].hide()
            self._cards.pop(gone).deleteLater()
        self._show_cards(_CARDS_AT_ONCE)
        self._count.set_badge(self.tr("{0} set up").format(len(entries)))
        self._count.setVisible(bool(entries))
        self._empty_card.setVisible(not entries)

    def show_storage(self, sentence: str) -> None:
        self._storage.setText(sentence)

    def _show_next(self) -> None:
        self._show_cards(1)

    def _show_cards(self, most_new: int) -> None:
        """Bring the cards up to date, with this many new ones at most; the others come soon."""
        for place, entry in enumerate(self._entries):
            card = self._cards.get(entry.provider.id)
            if card is None:
                if not most_new:
                    self._more.start()
                    break
                most_new -= 1
                card = self._cards[entry.provider.id] = ProviderCard(self._theme, self.asked.emit)
            if self._list.indexOf(card) != place:
                self._list.insertWidget(place, card)
            if card.entry != entry:
                card.show_entry(entry)

    def _build(self) -> None:
        self._head.addWidget(make_label(self.tr("Providers"), "title", wrap=True))
        self._count = Badge(self._theme)
        self._head.addWidget(self._count)
        self._head.addStretch(1)
        self._add = make_button(
            self.tr("Add a provider"),
            kind="primary",
            tooltip=self.tr("Set up a cloud service, or a server of your own"),
        )
        self._head.addWidget(self._add)
        self.practice = PracticeCard(self._theme)
        self._list = QVBoxLayout()
        self._empty_card = make_card()
        self.empty = EmptyState(
            self._theme,
            "cloud",
            self.tr("No provider yet"),
            self.tr(
                "A provider answers from its own computers, or from a server of yours. Most want "
                "a key, which you get on their page. Without one, start the practice cloud above."
            ),
            self.tr("Add a provider"),
        )
        """What is shown while no provider is set up."""
        self.empty.setMinimumHeight(self._theme.px(220))
        make_column(self.empty, parent=self._empty_card)
        body = QWidget()
        self._inner = make_column(
            self.practice, self._list, self._empty_card, 1, parent=body, margins=NO_MARGINS
        )
        self._column.addWidget(make_scroll_area(body, self.tr("Providers")), 1)
        self._storage = make_label(role="caption", tone="quiet", wrap=True)
        self._column.addWidget(self._storage)

    def _apply_theme(self) -> None:
        px = self._theme.px
        self._inner.setSpacing(px(10))
        self._list.setSpacing(px(10))

    def focus_first(self) -> None:
        self._add.setFocus()
