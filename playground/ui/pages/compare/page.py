"""The Compare page's widgets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from playground.ui.answers.pane_grid import PaneGrid
from playground.ui.pages.compare.empty_state import EmptyState
from playground.ui.pages.compare.header import Header
from playground.ui.pages.compare.prompt_card import PromptCard
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_button
from playground.ui.widgets.flow_layout import FlowLayout
from playground.ui.window.page import Page

if TYPE_CHECKING:
    from playground.ui.answers.response_pane import ResponsePane
    from playground.ui.pages.compare.answer_settings import AnswerSettings
    from playground.ui.pages.compare.summary_card import SummaryCard
    from playground.ui.widgets.facts_popup import Row
    from playground.ui.widgets.target_chip import TargetChip
    from playground.ui.widgets.target_picker import TargetPicker


@dataclass(frozen=True, slots=True)
class ChipState:
    """A chosen target as its chip shows it."""

    key: str
    text: str
    tone: str
    icon: str
    tooltip: str


class CompareView(Page):
    """Header, chips, panes, summary and prompt; the drawer of answer settings beside them."""

    run_clicked = Signal()
    stop_all_clicked = Signal()
    stop_clicked = Signal(int)
    vote_clicked = Signal(int)
    details_clicked = Signal(int)
    new_clicked = Signal()
    picker_wanted = Signal()
    target_removed = Signal(str)
    order_chosen = Signal(str)
    hide_names_toggled = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._panes: list[ResponsePane] = []
        self._chips: list[TargetChip] = []
        self._is_stage = False
        self._picker: TargetPicker | None = None
        self._drawer: AnswerSettings | None = None
        self._summary: SummaryCard | None = None
        self._build()
        self._connect()
        self._wear()

    def complete(self) -> None:
        """Build the drawer, without which the page can be typed into already."""
        _ = self.settings

    @property
    def panes(self) -> "Sequence[ResponsePane]":
        """The panes in the order they are shown."""
        return tuple(self._panes)

    @property
    def settings(self) -> "AnswerSettings":
        """The drawer, built when it is first needed."""
        if self._drawer is None:
            from playground.ui.pages.compare.answer_settings import AnswerSettings  # noqa: PLC0415 - not on the way to the first prompt

            self._drawer = AnswerSettings(self._theme, self)
            self._drawer.setVisible(self._header.wants_drawer)
            self._drawer.close_clicked.connect(self._close_drawer)
            self._outer.addWidget(self._drawer)
        return self._drawer

    @property
    def summary(self) -> "SummaryCard":
        """The line in plain words and the vote, built when they are first needed."""
        if self._summary is None:
            from playground.ui.pages.compare.summary_card import SummaryCard  # noqa: PLC0415 - not on the way to the first prompt

            self._summary = SummaryCard(self._theme, self)
            self._summary.hide()
            self._column.insertWidget(self._column.count() - 1, self._summary)
        return self._summary

    @property
    def empty(self) -> EmptyState:
        """What is shown while there are no targets."""
        return self._empty

    @property
    def picker(self) -> "TargetPicker":
        """The list of what can be added."""
        if self._picker is None:
            from playground.ui.widgets.target_picker import TargetPicker  # noqa: PLC0415 - not on the way to the first prompt

            self._picker = TargetPicker(self._theme, self)
        return self._picker

    @property
    def prompt(self) -> str:
        """What has been typed."""
        return self._card.text

    def set_prompt(self, text: str) -> None:
        """Put `text` into the prompt box."""
        self._card.set_text(text)

    def set_chips(self, chips: Sequence[ChipState]) -> None:
        """Show the chosen targets."""
        from playground.ui.widgets.target_chip import TargetChip  # noqa: PLC0415 - not on the way to the first prompt

        for chip in self._chips:
            self._chip_row.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._chips.clear()
        for index, state in enumerate(chips):
            chip = TargetChip(self._theme, state.text, state.tone, state.icon, state.tooltip)
            chip.setProperty("key", state.key)
            chip.remove_clicked.connect(self._on_chip_removed)
            chip.clicked.connect(self._on_chip_clicked)
            self._chip_row.insert_widget(index, chip)
            self._chips.append(chip)
        has_chips = bool(chips)
        self._empty.setVisible(not has_chips)
        self._grid.setVisible(has_chips)
        self._chip_box.setVisible(has_chips and not self._is_stage)

    def set_pane_count(self, count: int) -> None:
        """Have so many panes; those that stay keep what they show."""
        from playground.ui.answers.response_pane import ResponsePane  # noqa: PLC0415 - not on the way to the first prompt

        while len(self._panes) > count:
            self._panes.pop()
        while len(self._panes) < count:
            pane = ResponsePane(self._theme)
            pane.stop_clicked.connect(self._on_pane_stop)
            pane.vote_clicked.connect(self._on_pane_vote)
            pane.details_clicked.connect(self._on_pane_details)
            self._panes.append(pane)
        self._grid.set_panes(self._panes)

    def fit_heads(self) -> None:
        """Lay the heads out again after names have changed."""
        self._grid.fit_heads()

    def set_running(self, *, running: bool) -> None:
        """Run or Stop all."""
        self._card.set_running(running=running)
        self._add.setEnabled(not running)
        self._header.set_running(running=running)
        for chip in self._chips:
            chip.set_removable(removable=not running)

    def set_follow_up(self, *, follow_up: bool) -> None:
        """Ask for a follow-up instead of a first prompt."""
        self._card.set_follow_up(follow_up=follow_up)

    def set_addable(self, *, addable: bool) -> None:
        """Offer to add a model, up to six."""
        self._add.setVisible(addable)

    def set_order(self, order: str) -> None:
        """Light `fair` or `race`."""
        self._header.set_order(order)

    def set_hide_names(self, *, on: bool) -> None:
        """Show whether names are hidden."""
        self._header.set_hide_names(on=on)

    def show_details(self, index: int, title: str, rows: "Sequence[Row]") -> None:
        """Show every exact number of a pane."""
        from playground.ui.widgets.facts_popup import FactsPopup  # noqa: PLC0415 - not on the way to the first prompt

        popup = FactsPopup(self._theme, title, self)
        popup.set_rows(rows)
        popup.show_at(self._panes[index].metrics)

    def open_picker(self) -> None:
        """Show the list of what can be added, below its button."""
        anchor = self._add if self._add.isVisible() else self._empty.choose_button
        self.picker.open_at(anchor)

    def set_drawer_open(self, *, is_open: bool) -> None:
        """Show or hide the answer settings."""
        self.settings.setVisible(is_open)
        self._header.set_drawer_open(is_open=is_open)

    def focus_first(self) -> None:
        """Put the keyboard into the prompt box."""
        self._card.focus_prompt()

    def handle_escape(self) -> bool:
        """Stop what runs."""
        if not self._card.is_running:
            return False
        self.stop_all_clicked.emit()
        return True

    def set_stage(self, *, on: bool) -> None:
        """Hide what a room need not see."""
        self._header.set_stage(on=on)
        if on:
            self.set_drawer_open(is_open=False)
        self._card.set_stage(on=on)
        self._is_stage = on
        self._chip_box.setVisible(bool(self._chips) and not on)

    def _build(self) -> None:
        outer = self._outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self._column = QVBoxLayout()
        outer.addLayout(self._column, 1)
        self._header = Header(self._theme)
        self._column.addWidget(self._header)
        self._column.addWidget(self._build_chips())
        self._empty = EmptyState(self._theme)
        self._column.addWidget(self._empty, 1)
        self._grid = PaneGrid(self._theme)
        self._grid.hide()
        self._column.addWidget(self._grid, 1)
        self._card = PromptCard(self._theme)
        self._column.addWidget(self._card)

    def _build_chips(self) -> QWidget:
        self._chip_box = QWidget()
        self._chip_row = FlowLayout(self._chip_box, spacing=self._theme.px(8))
        self._add = make_button(
            self.tr("＋ Add a model"),
            tooltip=self.tr("Choose another model to compare, up to six"),
        )
        self._add.setAccessibleName(self.tr("Add a model"))
        self._add.setProperty("small", True)
        self._chip_row.addWidget(self._add)
        self._chip_box.hide()
        return self._chip_box

    def _connect(self) -> None:
        self._header.order_chosen.connect(self.order_chosen)
        self._header.hide_names_toggled.connect(self.hide_names_toggled)
        self._header.drawer_toggled.connect(self._on_drawer_toggled)
        self._add.clicked.connect(self.picker_wanted)
        self._empty.choose_clicked.connect(self.picker_wanted)
        self._card.run_clicked.connect(self.run_clicked)
        self._card.stop_clicked.connect(self.stop_all_clicked)
        self._card.new_clicked.connect(self.new_clicked)
        QShortcut(QKeySequence("Ctrl+Return"), self, self._card.submit)
        QShortcut(QKeySequence("Ctrl+N"), self, self._card.begin_anew)
        self._theme.changed.connect(self._wear)

    def _on_drawer_toggled(self, on: bool) -> None:
        self.set_drawer_open(is_open=on)

    def _close_drawer(self) -> None:
        self.set_drawer_open(is_open=False)

    def _on_chip_removed(self) -> None:
        self.target_removed.emit(self.sender().property("key"))

    def _on_chip_clicked(self) -> None:
        self.settings.set_scope(self.sender().property("key"))
        self.set_drawer_open(is_open=True)

    def _on_pane_stop(self) -> None:
        self.stop_clicked.emit(self._index_of_sender())

    def _on_pane_vote(self) -> None:
        self.vote_clicked.emit(self._index_of_sender())

    def _on_pane_details(self) -> None:
        self.details_clicked.emit(self._index_of_sender())

    def _index_of_sender(self) -> int:
        sender = self.sender()
        return next(index for index, pane in enumerate(self._panes) if pane is sender)

    def _wear(self) -> None:
        px = self._theme.px
        self._column.setContentsMargins(px(22), px(16), px(22), px(14))
        self._column.setSpacing(px(12))
