"""What is shown of answers, as plain values; names are withheld here and nowhere else.

While a vote without names is open, nothing that leaves this module tells who answered: no name,
place, figure, notice, error, thought, order or pace.
"""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from playground.core.amounts import whole
from playground.core.errors import ErrorInfo
from playground.core.leads import best_of
from playground.core.metrics import figures
from playground.core.runs import (
    INTERRUPTED,
    TOOL_ASKED,
    Comparison,
    CutShort,
    Recorded,
    Run,
    RunStatus,
    Thumb,
    Turn,
)
from playground.core.targets import LocalTarget
from playground.core.turns import answers_before, hidden_order
from playground.services.comparison import RunProgress
from playground.ui.answers.judging import NoteViewModel
from playground.ui.answers.metric_cells import details, metric_cells
from playground.ui.answers.metrics_card import MetricCell
from playground.ui.answers.summary import VoteViewModel, can_win, summary, vote_view_model
from playground.ui.format import PaneHead, footer, head, recorded_words
from playground.ui.widgets.bars import Spans
from playground.ui.widgets.details import Row

SHORTEST_SCALE_S = 1.0
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _tr(text: str) -> str:
    return QCoreApplication.translate("answers", text)


@dataclass(frozen=True, slots=True)
class AnswerViewModel:
    """What stands in a pane between its head and its figures."""

    text: str = ""
    reasoning: str = ""
    is_writing: bool = False
    status: str = ""
    """What stands there where no text speaks for itself."""
    notices: tuple[str, ...] = ()
    """What a person should know about this answer."""
    error: ErrorInfo | None = None
    kept: str = ""
    """What a failed run has left."""
    before: tuple[str, ...] = ()
    """The answers in whose place it came, the newest first."""


@dataclass(frozen=True, slots=True)
class PaneViewModel:
    """One run as its pane shows it."""

    run_id: str
    head: PaneHead
    answer: AnswerViewModel
    can_win: bool
    is_winner: bool = False
    thumb: Thumb | None = None
    cells: tuple[MetricCell, ...] | None = None
    """The figures; `None` while nothing may be told."""
    spans: Spans = Spans()
    footer: tuple[str, str | None] = ("", None)
    details: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class TurnViewModel:
    """A turn's answers, what is said of them, and the vote."""

    panes: tuple[PaneViewModel, ...]
    summary: str
    """HTML of the line in plain words; empty while names are hidden or answers are missing."""
    short_summary: str
    """The same without costs, for a stage, where they are among the figures."""
    vote: VoteViewModel
    takes_thumbs: bool
    """True where each answer can be called good or bad by itself."""
    note: NoteViewModel | None
    """`None` until every run is final."""
    names_hidden: bool
    is_over: bool
    """True once every run is final."""

    @property
    def scale_s(self) -> float:
        """The time that all bars share."""
        return max([SHORTEST_SCALE_S, *(pane.spans.total_s for pane in self.panes)])


def turn_view_model(
    comparison: Comparison, turn: Turn, *, is_replay: bool = False
) -> TurnViewModel:
    """Return a turn of `comparison` as it may be shown; of a replay nothing can be said."""
    is_hidden = comparison.names_hidden
    is_over = all(run.status.is_final for run in turn.runs)
    is_told = is_over and not is_hidden
    return TurnViewModel(
        panes=_hidden_panes(comparison, turn) if is_hidden else _panes(turn, comparison.recorded),
        summary=summary(turn) if is_told else "",
        short_summary=summary(turn, has_costs=False) if is_told else "",
        vote=vote_view_model(turn, asks_vote=is_over and not is_replay, is_hidden=is_hidden),
        takes_thumbs=is_over and not is_replay and not turn.is_sealed,
        note=NoteViewModel(turn.id, turn.note, can_edit=not is_replay) if is_over else None,
        names_hidden=is_hidden,
        is_over=is_over,
    )


def answer_view_model(
    run: Run, progress: RunProgress | None = None, turn: Turn | None = None
) -> AnswerViewModel:
    """Return what is shown of a run; the answers before it are told by its turn."""
    before = () if turn is None else answers_before(turn, run)
    return AnswerViewModel(
        text=run.text,
        reasoning=run.reasoning,
        is_writing=run.status is RunStatus.WRITING,
        status=_status(run, progress),
        notices=_notices(run),
        error=run.error,
        kept=_kept(run),
        before=tuple(each.text for each in before if each.text.strip()),
    )


def silence_words(silent_s: float) -> str:
    """Return what is said of an answer of which nothing has come for so long."""
    return _tr("Nothing has come for {time} s. Stop it, or ask this one again.").format(
        time=whole(silent_s)
    )


def run_spans(run: Run, elapsed_s: float = 0.0) -> Spans:
    """Return the time spent since the request was sent, which is what the figures count.

    `elapsed_s` is the time since the start of a run that goes on.
    """
    timings = run.timings
    if run.sent_t_s is None:
        return Spans()
    total = timings.total_s
    if total is None:
        total = max(0.0, elapsed_s - run.sent_t_s)
    reading = total if timings.ttft_s is None else min(timings.ttft_s, total)
    return Spans(reading, max(0.0, total - reading))


def hidden_head(position: int) -> PaneHead:
    letter = _LETTERS[position % len(_LETTERS)]
    return PaneHead(
        label=_tr("Answer {letter}").format(letter=letter),
        place=_tr("Hidden"),
        tone="quiet",
        icon="eye-off",
    )


def hidden_answer(run: Run, *, is_over: bool, done: str = "") -> AnswerViewModel:
    """Return what may be shown of an answer whose name is hidden: nothing until all are done.

    `done` says how many are, the same under every name.
    """
    if not is_over:
        waiting = _tr("The answers appear when all are done.")
        return AnswerViewModel(status=f"{waiting} {done}".strip())
    if not run.text.strip():
        return AnswerViewModel(status=_tr("There is no answer here."))
    return AnswerViewModel(text=run.text)


def _panes(turn: Turn, recorded: Recorded | None) -> tuple[PaneViewModel, ...]:
    measured = [(run, figures(run)) for run in turn.runs]
    best = best_of(measured)
    return tuple(
        PaneViewModel(
            run_id=run.id,
            head=head(run.target),
            answer=(
                answer_view_model(run, turn=turn)
                if run.status.is_final
                else _unfinished_answer(run)
            ),
            can_win=can_win(run),
            is_winner=run.id == turn.winner_run_id,
            thumb=turn.thumb_of(run.id),
            cells=metric_cells(run, known, best),
            spans=run_spans(run),
            footer=(recorded_words(recorded), "replay") if recorded else footer(run),
            details=tuple(details(run)),
        )
        for run, known in measured
    )


def _unfinished_answer(run: Run) -> AnswerViewModel:
    status = _tr("This answer is still being written on the Compare page.")
    return AnswerViewModel(run.text, run.reasoning, status=status)


def _hidden_panes(comparison: Comparison, turn: Turn) -> tuple[PaneViewModel, ...]:
    is_over = all(run.status.is_final for run in turn.runs)
    runs = [turn.runs[number] for number in hidden_order(comparison.turns, len(turn.runs))]
    return tuple(
        PaneViewModel(
            run.id,
            hidden_head(position),
            hidden_answer(run, is_over=is_over),
            can_win(run),
            thumb=turn.thumb_of(run.id),
        )
        for position, run in enumerate(runs)
    )


def _notices(run: Run) -> tuple[str, ...]:
    words = {
        CutShort.LENGTH: _tr("The answer was cut off: it reached the longest length allowed."),
        CutShort.FILTERED: _tr("The provider's filter held the answer back, or the rest of it."),
        CutShort.TOOL: _tr("The model wanted to use a tool instead of answering; there is none."),
        CutShort.GIVEN_UP: _tr("The provider gave the answer up before it was whole."),
    }
    notices = run.notices
    # of a tool the provider's own notice tells more
    is_told = run.cut_short is CutShort.TOOL and any(n.startswith(TOOL_ASKED) for n in notices)
    if run.cut_short is not None and not is_told:
        notices += (words[run.cut_short],)
    if run.continues:
        notices += (_tr("Continued: the figures are those of the second part."),)
    return notices


def _status(run: Run, progress: RunProgress | None) -> str:
    match run.status:
        case RunStatus.WAITING:
            return _tr("Waits its turn")
        case RunStatus.LOADING:
            return _loading_words(run, progress)
        case RunStatus.READING:
            return _reading_words(run, progress)
        case RunStatus.CANCELLED:
            return _stopped_words(run)
        case RunStatus.FINISHED if not run.text.strip():
            return _tr("The model ended without writing an answer.")
        case _:
            return ""


def _loading_words(run: Run, progress: RunProgress | None) -> str:
    if not isinstance(run.target, LocalTarget):
        return _tr("Connecting…")
    if progress is None or progress.load_fraction is None:
        return _tr("Preparing the model…")
    percent = whole(progress.load_fraction * 100)
    return _tr("Loading the model… {percent} %").format(percent=percent)


def _reading_words(run: Run, progress: RunProgress | None) -> str:
    prompt = progress.prompt_progress if progress is not None else None
    if not isinstance(run.target, LocalTarget):
        return _tr("Sent. Waiting for the first word…")
    if prompt is None or not prompt.total:
        return _tr("Reading the prompt…")
    percent = whole(100 * prompt.processed / prompt.total)
    return _tr("Reading the prompt… {percent} %").format(percent=percent)


def _stopped_words(run: Run) -> str:
    has_begun = bool(run.text or run.reasoning)
    if run.finish_reason != INTERRUPTED:
        return (
            _tr("Stopped. What was written is kept.")
            if has_begun
            else _tr("Stopped before the first word.")
        )
    if not has_begun:
        return _tr("Interrupted: the program ended before the first word.")
    return _tr(
        "Interrupted: the program ended while this was written. What was there is kept, {0} words."
    ).format(run.counts.words)


def _kept(run: Run) -> str:
    if run.error is None:
        return ""
    if run.text or run.reasoning:
        return _tr("What was written until then is kept above.")
    return _tr("Nothing had been written yet.")
