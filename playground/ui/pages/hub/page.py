"""The Get models page: search, results or the shelf on the left, one repository on the right."""

from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from playground.core.hub import HubQuery
from playground.ui.pages.hub.details import RepositoryDetails
from playground.ui.pages.hub.featured import Shelf
from playground.ui.pages.hub.filters import Filters
from playground.ui.pages.hub.panel import OfflineBanner, ResultPanel
from playground.ui.pages.hub.view_models import Listing, Opened, ShelfEntry
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_button, make_card, make_label
from playground.ui.widgets.empty_state import EmptyState
from playground.ui.window.page import Page

DEBOUNCE_MS = 250
_SIDE_WIDTH = 430


class HubPage(Page):
    """Shows what the presenter says; tells what a person types, chooses and presses."""

    searched = Signal()
    """The words or filters have changed and have been still for a moment."""
    repo_chosen = Signal(str)
    more_wanted = Signal()
    all_asked = Signal()
    retry_asked = Signal()
    online_asked = Signal()
    cleared = Signal()
    shown = Signal()
    hidden = Signal()
    closing = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._has_sizes = False
        self._listing = Listing.SHELF
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DEBOUNCE_MS)
        self._build()

    def complete(self) -> None:
        """Add the other half; both at once would hold up the window."""
        self._build_side()
        self._connect()
        self._wear()

    @property
    def query(self) -> HubQuery:
        """What is searched for."""
        return replace(self._filters.query, text=self._search.text().strip())

    @property
    def is_searching(self) -> bool:
        """True where words or filters are given."""
        return bool(self._search.text().strip()) or self._filters.is_filtering

    @property
    def details(self) -> RepositoryDetails:
        """The pane beside the list."""
        return self._details

    @property
    def panel(self) -> ResultPanel:
        """The list of results."""
        return self._panel

    def show_listing(self, listing: Listing, text: str = "") -> None:
        """Show shelf, results or a message on the left; `text` says what went wrong."""
        self._listing = listing
        widgets = {
            Listing.SHELF: self._shelf,
            Listing.LOADING: self._panel,
            Listing.RESULTS: self._panel,
            Listing.NOTHING: self._nothing,
            Listing.OFFLINE: self._offline,
            Listing.FAILED: self._failed,
        }
        if listing is Listing.FAILED:
            self._failed.show_words(self.tr("The Hub cannot be reached"), text)
        if listing is Listing.OFFLINE:
            self._offline.show_words(self.tr("Offline mode is on"), text)
        self._stack.setCurrentWidget(widgets[listing])
        self._panel.show_busy(is_busy=listing is Listing.LOADING)
        self._back.setVisible(listing is not Listing.SHELF)

    def show_shelf(self, entries: tuple[ShelfEntry, ...]) -> None:
        """Show the starter shelf."""
        self._shelf.show_entries(entries)

    def show_offline(self, words: str, *, can_turn_off: bool) -> None:
        """Say that nothing is fetched; empty words: everything is."""
        self._banner.show_words(words, can_turn_off=can_turn_off)

    def show_opened(self, opened: Opened | None) -> None:
        """Show a repository beside the list, or that none is chosen."""
        self._shelf.mark(None if opened is None else opened.repo)
        self._beside.setCurrentIndex(0 if opened is None else 1)
        if opened is not None:
            self._details.show_opened(opened)

    def clear_search(self) -> None:
        """Search for nothing: the shelf is shown again."""
        self._search.clear()
        self._filters.clear()
        self._timer.stop()
        self.cleared.emit()

    def _build(self) -> None:
        self._column = QVBoxLayout(self)
        self._column.addLayout(self._build_head())
        self._filters = Filters(self._theme, self)
        self._column.addWidget(self._filters)
        self._banner = OfflineBanner(self._theme)
        self._column.addWidget(self._banner)
        self._splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self._splitter.setChildrenCollapsible(False)
        self._column.addWidget(self._splitter, 1)
        self._stack = QStackedWidget()
        self._splitter.addWidget(self._stack)
        self._shelf = Shelf(self._theme, self._stack)
        self._panel = ResultPanel(self._theme)
        self._nothing = EmptyState(
            self._theme,
            "search",
            self.tr("No model matches"),
            self.tr("Try fewer words, or take a filter away."),
            self.tr("Clear the search"),
        )
        self._offline = EmptyState(self._theme, "offline", "", "", self.tr("Turn offline mode off"))
        self._failed = EmptyState(self._theme, "warning", "", "", self.tr("Try again"))
        for widget in (self._shelf, self._panel, self._nothing, self._offline, self._failed):
            self._stack.addWidget(widget)
        self._side = make_card()
        self._splitter.addWidget(self._side)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setStretchFactor(1, 0)

    def _build_head(self) -> QHBoxLayout:
        self._head = QHBoxLayout()
        self._head.addWidget(make_label(self.tr("Get models"), "title"))
        self._search = QLineEdit()
        self._search.setPlaceholderText(
            self.tr("Search the Hugging Face Hub: a name, a maker, a language…")
        )
        self._search.setAccessibleName(self.tr("Search the Hub"))
        self._search.setToolTip(
            self.tr("Part of a model's or maker's name (Ctrl+F); Esc clears it")
        )
        self._search.setClearButtonEnabled(True)
        self._search.setMaxLength(200)
        self._search.installEventFilter(self)
        self._head.addWidget(self._search, 1)
        self._back = make_button(
            self.tr("Back to the first choices"),
            self.clear_search,
            tooltip=self.tr("Clear the search and show the shelf (Esc)"),
        )
        self._back.hide()
        self._head.addWidget(self._back)
        return self._head

    def _build_side(self) -> None:
        column = QVBoxLayout(self._side)
        column.setContentsMargins(2, 2, 2, 2)
        self._beside = QStackedWidget(self._side)
        column.addWidget(self._beside)
        hint = make_label(
            self.tr("Choose a model to see whether it runs here."),
            "control",
            "quiet",
            wrap=True,
        )
        hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        hint.setMargin(self._theme.px(24))
        self._beside.addWidget(hint)
        self._details = RepositoryDetails(self._theme, self._beside)
        self._beside.addWidget(self._details)

    def _connect(self) -> None:
        self._theme.changed.connect(self._wear)
        self._search.textChanged.connect(self._on_text)
        self._search.returnPressed.connect(self._on_return)
        self._filters.changed.connect(self.searched)
        self._timer.timeout.connect(self.searched)
        self._panel.repo_chosen.connect(self.repo_chosen)
        self._panel.opened.connect(self._details.offer.focus_button)
        self._panel.up_from_top.connect(self._search.setFocus)
        self._panel.more_wanted.connect(self.more_wanted)
        self._shelf.chosen.connect(self.repo_chosen)
        self._shelf.all_asked.connect(self.all_asked)
        self._nothing.asked.connect(self.clear_search)
        self._offline.asked.connect(self.online_asked)
        self._banner.online_asked.connect(self.online_asked)
        self._failed.asked.connect(self.retry_asked)
        find = QShortcut(QKeySequence.StandardKey.Find, self)
        find.activated.connect(self._on_find)

    def _on_text(self, _text: str) -> None:
        self._timer.start()

    def _on_return(self) -> None:
        if self._timer.isActive():
            self._timer.stop()
            self.searched.emit()
            return
        self._go_down()

    def _on_find(self) -> None:
        self._search.setFocus()
        self._search.selectAll()

    def _go_down(self) -> None:
        if self._listing is Listing.SHELF:
            self._shelf.focus_first()
        elif self._listing is Listing.RESULTS:
            self._panel.choose_first()

    def _wear(self) -> None:
        px = self._theme.px
        self._column.setContentsMargins(px(22), px(16), px(22), px(12))
        self._column.setSpacing(px(12))
        self._head.setSpacing(px(14))
        self._splitter.setHandleWidth(px(14))
        self._side.setMinimumWidth(px(330))
        self._search.setMinimumWidth(px(160))

    def _share_width(self) -> None:
        if not self._has_sizes:
            self._has_sizes = True
            whole = self._splitter.width()
            side = max(self._theme.px(_SIDE_WIDTH), whole * 2 // 5)
            side = min(side, whole // 2)
            self._splitter.setSizes([whole - side, side])

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt: Down in the search goes to what is below it."""
        if (
            watched is self._search
            and isinstance(event, QKeyEvent)
            and event.type() is QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Down
        ):
            self._go_down()
            return True
        return super().eventFilter(watched, event)

    def page_shown(self) -> None:
        """Come to the front."""
        self.shown.emit()

    def page_hidden(self) -> None:
        """Leave the front."""
        self.hidden.emit()

    async def close_page(self) -> None:
        """End what the page has begun."""
        self._timer.stop()
        self.closing.emit()

    def focus_first(self) -> None:
        """Put the keyboard into the search."""
        self._search.setFocus()

    def handle_escape(self) -> bool:
        """Clear the search; the shelf is shown again."""
        if self._listing is Listing.SHELF and not self.is_searching:
            return False
        self.clear_search()
        self._search.setFocus()
        return True

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt: share the width once it is known."""
        super().resizeEvent(event)
        QTimer.singleShot(0, self, self._share_width)
