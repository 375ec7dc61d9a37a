"""How far an evaluation is: what its running view shows, worked out from its updates."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QCoreApplication

from playground.core.evaluations import Evaluation, Unit, UnitResult
from playground.core.expected import Outcome
from playground.core.statistics import case_is_right
from playground.core.targets import Target
from playground.services.evaluation import (
    EvaluationEnded,
    EvaluationUpdate,
    ProviderWaits,
    TargetGivenUp,
    UnitEnded,
    UnitStarted,
    time_left,
)
from playground.ui.pages.tests.words import waits_words

_NAMED = 3
"""Messages that are named while several are answered at once."""


class CellState(StrEnum):
    """What a message's square shows for one model."""

    EMPTY = "empty"
    ANSWERING = "answering"
    RIGHT = "right"
    WRONG = "wrong"
    NOT_SCORED = "not scored"


@dataclass(frozen=True, slots=True)
class ModelProgress:
    """A model's row; counts are of answers."""

    target: Target
    done: int
    units: int
    right: int
    wrong: int
    not_scored: int
    now: str
    is_waiting: bool
    """True where somebody makes it wait, or it is asked nothing more."""
    left_s: float | None


class Progress:
    """Follows one evaluation; every method is called on Qt's thread."""

    def __init__(self, evaluation: Evaluation, results: Sequence[UnitResult] = ()) -> None:
        self.evaluation = evaluation
        self.spent_usd = 0.0
        self.is_paused = False
        self.newest = 0
        """Place of the message that was asked last."""
        self._is_over = False
        self._numbers = {case.id: n for n, case in enumerate(evaluation.prompt_set.cases, 1)}
        self._targets = {target.key: target for target in evaluation.targets}
        self._each = len(evaluation.prompt_set.cases) * evaluation.repeats
        self._counts = {key: dict.fromkeys(Outcome, 0) for key in self._targets}
        self._times: dict[str, list[float]] = {key: [0, 0.0] for key in self._targets}
        self._scored: dict[tuple[str, str], list[bool]] = {}
        self._unscored: set[tuple[str, str]] = set()
        self._running: dict[str, list[Unit]] = {key: [] for key in self._targets}
        self._waits: dict[str, tuple[float, str]] = {}
        self._given_up: dict[str, str] = {}
        for result in results:
            self._take(result)

    @property
    def done(self) -> int:
        return sum(map(self._done, self._targets))

    @property
    def units(self) -> int:
        return self._each * len(self._targets)

    @property
    def left_s(self) -> float | None:
        """Seconds until all is answered; `None` until each has answered once, and at the end."""
        if self._is_over:
            return None
        keys = [key for key in self._targets if key not in self._given_up]
        return self._time_left(keys)

    def add(self, update: EvaluationUpdate) -> None:
        match update:
            case UnitStarted(unit=unit):
                self._running[unit.target].append(unit)
                self.newest = self._numbers[unit.case] - 1
                self._waits.pop(unit.target, None)
            case UnitEnded(result=result, spent_usd=spent):
                self.spent_usd = spent
                self._take(result)
            case ProviderWaits(targets=targets, seconds=wait, reason=reason):
                for key in targets:
                    self._running[key].clear()
                    self._waits[key] = (time.monotonic() + wait, reason)
            case TargetGivenUp(target=key, reason=reason):
                self._given_up[key] = reason.removeprefix(f"{self._targets[key].label}: ")
            case EvaluationEnded(evaluation=evaluation):
                self.evaluation = evaluation
                self.stop()

    def stop(self) -> None:
        """Nothing is being answered any more."""
        self._is_over = True
        for running in self._running.values():
            running.clear()
        self._waits.clear()

    def models(self) -> list[ModelProgress]:
        return [self._model(target) for target in self.evaluation.targets]

    def cell(self, target: str, case: str) -> CellState:
        """Return the state of one model's answers to one message."""
        if any(unit.case == case for unit in self._running[target]):
            return CellState.ANSWERING
        key = (target, case)
        if found := self._scored.get(key):
            return CellState.RIGHT if case_is_right(found) else CellState.WRONG
        return CellState.NOT_SCORED if key in self._unscored else CellState.EMPTY

    def _take(self, result: UnitResult) -> None:
        unit, outcome = result.unit, result.outcome
        if unit.target not in self._targets:
            return
        self._counts[unit.target][outcome] += 1
        if unit in self._running[unit.target]:
            self._running[unit.target].remove(unit)
        key = (unit.target, unit.case)
        if outcome is Outcome.NOT_SCORED:
            self._unscored.add(key)
        else:
            self._scored.setdefault(key, []).append(outcome is Outcome.RIGHT)
        if result.total_s is not None:
            times = self._times[unit.target]
            times[0] += 1
            times[1] += result.total_s

    def _done(self, key: str) -> int:
        return sum(self._counts[key].values())

    def _time_left(self, keys: Sequence[str]) -> float | None:
        means = {key: whole / count for key, (count, whole) in self._times.items() if count}
        return time_left(
            [self._targets[key] for key in keys],
            {key: self._each - self._done(key) for key in keys},
            means,
        )

    def _model(self, target: Target) -> ModelProgress:
        key = target.key
        counts = self._counts[key]
        now, is_waiting = self._now(key)
        return ModelProgress(
            target,
            self._done(key),
            self._each,
            counts[Outcome.RIGHT],
            counts[Outcome.WRONG],
            counts[Outcome.NOT_SCORED],
            now,
            is_waiting,
            None if self._is_over or key in self._given_up else self._time_left([key]),
        )

    def _now(self, key: str) -> tuple[str, bool]:
        """Return what a model does now, and whether somebody makes it wait."""
        if key in self._given_up:
            return self._given_up[key], True
        if self._done(key) >= self._each:
            return _tr("done"), False
        if key in self._waits:
            until, reason = self._waits[key]
            if (left := until - time.monotonic()) > 0:
                return waits_words(left, reason), True
        if running := self._running[key]:
            numbers = sorted(self._numbers[unit.case] for unit in running)
            named = ", ".join(map(str, dict.fromkeys(numbers[:_NAMED])))
            if len(numbers) > _NAMED:
                named += " …"
            one = len(numbers) == 1
            words = _tr("answering message {0}") if one else _tr("answering messages {0}")
            return words.format(named), False
        if self.is_paused or self.evaluation.finished_at is not None:
            return (_tr("paused") if self.is_paused else ""), False
        if self._targets[key].uses_this_machine:
            others = [self._targets[other] for other, units in self._running.items() if units]
            if any(other.uses_this_machine for other in others):
                return _tr("waits for its turn: one model on this computer at a time"), False
            if others:
                return _tr("waits for the cloud, to have the computer to itself"), False
        return "", False


def _tr(text: str) -> str:
    return QCoreApplication.translate("TestsPage", text)
