"""The History page's widgets: search and list on the left, the opened comparison on the right."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QFontMetrics, QKeySequence
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from playground.store.history import VoteCount
from playground.ui.pages.history.details import DetailView
from playground.ui.pages.history.list import ComparisonDelegate, ComparisonListModel
from playground.ui.pages.history.votes import VotesView
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import Badge, make_button, make_card, make_label
from playground.ui.widgets.empty_state import EmptyState
from playground.ui.widgets.lists import ListView
from playground.ui.widgets.toast import STAY_MS, Toast
from playground.ui.window.page import SplitPage

SEARCH_PAUSE_MS = 180
"""Typing rests for so long before the history is searched."""
UNDO_MS = 30_000
"""Time to change one's mind by the button; Ctrl+Z works until the program ends."""


class HistoryPage(SplitPage):
    """Lays out the page and tells what a person does; it decides nothing."""

    MARGINS = (22, 16, 22, 14)

    search_changed = Signal(str)
    start_wanted = Signal()
    undo_wanted = Signal()

    def __init__(
        self, theme: Theme, parent: QWidget | None = None, *, can_start: bool = False
    ) -> None:
        super().__init__(theme, parent)
        self._can_start = can_start
        self._search_timer = QTimer(self)
        self._search_timer.setSingleShot(True)
        self._search_timer.setInterval(SEARCH_PAUSE_MS)
        self._build()
        self._connect()
        self._apply_theme()

    @property
    def list(self) -> ListView:
        """The comparisons."""
        return self._list

    @property
    def comparisons(self) -> ComparisonListModel:
        """The rows of the list."""
        return self._comparisons

    @property
    def detail(self) -> DetailView:
        """The opened comparison."""
        return self._detail

    def show_count(self, count: int, *, is_complete: bool) -> None:
        """Say how many comparisons there are, as far as it is known."""
        number = f"{count:,}" if is_complete else f"{count:,}+"
        text = self.tr("1 comparison") if number == "1" else self.tr("{0} comparisons")
        self._count.set_badge(text.format(number))
        self._count.setVisible(count > 0)

    def show_list(self) -> None:
        """Show the list and what is opened."""
        self._body.setCurrentWidget(self._splitter)

    def show_empty(self) -> None:
        """Say that nothing was compared yet."""
        self._body.setCurrentWidget(self._empty_card)

    def show_nothing_found(self, *, nothing: bool, query: str = "") -> None:
        """Say that no comparison has what was searched for, or show the list again."""
        self._nothing.show_words(
            self.tr("Nothing found"),
            self.tr("No comparison has “{0}” in its prompts, answers or names.").format(query),
        )
        self._list_pages.setCurrentIndex(1 if nothing else 0)
        self._right.setVisible(not nothing)

    def show_detail(self, *, visible: bool) -> None:
        """Show the opened comparison, or nothing."""
        self._detail.setVisible(visible)

    def show_votes(self, counts: Sequence[VoteCount]) -> None:
        """Show how each target fared."""
        self._votes.show_votes(counts)

    def toast(
        self, text: str, action: str | None = None, on_action: Callable[[], object] | None = None
    ) -> None:
        """Show a message at the foot of the page."""
        stay_ms = STAY_MS if action is None else UNDO_MS
        self._toast.show_message(text, action=action, on_action=on_action, stay_ms=stay_ms)

    def hide_toast(self) -> None:
        """Take the message away."""
        self._toast.hide()

    def focus_first(self) -> None:
        """Put the keyboard into the list, or into the search where there is none."""
        (self._list if self._comparisons.rowCount() else self._search).setFocus()

    def handle_escape(self) -> bool:
        """Clear the search."""
        if not self._search.text():
            return False
        self._clear_search()
        return True

    def _build(self) -> None:
        self._build_head()
        self._body = QStackedWidget()
        self._build_split()
        self._empty = EmptyState(
            self._theme,
            "history",
            self.tr("Nothing here yet"),
            self.tr(
                "Every comparison you run is kept here by itself: prompts, answers and figures. "
                "Ask something on the Compare page, then come back to read, judge or replay it."
            ),
            self.tr("Start a comparison"),
        )
        for button in self._empty.findChildren(QPushButton):
            button.setVisible(self._can_start)
        self._empty_card = make_card()
        QVBoxLayout(self._empty_card).addWidget(self._empty)
        self._votes = VotesView(self._theme)
        for part in (self._splitter, self._empty_card, self._votes):
            self._body.addWidget(part)
        self._column.addWidget(self._body, 1)
        self._toast = Toast(self._theme)
        self._column.addWidget(self._toast)

    def _build_head(self) -> None:
        self._count = Badge(self._theme)
        self._count.hide()
        self._to_list = self._segment("first", self.tr("Comparisons"))
        self._to_list.setToolTip(self.tr("Everything you have compared, the newest first"))
        self._to_votes = self._segment("last", self.tr("Your votes"))
        self._to_votes.setToolTip(self.tr("How often you called each model the better one"))
        self._to_list.setChecked(True)
        self._segments = QButtonGroup(self)
        self._segments.addButton(self._to_list)
        self._segments.addButton(self._to_votes)
        self._search.setPlaceholderText(self.tr("Search prompts and answers"))
        self._search.setAccessibleName(self.tr("Search"))
        self._search.setToolTip(
            self.tr("Finds words of prompts, answers and model names as you type (Ctrl+F)")
        )
        segments = QHBoxLayout()
        segments.setSpacing(0)
        segments.addWidget(self._to_list)
        segments.addWidget(self._to_votes)
        self._head.addWidget(make_label(self.tr("History"), "title"))
        self._head.addWidget(self._count)
        self._head.addStretch(1)
        self._head.addWidget(self._search, 2)
        self._head.addLayout(segments)

    def _segment(self, place: str, text: str) -> QPushButton:
        button = make_button(text)
        button.setProperty("segment", place)
        button.setCheckable(True)
        return button

    def _build_split(self) -> None:
        self._comparisons = ComparisonListModel()
        self._list = ListView(
            self._theme,
            ComparisonDelegate(self._theme),
            self._comparisons,
            self.tr("Comparisons"),
        )
        self._nothing = EmptyState(
            self._theme, "search", self.tr("Nothing found"), "", self.tr("Clear the search")
        )
        self._list_pages = QStackedWidget()
        self._list_pages.addWidget(self._list)
        self._list_pages.addWidget(self._nothing)
        card = make_card()
        card_column = QVBoxLayout(card)
        card_column.setContentsMargins(1, 8, 1, 8)
        card_column.addWidget(self._list_pages)
        self._detail = DetailView(self._theme)
        self._detail.hide()
        self._right = QWidget()
        right_column = QVBoxLayout(self._right)
        right_column.setContentsMargins(8, 0, 0, 0)
        right_column.addWidget(self._detail)
        self._splitter.setHandleWidth(8)
        self._splitter.addWidget(card)
        self._splitter.addWidget(self._right)
        self._splitter.setStretchFactor(0, 0)
        self._splitter.setStretchFactor(1, 1)
        self._list_card = card

    def _connect(self) -> None:
        self._search_timer.timeout.connect(self._tell_search)
        self._search.textChanged.connect(self._on_text)
        self._search.returnPressed.connect(self._tell_search)
        self._nothing.asked.connect(self._clear_search)
        self._empty.asked.connect(self.start_wanted)
        self._votes.empty.asked.connect(self._to_list.click)
        self._segments.buttonClicked.connect(self._on_segment)
        self._theme.changed.connect(self._apply_theme)
        undo = QAction(self)
        undo.setShortcut(QKeySequence(QKeySequence.StandardKey.Undo))
        undo.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        undo.triggered.connect(self.undo_wanted.emit)
        self.addAction(undo)

    @property
    def is_showing_votes(self) -> bool:
        """True while “Your votes” is in front."""
        return self._to_votes.isChecked()

    def _on_segment(self) -> None:
        self._search.setVisible(not self.is_showing_votes)
        self._body.setCurrentWidget(self._votes if self.is_showing_votes else self._splitter)
        self.shown.emit()

    def _focus_search(self) -> None:
        if not self._search.isVisible():
            self._to_list.click()
        super()._focus_search()

    def _on_text(self) -> None:
        self._search_timer.start()

    def _tell_search(self) -> None:
        self._search_timer.stop()
        self.search_changed.emit(self._search.text())

    def _clear_search(self) -> None:
        self._search.clear()
        self._tell_search()
        self._search.setFocus()

    def _apply_theme(self) -> None:
        px = self._theme.px
        self._search.setMinimumWidth(px(150))
        self._search.setMaximumWidth(px(340))
        self._list_card.setMinimumWidth(px(210))
        bold = QFontMetrics(self._theme.font("strong"))
        for button in (self._to_list, self._to_votes):
            # the chosen one is bold, and must not change its width
            button.setMinimumWidth(bold.horizontalAdvance(button.text()) + px(28))
        self._share_width()

    @override
    def _sizes(self, whole: int) -> tuple[int, int]:
        listed = min(self._theme.px(330), max(self._theme.px(220), whole * 3 // 10))
        return listed, max(1, whole - listed)

    @override
    def _enter_list(self) -> None:
        self._list.setFocus()
