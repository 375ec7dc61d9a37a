"""The Tests page on real services: a real database, and a scripted provider over real HTTP."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QAbstractItemModel, QPoint, Qt
from PySide6.QtGui import QImage, QKeySequence
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPlainTextEdit, QWidget

from playground.app.window import _run_program
from playground.core.checks.prompt_files import FileFormat, read_cases
from playground.core.checks.reading import read_check
from playground.core.evaluations import (
    Evaluation,
    Unit,
    UnitResult,
    new_evaluation,
    report,
)
from playground.core.expected import CUT_OFF, CheckKind, Outcome
from playground.core.names import target_names
from playground.core.prompt_sets import PromptSet, new_case, new_set
from playground.core.runs import Cost, Provenance, Run
from playground.core.targets import (
    PRACTICE_MODEL,
    STARTER_NAME,
    CloudTarget,
    LocalTarget,
    ModelFile,
    ModelPrice,
    Provider,
    Target,
)
from playground.engines.base import Engine
from playground.engines.openai.engine import OpenAIChatEngine
from playground.services import prompt_sets
from playground.services.evaluation import EvaluationService, UnitStarted, time_left
from playground.services.prompt_sets import PromptSets, ready_sets
from playground.store.database import Database
from playground.store.evaluations import EvaluationStore
from playground.store.files import default_paths
from playground.store.history import ComparisonStore
from playground.ui.pages.compare.targets import TargetSelection
from playground.ui.pages.tests.answers_dialog import AnswersDialog
from playground.ui.pages.tests.cases import CaseTableModel
from playground.ui.pages.tests.chart import RightChart
from playground.ui.pages.tests.dialogs import PasteDialog, RunDialog
from playground.ui.pages.tests.editor import CheckRow
from playground.ui.pages.tests.grid import UnitGrid
from playground.ui.pages.tests.page import TestsPage
from playground.ui.pages.tests.presenter import TestsPresenter
from playground.ui.pages.tests.progress import CellState, Progress
from playground.ui.pages.tests.runner import RunSurroundings
from playground.ui.pages.tests.words import model_figures
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import Badge
from playground.ui.widgets.inputs import ComboBox, NumberField
from playground.ui.widgets.markdown.view import MarkdownView
from playground.ui.window.main_window import MainWindow
from tests.services.evaluating import Answer, Oracle, number_in, number_set
from tests.store.history import folded, waiting_run
from tests.store.test_local_runs import answer
from tests.ui.conftest import HERE, STARTER, THERE, Library, Providers
from tests.ui.layout_checker import layout_problems, settle
from tests.ui.page_harness import PageHarness, click, harness, named, until

__all__ = ["harness"]

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


class Tests:
    """The page and what stands behind it."""

    __test__ = False

    def __init__(self, harness: PageHarness) -> None:
        self.harness = harness
        self.database = Database(harness.home / "history.sqlite3")
        self.store = EvaluationStore(self.database)
        self.sets = PromptSets(self.store)
        self.service = EvaluationService(
            self._engine, self.store, self._cost, lambda _target: ModelPrice(1.0, 1.0)
        )
        self.selection: TargetSelection
        self.badges: list[str | None] = []
        self.busy: list[bool] = []
        """What Compare was told of this computer."""
        self.is_comparing = False
        self.page: TestsPage
        self.presenter: TestsPresenter

    @staticmethod
    def _engine(target: Target) -> Engine:
        assert isinstance(target, CloudTarget)
        return OpenAIChatEngine(target, None)

    @staticmethod
    def _cost(_run: Run) -> Cost:
        return Cost(0.001, "api", Provenance.REPORTED)

    async def open(self, *sets: PromptSet, width: int = 1200, height: int = 760) -> None:
        await self.harness.bridge.submit(self.database.open())
        for each in sets:
            await self.harness.bridge.submit(self.sets.save(each))
        self.show(width, height)
        if sets:
            await until(lambda: self.presenter.draft.prompt_set)

    def show(self, width: int = 1200, height: int = 760) -> None:
        bridge, settings = self.harness.bridge, self.harness.settings
        self.page = TestsPage(self.harness.theme)
        self.selection = TargetSelection(
            bridge, Library(), Providers(), settings, lambda: 8 << 30, is_remembered=False
        )
        self.presenter = TestsPresenter(
            self.page,
            self.harness.theme,
            bridge,
            sets=self.sets,
            service=self.service,
            history=ComparisonStore(self.database),
            selection=self.selection,
            surroundings=RunSurroundings(
                self.harness.toasts,
                self.badges.append,
                lambda: None,
                lambda: self.is_comparing,
                lambda _provider, _action: None,
                self.busy.append,
            ),
        )
        self.harness.show(self.page, width, height)

    async def stored(self) -> list[PromptSet]:
        return await self.harness.bridge.submit(self.store.sets())

    async def start(self, *targets: Target) -> None:
        """Choose models in the dialog and press Start."""
        self.selection.choose(targets)
        click(named(self.page, "Run this set…"))
        dialog = self.dialog()
        await until(dialog._start.isEnabled)
        dialog._start.click()

    def dialog(self) -> RunDialog:
        found = [d for d in self.page.findChildren(RunDialog) if d.isVisible()]
        assert found, "no dialog is open"
        return found[-1]

    def rows(self) -> list[CheckRow]:
        return [r for r in self.page.sets.editor.findChildren(CheckRow) if not r.isHidden()]

    def expected(self, place: int = 0) -> QLineEdit:
        return self.rows()[place]._expected

    def choose_row(self, row: int) -> None:
        self.page.sets.table.choose(self.page.sets.cases.case_at(row).id)

    def says(self, text: str, where: QWidget | None = None) -> bool:
        where = where or self.page
        labels = [one for one in where.findChildren(QLabel) if one.isVisibleTo(where)]
        badges = [one for one in where.findChildren(Badge) if one.isVisibleTo(where)]
        return any(text in label.text() for label in labels) or any(
            text in badge.text for badge in badges
        )

    def picture(self, name: str) -> None:
        """Keep what is shown where somebody wants to look at it."""
        folder = os.environ.get("TESTS_PAGE_PICTURES")
        if folder:
            self.page.window().grab().save(f"{folder}/{name}.png")


def shop() -> PromptSet:
    """Return a small set as a person would write it."""
    cases = (
        replace(
            new_case("My parcel arrived with a broken lid.", (read_check("equals", "complaint"),)),
            tags=("easy",),
        ),
        replace(
            new_case("When do you open on Sunday?", (read_check("equals", "question"),)),
            tags=("easy",),
        ),
        replace(
            new_case(
                "You charged me twice in March.",
                (read_check("equals", "billing"), read_check("max_words", "3")),
            ),
            tags=("money",),
            weight=2,
        ),
    )
    return new_set("Sort messages, my shop", cases, "You sort messages. Answer with one word.")


def answers(model: str, prompt: str) -> Answer:
    number = number_in(prompt)
    return str(number) if model == "good" or number % 3 == 0 else "no idea"


Body = Callable[[], Coroutine[Any, Any, None]]


def test_an_empty_page_says_what_to_do_and_offers_it(
    harness: PageHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = Tests(harness)

    async def body() -> None:
        monkeypatch.setattr(prompt_sets, "ready_sets", lambda: ())
        await tests.open()
        await until(lambda: tests.says("Which model is good enough?"))
        tests.picture("empty")
        click(named(tests.page, "Make a set"))
        field = await wait_named(tests, "Name of the set", QLineEdit)
        field.selectAll()
        QTest.keyClicks(field, "Letters")
        QTest.keyClick(field, Qt.Key.Key_Return)
        await until(lambda: tests.says("Letters"))
        await until_stored(tests, lambda sets: [s.name for s in sets] == ["Letters"])

    harness.run(body)


def test_a_set_of_the_program_says_what_the_starter_model_reaches_and_a_copy_does_not(
    harness: PageHarness,
) -> None:
    tests = Tests(harness)
    (ready,) = [chosen for chosen in ready_sets() if chosen.name == "Sort messages"]

    async def body() -> None:
        await tests.open()
        await until(lambda: tests.says("Sort messages"))
        await until(lambda: tests.says("What the starter model reaches: "))
        assert ready.reached is not None
        assert tests.says(f"{ready.reached.right} of 30 right (measured on 2026-")
        click(named(tests.page, "How they are asked"))
        await until(lambda: tests.says("a fixed form, JSON with: sentiment"))
        tests.picture("ready")
        click(named(tests.page, "Copy to change it"))
        await until_stored(tests, lambda sets: [s.name for s in sets] == ["Sort messages, copy"])
        await until(lambda: not tests.says("What the starter model reaches: "))
        (copy,) = await tests.stored()
        assert copy.reached is None
        assert copy.sampling.schema == ready.sampling.schema

    harness.run(body)


async def wait_named(tests: Tests, name: str, kind: type[QWidget]) -> Any:
    def there() -> bool:
        return any(
            w.accessibleName() == name and w.isVisibleTo(tests.page)
            for w in tests.page.findChildren(kind)
        )

    await until(there)
    return named(tests.page, name, kind)


async def until_stored(tests: Tests, holds: Callable[[list[PromptSet]], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds(await tests.stored()):
            await asyncio.sleep(0.02)


def test_what_is_typed_is_saved_and_each_change_can_be_undone(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        await tests.open(shop())
        tests.picture("set")
        tests.choose_row(0)
        tests.picture("editor")
        field = tests.expected()
        field.selectAll()
        QTest.keyClicks(field, "praise")
        chips = tests.page.sets.cases.index(0, 2).data()
        assert chips == "is exactly “praise”"
        await until_stored(tests, lambda s: s[0].cases[0].checks[0].expected == "praise")
        tests.page.activateWindow()
        field.setFocus()
        tests.page.undo_wanted.emit()
        assert tests.expected().text() != "praise"
        while tests.presenter.draft.undo():
            pass
        assert tests.expected().text() == "complaint"
        await until_stored(tests, lambda s: s[0].cases[0].checks[0].expected == "complaint")
        tests.presenter.draft.redo()
        assert tests.expected().text() == "praise"

    harness.run(body)


def test_a_message_has_texts_of_its_own_for_the_words_in_it(harness: PageHarness) -> None:
    tests = Tests(harness)
    case = new_case("Draw a {{animal}} in {{colour}}.", (read_check("contains", "cat"),))
    prompts = replace(new_set("art", (case, new_case("Sing."))), variables=(("animal", "cat"),))

    async def body() -> None:
        await tests.open(prompts)
        tests.choose_row(0)
        animal = named(tests.page, "Text for animal in this message", QLineEdit)
        colour = named(tests.page, "Text for colour in this message", QLineEdit)
        assert (animal.placeholderText(), colour.placeholderText()) == ("cat", "nothing yet")
        QTest.keyClicks(colour, "red")
        await until_stored(tests, lambda s: s[0].cases[0].variables == (("colour", "red"),))
        tests.presenter.draft.undo()
        assert colour.text() == ""
        tests.presenter.draft.redo()
        assert colour.text() == "red"
        named(tests.page, "Message", QPlainTextEdit).setPlainText("Draw a {{plant}}.")
        # its name is gone, its text is not, and it stays while somebody types
        colour = named(tests.page, "Text for colour in this message", QLineEdit)
        tests.page.activateWindow()
        colour.setFocus()
        await until(colour.hasFocus)
        colour.selectAll()
        QTest.keyClick(colour, Qt.Key.Key_Delete)
        assert tests.presenter.draft.prompt_set.cases[0].variables == ()
        assert colour.isVisible()
        named(tests.page, "Text for plant in this message", QLineEdit)
        tests.picture("words")
        for scale in (1.0, 2.0):
            harness.theme.set_appearance(scale=scale)
            settle()
            assert layout_problems(tests.page) == []
        harness.theme.set_appearance(scale=1.0)
        tests.choose_row(1)
        assert not colour.isVisible()

    harness.run(body)


def test_ctrl_z_in_a_field_undoes_what_the_page_has_changed(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        await tests.open(shop())
        tests.choose_row(0)
        tests.page.activateWindow()
        await until(tests.page.isActiveWindow)
        prompt = named(tests.page.sets.editor, "Message", QPlainTextEdit)
        prompt.setFocus()
        QTest.keyClicks(prompt, "Hello. ")
        assert tests.presenter.draft.prompt_set.cases[0].prompt.startswith("Hello. My parcel")
        QTest.keySequence(prompt, QKeySequence(QKeySequence.StandardKey.Undo))
        assert tests.presenter.draft.prompt_set.cases[0].prompt.startswith("My parcel")
        assert prompt.toPlainText().startswith("My parcel")

    harness.run(body)


def test_a_check_that_cannot_be_read_says_so_and_changes_nothing(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        await tests.open(shop())
        tests.choose_row(0)
        row = tests.rows()[0]
        row._kind.choose(CheckKind.NUMBER)
        row._kind.picked.emit(CheckKind.NUMBER)
        assert tests.says("“complaint” is no number such as 42")
        assert tests.presenter.draft.prompt_set.cases[0].checks[0].kind is CheckKind.EQUALS
        tests.picture("unreadable")
        tests.expected().setText("")
        QTest.keyClicks(tests.expected(), "42")
        assert not tests.says("is no number")
        check = tests.presenter.draft.prompt_set.cases[0].checks[0]
        assert (check.kind, check.expected) == (CheckKind.NUMBER, "42")

    harness.run(body)


def test_closing_at_once_loses_nothing(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        await tests.open(shop())
        tests.choose_row(1)
        QTest.keyClicks(tests.expected(), "s")
        tests.page.closing.emit()
        # it is being written: a reader may still find what was there before
        while (await tests.stored())[0].cases[1].checks[0].expected != "questions":
            await asyncio.sleep(0.01)

    harness.run(body)


def test_messages_are_added_duplicated_moved_and_deleted_by_keyboard(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        await tests.open(shop())
        QAbstractItemModelTester(tests.page.sets.cases)
        table = tests.page.sets.table
        tests.choose_row(2)
        tests.page.sets.case_action.emit("duplicate")
        assert prompts(tests)[2] == prompts(tests)[3]
        tests.choose_row(0)
        QTest.keyClick(table, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
        assert prompts(tests)[1].startswith("My parcel")
        assert table.currentIndex().row() == 1
        QTest.keyClick(table, Qt.Key.Key_Delete)
        assert not any(p.startswith("My parcel") for p in prompts(tests))
        assert harness.toasts.undo is not None
        harness.toasts.undo()
        assert prompts(tests)[1].startswith("My parcel")
        tests.page.sets.case_action.emit("add")
        assert prompts(tests)[-1] == ""
        assert tests.page.sets.editor.case is not None
        assert tests.page.sets.editor.case.prompt == ""

    harness.run(body)


def prompts(tests: Tests) -> list[str]:
    assert tests.presenter.draft.prompt_set is not None
    return [case.prompt for case in tests.presenter.draft.prompt_set.cases]


def test_a_pasted_list_says_which_line_is_wrong_and_stays(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        await tests.open(shop())
        click(named(tests.page, "Paste a list"))
        (dialog,) = tests.page.findChildren(PasteDialog)
        dialog._format.select("csv")
        dialog._text.setPlainText("prompt,check,expected\nHow many?,number,many\n")
        dialog._on_add()
        assert tests.says("Line 2", dialog)
        tests.picture("paste")
        dialog._text.setPlainText("prompt,check,expected\nHow many?,number,3\n")
        dialog._on_add()
        assert prompts(tests)[-1] == "How many?"
        dialog.close()

    harness.run(body)


def test_import_tells_the_line_and_export_reads_back(harness: PageHarness, tmp_path: Path) -> None:
    tests = Tests(harness)

    async def body() -> None:
        await tests.open(shop())
        wrong = tmp_path / "wrong.csv"
        wrong.write_text("prompt,check,expected\nA,contains,a\nB,nothing,b\n", "utf-8")
        tests.page.import_chosen.emit(wrong)
        await until(lambda: harness.toasts.texts)
        assert "wrong.csv: Line 3: “nothing” is no kind of check." in harness.toasts.texts[-1]
        out = tmp_path / "out.csv"
        tests.page.export_chosen.emit(out, FileFormat.CSV)
        await until(lambda: "Written to out.csv." in harness.toasts.texts)
        tests.page.import_chosen.emit(out)
        await until(lambda: "3 messages are here." in harness.toasts.texts)
        stored = {each.name: each for each in await tests.stored()}
        assert stored["out"].cases[2].checks == shop().cases[2].checks

    harness.run(body)


def test_a_deleted_set_comes_back(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        first, second = shop(), number_set(3, "Numbers")
        await tests.open(first, second)
        tests.page.sets.list.choose(first.id)
        click(named(tests.page, "Delete this set (can be undone)"))
        await until(lambda: harness.toasts.undo)
        assert [each.name for each in await tests.stored()] == ["Numbers"]
        tests.page.undo_wanted.emit()
        await until_stored(tests, lambda sets: len(sets) == 2)
        assert first in [replace(s, created_at=first.created_at) for s in await tests.stored()]

    harness.run(body)


def test_search_and_tags_keep_the_open_message(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        await tests.open(shop())
        model: QAbstractItemModel = tests.page.sets.cases
        QAbstractItemModelTester(model)
        tests.choose_row(2)
        tests.page.sets._search.setText("march")
        tests.page.sets._find()
        assert model.rowCount() == 1
        assert tests.page.sets.editor.isVisibleTo(tests.page)
        assert tests.page.sets.table.currentIndex().row() == 0
        tests.page.sets._search.setText("sunday")
        tests.page.sets._find()
        assert not tests.page.sets.editor.isVisibleTo(tests.page)

    harness.run(body)


def test_a_page_that_is_left_open_waits_for_the_history(
    qapp: QApplication, playground_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Database.open

    async def slowly(database: Database) -> None:
        await asyncio.sleep(1)
        await opened(database)

    monkeypatch.setattr(Database, "open", slowly)
    monkeypatch.setattr(MainWindow, "report", lambda _window, error: failures.append(error))
    failures: list[BaseException] = []
    tasks: list[asyncio.Task[None]] = []
    windows: list[MainWindow] = []

    async def live(window: MainWindow) -> None:
        try:
            window.show_page("tests")
            await until(lambda: window.pages.current == "tests")
            await until(lambda: window.pages.page("tests").presenter.draft.prompt_set)
        finally:
            window.close()

    def on_shown(window: MainWindow) -> None:
        windows.append(window)
        tasks.append(asyncio.ensure_future(live(window)))

    assert _run_program(qapp, default_paths(), on_shown) == 0
    tasks[0].result()
    for window in windows:
        window.deleteLater()
        window._theme.deleteLater()
    assert failures == []


def test_ten_thousand_messages_are_a_model_that_changes_one_row(qapp: QApplication) -> None:
    model = CaseTableModel()
    cases = number_set(10_000).cases
    model.show_cases(cases)
    changed: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda a, b: changed.append((a.row(), b.row())))
    model.show_cases((*cases[:7000], replace(cases[7000], prompt="Other"), *cases[7001:]))
    assert changed == [(7000, 7000)]
    assert model.rowCount() == 10_000


def test_the_plan_says_what_it_takes_before_anything_is_asked(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        with Oracle(answers) as oracle:
            elsewhere = oracle.target("far", "away")
            provider = replace(elsewhere.provider, base_url="https://api.example.com/v1")
            await tests.open(number_set(4))
            tests.selection.choose((oracle.target("good"), replace(elsewhere, provider=provider)))
            click(named(tests.page, "Run this set…"))
            dialog = tests.dialog()
            await until(lambda: tests.says("4 messages × 2 models × once", dialog))
            assert tests.says("api.example.com", dialog)
            assert tests.says("4 questions cannot rule out luck: two models must", dialog)
            assert not oracle.bodies
            tests.picture("plan")
            for scale in (1.0, 1.5, 2.0):
                harness.theme.set_appearance(scale=scale)
                for size in ((620, 480), (876, 576), (1200, 700)):
                    dialog.resize(*size)
                    settle()
                    assert layout_problems(dialog) == []
            harness.theme.set_appearance(scale=1.0)
            dialog._repeats._buttons["3"].click()
            await until(lambda: tests.says("× 3 times", dialog))
            dialog.reject()

    harness.run(body)


def test_a_set_is_offered_with_its_models_or_a_ready_one_where_it_is_gone(
    harness: PageHarness,
) -> None:
    tests, own = Tests(harness), shop()
    targets = [HERE, THERE]

    async def body() -> None:
        await tests.open(own, replace(shop(), id="empty", name="Empty", cases=()))
        for set_id, name in (
            (own.id, own.name),
            ("gone", "Sort messages"),
            ("empty", "Sort messages"),
        ):
            tests.presenter.offer(targets, set_id)
            await until(lambda: [d for d in tests.page.findChildren(RunDialog) if d.isVisible()])
            dialog = tests.dialog()
            await until(lambda: tests.selection.chosen == tuple(targets))
            opened = tests.presenter.draft.prompt_set
            assert opened is not None
            assert opened.name == name
            dialog.reject()
            await until(
                lambda: not [d for d in tests.page.findChildren(RunDialog) if d.isVisible()]
            )

    harness.run(body)


def test_the_plan_says_that_models_are_loaded_in_turn(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def one_each(targets: Sequence[LocalTarget]) -> list[list[LocalTarget]]:
        return [[target] for target in targets]

    async def body() -> None:
        tests.service.side_by_side = one_each
        await tests.open(number_set(8))
        models = [ModelFile(Path(f"/models/{name}.gguf"), name, 1, "Own") for name in "ab"]
        tests.selection.choose([LocalTarget(model) for model in models])
        click(named(tests.page, "Run this set…"))
        dialog = tests.dialog()
        said = "each is asked 4 messages before the next is loaded, 3 loads in all"
        await until(lambda: tests.says(said, dialog))
        tests.picture("blocks")
        dialog.reject()

    harness.run(body)


def test_a_run_is_shown_paused_gone_on_with_and_ends_in_its_results(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        with Oracle(answers) as oracle:
            await tests.open(number_set(6))
            oracle.gate = threading.Event()
            tests.is_comparing = True
            await tests.start(oracle.target("good"), oracle.target("poor"))
            await until(lambda: tests.page.is_showing_run)
            await until(lambda: tests.says("answering message"))
            assert tests.says("0 of 6")
            assert tests.says("Compare is answering at the same time")
            tests.picture("running")
            assert tests.busy[-1]
            click(named(tests.page, "Pause"))
            assert tests.says("Paused")
            assert not tests.busy[-1]
            oracle.gate.set()
            oracle.gate = None
            await until(lambda: tests.presenter.runner._progress.done >= 1)
            click(named(tests.page, "Back to the sets (Esc)"))
            assert tests.page.is_showing_sets
            tests.presenter.runner.show()
            click(named(tests.page, "Go on"))
            assert tests.busy[-1]
            await until(lambda: not tests.presenter.runner.is_running)
            await until(lambda: tests.page.is_showing_results)
            assert not tests.busy[-1]
            assert any("is finished: 12 answers" in text for text in harness.toasts.texts)
            assert tests.badges[-1] is None
            progress = tests.presenter.runner._progress
            assert [(m.right, m.wrong) for m in progress.models()] == [(6, 0), (2, 4)]
            (listed,) = await harness.bridge.submit(tests.store.listed())
            assert listed.finished_at is not None

    harness.run(body)


def test_a_stopped_run_is_offered_again_and_asks_nothing_twice(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        stop_at = threading.Event()

        def say(model: str, prompt: str) -> Answer:
            if number_in(prompt) >= 3:
                stop_at.wait(20)
            return str(number_in(prompt))

        with Oracle(say) as oracle:
            await tests.open(number_set(8))
            target = oracle.target("good")
            await tests.start(target)
            await until(lambda: tests.presenter.runner._progress)
            await until(lambda: tests.presenter.runner._progress.done == 3)
            click(named(tests.page, "Stop"))
            assert "Stopped: 3 of 8 answers are kept." in harness.toasts.texts[-1]
            stop_at.set()
            click(named(tests.page, "Run this set…"))
            dialog = tests.dialog()
            await until(lambda: tests.says("Go on: 3 of 8 answers are there.", dialog))
            tests.picture("go-on")
            dialog._start.click()
            await until(lambda: tests.presenter.runner._end)
            asked = [prompt for _, prompt in oracle.answered[:3]]
            later = [prompt for _, prompt in oracle.answered[3:]]
            assert not set(asked) & set(later)

    harness.run(body)


def test_a_provider_that_refuses_ends_it_and_says_why(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        refusal = (401, {}, {"error": {"message": "Incorrect API key provided."}})
        with Oracle(lambda _model, _prompt: refusal) as oracle:
            await tests.open(number_set(9))
            await tests.start(oracle.target("good"))
            await until(lambda: tests.presenter.runner._end)
            await until(lambda: tests.says("It ended before all was asked."))
            assert tests.says("Not finished")
            assert tests.page.is_showing_run
            assert named(tests.page, "Go on")
            tests.picture("refused")

    harness.run(body)


def test_a_changed_check_is_tried_on_the_last_answers(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        with Oracle(answers) as oracle:
            await tests.open(number_set(2))
            await tests.start(oracle.target("good"), oracle.target("poor"))
            await until(lambda: tests.page.is_showing_results)
            tests.page.show_sets()
            await until(lambda: tests.presenter._last)
            tests.choose_row(1)
            await until(lambda: tests.says("Tried on the last answers: 1 right, 1 wrong"))
            tests.expected().setText("")
            QTest.keyClicks(tests.expected(), "7")
            await until(lambda: tests.says("Tried on the last answers: 0 right, 2 wrong"))

    harness.run(body)


def test_a_model_here_is_said_to_wait_for_the_cloud() -> None:
    near, far = (CloudTarget(Provider(n, n, f"http://{h}/v1"), n)
                 for n, h in (("own", "127.0.0.1:1"), ("far", "api.example.com")))  # fmt: skip
    prompts = number_set(8)
    evaluation = new_evaluation(prompts, (near, far), 1, prompts.sampling)
    progress = Progress(evaluation)
    progress.add(UnitStarted(Unit(prompts.cases[0].id, far.key, 0)))
    here, _ = progress.models()
    assert here.now == "waits for the cloud, to have the computer to itself"
    # eight answers here, after eight in the cloud of which four come at once
    means = {near.key: 10.0, far.key: 2.0}
    assert time_left(evaluation.targets, dict.fromkeys(means, 8), means) == 84.0


def test_a_set_of_another_window_shows_when_the_page_comes_back(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        first = shop()
        await tests.open(first)
        changed = replace(first, cases=(*first.cases, new_case("One more")))
        await harness.bridge.submit(tests.sets.save(changed))
        tests.page.shown.emit()
        await until(lambda: tests.page.sets.cases.rowCount() == 4)
        evaluation = new_evaluation(changed, (), 1, changed.sampling)
        await harness.bridge.submit(tests.store.save(evaluation))
        tests.presenter.open_results(evaluation.id)
        await until(lambda: tests.page.is_showing_results)

    harness.run(body)


def disputed(model: str, prompt: str) -> Answer:
    """Answer for the results: the good model is right but for one outage, the poor at even ones."""
    number = number_in(prompt)
    if model == "good" and number == 7:
        return 503, {}, {"error": {"message": "out"}}
    return str(number) if model == "good" or number % 4 == 0 else "**no** idea"


async def finished(tests: Tests, oracle: Oracle, prompt_set: PromptSet) -> None:
    """Run a set on two models and wait for its results."""
    await tests.start(oracle.target("good"), oracle.target("poor"))
    await until(lambda: tests.page.is_showing_results)
    assert tests.presenter.results.evaluation.prompt_set.id == prompt_set.id
    await until(lambda: tests.page.results.findChildren(RightChart))


def test_results_say_who_is_right_where_they_disagree_and_what_was_answered(
    harness: PageHarness, tmp_path: Path
) -> None:
    tests = Tests(harness)

    async def body() -> None:
        with Oracle(disputed) as oracle:
            prompt_set = number_set(12)
            await tests.open(prompt_set)
            await finished(tests, oracle, prompt_set)
            assert tests.says("11 of 11 right")
            assert tests.says("1 more not scored")
            assert tests.says("3 of 12 right")
            assert tests.says("Top group")
            assert tests.says("Behind")
            assert tests.says("good is better than poor: right where the other was wrong 8 times")
            table = tests.page.results.outcomes
            # only where one was right and the other not
            assert [table.row_at(n).number for n in range(table.rowCount())] == [
                2, 3, 4, 6, 7, 10, 11, 12,
            ]  # fmt: skip
            click(named(tests.page, "All"))
            await until(lambda: table.rowCount() == 12)
            spoken = table.index(1, 4).data(Qt.ItemDataRole.AccessibleTextRole)
            assert spoken == "wrong"
            assert "It has no number" in table.index(1, 4).data(Qt.ItemDataRole.ToolTipRole)
            tests.picture("results")
            for ending in ("png", "svg"):
                picture = tmp_path / f"chart.{ending}"
                tests.presenter.results._save_chart(picture)
                assert picture.stat().st_size > 1000
            assert "good" in (tmp_path / "chart.svg").read_text("utf-8")
            assert QImage(str(tmp_path / "chart.png")).width() == 1600
            tests.page.results.table.setCurrentIndex(table.index(1, 3))
            QTest.keyClick(tests.page.results.table, Qt.Key.Key_Return)
            await until(lambda: shown_answers(tests))
            assert tests.says("Message 2", shown_answers(tests))
            assert tests.says("Wrong. It has no number.", shown_answers(tests))
            click(named(shown_answers(tests), "Next"))
            await until(lambda: tests.says("Message 3", shown_answers(tests)))
            shown_answers(tests).reject()

    harness.run(body)


def shown_answers(tests: Tests) -> AnswersDialog | None:
    found = [d for d in tests.page.findChildren(AnswersDialog) if d.isVisible()]
    return found[-1] if found and found[-1].findChildren(MarkdownView) else None


def test_only_what_was_not_scored_is_asked_again(harness: PageHarness) -> None:
    tests = Tests(harness)
    is_out = True

    def say(model: str, prompt: str) -> Answer:
        return disputed(model, prompt) if is_out else str(number_in(prompt))

    async def body() -> None:
        nonlocal is_out
        with Oracle(say) as oracle:
            prompt_set = number_set(9)
            await tests.open(prompt_set)
            await finished(tests, oracle, prompt_set)
            is_out = False
            oracle.bodies.clear()
            click(named(tests.page, "Ask the one not scored again"))
            await until(lambda: tests.says("9 of 9 right"))
            assert len(oracle.bodies) == 1
            assert not tests.page.again_button.isVisible()

    harness.run(body)


def test_results_are_found_by_words_and_counted_by_tag(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        with Oracle(disputed) as oracle:
            prompt_set = number_set(8)
            tagged = [replace(c, tags=("even",)) if n % 2 == 0 else c
                      for n, c in enumerate(prompt_set.cases)]  # fmt: skip
            prompt_set = replace(prompt_set, cases=tuple(tagged))
            await tests.open(prompt_set)
            await finished(tests, oracle, prompt_set)
            results = tests.page.results
            click(named(tests.page, "All"))
            results._tags.choose("even")
            results._tags.picked.emit("even")
            await until(lambda: tests.says("4 of 4 right"))
            assert results.outcomes.rowCount() == 4
            results._tags.choose("")
            results._tags.picked.emit("")
            await until(lambda: results.outcomes.rowCount() == 8)
            counted = tests.presenter.results._known
            results._search.setText("number 5")
            await until(lambda: results.outcomes.rowCount() == 1)
            # 10,000 results would take as long as opening them
            assert tests.presenter.results._known is counted
            assert results.outcomes.row_at(0).number == 6
            results._search.setText("pelican")
            await until(lambda: tests.says("No message has what was searched for"))

    harness.run(body)


def test_a_room_sees_the_figures_then_the_main_sentence_and_the_chart(
    harness: PageHarness,
) -> None:
    tests = Tests(harness)

    async def body() -> None:
        with Oracle(disputed) as oracle:
            prompt_set = number_set(8)
            await tests.open(prompt_set, width=1280, height=800)
            await finished(tests, oracle, prompt_set)
            results = tests.page.results
            harness.theme.set_appearance(presentation_mode=True, presentation_scale=1.4)
            tests.page.set_presentation_mode(on=True)
            settle()
            assert layout_problems(tests.page) == []
            figures = [label for label in results.models.findChildren(QLabel)
                       if label.property("role") == "figure"]  # fmt: skip
            assert [label.text() for label in figures] == [
                "7 of 7 right",
                "2 of 8 right",
            ]
            assert not results.table.isVisible()
            # nothing has to be scrolled to
            assert results._scroll.verticalScrollBar().maximum() == 0
            tests.picture("stage")
            harness.theme.set_appearance(presentation_mode=False)
            tests.page.set_presentation_mode(on=False)
            settle()
            assert results.table.isVisible()
            # what was closed with the chart before is gone before the page is
            await asyncio.sleep(0)

    harness.run(body)


def test_a_run_is_held_against_an_earlier_one(harness: PageHarness) -> None:
    tests = Tests(harness)
    is_better = False

    def say(model: str, prompt: str) -> Answer:
        return str(number_in(prompt)) if is_better else disputed(model, prompt)

    async def body() -> None:
        nonlocal is_better
        with Oracle(say) as oracle:
            prompt_set = number_set(10)
            await tests.open(prompt_set)
            await finished(tests, oracle, prompt_set)
            first = tests.presenter.results.evaluation.id
            is_better = True
            click(named(tests.page, "Back to the sets (Esc)"))
            await finished(tests, oracle, prompt_set)
            await until(lambda: tests.presenter.results.evaluation.id != first)
            await until(tests.page.earlier_button.isVisible)
            await tests.presenter.results.compare_with(first)
            assert tests.says("poor is better now. Of 10 questions 7 are right only now")
            assert tests.says("good did the same. None of 9 questions turned right or wrong.")
            # the verdict stands where it was, and the other can be closed
            assert tests.says("good or poor? They never disagreed")
            click(named(tests.page, "Close what is said of the earlier run"))
            assert not tests.says("poor is better now")

    harness.run(body)


def test_where_there_is_no_room_for_the_list_a_set_can_be_chosen_at_once(
    harness: PageHarness,
) -> None:
    tests = Tests(harness)

    async def body() -> None:
        await tests.open(shop(), width=820, height=560)
        box = await wait_named(tests, "Set", ComboBox)
        assert box.currentText() == "Sort messages, my shop"

    harness.run(body)


def test_enter_in_a_check_leads_to_the_next_message_and_after_the_last_to_a_new_one(
    harness: PageHarness,
) -> None:
    tests = Tests(harness)

    async def body() -> None:
        await tests.open(shop())
        tests.page.activateWindow()
        cases = tests.page.sets.cases
        tests.choose_row(1)
        QTest.keyClick(tests.expected(), Qt.Key.Key_Return)
        assert tests.page.sets.table.chosen_id == cases.case_at(2).id
        message = named(tests.page.sets.editor, "Message", QPlainTextEdit)
        await until(message.hasFocus)
        QTest.keyClick(tests.expected(), Qt.Key.Key_Return)
        assert cases.rowCount() == 4
        assert tests.page.sets.table.chosen_id == cases.case_at(3).id
        assert message.toPlainText() == ""

    harness.run(body)


def test_a_message_without_a_check_has_no_hole_and_is_offered_one(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        plain = replace(shop(), cases=(*shop().cases, new_case("No check here")))
        await tests.open(plain)
        tests.choose_row(2)
        assert tests.page.sets.editor.add_button.text().strip() == "Another check"
        tests.choose_row(3)
        editor = tests.page.sets.editor
        assert editor.add_button.text().strip() == "Add a check"
        assert not editor._checks.isVisible()
        click(editor.add_button)
        row = tests.rows()[0]
        row._kind.choose(CheckKind.NUMBER)
        row._kind.picked.emit(CheckKind.NUMBER)
        assert row._problem.isHidden(), "nothing was typed yet"
        QTest.keyClicks(row._expected, "x")
        assert not row._problem.isHidden()

    harness.run(body)


def test_a_pasted_table_has_its_example(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        await tests.open(shop())
        click(named(tests.page, "Paste a list"))
        dialog = tests.page.findChild(PasteDialog)
        text = dialog.findChild(QPlainTextEdit)
        assert "prompt,check" not in text.placeholderText()
        click(named(dialog, "A table (CSV)"))
        cases = read_cases(text.placeholderText().encode(), FileFormat.CSV)
        assert [case.checks[0].kind for case in cases] == [CheckKind.NUMBER, CheckKind.CONTAINS]
        assert tests.says("not_contains", dialog)

    harness.run(body)


def test_what_was_left_unfinished_is_opened_first_and_goes_on_with_its_models(
    harness: PageHarness,
) -> None:
    tests = Tests(harness)

    async def body() -> None:
        with Oracle(answers) as oracle:
            mine = number_set(4)
            target = oracle.target("good")
            await tests.open(shop(), mine)
            evaluation = new_evaluation(mine, (target,), 3, mine.sampling)
            bridge, store = harness.bridge, tests.store
            await bridge.submit(store.save(evaluation))
            run = folded(waiting_run("r1", target), answer(5, 50.0))
            await bridge.submit(store.keep(evaluation, evaluation.units[0], mine.cases[0], run))
            tests.show()
            button = await wait_named(tests, "Go on: 1 of 12", QWidget)
            assert tests.presenter.draft.prompt_set == mine
            click(button)
            await until(lambda: tests.page.findChildren(RunDialog))
            await until(lambda: tests.says("Go on: 1 of 12 answers are there", tests.dialog()))
            assert tests.dialog().repeats == 3
            assert tests.says("1 is there", tests.dialog())
            tests.dialog().reject()

    harness.run(body)


def test_while_a_test_runs_its_line_follows_and_stop_leads_to_its_set(
    harness: PageHarness,
) -> None:
    tests = Tests(harness)
    go = threading.Event()

    def slowly(model: str, prompt: str) -> Answer:
        if number_in(prompt) > 1:
            go.wait(20)
        return answers(model, prompt)

    async def body() -> None:
        with Oracle(slowly) as oracle:
            mine = number_set(4)
            await tests.open(mine, shop())
            tests.presenter._open(mine.id)
            await tests.start(oracle.target("good"))
            await until(lambda: tests.page.is_showing_run)
            tests.page.back_wanted.emit()
            rows = tests.page.sets.sets

            def captions() -> list[str]:
                return [
                    rows.index(n, 0).data(Qt.ItemDataRole.AccessibleTextRole) or ""
                    for n in range(rows.rowCount())
                ]

            await until(lambda: any("running: " in caption for caption in captions()))
            other = next(s for s in await tests.stored() if s.id != mine.id)
            tests.presenter._open(other.id)
            tests.presenter.runner.stop()
            go.set()
            assert tests.presenter.draft.prompt_set is not None
            assert tests.presenter.draft.prompt_set.id == mine.id

    harness.run(body)


def test_the_exact_figures_stand_one_click_behind_the_verdict(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        with Oracle(disputed) as oracle:
            prompt_set = number_set(12)
            await tests.open(prompt_set)
            await finished(tests, oracle, prompt_set)
            p_value = "Exact McNemar test, two-sided: p = 0.00781"
            assert not tests.says(p_value)
            click(named(tests.page, "Exact figures"))
            assert tests.says(p_value)
            assert tests.says("11 questions scored for both; right where the other was wrong: 8")
            assert tests.says("95 % interval (Wilson): 74.1–100.0 %")
            results = tests.page.results
            (chart,) = results.findChildren(RightChart)
            (point,) = [p for p in chart._points if p.label.startswith("good")]
            assert "11 of 11 scored questions right" in chart.figures_at(chart._at(point))
            (row,) = [w for w in results.findChildren(QLabel) if w.text() == "74–100 %"]
            assert "(Wilson): 74.1–100.0 %" in row.toolTip()
            assert p_value in results._first.toolTip()

    harness.run(body)


def told(evaluation: Evaluation, letters: str, **changes: Any) -> list[UnitResult]:
    """Return results by letters: r, w, and - for what was cut off at the longest length."""
    outcomes = {"r": Outcome.RIGHT, "w": Outcome.WRONG, "-": Outcome.NOT_SCORED}
    return [
        replace(
            UnitResult(unit, "", "", outcomes[letter], (CUT_OFF,) if letter == "-" else ()),
            **changes,
        )
        for unit, letter in zip(evaluation.units, letters, strict=True)
    ]


def test_what_was_cut_off_stands_beside_the_count_and_leads_to_the_longest_answer(
    harness: PageHarness,
) -> None:
    tests = Tests(harness)

    async def body() -> None:
        with Oracle(answers) as oracle:
            prompt_set = number_set(3)
            await tests.open(prompt_set)
            evaluation = new_evaluation(prompt_set, [oracle.target()], 1, prompt_set.sampling)
            await harness.bridge.submit(tests.store.save(evaluation))
            tests.presenter.results.show(evaluation, told(evaluation, "rr-"))
            tests.page.show_results("numbers")
            assert tests.says("2 of 2 right")
            assert tests.says("1 more not scored: cut off at the longest length")
            # asked again, it would be cut off again
            assert tests.presenter.results.worth_asking == 0
            click(named(tests.page, "Longest answer…"))
            assert tests.page.is_showing_sets
            field = named(tests.page, "Longest answer, in tokens", NumberField)
            assert tests.page.focusWidget() is field
            tests.presenter.results.show(evaluation, told(evaluation, "rrr"))
            tests.page.show_results("numbers")
            assert not tests.page.results._cut_off_card.isVisible()

    harness.run(body)


def test_one_model_is_compared_with_nobody(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        with Oracle(answers) as oracle:
            prompt_set = number_set(7)
            await tests.open(prompt_set)
            evaluation = new_evaluation(prompt_set, [oracle.target()], 1, prompt_set.sampling)
            tests.presenter.results.show(evaluation, told(evaluation, "wwwwwww"))
            tests.page.show_results("numbers")
            assert tests.says("there is nothing to compare it with")
            assert not tests.says("Group")
            assert not tests.says("Top group")
            assert not tests.says("rule out luck")
            tests.selection.choose([oracle.target()])
            tests.page.show_sets()
            click(named(tests.page, "Run this set…"))
            dialog = tests.dialog()
            await until(lambda: tests.says("7 messages × 1 model", dialog))
            assert not tests.says("told apart?", dialog)
            assert tests.says("whether a model answers the same each time", dialog)
            # nobody sends a bill for a server on this computer
            assert tests.says("Electricity only", dialog)
            tests.selection.choose([oracle.target("a"), oracle.target("b")])
            await until(lambda: tests.says("told apart?", dialog))
            assert tests.says("With 7 questions two models must disagree on at least 6", dialog)
            dialog.reject()

    harness.run(body)


def test_electricity_is_called_so_beforehand_and_in_the_results(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        with Oracle(answers) as oracle:
            prompt_set = number_set(2)
            await tests.open(prompt_set)
            far = CloudTarget(Provider("far", "Far", "https://api.example.com/v1"), "m")
            evaluation = new_evaluation(prompt_set, [oracle.target(), far], 1, prompt_set.sampling)
            found = told(
                evaluation, "rrrr", usd=0.001, usd_provenance=Provenance.ESTIMATED,
                words_per_s=6.0,
            )  # fmt: skip
            found[0] = replace(found[0], words_per_s=22.0)
            tests.presenter.results.show(evaluation, found)
            tests.page.show_results("numbers")
            shown = [label.text() for label in tests.page.results.models.findChildren(QLabel)]
            assert shown.count("○ electricity, estimated") == 1
            assert shown.count("○ estimated") == 1
            assert {"usual 14", "mostly 10–18"} <= set(shown)
            # names that are the same, at places that differ
            assert {"Oracle", "Far"} <= set(shown)

    harness.run(body)


def test_names_tell_their_place_only_where_it_is_needed() -> None:
    practice = Provider("practice", "Practice", "http://127.0.0.1:1/v1", is_practice=True)
    here = LocalTarget(ModelFile(Path("/a.gguf"), "SmolLM2 135M", 1, "", quantization="Q4_0"))
    other = LocalTarget(ModelFile(Path("/b.gguf"), "SmolLM2 135M", 1, "", quantization="Q8_0"))
    served = CloudTarget(practice, "smollm2-135m")
    names = target_names([here, served])
    assert names[here.key].line == "SmolLM2 135M · On this computer"
    assert names[served.key].line == "smollm2-135m · Practice cloud"
    assert names[served.key].whole.endswith("in the practice cloud (on this computer)")
    assert target_names([here])[here.key].line == "SmolLM2 135M"
    alike = target_names([here, other])
    assert alike[here.key].whole == "SmolLM2 135M on this computer (Q4_0)"
    assert alike[here.key].line != alike[other.key].line


def test_a_small_window_keeps_range_and_group_and_opens_at_the_top(harness: PageHarness) -> None:
    tests = Tests(harness)

    async def body() -> None:
        with Oracle(disputed) as oracle:
            prompt_set = number_set(12)
            await tests.open(prompt_set, width=900, height=600)
            await finished(tests, oracle, prompt_set)
            assert tests.says("74–100 %")
            assert tests.says("Top group · words a second: ")
            settle()
            bar = tests.page.results._scroll.verticalScrollBar()
            assert bar.maximum() > 0
            bar.setValue(bar.maximum())
            evaluation = tests.presenter.results.evaluation
            click(named(tests.page, "Back to the sets (Esc)"))
            await tests.presenter._open_results(evaluation.id)
            settle()
            assert bar.value() == 0

    harness.run(body)


def test_a_mark_of_a_running_test_opens_the_answers_so_far(harness: PageHarness) -> None:
    tests = Tests(harness)
    gate = threading.Event()

    def say(_model: str, prompt: str) -> Answer:
        if number_in(prompt) >= 2:
            gate.wait(20)
        return f"It is {number_in(prompt)}."

    async def body() -> None:
        with Oracle(say) as oracle:
            await tests.open(number_set(4))
            await tests.start(oracle.target("good"))
            await until(lambda: tests.presenter.runner._progress)
            await until(lambda: tests.presenter.runner._progress.done == 2)
            grid = tests.page.running.grid
            first = QPoint(grid._names_width + 5, harness.theme.px(40))
            QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=first)
            await until(lambda: shown_answers(tests))
            await until(lambda: tests.says("Message 1", shown_answers(tests)))
            assert tests.says("Right.", shown_answers(tests))
            shown_answers(tests).reject()
            await until(lambda: shown_answers(tests) is None)
            for key in (Qt.Key.Key_End, Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Return):
                QTest.keyClick(grid, key)
            await until(lambda: shown_answers(tests))
            assert tests.says("Message 2", shown_answers(tests))
            shown_answers(tests).reject()
            gate.set()
            await until(lambda: not tests.presenter.runner.is_running)

    harness.run(body)


def test_figures_of_repeats_count_what_was_right_every_time() -> None:
    target = CloudTarget(Provider("far", "Far", "https://api.example.com/v1"), "m")
    prompt_set = number_set(2)
    evaluation = new_evaluation(prompt_set, [target], 3, prompt_set.sampling)
    (model,) = report(evaluation, told(evaluation, "rrrwrr")).models
    assert "1 of 2 right all 3 times" in model_figures(model, 3)
    assert "50 % to be right 3 times in a row (pass^3)" in model_figures(model, 3)
    once = new_evaluation(prompt_set, [target], 1, prompt_set.sampling)
    assert "pass^" not in model_figures(report(once, told(once, "rr")).models[0], 1)


def test_a_name_is_kept_where_the_keyboard_goes_elsewhere_and_not_after_escape(
    harness: PageHarness,
) -> None:
    tests = Tests(harness)

    async def body() -> None:
        await tests.open(shop())
        tests.page.activateWindow()
        await until(tests.page.isActiveWindow)
        card = tests.page.sets.card

        def type_name(name: str) -> None:
            card.rename()
            card._name_field.selectAll()
            QTest.keyClicks(card._name_field, name)

        type_name("Dropped")
        QTest.keyClick(card._name_field, Qt.Key.Key_Escape)
        assert tests.presenter.draft.prompt_set.name == "Sort messages, my shop"
        type_name("My letters")
        named(tests.page.sets, "Search in messages", QLineEdit).setFocus()
        await until_stored(tests, lambda sets: [s.name for s in sets] == ["My letters"])
        assert not card._name_field.isVisible()

    harness.run(body)


def test_a_run_that_ends_behind_another_page_leaves_its_results(harness: PageHarness) -> None:
    tests = Tests(harness)
    go = threading.Event()

    def slowly(model: str, prompt: str) -> Answer:
        go.wait(20)
        return answers(model, prompt)

    async def body() -> None:
        with Oracle(slowly) as oracle:
            await tests.open(number_set(4))
            await tests.start(oracle.target("good"))
            await until(lambda: tests.page.is_showing_run)
            tests.page.hide()
            go.set()
            await until(lambda: tests.page.is_showing_results)
            assert "is finished" in harness.toasts.texts[-1]
            tests.page.show()
            assert not tests.page.pause_button.isVisible()

    harness.run(body)


def test_the_plan_says_that_the_practice_cloud_is_the_model_that_is_here(
    harness: PageHarness,
) -> None:
    tests = Tests(harness)

    async def body() -> None:
        with Oracle(answers) as oracle:
            far = oracle.target(PRACTICE_MODEL)
            practice = replace(far, provider=replace(far.provider, is_practice=True))
            here = LocalTarget(replace(STARTER, name=STARTER_NAME))
            await tests.open(number_set(4))
            tests.selection.choose((practice, here))
            click(named(tests.page, "Run this set…"))
            await until(lambda: tests.says("only speed can differ", tests.dialog()))
            tests.selection.choose((practice, oracle.target("other")))
            await until(lambda: not tests.says("only speed can differ", tests.dialog()))
            tests.dialog().reject()

    harness.run(body)


def test_the_grid_follows_what_is_asked_until_somebody_looks_at_others(theme: Theme) -> None:
    grid = UnitGrid(theme)
    grid.resize(500, 120)
    grid.show()
    cases = [(f"{n}", f"Question {n}") for n in range(80)]
    grid.show_evaluation((HERE,), cases, lambda _target, _case: CellState.EMPTY)
    bar = grid.horizontalScrollBar()
    for newest in range(60):
        grid.refresh(newest)
    followed = bar.value()
    assert followed > 0
    assert grid._is_in_view(59)
    bar.setValue(0)
    grid.refresh(60)
    assert bar.value() == 0, "somebody looks at the first ones"
    bar.setValue(followed + bar.singleStep())
    grid.refresh(61)
    grid.refresh(70)
    assert grid._is_in_view(70)
