"""What an evaluation's results say: counts of cases, groups, costs, and against an earlier run."""

from dataclasses import replace

import pytest

from playground.core.chat import SamplingParams
from playground.core.evaluations import (
    Evaluation,
    Unit,
    UnitResult,
    against_earlier,
    asks_the_same,
    block_size,
    count_loads,
    in_blocks,
    new_evaluation,
    pair_sentence,
    ranked,
    report,
)
from playground.core.expected import CUT_OFF, Outcome
from playground.core.prompt_sets import PromptSet, new_case, new_set
from playground.core.runs import Provenance
from playground.core.statistics import Verdict
from playground.core.targets import CloudTarget, Provider

PROVIDER = Provider("p", "P", "https://api.example.com/v1")
A, B = CloudTarget(PROVIDER, "a"), CloudTarget(PROVIDER, "b")
OUTCOMES = {"r": Outcome.RIGHT, "w": Outcome.WRONG, "-": Outcome.NOT_SCORED}


def made(count: int, repeats: int = 1, **changes: object) -> Evaluation:
    cases = tuple(replace(new_case(f"Question {n}"), id=f"c{n}") for n in range(count))
    prompt_set = replace(new_set("S", cases), **changes)  # type: ignore[arg-type]
    return new_evaluation(prompt_set, (A, B), repeats, SamplingParams(temperature=0.0))


def results(evaluation: Evaluation, **words: str) -> list[UnitResult]:
    """Return results by letters: r, w and - for each case in turn, repeat after repeat."""
    found = []
    for target in evaluation.targets:
        for place, letter in enumerate(words.get(target.model, "")):
            repeat, number = divmod(place, len(evaluation.prompt_set.cases))
            unit = Unit(f"c{number}", target.key, repeat)
            found.append(UnitResult(unit, "k", "r", OUTCOMES[letter]))
    return found


def order(count: int, *groups: str) -> tuple[str, int]:
    """Return the models in the order in which `count` cases are asked of them, and the loads."""
    units = [Unit(f"c{n}", target, 0) for n in range(count) for target in "ABC"]
    chosen = tuple(map(tuple, groups))
    ordered = in_blocks(units, chosen)
    assert sorted(ordered) == sorted(units)
    return "".join(unit.target for unit in ordered), count_loads(ordered, chosen)


def test_models_that_fit_side_by_side_alternate_within_each_question() -> None:
    assert order(5, "ABC") == ("ABC" * 5, 3)
    # a server on this computer is loaded by nobody here
    assert order(5, "AB") == ("ABC" * 5, 2)
    assert order(5) == ("ABC" * 5, 0)


def test_models_that_do_not_fit_take_turns_after_blocks_every_other_the_other_way_round() -> None:
    assert order(6, "A", "BC") == ("AAA" + "BC" * 3 + "BC" * 3 + "AAA", 4)
    assert order(6, "A", "B", "C") == ("AAABBBCCC" + "CCCBBBAAA", 5)
    # one load more is not worth it for three questions
    assert order(3, "AB", "C") == ("AB" * 3 + "CCC", 3)


@pytest.mark.parametrize(
    ("count", "size"), [(1, 1), (4, 2), (20, 10), (50, 25), (100, 25), (111, 28), (2500, 25)]
)
def test_blocks_are_of_about_25_questions_and_even_in_number(count: int, size: int) -> None:
    units = [Unit(f"c{n}", target, 0) for n in range(count) for target in "AB"]
    assert block_size(units, (("A",), ("B",))) == size
    assert block_size(units, (("A", "B"),)) == count


def test_a_case_counts_once_however_often_it_is_asked() -> None:
    evaluation = made(2, repeats=3)
    known = report(evaluation, results(evaluation, a="rwrwwr"))
    model = known.models[0]
    # the first was right twice of three times, the second once
    assert (model.right, model.scored, model.not_scored) == (1, 2, 0)
    assert model.interval == pytest.approx((0.0945, 0.9055), abs=1e-4)
    assert model.always_right == 0


def test_right_every_time_counts_only_what_was_right_at_each_repeat() -> None:
    evaluation = made(3, repeats=2)
    known = report(evaluation, results(evaluation, a="rrrrw-"))
    assert known.models[0].always_right == 1
    assert report(made(3), ()).models[0].always_right is None


def test_right_several_times_in_a_row_is_the_mean_over_the_cases_that_were_scored_each_time() -> (
    None
):
    # right at 3, 2 and 0 of 3; the fourth was not scored once
    evaluation = made(4, repeats=3)
    known = report(evaluation, results(evaluation, a="rrwrrrwrrww-"))
    model = known.models[0]
    assert model.pass_hat == pytest.approx((5 / 9, (1 + 1 / 3) / 3, 1 / 3))
    assert model.pass_hat[-1] == model.always_right / 3
    assert report(made(3), ()).models[0].pass_hat == ()


def test_what_was_not_scored_is_neither_right_nor_wrong() -> None:
    evaluation = made(22)
    known = report(evaluation, results(evaluation, a="r" * 18 + "ww--"))
    model = known.models[0]
    assert (model.right, model.scored, model.not_scored) == (18, 20, 2)
    assert model.share == pytest.approx(0.9)
    assert model.interval == pytest.approx((0.699, 0.972), abs=1e-3)


def test_weights_change_the_weighted_share_and_no_interval() -> None:
    evaluation = made(2)
    heavy = replace(evaluation.prompt_set.cases[0], weight=3.0)
    weighted = replace(
        evaluation,
        prompt_set=replace(evaluation.prompt_set, cases=(heavy, evaluation.prompt_set.cases[1])),
    )
    plain, other = (report(e, results(e, a="rw")).models[0] for e in (evaluation, weighted))
    assert (plain.weighted_share, other.weighted_share) == (0.5, 0.75)
    assert plain.interval == other.interval


def test_costs_add_up_only_where_each_is_known_and_the_least_certain_names_them() -> None:
    evaluation = made(2)
    one, two = results(evaluation, a="rr")
    reported = replace(one, usd=0.001, usd_provenance=Provenance.REPORTED)
    guessed = replace(two, usd=0.003, usd_provenance=Provenance.ESTIMATED)
    model = report(evaluation, [reported, guessed]).models[0]
    assert (model.usd, model.provenance) == (0.004, Provenance.ESTIMATED)
    assert model.usd_per_1000 == pytest.approx(2.0)
    assert report(evaluation, [reported, two]).models[0].usd is None


def test_who_has_nothing_scored_stands_last_and_in_no_group() -> None:
    evaluation = made(3)
    known = report(evaluation, results(evaluation, a="---", b="wwr"))
    first, last = ranked(known.models)
    assert (first.target, first.share) == (B.key, pytest.approx(1 / 3))
    assert (last.target, last.tier, last.interval) == (A.key, None, None)
    (pair,) = known.pairs
    assert (pair.verdict, pair.p_value) == (Verdict.UNKNOWN, None)


@pytest.mark.parametrize(
    ("a", "b", "sentence"),
    [
        ("rrrrrrrrw", "wwwwwwwwr", ("a is better than b: right where the other was wrong 8 times, "
         "the other way round once.")),
        ("w" * 6, "r" * 6, ("b is better than a: right where the other was wrong 6 times, "
         "the other way round never.")),
        ("rrrw", "wrww", ("a or b? Can't tell these apart yet. Of 4 questions the first alone "
         "was right on 2, the second alone on 0.")),
        ("rw", "rw", "a or b? They never disagreed on 2 questions."),
        ("--", "rw", "a or b? No question was scored for both."),
    ],
)  # fmt: skip
def test_a_pair_is_said_in_a_sentence(a: str, b: str, sentence: str) -> None:
    evaluation = made(len(a))
    (pair,) = report(evaluation, results(evaluation, a=a, b=b)).pairs
    if "better" in sentence and len(a) == 9:
        # 8 to 1 can be told apart at 5 %
        assert pair.p_value == pytest.approx(0.0390625)
    assert pair_sentence(pair, {A.key: "a", B.key: "b"}) == sentence


def test_groups_are_named_only_where_there_is_something_to_compare() -> None:
    evaluation = made(3)

    def groups(**words: str) -> list[int | None]:
        return [model.tier for model in report(evaluation, results(evaluation, **words)).models]

    assert groups(a="rrr", b="rwr") == [0, 0]
    # nobody else was scored, or nothing is right
    assert groups(a="rrr") == [None, None]
    assert groups(a="www", b="www") == [None, None]
    assert groups(a="rww", b="www") == [0, None]
    many = made(6)
    known = report(many, results(many, a="r" * 6, b="w" * 6))
    assert [model.tier for model in known.models] == [0, 1]


def test_what_was_cut_off_is_counted_among_what_was_not_scored() -> None:
    evaluation = made(3)
    found = results(evaluation, a="r--")
    found[1] = replace(found[1], reasons=(CUT_OFF,))
    model = report(evaluation, found).models[0]
    assert (model.right, model.scored, model.not_scored, model.cut_off) == (1, 1, 2, 1)


def test_against_an_earlier_run_only_the_same_questions_count() -> None:
    now, before = made(8), made(8)
    changed = replace(now.prompt_set.cases[7], prompt="Another question")
    now = replace(
        now, prompt_set=replace(now.prompt_set, cases=(*now.prompt_set.cases[:7], changed))
    )
    before = replace(before, targets=(A,))
    pairs = against_earlier(
        now, results(now, a="r" * 8, b="r" * 8), before, results(before, a="w" * 6 + "rw")
    )
    assert set(pairs) == {A.key}
    pair = pairs[A.key]
    assert (pair.both_scored, pair.only_a_right, pair.only_b_right) == (7, 6, 0)
    assert pair.verdict is Verdict.A_BETTER


def test_other_checks_names_and_tags_ask_the_same_and_other_words_do_not() -> None:
    one = made(2)
    case = one.prompt_set.cases[0]

    def with_case(changed: object) -> Evaluation:
        cases = (changed, one.prompt_set.cases[1])
        changed_set: PromptSet = replace(one.prompt_set, cases=cases)  # type: ignore[arg-type]
        return replace(one, prompt_set=changed_set)

    assert asks_the_same(one, with_case(replace(case, tags=("x",), weight=2.0)))
    assert asks_the_same(one, replace(one, prompt_set=replace(one.prompt_set, name="T")))
    assert not asks_the_same(one, with_case(replace(case, prompt="Other")))
    assert not asks_the_same(one, with_case(replace(case, system_prompt="Be brief.")))
    assert not asks_the_same(one, replace(one, repeats=2))
    assert not asks_the_same(one, replace(one, targets=(A,)))
