"""The Downloads page: a card for each download, in the order they are fetched."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from playground.core.downloads import Download, DownloadState
from playground.ui.pages.downloads.card import DownloadCard
from playground.ui.pages.downloads.format import ACTIVE, IN_LINE
from playground.ui.theme.theme import Theme
from playground.ui.widgets.badge import Badge
from playground.ui.widgets.basics import make_button, make_label
from playground.ui.widgets.empty_state import EmptyState
from playground.ui.widgets.inputs import ChoiceBox
from playground.ui.window.page import Page

_MB = 1_000_000
LIMITS = (None, 1 * _MB, 2 * _MB, 5 * _MB, 10 * _MB, 25 * _MB)
"""Bandwidths on offer, in bytes per second; `None` is no limit."""


class DownloadsPage(Page):
    """Shows downloads; decides nothing."""

    asked = Signal(str, str)
    """A download's id, and one of `DownloadCard.ACTIONS`."""
    pause_all_asked = Signal()
    resume_all_asked = Signal()
    clear_asked = Signal()
    """Take what is over off the list."""
    limit_chosen = Signal(object)
    """Bytes per second, or `None`."""
    hub_asked = Signal()
    shown = Signal()
    hidden = Signal()
    closing = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._cards: dict[str, DownloadCard] = {}
        self._build()
        self._connect()
        self._wear()

    def show_downloads(self, downloads: tuple[Download, ...], leaving: frozenset[str]) -> None:
        """Show a card for each; ids in `leaving` are cancelled and can still be kept."""
        ids = [download.id for download in downloads]
        for gone in [key for key in self._cards if key not in ids]:
            card = self._cards.pop(gone)
            card.hide()
            card.deleteLater()
        in_line = [
            download.id
            for download in downloads
            if download.state in IN_LINE and download.id not in leaving
        ]
        for place, download in enumerate(downloads):
            card = self._cards.get(download.id) or self._new_card(download.id)
            if self._list.indexOf(card) != place:
                self._list.removeWidget(card)
                self._list.insertWidget(place, card)
            card.show_download(
                download,
                can_rise=download.id in in_line[1:],
                can_fall=download.id in in_line[:-1],
                is_leaving=download.id in leaving,
            )
        self._stack.setCurrentIndex(0 if downloads else 1)
        states = [download.state for download in downloads]
        active = sum(state in ACTIVE for state in states)
        to_go = sum(not one.state.is_over and one.id not in leaving for one in downloads)
        self._count.set_badge(self.tr("{0} to go").format(to_go))
        self._count.setVisible(to_go > 0)
        self._pause_all.setVisible(active > 0)
        self._resume_all.setVisible(DownloadState.PAUSED in states)
        self._clear.setVisible(DownloadState.DONE in states)

    def show_limit(self, limit_bytes_per_s: int | None) -> None:
        """Show the bandwidth limit in force."""
        limits = list(LIMITS)
        if limit_bytes_per_s not in limits:
            limits.append(limit_bytes_per_s)
        choices = [
            (
                self.tr("No speed limit")
                if limit is None
                else self.tr("At most {0} MB/s").format(f"{limit / _MB:g}"),
                limit,
            )
            for limit in limits
        ]
        self._limit.set_choices(choices)
        self._limit.choose(limit_bytes_per_s)

    def _new_card(self, download_id: str) -> DownloadCard:
        card = DownloadCard(self._theme)
        card.asked.connect(self.asked)
        card.step.connect(self._on_step)
        self._cards[download_id] = card
        return card

    def _on_step(self, download_id: str, way: int) -> None:
        place = self._list.indexOf(self._cards[download_id]) + way
        item = self._list.itemAt(place) if 0 <= place < self._list.count() else None
        card = item.widget() if item is not None else None
        if card is not None:
            card.setFocus()
            self._scroll.ensureWidgetVisible(card)

    def _build(self) -> None:
        self._column = QVBoxLayout(self)
        self._head = QHBoxLayout()
        self._head.addWidget(make_label(self.tr("Downloads"), "title"))
        self._count = Badge(self._theme)
        self._count.hide()
        self._head.addWidget(self._count)
        self._head.addStretch(1)
        self._limit = ChoiceBox(self._theme, self.tr("Speed limit of all downloads together"))
        self._limit.setToolTip(self.tr("Leave some of the connection to other programs"))
        self._clear = make_button(
            self.tr("Clear finished"),
            tooltip=self.tr("Take what is done off this list; the files stay"),
        )
        self._resume_all = make_button(
            self.tr("Resume all"), tooltip=self.tr("Go on with everything that is paused")
        )
        self._pause_all = make_button(
            self.tr("Pause all"), tooltip=self.tr("Stop for now; what has arrived is kept")
        )
        for widget in (self._limit, self._clear, self._resume_all, self._pause_all):
            self._head.addWidget(widget)
        self._column.addLayout(self._head)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setAccessibleName(self.tr("Downloads"))
        inner = QWidget()
        inner.setObjectName("scrolled")
        self._inner = QVBoxLayout(inner)
        self._inner.setContentsMargins(0, 0, 0, 0)
        self._list = QVBoxLayout()
        self._inner.addLayout(self._list)
        self._inner.addStretch(1)
        self._scroll.setWidget(inner)
        self._empty = EmptyState(
            self._theme,
            "downloads",
            self.tr("Nothing is being downloaded"),
            self.tr(
                "Models you fetch appear here while they arrive. You can pause them, close the "
                "program and go on later: nothing is lost."
            ),
            self.tr("Get models"),
        )
        self._stack = QStackedWidget()
        self._stack.addWidget(self._scroll)
        self._stack.addWidget(self._empty)
        self._stack.setCurrentIndex(1)
        self._column.addWidget(self._stack, 1)
        for button in (self._clear, self._resume_all, self._pause_all):
            button.hide()

    def _connect(self) -> None:
        self._theme.changed.connect(self._wear)
        self._limit.picked.connect(self.limit_chosen)
        self._clear.clicked.connect(self.clear_asked)
        self._pause_all.clicked.connect(self.pause_all_asked)
        self._resume_all.clicked.connect(self.resume_all_asked)
        self._empty.asked.connect(self.hub_asked)

    def _wear(self) -> None:
        px = self._theme.px
        self._column.setContentsMargins(px(22), px(16), px(22), px(12))
        self._column.setSpacing(px(12))
        self._head.setSpacing(px(10))
        self._list.setSpacing(px(10))
        self._limit.setFixedWidth(px(170))

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
        """Put the keyboard on the first download, or on the way to one."""
        item = self._list.itemAt(0)
        first = item.widget() if item is not None else None
        if first is not None:
            first.setFocus()
        else:
            self._limit.setFocus()
