"""Counts with their uncertainty: intervals, whether two models differ, repeats, tiers.

The unit is always the case: repeats of one case are not further cases (Miller 2024, "Adding error
bars to evals", https://arxiv.org/abs/2411.00640).
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

Z_95 = statistics.NormalDist().inv_cdf(0.975)
SIGNIFICANT = 0.05


def wilson_interval(right: int, scored: int, z: float = Z_95) -> tuple[float, float] | None:
    """Return the interval in which the true share lies, 0 … 1; `None` where nothing was scored.

    Wilson (1927), https://doi.org/10.2307/2276774; 95 % unless another `z` is given.
    """
    if scored == 0:
        return None
    share = right / scored
    spread = z * math.sqrt(share * (1 - share) / scored + z * z / (4 * scored * scored))
    middle, scale = share + z * z / (2 * scored), 1 + z * z / scored
    low, high = (middle - spread) / scale, (middle + spread) / scale
    # at the ends the exact values are 0 and 1, which rounding misses
    return (0.0 if right == 0 else low), (1.0 if right == scored else high)


def mcnemar_p(only_a: int, only_b: int) -> float:
    """Return the exact two-sided p-value that two models disagree so unevenly by chance.

    `only_a` and `only_b` count the cases that only one of them has right. 1 where they never
    disagree. McNemar (1947), https://doi.org/10.1007/BF02295996, by the binomial distribution.
    """
    disagreements = only_a + only_b
    if only_a == only_b:
        return 1.0
    ways = tail = 1
    for k in range(min(only_a, only_b)):
        # of choosing k + 1, from those of choosing k: each anew takes seconds for thousands
        ways = ways * (disagreements - k) // (k + 1)
        tail += ways
    return float(min(1.0, 2 * tail / 2**disagreements))


def fewest_disagreements(significance: float = SIGNIFICANT) -> int:
    """Return how many cases two models must disagree on before anything can come out: 6 at 5 %."""
    number = 1
    while mcnemar_p(number, 0) >= significance:
        number += 1
    return number


def pass_hat(right: int, repeats: int, k: int) -> float | None:
    """Return the chance that `k` repeats in a row are all right, of `right` seen in `repeats`.

    Unbiased: C(right, k) / C(repeats, k) (Yao et al. 2024, τ-bench,
    https://arxiv.org/abs/2406.12045). `None` for more than there were.
    """
    if not 0 < k <= repeats:
        return None
    return math.comb(right, k) / math.comb(repeats, k)


def case_is_right(outcomes: Sequence[bool]) -> bool | None:
    """Return whether a case counts as right: more than half of its scored repeats are.

    `None` where none was scored.
    """
    return 2 * sum(outcomes) > len(outcomes) if outcomes else None


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of a figure."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread | None:
    """Return median and quartiles, as `numpy.percentile` works them out; `None` for nothing."""
    if not values:
        return None
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


class Verdict(StrEnum):
    """What can be said of two models."""

    A_BETTER = "a_better"
    B_BETTER = "b_better"
    UNDECIDED = "undecided"
    SAME = "same"
    """They never disagreed."""
    UNKNOWN = "unknown"
    """No case was scored for both."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models on the cases that were scored for both."""

    a: str
    b: str
    both_scored: int
    only_a_right: int
    only_b_right: int
    p_value: float | None
    verdict: Verdict


Judged = Mapping[str, bool | None]
"""Case → whether it counts as right; `None`: not scored."""


def compare_pair(a: str, b: str, right_a: Judged, right_b: Judged) -> Pair:
    """Return what the cases scored for both say of two models."""
    both = [
        (is_a, is_b)
        for case, is_a in right_a.items()
        if is_a is not None and (is_b := right_b.get(case)) is not None
    ]
    only_a = sum(is_a and not is_b for is_a, is_b in both)
    only_b = sum(is_b and not is_a for is_a, is_b in both)
    if not both:
        return Pair(a, b, 0, 0, 0, None, Verdict.UNKNOWN)
    p_value = mcnemar_p(only_a, only_b)
    if only_a == only_b == 0:
        verdict = Verdict.SAME
    elif p_value >= SIGNIFICANT:
        verdict = Verdict.UNDECIDED
    else:
        verdict = Verdict.A_BETTER if only_a > only_b else Verdict.B_BETTER
    return Pair(a, b, len(both), only_a, only_b, p_value, verdict)


def tiers(names: Sequence[str], pairs: Sequence[Pair], shares: Mapping[str, float]) -> list[int]:
    """Return each model's tier, 0 for the top: nobody in a tier is better than its best one.

    With several pairs, those that differ are told by Benjamini and Hochberg (1995,
    https://doi.org/10.1111/j.2517-6161.1995.tb02031.x), so that many models do not differ by luck.
    """
    better = _better_than(pairs)
    left = sorted(names, key=lambda name: -shares.get(name, -1.0))
    found: dict[str, int] = {}
    number = 0
    while left:
        best = left[0]
        tier = [name for name in left if (best, name) not in better]
        found.update(dict.fromkeys(tier, number))
        left = [name for name in left if name not in tier]
        number += 1
    return [found[name] for name in names]


def _better_than(pairs: Sequence[Pair]) -> set[tuple[str, str]]:
    """Return (better, worse) of the pairs that still differ when all of them are looked at."""
    tested = sorted((p for p in pairs if p.p_value is not None), key=lambda p: p.p_value or 0.0)
    kept = 0
    for rank, pair in enumerate(tested, 1):
        if (pair.p_value or 0.0) <= SIGNIFICANT * rank / len(tested):
            kept = rank
    return {
        (p.a, p.b) if p.only_a_right > p.only_b_right else (p.b, p.a)
        for p in tested[:kept]
        if p.only_a_right != p.only_b_right
    }
