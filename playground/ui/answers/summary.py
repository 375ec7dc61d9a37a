"""The summary of a turn in one line of plain words, the vote on it, and the note."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtGui import QTextDocumentFragment
from PySide6.QtWidgets import QFrame, QLabel, QWidget

from playground.core.amounts import rate, seconds
from playground.core.leads import TIE, best_of
from playground.core.metrics import figures
from playground.core.names import name_with_place, shortened
from playground.core.runs import INTERRUPTED, Run, RunOrder, RunStatus, Turn, VoteOutcome
from playground.core.targets import LocalTarget
from playground.ui.answers.judging import NoteViewModel
from playground.ui.answers.metric_cells import cost_words
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.basics import breakable, make_button, make_label, plain_tooltip
from playground.ui.widgets.layouts import make_column, make_flow
from playground.ui.widgets.prompt_box import SHOWN

if TYPE_CHECKING:
    from playground.ui.answers.note_field import NoteField


def _tr(text: str) -> str:
    return QCoreApplication.translate("answers", text)


THOUSAND = 1000


def summary(turn: Turn, *, has_costs: bool = True) -> str:
    """Return the line as HTML in which only our own words are marked up; short without costs."""
    finished = tuple(run for run in turn.runs if run.status is RunStatus.FINISHED)
    names = _Names(turn.runs)
    sentences = [_troubles(turn.runs, names), _beginning(finished, names)]
    sentences.append(_disturbed(finished, names, is_short=not has_costs))
    if has_costs:
        sentences.append(_costs(finished, names))
    if turn.order is RunOrder.RACE and any(run.shared_machine for run in turn.runs):
        sentences.append(
            _tr("They shared this computer: one at a time, the local ones would be faster.")
        )
    return " ".join(sentence for sentence in sentences if sentence)


class _Names:
    """What runs are called in one line: whole where a name comes first, then as short as can be."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs
        self._said: set[str] = set()

    def __getitem__(self, run: Run) -> str:
        """Return the name as HTML, see `plain`."""
        return escape(breakable(self.plain(run)))

    def plain(self, run: Run) -> str:
        """Return the name; one that others have as well is told by its place."""
        name = shortened(run.target.label)
        alike = [other for other in self._runs if _plain(other) == _plain(run)]
        if len(alike) > 1:
            place = _place(run)
            is_told_by_place = [_place(other) for other in alike].count(place) == 1
            is_short = run.id in self._said and is_told_by_place
            name = place if is_short else name_with_place(run.target)
        self._said.add(run.id)
        return name


def _place(run: Run) -> str:
    """Return what stands for a model that was named before, within a sentence."""
    target = run.target
    if isinstance(target, LocalTarget):
        return _tr("the local one") if target.model.is_recorded else _tr("the one here")
    if target.provider.is_practice:
        return _tr("the practice cloud")
    return _tr("the one at {provider}").format(provider=target.provider.name)


def _beginning(finished: tuple[Run, ...], names: _Names) -> str:
    runs = [run for run in finished if run.cut_short is None]
    if len(runs) < 2:
        return _alone(runs[0]) if runs else ""
    by_id = {run.id: run for run in runs}
    best = best_of([(run, figures(run)) for run in runs])
    if best.first == best.speed == TIE:
        return _tr("First word and speed: <b>no real difference</b>.")
    first, quickest = by_id.get(best.first or ""), by_id.get(best.speed or "")
    speed = figures(quickest).words_per_s if quickest is not None else None
    words = rate(speed.value) if speed is not None else ""
    if first is None or quickest is None:
        parts = []
        if first is not None:
            parts.append(_tr("{name} <b>started first</b>.").format(name=names[first]))
        elif best.first == TIE:
            parts.append(_tr("First word: <b>no real difference</b>."))
        if quickest is not None:
            fastest = _tr("{name} wrote <b>fastest</b> ({speed} words a second).")
            parts.append(fastest.format(name=names[quickest], speed=words))
        elif best.speed == TIE:
            parts.append(_tr("Speed: <b>no real difference</b>."))
        return " ".join(parts)
    if quickest.id == first.id:
        return _tr(
            "{name} <b>started first</b> and wrote <b>fastest</b> ({speed} words a second)."
        ).format(name=names[first], speed=words)
    return _tr(
        "{first} <b>started first</b>; {fastest} wrote <b>fastest</b> ({speed} words a second)."
    ).format(first=names[first], fastest=names[quickest], speed=words)


def _alone(run: Run) -> str:
    total = figures(run).total_s
    return _tr("{name} answered in <b>{time}</b>.").format(
        name=escape(breakable(name_with_place(run.target))),
        time=seconds(total.value if total else None),
    )


def _disturbed(finished: Sequence[Run], names: _Names, *, is_short: bool) -> str:
    """Return whose speed says little, as the computer was busy or hot; a race says so itself."""
    loads = [(run, run.machine_load) for run in finished if not run.shared_machine]
    busy = [run for run, load in loads if load is not None and load.is_busy]
    hot = [run for run, load in loads if load is not None and load.was_throttled]
    if is_short:
        slowed = _tr("<b>The computer was busy</b>: {names} may be faster than this.")
    elif any(_was_elsewhere(run) for run in busy):
        slowed = _tr(
            "<b>Other work kept that computer busy</b> meanwhile: {names} may be faster than this."
        )
    else:
        slowed = _tr(
            "<b>Other work kept this computer busy</b> meanwhile: {names} may be faster than this."
        )
    heated = _tr("The processor was <b>too hot</b>: {names} may be faster than this.")
    return " ".join(
        words.format(names=_listed([names[run] for run in troubled]))
        for words, troubled in ((slowed, busy), (heated, hot))
        if troubled
    )


def _was_elsewhere(run: Run) -> bool:
    return isinstance(run.target, LocalTarget) and run.target.is_recorded


def _costs(runs: Sequence[Run], names: _Names) -> str:
    parts = []
    for run in runs:
        words = cost_words(run.cost, THOUSAND)
        if run.cost is None or run.cost.usd is None:
            part = _tr("<b>unknown</b> for {name}")
        elif run.cost.kind == "electricity":
            part = _tr("<b>{cost}</b> electricity for {name}")
        else:
            part = _tr("<b>{cost}</b> for {name}")
        parts.append(part.format(cost=escape(words), name=names[run]))
    if not parts:
        return ""
    return _tr("A thousand prompts like this: {costs}.").format(costs=", ".join(parts))


def _troubles(runs: Sequence[Run], names: _Names) -> str:
    failed = [run for run in runs if run.status is RunStatus.FAILED]
    cut = [run for run in runs if run.status is RunStatus.CANCELLED]
    not_whole = [run for run in runs if run.cut_short is not None]
    interrupted = [run for run in cut if run.finish_reason == INTERRUPTED]
    stopped = [run for run in cut if run.finish_reason != INTERRUPTED]
    return " ".join(
        words.format(names=_listed([names[run] for run in troubled]))
        for words, troubled in (
            (_tr("{names} could not finish."), failed),
            (_tr("{names} did not give a whole answer."), not_whole),
            (_tr("You stopped {names}."), stopped),
            (_tr("{names} broke off when the program ended."), interrupted),
        )
        if troubled
    )


def _plain(run: Run) -> str:
    """Return what a reader remembers of a name: `smollm2-135m` and `SmolLM2 135M` are one."""
    return "".join(char for char in run.target.label.casefold() if char.isalnum())


def _listed(names: Sequence[str]) -> str:
    """Return names as they are read out: with an “and” before the last."""
    if len(names) < 2:
        return "".join(names)
    return _tr("{names} and {last}").format(names=", ".join(names[:-1]), last=names[-1])


@dataclass(frozen=True, slots=True)
class VoteViewModel:
    """The vote on a turn."""

    text: str
    """The question while a vote is asked for, then what was chosen."""
    outcome: VoteOutcome | None
    can_vote: bool
    can_differ: bool = False
    """True where there are two answers to be laid side by side."""


def vote_view_model(turn: Turn, *, asks_vote: bool, is_hidden: bool) -> VoteViewModel:
    """Return the vote on a turn; `asks_vote` where one may be cast, `is_hidden` without names."""
    # with hidden names the vote is the way to them, however many answers there are
    has_choice = is_hidden or sum(map(can_win, turn.runs)) > 1
    can_vote = asks_vote and has_choice and not turn.is_sealed
    text = _vote_text(turn, can_vote=can_vote, is_hidden=is_hidden)
    return VoteViewModel(text, turn.verdict, can_vote, sum(map(can_win, turn.runs)) > 1)


def can_win(run: Run) -> bool:
    """Return whether there is an answer that can be called the better one."""
    return bool(run.text.strip())


def _vote_text(turn: Turn, *, can_vote: bool, is_hidden: bool) -> str:
    if turn.is_voted:
        text = _vote_words(turn, is_hidden=is_hidden)
        return f"{text} {_tr('Names were hidden.')}" if turn.hidden_names else text
    if not can_vote:
        return ""
    if is_hidden:
        return _tr("Which is best? The names are shown after your vote:")
    return _tr("Which answer is better? Press “This one” under it, or:")


def _vote_words(turn: Turn, *, is_hidden: bool) -> str:
    if turn.verdict is VoteOutcome.TIE:
        return _tr("You said: a tie.")
    if turn.verdict is VoteOutcome.NONE_GOOD:
        return _tr("You said: none is good.")
    winner = next((run for run in turn.runs if run.id == turn.winner_run_id), None)
    if winner is None or is_hidden:
        return _tr("You chose one of them.")
    return _tr("You chose {name}.").format(name=breakable(_Names(turn.runs).plain(winner)))


class SummaryCard(QFrame):
    """What the figures say, and what the person says: the foot of every turn that has ended."""

    voted = Signal(object)
    """A `VoteOutcome`."""
    advice_wanted = Signal()
    """The link to “Local or cloud?” was followed."""
    difference_wanted = Signal()
    """What differs between two of the answers is to be shown."""
    noted = Signal(str, str)
    """Id of the turn, and the note on it that was typed."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._on_stage = self._can_differ = False
        self._texts = ["", ""]
        """The summary, and the short one for a stage."""
        self._note: NoteViewModel | None = None
        self._is_noting = False
        """True once the field for the note was opened; it stays for the turn that is shown."""
        self._note_field: NoteField | None = None
        self._build()
        theme.changed.connect(self._fit_vote_text)

    @property
    def short_text(self) -> str:
        """The short summary as plain text; empty where there is none."""
        return QTextDocumentFragment.fromHtml(self._texts[1]).toPlainText()

    def show_turn(self, summary_html: str, vote: VoteViewModel, short_html: str = "") -> None:
        """Show the summary, in which only our own words are marked up, and the vote.

        `short_html` stands in its place on stage.
        """
        # an estimate and its sign stay in one line, and so do a number and its unit
        self._texts = [
            re.sub(r"(?<=≈) |(?<=\d) (?=s\b|min\b)", "&nbsp;", html)
            for html in (summary_html, short_html)
        ]
        self._can_differ = vote.can_differ
        self._show_line()
        self._vote_text.setText(vote.text)
        self._vote_text.setVisible(bool(vote.text))
        self._fit_vote_text()
        for button, outcome, said in (
            (
                self.tie_button,
                VoteOutcome.TIE,
                self.tr("Say that the best answers are equally good"),
            ),
            (
                self.none_button,
                VoteOutcome.NONE_GOOD,
                self.tr("Say that no answer is good enough"),
            ),
        ):
            is_said = vote.outcome is outcome
            button.setVisible(vote.can_vote)
            button.setChecked(is_said)
            back = self.tr("You said so: press again to take your vote back")
            button.setToolTip(plain_tooltip(back if is_said else said))

    @property
    def vote_buttons(self) -> list[QWidget]:
        return [self.tie_button, self.none_button]

    def show_note(self, note: NoteViewModel | None) -> None:
        """Show the note on the turn, or offer to begin one; `None` where there cannot be one."""
        if note is None or self._note is None or note.turn_id != self._note.turn_id:
            self.tell_note()
            self._is_noting = False
            self._too_long.hide()
        self._note = note
        self._fit_note()

    def tell_note(self) -> None:
        """Tell at once what waits for a pause in the typing."""
        if self._note_field is not None:
            self._note_field.tell()

    def set_presentation_mode(self, *, on: bool) -> None:
        """Leave vote and note out while a room looks on; or offer them again."""
        self._on_stage = on
        self._vote_row.setVisible(not on)
        px = self._theme.px
        side, edge = px(16), px(6 if on else 11)
        self._column.setContentsMargins(side, edge, px(14), edge)
        self._fit_note()

    def clear(self) -> None:
        self._texts = ["", ""]
        self.show_note(None)
        self._vote_text.clear()

    def _fit_note(self) -> None:
        """Have the field where there is a note or one is being written, else the link to it."""
        note = self._note
        self._is_noting = note is not None and (self._is_noting or bool(note.text))
        if note is not None and self._is_noting:
            field = self._note_field or self._build_note()
            field.show_note(note)
        if self._note_field is not None:
            self._note_field.setVisible(self._is_noting and not self._on_stage)
        self._show_line()

    def _build_note(self) -> "NoteField":
        from playground.ui.answers.note_field import NoteField  # noqa: PLC0415 - not on the way to the first prompt

        self._note_field = NoteField(self._theme)
        self._note_field.noted.connect(self.noted)
        self._note_field.overflowed.connect(self._too_long.show)
        self._column.insertWidget(self._column.indexOf(self._too_long), self._note_field)
        QWidget.setTabOrder(self.none_button, self._note_field)
        return self._note_field

    def _show_line(self) -> None:
        text = self._texts[1 if self._on_stage else 0]
        if text and not self._on_stage:
            if self._can_differ:
                text += f' <a href="difference">{self.tr("What differs?")}</a>'
            text += f' <a href="advice">{self.tr("So, local or cloud?")}</a>'
        can_begin = self._note is not None and self._note.can_edit and not self._is_noting
        if can_begin and not self._on_stage:
            text += f' <a href="note">{self.tr("Add a note")}</a>'
        self._line.setText(text)
        self._line.setVisible(bool(text))

    def _fit_vote_text(self) -> None:
        """Let the text wrap only where its line is longer than the card."""
        width = self._vote_text.fontMetrics().horizontalAdvance(self._vote_text.text())
        self._vote_text.setMaximumWidth(width + 2)

    def _build(self) -> None:
        self.setProperty("card", "true")
        px = self._theme.px
        self._line = QLabel()
        self._line.setTextFormat(Qt.TextFormat.RichText)
        self._line.setWordWrap(True)
        self._line.setOpenExternalLinks(False)
        self._line.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self._line.linkActivated.connect(self._on_link)
        set_role(self._line, "body")
        self._vote_text = make_label("", "body", wrap=True)
        self.tie_button = make_button(self.tr("Tie"))
        self.none_button = make_button(self.tr("None is good"))
        for button in (self.tie_button, self.none_button):
            button.setCheckable(True)
            button.setProperty("small", True)
            button.clicked.connect(self._on_outcome)
        self._vote_row = QWidget()
        parts = ((self._vote_text, 1), self.tie_button, self.none_button)
        make_flow(*parts, parent=self._vote_row)
        self._too_long = make_label(
            self.tr("A note has room for {0} characters: not all was pasted.").format(f"{SHOWN:,}"),
            "caption",
            "caution",
            wrap=True,
        )
        self._too_long.hide()
        margins = (px(16), px(11), px(14), px(11))
        self._column = make_column(
            *(self._line, self._vote_row, self._too_long),
            parent=self,
            margins=margins,
            spacing=px(6),
        )

    def _on_link(self, address: str) -> None:
        if address == "note":
            self._is_noting = True
            self._fit_note()
            if self._note_field is not None:
                self._note_field.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        (self.difference_wanted if address == "difference" else self.advice_wanted).emit()

    def _on_outcome(self) -> None:
        is_tie = self.sender() is self.tie_button
        self.voted.emit(VoteOutcome.TIE if is_tie else VoteOutcome.NONE_GOOD)
