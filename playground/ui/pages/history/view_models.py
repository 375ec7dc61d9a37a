"""Entries of the list and prompts of an opened comparison, as plain values.

What an entry says of a comparison whose names are hidden tells nothing of who answered.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from PySide6.QtCore import QCoreApplication, QLocale

from playground.core.runs import Comparison, Recorded, RunOrder, Turn
from playground.store.history import ComparisonSummary
from playground.ui.format import recorded_words

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
    if re.fullmatch(r"M?\d+", month):
        # a locale without names of its own has numbers there
        month = QLocale.c().monthName(moment.month)
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
    moment = recorded_on(row.recorded) or when(row.created_at, now)
    if row.turns < 2:
        return moment
    return _tr("{when} · {count} prompts").format(when=moment, count=row.turns)


def recorded_on(recorded: Recorded | None) -> str:
    """Return “Recorded on …” without its machine, for a line of the list."""
    return recorded_words(None if recorded is None else replace(recorded, machine=""))


def names(row: ComparisonSummary) -> str:
    """Return who was compared, in a line."""
    if row.names_hidden:
        return _tr("{0} answers, names hidden").format(len(row.target_labels))
    return ", ".join(row.target_labels)


def spoken(row: ComparisonSummary) -> str:
    """Return the whole entry as it is read aloud."""
    return ", ".join(part for part in (row.title, caption(row), names(row), result(row)) if part)


@dataclass(frozen=True, slots=True)
class PromptViewModel:
    """One prompt of an opened comparison."""

    number: int
    count: int
    caption: str
    text: str
    system_prompt: str
    recorded: str = ""
    """“Recorded on …” where it was run on another computer."""


def prompt_view_model(comparison: Comparison, index: int) -> PromptViewModel:
    turn = comparison.turns[index]
    return PromptViewModel(
        number=index + 1,
        count=len(comparison.turns),
        caption=_turn_caption(comparison, turn),
        text=turn.prompt,
        system_prompt=comparison.system_prompt.strip(),
        recorded=recorded_words(comparison.recorded),
    )


def _turn_caption(comparison: Comparison, turn: Turn) -> str:
    moment = turn.created_at or comparison.created_at
    parts = [when(moment)] if moment is not None else []
    if comparison.recorded is not None:
        parts = [recorded_words(comparison.recorded)]
    if len(turn.runs) > 1 and not comparison.names_hidden:
        parts.append(
            _tr("All at once") if turn.order is RunOrder.RACE else _tr("One at a time, fair")
        )
    return " · ".join(parts)
