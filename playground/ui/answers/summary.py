"""The one line in plain words when every answer is there."""

import re
from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from playground.core.metrics import fastest, figures, first_to_start
from playground.core.runs import Run, RunOrder, RunStatus, Turn, VoteOutcome
from playground.store.history import INTERRUPTED
from playground.ui.answers.metric_cells import cost_words
from playground.ui.format import named, rate, seconds, shortened, translate
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.basics import make_button, make_label

THOUSAND = 1000


def summary(turn: Turn) -> str:
    """Return the line as HTML in which only our own words are marked up."""
    finished = tuple(run for run in turn.runs if run.status is RunStatus.FINISHED)
    sentences = [_troubles(turn.runs), _beginning(finished), _costs(finished)]
    if turn.order is RunOrder.RACE and any(run.shared_machine for run in turn.runs):
        sentences.append(
            translate(
                "summary",
                "They shared this computer: one at a time, the local ones would be faster.",
            )
        )
    return " ".join(sentence for sentence in sentences if sentence)


def _beginning(runs: Sequence[Run]) -> str:
    known = tuple(runs)
    first, quickest = first_to_start(known), fastest(known)
    if len(known) < 2:
        return _alone(known[0]) if known else ""
    if first is None:
        return ""
    speed = figures(quickest).words_per_s if quickest is not None else None
    if quickest is None or speed is None:
        return translate("summary", "{name} <b>started first</b>.").format(name=_name(first, runs))
    if quickest.id == first.id:
        return translate(
            "summary",
            "{name} <b>started first</b> and wrote <b>fastest</b> ({speed} words a second).",
        ).format(name=_name(first, runs), speed=rate(speed.value))
    return translate(
        "summary",
        "{first} <b>started first</b>; {fastest} wrote <b>fastest</b> ({speed} words a second).",
    ).format(first=_name(first, runs), fastest=_name(quickest, runs), speed=rate(speed.value))


def _alone(run: Run) -> str:
    total = figures(run).total_s
    return translate("summary", "{name} answered in <b>{time}</b>.").format(
        name=escape(named(run.target)), time=seconds(total.value if total else None)
    )


def _costs(runs: Sequence[Run]) -> str:
    parts = []
    for run in runs:
        words = cost_words(run.cost, THOUSAND)
        if run.cost is None or run.cost.usd is None:
            part = translate("summary", "<b>unknown</b> for {name}")
        elif run.cost.kind == "electricity":
            part = translate("summary", "<b>{cost}</b> electricity for {name}")
        else:
            part = translate("summary", "<b>{cost}</b> for {name}")
        parts.append(part.format(cost=escape(words), name=_name(run, runs)))
    if not parts:
        return ""
    return translate("summary", "A thousand prompts like this: {costs}.").format(
        costs=", ".join(parts)
    )


def _troubles(runs: Sequence[Run]) -> str:
    failed = [run for run in runs if run.status is RunStatus.FAILED]
    cut = [run for run in runs if run.status is RunStatus.CANCELLED]
    interrupted = [run for run in cut if run.finish_reason == INTERRUPTED]
    stopped = [run for run in cut if run.finish_reason != INTERRUPTED]
    parts = []
    if failed:
        names = _listed([_name(run, runs) for run in failed])
        parts.append(translate("summary", "{names} could not finish.").format(names=names))
    if stopped:
        names = _listed([_name(run, runs) for run in stopped])
        parts.append(translate("summary", "You stopped {names}.").format(names=names))
    if interrupted:
        names = _listed([_name(run, runs) for run in interrupted])
        parts.append(
            translate("summary", "{names} broke off when the program ended.").format(names=names)
        )
    return " ".join(parts)


def _name(run: Run, runs: Sequence[Run]) -> str:
    """Return the short name where it is clear, else the one with its place."""
    alike = [other for other in runs if _plain(other) == _plain(run)]
    return escape(shortened(run.target.label) if len(alike) == 1 else named(run.target))


def _plain(run: Run) -> str:
    """Return what a reader remembers of a name: `smollm2-135m` and `SmolLM2 135M` are one."""
    return "".join(char for char in run.target.label.casefold() if char.isalnum())


def _listed(names: Sequence[str]) -> str:
    """Return names as they are read out: with an “and” before the last."""
    if len(names) < 2:
        return "".join(names)
    return translate("summary", "{names} and {last}").format(
        names=", ".join(names[:-1]), last=names[-1]
    )


class SummaryCard(QFrame):
    """Shows what the figures say and asks what the person says."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._build()

    def set_line(self, html: str) -> None:
        """Show the line; `html` holds only our own marks, names in it are escaped."""
        # an estimate and its sign stay in one line, and so do a number and its unit
        self._line.setText(re.sub(r"(?<=≈) |(?<=\d) (?=s\b|min\b)", "&nbsp;", html))
        self._line.setVisible(bool(html))

    def set_vote(
        self, *, offered: bool, verdict: VoteOutcome | None = None, said: str = ""
    ) -> None:
        """Offer tie and none; `said` is what stands there once the person has chosen."""
        self._question.setText(
            said or self.tr("Which answer is better? Press “This one” under it, or:")
        )
        self._question.setVisible(offered or bool(said))
        for button, meaning in (
            (self.tie_button, VoteOutcome.TIE),
            (self.none_button, VoteOutcome.NONE_GOOD),
        ):
            button.setVisible(offered)
            button.setChecked(verdict is meaning)

    def _build(self) -> None:
        self.setProperty("card", "true")
        px = self._theme.px
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(11), px(14), px(11))
        column.setSpacing(px(6))
        self._line = QLabel()
        self._line.setTextFormat(Qt.TextFormat.RichText)
        self._line.setWordWrap(True)
        self._line.setOpenExternalLinks(False)
        self._line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        set_role(self._line, "body")
        column.addWidget(self._line)
        row = QHBoxLayout()
        row.setSpacing(px(8))
        self._question = make_label("", "body")
        self.tie_button = make_button(
            self.tr("Tie"), tooltip=self.tr("Say that the best answers are equally good")
        )
        self.none_button = make_button(
            self.tr("None is good"), tooltip=self.tr("Say that no answer is good enough")
        )
        row.addWidget(self._question)
        for button in (self.tie_button, self.none_button):
            button.setCheckable(True)
            button.setProperty("small", True)
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
