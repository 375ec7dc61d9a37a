"""Local or cloud: the answer in words, with its reasons and what would change it.

Rules, scales and sentences are data (`resources/advice.toml`).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from playground.core.advice.decision import Decision, Desk
from playground.core.advice.needs import Connection, Leave, Need, Situation, Soon
from playground.core.advice.situation import (
    Advice,
    AdviceRules,
    Answer,
    Change,
    Costs,
    Criterion,
    Evidence,
    Link,
    Months,
    Option,
    Reason,
    Step,
)
from playground.core.metrics import Figure
from playground.core.runs import Provenance
from playground.core.statistics import Pair, Verdict, fewest_disagreements

_AROUND, _BEYOND = 5, 1.3
"""A chart goes so many times beyond the questions a day, and beyond where buying pays."""


def advise(
    situation: Situation,
    evidence: Evidence,
    rules: AdviceRules,
    weights: Mapping[str, float] | None = None,
    costs: Costs | None = None,
) -> Advice:
    """Return where the questions should go, as far as the evidence tells.

    `weights` are the sliders, 0 … 1 by `Criterion`; those that are not given stand as usual.
    """
    desk = Desk(situation, evidence, rules, {**rules.weights, **(weights or {})})
    found = desk.decide()
    return _Writer(desk, found).advice(costs or rules.bigger_computer())


class _Writer:
    """Puts a decision into words."""

    def __init__(self, desk: Desk, found: Decision) -> None:
        self._desk, self._found = desk, found
        self._rules = desk.rules
        self._words = desk.rules.sentences
        self._here, self._cloud = found.pair

    def advice(self, costs: Costs) -> Advice:
        found = self._found
        reasons, changes = self._reasons(), tuple(self._changes())
        found_months = months(self._rules, found.pair, costs)
        return Advice(
            answer=found.answer,
            title=self._words["answers"]["nothing" if Step.GET in found.steps else found.answer],
            subtitle=self._subtitle(),
            here=self._here,
            cloud=self._cloud,
            reasons=tuple(reasons[:3]),
            runner_up=self._runner_up(),
            changes=changes,
            steps=tuple((step, *self._words["steps"][step]) for step in found.steps),
            months=found_months,
            most_per_day=self._most_per_day(found_months, changes),
        )

    def _most_per_day(self, found: Months, changes: Iterable[Change]) -> int:
        told = [_AROUND * self._desk.situation.per_day]
        told += [change.per_day for change in changes if change.per_day is not None]
        if found.pays_from is not None and found.pays_from <= self._rules.costs["most_shown"]:
            told.append(math.ceil(_BEYOND * found.pays_from))
        return max(told)

    def _names(self) -> dict[str, str]:
        return {
            "here": self._here.label if self._here else "",
            "cloud": self._cloud.label if self._cloud else "",
            "one_here": self._here.name if self._here else "",
            "one_in_cloud": self._cloud.name if self._cloud else "",
        }

    def _subtitle(self) -> str:
        found, words = self._found, self._words["subtitles"]
        name = str(found.answer)
        if found.answer is Answer.MEASURE:
            if self._here is None and self._desk.hits:
                name = "no_model"
            elif Step.PROVIDER in found.steps:
                name = "stand_in"
            elif self._found.ranked and not self._is_unmeasured():
                name = "measure_more"
        elif found.answer is Answer.BOTH:
            split = next((each for each in found.ranked if each.tag), None)
            name = "both_rest" if split is None else "both_tag"
            return str(words[name]).format(**self._names(), tag=split.tag if split else "")
        elif found.answer is Answer.EITHER and self._pulls_apart():
            name = "either_weighed"
        elif found.answer is Answer.HERE and found.is_small_enough:
            name = "here_small"
        elif found.answer is Answer.HERE and found.by_rule:
            name = "here_rule"
        return str(words[name]).format(**self._names())

    def _pulls_apart(self) -> bool:
        """Return whether two places are level only because what counts speaks for each."""
        one, other = self._found.ranked[:2]
        return any(
            abs(one.scores[each][0] - other.scores[each][0]) * self._desk.weight(each)
            > 3 * self._rules.scales["tie"]
            for each in Criterion
        )

    def _is_unmeasured(self) -> bool:
        here, cloud = self._here, self._cloud
        seen = [o for o in (here, cloud) if o is not None and (o.first_s or o.scored)]
        return not seen

    def _reasons(self) -> list[Reason]:
        """Return why, what speaks most first: rules, then what was weighed by its share."""
        rules = [self._rule(*hit) for hit in self._desk.hits]
        if self._here is None or self._cloud is None:
            others = [self._reason(each) for each in (Criterion.RIGHT, Criterion.SPEED)]
            return rules + [reason for reason in others if self._here or self._cloud]
        scores = self._desk.scores(self._here, self._cloud)
        sign = -1 if self._found.answer is Answer.CLOUD else 1

        def speaks(criterion: Criterion) -> float:
            mine, theirs = (sum(each[criterion]) / 2 for each in scores)
            return self._desk.weight(criterion) * sign * (mine - theirs)

        named = {hit[0]["id"] for hit in self._desk.hits}
        left = [c for c in Criterion if not (c is Criterion.PRIVACY and "private" in named)]
        left.sort(key=lambda c: (c is not Criterion.RIGHT, -speaks(c)))
        return rules + [self._reason(each) for each in left]

    def _rule(self, rule: Mapping[str, Any], dropped: Sequence[Option]) -> Reason:
        names = ", ".join(option.name for option in dropped)
        seen = [o.comparison for o in (*dropped, self._here) if o is not None and o.comparison]
        shown = (
            self._desk.evidence.evaluation if rule["link"] == "evaluation" else "".join(seen[:1])
        )
        link = Link(rule["link"], shown) if shown or rule["link"] == "models" else None
        return Reason(rule["id"], rule["title"], rule["text"].format(dropped=names), link)

    def _reason(self, criterion: Criterion) -> Reason:
        kind, values = {
            Criterion.RIGHT: self._right,
            Criterion.PRIVACY: self._privacy,
            Criterion.SPEED: self._speed,
            Criterion.PRICE: self._price,
        }[criterion]()
        title, text = self._words[criterion][kind]
        return Reason(
            f"{criterion}.{kind}", title, str(text).format(**values).strip(), self._link(criterion)
        )

    def _link(self, criterion: Criterion) -> Link | None:
        if criterion is Criterion.RIGHT:
            evaluation = self._desk.evidence.evaluation
            return Link("evaluation", evaluation) if evaluation else None
        shown = (self._here and self._here.comparison) or (self._cloud and self._cloud.comparison)
        if criterion is Criterion.PRIVACY:
            return Link("sent", shown or "")
        return Link("comparison", shown) if shown else None

    def _right(self) -> tuple[str, dict[str, str]]:
        here, cloud = self._here, self._cloud
        scored = [o for o in (here, cloud) if o is not None and o.scored]
        if not scored:
            return "unknown", {}
        if len(scored) == 1:
            return "one", {"a": _count(scored[0]), "where": self._where(scored[0])}
        here, cloud = scored
        pair = self._desk.pair(here, cloud)
        verdict = pair.verdict if pair else Verdict.UNKNOWN
        kind = {Verdict.A_BETTER: "better", Verdict.B_BETTER: "worse"}.get(verdict, "same")
        low, high = self._desk.right(here, cloud)[0]
        if kind == "same" and low != high:
            kind = "open"
        return kind, {
            "a": _count(here),
            "b": _count(cloud),
            "verdict": self._verdict(pair),
        }

    def _verdict(self, pair: Pair | None) -> str:
        words = self._words["verdicts"]
        if pair is None or pair.verdict is Verdict.UNKNOWN:
            return str(words["none"])
        said = [words[pair.verdict]] if pair.verdict in words else []
        if pair.verdict in {Verdict.SAME, Verdict.UNDECIDED} and (
            pair.both_scored < self._rules.scales["few_cases"]
        ):
            needed = fewest_disagreements()
            said.append(words["few"].format(count=pair.both_scored, needed=needed))
        return " ".join(said)

    def _privacy(self) -> tuple[str, dict[str, str]]:
        if self._found.answer is Answer.CLOUD or self._here is None:
            kind = "cloud" if self._desk.situation.leave is Leave.YES else "cloud_rather_not"
            return kind, {"host": (self._cloud.host if self._cloud else "") or "the provider"}
        return "here", {}

    def _speed(self) -> tuple[str, dict[str, str]]:
        limit = self._rules.limits_s[self._desk.situation.soon]
        return self._beside(
            lambda option: option.first_s,
            seconds_text,
            lambda a, b: (
                "both"
                if max(a, b) <= limit
                else "neither"
                if min(a, b) > limit
                else "here"
                if a < b
                else "cloud"
            ),
        )

    def _price(self) -> tuple[str, dict[str, str]]:
        monthly = self._desk.situation.per_day * self._rules.scales["days_a_month"]
        return self._beside(
            lambda option: (
                None
                if option.usd is None
                else replace(option.usd, value=option.usd.value * monthly)
            ),
            dollars_text,
            lambda a, b: "little" if a < 1 and a < b else "here" if a <= b else "cloud",
        )

    def _beside(
        self,
        figure: Callable[[Option], Figure | None],
        words: Callable[[Figure], str],
        kind: Callable[[float, float], str],
    ) -> tuple[str, dict[str, str]]:
        here = figure(self._here) if self._here else None
        cloud = figure(self._cloud) if self._cloud else None
        if here is not None and cloud is not None:
            return kind(here.value, cloud.value), {"a": words(here), "b": words(cloud)}
        for option, one in ((self._here, here), (self._cloud, cloud)):
            if option is not None and one is not None:
                return "one", {"a": words(one), "where": self._where(option)}
        return "unknown", {}

    def _where(self, option: Option) -> str:
        return str(self._rules.places[option.place]["name"]).lower()

    def _runner_up(self) -> str:
        """Return the second best, with what it would be; empty where there is none."""
        found, words = self._found, self._words
        rest = [each for each in found.ranked if each.answer is not found.answer]
        if not rest or found.answer in {Answer.MEASURE, Answer.EITHER}:
            # what a rule rules out is no second best either
            return ""
        best = max(rest, key=lambda each: each.middle)
        name = "both_tag" if best.tag else str(best.answer)
        said = words["subtitles"][name].format(**self._names(), tag=best.tag)
        return f"{words['answers'][best.answer]}: {said}."

    def _changes(self) -> Iterable[Change]:
        """Yield what would change the answer: each is tried, and told where it does."""
        desk, words = self._desk, self._words["changes"]
        now, situation = self._found.answer, desk.situation
        others = [
            *((f"leave_{each}", replace(situation, leave=each)) for each in Leave),
            *((f"soon_{each}", replace(situation, soon=each)) for each in Soon),
            *((f"need_{each}", replace(situation, need=each)) for each in Need),
            *((f"connection_{each}", replace(situation, connection=each)) for each in Connection),
            *(
                ("per_day", replace(situation, per_day=situation.per_day * times))
                for times in (10, 100)
            ),
        ]
        seen: set[str] = set()
        for name, other in others:
            if other.per_day > desk.rules.costs["most_per_day"]:
                continue
            answer = Desk(other, desk.evidence, desk.rules, desk.weights).decide().answer
            if answer not in {now, Answer.MEASURE} and name not in seen:
                seen.add(name)
                said = words[name].format(count=f"{other.per_day:,}")
                per_day = other.per_day if name == "per_day" else None
                yield replace(self._change(said, answer), per_day=per_day)
        if self._here is None or self._cloud is None or self._found.by_rule:
            return
        for verdict, name in ((Verdict.B_BETTER, "test_cloud"), (Verdict.A_BETTER, "test_here")):
            desk = self._with_test(self._here, self._cloud, verdict)
            answer = desk.decide().answer
            is_sensible = (answer is Answer.HERE) == (verdict is Verdict.A_BETTER)
            if is_sensible and answer not in {now, Answer.MEASURE, Answer.EITHER}:
                said = words[name].format(**self._names(), needed=fewest_disagreements())
                yield self._change(said, answer)

    def _change(self, said: str, answer: Answer) -> Change:
        return Change(said, answer, self._words["answers"][answer])

    def _with_test(self, here: Option, cloud: Option, verdict: Verdict) -> Desk:
        """Return what would be looked at if a test of 40 questions had told the two apart."""
        desk, wins, is_here = self._desk, 8, verdict is Verdict.A_BETTER
        tested = {
            here: replace(here, right=38 if is_here else 38 - wins, scored=40),
            cloud: replace(cloud, right=38 - wins if is_here else 38, scored=40),
        }
        pair = Pair(
            here.target,
            cloud.target,
            40,
            wins if is_here else 0,
            0 if is_here else wins,
            0.01,
            verdict,
        )
        options = tuple(tested.get(option, option) for option in desk.evidence.options)
        evidence = replace(desk.evidence, options=options, pairs=(pair,), tags=())
        return Desk(desk.situation, evidence, desk.rules, desk.weights)


def _count(option: Option) -> str:
    return f"{option.right} of {option.scored} right"


def seconds_text(figure: Figure) -> str:
    """Return seconds in a few characters, marked where they are estimated."""
    value = figure.value
    said = f"{value:.2f} s" if value < 1 else f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    return _marked(said, figure)


def dollars_text(figure: Figure) -> str:
    """Return US dollars in a few characters, marked where they are estimated."""
    value = figure.value
    if 0 < value < 0.01:
        return _marked("less than a cent", figure)
    return _marked(f"${value:,.2f}" if value < 100 else f"${value:,.0f}", figure)


def _marked(said: str, figure: Figure) -> str:
    return f"≈ {said}" if figure.provenance is Provenance.ESTIMATED else said


def months(
    rules: AdviceRules,
    pair: tuple[Option | None, Option | None],
    costs: Costs,
) -> Months:
    """Return what a month costs at each place, and from how many questions a day buying pays."""
    here, cloud = pair
    here_usd = here.usd if here else None
    cloud_usd = cloud.usd if cloud else None
    days = int(rules.scales["days_a_month"])
    pays_from = None
    if here_usd is not None and cloud_usd is not None and cloud_usd.value > here_usd.value:
        pays_from = math.ceil(costs.usd_a_month / (days * (cloud_usd.value - here_usd.value)))
    return Months(here_usd, cloud_usd, costs.usd_a_month, days, pays_from)
