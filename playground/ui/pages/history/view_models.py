"""What is shown of an opened comparison, as plain values; names are withheld here and nowhere else.

While a vote without names is open, nothing that leaves this module tells who answered: no name,
place, figure, notice, error, thought, order or pace.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from PySide6.QtCore import QCoreApplication, QLocale

from playground.core.errors import ErrorInfo
from playground.core.metrics import figures
from playground.core.runs import Comparison, Run, RunOrder, RunStatus, Turn, VoteOutcome
from playground.store.history import INTERRUPTED, ComparisonSummary
from playground.ui import format as wording
from playground.ui.answers.metric_cells import best_of, details, metric_cells
from playground.ui.answers.metrics_card import MetricCell
from playground.ui.answers.summary import summary
from playground.ui.format import PaneHead
from playground.ui.widgets.bars import Spans
from playground.ui.widgets.details import Row

_DAYS_BY_NAME = 6


def _tr(text: str) -> str:
    return QCoreApplication.translate("HistoryPage", text)


def when(moment: datetime, now: datetime | None = None) -> str:
    """Return a moment as a person would say it; `now` is this moment if it is not given."""
    now = (now or datetime.now().astimezone()).astimezone()
    moment = moment.astimezone(now.tzinfo) if now.tzinfo else moment.astimezone()
    age = now - moment
    if timedelta(0) <= age < timedelta(minutes=1):
        return _tr("Just now")
    if timedelta(0) <= age < timedelta(hours=1):
        minutes = int(age.total_seconds() // 60)
        return _tr("1 minute ago") if minutes == 1 else _tr("{0} minutes ago").format(minutes)
    time = f"{moment:%H:%M}"
    days = (now.date() - moment.date()).days
    if days == 0:
        return _tr("Today, {0}").format(time)
    if days == 1:
        return _tr("Yesterday, {0}").format(time)
    locale = QLocale()
    if 1 < days <= _DAYS_BY_NAME:
        return _tr("{day}, {time}").format(day=locale.dayName(moment.isoweekday()), time=time)
    month = locale.monthName(moment.month)
    if moment.year == now.year:
        return _tr("{day} {month}, {time}").format(day=moment.day, month=month, time=time)
    return _tr("{day} {month} {year}").format(day=moment.day, month=month, year=moment.year)


def exactly(moment: datetime) -> str:
    """Return the moment with date and time, for a tooltip."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def result(row: ComparisonSummary) -> str:
    """Return who won, as far as it may be told; empty where nothing was said."""
    if row.names_hidden:
        return _tr("Waits for your vote")
    if not row.votes:
        return ""
    if not row.winner_labels:
        return _tr("No winner")
    wins = Counter(row.winner_labels).most_common()
    if len(wins) == 1:
        return _tr("✓ {0}").format(wins[0][0])
    return "✓ " + ", ".join(f"{label} {count}" for label, count in wins)


def remark(row: ComparisonSummary) -> str:
    """Return the result where no winner's name shows it."""
    return "" if row.winner_labels and not row.names_hidden else result(row)


def caption(row: ComparisonSummary, now: datetime | None = None) -> str:
    """Return when it was, and how many prompts it has."""
    moment = when(row.created_at, now)
    if row.turns < 2:
        return moment
    return _tr("{when} · {count} prompts").format(when=moment, count=row.turns)


def names(row: ComparisonSummary) -> str:
    """Return who was compared, in a line."""
    if row.names_hidden:
        return _tr("{0} answers, names hidden").format(len(row.target_labels))
    return ", ".join(row.target_labels)


def spoken(row: ComparisonSummary) -> str:
    """Return the whole entry as it is read aloud."""
    return ", ".join(part for part in (row.title, caption(row), names(row), result(row)) if part)


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """One run as its pane shows it."""

    run_id: str
    head: PaneHead
    text: str = ""
    reasoning: str = ""
    status: str = ""
    notices: tuple[str, ...] = ()
    error: ErrorInfo | None = None
    kept: str = ""
    figures: tuple[MetricCell, ...] | None = None
    """`None` while nothing may be told."""
    spans: Spans = Spans()
    footer: tuple[str, str | None] = ("", None)
    facts: tuple[Row, ...] = ()
    is_winner: bool = False


@dataclass(frozen=True, slots=True)
class TurnViewModel:
    """One prompt and its answers."""

    id: str
    number: int
    count: int
    caption: str
    prompt: str
    system_prompt: str
    answers: tuple[ShownAnswer, ...]
    summary: str
    """HTML of the line in plain words; empty while names are hidden."""
    verdict: str
    can_vote: bool
    names_hidden: bool
    is_over: bool
    """True once every run is final."""

    @property
    def scale_s(self) -> float:
        """The time that all bars share."""
        return max((answer.spans.total_s for answer in self.answers), default=0.0) or 1.0


def turn_view_model(comparison: Comparison, index: int) -> TurnViewModel:
    """Return the turn at `index` as it may be shown."""
    turn = comparison.turns[index]
    is_hidden = comparison.names_hidden
    is_over = all(run.status.is_final for run in turn.runs)
    if is_hidden:
        answers = _nameless(comparison, turn, is_over=is_over)
    else:
        measured = [(run, figures(run)) for run in turn.runs]
        best = best_of(measured)
        answers = tuple(
            _answer(run, metric_cells(run, known, best), is_winner=run.id == turn.winner_run_id)
            for run, known in measured
        )
    can_choose = turn.hidden_names or sum(bool(run.text) for run in turn.runs) > 1
    can_vote = not turn.is_voted and is_over and can_choose
    return TurnViewModel(
        id=turn.id,
        number=index + 1,
        count=len(comparison.turns),
        caption=_caption(comparison, turn, is_hidden=is_hidden),
        prompt=turn.prompt,
        system_prompt=comparison.system_prompt.strip(),
        answers=answers,
        summary="" if is_hidden or not is_over else summary(turn),
        verdict=_verdict(turn, can_vote=can_vote, is_hidden=is_hidden),
        can_vote=can_vote,
        names_hidden=is_hidden,
        is_over=is_over,
    )


def _answer(run: Run, cells: tuple[MetricCell, ...], *, is_winner: bool) -> ShownAnswer:
    return ShownAnswer(
        run_id=run.id,
        head=wording.head(run.target),
        text=run.text,
        reasoning=run.reasoning,
        status=_status(run),
        notices=run.notices,
        error=run.error,
        kept=_tr("What was written is kept.") if run.error and run.text else "",
        figures=cells,
        spans=_spans(run),
        footer=wording.footer(run),
        facts=tuple(details(run)),
        is_winner=is_winner,
    )


def _nameless(comparison: Comparison, turn: Turn, *, is_over: bool) -> tuple[ShownAnswer, ...]:
    """Return the answers in an order that is the same for every turn and tells nothing."""
    first = comparison.turns[0].runs
    places = sorted(range(len(turn.runs)), key=lambda n: first[n].id if n < len(first) else "")
    return tuple(
        _nameless_answer(turn.runs[place], LETTERS[number % len(LETTERS)], is_over=is_over)
        for number, place in enumerate(places)
    )


def _nameless_answer(run: Run, letter: str, *, is_over: bool) -> ShownAnswer:
    head = PaneHead(
        label=_tr("Answer {0}").format(letter),
        place=_tr("Name hidden"),
        tone="quiet",
        icon="eye-off",
    )
    if not is_over:
        return ShownAnswer(run.id, head, status=_tr("Answers appear when all of them are done."))
    if not run.text:
        return ShownAnswer(run.id, head, status=_tr("No answer came."))
    return ShownAnswer(run.id, head, text=run.text)


def _status(run: Run) -> str:
    if run.status is RunStatus.CANCELLED and run.finish_reason == INTERRUPTED:
        if run.text or run.reasoning:
            return _tr(
                "Interrupted: the program ended while this was written. What was there is kept, "
                "{0} words."
            ).format(run.counts.words)
        return _tr("Interrupted: the program ended before the first word.")
    if run.status is RunStatus.CANCELLED:
        if run.text or run.reasoning:
            return _tr("You stopped this answer. What was written is kept.")
        return _tr("You stopped this answer before the first word.")
    if not run.status.is_final:
        return _tr("This answer is still being written on the Compare page.")
    if run.status is RunStatus.FINISHED and run.finish_reason == "length":
        return _tr("This answer was cut off at the length that was allowed.")
    if run.status is RunStatus.FINISHED and not run.text:
        return _tr("The model finished without a word.")
    return ""


def _spans(run: Run) -> Spans:
    timings = run.timings
    total_s = timings.total_s or 0.0
    reading_s = total_s if timings.ttft_s is None else timings.ttft_s
    return Spans(timings.load_s or 0.0, reading_s, max(0.0, total_s - reading_s))


def _caption(comparison: Comparison, turn: Turn, *, is_hidden: bool) -> str:
    moment = turn.created_at or comparison.created_at
    parts = [when(moment)] if moment is not None else []
    if len(turn.runs) > 1 and not is_hidden:
        parts.append(
            _tr("All at once") if turn.order is RunOrder.RACE else _tr("One at a time, fair")
        )
    return " · ".join(parts)


def _verdict(turn: Turn, *, can_vote: bool, is_hidden: bool) -> str:
    if turn.winner_run_id is not None:
        text = _tr("You chose {0}.").format(_winner(turn, is_hidden=is_hidden))
    elif turn.verdict is VoteOutcome.TIE:
        text = _tr("You called it a tie.")
    elif turn.verdict is VoteOutcome.NONE_GOOD:
        text = _tr("You found none of them good.")
    elif is_hidden and can_vote:
        return _tr("Names stay hidden until you say which answer is better.")
    else:
        return _tr("Which answer is better?") if can_vote else ""
    return text + " " + _tr("Names were hidden.") if turn.hidden_names else text


def _winner(turn: Turn, *, is_hidden: bool) -> str:
    if is_hidden:
        return _tr("one of them")
    winners: Sequence[Run] = [run for run in turn.runs if run.id == turn.winner_run_id]
    return winners[0].target.label if winners else _tr("one of them")
