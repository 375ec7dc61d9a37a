"""Decides what “Local or cloud?” shows: gathers evidence, works the answer out at each change."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from PySide6.QtCore import QObject

from playground.core.advice.needs import Needs
from playground.core.advice.situation import Advice, Evidence, Link, Step
from playground.core.share.decision import DecisionAsked
from playground.core.targets import Target
from playground.services.advice import AdviceService, advice_rules
from playground.services.machine.devices import devices
from playground.ui.bridge import Bridge
from playground.ui.format import size_words
from playground.ui.pages.advice.page import AdvicePage


@dataclass(frozen=True, slots=True)
class AdviceNavigation:
    """Where links and steps lead, and what goes out of the program."""

    show_evaluation: Callable[[str], object]
    show_comparison: Callable[[str], object]
    show_models: Callable[[], object]
    show_compare: Callable[[], object]
    run_test: Callable[[Sequence[Target], str], object]
    """Offers to ask models a set, by its id; an empty one leaves it to the program."""
    show_providers: Callable[[], object]
    show_hub: Callable[[], object]
    share: Callable[[DecisionAsked], object]


class AdvicePresenter(QObject):
    """Keeps questions, evidence and answer alike."""

    def __init__(
        self,
        view: AdvicePage,
        bridge: Bridge,
        service: AdviceService,
        navigation: AdviceNavigation,
    ) -> None:
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._service = service
        self._navigation = navigation
        self._evidence = Evidence()
        self._is_chosen = False
        self._asked = 0
        needs, costs = service.needs, service.usual_costs()
        view.questions.show_situation(needs.situation, {**advice_rules().weights, **needs.weights})
        if needs.computer_usd is not None:
            costs = replace(costs, price_usd=needs.computer_usd)
        view.month.show_costs(costs)
        self._connect()

    def show_test(self, evaluation_id: str) -> None:
        """Rest the answer on this evaluation, until another is chosen."""
        self._is_chosen = True
        self._bridge.spawn(self._refresh(evaluation_id))

    def refresh(self) -> None:
        """Gather the evidence anew: something may have run since."""
        self._bridge.spawn(self._refresh())

    def _connect(self) -> None:
        view = self._view
        view.shown.connect(self.refresh)
        view.hidden.connect(self._keep)
        view.closing.connect(self._keep)
        view.questions.changed.connect(self._show)
        view.questions.evidence_chosen.connect(self._on_evidence)
        view.month.per_day_moved.connect(self._on_per_day)
        view.month.costs_changed.connect(self._show)
        view.answer.link_chosen.connect(self._follow)
        view.answer.step_chosen.connect(self._take)
        view.share_button.clicked.connect(self._share)

    async def _refresh(self, chosen: str | None = None) -> None:
        tests = await self._bridge.submit(self._service.tests())
        wanted = chosen
        if wanted is None:
            wanted = self._view.questions.evaluation if self._is_chosen else ""
        known = {test.id for test in tests}
        if wanted not in known and not (self._is_chosen and chosen is None):
            wanted = tests[0].id if tests else ""
        self._view.questions.show_tests(
            [
                (f"{test.set_name}, {test.created_at.astimezone():%Y-%m-%d %H:%M}", test.id)
                for test in tests
            ],
            wanted,
        )
        self._view.questions.show_machines(self._machines())
        await self._gather()

    def _machines(self) -> list[tuple[str, str]]:
        here = self._service.this_machine()
        parts = [size_words(here.ram_total_bytes), *(card.name for card in here.cards)]
        words = self.tr("This one: {0}").format(", ".join(parts))
        return [(words, ""), *((device.name, device.id) for device in devices())]

    def _on_evidence(self) -> None:
        self._is_chosen = True
        self._bridge.spawn(self._gather())

    async def _gather(self) -> None:
        questions = self._view.questions
        self._asked += 1
        asked = self._asked
        evidence = await self._bridge.submit(
            self._service.evidence(questions.evaluation or None, questions.machine)
        )
        if asked == self._asked:
            self._evidence = evidence
            self._show()

    def _on_per_day(self, per_day: int) -> None:
        self._view.questions.show_per_day(per_day)
        self._show()

    def _show(self) -> None:
        self._view.show_advice(self._advice(), self._view.questions.situation.per_day)

    def _advice(self) -> Advice:
        questions = self._view.questions
        return self._service.advise(
            questions.situation, self._evidence, questions.weights, self._view.month.costs
        )

    def _run_test(self) -> None:
        advice = self._advice()
        keys = [option.target for option in (advice.here, advice.cloud) if option is not None]
        self._bridge.spawn(self._offer_test(keys))

    async def _offer_test(self, keys: Sequence[str]) -> None:
        evaluation = self._evidence.evaluation
        targets, set_id = await self._bridge.submit(self._service.to_test(keys, evaluation))
        self._navigation.run_test(targets, set_id)

    def _keep(self) -> None:
        questions, costs = self._view.questions, self._view.month.costs
        needs = Needs(
            questions.situation, questions.weights, None if costs is None else costs.price_usd
        )
        self._bridge.write(self._service.keep, needs)

    def _share(self) -> None:
        questions = self._view.questions
        self._navigation.share(
            DecisionAsked(
                questions.situation,
                self._evidence,
                self._view.month.costs or self._service.usual_costs(),
                datetime.now(UTC),
                questions.weights,
                questions.machine_words,
            )
        )

    def _follow(self, link: Link) -> None:
        go = self._navigation
        if link.kind == "evaluation":
            go.show_evaluation(link.id)
        elif link.kind == "models" or not link.id:
            go.show_models()
        else:
            go.show_comparison(link.id)

    def _take(self, step: str) -> None:
        go = self._navigation
        {
            Step.COMPARE: go.show_compare,
            Step.TEST: self._run_test,
            Step.MORE: self._run_test,
            Step.PROVIDER: go.show_providers,
            Step.GET: go.show_hub,
        }[Step(step)]()
