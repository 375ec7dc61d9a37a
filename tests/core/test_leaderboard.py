"""Votes into strengths: published figures, `choix`, and what a count says and does not say."""

import random
from collections.abc import Sequence

import choix
import pytest

from playground.core.leaderboard import (
    Ballot,
    pairs_of,
    resampled,
    standings,
    strengths,
)
from playground.core.runs import VoteOutcome

TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
WON = (
    (0, 7, 9, 7, 7, 9, 11),
    (6, 0, 7, 5, 11, 9, 9),
    (4, 6, 0, 7, 7, 8, 12),
    (6, 8, 6, 0, 6, 7, 10),
    (6, 2, 6, 7, 0, 7, 12),
    (4, 4, 5, 6, 6, 0, 6),
    (2, 4, 1, 3, 1, 7, 0),
)
"""Games of the American League East of 1987, row against column (Agresti, Categorical Data
Analysis, 2nd edition, table 10.10)."""
PUBLISHED = (1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0.0)
"""The strengths printed there, Baltimore's taken as 0."""


def chosen(winner: str, *others: str) -> Ballot:
    return Ballot((winner, *others), winner)


def tie(*answered: str) -> Ballot:
    return Ballot(answered, verdict=VoteOutcome.TIE)


def games() -> dict[tuple[str, str], float]:
    return {
        (TEAMS[a], TEAMS[b]): float(count)
        for a, row in enumerate(WON)
        for b, count in enumerate(row)
        if count
    }


def by_choix(
    targets: Sequence[str], pairs: dict[tuple[str, str], float], prior: float
) -> list[float]:
    """Return the strengths of an independent program; halves are counted as two of twice."""
    data = [
        (targets.index(a), targets.index(b))
        for (a, b), count in pairs.items()
        for _ in range(round(2 * count))
    ]
    found = choix.opt_pairwise(len(targets), data, alpha=2 * prior, tol=1e-10)
    return [float(each) for each in found - found.mean()]


def test_published_strengths_come_out() -> None:
    found = strengths(TEAMS, games(), prior=1e-7)
    assert [each - found[-1] for each in found] == pytest.approx(PUBLISHED, abs=0.006)


@pytest.mark.parametrize("prior", [1e-4, 0.05, 1.0])
def test_strengths_agree_with_choix(prior: float) -> None:
    assert strengths(TEAMS, games(), prior) == pytest.approx(
        by_choix(TEAMS, games(), prior), abs=1e-4
    )


@pytest.mark.parametrize("seed", range(5))
def test_ties_and_votes_on_several_agree_with_choix(seed: int) -> None:
    draw = random.Random(seed)
    names = ("a", "b", "c", "d", "e")
    ballots = []
    for _ in range(60):
        answered = tuple(draw.sample(names, draw.choice((2, 3, 4))))
        won = chosen(answered[0], *answered[1:])
        ballots.append(draw.choice((won, won, tie(*answered))))
    pairs = pairs_of(ballots)
    assert strengths(names, pairs) == pytest.approx(by_choix(names, pairs, 0.05), abs=1e-4)


def test_the_bootstrap_agrees_with_choix() -> None:
    ballots = [chosen("a", "b")] * 9 + [chosen("b", "a")] * 4 + [chosen("b", "c")] * 8
    ballots += [chosen("c", "b")] * 5 + [tie("a", "c")] * 3
    names = ["a", "b", "c"]
    ours = resampled(ballots, names, seed=7, number=40)
    draw = random.Random(7)
    for found in ours:
        sample = draw.choices(ballots, k=len(ballots))
        assert found == pytest.approx(by_choix(names, pairs_of(sample), 0.05), abs=1e-4)


def test_one_that_never_lost_has_a_finite_strength() -> None:
    found = strengths(["a", "b"], {("a", "b"): 50})
    assert 2 < found[0] < 10


def test_nobody_good_says_nothing_of_who_is_better() -> None:
    ballots = [chosen("a", "b")] * 12 + [chosen("b", "a")] * 8
    bad = Ballot(("a", "b"), verdict=VoteOutcome.NONE_GOOD)
    with_bad = standings([*ballots, *[bad] * 30])
    without = standings(ballots)
    assert [s.strength for s in with_bad] == [s.strength for s in without]
    assert [s.none_good for s in with_bad] == [30, 30]
    assert [s.votes for s in with_bad] == [20, 20]


def test_below_ten_votes_it_says_how_many_are_missing() -> None:
    found = standings([chosen("a", "b")] * 5)
    assert {s.target: s.missing_votes for s in found} == {"a": 5, "b": 5}
    assert all(s.strength is None and s.tier is None for s in found)
    assert found[0].target == "a"
    low, high = found[0].interval or (0.0, 0.0)
    assert (round(low, 2), round(high, 2)) == (0.57, 1.0)


def test_those_never_compared_with_the_others_are_not_put_in_their_order() -> None:
    ballots = [chosen("a", "b"), chosen("b", "a")] * 8 + [chosen("b", "c"), chosen("c", "b")] * 8
    ballots += [chosen("x", "y")] * 12
    found = {s.target: s for s in standings(ballots)}
    assert all(found[key].strength is not None for key in "abc")
    assert all(found[key].strength is None for key in "xy")
    assert found["x"].missing_votes == 0


def test_tiers_hold_those_that_cannot_be_told_apart() -> None:
    ballots = [chosen("a", "b")] * 11 + [chosen("b", "a")] * 9
    ballots += [chosen("a", "c")] * 18 + [chosen("c", "a")] * 2 + [chosen("b", "c")] * 18
    found = {s.target: s for s in standings(ballots)}
    assert [found[key].tier for key in "abc"] == [0, 0, 1]
    low, high = found["a"].strength_interval or (0.0, 0.0)
    assert low < (found["a"].strength or 0.0) < high


def test_the_same_votes_give_the_same_figures() -> None:
    ballots = [chosen("a", "b")] * 8 + [chosen("b", "a")] * 7
    assert standings(ballots) == standings(ballots)


def test_one_that_answered_alone_is_compared_with_nobody() -> None:
    [alone] = standings([Ballot(("a",), "a")] * 20)
    assert alone.strength is None
