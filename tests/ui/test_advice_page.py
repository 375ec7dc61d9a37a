"""The page “Local or cloud?” on a real history with a real test in it."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton

from playground.core.advice.situation import Answer, Criterion, Evidence
from playground.core.share.decision import DecisionAsked
from playground.core.targets import Target
from playground.services.advice import advice_rules
from playground.store.database import Database
from playground.ui.pages.advice import answer
from playground.ui.pages.advice.month_card import eased, share_of
from playground.ui.pages.advice.month_chart import MonthChart, _Drawing, round_up
from playground.ui.pages.advice.page import AdvicePage
from playground.ui.pages.advice.presenter import AdviceNavigation, AdvicePresenter
from playground.ui.pages.advice.questions import Slider
from playground.ui.widgets.segmented import Segmented
from tests.services.test_advice import FAR, PRACTICE, Desk
from tests.ui.page_harness import PageHarness, click, harness, named, until

__all__ = ["harness"]

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


class Advising:
    """The page, what it rests on, and where its buttons led."""

    def __init__(self, harness: PageHarness) -> None:
        self.harness = harness
        self.database = Database(harness.home / "history.sqlite3")
        self.went: list[tuple[str, str]] = []
        self.shared: list[DecisionAsked] = []
        self.tested: list[str] = []
        self.page: AdvicePage
        self.desk: Desk

    def show(self, width: int = 1200, height: int = 760) -> None:
        page = self.page = AdvicePage(self.harness.theme)
        self.presenter = page.presenter = AdvicePresenter(
            page,
            self.harness.bridge,
            self.desk.service,
            AdviceNavigation(
                show_evaluation=lambda key: self.went.append(("evaluation", key)),
                show_comparison=lambda key: self.went.append(("comparison", key)),
                show_models=lambda: self.went.append(("models", "")),
                show_compare=lambda: self.went.append(("compare", "")),
                run_test=self._run_test,
                show_providers=lambda: self.went.append(("providers", "")),
                show_hub=lambda: self.went.append(("hub", "")),
                share=self.shared.append,
            ),
        )
        self.harness.show(page, width, height)

    def _run_test(self, targets: Sequence[Target], set_id: str) -> None:
        self.went.append(("test", set_id))
        self.tested = [target.key for target in targets]

    def says(self, words: str) -> bool:
        return any(
            words in label.text() and label.isVisibleTo(self.page)
            for label in self.page.findChildren(QLabel)
        )

    def press(self, text: str) -> None:
        """Click a button with these words."""
        [button] = [
            each
            for each in self.page.findChildren(QPushButton)
            if each.text().startswith(text) and each.isVisibleTo(self.page)
        ]
        click(button)


Body = Callable[[Advising], Coroutine[Any, Any, None]]


def on_page(harness: PageHarness, body: Body) -> None:
    async def live() -> None:
        advising = Advising(harness)

        async def opened() -> None:
            await advising.database.open()
            advising.desk = Desk(harness.home, advising.database)
            await advising.desk.place.service.refresh()

        await harness.bridge.submit(opened())
        try:
            await body(advising)
        finally:
            await until(lambda: not harness.bridge._spawned)
            await harness.bridge.submit(advising.database.close())

    harness.run(live)


def test_with_nothing_run_it_offers_what_would_settle_it(harness: PageHarness) -> None:
    async def body(advising: Advising) -> None:
        advising.show()
        await until(lambda: advising.says("Measure first"))
        await until(lambda: advising.says("Ask both the same"))
        advising.press("Compare now")
        advising.press("Run a test")
        await until(lambda: advising.went == [("compare", ""), ("test", "")])
        assert advising.tested == []
        assert advising.says("What a question costs is known once both have answered one")

    on_page(harness, body)


def test_the_answer_is_shared_as_it_was_asked(harness: PageHarness) -> None:
    async def body(advising: Advising) -> None:
        evaluation = await harness.bridge.submit(advising.desk.test(18, 19))
        advising.show()
        await until(lambda: advising.says("small is enough"))
        click(named(advising.page, "At once", QPushButton))
        click(advising.page.share_button)
        [asked] = advising.shared
        assert asked.evidence.evaluation == evaluation
        assert asked.situation.soon == "at_once"
        assert asked.machine == ""
        assert asked.weights == advising.page.questions.weights

    on_page(harness, body)


def test_it_rests_on_the_test_it_was_led_to_by(
    harness: PageHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(advising: Advising) -> None:
        first = await harness.bridge.submit(advising.desk.test(18, 19))
        newest = await harness.bridge.submit(advising.desk.test(5, 19))
        gather, slow = advising.desk.service.evidence, asyncio.Event()

        async def slowly(evaluation: str | None, machine: str) -> Evidence:
            found = await gather(evaluation, machine)
            if evaluation != first:
                await slow.wait()
            return found

        monkeypatch.setattr(advising.desk.service, "evidence", slowly)
        advising.show()
        # at once, as a link does it: the page gathers its evidence at the same time
        advising.presenter.show_test(first)
        await until(lambda: advising.says("18 of 20 right here"))
        harness.bridge.call(slow.set)
        await until(lambda: not harness.bridge._spawned)
        await until(lambda: advising.says("18 of 20 right here"))
        assert advising.page.questions.evaluation == first
        advising.page.shown.emit()
        await until(lambda: not harness.bridge._spawned)
        assert advising.says("18 of 20 right here")
        assert advising.page.questions.evaluation == first
        assert advising.says("18 of 20 right here")
        advising.presenter.show_test(newest)
        await until(lambda: advising.says("5 of 20 right here"))

    on_page(harness, body)


def test_each_reason_leads_to_what_stands_behind_it(harness: PageHarness) -> None:
    async def body(advising: Advising) -> None:
        evaluation = await harness.bridge.submit(advising.desk.test(18, 19))
        advising.show()
        await until(lambda: advising.says("small is enough"))
        assert advising.says("18 of 20 right here, 19 of 20 right in the cloud")
        advising.press("See the test")
        advising.press("See what was sent")
        advising.press("See the comparison")
        assert advising.went[0] == ("evaluation", evaluation)
        assert [kind for kind, _ in advising.went[1:]] == ["comparison", "comparison"]
        assert all(key for _, key in advising.went)

    on_page(harness, body)


def test_another_answer_or_weight_changes_it_at_once(harness: PageHarness) -> None:
    async def body(advising: Advising) -> None:
        await harness.bridge.submit(advising.desk.test(12, 20))
        advising.show()
        await until(lambda: advising.says("12 of 20 right here"))
        advising.press("Yes")
        assert advising.says("In the cloud")
        advising.press("Never")
        assert advising.says("On this computer")
        advising.press("Yes")
        right = named(advising.page, "Right answers", Slider)
        right.setFocus()
        QTest.keyClick(right, Qt.Key.Key_Home)
        assert right.share == 0
        assert advising.says("On this computer") or advising.says("Either will do")

    on_page(harness, body)


def test_the_two_sliders_move_the_month(harness: PageHarness) -> None:
    async def body(advising: Advising) -> None:
        await harness.bridge.submit(advising.desk.test(18, 19))
        advising.show()
        await until(lambda: advising.says("questions a month, "))
        assert advising.says("questions a month, 867 a day")
        price = named(advising.page, "A bigger computer costs", Slider)
        QTest.keyClick(price, Qt.Key.Key_End)
        assert advising.says("$5,000")
        assert not advising.says("questions a month, 867 a day")
        per_day = named(advising.page, "Questions a day", Slider)
        QTest.keyClick(per_day, Qt.Key.Key_End)
        assert advising.page.questions.situation.per_day == 1_000_000
        assert advising.says("In the cloud: $30,000 a month")

    on_page(harness, body)


def test_no_test_can_be_chosen_and_stays_chosen(harness: PageHarness) -> None:
    async def body(advising: Advising) -> None:
        await harness.bridge.submit(advising.desk.test(18, 19))
        advising.show()
        await until(lambda: advising.says("18 of 20 right here"))
        box = named(advising.page, "What shows how good they are?", QComboBox)
        assert box.count() == 2
        box.setCurrentIndex(1)
        box.activated.emit(1)
        await until(lambda: advising.says("Nobody has counted yet"))
        advising.page.shown.emit()
        await until(lambda: not harness.bridge._spawned)
        assert advising.page.questions.evaluation == ""

    on_page(harness, body)


def test_a_test_that_is_led_from_is_the_one_it_rests_on(harness: PageHarness) -> None:
    async def body(advising: Advising) -> None:
        first = await harness.bridge.submit(advising.desk.test(5, 19))
        await harness.bridge.submit(advising.desk.test(18, 19))
        advising.show()
        await until(lambda: advising.says("18 of 20 right here"))
        advising.presenter.show_test(first)
        await until(lambda: advising.says("5 of 20 right here"))
        assert advising.page.questions.evaluation == first

    on_page(harness, body)


def test_where_there_is_little_room_the_answer_stands_above_the_questions(
    harness: PageHarness,
) -> None:
    async def body(advising: Advising) -> None:
        advising.show(700, 560)
        await until(lambda: advising.says("Measure first"))
        page = advising.page
        assert page.answer.mapTo(page, page.answer.rect().topLeft()).y() < (
            page.questions.mapTo(page, page.questions.rect().topLeft()).y()
        )

    on_page(harness, body)


def test_the_smallest_window_has_the_first_questions_beside_the_answer(
    harness: PageHarness,
) -> None:
    async def body(advising: Advising) -> None:
        # what the rail and the edges of a window of 900 x 600 leave
        advising.show(838, 534)
        await until(lambda: advising.says("Measure first"))
        page = advising.page
        for name in ("May the words leave this computer?", "How soon must the answer be there?"):
            asked = named(page, name, Segmented)
            bottom = asked.mapTo(page, asked.rect().bottomLeft()).y()
            assert bottom < page.height()
        title = page.answer.mapTo(page, page.answer.rect().topLeft())
        assert title.y() < page.height() / 2
        assert page.answer.visibleRegion().boundingRect().width() == page.answer.width()

    on_page(harness, body)


def test_with_the_practice_cloud_alone_it_leads_to_providers(harness: PageHarness) -> None:
    async def body(advising: Advising) -> None:
        await harness.bridge.submit(advising.desk.test(18, 20, there=PRACTICE))
        advising.show()
        await until(lambda: advising.says("stand-in on this computer"))
        assert advising.says("Measure first")
        assert not advising.says("In the cloud:")
        assert advising.says("What a cloud costs is known once a provider has answered.")
        advising.press("Add a provider")
        assert advising.went == [("providers", "")]

    on_page(harness, body)


def test_a_longer_test_is_prepared_with_both_models_and_their_set(harness: PageHarness) -> None:
    async def body(advising: Advising) -> None:
        evaluation = await harness.bridge.submit(advising.desk.test(5, 8, cases=10))
        kept = await harness.bridge.submit(advising.desk.store.load(evaluation))
        advising.show()
        await until(lambda: advising.says("5 of 10 right here"))
        advising.press("Ask more questions")
        await until(lambda: advising.went == [("test", kept.prompt_set.id)])
        assert advising.tested == [advising.desk.here.key, FAR.key]

    on_page(harness, body)


def test_the_answers_are_there_again_after_a_restart(harness: PageHarness) -> None:
    async def body(advising: Advising) -> None:
        advising.show()
        await until(lambda: advising.says("Measure first"))
        advising.press("Never")
        advising.press("Anything")
        QTest.keyClick(named(advising.page, "Right answers", Slider), Qt.Key.Key_End)
        QTest.keyClick(named(advising.page, "A bigger computer costs", Slider), Qt.Key.Key_End)
        QTest.keyClick(named(advising.page, "Questions a day", Slider), Qt.Key.Key_Home)
        asked, weights = advising.page.questions.situation, advising.page.questions.weights
        advising.page.hidden.emit()
        first = advising.page

        def is_written() -> bool:
            advising.desk.reread()
            return advising.desk.service.needs.situation == asked

        await until(is_written)
        advising.show()
        assert advising.page is not first
        assert advising.page.questions.situation == asked
        assert (asked.leave, asked.need, asked.per_day) == ("never", "anything", 1)
        assert advising.page.questions.weights == weights
        assert advising.page.month.costs is not None
        assert advising.page.month.costs.price_usd == 5000

    on_page(harness, body)


def test_the_chart_reaches_what_is_told_and_each_name_stands_above_the_numbers(
    harness: PageHarness,
) -> None:
    async def body(advising: Advising) -> None:
        await harness.bridge.submit(advising.desk.test(18, 19))
        advising.show()
        await until(lambda: advising.says("questions a month, 867 a day"))
        chart = advising.page.findChild(MonthChart)
        assert chart._shown is not None
        assert chart._shown.most_per_day == 2000
        QTest.keyClick(named(advising.page, "A bigger computer costs", Slider), Qt.Key.Key_End)
        assert advising.says("questions a month, 4,7")
        assert chart._shown.most_per_day == 8000
        picture = QImage(420, 250, QImage.Format.Format_ARGB32)
        painter = QPainter(picture)
        drawing = _Drawing(painter, harness.theme, chart._shown, QRectF(0, 0, 420, 250))
        bottom = drawing._area.bottom()
        places = drawing._name_places([20.0, bottom - 1, bottom], bottom - drawing._line / 2, 99)
        painter.end()
        tops = [place.top() for place in places]
        assert tops[2] - tops[1] >= drawing._line
        assert places[2].bottom() <= bottom
        assert places[0].top() == 20.0 - drawing._line / 2

    on_page(harness, body)


def test_each_step_of_a_slider_is_as_many_times_more() -> None:
    assert [eased(share, 1_000_000) for share in (0.0, 0.5, 1.0)] == [1, 1000, 1_000_000]
    assert eased(share_of(200, 1_000_000), 1_000_000) == 200
    assert [eased(share, 5000, 50) for share in (0.0, 0.5, 1.0)] == [50, 500, 5000]
    assert share_of(7, 5000, 50) == 0
    assert share_of(70_000, 5000, 50) == 1


def test_scales_end_at_round_numbers() -> None:
    assert [round_up(value) for value in (0.0, 0.9, 1.1, 46.5, 61.0, 100.0)] == [
        1.0,
        1.0,
        2.0,
        50.0,
        80.0,
        100.0,
    ]


def test_only_what_is_right_has_a_tick() -> None:
    ticked = {key for key, icon in answer._ICONS.items() if icon == "check"}
    assert ticked == {Criterion.RIGHT}
    kinds = {f"right.{kind}" for kind in advice_rules().sentences["right"]}
    assert kinds - set(answer._ICONS) == {"right.same", "right.better"}


def test_every_answer_has_its_look() -> None:
    assert set(answer._LOOKS) == set(Answer)
    rules = {rule["id"] for rule in advice_rules().rules}
    assert {key for key in answer._ICONS if "." not in key} == {*Criterion, *rules}
