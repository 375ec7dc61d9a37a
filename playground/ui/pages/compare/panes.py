"""The panes of the page: which run is shown where, live and afterwards, with names or without."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QCoreApplication

from playground.core.amounts import whole
from playground.core.checks.scoring import CheckResult
from playground.core.errors import AuthenticationFailed, KeyMissing
from playground.core.events import Token
from playground.core.leads import best_of
from playground.core.metrics import RunFigures, figures
from playground.core.runs import Comparison, CutShort, Recorded, Run, RunStatus, Turn
from playground.core.targets import CloudTarget, Target
from playground.core.turns import hidden_order
from playground.services.comparison import RunProgress
from playground.ui.answers.metric_cells import empty_cells, metric_cells
from playground.ui.answers.response_pane import ResponsePane
from playground.ui.answers.turn_view import TurnContent
from playground.ui.answers.view_model import (
    SHORTEST_SCALE_S,
    AnswerViewModel,
    TurnViewModel,
    answer_view_model,
    hidden_answer,
    hidden_head,
    run_spans,
    silence_words,
)
from playground.ui.format import footer, head, recorded_words
from playground.ui.pages.compare.page import CompareView
from playground.ui.theme.theme import Theme
from playground.ui.throttle import FlushScheduler
from playground.ui.widgets.bars import Spans


def _tr(text: str) -> str:
    return QCoreApplication.translate("ComparePage", text)


_KEY_FAULTS = frozenset({AuthenticationFailed.__name__, KeyMissing.__name__})


SILENT_S = 10.0
"""After so long without a sign of life an answer says so."""


class RunPane:
    """A run and the pane it is shown in; its figures are worked out once for each change.

    `ask_for_key` is called with a provider's id and `key`, once a person wants to enter it.
    """

    def __init__(
        self,
        pane: ResponsePane,
        turn: Turn,
        run: Run,
        tokens: Sequence[Token],
        ask_for_key: Callable[[str, str], object],
    ) -> None:
        self.pane = pane
        self.turn = pane.begin_turn(turn.prompt)
        self._of = turn
        self.run = run
        self.tokens = list(tokens)
        """Where probabilities were asked for."""
        self._ask_for_key = ask_for_key
        self._progress: RunProgress | None = None
        self._started_s: float | None = None
        self._heard_s = 0.0
        """When something came last."""
        self.was_silent = False
        self._figures: tuple[Run, RunFigures] | None = None

    @property
    def figures(self) -> RunFigures:
        if self._figures is None or self.has_new_figures:
            self._figures = (self.run, figures(self.run))
        return self._figures[1]

    @property
    def has_new_figures(self) -> bool:
        """True where the run has changed since its figures were asked for."""
        return self._figures is None or self._figures[0] is not self.run

    def start(self, run: Run) -> None:
        self.run = run
        self._started_s = self._heard_s = time.perf_counter()

    def update(self, progress: RunProgress) -> None:
        self.run = progress.run
        self._progress = progress
        self._heard_s = time.perf_counter()
        self.tokens.extend(progress.tokens)

    def flush(self) -> None:
        """Show text and state; called when this pane has its turn."""
        answer = answer_view_model(self.run, self._progress, self._of)
        if self.silent_s >= SILENT_S:
            answer = replace(answer, status=silence_words(self.silent_s))
        self.turn.show_answer(answer)
        if self.run.status.is_final:
            self.turn.show_tokens(self.tokens)
        error, target = self.run.error, self.run.target
        if error is None or error.kind not in _KEY_FAULTS:
            return
        # the provider of a recording is one of another computer's
        if isinstance(target, CloudTarget) and not target.provider.is_recorded:
            self.turn.offer(
                _tr("Enter the key"),
                _tr("Opens the Providers page with {name}").format(name=target.provider.name),
                partial(self._ask_for_key, target.provider.id, "key"),
            )

    @property
    def silent_s(self) -> float:
        """Seconds for which nothing has come, although something should."""
        if self._started_s is None or self.run.status.is_final:
            return 0.0
        return time.perf_counter() - self._heard_s

    def spans(self) -> Spans:
        """Return the time spent so far, stage by stage."""
        if self._started_s is None or self.run.status.is_final:
            return run_spans(self.run)
        return run_spans(self.run, time.perf_counter() - self._started_s)


class PaneController:
    """Puts runs into panes. With hidden names a pane tells nothing until `reveal`.

    `go_on` is called with the id of a run whose answer was cut off, once a person wants the rest.
    """

    def __init__(
        self,
        view: CompareView,
        theme: Theme,
        *,
        in_tokens: bool,
        go_on: Callable[[str], object],
    ) -> None:
        self._view = view
        self._go_on = go_on
        self._theme = theme
        self._in_tokens = in_tokens
        self._flushes = FlushScheduler(view)
        self._targets: tuple[Target, ...] = ()
        self._order: list[int] = []
        """Place of a pane → number of its target."""
        self._shown: list[RunPane] = []
        self._checked: dict[str, Sequence[CheckResult]] = {}
        """Run id → what the checks said of it."""
        self._is_replay = False
        self._recorded: Recorded | None = None
        """Of what is replayed, where it was run on another computer."""
        self._turn_id: str | None = None
        self._began_s: float | None = None
        """When the turn on its way was sent."""
        self.is_hidden = False
        theme.changed.connect(self.refresh)
        view.header.hide_names.toggled.connect(self.show_heads)

    def show_ready(self, targets: Sequence[Target]) -> None:
        """Forget every run, and show panes that have not run."""
        self._take_targets(tuple(targets))
        self._order = list(range(len(self._targets)))
        self._flushes.clear()
        self._shown = []
        self._checked.clear()
        self.is_hidden = False
        self._view.show_question("")
        for pane in self._view.panes:
            pane.clear_turns()
            pane.set_figures_visible(visible=True)
            pane.metrics.set_cells(empty_cells())
            pane.set_running(running=False)
            pane.set_again(offered=False)
            ready = _tr("Type a prompt below and press Run.")
            pane.begin_turn(None).show_answer(AnswerViewModel(status=ready))
        self.show_heads()

    def begin(self, comparison: Comparison, turn: Turn, *, is_replay: bool = False) -> None:
        """Give each of the turn's runs its pane."""
        was_hidden = self.is_hidden
        is_going_on = bool(comparison.turns) and comparison.targets == self._targets
        self._take_targets(comparison.targets)
        self._is_replay = is_replay
        self._recorded = comparison.recorded
        self.is_hidden = turn.hidden_names and not turn.is_voted and not is_replay
        if self.is_hidden and not was_hidden:
            self._order = hidden_order((*comparison.turns, turn), len(turn.runs))
            # what is on the page would tell whose pane it is
            self._refill(())
        elif (was_hidden and not self.is_hidden) or not is_going_on:
            self._order = list(range(len(self._targets)))
            self._refill(comparison.turns)
        elif turn.id == self._turn_id:
            # one of its answers is asked for again
            self._refill(comparison.turns)
        self._show_turn(turn)
        self.show_heads()
        self._began_s = time.perf_counter()
        if self.is_hidden:
            self._show_count()

    def start(self, run: Run) -> None:
        shown = self._of(run.id)
        if shown is not None:
            shown.start(run)
            shown.pane.set_running(running=not self.is_hidden and not self._is_replay)
            self._request(shown)

    def update(self, progress: RunProgress) -> None:
        shown = self._of(progress.run.id)
        if shown is not None:
            shown.update(progress)
            self._request(shown)

    def end(self, run: Run) -> None:
        """Take a final run, with its cost."""
        shown = self._of(run.id)
        if shown is None:
            return
        shown.run = run
        if self.is_hidden:
            self._show_count()
        else:
            shown.flush()
            shown.pane.set_running(running=False)
            self.tick()

    def _show_count(self) -> None:
        """Say in every pane how many answers are done, and for how long it goes on; not which."""
        count = sum(shown.run.status.is_final for shown in self._shown)
        elapsed = time.perf_counter() - (self._began_s or time.perf_counter())
        done = _tr("{count} of {all} done after {time} s.").format(
            count=count, all=len(self._shown), time=whole(elapsed)
        )
        for shown in self._shown:
            shown.turn.show_answer(hidden_answer(shown.run, is_over=False, done=done))

    def finish(self) -> None:
        """Show the end of the turn: with hidden names, this is when the answers appear."""
        self._began_s = None
        for shown in self._shown:
            shown.pane.set_running(running=False)
            is_asked = shown.run.status.is_final and not self._is_replay
            shown.pane.set_again(offered=is_asked and not self.is_hidden)
            if is_asked and not self.is_hidden and shown.run.cut_short is CutShort.LENGTH:
                shown.turn.offer(
                    _tr("Continue"),
                    _tr("Let it go on where it was cut off"),
                    partial(self._go_on, shown.run.id),
                )
            if self.is_hidden:
                shown.turn.show_answer(hidden_answer(shown.run, is_over=True))
                # nobody has followed how it was written
                shown.pane.read_last_turn()
        self.tick()

    def tick(self) -> None:
        """Show the time as it is now, and figures that have changed."""
        if self.is_hidden:
            if self._began_s is not None:
                self._show_count()
            return
        spans = [shown.spans() for shown in self._shown]
        scale = max((span.total_s for span in spans), default=0.0)
        for shown, span in zip(self._shown, spans, strict=True):
            shown.pane.time_bar.set_spans(span, max(scale, SHORTEST_SCALE_S))
            is_silent = shown.silent_s >= SILENT_S
            if is_silent or shown.was_silent:
                shown.flush()
                shown.pane.set_again(offered=is_silent and not self._is_replay)
            shown.was_silent = is_silent
        if any(shown.has_new_figures for shown in self._shown):
            self._show_figures()

    def refresh(self) -> None:
        """Show names and figures anew, after the theme has changed."""
        self.show_heads()
        self._show_figures()

    def set_unit(self, *, in_tokens: bool) -> None:
        if in_tokens != self._in_tokens:
            self._in_tokens = in_tokens
            self._show_figures()

    def run_at(self, index: int) -> Run | None:
        return self._shown[index].run if index < len(self._shown) else None

    def reveal(self, comparison: Comparison) -> None:
        """Show names, figures and everything else that was withheld; the panes stay."""
        self._show_last(comparison, self._order)

    def show_comparison(self, comparison: Comparison) -> None:
        self._take_targets(comparison.targets)
        order = list(range(len(self._targets)))
        if comparison.names_hidden:
            order = hidden_order(comparison.turns, len(order))
        self._show_last(comparison, order)

    def show_judged(self, turn: TurnViewModel) -> None:
        """Offer “this one” and thumbs under each answer that can win, and mark what was said."""
        answers = {answer.run_id: answer for answer in turn.panes}
        for shown in self._shown:
            answer = answers[shown.run.id]
            shown.pane.set_vote(
                offered=turn.vote.can_vote and answer.can_win, chosen=answer.is_winner
            )
            shown.pane.set_thumb(answer.thumb, offered=turn.takes_thumbs and answer.can_win)

    def show_checks(self, results: Mapping[str, Sequence[CheckResult]]) -> None:
        """Mark each answer; not while names are hidden, since what it took may be checked."""
        self._checked.update(results)
        if not self.is_hidden:
            for shown in self._shown:
                shown.pane.show_checks(self._checked.get(shown.run.id, ()))
                shown.pane.show_earlier_checks(results)

    def show_heads(self) -> None:
        """Say whose each pane is, or only which letter it has."""
        for position, (pane, index) in enumerate(zip(self._view.panes, self._order, strict=False)):
            if self.is_hidden or (not self._shown and self._view.header.hide_names.isChecked()):
                pane.set_head(hidden_head(position))
            else:
                in_presentation_mode = self._theme.in_presentation_mode
                pane.set_head(head(self._targets[index], in_presentation_mode=in_presentation_mode))
        self._view.grid.fit_heads()

    def _take_targets(self, targets: tuple[Target, ...]) -> None:
        """Have a pane for each of these."""
        self._targets = targets
        self._view.set_pane_count(len(targets))

    def _of(self, run_id: str) -> RunPane | None:
        return next((shown for shown in self._shown if shown.run.id == run_id), None)

    def _request(self, shown: RunPane) -> None:
        if not self.is_hidden:
            self._flushes.request(shown.flush)

    def _show_last(self, comparison: Comparison, order: list[int]) -> None:
        """Show a comparison's last turn, and those before it unless names are hidden."""
        self._order = order
        self._is_replay = False
        self.is_hidden = comparison.names_hidden
        self._refill(() if self.is_hidden else comparison.turns[:-1])
        if comparison.turns:
            self._show_turn(comparison.turns[-1])
        else:
            self._shown = []
        self.show_heads()
        self.finish()
        for shown in self._shown:
            shown.pane.read_last_turn()

    def _show_turn(self, turn: Turn) -> None:
        """Give each of the turn's runs its pane; one with a hidden name tells nothing yet."""
        self._view.show_question(turn.prompt)
        tokens = {shown.run.id: shown.tokens for shown in self._shown}
        self._flushes.clear()
        self._turn_id = turn.id
        runs = [turn.runs[index] for index in self._order]
        self._shown = [
            RunPane(
                pane,
                turn,
                run,
                tokens.get(run.id, ()),
                self._view.provider_asked.emit,
            )
            for pane, run in zip(self._view.panes, runs, strict=True)
        ]
        for shown in self._shown:
            pane = shown.pane
            pane.set_figures_visible(visible=not self.is_hidden)
            pane.set_vote(offered=False)
            pane.set_thumb(None, offered=False)
            pane.set_again(offered=False)
            pane.set_running(running=False)
            pane.time_bar.set_spans(Spans(), SHORTEST_SCALE_S)
            pane.set_footer("", None)
            if self.is_hidden:
                pane.metrics.set_cells(empty_cells())
                shown.turn.show_answer(hidden_answer(shown.run, is_over=False))
            else:
                shown.flush()
        self._show_figures()

    def _refill(self, turns: Sequence[Turn]) -> None:
        """Show these turns in place of what is there."""
        for pane, index in zip(self._view.panes, self._order, strict=True):
            pane.clear_turns()
            pane.show_earlier([self._content(turn, turn.runs[index]) for turn in turns])

    def _content(self, turn: Turn, run: Run) -> TurnContent:
        checks = self._checked.get(run.id, ())
        answer = answer_view_model(run, turn=turn)
        return TurnContent(turn.prompt, answer, checks=checks, run_id=run.id)

    def _show_figures(self) -> None:
        if self.is_hidden:
            return
        best = best_of([(shown.run, shown.figures) for shown in self._shown])
        for shown in self._shown:
            cells = metric_cells(
                shown.run,
                shown.figures,
                best,
                in_tokens=self._in_tokens,
                on_stage=self._theme.in_presentation_mode,
            )
            shown.pane.metrics.set_cells(cells)
            shown.pane.set_footer(*self._footer(shown.run))
        self._view.grid.fit_figures()

    def _footer(self, run: Run) -> tuple[str, str | None]:
        """Return where the words went, and the icon beside it."""
        text, icon = footer(run, in_presentation_mode=self._theme.in_presentation_mode)
        if run.status is RunStatus.WAITING:
            text, icon = "", None
        if self._is_replay:
            machine = self._recorded.machine if self._recorded else ""
            moment = replace(self._recorded, machine="") if self._recorded else None
            recorded = recorded_words(moment) or _tr("Recorded")
            recorded = _tr("{recorded}, played back at its own pace").format(recorded=recorded)
            if self._recorded is not None:
                # where words went was true of the other computer; its kind is what may be cut
                return f"{recorded} ({machine})" if machine else recorded, "replay"
            text, icon = " · ".join(part for part in (recorded, text) if part), icon or "replay"
        return text, icon
