"""Votes into a leaderboard: strengths with their intervals, and who cannot be told apart.

Strengths are those of Bradley and Terry (1952, https://doi.org/10.2307/2334029): the chance that
`a` is chosen over `b` is 1 / (1 + exp(b − a)). A tie counts half for each, a weak normal prior
keeps those that never lost from infinity, and where nobody was good nothing is said of who is
better.
Intervals are bootstrapped over ballots, since all pairs of one ballot come from one decision.
"""

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from playground.core.runs import VoteOutcome
from playground.core.statistics import wilson_interval

FEWEST_VOTES = 10
"""Below it a model's interval would be narrower than the truth, and none is shown."""
PRIOR = 0.05
"""Weight of the prior: it takes `PRIOR` × strength² from the log-likelihood."""
RESAMPLES = 1000
_STEPS, _CLOSE = 100, 1e-10


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote: who answered, and who was chosen, or why nobody."""

    answered: tuple[str, ...]
    """Keys of the targets."""
    winner: str | None = None
    verdict: VoteOutcome | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How one target fared."""

    target: str
    wins: int = 0
    ties: int = 0
    losses: int = 0
    none_good: int = 0
    interval: tuple[float, float] | None = None
    """Of its share of wins where somebody was chosen, 95 %, Wilson."""
    missing_votes: int = FEWEST_VOTES
    """How many more it needs before a strength is shown."""
    strength: float | None = None
    """Natural logarithm of the odds, 0 on average; `None` below `FEWEST_VOTES` and where it was not
    compared, over any way round, with the others."""
    strength_interval: tuple[float, float] | None = None
    """95 %, bootstrapped."""
    tier: int | None = None
    """0 for the top; nobody in a tier is clearly behind its first."""

    @property
    def votes(self) -> int:
        """Those that say who is better."""
        return self.wins + self.ties + self.losses


def standings(ballots: Sequence[Ballot], seed: int = 1) -> tuple[Standing, ...]:
    """Return how each target fared, the strongest first.

    Only targets that are linked by ballots to each other are put in one order: of several such
    groups the largest is.
    """
    counts = {key: _counted(key, ballots) for key in _targets(ballots)}
    enough = {key for key, count in counts.items() if not count.missing_votes}
    judged = [ballot for ballot in ballots if _is_judged(ballot)]
    linked = _largest_group(judged, enough)
    rated = _rated(judged, linked, seed) if len(linked) > 1 else {}
    found = [
        Standing(
            key,
            count.wins,
            count.ties,
            count.losses,
            count.none_good,
            count.interval,
            count.missing_votes,
            *rated.get(key, (None, None, None)),
        )
        for key, count in counts.items()
    ]
    return tuple(
        sorted(
            found,
            key=lambda s: (
                *(s.tier is None, s.tier or 0, -(s.strength or 0)),
                *(-s.wins, s.losses, -s.ties, s.target),
            ),
        )
    )


def strengths(
    targets: Sequence[str],
    pairs: Mapping[tuple[str, str], float],
    prior: float = PRIOR,
    start: Sequence[float] | None = None,
) -> list[float]:
    """Return the strength of each target that explains `pairs` best, 0 on average.

    `pairs` is (chosen, not chosen) → how often, a tie as half each way round. Found by Newton's
    method on the log-likelihood less `prior` × the sum of squares, which has one maximum.
    """
    number = {target: n for n, target in enumerate(targets)}
    games = [(number[a], number[b], count) for (a, b), count in pairs.items() if count]
    found = list(start) if start is not None else [0.0] * len(targets)
    for _ in range(_STEPS):
        slope = [-2 * prior * each for each in found]
        bend = [
            [2 * prior * (row == column) for column in number.values()] for row in number.values()
        ]
        for a, b, count in games:
            loses = 1 / (1 + math.exp(min(700.0, found[a] - found[b])))
            slope[a] += count * loses
            slope[b] -= count * loses
            weight = count * loses * (1 - loses)
            bend[a][a] += weight
            bend[b][b] += weight
            bend[a][b] -= weight
            bend[b][a] -= weight
        step = _solved(bend, slope)
        # a step that is cut cannot jump over the maximum of a flat beginning
        longest = max(map(abs, step), default=0.0)
        cut = min(1.0, 2.0 / longest) if longest else 1.0
        found = [each + cut * change for each, change in zip(found, step, strict=True)]
        if longest < _CLOSE:
            break
    middle = sum(found) / len(found) if found else 0.0
    return [each - middle for each in found]


def pairs_of(ballots: Iterable[Ballot]) -> dict[tuple[str, str], float]:
    """Return (chosen, not chosen) → how often; a winner is chosen over each other that answered."""
    found: Counter[tuple[str, str]] = Counter()
    for ballot in ballots:
        if ballot.winner is not None:
            for other in ballot.answered:
                if other != ballot.winner:
                    found[ballot.winner, other] += 2
        elif ballot.verdict is VoteOutcome.TIE:
            for one in ballot.answered:
                for other in ballot.answered:
                    if one != other:
                        found[one, other] += 1
    return {pair: count / 2 for pair, count in found.items()}


def _solved(rows: list[list[float]], right: Sequence[float]) -> list[float]:
    """Return x of rows · x = right, for a symmetric positive definite matrix."""
    size = len(right)
    work = [[*row, value] for row, value in zip(rows, right, strict=True)]
    for pivot in range(size):
        for below in range(pivot + 1, size):
            factor = work[below][pivot] / work[pivot][pivot]
            if factor:
                for column in range(pivot, size + 1):
                    work[below][column] -= factor * work[pivot][column]
    found = [0.0] * size
    for row in reversed(range(size)):
        rest = sum(work[row][column] * found[column] for column in range(row + 1, size))
        found[row] = (work[row][size] - rest) / work[row][row]
    return found


def _targets(ballots: Iterable[Ballot]) -> list[str]:
    return list(dict.fromkeys(key for ballot in ballots for key in ballot.answered))


def _is_judged(ballot: Ballot) -> bool:
    is_tie = ballot.verdict is VoteOutcome.TIE
    return len(ballot.answered) > 1 and (ballot.winner is not None or is_tie)


def _counted(key: str, ballots: Iterable[Ballot]) -> Standing:
    wins = ties = losses = none_good = 0
    for ballot in ballots:
        if key not in ballot.answered:
            continue
        wins += ballot.winner == key
        losses += ballot.winner not in {None, key}
        ties += ballot.verdict is VoteOutcome.TIE
        none_good += ballot.verdict is VoteOutcome.NONE_GOOD
    missing = max(0, FEWEST_VOTES - wins - ties - losses)
    interval = wilson_interval(wins, wins + losses)
    return Standing(key, wins, ties, losses, none_good, interval, missing)


def _largest_group(ballots: Iterable[Ballot], allowed: set[str]) -> list[str]:
    """Return the targets of the largest group that ballots link, in the order they were met."""
    group: dict[str, set[str]] = {}
    for ballot in ballots:
        linked = [key for key in ballot.answered if key in allowed]
        merged = set(linked).union(*(group.get(key, set()) for key in linked))
        group.update(dict.fromkeys(merged, merged))
    largest: set[str] = max(group.values(), key=len, default=set())
    return [key for key in group if key in largest]


Rated = tuple[float, tuple[float, float], int]


def _rated(ballots: Sequence[Ballot], targets: Sequence[str], seed: int) -> dict[str, Rated]:
    inside = [
        Ballot(kept, ballot.winner if ballot.winner in kept else None, ballot.verdict)
        for ballot in ballots
        if len(kept := tuple(key for key in ballot.answered if key in targets)) > 1
    ]
    judged = [ballot for ballot in inside if _is_judged(ballot)]
    best = strengths(targets, pairs_of(judged))
    drawn = resampled(judged, targets, seed, start=best)
    order = sorted(range(len(targets)), key=lambda n: -best[n])
    tiers: dict[int, int] = {}
    first, tier = order[0], 0
    for number in order:
        ahead = sorted(sample[first] - sample[number] for sample in drawn)
        if number != first and _quantile(ahead, 0.025) > 0:
            first, tier = number, tier + 1
        tiers[number] = tier
    return {
        target: (
            best[n],
            (
                _quantile(sorted(sample[n] for sample in drawn), 0.025),
                _quantile(sorted(sample[n] for sample in drawn), 0.975),
            ),
            tiers[n],
        )
        for n, target in enumerate(targets)
    }


def resampled(
    ballots: Sequence[Ballot],
    targets: Sequence[str],
    seed: int,
    number: int = RESAMPLES,
    start: Sequence[float] | None = None,
) -> list[list[float]]:
    """Return the strengths of `number` samples of as many ballots, drawn with replacement."""
    draw = random.Random(seed)  # noqa: S311 - the same votes shall give the same intervals
    # there are few kinds of ballots, however many votes there are
    kinds = list(dict.fromkeys(ballots))
    places = {kind: place for place, kind in enumerate(kinds)}
    cast = [places[ballot] for ballot in ballots]
    worth = [pairs_of([kind]) for kind in kinds]
    found = []
    for _ in range(number):
        pairs: Counter[tuple[str, str]] = Counter()
        for place, times in Counter(draw.choices(cast, k=len(cast))).items():
            for pair, count in worth[place].items():
                pairs[pair] += times * count  # type: ignore[assignment]  # halves
        found.append(strengths(targets, pairs, start=start))
    return found


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile as `numpy.quantile` works it out, by default."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
