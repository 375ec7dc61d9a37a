"""Decides what “Local or cloud?” shows: gathers evidence, works the answer out at each change."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from PySide6.QtCore import QObject

from playground.core.advice.situation import Evidence, Link, Situation, Step
from playground.core.share.decision import DecisionAsked
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
    show_tests: Callable[[], object]
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
        rules = advice_rules()
        view.questions.show_situation(Situation(), dict(rules.weights))
        view.month.show_costs(service.usual_costs())
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
        questions = self._view.questions
        situation = questions.situation
        advice = self._service.advise(
            situation, self._evidence, questions.weights, self._view.month.costs
        )
        self._view.show_advice(advice, situation.per_day)

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
            Step.TEST: go.show_tests,
            Step.MORE: go.show_tests,
            Step.GET: go.show_hub,
        }[Step(step)]()
