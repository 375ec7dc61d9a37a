"""Which of several runs leads at what, only where every one has the figure and the lead shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from playground.core.amounts import money, rate, seconds
from playground.core.metrics import Figure, RunFigures
from playground.core.runs import Run, RunStatus

TIE = ""
"""Stands for the best run where the best figures read the same."""


@dataclass(frozen=True, slots=True)
class Best:
    """Which runs hold the best figures, by run id: `None` while it is not decided, or `TIE`."""

    first: str | None = None
    speed: str | None = None
    total: str | None = None
    cost: str | None = None


def best_of(runs: Sequence[tuple[Run, RunFigures]]) -> Best:
    """Return who is best at what: only where every run with a whole answer has the figure."""
    able = [
        (run, known)
        for run, known in runs
        if run.status not in {RunStatus.FAILED, RunStatus.CANCELLED} and run.cut_short is None
    ]
    if len(able) < 2:
        return Best()
    is_even = not any(_had_read_the_prompt(run) for run, _known in able)
    times = {run.id: known.ttft_s if is_even else None for run, known in able}
    first = _holder(min, times, seconds)
    if not all(run.status.is_final for run, _known in able):
        return Best(first)
    return Best(
        first,
        speed=_holder(max, {run.id: known.words_per_s for run, known in able}, rate),
        total=_holder(
            min, {run.id: known.total_s if is_even else None for run, known in able}, seconds
        ),
        cost=_holder(min, {run.id: known.cost_usd for run, known in able}, money),
    )


def _had_read_the_prompt(run: Run) -> bool:
    """Return True where a run made anew found most of its prompt read by the one before it.

    It begins sooner than the others could, who were asked once.
    """
    usage = run.usage
    if run.replaces is None or not usage.cached_tokens or not usage.prompt_tokens:
        return False
    return 2 * usage.cached_tokens > usage.prompt_tokens


def _holder(
    choose: Callable[..., str],
    known: dict[str, Figure | None],
    shown: Callable[[float], str],
) -> str | None:
    """Return whose figure `min` or `max` chooses; `None` where one of them is not known.

    A lead counts only where it can be seen: in the words in which figures are `shown`.
    """
    values = {key: figure.value for key, figure in known.items() if figure is not None}
    if not values or len(values) < len(known):
        return None
    holder = choose(values, key=values.__getitem__)
    words = [shown(value) for value in values.values()]
    return holder if words.count(shown(values[holder])) == 1 else TIE
