import random

import pytest
from scipy.stats import binomtest, quantile

from playground.core.statistics import (
    Pair,
    Verdict,
    case_is_right,
    compare_pair,
    fewest_disagreements,
    mcnemar_p,
    pass_hat,
    spread,
    tiers,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("right", "scored", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_agrees_with_newcombe(right, scored, low, high):
    found = wilson_interval(right, scored)
    assert [round(value, 4) for value in found] == [low, high]


@pytest.mark.parametrize("scored", [1, 2, 5, 10, 22, 50, 300])
def test_wilson_agrees_with_scipy(scored):
    for right in range(scored + 1):
        expected = binomtest(right, scored).proportion_ci(method="wilson")
        found = wilson_interval(right, scored)
        assert found == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_nothing_scored_has_no_interval():
    assert wilson_interval(0, 0) is None


@pytest.mark.parametrize(
    ("only_a", "only_b", "p_value"),
    [
        (5, 0, 0.0625),
        (6, 0, 0.03125),
        (6, 1, 0.125),
        (8, 2, 0.109375),
        (10, 3, 0.092285),
        (0, 0, 1.0),
    ],
)
def test_mcnemar_of_known_counts(only_a, only_b, p_value):
    assert mcnemar_p(only_a, only_b) == pytest.approx(p_value, abs=1e-6)
    assert mcnemar_p(only_b, only_a) == mcnemar_p(only_a, only_b)


def test_mcnemar_agrees_with_scipy():
    for only_a in range(30):
        for only_b in range(30):
            if only_a + only_b:
                expected = binomtest(only_a, only_a + only_b, 0.5).pvalue
                assert mcnemar_p(only_a, only_b) == pytest.approx(expected, abs=1e-6)


@pytest.mark.timeout(5)
def test_mcnemar_of_thousands_of_disagreements_is_there_at_once():
    for only_a, only_b in ((5_000, 5_000), (4_900, 5_100), (10_000, 0), (9_990, 10_010)):
        expected = binomtest(only_a, only_a + only_b, 0.5).pvalue
        assert mcnemar_p(only_a, only_b) == pytest.approx(expected, abs=1e-6)


def test_six_disagreements_are_the_fewest_that_can_tell():
    assert fewest_disagreements() == 6
    assert fewest_disagreements(0.01) == 8


def test_pass_hat_of_published_examples():
    # nine of ten right: 35 % for ten in a row only by the power, by counting one can't say for 10
    assert pass_hat(9, 10, 10) == 0.0
    assert pass_hat(4, 8, 1) == 0.5
    assert pass_hat(4, 8, 2) == pytest.approx(6 / 28)
    assert pass_hat(3, 3, 3) == 1.0
    assert pass_hat(3, 3, 4) is None
    assert pass_hat(0, 0, 1) is None


def test_pass_hat_is_the_share_of_draws_that_are_all_right():
    draws = random.Random(1)
    outcomes = [True] * 7 + [False] * 3
    found = sum(all(draws.sample(outcomes, 3)) for _ in range(20_000)) / 20_000
    assert pass_hat(7, 10, 3) == pytest.approx(found, abs=0.02)


@pytest.mark.parametrize(
    ("outcomes", "is_right"),
    [
        ([True], True),
        ([False], False),
        ([True, False], False),
        ([True, True, False], True),
        ([], None),
    ],
)
def test_a_case_is_right_when_more_than_half_of_its_repeats_are(outcomes, is_right):
    assert case_is_right(outcomes) is is_right


def test_quartiles_are_those_of_scipy():
    draws = random.Random(2)
    for count in (1, 2, 3, 7, 20, 101):
        values = [draws.random() for _ in range(count)]
        found = spread(values)
        for share, value in ((0.25, found.low), (0.5, found.median), (0.75, found.high)):
            assert value == pytest.approx(float(quantile(values, share)), abs=1e-9)
    assert spread([]) is None


def judged(word):
    return {str(n): {"r": True, "w": False, "-": None}[letter] for n, letter in enumerate(word)}


@pytest.mark.parametrize(
    ("a", "b", "verdict", "only_a", "only_b", "p_value"),
    [
        ("rrrrrr", "wwwwww", Verdict.A_BETTER, 6, 0, 0.03125),
        ("wwwwww", "rrrrrr", Verdict.B_BETTER, 0, 6, 0.03125),
        ("rrrrr", "wwwww", Verdict.UNDECIDED, 5, 0, 0.0625),
        ("rwr", "rwr", Verdict.SAME, 0, 0, 1.0),
        ("---", "rrr", Verdict.UNKNOWN, 0, 0, None),
        ("r-rr", "wr-w", Verdict.UNDECIDED, 2, 0, 0.5),
    ],
)
def test_a_pair_is_judged_on_what_both_were_scored_on(a, b, verdict, only_a, only_b, p_value):
    pair = compare_pair("a", "b", judged(a), judged(b))
    assert (pair.verdict, pair.only_a_right, pair.only_b_right) == (verdict, only_a, only_b)
    assert pair.p_value == (None if p_value is None else pytest.approx(p_value))


def pair(a, b, only_a, only_b):
    p_value = mcnemar_p(only_a, only_b)
    return Pair(a, b, 20, only_a, only_b, p_value, Verdict.UNDECIDED)


def test_models_that_cannot_be_told_apart_share_a_tier():
    pairs = [pair("a", "b", 2, 1), pair("a", "c", 10, 0), pair("b", "c", 9, 0)]
    assert tiers(["a", "b", "c"], pairs, {"a": 0.9, "b": 0.8, "c": 0.4}) == [0, 0, 1]
    assert tiers(["c", "a"], [pair("a", "c", 0, 0)], {"a": 0.9, "c": 0.9}) == [0, 0]


def test_one_difference_among_many_pairs_is_not_believed_as_one_alone_is():
    names = [f"m{n}" for n in range(6)]
    alone = pair("m0", "m5", 6, 0)
    others = [pair(a, b, 1, 1) for n, a in enumerate(names) for b in names[n + 1 :]]
    shares = {name: 0.5 - n / 100 for n, name in enumerate(names)}
    assert tiers(["m0", "m5"], [alone], shares) == [0, 1]
    many = [p for p in others if (p.a, p.b) != ("m0", "m5")]
    assert set(tiers(names, [alone, *many], shares)) == {0}


def test_a_model_without_a_scored_case_is_in_no_tier_of_its_own_making():
    pairs = [Pair("a", "b", 0, 0, 0, None, Verdict.UNKNOWN)]
    assert tiers(["a", "b"], pairs, {"a": 0.5}) == [0, 0]
