"""The Get models page: search, what is found on the left, one repository on the right."""

from dataclasses import replace

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from playground.core.hub import HubQuery, HubSort
from playground.ui.pages.hub.details import RepositoryDetails
from playground.ui.pages.hub.featured import FeaturedModels
from playground.ui.pages.hub.results import ResultDelegate, ResultListModel
from playground.ui.pages.hub.view_models import (
    RepositoryState,
    ResultRow,
    ResultsState,
)
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_button, make_card, make_label, plain_tooltip
from playground.ui.widgets.empty_state import EmptyState
from playground.ui.widgets.flow_layout import FlowLayout
from playground.ui.widgets.inputs import CheckBox, ComboBox
from playground.ui.widgets.layouts import make_flow
from playground.ui.widgets.lists import ListView
from playground.ui.widgets.popup import Foldable
from playground.ui.window.page import SplitPage


class ResultPanel(QFrame):
    """Results, a bar while more are asked for, and what to do where the next page fails."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.results = ResultListModel()
        self.list = ListView(
            theme, ResultDelegate(theme), self.results, self.tr("Models on the Hub")
        )
        self.setProperty("card", "true")
        self._build()

    def show_results(self, rows: tuple[ResultRow, ...], *, is_complete: bool) -> None:
        """List the first page of a search."""
        self.results.reset_rows(rows, is_complete=is_complete)
        self.list.scrollToTop()

    def show_more_failed(self, text: str) -> None:
        """Say that the next page did not come; empty: it did."""
        self._more_failed.setVisible(bool(text))
        self._more_failed_text.setText(text)

    def show_busy(self, *, is_busy: bool) -> None:
        """Say that the Hub is being asked; what was found before is pale meanwhile."""
        self._busy.setVisible(is_busy)
        self.list.setEnabled(not is_busy)

    def focus_list(self) -> None:
        """Put the keyboard on the current result, else on the first."""
        if self.results.rowCount():
            if self.list.chosen_key is None:
                self.list.choose_row(0)
            self.list.setFocus()

    def _build(self) -> None:
        px = self._theme.px
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(0)
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._busy.setAccessibleName(self.tr("Searching"))
        self._busy.hide()
        column.addWidget(self._busy)
        column.addWidget(self.list, 1)
        self._more_failed = make_card("caution")
        row = QHBoxLayout(self._more_failed)
        row.setContentsMargins(px(12), px(6), px(6), px(6))
        self._more_failed_text = make_label(role="caption", wrap=True)
        self.try_again = make_button(
            self.tr("Try again"), tooltip=self.tr("Ask for the next models again")
        )
        row.addWidget(self._more_failed_text, 1)
        row.addWidget(self.try_again)
        self._more_failed.hide()
        column.addWidget(self._more_failed)


class OfflineBanner(QFrame):
    """Says that nothing is fetched, and offers to change that."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        px = theme.px
        self.setProperty("card", "caution")
        self._text = make_label(role="control", wrap=True)
        self.go_online = make_button(
            self.tr("Turn offline mode off"), tooltip=self.tr("Let this program ask the Hub again")
        )
        row = make_flow((self._text, 1), self.go_online, parent=self)
        row.setContentsMargins(px(14), px(8), px(8), px(8))
        self.hide()

    def show_words(self, words: str, *, can_turn_off: bool) -> None:
        """Say why nothing is fetched; nothing to say hides it."""
        self._text.setText(words)
        self.go_online.setVisible(can_turn_off)
        self.setVisible(bool(words))


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
        self._fits = CheckBox(
            theme,
            tr("Runs on this computer"),
            tr("Only models that go into this computer's memory, as far as one can tell by size"),
        )
        self._task = ComboBox(
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
        self._size = ComboBox(
            theme,
            tr("Largest download"),
            [(tr("Any size"), None)]
            + [(tr("Up to {0} GB").format(size), size * _GB) for size in (1, 2, 5, 10, 25)],
        )
        self._parameters = ComboBox(
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
        self._licence = ComboBox(
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
        self._sort = ComboBox(
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
            box.setToolTip(plain_tooltip(what))
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
        for box in (self._task, self._size, self._parameters, self._licence, self._sort):
            box.picked.connect(self._on_changed)
        self._fits.toggled.connect(self._on_changed)

    def _on_changed(self, _value: object = None) -> None:
        self._clear.setVisible(self.is_filtering)
        self.changed.emit()


DEBOUNCE_MS = 250
_FILTERS_FROM = 700
"""Width of the window, in units of text, that has room for the filters."""
_SIDE_WIDTH = 430


class HubPage(SplitPage):
    """Shows what the presenter says; tells what a person types, chooses and presses."""

    searched = Signal()
    """The words have changed and have been still for a moment, or Enter was pressed."""
    cleared = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._listing = ResultsState.FEATURED
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DEBOUNCE_MS)
        self._build()
        self._build_side()
        self._connect()
        self._apply_theme()

    @property
    def query(self) -> HubQuery:
        return replace(self.filters.query, text=self._search.text().strip())

    @property
    def is_searching(self) -> bool:
        """True where words or filters are given."""
        return bool(self._search.text().strip()) or self.filters.is_filtering

    def show_listing(self, listing: ResultsState, text: str = "") -> None:
        """Show featured models, results or a message on the left; `text` says what went wrong."""
        self._listing = listing
        widgets = {
            ResultsState.FEATURED: self.featured,
            ResultsState.LOADING: self.panel,
            ResultsState.RESULTS: self.panel,
            ResultsState.NOTHING: self._nothing,
            ResultsState.OFFLINE: self.offline,
            ResultsState.FAILED: self.failed,
        }
        if listing is ResultsState.FAILED:
            self.failed.show_words(self.tr("The Hub cannot be reached"), text)
        if listing is ResultsState.OFFLINE:
            self.offline.show_words(self.tr("Offline mode is on"), text)
        self._stack.setCurrentWidget(widgets[listing])
        self.panel.show_busy(is_busy=listing is ResultsState.LOADING)
        self._to_featured.setVisible(listing is not ResultsState.FEATURED)

    def show_repository(self, opened: RepositoryState) -> None:
        self.featured.mark(opened.repo)
        self._beside.setCurrentWidget(self.details)
        self.details.show_repository(opened)

    def show_no_repository(self) -> None:
        """Ask for a choice in place of the details."""
        self.featured.mark(None)
        self._beside.setCurrentIndex(0)

    def clear_search(self) -> None:
        """Search for nothing: the featured models are shown again."""
        self._search.clear()
        self.filters.clear()
        self._timer.stop()
        self.cleared.emit()

    def _build(self) -> None:
        self._build_head()
        self.filters = Filters(self._theme, self)
        self._column.addWidget(self.filters)
        self._folded_filters = Foldable(
            self._theme, self.filters, self._open_filters, column=self._column, width=420
        )
        self.banner = OfflineBanner(self._theme)
        self._column.addWidget(self.banner)
        self._column.addWidget(self._splitter, 1)
        self._stack = QStackedWidget()
        self._splitter.addWidget(self._stack)
        self.featured = FeaturedModels(self._theme, self._stack)
        self.panel = ResultPanel(self._theme)
        self._nothing = EmptyState(
            self._theme,
            "search",
            self.tr("No model matches"),
            self.tr("Try fewer words, or take a filter away."),
            self.tr("Clear the search"),
        )
        self.offline = EmptyState(self._theme, "offline", "", "", self.tr("Turn offline mode off"))
        self.failed = EmptyState(self._theme, "warning", "", "", self.tr("Try again"))
        for widget in (self.featured, self.panel, self._nothing, self.offline, self.failed):
            self._stack.addWidget(widget)
        self._side = make_card()
        self._splitter.addWidget(self._side)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setStretchFactor(1, 0)

    def _build_head(self) -> None:
        self._head.addWidget(make_label(self.tr("Get models"), "title", wrap=True))
        self._search.setPlaceholderText(
            self.tr("Search the Hugging Face Hub: a name, a maker, a language…")
        )
        self._search.setAccessibleName(self.tr("Search the Hub"))
        self._search.setToolTip(
            self.tr("Part of a model's or maker's name (Ctrl+F); Esc clears it")
        )
        self._search.setMaxLength(1_000)
        self._head.addWidget(self._search, 1)
        self._open_filters = make_button(
            self.tr("Filters ▾"),
            tooltip=self.tr("What it is for, how large, which licence, and in which order"),
            name=self.tr("Filters"),
        )
        self._head.addWidget(self._open_filters)
        self._to_featured = make_button(
            self.tr("Back to the first choices"),
            self.clear_search,
            tooltip=self.tr("Clear the search and show the shelf (Esc)"),
        )
        self._to_featured.hide()
        self._head.addWidget(self._to_featured)

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
        self.details = RepositoryDetails(self._theme, self._beside)
        self._beside.addWidget(self.details)

    def _connect(self) -> None:
        self._theme.changed.connect(self._apply_theme)
        self._search.textChanged.connect(self._on_text)
        self._search.returnPressed.connect(self._on_return)
        self._timer.timeout.connect(self.searched)
        self.panel.list.opened.connect(self.details.offer.focus_button)
        self.panel.list.left_upwards.connect(self._search.setFocus)
        self._add_list(self.panel.list)
        self.featured.chosen.connect(self._open_entry)
        self.featured.entered.connect(self.details.offer.focus_button)
        self._nothing.asked.connect(self.clear_search)
        self.closing.connect(self._timer.stop)

    def _fold_filters(self) -> None:
        is_folded = self._units < _FILTERS_FROM
        self._open_filters.setVisible(is_folded)
        self._folded_filters.fold(is_folded=is_folded)

    def _on_text(self, _text: str) -> None:
        self._timer.start()

    def _on_return(self) -> None:
        if self._timer.isActive():
            self._timer.stop()
            self.searched.emit()
            return
        self._enter_list()

    @override
    def _enter_list(self) -> None:
        if self._listing is ResultsState.FEATURED:
            self.featured.focus_first()
        elif self._listing is ResultsState.RESULTS:
            self.panel.focus_list()

    def _apply_theme(self) -> None:
        px = self._theme.px
        self._fold_filters()
        self._splitter.setHandleWidth(px(14))
        self._search.setMinimumWidth(px(200))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold_filters()

    @override
    def _sizes(self, whole: int) -> tuple[int, int]:
        side = max(self._theme.px(_SIDE_WIDTH), whole * 2 // 5)
        side = min(side, whole // 2)
        return whole - side, side

    def focus_first(self) -> None:
        self._search.setFocus()

    def handle_escape(self) -> bool:
        """Go back to the list, else clear the search: the featured models are shown again."""
        if super().handle_escape():
            return True
        if self._listing is ResultsState.FEATURED and not self.is_searching:
            return False
        self.clear_search()
        self._search.setFocus()
        return True
