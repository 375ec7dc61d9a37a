"""The panes of the page: which run is shown where, live and afterwards, with names or without."""

import random
import time
from collections.abc import Sequence

from playground.core.errors import ErrorInfo
from playground.core.events import StreamEvent, TextDelta, Token
from playground.core.fold import RunFold
from playground.core.runs import Comparison, Run, RunStatus, Turn
from playground.core.targets import LocalTarget, Target
from playground.ui.answers.metric_cells import Best, best_of, empty_cells, metric_cells
from playground.ui.answers.response_pane import ResponsePane
from playground.ui.format import PaneHead, footer, head, translate, whole
from playground.ui.pages.compare.page import CompareView
from playground.ui.theme.theme import Theme
from playground.ui.throttle import FlushScheduler
from playground.ui.widgets.bars import Spans


class LiveRun:
    """Folds a run's events and shows its text in its pane when it has a turn."""

    def __init__(self, run: Run, pane: ResponsePane, tokens: list[Token]) -> None:
        self.pane = pane
        self._tokens = tokens
        self.is_hidden = False
        self._fold = RunFold(run)
        self._final: Run | None = run if run.status.is_final else None
        self._started_s: float | None = None

    @property
    def run(self) -> Run:
        """The run so far."""
        return self._final or self._fold.run

    @property
    def status(self) -> RunStatus:
        """How far it has come."""
        return self.run.status

    def start(self, run: Run) -> None:
        """Note that it has left the queue."""
        self._fold = RunFold(run)
        self._started_s = time.perf_counter()

    def add(self, event: StreamEvent) -> None:
        """Take an event."""
        self._fold.add(event)
        if isinstance(event, TextDelta) and event.tokens:
            self._tokens.extend(t for t in event.tokens if t.probability is not None)

    def end(self, run: Run) -> None:
        """Take the final run, with its cost."""
        self._final = run

    def flush(self) -> None:
        """Show text and state; called when this pane has its turn."""
        if self.is_hidden:
            return
        run = self.run
        is_writing = run.status is RunStatus.WRITING
        self.pane.set_text(run.text, run.reasoning, is_writing=is_writing)
        self.pane.set_status(status_words(run, self._fold))
        self.pane.set_notices(notices(run))
        if run.status.is_final:
            self.pane.show_tokens(self._tokens)

    def spans(self) -> Spans:
        """Return the time spent so far, stage by stage."""
        run = self.run
        elapsed = 0.0
        if self._started_s is not None and not run.status.is_final:
            elapsed = time.perf_counter() - self._started_s
        if run.sent_t_s is None:
            return Spans(loading_s=elapsed)
        loading = run.sent_t_s if run.timings.load_s is not None else 0.0
        total = run.timings.total_s
        if total is None:
            total = max(0.0, elapsed - run.sent_t_s)
        reading = total if run.timings.ttft_s is None else min(run.timings.ttft_s, total)
        return Spans(loading, reading, max(0.0, total - reading))


def notices(run: Run) -> tuple[str, ...]:
    """Return what a person should know about an answer."""
    if run.finish_reason == "length":
        return (
            *run.notices,
            translate("run", "The answer was cut off: it reached the longest length allowed."),
        )
    return run.notices


def status_words(run: Run, fold: RunFold | None = None) -> str:
    """Return what stands in a pane that has no text to show for itself."""
    match run.status:
        case RunStatus.WAITING:
            return translate("run", "Waits its turn")
        case RunStatus.LOADING:
            fraction = fold.load_fraction if fold is not None else None
            if not isinstance(run.target, LocalTarget):
                return translate("run", "Connecting…")
            if fraction is None:
                return translate("run", "Preparing the model…")
            return translate("run", "Loading the model… {percent} %").format(
                percent=whole(fraction * 100)
            )
        case RunStatus.READING:
            return _reading_words(run, fold)
        case RunStatus.CANCELLED:
            if run.finish_reason == "interrupted":
                return translate("run", "Interrupted. What was written is kept.")
            if run.text or run.reasoning:
                return translate("run", "Stopped. What was written is kept.")
            return translate("run", "Stopped before the first word.")
        case RunStatus.FINISHED if not run.text.strip():
            return translate("run", "The model ended without writing an answer.")
        case _:
            return ""


def kept_words(run: Run) -> str:
    """Return what a failed run has left."""
    if run.text or run.reasoning:
        return translate("run", "What was written until then is kept above.")
    return translate("run", "Nothing had been written yet.")


def _reading_words(run: Run, fold: RunFold | None) -> str:
    progress = fold.prompt_progress if fold is not None else None
    if not isinstance(run.target, LocalTarget):
        return translate("run", "Sent. Waiting for the first word…")
    if progress is None or not progress.total:
        return translate("run", "Reading the prompt…")
    return translate("run", "Reading the prompt… {percent} %").format(
        percent=whole(100 * progress.processed / progress.total)
    )


SHORTEST_SCALE_S = 1.0


class PaneController:
    """Puts runs into panes. With hidden names a pane tells nothing until `reveal`."""

    def __init__(self, view: CompareView, theme: Theme, rota: FlushScheduler) -> None:
        self._view = view
        self._theme = theme
        self._rota = rota
        self._targets: tuple[Target, ...] = ()
        self._order: list[int] = []
        self._live: dict[str, LiveRun] = {}
        self._runs_by_pane: list[str] = []
        self._tokens: dict[str, list[Token]] = {}
        """Run → its tokens, where probabilities were asked for."""
        self._is_replay = False
        self.is_hidden = False
        self.in_tokens = False

    def show_ready(self, targets: Sequence[Target]) -> None:
        """Show panes that have not run."""
        self._targets = tuple(targets)
        self._order = list(range(len(self._targets)))
        self.is_hidden = False
        for pane in self._view.panes:
            pane.clear_turns()
            pane.set_figures_visible(visible=True)
            pane.set_cells(empty_cells())
            pane.set_running(running=False)
            pane.begin_turn(None)
            pane.set_status(translate("board", "Type a prompt below and press Run."))
        self.show_heads()

    def clear(self) -> None:
        """Forget every run."""
        self._forget_runs()
        self._tokens.clear()
        self.is_hidden = False
        for pane in self._view.panes:
            pane.clear_turns()

    def begin(self, comparison: Comparison, turn: Turn, *, is_replay: bool = False) -> None:
        """Give each of the turn's runs its pane."""
        was_hidden = self.is_hidden
        is_going_on = bool(comparison.turns) and comparison.targets == self._targets
        self._targets = comparison.targets
        self._is_replay = is_replay
        self.is_hidden = turn.hidden_names and not turn.is_voted and not is_replay
        if self.is_hidden and not was_hidden:
            self._order = list(range(len(self._targets)))
            random.SystemRandom().shuffle(self._order)
            # what is on the page would tell whose pane it is
            self._refill(())
        elif (was_hidden and not self.is_hidden) or not is_going_on or not comparison.turns:
            self._order = list(range(len(self._targets)))
            self._refill(comparison.turns)
        self._forget_runs()
        for pane, index in zip(self._view.panes, self._order, strict=True):
            run = turn.runs[index]
            live = LiveRun(run, pane, self._tokens.setdefault(run.id, []))
            live.is_hidden = self.is_hidden
            self._live[run.id] = live
            self._runs_by_pane.append(run.id)
            self._begin_pane(pane, run, turn)
        self.show_heads()

    def start(self, run: Run) -> None:
        """Note that a run has left the queue."""
        live = self._live.get(run.id)
        if live is not None:
            live.start(run)
            live.pane.set_running(running=not self.is_hidden and not self._is_replay)
            self._rota.ask(live)

    def add(self, run_id: str, event: StreamEvent) -> None:
        """Take an event; its pane shows it when it has a turn."""
        live = self._live.get(run_id)
        if live is not None:
            live.add(event)
            if not self.is_hidden:
                self._rota.ask(live)

    def end(self, run: Run) -> None:
        """Take a final run."""
        live = self._live.get(run.id)
        if live is None:
            return
        live.end(run)
        if not self.is_hidden:
            live.flush()
            live.pane.set_running(running=False)
            self._show_error(live.pane, run)
            self.tick()

    def finish(self) -> None:
        """Show the end of the turn: with hidden names, this is when the answers appear."""
        for live in self._live.values():
            live.pane.set_running(running=False)
            if self.is_hidden:
                self._show_unnamed(live)
        self.tick()

    def tick(self) -> None:
        """Show time and figures as they are now."""
        if self.is_hidden:
            return
        runs = [self._live[run_id].run for run_id in self._runs_by_pane]
        spans = [self._live[run_id].spans() for run_id in self._runs_by_pane]
        best = best_of(runs)
        scale = max((span.total_s for span in spans), default=0.0)
        scale = max(scale, SHORTEST_SCALE_S)
        for run_id, run, span in zip(self._runs_by_pane, runs, spans, strict=True):
            self._show_figures(self._live[run_id].pane, run, best, span, scale)

    def run_at(self, index: int) -> Run | None:
        """Return the run a pane shows."""
        if index >= len(self._runs_by_pane):
            return None
        return self._live[self._runs_by_pane[index]].run

    def reveal(self, comparison: Comparison) -> None:
        """Show names, figures and everything else that was withheld."""
        self.is_hidden = False
        order = self._order
        self.show_comparison(comparison, order)

    def show_comparison(self, comparison: Comparison, order: Sequence[int] | None = None) -> None:
        """Show a comparison whose turns have ended."""
        self._targets = comparison.targets
        self._order = list(order) if order is not None else list(range(len(self._targets)))
        last = comparison.turns[-1] if comparison.turns else None
        self.is_hidden = comparison.names_hidden
        if self.is_hidden and order is None:
            random.SystemRandom().shuffle(self._order)
        self._refill(() if self.is_hidden else comparison.turns[:-1])
        self._forget_runs()
        if last is None:
            self.show_heads()
            return
        for pane, index in zip(self._view.panes, self._order, strict=True):
            run = last.runs[index]
            live = LiveRun(run, pane, self._tokens.setdefault(run.id, []))
            live.is_hidden = self.is_hidden
            self._live[run.id] = live
            self._runs_by_pane.append(run.id)
            self._begin_pane(pane, run, last)
            if not self.is_hidden:
                live.flush()
                self._show_error(pane, run)
        self.show_heads()
        self.finish()

    def show_vote(self, turn: Turn, *, offered: bool) -> None:
        """Offer “this one” under each answer that can win, and mark the one that was chosen."""
        for pane, run_id in zip(self._view.panes, self._runs_by_pane, strict=False):
            run = self._live[run_id].run
            pane.set_vote(
                offered=offered and bool(run.text.strip()),
                chosen=turn.winner_run_id == run_id,
                name=pane.accessibleName(),
            )

    def show_heads(self) -> None:
        """Say whose each pane is, or only which letter it has."""
        for position, pane in enumerate(self._view.panes):
            if position >= len(self._order):
                continue
            if self.is_hidden:
                pane.set_head(_letter(position))
            else:
                target = self._targets[self._order[position]]
                pane.set_head(head(target, is_stage=self._theme.is_stage))
        self._view.fit_heads()

    def _forget_runs(self) -> None:
        for live in self._live.values():
            # one that still has a turn would write into the pane's next answer
            self._rota.forget(live)
        self._live = {}
        self._runs_by_pane = []

    def _refill(self, turns: Sequence[Turn]) -> None:
        for pane, index in zip(self._view.panes, self._order, strict=True):
            pane.clear_turns()
            for turn in turns:
                run = turn.runs[index]
                pane.begin_turn(turn.prompt)
                pane.set_text(run.text, run.reasoning, is_writing=False)
                pane.set_notices(notices(run))
                pane.set_status(status_words(run))
                self._show_error(pane, run)

    def _begin_pane(self, pane: ResponsePane, run: Run, turn: Turn) -> None:
        pane.begin_turn(turn.prompt)
        pane.set_figures_visible(visible=not self.is_hidden)
        pane.set_vote(offered=False)
        pane.set_running(running=False)
        pane.set_spans(Spans(), SHORTEST_SCALE_S)
        if self.is_hidden:
            pane.set_cells(empty_cells())
            pane.set_footer("", None)
            pane.set_status(translate("board", "The answers appear when all are done."))
            return
        pane.set_cells(metric_cells(run, Best(), in_tokens=self.in_tokens))
        pane.set_footer("", None)
        pane.set_status(status_words(run))

    def _show_unnamed(self, live: LiveRun) -> None:
        run = live.run
        live.pane.set_text(run.text, "", is_writing=False)
        live.pane.set_status(
            "" if run.text.strip() else translate("board", "There is no answer here.")
        )
        live.pane.set_running(running=False)

    def _show_figures(
        self, pane: ResponsePane, run: Run, best: Best, span: Spans, scale_s: float
    ) -> None:
        pane.set_spans(span, scale_s)
        pane.set_cells(metric_cells(run, best, in_tokens=self.in_tokens))
        text, icon = footer(run, is_stage=self._theme.is_stage)
        if run.status is RunStatus.WAITING:
            text, icon = "", None
        if self._is_replay:
            recorded = translate("board", "Recorded, played back at its own pace")
            text, icon = " · ".join(part for part in (recorded, text) if part), icon or "replay"
        pane.set_footer(text, icon)

    @staticmethod
    def _show_error(pane: ResponsePane, run: Run) -> None:
        error: ErrorInfo | None = run.error
        if error is not None:
            pane.show_error(error, kept_words(run))


def _letter(position: int) -> PaneHead:
    name = translate("board", "Answer {letter}").format(letter="ABCDEF"[position])
    return PaneHead(label=name, place=translate("board", "Hidden"), tone="quiet", icon="eye-off")
