"""Which place: rules first, then what counts is weighed.

What is not known keeps its whole range: a place wins only where it wins whatever the unknown turns
out to be.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from playground.core.advice.needs import Need, Situation
from playground.core.advice.situation import (
    AdviceRules,
    Answer,
    Criterion,
    Evidence,
    Option,
    Step,
    TagEvidence,
)
from playground.core.statistics import Pair, Verdict, fewest_disagreements, wilson_interval

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One place, or two of them, with its scores."""

    answer: Answer
    scores: Mapping[Criterion, Range]
    total: Range
    is_known: bool
    tag: str = ""

    @property
    def middle(self) -> float:
        return sum(self.total) / 2


@dataclass(frozen=True, slots=True)
class Decision:
    """Where, between which two models, and what decided."""

    answer: Answer
    pair: tuple[Option | None, Option | None]
    """The best here and the best in the cloud."""
    ranked: tuple[_Candidate, ...] = ()
    by_rule: str = ""
    is_small_enough: bool = False
    steps: tuple[Step, ...] = ()


class Desk:
    """Everything that is looked at for one answer."""

    def __init__(
        self,
        situation: Situation,
        evidence: Evidence,
        rules: AdviceRules,
        weights: Mapping[str, float],
    ) -> None:
        self.situation, self.evidence, self.rules, self.weights = (
            situation,
            evidence,
            rules,
            weights,
        )
        self.hits: list[tuple[Mapping[str, Any], tuple[Option, ...]]] = []
        stand_ins = [option for option in evidence.options if rules.stands_in(option)]
        self.left = self._kept(tuple(o for o in evidence.options if o not in stand_ins))
        self.has_stand_in = any(
            all(rules.keeps(rule["keeps"], option) for rule in self._rules())
            for option in stand_ins
        )
        """Whether the place that was asked only plays the one that the questions may go to."""

    def _rules(self) -> Iterable[Mapping[str, Any]]:
        for rule in self.rules.rules:
            if all(getattr(self.situation, name) == said for name, said in rule["when"].items()):
                yield rule

    def _kept(self, options: tuple[Option, ...]) -> tuple[Option, ...]:
        for rule in self._rules():
            kept = tuple(o for o in options if self.rules.keeps(rule["keeps"], o))
            dropped = tuple(o for o in options if o not in kept)
            # what a person said decides although there is only what it keeps
            is_said = bool(kept and rule["when"])
            if not (dropped or is_said) or (not kept and rule.get("unless_last")):
                continue
            self.hits.append((rule, dropped))
            options = kept
        return options

    def weight(self, criterion: Criterion) -> float:
        said = {
            Criterion.PRIVACY: self.situation.leave,
            Criterion.SPEED: self.situation.soon,
            Criterion.RIGHT: self.situation.need,
        }.get(criterion)
        return self.weights[criterion] * self.rules.emphasis.get(criterion, {}).get(said or "", 1.0)

    def pair(self, here: Option, cloud: Option) -> Pair | None:
        """Return what the evaluation says of the two, `a` here and `b` in the cloud."""
        for pair in self.evidence.pairs:
            if (pair.a, pair.b) == (here.target, cloud.target):
                return pair
            if (pair.b, pair.a) == (here.target, cloud.target):
                return _turned(pair)
        return None

    def decide(self) -> Decision:
        here = self._best(o for o in self.left if self.rules.stays(o))
        cloud = self._best(o for o in self.left if not self.rules.stays(o))
        if here is not None and cloud is not None:
            return self._weighed(here, cloud)
        dropped = [option for _rule, options in self.hits for option in options]
        provider = (Step.PROVIDER,) if self.has_stand_in else ()
        # asking both again would only ask the stand-in again
        missing = provider or (Step.COMPARE, Step.TEST)
        if here is None and cloud is None:
            steps = (Step.GET, *provider) if dropped else missing
            lost = self._best(o for o in dropped if not self.rules.stays(o))
            return Decision(Answer.MEASURE, (None, lost), steps=steps)
        if not self.hits:
            # nobody has tried the other place, which is no reason for this one
            return Decision(Answer.MEASURE, (here, cloud), steps=missing)
        answer = Answer.CLOUD if here is None else Answer.HERE
        here = here or self._best(o for o in dropped if self.rules.stays(o))
        cloud = cloud or self._best(o for o in dropped if not self.rules.stays(o))
        return Decision(answer, (here, cloud), by_rule=str(self.hits[0][0]["id"]))

    def _weighed(self, here: Option, cloud: Option) -> Decision:
        scores = self.scores(here, cloud)
        one, other = sorted(
            (self._candidate(Answer.HERE, scores[0]), self._candidate(Answer.CLOUD, scores[1])),
            key=lambda each: -each.middle,
        )
        split = self._split(here, cloud, scores)
        ranked = tuple(each for each in (one, other, split) if each is not None)
        found = Decision(one.answer, (here, cloud), ranked)
        tie = self.rules.scales["tie"]
        is_enough = self.is_small_enough(here, cloud)
        is_one_job = self.situation.need is Need.ONE_JOB
        is_untested = self.pair(here, cloud) is None and self.weight(Criterion.RIGHT) > 0
        if is_untested or one.total[0] <= other.total[1] + tie:
            if is_untested or not (one.is_known and other.is_known):
                return replace(found, answer=Answer.MEASURE, steps=self._steps(here, cloud))
            # level: a test that cannot tell them apart speaks for the small one, in its own job
            answer = Answer.HERE if is_enough else Answer.EITHER
            found = replace(found, answer=answer)
        elif split is not None and split.total[0] > one.total[1] + tie:
            return replace(found, answer=Answer.BOTH)
        if found.answer is Answer.HERE and is_enough:
            if not is_one_job:
                return replace(found, answer=Answer.BOTH)
            return replace(found, is_small_enough=True)
        return found

    def _steps(self, here: Option, cloud: Option) -> tuple[Step, ...]:
        steps = []
        if None in {here.first_s, cloud.first_s, here.usd, cloud.usd}:
            steps.append(Step.COMPARE)
        if self.pair(here, cloud) is None:
            steps.append(Step.TEST)
        elif not steps or self.right(here, cloud)[0][0] != self.right(here, cloud)[0][1]:
            steps.append(Step.MORE)
        return tuple(steps)

    def is_small_enough(self, here: Option, cloud: Option) -> bool:
        """Return whether a test shows nothing against the model here, and that it does its job."""
        pair = self.pair(here, cloud)
        if pair is None or pair.both_scored < fewest_disagreements():
            return False
        if pair.verdict not in {Verdict.SAME, Verdict.UNDECIDED, Verdict.A_BETTER}:
            return False
        share, other = here.right / here.scored, cloud.right / cloud.scored
        scales = self.rules.scales
        return share >= scales["enough"] and other - share <= scales["as_good"]

    def _best(self, options: Iterable[Option]) -> Option | None:
        """Return the option of one place that scores best for itself."""
        return max(options, key=self._alone, default=None)

    def _alone(self, option: Option) -> tuple[bool, float]:
        share = (_share_range(option) or (0.0, 1.0))[0] if option.scored else 0.0
        parts = {
            Criterion.RIGHT: share,
            Criterion.SPEED: sum(self._speed(option)) / 2,
            Criterion.PRICE: sum(self._price(option)) / 2,
        }
        total = sum(self.weight(criterion) * value for criterion, value in parts.items())
        return option.fits is not False, total

    def scores(
        self, here: Option, cloud: Option
    ) -> tuple[Mapping[Criterion, Range], Mapping[Criterion, Range]]:
        """Return both options' scores, 0 … 1; what is not known has its whole range."""
        right = self.right(here, cloud)
        found: list[Mapping[Criterion, Range]] = [
            {
                Criterion.PRIVACY: (float(self.rules.stays(option)),) * 2,
                Criterion.RIGHT: self._worth(right[number]),
                Criterion.SPEED: self._speed(option),
                Criterion.PRICE: self._price(option),
            }
            for number, option in enumerate((here, cloud))
        ]
        return found[0], found[1]

    def _worth(self, share: Range) -> Range:
        useless = self.rules.scales["useless"]
        low, high = (max(0.0, (each - useless) / (1 - useless)) for each in share)
        return low, high

    def right(self, here: Option, cloud: Option) -> tuple[Range, Range]:
        """Return the shares of right answers; equal where a test cannot tell them apart."""
        pair = self.pair(here, cloud)
        if pair is None or pair.both_scored < fewest_disagreements():
            # of so few nothing can come out, so that they are alike says nothing either
            return _share_range(here) or (0.0, 1.0), _share_range(cloud) or (0.0, 1.0)
        a, b = here.right / here.scored, cloud.right / cloud.scored
        if pair.verdict in {Verdict.A_BETTER, Verdict.B_BETTER}:
            return (a, a), (b, b)
        if pair.verdict is Verdict.SAME or abs(a - b) <= self.rules.scales["as_good"]:
            middle = (a + b) / 2
            return (middle, middle), (middle, middle)
        return _share_range(here) or (0.0, 1.0), _share_range(cloud) or (0.0, 1.0)

    def _speed(self, option: Option) -> Range:
        if option.first_s is None:
            return 0.0, 1.0
        limit = self.rules.limits_s[self.situation.soon]
        score = min(1.0, limit / max(option.first_s.value, 1e-9))
        return score, score

    def _price(self, option: Option) -> Range:
        if option.usd is None:
            return 0.0, 1.0
        month = option.usd.value * self.situation.per_day * self.rules.scales["days_a_month"]
        score = 1 / (1 + month / self.rules.scales["usd_a_month"])
        return score, score

    def _candidate(self, answer: Answer, scores: Mapping[Criterion, Range]) -> _Candidate:
        weights = {criterion: self.weight(criterion) for criterion in Criterion}
        whole = sum(weights.values()) or 1.0
        low, high = (
            sum(weights[each] * scores[each][end] for each in Criterion) / whole for end in (0, 1)
        )
        # what does not count need not be known
        is_known = all(
            scores[each][0] == scores[each][1] for each in Criterion if weights[each] > 0
        )
        return _Candidate(answer, scores, (low, high), is_known)

    def _split(
        self,
        here: Option,
        cloud: Option,
        scores: tuple[Mapping[Criterion, Range], Mapping[Criterion, Range]],
    ) -> _Candidate | None:
        """Return both places, where one tag holds everything the cloud is better at."""
        for each in self.tags(here, cloud):
            is_worse = each.within.verdict is Verdict.B_BETTER
            if not is_worse or each.elsewhere.only_b_right > each.elsewhere.only_a_right:
                continue
            mixed = {
                criterion: (
                    scores[0][criterion][0] * (1 - each.share)
                    + scores[1][criterion][0] * each.share,
                    scores[0][criterion][1] * (1 - each.share)
                    + scores[1][criterion][1] * each.share,
                )
                for criterion in Criterion
            }
            mixed[Criterion.RIGHT] = scores[1][Criterion.RIGHT]
            found = self._candidate(Answer.BOTH, mixed)
            cost = self.rules.scales["two_places"]
            return replace(
                found, total=(found.total[0] - cost, found.total[1] - cost), tag=each.tag
            )
        return None

    def tags(self, here: Option, cloud: Option) -> Iterable[TagEvidence]:
        for each in self.evidence.tags:
            if (each.within.a, each.within.b) == (here.target, cloud.target):
                yield each
            elif (each.within.b, each.within.a) == (here.target, cloud.target):
                yield replace(each, within=_turned(each.within), elsewhere=_turned(each.elsewhere))


def _turned(pair: Pair) -> Pair:
    swapped = {Verdict.A_BETTER: Verdict.B_BETTER, Verdict.B_BETTER: Verdict.A_BETTER}
    return replace(
        pair,
        a=pair.b,
        b=pair.a,
        only_a_right=pair.only_b_right,
        only_b_right=pair.only_a_right,
        verdict=swapped.get(pair.verdict, pair.verdict),
    )


def _share_range(option: Option) -> Range | None:
    return wilson_interval(option.right, option.scored)
