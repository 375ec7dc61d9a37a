"""The History page on a real SQLite history, filled by the real comparison service."""

import asyncio
import math
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import aclosing, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QTextEdit,
    QWidget,
)

from playground.core.errors import RateLimited, StorageFailed
from playground.core.expected import Check, CheckKind
from playground.core.pricing import electricity_cost
from playground.core.runs import Comparison, Run, RunOrder, Thumb, Turn, VoteOutcome
from playground.core.share.comparison import About
from playground.core.share.document import EVERYTHING
from playground.core.share.recording import read_recording, write_recording
from playground.core.share.scrubbing import Scrubber
from playground.core.targets import CloudTarget, LocalTarget, ModelFile, Place, Provider, Target
from playground.core.turns import new_comparison, with_run_again
from playground.engines.base import Engine
from playground.services.comparison import ComparisonService, RunEvent, TurnEnded
from playground.services.prompt_sets import PromptSets
from playground.services.replay import Replayer
from playground.store.database import Database
from playground.store.evaluations import EvaluationStore
from playground.store.history import ComparisonStore, ComparisonSummary
from playground.ui.answers.difference_dialog import DifferenceDialog
from playground.ui.answers.judging import Judging
from playground.ui.answers.note_field import NoteField
from playground.ui.answers.response_pane import ResponsePane
from playground.ui.pages.history import view_models as words
from playground.ui.pages.history.add_to_set import AddToSet
from playground.ui.pages.history.details import DetailView
from playground.ui.pages.history.list import ComparisonListModel
from playground.ui.pages.history.page import HistoryPage
from playground.ui.pages.history.presenter import PIECE, HistoryNavigation, HistoryPresenter
from playground.ui.pages.history.votes import _RangeBar
from playground.ui.widgets.basics import Badge, Disclosure
from playground.ui.widgets.markdown.view import MarkdownView
from playground.ui.widgets.prompt_box import shown_part
from playground.ui.widgets.toast import Toast
from tests.fakes.engine import FakeEngine
from tests.ui.layout_checker import settle
from tests.ui.page_harness import PageHarness, click, harness, named, until

__all__ = ["harness"]

# Qt's offscreen platform says so of every window that has a smallest size
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

HERE = LocalTarget(
    ModelFile(Path("/models/tinymodel.gguf"), "Tinymodel", 98_000_000, "Starter", None, "Q4_1")
)
CLOUD = CloudTarget(Provider("bigcorp", "Bigcorp", "https://api.bigcorp.example/v1"), "giant-9")
GIVEAWAYS = ("tinymodel", "q4_1", "98 mb", "giant", "bigcorp", "this computer", "the cloud", "≈")


def answering(target: Target) -> Engine:
    """Answer in words that differ by target but name none."""
    if target == HERE:
        return FakeEngine.saying("Roses are red", reasoning="thinking of roses")
    return FakeEngine.saying("Violets are blue")


def cost(run: Run) -> Any:
    return electricity_cost(run.timings.total_s or 0.0, 40, 0.3)


class History:
    """The page, what is in it, and where its buttons led."""

    def __init__(self, harness: PageHarness) -> None:
        self.harness = harness
        self.database = Database(harness.home / "history.sqlite3")
        self.store = ComparisonStore(self.database)
        self.opened: list[Comparison] = []
        self.again: list[Comparison] = []
        self.replayed: list[tuple[Comparison, Turn]] = []
        self.started: list[bool] = []
        self.shared: list[Any] = []
        self.page: HistoryPage

    async def open(self) -> None:
        await self.harness.bridge.submit(self.database.open())

    def show(self, width: int = 1200, height: int = 760) -> None:
        page = self.page = HistoryPage(self.harness.theme)
        navigation = HistoryNavigation(
            lambda: self.started.append(True),
            self.opened.append,
            self.again.append,
            lambda comparison, turn: self.replayed.append((comparison, turn)),
            share=self.shared.append,
            show_advice=lambda: self.started.append(False),
        )
        replayer = Replayer(self.store, speed=math.inf)
        self.judging = Judging(self.harness.bridge, self.store)
        page.presenter = self.presenter = HistoryPresenter(
            page,
            self.harness.bridge,
            self.store,
            replayer,
            judging=self.judging,
            navigation=navigation,
            notify=self.harness.toasts,
        )
        self.sets = PromptSets(EvaluationStore(self.database))
        AddToSet(page, self.harness.bridge, page.presenter, self.sets, self.harness.toasts)
        self.harness.show(page, width, height)

    async def compare(
        self,
        *prompts: str,
        targets: tuple[Target, ...] = (HERE, CLOUD),
        engine_for: Callable[[Target], Engine] = answering,
        hidden_names: bool = False,
        checks: tuple[Check, ...] = (),
        age: timedelta = timedelta(0),
    ) -> Comparison:
        service = ComparisonService(engine_for, self.store, cost)
        comparison = replace(new_comparison(targets), created_at=datetime.now(UTC) - age)

        async def run() -> Comparison:
            result = comparison
            for prompt in prompts:
                turn = service.run_turn(
                    result, prompt, RunOrder.RACE, hidden_names=hidden_names, checks=checks
                )
                async with aclosing(turn) as updates:
                    async for update in updates:
                        if isinstance(update, TurnEnded):
                            result = update.comparison
            return result

        return await self.harness.bridge.submit(run())

    @property
    def model(self) -> ComparisonListModel:
        return self.page.comparisons

    def titles(self) -> list[str]:
        return [self.model.index(n, 0).data() for n in range(self.model.rowCount())]

    def says(self, text: str) -> bool:
        labels = self.page.findChildren(QLabel)
        return any(text in label.text() and label.isVisibleTo(self.page) for label in labels)

    def answers(self) -> list[str]:
        views = self.page.detail.answers.findChildren(MarkdownView)
        return [view.markdown for view in views if view.isVisibleTo(self.page)]

    def pane(self, name: str) -> ResponsePane:
        pane = named(self.page, name, ResponsePane)
        assert isinstance(pane, ResponsePane)
        return pane

    async def shown(self, prompt: str) -> None:
        def is_shown() -> bool:
            field = self.page.detail.findChild(QPlainTextEdit)
            panes = self.page.detail.answers.panes
            is_there = field is not None and field.toPlainText() == prompt
            return is_there and all(pane.isVisibleTo(self.page) for pane in panes)

        await until(is_shown)


class Refusing:
    """A history's file that takes nothing, as on a full disk."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, *_args: Any, **_named: Any) -> None:
        raise StorageFailed("The history could not be used: the disk is full.")


def told(page: QWidget) -> str:
    """Return everything a page says to eye, ear or mouse, of hidden widgets as well."""
    parts: list[str] = []
    for widget in page.findChildren(QWidget):
        parts += [widget.accessibleName(), widget.accessibleDescription(), widget.toolTip()]
        if isinstance(widget, QLabel | QAbstractButton | Badge):
            parts.append(widget.text if isinstance(widget, Badge) else widget.text())
        if isinstance(widget, QPlainTextEdit | MarkdownView):
            parts.append(widget.toPlainText())
    return "\n".join(part for part in parts if part).lower()


def on_page(harness: PageHarness, body: Callable[[History], Coroutine[Any, Any, None]]) -> None:
    """Run `body` with an open history, which is closed at the end."""

    async def live() -> None:
        history = History(harness)
        await history.open()
        try:
            await body(history)
        finally:
            history.page.hide()
            # what the page still reads must not find the database closed
            await until(lambda: not harness.bridge._spawned)
            await harness.bridge.submit(history.database.close())

    harness.run(live)


def test_an_empty_history_says_what_to_do_next(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        history.show()
        await until(lambda: history.says("Nothing here yet"))
        click(named(history.page, "Start a comparison"))
        assert history.started == [True]

    on_page(harness, body)


def test_the_newest_comparison_is_opened_with_answers_figures_and_vote(
    harness: PageHarness,
) -> None:
    async def body(history: History) -> None:
        await history.compare("An older one", age=timedelta(days=2))
        newest = await history.compare("Write a poem")
        turn = newest.turns[0]
        await harness.bridge.submit(history.store.vote(turn.id, turn.runs[1].id, None, False))
        history.show()
        await history.shown("Write a poem")
        assert history.titles() == ["Write a poem", "An older one"]
        assert history.answers() == ["Roses are red", "Violets are blue"]
        assert history.says("You chose giant-9.")
        assert history.says("≈&nbsp;$")
        spoken = history.model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
        assert spoken == "Write a poem, Just now, Tinymodel, giant-9, ✓ giant-9"
        assert "measured here" in told(history.pane("Tinymodel"))

    on_page(harness, body)


def test_each_prompt_of_a_conversation_can_be_read(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        await history.compare("First question", "Second question")
        history.show()
        await history.shown("First question")
        assert not named(history.page, "The prompt before").isEnabled()
        click(named(history.page, "The prompt after"))
        await history.shown("Second question")
        assert history.says("Prompt 2 of 2")
        click(named(history.page, "Replay"))
        await until(lambda: history.replayed)
        assert history.replayed[0][1].prompt == "Second question"

    on_page(harness, body)


def test_each_answer_has_its_marks_unless_names_are_hidden(harness: PageHarness) -> None:
    def marks(history: History) -> list[str]:
        found = history.page.findChildren(Badge)
        return [badge.text for badge in found if badge.isVisible() and badge.text[:1] in "✓✕–"]

    async def body(history: History) -> None:
        checks = (Check(CheckKind.MIN_WORDS, "1"), Check(CheckKind.MAX_SECONDS, "60"))
        await history.compare("In the open", checks=checks)
        history.show()
        await history.shown("In the open")
        await until(lambda: len(marks(history)) == 4)
        assert set(marks(history)) == {"✓ at least 1 word", "✓ at most 60 s"}
        await history.compare("Without names", checks=checks, hidden_names=True)
        history.show()
        await history.shown("Without names")
        await asyncio.sleep(0.1)
        assert marks(history) == [], "what an answer took tells whose it is"

    on_page(harness, body)


def test_of_a_prompt_of_a_megabyte_a_part_is_shown_and_all_of_it_is_replayed(
    harness: PageHarness,
) -> None:
    async def body(history: History) -> None:
        prompt = ("word " * 200_000).strip()
        await history.compare(prompt)
        history.show()
        await history.shown(shown_part(prompt))
        click(named(history.page, "Replay"))
        await until(lambda: history.replayed)
        assert history.replayed[0][1].prompt == prompt

    on_page(harness, body)


def test_search_finds_words_of_answers_as_they_are_typed_and_is_taken_back_with_escape(
    harness: PageHarness,
) -> None:
    async def body(history: History) -> None:
        await history.compare("Write a poem")
        await history.compare(
            "Say something else", engine_for=lambda _target: FakeEngine.saying("Lighthouses blink")
        )
        history.show()
        await until(lambda: len(history.titles()) == 2)
        search = named(history.page, "Search", QLineEdit)
        QTest.keyClicks(search, "viol")
        await until(lambda: history.titles() == ["Write a poem"])
        await history.shown("Write a poem")
        QTest.keyClicks(search, "zzz")
        await until(lambda: history.says("No comparison has “violzzz”"))
        assert history.page.handle_escape()
        await until(lambda: len(history.titles()) == 2)
        assert not history.page.handle_escape()

    on_page(harness, body)


def test_the_list_is_walked_opened_and_deleted_by_keyboard_and_undo_brings_it_back(
    harness: PageHarness,
) -> None:
    async def body(history: History) -> None:
        await history.compare("Older", age=timedelta(days=1))
        await history.compare("Newer")
        history.show()
        await history.shown("Newer")
        QTest.keyClick(history.page.list, Qt.Key.Key_Down)
        await history.shown("Older")
        QTest.keyClick(history.page.list, Qt.Key.Key_Return)
        assert [comparison.turns[0].prompt for comparison in history.opened] == ["Older"]
        QTest.keyClick(history.page.list, Qt.Key.Key_Delete)
        await until(lambda: history.titles() == ["Newer"])
        await history.shown("Newer")
        assert harness.toasts.texts == ["Deleted “Older”."]
        harness.toasts.undo()
        await until(lambda: history.titles() == ["Newer", "Older"])
        await history.shown("Older")
        assert harness.toasts.texts[1:] == ["“Older” is back."]

    on_page(harness, body)


@pytest.mark.parametrize("size", [(1200, 700), (760, 500), (560, 500)])
def test_a_message_lies_over_the_list_and_never_over_a_vote(
    harness: PageHarness, size: tuple[int, int]
) -> None:
    async def body(history: History) -> None:
        await history.compare("Write a poem")
        history.show(*size)
        page = history.page
        toast = Toast(harness.theme, page, lambda: page.foot_top, lambda: page.message_room)
        await until(lambda: history.titles() == ["Write a poem"])
        QTest.keyClick(page.list, Qt.Key.Key_Right)
        await history.shown("Write a poem")
        settle()
        toast.show_message("Deleted “Write another poem, a longer one”.", action="Undo", stay_ms=0)
        settle()
        toast.place()
        buttons = [*page.detail.answers.vote_buttons, *page.detail.summary.vote_buttons]
        seen = [button for button in buttons if not button.visibleRegion().isEmpty()]
        assert seen
        for button in seen:
            place = QRect(button.mapTo(page, QPoint(0, 0)), button.size())
            assert not toast.geometry().intersects(place)
        assert page.list.isVisible() == (size[0] > 700)
        if page.list.isVisible():
            assert toast.geometry().right() <= page.detail.mapTo(page, QPoint(0, 0)).x()
        assert page.rect().contains(toast.geometry())

    on_page(harness, body)


def test_deleting_the_last_one_leaves_nothing_of_it_on_the_page(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        await history.compare("Only one")
        history.show()
        await history.shown("Only one")
        click(named(history.page, "Delete"))
        await until(lambda: history.says("Nothing here yet"))
        assert not history.page.detail.isVisibleTo(history.page)
        assert "only one" not in told(history.page.detail)
        assert "roses" not in told(history.page.detail)
        history.page.undo_wanted.emit()
        await history.shown("Only one")
        await until(lambda: history.page.detail.isVisibleTo(history.page))

    on_page(harness, body)


def test_open_run_again_and_replay_lead_to_the_comparison_that_is_shown(
    harness: PageHarness,
) -> None:
    async def body(history: History) -> None:
        made = await history.compare("Write a poem")
        history.show()
        await history.shown("Write a poem")
        click(named(history.page, "Open in Compare"))
        click(named(history.page, "Run again"))
        click(named(history.page, "Replay"))
        await until(lambda: history.replayed)
        assert history.opened == history.again == [made]
        assert history.replayed == [(made, made.turns[0])]

    on_page(harness, body)


def test_a_recording_says_so_everywhere_and_can_be_replayed_but_not_run(
    harness: PageHarness,
) -> None:
    said = "Recorded on 27 November 2026, 14:20"

    async def body(history: History) -> None:
        made = await history.compare("Write a poem")
        turn = made.turns[0]
        read = harness.bridge.submit
        timelines = {run.id: await read(history.store.timeline(run.id)) for run in turn.runs}
        noon = datetime(2026, 11, 27, 14, 20).astimezone()
        about = About(EVERYTHING, Scrubber(), machine="32 GB of memory")
        starts = {run.id: 0.0 for run in turn.runs}
        text = write_recording(replace(made, created_at=noon), timelines, starts, about)
        recording = read_recording(text.encode(), datetime.now(UTC))
        await read(history.store.add_recorded(recording.comparison, recording.timelines))
        await read(history.store.delete(made.id))
        history.show()
        await history.shown("Write a poem")
        spoken = history.model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
        assert spoken == f"Write a poem, {said}, Tinymodel, giant-9"
        hover = history.model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
        assert f"{said} (32 GB of memory)" in hover
        panes = [history.pane(name) for name in ("Tinymodel", "giant-9")]
        assert all(said.lower() in told(pane) for pane in panes)
        assert "another computer" in told(panes[0])
        assert "nothing left" not in told(history.page)
        for name in ("Open in Compare", "Run again"):
            button = named(history.page, name)
            assert not button.isEnabled()
            assert "on another computer" in button.toolTip()
        QTest.keyClick(history.page.list, Qt.Key.Key_Return)
        click(named(history.page, "Replay"))
        await until(lambda: history.replayed)
        assert history.replayed[0][0].recorded == recording.comparison.recorded
        assert not history.opened

    on_page(harness, body)


@pytest.mark.parametrize("width", [1200, 700])
def test_what_people_do_most_comes_first_and_is_the_only_primary_button(
    harness: PageHarness, width: int
) -> None:
    view = DetailView(harness.theme)
    view.resize(width, 600)
    view.show()
    ordered = [view.open_button, view.again_button, view.replay_button, view.delete_button]
    places = [button.mapTo(view, QPoint(0, 0)).x() for button in ordered]
    assert places == sorted(places)
    primary = [b for b in view.findChildren(QPushButton) if b.property("primary")]
    assert primary == [view.open_button]
    view.hide()
    view.deleteLater()


def test_a_long_answer_is_read_from_its_beginning(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        text = "\n\n".join(f"Paragraph {number}" for number in range(80))
        await history.compare("Tell a story", engine_for=lambda _target: FakeEngine.saying(text))
        history.show()
        await history.shown("Tell a story")
        bars = [
            area.verticalScrollBar()
            for pane in history.page.detail.answers.panes
            for area in pane.findChildren(QScrollArea)
        ]
        await until(lambda: all(bar.maximum() > 500 for bar in bars))
        history.page.resize(900, 600)
        await until(lambda: all(bar.value() == 0 for bar in bars))

    on_page(harness, body)


def test_an_entry_that_cannot_be_read_is_told_and_not_mixed_up_with_another(
    harness: PageHarness,
) -> None:
    async def body(history: History) -> None:
        damaged = await history.compare("Damaged", age=timedelta(days=1))
        await history.compare("Whole")
        await harness.bridge.submit(
            history.database.write(
                lambda connection: connection.execute(
                    "UPDATE comparisons SET body = '{' WHERE id = ?", (damaged.id,)
                )
            )
        )
        history.show()
        await history.shown("Whole")
        history.page.list.choose_row(1)
        await until(lambda: harness.errors)
        assert "damaged and cannot be read" in str(harness.errors.pop())
        assert not history.page.detail.isVisibleTo(history.page)
        history.page.list.choose_row(0)
        await history.shown("Whole")

    on_page(harness, body)


def test_hidden_names_stay_hidden_everywhere_until_the_vote(harness: PageHarness) -> None:
    def partly(target: Target) -> Engine:
        if target == CLOUD:
            return FakeEngine.failing(RateLimited("Bigcorp is busy."), after=("Violets are blue",))
        return answering(target)

    async def body(history: History) -> None:
        made = await history.compare("Write a poem", hidden_names=True, engine_for=partly)
        await history.compare("Names are shown here", age=timedelta(days=1), targets=(CLOUD,))
        history.show()
        await history.shown("Write a poem")
        assert sorted(history.answers()) == ["Roses are red", "Violets are blue"]
        index = history.model.index(0, 0)
        roles = "\n".join(str(index.data(role)) for role in range(Qt.ItemDataRole.UserRole + 8))
        said = (told(history.page.detail) + roles).lower()
        assert [word for word in (*GIVEAWAYS, "thought", "busy", " s\n") if word in said] == []
        assert index.data(Qt.ItemDataRole.UserRole).places == ()

        for name in ("Open in Compare", "Run again", "Replay"):
            assert not named(history.page, name).isEnabled()
        QTest.keyClick(history.page.list, Qt.Key.Key_Return)
        assert history.opened == []
        for pane in history.page.detail.answers.panes:
            pane.metrics.clicked.emit()
            click(named(pane, "Copy the whole answer"))
            assert QGuiApplication.clipboard().text() in {"Roses are red", "Violets are blue"}
        search = named(history.page, "Search", QLineEdit)
        QTest.keyClicks(search, "giant")
        await until(lambda: history.titles() == ["Names are shown here"])
        search.clear()
        await until(lambda: len(history.titles()) == 2)
        history.page.list.choose_row(0)
        await history.shown("Write a poem")

        roses = next(p for p in history.page.detail.answers.panes if "Roses" in told(p).title())
        click(named(roses, f"This one is better: {roses.accessibleName()}"))
        await until(lambda: history.says("You chose Tinymodel. Names were hidden."))
        assert history.pane("giant-9").isVisibleTo(history.page)
        assert history.model.index(0, 0).data(Qt.ItemDataRole.UserRole).places == (
            Place.LOCAL,
            Place.CLOUD,
        )
        assert named(history.page, "Replay").isEnabled()
        votes = await harness.bridge.submit(history.store.votes())
        assert [(vote.label, vote.standing.wins) for vote in votes] == [
            ("Tinymodel", 1),
            ("giant-9", 0),
        ]
        kept = await harness.bridge.submit(history.store.load(made.id))
        assert kept.turns[0].hidden_names

    on_page(harness, body)


def test_the_order_of_nameless_answers_does_not_follow_the_targets(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        for number in range(12):
            await history.compare(f"Poem {number}", hidden_names=True)
        history.show()
        first = set()
        for number in range(12):
            await until(lambda: history.model.rowCount() == 12)
            history.page.list.choose_row(number)
            await history.shown(f"Poem {11 - number}")
            first.add(history.answers()[0])
        assert first == {"Roses are red", "Violets are blue"}

    on_page(harness, body)


def test_a_hidden_comparison_that_still_runs_shows_no_answer_yet(harness: PageHarness) -> None:
    def half(target: Target) -> Engine:
        return FakeEngine.hanging(after=("so far",)) if target == HERE else answering(target)

    async def body(history: History) -> None:
        service = ComparisonService(half, history.store)
        comparison = new_comparison((HERE, CLOUD))

        async def begin() -> Any:
            updates = service.run_turn(comparison, "Poem", RunOrder.RACE, hidden_names=True)
            async for update in updates:
                if isinstance(update, RunEvent) and getattr(update.event, "usage", None):
                    return updates
            return updates

        updates = await harness.bridge.submit(begin())
        history.show()
        await history.shown("Poem")
        assert history.answers() == []
        assert history.says("The answers appear when all are done.")
        await harness.bridge.submit(updates.aclose())
        history.page.shown.emit()
        await until(lambda: history.says("The names are shown after your vote"))

    on_page(harness, body)


def test_a_vote_on_an_earlier_prompt_is_not_called_blind_once_names_are_told(
    harness: PageHarness,
) -> None:
    async def body(history: History) -> None:
        made = await history.compare("First poem", "Second poem", hidden_names=True)
        await harness.bridge.submit(
            history.store.vote(made.turns[1].id, None, VoteOutcome.TIE, hidden_names=True)
        )
        history.show()
        await history.shown("First poem")
        assert named(history.page, "Replay").isEnabled()
        click(named(history.pane("Tinymodel"), "This one is better: Tinymodel"))
        await until(lambda: history.says("You chose Tinymodel."))
        assert not history.says("Names were hidden.")
        kept = await harness.bridge.submit(history.store.load(made.id))
        assert [turn.hidden_names for turn in kept.turns] == [False, True]

    on_page(harness, body)


def test_an_interrupted_run_says_so_and_what_was_kept(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        base = await history.compare("Tell a story", targets=(HERE,))
        run = base.turns[0].runs[0]
        events = await harness.bridge.submit(history.store.timeline(run.id))
        orphan = replace(
            new_comparison((HERE,)), created_at=datetime.now(UTC) + timedelta(seconds=5)
        )
        turn = Turn("turn", "Cut off", RunOrder.FAIR)
        waiting = Run("orphan", HERE, run.request, 0)
        await harness.bridge.submit(history.store.save_comparison(orphan))
        await harness.bridge.submit(history.store.save_turn(orphan.id, turn))
        await harness.bridge.submit(history.store.save_run(turn.id, waiting))
        await harness.bridge.submit(history.store.append_events(waiting.id, events[:-2]))
        assert await harness.bridge.submit(history.store.recover()) == 1
        history.show()
        await history.shown("Cut off")
        assert history.says("Interrupted: the program ended while this was written.")
        assert history.says("5 words")
        assert history.answers() == ["Roses are "]

    on_page(harness, body)


def test_thumbs_and_notes_are_given_to_what_is_opened_and_found_again(
    harness: PageHarness,
) -> None:
    async def body(history: History) -> None:
        made = await history.compare("Write a poem", "And another")
        history.show()
        await history.shown("Write a poem")
        page, turn = history.page, made.turns[0]
        panes = [*page.detail.answers.panes]
        click(named(page, "Bad answer: giant-9"))
        await until(lambda: history.presenter.turn.thumbs)
        page.detail.summary._line.linkActivated.emit("note")
        QTest.keyClicks(named(page, "Note", NoteField), "Violets are purple")
        # another prompt is opened before the typing has paused
        click(named(page, "The prompt after"))
        await history.shown("And another")
        assert not named(page, "Bad answer: giant-9").isChecked()
        click(named(page, "The prompt before"))
        await history.shown("Write a poem")
        assert named(page, "Note", NoteField).toPlainText() == "Violets are purple"
        assert named(page, "Bad answer: giant-9").isChecked()
        await until(lambda: not harness.bridge._spawned)
        kept = (await harness.bridge.submit(history.store.load(made.id))).turns[0]
        assert (kept.note, kept.thumb_of(turn.runs[1].id)) == ("Violets are purple", Thumb.DOWN)
        panes = [*page.detail.answers.panes]
        click(named(page, "Good answer: Tinymodel"))
        await until(lambda: len(history.presenter.turn.thumbs) == 2)
        page.shown.emit()
        await until(lambda: not harness.bridge._spawned)
        assert [*page.detail.answers.panes] == panes, "they are not built anew under the mouse"
        search = named(page, "Search", QLineEdit)
        QTest.keyClicks(search, "purple")
        await until(lambda: history.titles() == ["Write a poem"])

    on_page(harness, body)


def test_a_note_that_is_not_stored_yet_is_shown_and_comes_when_it_can(
    harness: PageHarness,
) -> None:
    async def body(history: History) -> None:
        await history.compare("Older", age=timedelta(days=1))
        made = await history.compare("Write a poem")
        history.show()
        await history.shown("Write a poem")
        database = history.store._database
        history.store._retry_s = 0.01
        history.store._database = Refusing(database)
        history.page.detail.summary._line.linkActivated.emit("note")
        QTest.keyClicks(named(history.page, "Note", NoteField), "Do not lose me")
        history.page.list.choose_row(1)
        await history.shown("Older")
        await until(lambda: harness.errors)
        assert isinstance(harness.errors.pop(), StorageFailed)
        history.page.list.choose_row(0)
        await history.shown("Write a poem")
        assert named(history.page, "Note", NoteField).toPlainText() == "Do not lose me"
        history.store._database = database

        async def note() -> str:
            return (await history.store.load(made.id)).turns[0].note

        async with asyncio.timeout(30):
            while await harness.bridge.submit(note()) != "Do not lose me":
                await asyncio.sleep(0.01)

    on_page(harness, body)


def test_a_note_typed_just_before_the_window_closes_is_kept(harness: PageHarness) -> None:
    async def live() -> None:
        history = History(harness)
        await history.open()
        await history.compare("Write a poem")
        history.show()
        await history.shown("Write a poem")
        history.page.detail.summary._line.linkActivated.emit("note")
        QTest.keyClicks(named(history.page, "Note", NoteField), "At the last moment")
        # as the window does it: services end at once, then the bridge
        history.page.closing.emit()
        await harness.bridge.submit(history.store.close())
        await harness.bridge.submit(history.database.close())

    harness.run(live)
    with closing(sqlite3.connect(harness.home / "history.sqlite3")) as connection:
        assert connection.execute("SELECT note FROM turns").fetchall() == [("At the last moment",)]


def test_your_votes_tells_thumbs_beside_them(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        made = await history.compare("Poem", "Another", targets=(HERE,))
        for turn, given in zip(made.turns, Thumb, strict=True):
            await harness.bridge.submit(history.store.set_thumb(turn.runs[0].id, given))
        history.show()
        click(named(history.page, "Your votes"))
        await until(lambda: history.says("Thumbs: 1 up, 1 down"))
        missing = "10 more votes until its place can be told"
        named(history.page, f"Tinymodel: no votes yet. {missing}. Thumbs: 1 up, 1 down")
        made = await history.compare("Poem")
        turn = made.turns[0]
        await harness.bridge.submit(history.store.vote(turn.id, turn.runs[1].id, None, False))
        history.page.shown.emit()
        await until(lambda: history.says("1 of 1 won"))
        assert not history.says("no votes yet")
        labels = [label.text() for label in history.page.votes.findChildren(QLabel)]
        assert [text for text in labels if "Thumbs" in text] == ["Thumbs: 1 up, 1 down"]

    on_page(harness, body)


def test_your_votes_counts_wins_and_ties_for_each_target(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        for number in range(3):
            made = await history.compare(f"Poem {number}")
            turn = made.turns[0]
            winner, verdict = (None, VoteOutcome.TIE) if number == 2 else (turn.runs[0].id, None)
            await harness.bridge.submit(history.store.vote(turn.id, winner, verdict, False))
        history.show()
        click(named(history.page, "Your votes"))
        await until(lambda: history.says("2 of 2 won · tie in 1"))
        assert history.says("Between 34 and 100 of 100, as far as 2 votes can tell")
        assert history.says("Between 0 and 66 of 100, as far as 2 votes can tell")
        assert not history.says("better in")
        first, second = history.page.votes.findChildren(_RangeBar)
        theme = history.page.votes._theme
        for bar, inside, outside, tone in ((first, 0.5, 0.1, "local"), (second, 0.5, 0.9, "cloud")):
            picture = bar.grab().toImage()
            middle = picture.height() // 2
            found = [
                picture.pixelColor(round(share * picture.width()), middle).name()
                for share in (inside, outside)
            ]
            assert found == [theme.color(tone).name(), theme.color("track").name()]
        missing = "7 more votes until its place can be told"
        named(history.page, f"Tinymodel: 2 of 2 won · tie in 1. {missing}")
        named(history.page, f"giant-9: 0 of 2 won · tie in 1. {missing}")
        places = [badge.text for badge in history.page.votes.findChildren(Badge)]
        assert places == ["On this computer", CLOUD.provider.name]
        click(named(history.page, "Comparisons"))
        await history.shown("Poem 2")

    on_page(harness, body)


def test_what_is_opened_is_shared_and_so_are_the_votes(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        made = await history.compare("Write a poem")
        turn = made.turns[0]
        history.show()
        share = named(history.page, "Share")
        assert not share.isEnabled()
        await history.shown("Write a poem")
        click(share)
        assert [shared.id for shared in history.shared] == [made.id]
        click(named(history.page, "Your votes"))
        await until(lambda: not harness.bridge._spawned)
        # nothing to share before the first vote
        assert not share.isEnabled()
        await harness.bridge.submit(history.store.vote(turn.id, turn.runs[0].id, None, False))
        history.page.shown.emit()
        await until(share.isEnabled)
        click(share)
        assert [count.standing.wins for count in history.shared[1].counts] == [1, 0]
        click(named(history.page, "Comparisons"))
        await history.shown("Write a poem")
        history.page.detail.summary.advice_wanted.emit()
        assert history.started == [False]

    on_page(harness, body)


def test_a_comparison_is_shown_whatever_was_searched_for(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        wanted = await history.compare("Write a poem")
        await history.compare("Something else")
        history.show()
        await history.shown("Something else")
        history.page._search.setText("else")
        history.page._tell_search()
        await until(lambda: history.titles() == ["Something else"])
        click(named(history.page, "Your votes"))
        presenter = history.page.presenter
        assert isinstance(presenter, HistoryPresenter)
        presenter.show_comparison(wanted.id)
        await history.shown("Write a poem")
        assert history.page._search.text() == ""
        assert len(history.titles()) == 2

    on_page(harness, body)


def test_a_vote_can_be_cast_later_and_a_comparison_made_meanwhile_appears(
    harness: PageHarness,
) -> None:
    async def body(history: History) -> None:
        await history.compare("Write a poem")
        history.show()
        await history.shown("Write a poem")
        click(named(history.page, "None is good"))
        await until(lambda: history.says("You said: none is good."))
        await history.compare("A newer one")
        history.page.shown.emit()
        await until(lambda: history.titles() == ["A newer one", "Write a poem"])
        # what was being read stays open
        await history.shown("Write a poem")

    on_page(harness, body)


def test_a_vote_can_be_changed_and_taken_back_where_it_was_cast(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        await history.compare("Write a poem")
        history.show()
        await history.shown("Write a poem")

        def vote() -> QAbstractButton:
            button: QAbstractButton = history.pane("Tinymodel").vote_button
            return button

        click(named(history.page, "None is good"))
        await until(lambda: history.says("You said: none is good."))
        click(vote())
        await until(lambda: history.says("You chose Tinymodel."))
        assert vote().hasFocus()
        assert "take your vote back" in vote().toolTip()
        click(vote())
        await until(lambda: history.says("Which answer is better?"))
        assert vote().hasFocus()
        assert not vote().isChecked()

    on_page(harness, body)


def test_after_a_vote_without_names_the_keyboard_is_at_no_other_answer(
    harness: PageHarness,
) -> None:
    async def body(history: History) -> None:
        await history.compare("Write a poem", hidden_names=True)
        history.show()
        await history.shown("Write a poem")
        click(history.pane("Answer A").vote_button)
        await until(lambda: history.says("Names were hidden."))
        assert history.page.detail.open_button.hasFocus()

    on_page(harness, body)


def test_a_vote_that_could_not_be_stored_is_not_shown_as_cast(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        await history.compare("Write a poem")
        history.show()
        await history.shown("Write a poem")
        await harness.bridge.submit(history.database.close())
        button = named(history.page, "None is good")
        click(button)
        await until(lambda: harness.errors)
        assert isinstance(harness.errors.pop(), StorageFailed)
        assert not button.isChecked()
        assert not history.says("You said")

    on_page(harness, body)


def test_thousands_of_comparisons_are_fetched_as_the_list_is_scrolled(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        async def fill() -> None:
            def write(connection: Any) -> None:
                for number in range(2500):
                    connection.execute(
                        "INSERT INTO comparisons (id, created_at, targets, body) "
                        "SELECT ?, ?, targets, body FROM comparisons WHERE id = ?",
                        (f"c{number}", f"2001-01-01T00:00:00.{number:06}+00:00", made.id),
                    )
                    connection.execute(
                        "INSERT INTO turns (id, comparison_id, position, prompt, run_order, "
                        "hidden_names) VALUES (?, ?, 0, ?, 'fair', 0)",
                        (f"t{number}", f"c{number}", f"Old {number}"),
                    )

            await history.database.write(write)

        made = await history.compare("New")
        await harness.bridge.submit(fill())
        history.show()
        await history.shown("New")
        assert history.model.rowCount() == PIECE
        assert history.model.canFetchMore(QModelIndex())
        while history.model.canFetchMore(QModelIndex()) or history.model.rowCount() < 2501:
            before = history.model.rowCount()
            history.page.list.scrollToBottom()
            await until(lambda before=before: history.model.rowCount() > before)
        titles = history.titles()
        assert len(titles) == len(set(titles)) == 2501
        assert titles[-1] == "Old 0"

    on_page(harness, body)


def test_the_page_fits_a_small_window_and_a_long_title_is_cut_not_pushed(
    harness: PageHarness,
) -> None:
    async def body(history: History) -> None:
        prompt = "Why is " * 400
        await history.compare(prompt.strip(), targets=(HERE, CLOUD, HERE, CLOUD, HERE, CLOUD))
        history.show(820, 540)
        await history.shown(prompt.strip())
        assert history.page.minimumSizeHint().width() <= 820
        assert history.page.minimumSizeHint().height() <= 540
        for name in ("Open in Compare", "Run again", "Replay", "Delete"):
            button = named(history.page, name)
            corner = button.mapTo(history.page, button.rect().bottomRight())
            assert history.page.rect().contains(corner)

    on_page(harness, body)


def test_every_control_says_what_it_is_and_can_be_reached_by_keyboard(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        await history.compare("First", "Second")
        history.show()
        await history.shown("First")
        for button in history.page.findChildren(QAbstractButton):
            is_qts_own = isinstance(button.parent(), QLineEdit)
            if is_qts_own or not button.isVisibleTo(history.page):
                continue
            assert button.accessibleName(), button
            assert button.toolTip() or isinstance(button.parent(), Disclosure), button.text()
            assert button.focusPolicy() & Qt.FocusPolicy.TabFocus, button.accessibleName()

    on_page(harness, body)


def _row(number: int, title: str = "") -> ComparisonSummary:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    return ComparisonSummary(
        f"c{number}", title or f"Title {number}", moment, ("A",), (Place.LOCAL,), 1, 0
    )


def test_the_list_model_keeps_qts_rules_and_rows_their_places() -> None:
    model = ComparisonListModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.show_rows([_row(n) for n in range(3, 8)], is_complete=False)
    kept = model.index_of("c4")
    place = QPersistentModelIndex(kept)
    model.fetchMore(QModelIndex())
    assert not model.canFetchMore(QModelIndex())
    model.add_rows([_row(7), _row(8), _row(9)], is_complete=True)
    assert model.rowCount() == 7
    model.show_rows([_row(n) for n in range(1, 7)], is_complete=False)
    assert (place.row(), place.data()) == (3, "Title 4")
    model.show_rows([_row(n, "new" if n == 4 else "") for n in range(1, 7)], is_complete=False)
    assert place.data() == "new"
    model.remove_row("c1")
    assert place.row() == 2
    model.show_rows([_row(40)], is_complete=True)
    assert not place.isValid()
    model.show_rows([], is_complete=True)
    tester.deleteLater()


def test_text_that_looks_like_html_is_no_html_in_a_tooltip() -> None:
    model = ComparisonListModel()
    model.show_rows([_row(1, "<img src='file:///etc/passwd'>")], is_complete=True)
    tip = model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "<img" not in tip


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(seconds=3), "Just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59), "59 minutes ago"),
        (timedelta(hours=2), "Today, 13:00"),
        (timedelta(hours=20), "Yesterday, 19:00"),
        (timedelta(days=3), "Sunday, 15:00"),
        (timedelta(days=20), "25 February, 15:00"),
        (timedelta(days=400), "9 February 2025"),
        (timedelta(hours=-2), "Today, 17:00"),
    ],
)
def test_a_moment_is_told_in_plain_words(age: timedelta, said: str) -> None:
    now = datetime(2026, 3, 18, 15, 0, tzinfo=UTC).astimezone().replace(hour=15, day=18, month=3)
    if said == "9 February 2025":
        age = now - now.replace(year=2025, month=2, day=9)
    if said == "25 February, 15:00":
        age = now - now.replace(month=2, day=25)
    assert words.when(now - age, now) == said


def test_a_prompt_becomes_a_message_of_a_test_and_can_be_taken_back(harness: PageHarness) -> None:
    history = History(harness)

    async def own() -> list[Any]:
        sets = await harness.bridge.submit(history.sets.all())
        return [each for each in sets if not each.is_ready_made]

    async def pick(name: str) -> None:
        click(named(history.page, "Add to a test…"))
        await until(lambda: [m for m in history.page.findChildren(QMenu) if m.isVisible()])
        menu = next(m for m in history.page.findChildren(QMenu) if m.isVisible())
        before = len(harness.toasts.texts)
        next(action for action in menu.actions() if action.text() == name).trigger()
        menu.close()
        await until(lambda: len(harness.toasts.texts) > before)

    async def body() -> None:
        await history.open()
        await history.compare("Roses?")
        history.show(width=1600)
        await until(lambda: history.page.detail.answers.panes)
        await pick("A new set")
        assert harness.toasts.texts[-1] == "Added to “From History”."
        await pick("From History")
        (made,) = await own()
        assert [case.prompt for case in made.cases] == ["Roses?", "Roses?"]
        harness.toasts.undo()
        await until(lambda: "is as it was" in harness.toasts.texts[-1])
        (made,) = await own()
        assert len(made.cases) == 1

    harness.run(body)


def test_an_answer_that_was_asked_again_has_the_one_before_beside_it(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        made = await history.compare("Write a poem")
        turn = made.turns[0]
        again = with_run_again(turn, turn.runs[0].id)
        run = replace(turn.runs[0], id=again.runs[0].id, replaces=turn.runs[0].id, text="Anew")
        await harness.bridge.submit(history.store.save_run(turn.id, run))
        history.show()
        await history.shown("Write a poem")
        assert history.answers() == ["Anew", "Violets are blue"]
        [before] = history.pane("Tinymodel").turn._before
        assert before.markdown == "Roses are red"

    on_page(harness, body)


def test_what_differs_between_two_answers_is_marked(harness: PageHarness) -> None:
    async def body(history: History) -> None:
        await history.compare("Write a poem")
        history.show()
        await history.shown("Write a poem")
        history.page.detail.summary.difference_wanted.emit()
        dialog = history.page.findChild(DifferenceDialog)
        assert dialog is not None
        assert [view.toPlainText() for view in dialog._texts] == [
            "Roses are red",
            "Violets are blue",
        ]

        def marked(view: QTextEdit) -> list[str]:
            found = []
            for place, letter in enumerate(view.toPlainText()):
                cursor = view.textCursor()
                cursor.setPosition(place + 1)
                if cursor.charFormat().fontUnderline():
                    found.append(letter)
            return "".join(found).split()

        assert marked(dialog._texts[0]) == ["Roses", "red"]
        assert "33 % of the words stand in both" in dialog._said.text()
        dialog._boxes[1].choose(0)
        dialog._boxes[1].picked.emit(0)
        assert dialog._said.text() == "They say the same, word for word."
        dialog.reject()

    on_page(harness, body)
