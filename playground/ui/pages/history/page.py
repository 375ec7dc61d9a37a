"""The History page's widgets: search and list on the left, the opened comparison on the right."""

from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QStackedWidget, QWidget
from typing_extensions import override

from playground.core.runs import Turn
from playground.ui.answers.difference_dialog import open_difference
from playground.ui.pages.history.details import DetailView
from playground.ui.pages.history.list import ComparisonDelegate, ComparisonListModel
from playground.ui.pages.history.votes import VotesView
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import Badge, make_button, make_card, make_label
from playground.ui.widgets.empty_state import EmptyState
from playground.ui.widgets.folding_row import FoldingRow
from playground.ui.widgets.layouts import make_column
from playground.ui.widgets.lists import ListView
from playground.ui.widgets.segmented import Segmented
from playground.ui.widgets.share_button import ShareButton
from playground.ui.window.page import SplitPage

SEARCH_PAUSE_MS = 180
"""Typing rests for so long before the history is searched."""
_MESSAGE_HEIGHT = 150
"""Of the end of the list, over which messages lie, in pixels at scale 1."""
LIST, VOTES = "list", "votes"
"""The page's two sections."""


class HistoryPage(SplitPage):
    """Lays out the page and tells what a person does; it decides nothing."""

    MARGINS = (22, 16, 22, 14)

    LEAST = (220, 420)

    search_changed = Signal(str)
    undo_wanted = Signal()
    recording_chosen = Signal(object)
    """The path of a recording that shall be opened."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._has_count = False
        self._search_timer = QTimer(self)
        self._search_timer.setSingleShot(True)
        self._search_timer.setInterval(SEARCH_PAUSE_MS)
        self._build()
        self._connect()
        self._apply_theme()

    @property
    def is_showing_votes(self) -> bool:
        return self._sections.selected == VOTES

    @property
    @override
    def foot_top(self) -> int:
        detail = self.detail
        return self._foot_above([*detail.answers.vote_buttons, *detail.summary.vote_buttons])

    @property
    @override
    def message_room(self) -> QRect | None:
        if not self._list_card.isVisible():
            return None
        card = QRect(self._list_card.mapTo(self, QPoint(0, 0)), self._list_card.size())
        card.setTop(max(card.top(), card.bottom() - self._theme.px(_MESSAGE_HEIGHT)))
        return card

    def show_count(self, count: int, *, is_complete: bool) -> None:
        """Say how many comparisons there are, as far as it is known."""
        number = f"{count:,}" if is_complete else f"{count:,}+"
        text = self.tr("1 comparison") if number == "1" else self.tr("{0} comparisons")
        self._count.set_badge(text.format(number))
        self._has_count = count > 0
        self._show_parts()

    def show_difference(self, turn: Turn) -> None:
        """Lay two answers of a turn side by side."""
        open_difference(self._theme, turn, self)

    def show_list(self) -> None:
        self._body.setCurrentWidget(self._splitter)

    def show_empty(self) -> None:
        self._body.setCurrentWidget(self._empty_card)

    def show_nothing_found(self, *, nothing: bool, query: str = "") -> None:
        """Say that no comparison has what was searched for, or show the list again."""
        self._nothing.show_words(
            self.tr("Nothing found"),
            self.tr("No comparison has “{0}” in its prompts, answers or names.").format(query),
        )
        self._list_pages.setCurrentIndex(1 if nothing else 0)
        self.detail.setVisible(not nothing)

    def show_comparisons(self) -> None:
        """Show all comparisons, whatever was searched for."""
        if self._search.text():
            self._clear_search()
        if self.is_showing_votes:
            self._show_comparisons()

    def focus_first(self) -> None:
        """Put the keyboard into the list, or into the search where there is none."""
        (self.list if self.comparisons.rowCount() else self._search).setFocus()

    def handle_escape(self) -> bool:
        if super().handle_escape():
            return True
        if not self._search.text():
            return False
        self._clear_search()
        return True

    def _build(self) -> None:
        self._build_head()
        self._body = QStackedWidget()
        self._build_split()
        self.empty = EmptyState(
            self._theme,
            "history",
            self.tr("Nothing here yet"),
            self.tr(
                "Every comparison you run is kept here by itself: prompts, answers and figures. "
                "Ask something on the Compare page, then come back to read, judge or replay it."
            ),
            self.tr("Start a comparison"),
        )
        self._empty_card = make_card()
        make_column(self.empty, parent=self._empty_card)
        self.votes = VotesView(self._theme)
        for part in (self._splitter, self._empty_card, self.votes):
            self._body.addWidget(part)
        self._column.addWidget(self._body, 1)

    def _build_head(self) -> None:
        self._count = Badge(self._theme)
        self._count.hide()
        self._sections = Segmented(
            (
                (
                    LIST,
                    self.tr("Comparisons"),
                    self.tr("Everything you have compared, the newest first"),
                ),
                (
                    VOTES,
                    self.tr("Your votes"),
                    self.tr("How often you called each model the better one"),
                ),
            ),
        )
        self._sections.select(LIST)
        self._search.setPlaceholderText(self.tr("Search prompts and answers"))
        self._search.setAccessibleName(self.tr("Search"))
        self._search.setToolTip(
            self.tr("Finds words of prompts, answers and model names as you type (Ctrl+F)")
        )
        self._head.addWidget(make_label(self.tr("History"), "title", wrap=True))
        self._head.addWidget(self._count)
        self._head.addStretch(1)
        self._head.addWidget(self._search, 2)
        self._head.addWidget(self._sections)
        self._open_button = make_button(
            self.tr("Open a recording…"),
            self._choose_recording,
            tooltip=self.tr("Take in what was recorded on another computer, to read and replay it"),
        )
        self.share_button = ShareButton(
            self._theme, self.tr("Save this as a page, a table or a picture to send on")
        )
        self.share_button.setEnabled(False)
        self._head.addWidget(FoldingRow(self._theme, self._open_button, self.share_button))

    def _build_split(self) -> None:
        self.comparisons = ComparisonListModel()
        self.list = ListView(
            self._theme, ComparisonDelegate(self._theme), self.comparisons, self.tr("Comparisons")
        )
        self._nothing = EmptyState(
            self._theme, "search", self.tr("Nothing found"), "", self.tr("Clear the search")
        )
        self._list_pages = QStackedWidget()
        self._list_pages.addWidget(self.list)
        self._list_pages.addWidget(self._nothing)
        self._list_card = make_card()
        make_column(self._list_pages, parent=self._list_card, margins=(1, 4, 1, 4))
        self.detail = DetailView(self._theme)
        self.detail.hide()
        self._right = QWidget()
        make_column(self.detail, parent=self._right, margins=(8, 0, 0, 0))
        self._splitter.setHandleWidth(8)
        self._splitter.addWidget(self._list_card)
        self._splitter.addWidget(self._right)
        self._splitter.setStretchFactor(0, 0)
        self._splitter.setStretchFactor(1, 1)

    def _connect(self) -> None:
        self._add_list(self.list)
        self._search_timer.timeout.connect(self._tell_search)
        self._search.textChanged.connect(self._on_text)
        self._search.returnPressed.connect(self._tell_search)
        self._nothing.asked.connect(self._clear_search)
        self.votes.empty.asked.connect(self._show_comparisons)
        self._sections.chosen.connect(self._show_section)
        self.detail.changed.connect(self.foot_moved)
        self.detail.answers.verticalScrollBar().valueChanged.connect(self.foot_moved)
        self._theme.changed.connect(self._apply_theme)
        self.offer_undo(self.undo_wanted.emit)

    def _choose_recording(self) -> None:
        words = self.tr("Recordings (*.jsonl);;All files (*)")
        dialog = QFileDialog(self, self.tr("Open a recording"), str(Path.home()), words)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.finished.connect(dialog.deleteLater)
        dialog.fileSelected.connect(self._on_recording)
        dialog.open()

    def _on_recording(self, name: str) -> None:
        self.recording_chosen.emit(Path(name))

    def _show_section(self) -> None:
        self._has_search = not self.is_showing_votes
        self._search.setVisible(self._has_search)
        self._body.setCurrentWidget(self.votes if self.is_showing_votes else self._splitter)
        self.shown.emit()

    def _show_comparisons(self) -> None:
        self._sections.select(LIST)
        self._show_section()

    @override
    def _focus_search(self) -> None:
        if not self._search.isVisible():
            self._show_comparisons()
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
        self._search.setMinimumWidth(px(180))
        self._search.setMaximumWidth(px(340))
        self._share_width()

    @override
    def _show_parts(self) -> None:
        super()._show_parts()
        # they leave their room to an entry that has the page for itself
        is_alone = self._to_list.isVisibleTo(self) and not self.is_showing_votes
        self._sections.setVisible(not is_alone)
        self._count.setVisible(self._has_count and not is_alone)
        self.foot_moved.emit()

    @override
    def _sizes(self, whole: int) -> tuple[int, int]:
        listed = min(self._theme.px(330), max(self._theme.px(220), whole * 3 // 10))
        return listed, max(1, whole - listed)

    @override
    def _enter_list(self) -> None:
        self.list.setFocus()
