"""“Local or cloud?”: a person's own evidence, gathered for `core.advice`."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from statistics import median

from playground.core.advice.needs import Needs, Situation
from playground.core.advice.situation import (
    Advice,
    AdviceRules,
    Costs,
    Evidence,
    Option,
    TagEvidence,
)
from playground.core.advice.words import advise
from playground.core.evaluations import Evaluation, UnitResult, report
from playground.core.machine import Machine
from playground.core.metrics import Figure, figures
from playground.core.names import target_names
from playground.core.requirements.model import Compatibility, Requirements
from playground.core.requirements.speed import middle
from playground.core.runs import Provenance
from playground.core.targets import CloudTarget, LocalTarget, Place, Target
from playground.core.urls import host_of
from playground.resources import resource
from playground.services.requirements import RequirementsService
from playground.store.evaluations import EvaluationStore, EvaluationSummary
from playground.store.settings import SettingsStore
from playground.store.target_runs import KeptRun, TargetRuns

_CERTAINTY = (Provenance.ESTIMATED, Provenance.REPORTED, Provenance.MEASURED)


@cache
def advice_rules() -> AdviceRules:
    """Return `resources/advice.toml`."""
    with resource("advice.toml").open("rb") as file:
        return AdviceRules(tomllib.load(file))


class AdviceService:
    """Says where questions should go, from what was run on this computer."""

    def __init__(
        self,
        evaluations: EvaluationStore,
        runs: TargetRuns,
        requirements: RequirementsService,
        settings: SettingsStore,
    ) -> None:
        self._evaluations = evaluations
        self._runs = runs
        self._requirements = requirements
        self._settings = settings

    async def tests(self) -> list[EvaluationSummary]:
        """Return the evaluations that could show how good models are, the newest first."""
        return [run for run in await self._evaluations.listed() if run.done]

    def this_machine(self) -> Machine:
        """Return this computer, as far as it is known."""
        return self._requirements.machine_now()

    async def evidence(self, evaluation_id: str | None = None, machine: str = "") -> Evidence:
        """Return what is known of every target that has answered, and of those of the evaluation.

        What was recorded on another computer is left out, and so is all that the practice cloud
        shows: it is no real one. For another `machine`, speeds are estimated from how much faster
        it would be.
        """
        evaluation, results = None, list[UnitResult]()
        if evaluation_id is not None:
            evaluation = await self._evaluations.load(evaluation_id)
            results = await self._evaluations.results(evaluation_id)
        kept = await self._runs.last()
        in_test = await self._runs.last(evaluation_id) if evaluation_id is not None else {}
        answered = {runs[0].run.target.key: runs[0].run.target for runs in kept.values()}
        targets = dict(answered)
        if evaluation is not None:
            # a test is of its own targets: others were not asked the same
            targets = {target.key: target for target in evaluation.targets}
            if not any(_place(target) == "cloud" for target in targets.values()):
                # but a real cloud, untested, is more than one that plays it
                targets |= {key: each for key, each in answered.items() if _place(each) == "cloud"}
        chosen = list(targets.values())
        if any(_place(target) == "cloud" for target in chosen):
            chosen = [target for target in chosen if _place(target) != "practice"]
        names = target_names(chosen)
        counted = {}
        if evaluation is not None:
            counted = {each.target: each for each in report(evaluation, results).models}
        options = []
        for target in chosen:
            if _place(target) == "practice":
                name = names[target.key].whole
                options.append(Option(target.key, target.label, name, "practice"))
                continue
            runs = in_test.get(target.key) or kept.get(target.key, [])
            count = counted.get(target.key)
            fits, times = await self._on(target, machine)
            options.append(
                Option(
                    target=target.key,
                    label=target.label,
                    name=names[target.key].whole,
                    place=_place(target),
                    host=_host(target),
                    fits=fits,
                    first_s=_scaled(_first_words(runs), times),
                    usd=_median([figures(k.run).cost_usd for k in runs]),
                    right=count.right if count else 0,
                    scored=count.scored if count else 0,
                    comparison=runs[0].comparison_id if runs else "",
                )
            )
        pairs = report(evaluation, results).pairs if evaluation else ()
        tags = _by_tag(evaluation, results) if evaluation else ()
        return Evidence(tuple(options), pairs, tags, evaluation_id or "")

    def advise(
        self,
        situation: Situation,
        evidence: Evidence,
        weights: Mapping[str, float] | None = None,
        costs: Costs | None = None,
    ) -> Advice:
        """Return the answer; electricity costs what Settings say."""
        return advise(situation, evidence, advice_rules(), weights, costs or self.usual_costs())

    async def to_test(self, keys: Sequence[str], evaluation_id: str) -> tuple[list[Target], str]:
        """Return the targets of these keys, and the id of the set that an evaluation is of.

        The id is empty where `evaluation_id` is.
        """
        known = {key: runs[0].run.target for key, runs in (await self._runs.last()).items()}
        set_id = ""
        if evaluation_id:
            evaluation = await self._evaluations.load(evaluation_id)
            known |= {target.key: target for target in evaluation.targets}
            set_id = evaluation.prompt_set.id
        return [known[key] for key in keys if key in known], set_id

    @property
    def needs(self) -> Needs:
        """What a person answered last."""
        return self._settings.settings.needs

    def keep(self, needs: Needs) -> None:
        """Remember what a person answered; writes a file."""
        self._settings.update(needs=needs)

    def usual_costs(self) -> Costs:
        """Return what a bigger computer costs where nobody said otherwise."""
        return advice_rules().bigger_computer(self._settings.settings.usd_per_kwh)

    async def _on(self, target: Target, machine: str) -> tuple[bool | None, float | None]:
        """Return whether a target runs on a machine, and how many times as long it takes there."""
        if not isinstance(target, LocalTarget):
            return None, 1.0
        path = str(target.model.path)
        needs = (await self._requirements.assess_models([(target.model, target.settings)]))[path]
        if not machine:
            return (None if needs is None else _fits(needs)), 1.0
        elsewhere = await self._requirements.assess_elsewhere(target.model, target.settings)
        there = next((found for device, found in elsewhere if device.id == machine), None)
        if there is None:
            return None, None
        if needs is None or needs.speed is None or there.speed is None:
            return _fits(there), None
        return _fits(there), middle(needs.speed) / middle(there.speed)


def _fits(needs: Requirements) -> bool:
    return needs.verdict is not Compatibility.WONT_FIT


def _scaled(figure: Figure | None, times: float | None) -> Figure | None:
    """Return a time on another machine: an estimate, or unknown."""
    if figure is None or times is None:
        return None
    return figure if times == 1.0 else Figure(figure.value * times, Provenance.ESTIMATED)


def _by_tag(evaluation: Evaluation, results: Sequence[UnitResult]) -> tuple[TagEvidence, ...]:
    """Return how each pair differs on the cases of each tag, and on all the others."""
    cases = evaluation.prompt_set.cases
    found: list[TagEvidence] = []
    for tag in dict.fromkeys(tag for case in cases for tag in case.tags):
        inside = tuple(case for case in cases if tag in case.tags)
        if len(inside) == len(cases):
            continue
        outside = tuple(case for case in cases if tag not in case.tags)
        within, elsewhere = (
            report(
                replace(evaluation, prompt_set=replace(evaluation.prompt_set, cases=part)), results
            ).pairs
            for part in (inside, outside)
        )
        share = len(inside) / len(cases)
        found += [TagEvidence(tag, share, *both) for both in zip(within, elsewhere, strict=True)]
    return tuple(found)


def _place(target: Target) -> str:
    """Return where the target counts as, by a name among the places of `resources/advice.toml`."""
    if isinstance(target, CloudTarget) and target.provider.is_practice:
        return "practice"
    return "here" if target.place is Place.LOCAL else "cloud"


def _host(target: Target) -> str:
    return host_of(target.provider.base_url) if isinstance(target, CloudTarget) else ""


def _first_words(runs: Sequence[KeptRun]) -> Figure | None:
    """Return the usual time to the first word, of answers that had the machine to themselves."""
    own = [k.run for k in runs if k.run.is_evidence or not k.run.target.uses_this_machine]
    return _median([figures(run).first_answer_s for run in own or [k.run for k in runs]])


def _median(found: Sequence[Figure | None]) -> Figure | None:
    """Return the median of those that are known, as certain as the least certain of them."""
    known = [figure for figure in found if figure is not None]
    if not known:
        return None
    least = min((figure.provenance for figure in known), key=_CERTAINTY.index)
    return Figure(median(figure.value for figure in known), least)
