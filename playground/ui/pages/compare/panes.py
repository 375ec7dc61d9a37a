"""The panes of the page: which run is shown where, live and afterwards, with names or without."""

import random
import time
from collections.abc import Sequence

from playground.core.events import Token
from playground.core.metrics import RunFigures, figures
from playground.core.runs import Comparison, Run, RunStatus, Turn
from playground.core.targets import LocalTarget, Target
from playground.services.comparison import RunProgress
from playground.ui.answers.metric_cells import best_of, empty_cells, metric_cells
from playground.ui.answers.response_pane import ResponsePane
from playground.ui.format import PaneHead, footer, head, translate, whole
from playground.ui.pages.compare.page import CompareView
from playground.ui.theme.theme import Theme
from playground.ui.throttle import FlushScheduler
from playground.ui.widgets.bars import Spans

SHORTEST_SCALE_S = 1.0


class RunPane:
    """A run and the pane it is shown in; its figures are worked out once for each change."""

    def __init__(
        self, pane: ResponsePane, prompt: str, run: Run, tokens: Sequence[Token] = ()
    ) -> None:
        self.pane = pane
        self.turn = pane.begin_turn(prompt)
        self.run = run
        self.tokens = list(tokens)
        """Where probabilities were asked for."""
        self._progress: RunProgress | None = None
        self._started_s: float | None = None
        self._figures: tuple[Run, RunFigures] | None = None

    @property
    def figures(self) -> RunFigures:
        """The run's figures as it is now."""
        if self._figures is None or self.has_new_figures:
            self._figures = (self.run, figures(self.run))
        return self._figures[1]

    @property
    def has_new_figures(self) -> bool:
        """True where the run has changed since its figures were asked for."""
        return self._figures is None or self._figures[0] is not self.run

    def start(self, run: Run) -> None:
        """Note that it has left the queue."""
        self.run = run
        self._started_s = time.perf_counter()

    def update(self, progress: RunProgress) -> None:
        """Take the run as it is by now."""
        self.run = progress.run
        self._progress = progress
        self.tokens.extend(progress.tokens)

    def flush(self) -> None:
        """Show text and state; called when this pane has its turn."""
        run, turn = self.run, self.turn
        turn.set_text(run.text, run.reasoning, is_writing=run.status is RunStatus.WRITING)
        turn.set_status(status_words(run, self._progress))
        turn.set_notices(notices(run))
        if run.status.is_final:
            turn.show_tokens(self.tokens)

    def show_error(self) -> None:
        """Say what went wrong, if anything did."""
        if self.run.error is not None:
            self.turn.show_error(self.run.error, kept_words(self.run))

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


def status_words(run: Run, progress: RunProgress | None = None) -> str:
    """Return what stands in a pane that has no text to show for itself."""
    match run.status:
        case RunStatus.WAITING:
            return translate("run", "Waits its turn")
        case RunStatus.LOADING:
            fraction = progress.load_fraction if progress is not None else None
            if not isinstance(run.target, LocalTarget):
                return translate("run", "Connecting…")
            if fraction is None:
                return translate("run", "Preparing the model…")
            return translate("run", "Loading the model… {percent} %").format(
                percent=whole(fraction * 100)
            )
        case RunStatus.READING:
            return _reading_words(run, progress)
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


def _reading_words(run: Run, progress: RunProgress | None) -> str:
    prompt = progress.prompt_progress if progress is not None else None
    if not isinstance(run.target, LocalTarget):
        return translate("run", "Sent. Waiting for the first word…")
    if prompt is None or not prompt.total:
        return translate("run", "Reading the prompt…")
    return translate("run", "Reading the prompt… {percent} %").format(
        percent=whole(100 * prompt.processed / prompt.total)
    )


class PaneController:
    """Puts runs into panes. With hidden names a pane tells nothing until `reveal`."""

    def __init__(self, view: CompareView, theme: Theme, *, in_tokens: bool) -> None:
        self._view = view
        self._theme = theme
        self._in_tokens = in_tokens
        self._flushes = FlushScheduler(view)
        self._targets: tuple[Target, ...] = ()
        self._order: list[int] = []
        """Place of a pane → number of its target."""
        self._shown: list[RunPane] = []
        self._is_replay = False
        self.is_hidden = False
        theme.changed.connect(self.refresh)

    def show_ready(self, targets: Sequence[Target]) -> None:
        """Forget every run, and show panes that have not run."""
        self._targets = tuple(targets)
        self._order = list(range(len(self._targets)))
        self._flushes.clear()
        self._shown = []
        self.is_hidden = False
        for pane in self._view.panes:
            pane.clear_turns()
            pane.set_figures_visible(visible=True)
            pane.metrics.set_cells(empty_cells())
            pane.set_running(running=False)
            turn = pane.begin_turn(None)
            turn.set_status(translate("board", "Type a prompt below and press Run."))
        self.show_heads()

    def begin(self, comparison: Comparison, turn: Turn, *, is_replay: bool = False) -> None:
        """Give each of the turn's runs its pane."""
        was_hidden = self.is_hidden
        is_going_on = bool(comparison.turns) and comparison.targets == self._targets
        self._targets = comparison.targets
        self._is_replay = is_replay
        self.is_hidden = turn.hidden_names and not turn.is_voted and not is_replay
        if self.is_hidden and not was_hidden:
            self._order = self._drawn_order()
            # what is on the page would tell whose pane it is
            self._refill(())
        elif (was_hidden and not self.is_hidden) or not is_going_on:
            self._order = list(range(len(self._targets)))
            self._refill(comparison.turns)
        self._show_turn(turn)
        self.show_heads()

    def start(self, run: Run) -> None:
        """Note that a run has left the queue."""
        shown = self._of(run.id)
        if shown is not None:
            shown.start(run)
            shown.pane.set_running(running=not self.is_hidden and not self._is_replay)
            self._request(shown)

    def update(self, progress: RunProgress) -> None:
        """Take a run as it is by now; its pane shows it when it has a turn."""
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
        if not self.is_hidden:
            shown.flush()
            shown.pane.set_running(running=False)
            shown.show_error()
            self.tick()

    def finish(self) -> None:
        """Show the end of the turn: with hidden names, this is when the answers appear."""
        for shown in self._shown:
            shown.pane.set_running(running=False)
            if self.is_hidden:
                self._show_unnamed(shown)
        self.tick()

    def tick(self) -> None:
        """Show the time as it is now, and figures that have changed."""
        if self.is_hidden:
            return
        spans = [shown.spans() for shown in self._shown]
        scale = max((span.total_s for span in spans), default=0.0)
        for shown, span in zip(self._shown, spans, strict=True):
            shown.pane.time_bar.set_spans(span, max(scale, SHORTEST_SCALE_S))
        if any(shown.has_new_figures for shown in self._shown):
            self._show_figures()

    def refresh(self) -> None:
        """Show names and figures anew, after the theme has changed."""
        self.show_heads()
        if not self.is_hidden:
            self._show_figures()

    def set_unit(self, *, in_tokens: bool) -> None:
        """Show speeds in tokens or in words."""
        if in_tokens != self._in_tokens:
            self._in_tokens = in_tokens
            if not self.is_hidden:
                self._show_figures()

    def run_at(self, index: int) -> Run | None:
        """Return the run a pane shows."""
        return self._shown[index].run if index < len(self._shown) else None

    def reveal(self, comparison: Comparison) -> None:
        """Show names, figures and everything else that was withheld; the panes stay."""
        self._show_last(comparison, self._order)

    def show_comparison(self, comparison: Comparison) -> None:
        """Show a comparison whose turns have ended."""
        self._targets = comparison.targets
        order = list(range(len(self._targets)))
        self._show_last(comparison, self._drawn_order() if comparison.names_hidden else order)

    def show_vote(self, turn: Turn, *, offered: bool) -> None:
        """Offer “this one” under each answer that can win, and mark the one that was chosen."""
        for shown in self._shown:
            run, pane = shown.run, shown.pane
            pane.set_vote(
                offered=offered and bool(run.text.strip()),
                chosen=turn.winner_run_id == run.id,
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
        self._view.grid.fit_heads()

    def _of(self, run_id: str) -> RunPane | None:
        return next((shown for shown in self._shown if shown.run.id == run_id), None)

    def _request(self, shown: RunPane) -> None:
        if not self.is_hidden:
            self._flushes.request(shown)

    def _drawn_order(self) -> list[int]:
        order = list(range(len(self._targets)))
        random.SystemRandom().shuffle(order)
        return order

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
        if not self.is_hidden:
            for shown in self._shown:
                shown.flush()
                shown.show_error()
        self.show_heads()
        self.finish()

    def _show_turn(self, turn: Turn) -> None:
        """Give each of the turn's runs its pane, still without its answer."""
        tokens = {shown.run.id: shown.tokens for shown in self._shown}
        self._flushes.clear()
        runs = [turn.runs[index] for index in self._order]
        self._shown = [
            RunPane(pane, turn.prompt, run, tokens.get(run.id, ()))
            for pane, run in zip(self._view.panes, runs, strict=True)
        ]
        for shown in self._shown:
            pane = shown.pane
            pane.set_figures_visible(visible=not self.is_hidden)
            pane.set_vote(offered=False)
            pane.set_running(running=False)
            pane.time_bar.set_spans(Spans(), SHORTEST_SCALE_S)
            pane.set_footer("", None)
            if self.is_hidden:
                pane.metrics.set_cells(empty_cells())
                shown.turn.set_status(translate("board", "The answers appear when all are done."))
            else:
                shown.turn.set_status(status_words(shown.run))
        if not self.is_hidden:
            self._show_figures()

    def _refill(self, turns: Sequence[Turn]) -> None:
        """Show these turns in place of what is there."""
        for pane, index in zip(self._view.panes, self._order, strict=True):
            pane.clear_turns()
            for turn in turns:
                before = RunPane(pane, turn.prompt, turn.runs[index])
                before.flush()
                before.show_error()

    def _show_unnamed(self, shown: RunPane) -> None:
        text = shown.run.text
        shown.turn.set_text(text, "", is_writing=False)
        shown.turn.set_status(
            "" if text.strip() else translate("board", "There is no answer here.")
        )

    def _show_figures(self) -> None:
        best = best_of([(shown.run, shown.figures) for shown in self._shown])
        for shown in self._shown:
            run = shown.run
            shown.pane.metrics.set_cells(
                metric_cells(run, shown.figures, best, in_tokens=self._in_tokens)
            )
            shown.pane.set_footer(*self._footer(run))

    def _footer(self, run: Run) -> tuple[str, str | None]:
        """Return where the words went, and the icon beside it."""
        text, icon = footer(run, is_stage=self._theme.is_stage)
        if run.status is RunStatus.WAITING:
            text, icon = "", None
        if self._is_replay:
            recorded = translate("board", "Recorded, played back at its own pace")
            text, icon = " · ".join(part for part in (recorded, text) if part), icon or "replay"
        return text, icon


def _letter(position: int) -> PaneHead:
    name = translate("board", "Answer {letter}").format(letter="ABCDEF"[position])
    return PaneHead(label=name, place=translate("board", "Hidden"), tone="quiet", icon="eye-off")
