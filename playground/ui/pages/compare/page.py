"""The Compare page's widgets."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QFrame, QMenu, QSizePolicy, QWidget
from typing_extensions import override

from playground.core.expected import Check
from playground.core.runs import Turn
from playground.resources import resource
from playground.ui.answers.pane_grid import PaneGrid
from playground.ui.format import one_line
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import (
    Badge,
    ElidedLabel,
    make_button,
    make_card,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.flow_layout import FlowLayout
from playground.ui.widgets.folding_row import FoldingRow, anchor_of
from playground.ui.widgets.layouts import (
    NO_MARGINS,
    make_column,
    make_flow,
    make_row,
    make_scroll_area,
)
from playground.ui.widgets.popup import Foldable
from playground.ui.widgets.prompt_box import PromptBox, part_words
from playground.ui.widgets.segmented import Segmented
from playground.ui.widgets.share_button import ShareButton
from playground.ui.window.page import Page

if TYPE_CHECKING:
    from playground.ui.answers.response_pane import ResponsePane
    from playground.ui.answers.summary import SummaryCard
    from playground.ui.pages.compare.answer_settings import AnswerSettings
    from playground.ui.pages.compare.checks import CheckBar
    from playground.ui.widgets.target_picker import TargetChip, TargetPicker


_LONGEST_TITLE = 90
"""Characters of a question that are its title on stage."""
_LONGEST_TOOLTIP = 1000
"""Those that its tooltip shows."""
_LEAST_MESSAGE = 280
"""Width in the head, in pixels at scale 1, in which a message can be read."""
_RUN_KEY = "Return" if sys.platform == "darwin" else "Enter"
"""As the key is called there; Qt writes it as ↩ on macOS. Either key of the keyboard runs."""


class Header(QWidget):
    """What is decided before a prompt is sent, the drawer's button, and the one that shares."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._build()

    def set_running(self, *, running: bool) -> None:
        """Leave what holds for a whole turn as it is while one runs."""
        self.hide_names.setEnabled(not running)
        self.order.setEnabled(not running)

    def show_question(self, question: str, *, on_stage: bool) -> None:
        """Show on stage what was asked instead of what can be chosen."""
        asked = one_line(question, _LONGEST_TITLE)
        self._title.setText(asked if on_stage and asked else self.tr("Compare"))
        self._title.setToolTip(plain_tooltip(question) if on_stage else "")
        self._actions.setVisible(not on_stage)
        # before a first question the room still has to see what is decided
        self.ask_button.setVisible(on_stage and bool(question))

    @property
    def free_room(self) -> QRect:
        """Where nothing stands that can be chosen; the title may be covered for a while."""
        gap = self._theme.px(16)
        parts = (self.ask_button, self.models_button, self._actions)
        edges = [part.x() for part in parts if part.isVisible() and part.y() < part.height()]
        return QRect(0, 0, min([*edges, self.width()]) - gap, self.height())

    def _build(self) -> None:
        self._title = make_label(self.tr("Compare"), "title", wrap=True)
        self.order = Segmented(
            (
                (
                    "fair",
                    self.tr("One at a time · fair"),
                    self.tr(
                        "Cloud answers come first, then each model on this computer gets the whole "
                        "machine for itself: only so can their speeds be compared."
                    ),
                ),
                (
                    "race",
                    self.tr("All at once"),
                    self.tr("All start together. Models on this computer slow each other down."),
                ),
            ),
        )
        self.hide_names = make_button(
            self.tr("Hide names"),
            tooltip=self.tr(
                "Judge the answers without knowing whose they are; then see the names."
            ),
        )
        self.hide_names.setCheckable(True)
        self.drawer_button = make_button(
            self.tr("Answer settings"),
            tooltip=self.tr("Instructions, length, variety and chance, for all or for one model."),
        )
        self.drawer_button.setCheckable(True)
        self.models_button = make_button("", tooltip=self.tr("See, add and take away models"))
        self.ask_button = make_button(
            self.tr("Ask a question"),
            tooltip=self.tr("Show the line to type a question in (Ctrl+L)"),
        )
        self.ask_button.setCheckable(True)
        self.ask_button.setProperty("small", True)
        self.ask_button.hide()
        self.share_button = ShareButton(
            self._theme, self.tr("Save these answers as a page, a table or a picture to send on")
        )
        self.share_button.setEnabled(False)
        self._actions = FoldingRow(
            *(self._theme, self.order, self.hide_names, self.drawer_button, self.share_button)
        )
        parts = (1, self.ask_button, self.models_button, self._actions)
        make_flow((self._title, 1), *parts, parent=self)

    def show_model_count(self, count: int) -> None:
        """Say how many are chosen, on the button they are behind where there is little room."""
        words = self.tr("1 model ▾") if count == 1 else self.tr("{0} models ▾")
        if not count:
            words = self.tr("Choose models ▾")
        self.models_button.setText(words.format(count))
        self.models_button.setAccessibleName(words.format(count).removesuffix(" ▾"))


class CompareEmptyState(QWidget):
    """Says what the page is for and offers the quickest way in."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._build()

    def set_busy(self, doing: str | None) -> None:
        """Say what is being prepared; `None` where nothing is."""
        self.try_button.setEnabled(doing is None)
        self.choose_button.setEnabled(doing is None)
        self._note.setText(doing or self._note_text)

    def set_starter(self, *, available: bool) -> None:
        """Offer the one-click comparison only where its model is installed."""
        self.try_button.setVisible(available)
        if available:
            return
        self._note_text = self.tr(
            "There is no starter model here yet: add a folder of models or a provider, "
            "then choose from them."
        )
        self._note.setText(self._note_text)

    def _build(self) -> None:
        px = self._theme.px
        card = make_card()
        card.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        inside = QWidget()
        scroll = make_scroll_area(inside)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        make_column((card, 1), parent=self, margins=NO_MARGINS)
        make_column(scroll, parent=card, margins=(1, 1, 1, 1))
        badges = make_flow(
            Badge(self._theme, self.tr("On this computer"), "local", "home"),
            make_label(self.tr("or"), "control", "quiet"),
            Badge(self._theme, self.tr("In the cloud"), "cloud", "cloud"),
        )
        title = make_label(self.tr("Ask once, see every answer side by side"), "title", wrap=True)
        text = make_label(
            self.tr(
                "Which is faster, what does it cost, and do your words leave the house? "
                "Try it with your own question."
            ),
            "body",
            "quiet",
            wrap=True,
        )
        self.try_button = make_button(
            self.tr("Try it: a model here against the practice cloud"),
            wrap=True,
            kind="primary",
            tooltip=self.tr(
                "Compares the small starter model with a practice cloud that runs on this "
                "computer: no account, no key, nothing leaves the house."
            ),
        )
        self.choose_button = make_button(
            self.tr("Choose models yourself"), tooltip=self.tr("See everything you can compare")
        )
        buttons = make_flow(self.try_button, self.choose_button, spacing=px(10))
        for flow in (badges, buttons):
            flow.set_centred()
        self._note_text = self.tr("One click, no account. Everything stays on this computer.")
        self._note = make_label(self._note_text, "caption", "quiet", wrap=True)
        for label in (title, text, self._note):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        make_column(
            *(2, badges, title, text, buttons, self._note, 3),
            parent=inside,
            margins=(px(16), px(12), px(16), px(12)),
            spacing=px(14),
        )


class PromptCard(QFrame):
    """Run while nothing runs, Stop all while something does."""

    run_clicked = Signal()
    stop_clicked = Signal()
    new_clicked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._is_running = False
        self._is_follow_up = self._on_stage = False
        self._check_bar: CheckBar | None = None
        self._folded_checks: Foldable | None = None
        self._is_small = self._lacks_models = False
        self._build()
        self._connect()
        self._apply_theme()

    @property
    def text(self) -> str:
        return self._prompt.text

    def set_text(self, text: str) -> None:
        """Put `text` into the box, with the cursor behind it: one goes on typing there."""
        self._prompt.set_text(text)

    @property
    def checks(self) -> tuple[Check, ...]:
        """What is expected of the answers."""
        return () if self._check_bar is None else self._check_bar.checks

    def set_checks(self, checks: tuple[Check, ...]) -> None:
        if checks or self._check_bar is not None:
            self.check_bar.set_checks(checks)

    @property
    def check_bar(self) -> "CheckBar":
        """The chips of the checks, built when they are first needed."""
        if self._check_bar is None:
            from playground.ui.pages.compare.checks import CheckBar  # noqa: PLC0415 - not on the way to the first prompt

            self._check_bar = CheckBar(self._theme)
            self._column.addWidget(self._check_bar)
            self._folded_checks = Foldable(
                *(self._theme, self._check_bar, self._checks_button),
                column=self._column,
                width=420,
            )
            self._check_bar.changed.connect(self._fit_checks)
            self._fit_checks()
        return self._check_bar

    def fit_window(self, *, is_small: bool) -> None:
        """Put checks behind a button, and notes into one line, where there is no room for them."""
        self._is_small = is_small
        self._fit_checks()
        self._fit_notes()

    def _fit_checks(self) -> None:
        if self._folded_checks is None:
            return
        count = len(self.checks)
        words = self.tr("1 check ▾") if count == 1 else self.tr("{0} checks ▾").format(count)
        self._checks_button.setText(words)
        self._checks_button.setAccessibleName(words.removesuffix(" ▾"))
        self._folded_checks.fold(is_folded=self._is_small)
        self._checks_button.setVisible(self._is_small and count > 0)
        self.check_bar.setVisible(count > 0)

    def show_notes(self, notes: Sequence[str], *, lacks_models: bool = False) -> None:
        """Say under the prompt what a person should know before it is sent.

        `lacks_models` offers to choose some.
        """
        self._notes.setText(" ".join(notes))
        # the last is what is read where there is room for one line
        self._short_note.set_full_text(" ".join(reversed(notes)))
        self._lacks_models = lacks_models
        self._note_row.setVisible(bool(notes))
        self._fit_notes()

    @property
    def has_short_note(self) -> bool:
        """True where there is something to say, and one line for it."""
        return self._is_small and bool(self._notes.text())

    def _fit_notes(self) -> None:
        self._notes.setVisible(not self._is_small)
        self._short_note.setVisible(self._is_small)
        # there the button that models are behind is the way to them
        self.choose_button.setVisible(self._lacks_models and not self._is_small)

    def set_running(self, *, running: bool) -> None:
        """Offer to run, or to stop."""
        self._is_running = running
        self._run.setVisible(not running)
        self._stop_all.setVisible(running)
        self._new.setEnabled(not running)

    def set_follow_up(self, *, follow_up: bool, is_recording: bool = False) -> None:
        """Invite to go on, or to ask something of one's own where a recording is shown."""
        self._new.setVisible(follow_up)
        self._is_follow_up = follow_up
        self._show_ideas()
        self._prompt.set_invitation(
            self.tr("Ask a follow-up…")
            if follow_up and not is_recording
            else self.tr("Ask anything…")
        )

    def set_presentation_mode(self, *, on: bool) -> None:
        self._on_stage = on
        self._show_ideas()
        self._add_check.setVisible(not on)

    def _show_ideas(self) -> None:
        # they are prompts to begin with
        self._ideas.setVisible(not self._on_stage and not self._is_follow_up)

    def submit(self) -> None:
        self.run_clicked.emit()

    def stop(self) -> bool:
        """Do what Stop all does; return False where nothing runs."""
        if not self._is_running:
            return False
        self.stop_clicked.emit()
        return True

    def begin_anew(self) -> None:
        if not self._is_running:
            self.new_clicked.emit()

    def focus_prompt(self) -> None:
        self._prompt.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _build(self) -> None:
        self.setProperty("card", "true")
        self._prompt = PromptBox(self._theme)
        self._new = make_button(
            self.tr("New comparison"), tooltip=self.tr("Start again with an empty page (Ctrl+N)")
        )
        self._new.hide()
        self._ideas = make_button(self.tr("Ideas ▾"), tooltip=self.tr("Prompts to begin with"))
        self._ideas.setAccessibleName(self.tr("Ideas"))
        self._add_check = make_button(
            self.tr("Add a check"),
            tooltip=self.tr(
                "Say what makes an answer right: each gets a ✓ or ✕ for it, here on this computer"
            ),
        )
        self._checks_button = make_button("", tooltip=self.tr("See and take away checks"))
        self._checks_button.hide()
        native = QKeySequence.SequenceFormat.NativeText
        key, anywhere = (
            QKeySequence(keys).toString(native) for keys in (_RUN_KEY, f"Ctrl+{_RUN_KEY}")
        )
        self._run = make_button(
            self.tr("Run  {keys}").format(keys=key),
            kind="primary",
            tooltip=self.tr(
                "Send the prompt to every model ({key} in the prompt, {anywhere} from anywhere)"
            ).format(key=key, anywhere=anywhere),
            name=self.tr("Run"),
        )
        self._stop_all = make_button(
            self.tr("Stop all"),
            kind="primary",
            tooltip=self.tr("End every answer; what is written stays (Esc)"),
        )
        self._stop_all.hide()
        self._stop_all.installEventFilter(self)
        self._part = make_label("", "caption", "quiet", wrap=True)
        self._part.hide()
        self._notes = make_label("", "caption", "quiet", wrap=True)
        self._short_note = ElidedLabel("", "caption", "quiet")
        self.choose_button = make_button(
            self.tr("Choose models"), tooltip=self.tr("See everything you can compare")
        )
        self.choose_button.setProperty("small", True)
        self._note_row = QWidget()
        self._note_layout = make_row(
            (self._notes, 1), (self._short_note, 1), self.choose_button, parent=self._note_row
        )
        self._note_row.hide()
        rarer = FoldingRow(
            *(self._theme, self._new, self._checks_button, self._add_check, self._ideas)
        )
        buttons = (rarer, self._run, self._stop_all)
        self._flow = make_flow((self._prompt, 1), 1, *buttons)
        for button in buttons:
            self._flow.setAlignment(button, Qt.AlignmentFlag.AlignBottom)
        self._column = make_column(self._flow, self._part, self._note_row, parent=self, spacing=0)

    def _connect(self) -> None:
        self._prompt.submitted.connect(self.submit)
        self._prompt.part_shown.connect(self._show_part)
        self._run.clicked.connect(self.submit)
        self._stop_all.clicked.connect(self.stop)
        self._new.clicked.connect(self.begin_anew)
        self._ideas.clicked.connect(self._open_ideas)
        self._add_check.clicked.connect(self._open_checks)
        self._theme.changed.connect(self._apply_theme)

    def _open_checks(self) -> None:
        self.check_bar.open_editor(anchor_of(self._add_check))

    def _open_ideas(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        kind = None
        for idea in starter_prompts():
            if kind is not None and idea.kind != kind:
                menu.addSeparator()
            kind = idea.kind
            action = menu.addAction(f"{idea.kind}: {idea.title}")
            action.setData(idea.text)
            action.triggered.connect(self._take_idea)
        anchor = anchor_of(self._ideas)
        menu.popup(anchor.mapToGlobal(QPoint(0, -menu.sizeHint().height() - 4)))

    def _show_part(self, shown: int, count: int) -> None:
        """Say that the box holds only a part of the text."""
        words = part_words(shown, count)
        self._part.setText(self.tr("{words} All of them are sent.").format(words=words))
        self._part.setVisible(shown < count)

    def _take_idea(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.set_text(action.data())
            self.focus_prompt()

    def _apply_theme(self) -> None:
        px = self._theme.px
        self._column.setContentsMargins(px(12), px(12), px(14), px(12))
        self._note_layout.setContentsMargins(px(4), px(4), 0, 0)
        self._stop_all.setIcon(self._theme.icon("stop", "on_accent"))
        self._stop_all.setIconSize(QSize(px(16), px(16)))

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # the second press of a double click on Run, whose place Stop all has taken
        if watched is self._stop_all and event.type() is QEvent.Type.MouseButtonDblClick:
            return True
        return super().eventFilter(watched, event)


_NARROW = 1000
"""Width of the window, in units of text, below which models go behind a button."""
_VERDICT_FROM = 560
"""Height of the window, in units of text, that has room for what the summary says in short."""
_CHECKS_BELOW = 560
"""Width of the window, in units of text, from which checks and notes stand under the prompt."""
_DRAWER_BESIDE = 700
"""Width of the window, in units of text, from which the drawer stands beside the answers."""


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

    target_removed = Signal(str)
    provider_asked = Signal(str, str)
    """A provider's id, and what is to be done on its card: see `ProviderCard`."""

    MARGINS = (22, 16, 22, 14)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._chips: list[TargetChip] = []
        self._in_presentation_mode = False
        self._picker: TargetPicker | None = None
        self._drawer: AnswerSettings | None = None
        self._summary: SummaryCard | None = None
        self._question = ""
        """The title on stage."""
        self._has_summary = False
        self._build()
        self._connect()

    def show_difference(self, turn: Turn) -> None:
        """Lay two answers of a turn side by side."""
        from playground.ui.answers.difference_dialog import open_difference  # noqa: PLC0415 - not on the way to the first prompt

        open_difference(self._theme, turn, self)

    @property
    def panes(self) -> "Sequence[ResponsePane]":
        return self.grid.panes

    @property
    def settings(self) -> "AnswerSettings":
        """The drawer, built when it is first needed."""
        if self._drawer is None:
            from playground.ui.pages.compare.answer_settings import AnswerSettings  # noqa: PLC0415 - not on the way to the first prompt

            self._drawer = AnswerSettings(self._theme, self)
            self._drawer.setVisible(self.header.drawer_button.isChecked())
            self._drawer.close_button.clicked.connect(self.header.drawer_button.toggle)
            self._outer.addWidget(self._drawer)
            self._fit()
        return self._drawer

    @property
    def summary(self) -> "SummaryCard":
        """The line in plain words and the vote, built when they are first needed."""
        if self._summary is None:
            from playground.ui.answers.summary import SummaryCard  # noqa: PLC0415 - not on the way to the first prompt

            self._summary = SummaryCard(self._theme, self)
            self._summary.hide()
            self._column.insertWidget(self._column.count() - 1, self._summary)
            self._fit()
            self._order_stops()
        return self._summary

    @property
    def picker(self) -> "TargetPicker":
        if self._picker is None:
            from playground.ui.widgets.target_picker import TargetPicker  # noqa: PLC0415 - not on the way to the first prompt

            self._picker = TargetPicker(self._theme, self)
        return self._picker

    def set_chips(self, chips: Sequence[ChipState]) -> None:
        from playground.ui.widgets.target_picker import TargetChip  # noqa: PLC0415 - not on the way to the first prompt

        for chip in self._chips:
            self._chip_row.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._chips.clear()
        for index, state in enumerate(chips):
            chip = TargetChip(self._theme, state.text, state.tone, state.icon, state.tooltip)
            for button, slot in (
                (chip.button, self._on_chip_clicked),
                (chip.remove_button, self._on_chip_removed),
            ):
                button.setProperty("key", state.key)
                button.clicked.connect(slot)
            self._chip_row.insert_widget(index, chip)
            self._chips.append(chip)
        self.header.show_model_count(len(chips))

    def set_pane_count(self, count: int) -> None:
        """Have so many panes; those that stay keep what they show."""
        from playground.ui.answers.response_pane import ResponsePane  # noqa: PLC0415 - not on the way to the first prompt

        panes = [*self.grid.panes[:count]]
        while len(panes) < count:
            panes.append(ResponsePane(self._theme))
        self.empty.setVisible(not panes)
        self.grid.setVisible(bool(panes))
        self.grid.set_panes(panes)
        self._fit()
        self._order_stops()

    def show_notes(self, notes: Sequence[str], *, lacks_models: bool) -> None:
        """See `PromptCard.show_notes`."""
        self.prompt_card.show_notes(notes, lacks_models=lacks_models)
        self._fit()

    def show_summary(self, *, is_shown: bool) -> None:
        """Have the line in plain words, or none while answers are on their way."""
        self._has_summary = is_shown
        self.summary.setVisible(is_shown)
        self._fit()
        self.foot_moved.emit()

    def set_running(self, *, running: bool) -> None:
        """Run or Stop all."""
        self.prompt_card.set_running(running=running)
        self.add_button.setEnabled(not running)
        self.header.set_running(running=running)
        for chip in self._chips:
            chip.remove_button.setEnabled(not running)

    def open_picker(self) -> None:
        anchors = (self.add_button, self.header.models_button, self.empty.choose_button)
        anchor = next((button for button in anchors if button.isVisible()), self.header)
        self.picker.open_at(anchor)

    def focus_first(self) -> None:
        if self._in_presentation_mode:
            self.header.ask_button.setChecked(True)
        self.prompt_card.focus_prompt()

    def leave_vote(self) -> None:
        """Put the keyboard where one goes on after a vote that stays."""
        if self.prompt_card.isVisible():
            self.prompt_card.focus_prompt()
        else:
            self.setFocus()

    @property
    @override
    def foot_top(self) -> int:
        votes = [] if self._summary is None else self._summary.vote_buttons
        return self._foot_above([self.prompt_card, *self.grid.vote_buttons, *votes])

    @property
    @override
    def message_room(self) -> QRect | None:
        room = self.header.free_room
        if room.width() < self._theme.px(_LEAST_MESSAGE):
            return None
        return room.translated(self.header.mapTo(self, QPoint(0, 0)))

    def handle_escape(self) -> bool:
        drawer, focus = self._drawer, self.focusWidget()
        is_open = drawer is not None and drawer.isVisible()
        is_in_drawer = drawer is not None and focus is not None and drawer.isAncestorOf(focus)
        if not (is_open and is_in_drawer) and self.prompt_card.stop():
            return True
        if is_open:
            self.header.drawer_button.setChecked(False)
            self.prompt_card.focus_prompt()
        return is_open

    def set_presentation_mode(self, *, on: bool) -> None:
        super().set_presentation_mode(on=on)
        if on:
            self.header.drawer_button.setChecked(False)
            self.header.ask_button.setChecked(False)
        self.prompt_card.set_presentation_mode(on=on)
        self._in_presentation_mode = on
        self.grid.set_presentation_mode(on=on)
        self._fit()

    def show_question(self, question: str) -> None:
        """Take what was asked last; empty where nothing was."""
        self._question = one_line(question, _LONGEST_TOOLTIP)
        self.grid.begin_text()
        self.header.ask_button.setChecked(False)
        self._fit()

    def _build(self) -> None:
        self.header = Header(self._theme)
        self._head.addWidget(self.header, 1)
        self._column.addWidget(self._build_chips())
        self._folded_chips = Foldable(
            self._theme,
            self._chip_box,
            self.header.models_button,
            column=self._column,
            width=420,
        )
        self.empty = CompareEmptyState(self._theme)
        self._column.addWidget(self.empty, 1)
        self.grid = PaneGrid(self._theme, row_limit=3)
        self.grid.hide()
        self._column.addWidget(self.grid, 1)
        self._verdict = make_label("", "control", wrap=True)
        self._verdict.hide()
        self._column.addWidget(self._verdict)
        self.prompt_card = PromptCard(self._theme)
        self._column.addWidget(self.prompt_card)

    def _build_chips(self) -> QWidget:
        self._chip_box = QWidget()
        self._chip_row = FlowLayout(self._chip_box, spacing=self._theme.px(8))
        self.add_button = make_button(
            self.tr("Add a model"),
            tooltip=self.tr("Choose another model to compare, up to six"),
        )
        self.add_button.setProperty("small", True)
        self._chip_row.addWidget(self.add_button)
        self._chip_box.hide()
        return self._chip_box

    def _order_stops(self) -> None:
        """Let the keyboard go through the page as one reads it."""
        parts = [self.header, self._chip_box, *self.panes, self.prompt_card]
        if self._summary is not None:
            parts.insert(-1, self._summary)
        shown = [part for part in parts if part.window() is self.window()]
        stops = [stop for part in shown for stop in _stops(part)]
        for stop, following in pairwise(stops):
            QWidget.setTabOrder(stop, following)

    def _apply_theme(self) -> None:
        side = self._theme.px(14)
        self.add_button.setIcon(self._theme.icon("plus", "text"))
        self.add_button.setIconSize(QSize(side, side))
        self._fit()

    def _fit(self) -> None:
        """Put models behind a button and the summary below the panes where there is no room."""
        on_stage = self._in_presentation_mode
        self.header.show_question(self._question, on_stage=on_stage)
        is_asking = self.header.ask_button.isChecked() or not self._question
        self.prompt_card.setVisible(not on_stage or is_asking)
        self.prompt_card.fit_window(is_small=self._units < _CHECKS_BELOW)
        # alone and unseen it has no size yet: folding would make windows that nobody opens
        has_size = self.window() is not self or self.isVisible()
        is_narrow = has_size and self._units < _NARROW and not on_stage
        if self._summary is not None:
            has_names = all(pane.has_figures for pane in self.panes)
            self._summary.set_presentation_mode(on=on_stage and has_names)
            # two rows of answers take all there is; the best figures are green
            is_full = on_stage and has_names and self.grid.row_count > 1
            self._summary.setVisible(self._has_summary and not is_full)
        has_chips = bool(self.panes) and not self._in_presentation_mode
        self._folded_chips.fold(is_folded=is_narrow)
        self.header.models_button.setVisible(has_chips and is_narrow)
        if not is_narrow:
            self._chip_box.setVisible(has_chips)
        if self._drawer is not None:
            is_alone = self._units < _DRAWER_BESIDE and not self._drawer.isHidden()
            self._main.setVisible(not is_alone)
            self._drawer.set_alone(is_alone=is_alone)
        if self._summary is not None and is_narrow != self.grid.has_foot:
            self.grid.set_foot(self._summary if is_narrow else None)
            if not is_narrow:
                self._column.insertWidget(self._column.count() - 1, self._summary)
            self._summary.setVisible(self._has_summary)
        self._show_verdict(is_below=is_narrow)

    def _show_verdict(self, *, is_below: bool) -> None:
        """Say above the prompt what stands below the panes, out of sight."""
        has_room = self.window().height() / self._theme.scale >= _VERDICT_FROM
        # nor is there any for both
        has_room = has_room and not self.prompt_card.has_short_note
        is_told = is_below and has_room and self._has_summary
        text = self._summary.short_text if is_told and self._summary is not None else ""
        self._verdict.setText(text)
        self._verdict.setVisible(bool(text))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _connect(self) -> None:
        self._theme.changed.connect(self._apply_theme)
        self._apply_theme()
        self.header.drawer_button.toggled.connect(self._on_drawer_toggled)
        self.grid.verticalScrollBar().valueChanged.connect(self.foot_moved)
        self.header.ask_button.toggled.connect(self._on_ask)
        QShortcut(QKeySequence("Ctrl+Return"), self, self.prompt_card.submit)
        QShortcut(QKeySequence("Ctrl+N"), self, self.prompt_card.begin_anew)

    def _on_ask(self, on: bool) -> None:
        self._fit()
        if on:
            self.prompt_card.focus_prompt()

    def _on_drawer_toggled(self, on: bool) -> None:
        self.settings.setVisible(on)
        self._fit()

    def _on_chip_removed(self) -> None:
        self.target_removed.emit(self.sender().property("key"))

    def _on_chip_clicked(self) -> None:
        self.settings.set_scope(self.sender().property("key"))
        self.header.drawer_button.setChecked(True)


def _stops(part: QWidget) -> list[QWidget]:
    """Return what the keyboard can go to in a part, in the order it was built."""
    return [
        widget
        for widget in part.findChildren(QWidget)
        # not what is in a menu or a popup of its own
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.window() is part.window()
    ]


@dataclass(frozen=True, slots=True)
class StarterPrompt:
    """Something to press Run on."""

    kind: str
    title: str
    text: str


def starter_prompts() -> tuple[StarterPrompt, ...]:
    import tomllib  # noqa: PLC0415 - not on the way to the first prompt

    data = tomllib.loads(resource("prompts.toml").read_text(encoding="utf-8"))
    return tuple(StarterPrompt(p["kind"], p["title"], p["text"]) for p in data["prompt"])
