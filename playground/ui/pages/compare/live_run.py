"""One run while it happens: its fold, its clock, and what its pane says about it."""

import time

from playground.core.events import StreamEvent, TextDelta, Token
from playground.core.fold import RunFold
from playground.core.runs import Run, RunStatus
from playground.core.targets import LocalTarget
from playground.ui.answers.response_pane import ResponsePane
from playground.ui.format import translate, whole
from playground.ui.widgets.time_bar import Spans


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
