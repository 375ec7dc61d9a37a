"""The Providers page: who else can answer, and what is known of each."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from playground.ui.pages.providers.card import PracticeCard, ProviderCard
from playground.ui.pages.providers.entries import PracticeEntry, ProviderEntry
from playground.ui.theme.theme import Theme
from playground.ui.widgets.badge import Badge
from playground.ui.widgets.basics import make_button, make_card, make_label
from playground.ui.widgets.empty_state import EmptyState
from playground.ui.window.page import Page


class ProvidersPage(Page):
    """The practice cloud, and a card for each provider that is set up."""

    add_asked = Signal()
    shown = Signal()
    hidden = Signal()
    closing = Signal()
    test_asked = Signal(str)
    models_asked = Signal(str)
    edit_asked = Signal(str)
    remove_asked = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._cards: dict[str, ProviderCard] = {}
        self._build()
        self._connect()
        self._wear()

    @property
    def practice(self) -> PracticeCard:
        """The practice cloud's card."""
        return self._practice

    def show_practice(self, entry: PracticeEntry) -> None:
        """Show the practice cloud as it is now."""
        self._practice.show_entry(entry)

    def show_providers(self, entries: tuple[ProviderEntry, ...]) -> None:
        """Show a card for each provider, in their order; cards that stay are kept."""
        ids = [entry.provider.id for entry in entries]
        for gone in [key for key in self._cards if key not in ids]:
            card = self._cards.pop(gone)
            card.hide()
            card.deleteLater()
        for place, entry in enumerate(entries):
            card = self._cards.get(entry.provider.id) or self._new_card(entry.provider.id)
            if self._list.indexOf(card) != place:
                self._list.insertWidget(place, card)
            card.show_entry(entry)
        self._count.set_badge(self.tr("{0} set up").format(len(entries)))
        self._count.setVisible(bool(entries))
        self._empty_card.setVisible(not entries)

    def show_storage(self, sentence: str) -> None:
        """Say where keys are kept on this system."""
        self._storage.setText(sentence)

    def _new_card(self, provider_id: str) -> ProviderCard:
        card = ProviderCard(self._theme)
        card.test_asked.connect(self.test_asked)
        card.models_asked.connect(self.models_asked)
        card.edit_asked.connect(self.edit_asked)
        card.remove_asked.connect(self.remove_asked)
        self._cards[provider_id] = card
        return card

    def _build(self) -> None:
        self._column = QVBoxLayout(self)
        self._head = QHBoxLayout()
        self._head.addWidget(make_label(self.tr("Providers"), "title"))
        self._count = Badge(self._theme)
        self._head.addWidget(self._count)
        self._head.addStretch(1)
        self._add = make_button(
            self.tr("Add a provider"),
            kind="primary",
            tooltip=self.tr("Set up a cloud service, or a server of your own"),
        )
        self._head.addWidget(self._add)
        self._column.addLayout(self._head)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setAccessibleName(self.tr("Providers"))
        inner = QWidget()
        inner.setObjectName("scrolled")
        self._inner = QVBoxLayout(inner)
        self._inner.setContentsMargins(0, 0, 0, 0)
        self._practice = PracticeCard(self._theme)
        self._inner.addWidget(self._practice)
        self._list = QVBoxLayout()
        self._inner.addLayout(self._list)
        self._empty_card = make_card()
        inside = QVBoxLayout(self._empty_card)
        self._empty = EmptyState(
            self._theme,
            "cloud",
            self.tr("No provider yet"),
            self.tr(
                "A provider answers from its own computers, or from a server of yours. Most want "
                "a key, which you get on their page. Without one, start the practice cloud above."
            ),
            self.tr("Add a provider"),
        )
        self._empty.setMinimumHeight(self._theme.px(220))
        inside.addWidget(self._empty)
        self._inner.addWidget(self._empty_card)
        self._inner.addStretch(1)
        scroll.setWidget(inner)
        self._column.addWidget(scroll, 1)
        self._storage = make_label(role="caption", tone="quiet", wrap=True)
        self._column.addWidget(self._storage)

    def _connect(self) -> None:
        self._theme.changed.connect(self._wear)
        self._add.clicked.connect(self.add_asked)
        self._empty.asked.connect(self.add_asked)

    def _wear(self) -> None:
        px = self._theme.px
        self._column.setContentsMargins(px(22), px(16), px(22), px(12))
        self._column.setSpacing(px(12))
        self._head.setSpacing(px(10))
        self._inner.setSpacing(px(10))
        self._list.setSpacing(px(10))

    def page_shown(self) -> None:
        """Come to the front."""
        self.shown.emit()

    def page_hidden(self) -> None:
        """Leave the front."""
        self.hidden.emit()

    async def close_page(self) -> None:
        """End what the page has begun."""
        self.closing.emit()

    def focus_first(self) -> None:
        """Put the keyboard on the way to a new provider."""
        self._add.setFocus()
