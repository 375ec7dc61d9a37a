"""Local or cloud: thirty situations, what each answer rests on, and what would change it."""

import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from playground.core.advice.needs import Connection, Leave, Need, Situation, Soon
from playground.core.advice.situation import (
    AdviceRules,
    Answer,
    Costs,
    Criterion,
    Evidence,
    Link,
    Option,
    Step,
    TagEvidence,
)
from playground.core.advice.words import advise, months
from playground.core.metrics import Figure
from playground.core.runs import Provenance
from playground.core.share.comparison import About
from playground.core.share.decision import DecisionAsked, decision_document
from playground.core.share.document import EVERYTHING
from playground.core.share.page import page
from playground.core.share.scrubbing import Scrubber
from playground.core.share.text import comma_separated, data, markdown
from playground.core.statistics import Pair, Verdict, mcnemar_p
from playground.resources import resource

HERE, CLOUD, BOTH, EITHER, MEASURE = (
    Answer.HERE,
    Answer.CLOUD,
    Answer.BOTH,
    Answer.EITHER,
    Answer.MEASURE,
)


NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def rules() -> AdviceRules:
    with resource("advice.toml").open("rb") as file:
        return AdviceRules(tomllib.load(file))


def figure(value: float | None, provenance: Provenance = Provenance.MEASURED) -> Figure | None:
    return None if value is None else Figure(value, provenance)


def pair(only_here: int, only_cloud: int, scored: int = 20) -> Pair:
    p_value = mcnemar_p(only_here, only_cloud)
    better = Verdict.A_BETTER if only_here > only_cloud else Verdict.B_BETTER
    verdict = Verdict.UNDECIDED if p_value >= 0.05 else better
    if only_here == only_cloud == 0:
        verdict = Verdict.SAME
    return Pair("here", "there", scored, only_here, only_cloud, p_value, verdict)


def evidence(
    right: tuple[int, int] | None = (18, 19),
    apart: tuple[int, int] = (1, 2),
    scored: int = 20,
    first_s: tuple[float | None, float | None] = (1.2, 0.5),
    usd: tuple[float | None, float | None] = (2e-5, 3.1e-4),
    fits: bool | None = True,
    tags: tuple[TagEvidence, ...] = (),
) -> Evidence:
    """Return what a person could have: a model here, one in the cloud, a test of both."""
    here, there = right or (0, 0)
    scored = scored if right else 0
    options = (
        Option(
            "here",
            "Qwen3 4B",
            "Qwen3 4B on this computer",
            "here",
            fits=fits,
            first_s=figure(first_s[0]),
            usd=figure(usd[0], Provenance.ESTIMATED),
            right=here,
            scored=scored,
            comparison="c1",
        ),
        Option(
            "there",
            "large-1",
            "large-1 at Far",
            "cloud",
            host="api.example.com",
            first_s=figure(first_s[1]),
            usd=figure(usd[1], Provenance.REPORTED),
            right=there,
            scored=scored,
            comparison="c1",
        ),
    )
    pairs = (pair(*apart, scored),) if right else ()
    return Evidence(options, pairs, tags, "e1" if right else "")


TRICKY = TagEvidence("tricky", 0.3, pair(0, 8, 12), pair(1, 1, 28))
WORSE = {"right": (8, 19), "apart": (0, 11)}
FAIR = {"right": (13, 19), "apart": (0, 6)}
UNTESTED: dict[str, Any] = {"right": None}
NOTHING: dict[str, Any] = {"right": None, "first_s": (None, None), "usd": (None, None)}
SMALL = {"right": (5, 8), "apart": (0, 3), "scored": 10}
TAGGED = {"right": (31, 38), "apart": (1, 9), "scored": 40, "tags": (TRICKY,)}


@pytest.mark.parametrize(
    ("situation", "known", "wanted"),
    [
        # private means local, whatever was measured
        ({"leave": Leave.NEVER}, {}, HERE),
        ({"leave": Leave.NEVER}, NOTHING, HERE),
        ({"leave": Leave.NEVER}, WORSE, HERE),
        ({"leave": Leave.NEVER, "soon": Soon.AT_ONCE}, {"first_s": (9.0, 0.3)}, HERE),
        ({"leave": Leave.NEVER, "need": Need.ANYTHING}, WORSE, HERE),
        ({"leave": Leave.NEVER}, {**UNTESTED, "fits": False}, MEASURE),
        # what does not fit means cloud
        ({}, {**UNTESTED, "fits": False}, CLOUD),
        ({"leave": Leave.YES}, {**NOTHING, "fits": False}, CLOUD),
        # no connection means local
        ({"connection": Connection.NOT_ALWAYS}, {}, HERE),
        ({"connection": Connection.NOT_ALWAYS}, WORSE, HERE),
        ({"connection": Connection.NOT_ALWAYS, "leave": Leave.YES}, NOTHING, HERE),
        ({"connection": Connection.NOT_ALWAYS}, {**UNTESTED, "fits": False}, MEASURE),
        # without evidence: measure first
        ({}, NOTHING, MEASURE),
        ({"leave": Leave.YES}, NOTHING, MEASURE),
        ({}, UNTESTED, MEASURE),
        ({"leave": Leave.YES, "soon": Soon.AT_ONCE}, UNTESTED, MEASURE),
        ({}, {"first_s": (None, None), "usd": (None, None), "right": (10, 16)}, MEASURE),
        # ten cases that cannot tell them apart, and are not alike either
        ({}, SMALL, MEASURE),
        ({"leave": Leave.YES}, SMALL, MEASURE),
        # small is enough
        ({}, {}, HERE),
        ({"leave": Leave.YES}, {}, HERE),
        ({"leave": Leave.YES, "soon": Soon.LATER}, {"first_s": (30.0, 0.5)}, HERE),
        ({"per_day": 5000, "leave": Leave.YES}, {}, HERE),
        ({"need": Need.ANYTHING}, {}, BOTH),
        # too often wrong, or less often right where that is more than luck
        ({}, {"right": (5, 19), "apart": (0, 14)}, CLOUD),
        ({"leave": Leave.YES}, FAIR, CLOUD),
        # soon enough only there
        ({"leave": Leave.YES, "soon": Soon.AT_ONCE}, {"first_s": (4.0, 0.4)}, CLOUD),
        # everything the cloud is better at has one tag
        ({}, TAGGED, BOTH),
        ({"leave": Leave.YES}, TAGGED, CLOUD),
        # alike in everything and neither good: a tie stays a tie
        (
            {"leave": Leave.YES},
            {"right": (11, 11), "apart": (2, 2), "usd": (1e-5, 1e-5), "first_s": (0.5, 0.5)},
            EITHER,
        ),
    ],
)
def test_where_the_questions_should_go(
    rules: AdviceRules, situation: dict[str, Any], known: dict[str, Any], wanted: Answer
) -> None:
    advice = advise(Situation(**situation), evidence(**known), rules)
    assert advice.answer is wanted
    assert advice.title
    assert len(advice.reasons) == 3 or wanted is MEASURE
    assert all(each.title and each.text and "{" not in each.text for each in advice.reasons)
    assert "{" not in advice.subtitle + advice.runner_up
    assert all(change.answer is not wanted for change in advice.changes)
    assert bool(advice.steps) is (wanted is MEASURE)


def test_with_nothing_at_all_two_things_are_offered(rules: AdviceRules) -> None:
    advice = advise(Situation(), Evidence(), rules)
    assert advice.answer is MEASURE
    assert [step for step, *_words in advice.steps] == [Step.COMPARE, Step.TEST]
    assert advice.months.pays_from is None


def test_one_place_alone_is_no_evidence_for_it(rules: AdviceRules) -> None:
    known = evidence()
    for option in known.options:
        alone = replace(known, options=(option,))
        assert advise(Situation(), alone, rules).answer is MEASURE


def test_what_does_not_fit_and_may_not_leave_goes_nowhere(rules: AdviceRules) -> None:
    advice = advise(Situation(leave=Leave.NEVER), evidence(right=None, fits=False), rules)
    assert advice.title == "Not here yet"
    assert [step for step, *_words in advice.steps] == [Step.GET]


def test_the_practice_cloud_stands_for_no_real_one(rules: AdviceRules) -> None:
    known = evidence()
    here, there = known.options
    practice = replace(there, place="practice")
    for situation in (
        Situation(),
        Situation(leave=Leave.YES, need=Need.ANYTHING, per_day=5000),
        Situation(leave=Leave.YES, soon=Soon.AT_ONCE),
    ):
        advice = advise(situation, replace(known, options=(here, practice)), rules)
        assert advice.answer is MEASURE
        [(step, _title, text)] = advice.steps
        assert step is Step.PROVIDER
        assert "stand-in on this computer" in text
        assert "stand-in on this computer" in advice.subtitle
        assert (advice.cloud, advice.months.cloud_usd) == (None, None)
        assert CLOUD not in {change.answer for change in advice.changes}
        assert "in the cloud" not in " ".join(reason.text for reason in advice.reasons)
    bad = replace(here, right=2)
    wrong = advise(Situation(), replace(known, options=(bad, practice)), rules)
    assert wrong.answer is MEASURE
    alone = advise(Situation(), replace(known, options=(practice,)), rules)
    assert [step for step, *_words in alone.steps] == [Step.PROVIDER]


@pytest.mark.parametrize(
    "situation",
    [Situation(leave=Leave.NEVER), Situation(connection=Connection.NOT_ALWAYS)],
    ids=["private", "offline"],
)
def test_what_a_rule_rules_out_is_no_second_best(rules: AdviceRules, situation: Situation) -> None:
    known = evidence()
    here, there = known.options
    for options in ((here, there), (here, replace(there, place="practice")), (here,)):
        advice = advise(situation, replace(known, options=options), rules)
        assert advice.answer is HERE
        assert advice.runner_up == ""
        assert not advice.steps


def test_a_model_of_one_name_in_two_places_is_told_with_its_place(rules: AdviceRules) -> None:
    known = evidence()
    here, there = known.options
    names = ("Qwen3 4B on this computer", "Qwen3 4B at Far")
    same = replace(known, options=(here, replace(there, label="Qwen3 4B", name=names[1])))
    both = advise(Situation(need=Need.ANYTHING), same, rules)
    assert both.answer is BOTH
    assert both.subtitle == f"{names[0]} for what you tested, {names[1]} for anything else"
    few = evidence(**SMALL)
    few = replace(few, options=(few.options[0], replace(few.options[1], name=names[1])))
    said = [change.said for change in advise(Situation(leave=Leave.YES), few, rules).changes]
    tests = [each for each in said if each.startswith("A longer test")]
    assert tests == [f"A longer test that {name} wins by 6 or more" for name in names[::-1]]


def test_reasons_link_to_what_stands_behind_them(rules: AdviceRules) -> None:
    reasons = advise(Situation(), evidence(), rules).reasons
    assert [reason.link for reason in reasons] == [
        Link("evaluation", "e1"),
        Link("sent", "c1"),
        Link("comparison", "c1"),
    ]
    assert reasons[0].text == (
        "18 of 20 right here, 19 of 20 right in the cloud. Your test can't tell these apart yet."
    )
    assert reasons[2].text == "≈ $0.12 a month in electricity, against $1.86 in the cloud."


def test_a_rule_links_to_what_it_goes_by(rules: AdviceRules) -> None:
    known = evidence()
    never, alone = Situation(leave=Leave.NEVER), replace(known, options=known.options[:1])
    assert advise(never, alone, rules).reasons[0].link == Link("sent", "c1")
    unseen = replace(alone, options=(replace(alone.options[0], comparison=""),))
    assert advise(never, unseen, rules).reasons[0].link is None
    wrong = advise(Situation(), evidence(right=(5, 19), apart=(0, 14)), rules)
    assert wrong.reasons[0].id == "too_often_wrong"
    assert wrong.reasons[0].link == Link("evaluation", "e1")


def test_a_test_of_ten_says_so(rules: AdviceRules) -> None:
    advice = advise(Situation(), evidence(right=(9, 9), apart=(1, 1), scored=10), rules)
    assert "10 questions are few" in advice.reasons[0].text
    assert "6 or more" in advice.reasons[0].text


def test_two_of_two_show_nothing(rules: AdviceRules) -> None:
    few = evidence(right=(2, 2), apart=(0, 0), scored=2)
    assert advise(Situation(leave=Leave.YES), few, rules).answer is MEASURE
    advice = advise(Situation(), few, rules)
    assert "small is enough" not in advice.subtitle


def test_weights_move_the_answer(rules: AdviceRules) -> None:
    situation = Situation(soon=Soon.AT_ONCE)
    known = evidence(first_s=(3.0, 0.4))
    assert advise(situation, known, rules, {Criterion.SPEED: 0.0}).answer is HERE
    moved = {Criterion.SPEED: 1.0, Criterion.PRIVACY: 0.1}
    assert advise(situation, known, rules, moved).answer is CLOUD


def test_what_does_not_count_need_not_be_known(rules: AdviceRules) -> None:
    weights = {Criterion.RIGHT: 0.0}
    assert advise(Situation(), evidence(right=None), rules, weights).answer is HERE


def test_each_change_is_one_that_was_tried(rules: AdviceRules) -> None:
    advice = advise(Situation(leave=Leave.YES, soon=Soon.AT_ONCE), evidence(), rules)
    assert advice.answer is CLOUD
    told = {change.said: change.answer for change in advice.changes}
    assert told["Answers within seconds"] is HERE
    again = advise(Situation(leave=Leave.YES, soon=Soon.SECONDS), evidence(), rules)
    assert again.answer is HERE


def test_a_chart_reaches_all_that_is_told(rules: AdviceRules) -> None:
    dear = evidence(usd=(4e-6, 1e-6))
    advice = advise(Situation(per_day=5000, leave=Leave.YES), dear, rules)
    [change] = [change for change in advice.changes if change.per_day is not None]
    assert change.said == "50,000 questions a day"
    assert advice.most_per_day >= 50_000
    asked = advise(Situation(), evidence(), rules)
    assert asked.months.pays_from is not None
    assert asked.months.pays_from < asked.most_per_day < 2 * asked.months.pays_from
    # a crossing that nobody could find is not drawn
    far = advise(Situation(), evidence(usd=(2e-5, 2e-5 + 1e-12)), rules)
    assert far.most_per_day == 1000
    most = int(rules.costs["most_per_day"])
    for count in (most, most // 10):
        changes = advise(Situation(per_day=count), evidence(), rules).changes
        assert all((change.per_day or 0) <= most for change in changes)


def test_from_how_many_a_day_a_bigger_computer_pays(rules: AdviceRules) -> None:
    costs = Costs(price_usd=900, years=3, hours_a_day=8, idle_watts=10, usd_per_kwh=0.30)
    here, cloud = evidence().options
    found = months(rules, (here, cloud), costs)
    # 25 dollars a month and 2.43 kWh at 30 cents, over 30 days at 29 thousandths of a cent saved
    assert found.fixed_usd == pytest.approx(25 + 0.73)
    assert found.pays_from == 2958
    bigger, cloud_usd = found.bigger(found.pays_from), found.cloud(found.pays_from)
    assert bigger is not None
    assert cloud_usd is not None
    assert bigger <= cloud_usd
    dear = replace(here, usd=figure(1.0))
    assert months(rules, (dear, cloud), costs).pays_from is None
    assert months(rules, (replace(here, usd=None), cloud), costs).here(10) is None


@pytest.mark.parametrize("per_day", [0, 1, 10**9])
@pytest.mark.parametrize("usd", [(0.0, 0.0), (1e-9, 1e4), (None, 3e-4), (None, None)])
def test_no_number_of_questions_is_too_many_to_answer(
    rules: AdviceRules, per_day: int, usd: tuple[float | None, float | None]
) -> None:
    costs = replace(rules.bigger_computer(), price_usd=1e9)
    asked = DecisionAsked(Situation(per_day=per_day), evidence(usd=usd), costs, NOON)
    document = decision_document(asked, rules, "", About(EVERYTHING, Scrubber()))
    for write in (page, markdown, comma_separated, data):
        assert not re.search(r"\b(nan|inf)\b", write(document))
