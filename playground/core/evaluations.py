"""Evaluations: a prompt set on several targets, what it will take, and what came of it."""

import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

from playground.core.chat import SamplingParams
from playground.core.expected import CUT_OFF, Outcome
from playground.core.metrics import figures
from playground.core.prompt_sets import PromptSet
from playground.core.runs import Provenance, Run
from playground.core.statistics import (
    Judged,
    Pair,
    Spread,
    Verdict,
    case_is_right,
    compare_pair,
    pass_hat,
    spread,
    tiers,
    wilson_interval,
)
from playground.core.targets import Target


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A prompt set, as it was then, on several targets."""

    id: str
    prompt_set: PromptSet
    targets: tuple[Target, ...]
    repeats: int = 1
    sampling: SamplingParams = SamplingParams()
    created_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def unit_count(self) -> int:
        """How many units there are."""
        return len(self.prompt_set.cases) * len(self.targets) * self.repeats

    @property
    def units(self) -> tuple["Unit", ...]:
        """What is asked, each once: models alternate within a case."""
        return tuple(
            Unit(case.id, target.key, repeat)
            for repeat in range(self.repeats)
            for case in self.prompt_set.cases
            for target in self.targets
        )


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """One case asked of one target once; it is stored whole or not at all."""

    case: str
    target: str
    """Its key."""
    repeat: int


Groups = tuple[tuple[str, ...], ...]
"""Keys of targets; those of a group stay loaded side by side, those of two groups do not."""
_BLOCK = 25
_FEWEST = 4
"""Questions that are worth another load."""


def in_blocks(units: Sequence[Unit], groups: Groups) -> list[Unit]:
    """Return the units in the order in which this computer answers them.

    Models that stay loaded side by side alternate within a question. Groups that do not take turns
    after blocks of questions, every other block the other way round (A B B A), so that what grows
    with time, like heat, hits all alike, and the group that is loaded goes on.
    """
    place_of = _group_of(groups)
    size = block_size(units, groups)
    block_of = {question: number // size for number, question in enumerate(_questions(units))}

    def place(unit: Unit) -> tuple[int, int]:
        block = block_of[unit.repeat, unit.case]
        group = place_of.get(unit.target, 0)
        return block, -group if block % 2 else group

    return sorted(units, key=place)


def block_size(units: Iterable[Unit], groups: Groups) -> int:
    """Return how many questions are asked of one group before the next is loaded.

    About 25, so that loads take a small part of the time, in an even number of blocks.
    """
    count = len(_questions(units))
    if len(groups) < 2 or count < _FEWEST:
        return max(1, count)
    return math.ceil(count / max(2, 2 * round(count / (2 * _BLOCK))))


def _questions(units: Iterable[Unit]) -> list[tuple[int, str]]:
    return list(dict.fromkeys((unit.repeat, unit.case) for unit in units))


def count_loads(ordered: Iterable[Unit], groups: Groups) -> int:
    """Return how often a model of `groups` is loaded at most while `ordered` is answered."""
    place_of = _group_of(groups)
    answering = (unit.target for unit in ordered if unit.target in place_of)
    return sum(len(set(turn)) for _, turn in groupby(answering, key=place_of.__getitem__))


def _group_of(groups: Groups) -> dict[str, int]:
    return {target: number for number, group in enumerate(groups) for target in group}


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What came of a unit; `None` is unknown."""

    unit: Unit
    comparison_id: str
    run_id: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    tokens_per_s: float | None = None
    speed_provenance: Provenance | None = None
    words_per_s: float | None = None
    total_s: float | None = None
    usd: float | None = None
    usd_provenance: Provenance | None = None
    was_loaded: bool | None = None
    """False where the model had to be loaded first."""


def new_evaluation(
    prompt_set: PromptSet, targets: Sequence[Target], repeats: int, sampling: SamplingParams
) -> Evaluation:
    return Evaluation(
        uuid.uuid4().hex,
        prompt_set,
        tuple(targets),
        repeats,
        sampling,
        created_at=datetime.now(UTC),
    )


def left_of(evaluation: Evaluation, results: Iterable[UnitResult]) -> list[Unit]:
    """Return the units that are not done."""
    done = {result.unit for result in results}
    return [unit for unit in evaluation.units if unit not in done]


def asks_the_same(one: Evaluation, other: Evaluation) -> bool:
    """Return True where an answer of one evaluation is an answer of the other as well.

    Names, tags, weights and checks may differ: they change nothing in what is asked.
    """
    return _asked(one) == _asked(other)


def _asked(evaluation: Evaluation) -> tuple[object, ...]:
    chosen = evaluation.prompt_set
    cases = tuple((c.id, c.prompt, c.system_prompt, c.variables) for c in chosen.cases)
    targets = frozenset(target.key for target in evaluation.targets)
    settings = frozenset(getattr(target, "settings", None) for target in evaluation.targets)
    asked = (chosen.id, chosen.system_prompt, chosen.variables, cases)
    return (*asked, targets, settings, evaluation.repeats, evaluation.sampling)


def result_of(
    unit: Unit, comparison_id: str, run: Run, outcome: Outcome, reasons: tuple[str, ...]
) -> UnitResult:
    """Return what is kept of a run beside the run itself."""
    known = figures(run)
    speed, cost = known.generation_tokens_per_s, known.cost_usd
    return UnitResult(
        unit,
        comparison_id,
        run.id,
        outcome,
        reasons,
        tokens_per_s=None if speed is None else speed.value,
        speed_provenance=None if speed is None else speed.provenance,
        words_per_s=None if known.words_per_s is None else known.words_per_s.value,
        total_s=run.timings.total_s,
        usd=None if cost is None else cost.value,
        usd_provenance=None if cost is None else cost.provenance,
        was_loaded=run.was_loaded,
    )


@dataclass(frozen=True, slots=True)
class ModelResult:
    """How one target did; counts are of cases."""

    target: str
    right: int
    scored: int
    not_scored: int
    interval: tuple[float, float] | None
    """95 %, Wilson."""
    weighted_share: float | None
    """Weights of the right cases over those of the scored ones, 0 … 1."""
    always_right: int | None
    """Cases in which every repeat was asked, scored and right; `None` without repeats."""
    tokens_per_s: Spread | None
    speed_provenance: Provenance | None
    words_per_s: Spread | None
    """Measured in the text as it came."""
    seconds: Spread | None
    """Whole answers."""
    usd: float | None
    """All its answers together; `None` where the price of one is not known."""
    provenance: Provenance | None
    """Of `usd`: the least certain of its parts."""
    tier: int | None = None
    """0 for the top group; `None` where nothing can be said: nothing was scored, there is only one
    model, or one that is never right is not behind another."""
    answers: int = 0
    """How many there are."""
    cut_off: int = 0
    """Those of `not_scored` whose answers were cut off at the longest length."""
    pass_hat: tuple[float, ...] = ()
    """The chance, 0 … 1, that k repeats in a row are all right, for k from 1 to all: the mean over
    the cases of which every repeat was scored. Empty without repeats, or without such a case."""

    @property
    def share(self) -> float | None:
        """Right of those scored, 0 … 1."""
        return self.right / self.scored if self.scored else None

    @property
    def usd_per_1000(self) -> float | None:
        """What 1,000 questions like these cost, in US dollars."""
        return None if self.usd is None or not self.answers else 1000 * self.usd / self.answers


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation says, worked out from its results alone."""

    models: tuple[ModelResult, ...]
    pairs: tuple[Pair, ...]
    judged: Mapping[str, Judged]
    """Target → case → whether it counts as right; every case is in it."""


def report(evaluation: Evaluation, results: Iterable[UnitResult]) -> Report:
    """Return what the results say of each target and of each pair."""
    found = _by_target(results)
    by_target = {target.key: found.get(target.key, []) for target in evaluation.targets}
    judged = {key: judge_cases(evaluation.prompt_set, own) for key, own in by_target.items()}
    keys = list(by_target)
    pairs = tuple(
        compare_pair(a, b, judged[a], judged[b]) for n, a in enumerate(keys) for b in keys[n + 1 :]
    )
    models = [_model(evaluation, key, by_target[key], judged[key]) for key in keys]
    numbers = _tiers(models, pairs)
    return Report(tuple(replace(m, tier=numbers.get(m.target)) for m in models), pairs, judged)


def _tiers(models: Sequence[ModelResult], pairs: Sequence[Pair]) -> dict[str, int]:
    """Return target → tier for the models of which it says something."""
    shares = {model.target: model.share for model in models if model.share is not None}
    if len(shares) < 2:
        return {}
    numbers = zip(shares, tiers(list(shares), pairs, shares), strict=True)
    return {target: number for target, number in numbers if number or shares[target]}


def judge_cases(prompt_set: PromptSet, results: Iterable[UnitResult]) -> dict[str, bool | None]:
    """Return case → right, wrong or `None` for one target's results; every case is in it."""
    outcomes: dict[str, list[bool]] = {case.id: [] for case in prompt_set.cases}
    for result in results:
        if result.outcome is not Outcome.NOT_SCORED and result.unit.case in outcomes:
            outcomes[result.unit.case].append(result.outcome is Outcome.RIGHT)
    return {case: case_is_right(found) for case, found in outcomes.items()}


def _model(
    evaluation: Evaluation,
    key: str,
    results: Sequence[UnitResult],
    judged: Judged,
) -> ModelResult:
    asked = {result.unit.case for result in results}
    scored = [case for case, is_right in judged.items() if is_right is not None]
    cut_off = {result.unit.case for result in results if CUT_OFF in result.reasons}
    right = [case for case in scored if judged[case]]
    weights = {case.id: case.weight for case in evaluation.prompt_set.cases}
    whole = sum(weights[case] for case in scored)
    costs = [result.usd for result in results]
    is_priced = bool(costs) and None not in costs
    warm = [result for result in results if result.was_loaded is not False]
    return ModelResult(
        target=key,
        right=len(right),
        scored=len(scored),
        not_scored=len(asked - set(scored)),
        interval=wilson_interval(len(right), len(scored)),
        weighted_share=sum(weights[case] for case in right) / whole if whole else None,
        always_right=_always_right(evaluation, results) if evaluation.repeats > 1 else None,
        tokens_per_s=spread([r.tokens_per_s for r in results if r.tokens_per_s is not None]),
        speed_provenance=_least_certain(result.speed_provenance for result in results),
        words_per_s=spread([r.words_per_s for r in results if r.words_per_s is not None]),
        seconds=spread([result.total_s for result in warm if result.total_s is not None]),
        usd=sum(cost for cost in costs if cost is not None) if is_priced else None,
        provenance=_least_certain(r.usd_provenance for r in results) if is_priced else None,
        answers=len(results),
        cut_off=len(cut_off - set(scored)),
        pass_hat=_pass_hat(evaluation.repeats, results),
    )


def _least_certain(found: Iterable[Provenance | None]) -> Provenance | None:
    known = set(found)
    order = (Provenance.ESTIMATED, Provenance.REPORTED, Provenance.MEASURED)
    return next((provenance for provenance in order if provenance in known), None)


def _always_right(evaluation: Evaluation, results: Iterable[UnitResult]) -> int:
    times = _times_right(results).values()
    return sum(outcomes == [True] * evaluation.repeats for outcomes in times)


def _pass_hat(repeats: int, results: Iterable[UnitResult]) -> tuple[float, ...]:
    whole = [sum(found) for found in _times_right(results).values() if len(found) == repeats]
    if repeats < 2 or not whole:
        return ()
    chances = [
        [pass_hat(right, repeats, k) or 0.0 for right in whole] for k in range(1, repeats + 1)
    ]
    return tuple(sum(each) / len(whole) for each in chances)


def _times_right(results: Iterable[UnitResult]) -> dict[str, list[bool]]:
    """Return case → whether each of its scored repeats was right."""
    found: dict[str, list[bool]] = {}
    for result in results:
        if result.outcome is not Outcome.NOT_SCORED:
            found.setdefault(result.unit.case, []).append(result.outcome is Outcome.RIGHT)
    return found


@dataclass(frozen=True, slots=True)
class Plan:
    """What an evaluation takes before its first call; `None` is unknown."""

    units: int
    """Answers still to be asked for."""
    seconds: float | None
    usd: float | None
    hosts: tuple[str, ...]
    """Which computers get the prompts; empty where none leaves this one."""
    local_targets: int
    groups: Groups
    """Models that this computer loads, together where they fit into memory side by side."""
    loads: int
    """How often a model is loaded into this computer's memory, at most."""
    block: int | None
    """Questions that are asked of some models before others take their place in memory; `None`
    where all fit in together."""
    fewest_disagreements: int
    """Below it no difference between two models can be told."""
    can_tell: bool
    """False where there are fewer cases than that."""


def ranked(models: Iterable[ModelResult]) -> list[ModelResult]:
    """Return the models with the best group first, within it by their share."""
    return sorted(
        models,
        key=lambda m: (m.tier is None, m.tier or 0, -(m.share or 0.0)),
    )


def pair_sentence(pair: Pair, labels: Mapping[str, str]) -> str:
    """Return what can be said of two models, with the counts behind it."""
    a, b = labels[pair.a], labels[pair.b]
    only_a, only_b = pair.only_a_right, pair.only_b_right
    if pair.verdict is Verdict.B_BETTER:
        a, b, only_a, only_b = b, a, only_b, only_a
    match pair.verdict:
        case Verdict.A_BETTER | Verdict.B_BETTER:
            return (
                f"{a} is better than {b}: right where the other was wrong {_times(only_a)}, "
                f"the other way round {_times(only_b)}."
            )
        case Verdict.SAME:
            return f"{a} or {b}? They never disagreed on {pair.both_scored} questions."
        case Verdict.UNDECIDED:
            return (
                f"{a} or {b}? Can't tell these apart yet. Of {pair.both_scored} questions the "
                f"first alone was right on {only_a}, the second alone on {only_b}."
            )
    return f"{a} or {b}? No question was scored for both."


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def against_earlier(
    now: Evaluation,
    results: Iterable[UnitResult],
    before: Evaluation,
    earlier: Iterable[UnitResult],
) -> dict[str, Pair]:
    """Return, for each target of both, how it did now (`a`) and then (`b`) on the same questions.

    The same is what has the same id and the same words.
    """
    asked = {case.id: case.prompt for case in before.prompt_set.cases}
    same = [case for case in now.prompt_set.cases if asked.get(case.id) == case.prompt]
    both = replace(now.prompt_set, cases=tuple(same))
    keys = [t.key for t in now.targets if t.key in {other.key for other in before.targets}]
    mine, theirs = _by_target(results), _by_target(earlier)
    return {
        key: compare_pair(
            "now",
            "then",
            judge_cases(both, mine.get(key, ())),
            judge_cases(both, theirs.get(key, ())),
        )
        for key in keys
    }


def _by_target(results: Iterable[UnitResult]) -> dict[str, list[UnitResult]]:
    found: dict[str, list[UnitResult]] = {}
    for result in results:
        found.setdefault(result.unit.target, []).append(result)
    return found


def cases_by_tag(prompt_set: PromptSet, tag: str) -> PromptSet:
    """Return the set with the cases of one tag."""
    return replace(prompt_set, cases=tuple(c for c in prompt_set.cases if tag in c.tags))
