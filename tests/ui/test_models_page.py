"""The Models page on real folders, with real model files and a real worker."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QAbstractItemModel, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import (
    QFileDialog,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTableView,
    QWidget,
)

from playground.core.machine import Machine
from playground.core.targets import KvType, LoadSettings, LocalTarget, Target
from playground.services.library.service import ModelLibrary
from playground.services.machine.machine import (
    NOTHING_HELD,
    Bandwidth,
    BandwidthReading,
    HeldMemory,
    MachineService,
)
from playground.services.requirements import RequirementsService
from playground.services.worker_pool import WorkerPool
from playground.store.database import Database
from playground.store.local_runs import LocalRuns
from playground.ui.pages.models.list import Column
from playground.ui.pages.models.page import ModelsPage
from playground.ui.pages.models.presenter import ModelsPresenter
from tests.core.gguf_files import Dense, write_dense
from tests.fakes.planner import FixedPlanner
from tests.ui.layout_checker import settle
from tests.ui.page_harness import PageHarness, click, harness, named, until

__all__ = ["harness"]

SMALL = Dense(layers=2, width=64, heads=2, kv_heads=2, head=32, feed_forward=128, vocabulary=64)

# Qt's offscreen platform says so of every window that has a smallest size
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


class Computer(MachineService):
    """A computer with as much free memory as a test says, read at 20 GB a second."""

    def __init__(self, folder: Path, free_bytes: int) -> None:
        super().__init__(Bandwidth(folder / "memory.json", lambda: BandwidthReading(20e9)))
        self._free_bytes = free_bytes

    async def machine(self, held: HeldMemory = NOTHING_HELD) -> Machine:
        return self.quick(held)

    def quick(self, held: HeldMemory = NOTHING_HELD) -> Machine:
        return Machine("test", 16 << 30, self._free_bytes, bandwidth_bytes_per_s=20e9)


class Models:
    """The page, and what a person sees of it."""

    def __init__(self, harness: PageHarness, *, free_bytes: int = 8 << 30) -> None:
        self.harness = harness
        self.own = harness.home / "models"
        self.own.mkdir()
        self.compared: list[Target] = []
        self.tested: list[Sequence[Target]] = []
        self.hub_shown = 0
        self.library = ModelLibrary(
            lambda: harness.settings.settings.model_folders, self.own, apps=lambda: ()
        )
        runs = LocalRuns(Database(harness.home / "history.db"))
        computer = Computer(harness.home, free_bytes)
        self.pool = WorkerPool(FixedPlanner(budget_bytes=8 << 30, ram_bytes=1 << 20))
        self.page = ModelsPage(harness.theme)
        self.presenter = ModelsPresenter(
            self.page,
            harness.bridge,
            self.library,
            harness.settings,
            pool=self.pool,
            requirements=RequirementsService(computer, runs, self.library),
            open_compare=self.compared.append,
            open_tests=self.tested.append,
            open_hub=self._count_hub,
            toast=harness.toasts,
        )
        harness.show(self.page)

    def control_names(self) -> set[str]:
        widgets = self.page.findChildren(QWidget)
        return {each.accessibleName() for each in widgets if each.isVisibleTo(self.page)}

    def _count_hub(self) -> None:
        self.hub_shown += 1

    @property
    def table(self) -> QTableView:
        table = self.page.findChild(QTableView)
        assert table is not None
        return table

    def cells(self, column: Column) -> list[str]:
        model: QAbstractItemModel = self.table.model()
        return [model.index(i, column).data() for i in range(model.rowCount())]

    def names(self) -> list[str]:
        return self.cells(Column.MODEL)

    def says(self, text: str) -> bool:
        labels = self.page.findChildren(QLabel)
        return any(text in label.text() and label.isVisibleTo(self.page) for label in labels)

    def explains(self, text: str) -> bool:
        labels = self.page.findChildren(QLabel)
        return any(text in label.toolTip() and label.isVisibleTo(self.page) for label in labels)

    async def listed(self, *some: str) -> None:
        await until(lambda: set(some) <= set(self.names()))


def test_the_starter_is_listed_with_its_verdict_and_what_it_needs(harness: PageHarness) -> None:
    async def body() -> None:
        models = Models(harness)
        await models.listed("SmolLM2 135M Instruct")
        await until(lambda: models.cells(Column.FIT) == ["Runs great"])
        assert models.cells(Column.SIZE) == ["98 MB"]
        assert models.cells(Column.READS) == ["6,000 words"]
        assert models.cells(Column.PLACE) == ["Starter"]
        await until(lambda: models.says("Q4_1 · 135 million parameters"))
        assert models.says("It needs ≈")
        size = models.table.model().index(0, Column.SIZE)
        assert size.data(Qt.ItemDataRole.ToolTipRole) == "98 MB\n98,362,432 bytes"

    harness.run(body)


def test_nothing_moves_when_the_verdict_comes_and_the_bar_has_a_legend(
    harness: PageHarness,
) -> None:
    async def body() -> None:
        models = Models(harness)
        await models.listed("SmolLM2 135M Instruct")
        await until(lambda: models.says("It needs ≈"))
        details = models.page.details
        row, limits = details._shown
        marks = [m for m in details._parts.findChildren(QLabel) if m.text() == "■"]
        assert len({mark.property("tone") for mark in marks}) == 3
        assert details._parts.legend.startswith("model 97 MB · conversation")
        settle()
        there = details.compare.mapTo(details, QPoint(0, 0))
        details.show_row(replace(row, needs=None), limits)
        settle()
        assert details.requirements.isVisible()
        assert details.compare.mapTo(details, QPoint(0, 0)) == there
        details.show_row(row, limits)
        settle()
        assert details.compare.mapTo(details, QPoint(0, 0)) == there

    harness.run(body)


def test_a_broken_file_is_listed_with_the_reason_and_cannot_be_compared(
    harness: PageHarness,
) -> None:
    async def body() -> None:
        models = Models(harness)
        (models.own / "half <b> download.gguf").write_bytes(b"GGUF\x03\0\0\0")
        models.presenter.rescan()
        await until(lambda: "Can't be read" in models.cells(Column.FIT))
        broken = models.cells(Column.FIT).index("Can't be read")
        models.table.selectRow(broken)
        await until(lambda: models.says("it is no model"))
        assert not models.page.details.compare.isVisibleTo(models.page)
        tip = models.table.model().index(broken, 0).data(Qt.ItemDataRole.ToolTipRole)
        assert "&lt;b&gt;" in tip
        assert "it is no model" in tip

    harness.run(body)


def test_what_is_no_chat_model_is_said_quietly_and_has_no_verdict(harness: PageHarness) -> None:
    async def body() -> None:
        models = Models(harness)
        write_dense(models.own / "search.gguf", "llama", Dense(), {".pooling_type": 3})
        models.presenter.rescan()
        await until(lambda: "Can't chat" in models.cells(Column.FIT))
        models.table.selectRow(models.cells(Column.FIT).index("Can't chat"))
        await until(lambda: models.says("turns text into numbers for searching"))
        assert not models.page.details.compare.isVisibleTo(models.page)

    harness.run(body)


def test_a_model_too_large_for_the_free_memory_says_so(harness: PageHarness) -> None:
    async def body() -> None:
        models = Models(harness, free_bytes=64 << 20)
        await models.listed("SmolLM2 135M Instruct")
        await until(lambda: models.cells(Column.FIT) == ["Won't fit"])
        assert models.cells(Column.SPEED) == ["—"]
        await until(lambda: models.says("A smaller model would run better"))
        click(named(models.page, "Get models"))
        assert models.hub_shown == 1

    harness.run(body)


def test_copies_of_one_model_are_told_apart_and_unreadable_files_are_not_counted_as_models(
    harness: PageHarness, tmp_path: Path
) -> None:
    folder = tmp_path / "Downloads"
    folder.mkdir()
    for name in ("first", "second"):
        write_dense(folder / f"{name}.gguf", "llama", Dense())
    (folder / "cut.gguf").write_bytes((folder / "first.gguf").read_bytes()[:100])

    async def body() -> None:
        models = Models(harness)
        models.presenter.add_paths((folder,))
        await models.listed("first", "second")
        said = "The folder “Downloads” has 2 models. 1 file can't be read; the list says why."
        await until(lambda: said in harness.toasts.texts)

    harness.run(body)


def test_files_and_folders_dropped_are_listed_and_remembered(
    harness: PageHarness, tmp_path: Path
) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    write_dense(folder / "inside.gguf", "llama", Dense())
    single = tmp_path / "single.gguf"
    write_dense(single, "llama", Dense())

    async def body() -> None:
        models = Models(harness)
        models.presenter.add_paths((folder, single))
        await until(lambda: len(models.names()) == 3)
        assert harness.settings.settings.model_folders == (folder, single)
        await until(lambda: "single.gguf is listed." in harness.toasts.texts)
        assert models.page.details.isVisibleTo(models.page)
        take_off = f"Take {folder} off the list; nothing is deleted"
        await until(lambda: take_off in models.control_names())
        click(named(models.page, take_off))
        await until(lambda: len(models.names()) == 2)
        assert (folder / "inside.gguf").exists()
        assert harness.toasts.undo is not None
        harness.toasts.undo()
        await until(lambda: len(models.names()) == 3)

    harness.run(body)


def test_a_folder_is_added_through_a_dialog_that_does_not_block(
    harness: PageHarness, tmp_path: Path
) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    write_dense(folder / "inside.gguf", "llama", Dense())

    async def body() -> None:
        models = Models(harness)
        await models.listed("SmolLM2 135M Instruct")
        click(named(models.page, "Add a folder"))
        dialog = models.page.findChild(QFileDialog)
        assert dialog is not None
        dialog.fileSelected.emit(str(folder))
        dialog.reject()
        await until(lambda: len(models.names()) == 2)

    harness.run(body)


def test_search_narrows_the_list_as_one_types_and_escape_clears_it(harness: PageHarness) -> None:
    async def body() -> None:
        models = Models(harness)
        await models.listed("SmolLM2 135M Instruct")
        search = named(models.page, "Search models", QLineEdit)
        QTest.keyClicks(search, "smol q4")
        assert models.names() == ["SmolLM2 135M Instruct"]
        QTest.keyClicks(search, " zzz")
        assert models.says("No model matches “smol q4 zzz”")
        assert models.page.handle_escape()
        assert models.names() == ["SmolLM2 135M Instruct"]
        assert not models.page.handle_escape()

    harness.run(body)


def test_without_any_model_the_page_says_what_to_do(
    harness: PageHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.services.library.scanner.STARTER_PACKAGE", "not_there_at_all")

    async def body() -> None:
        models = Models(harness)
        await until(lambda: models.says("No models here yet"))
        assert models.says("drop a file or a folder on this window")

    harness.run(body)


def test_load_settings_change_the_need_at_once_and_are_remembered(harness: PageHarness) -> None:
    async def body() -> None:
        models = Models(harness)
        await models.listed("SmolLM2 135M Instruct")
        await until(lambda: models.says("at ~6,000 words"))
        context = named(models.page, "How much it keeps in mind")
        QTest.keyClick(context, Qt.Key.Key_Down)
        await until(lambda: models.says("at ~1,000 words"))
        precision = named(models.page, "Precision of the conversation")
        before = models.page.details._parts.legend
        QTest.keyClick(precision, Qt.Key.Key_Down)
        await until(lambda: models.page.details._parts.legend != before)
        (remembered,) = harness.settings.settings.load_settings.values()
        assert remembered == LoadSettings(context=2048, kv_type=KvType.Q8_0)
        click(named(models.page, "Try it"))
        (target,) = models.compared
        assert isinstance(target, LocalTarget)
        assert target.settings == remembered
        click(named(models.page, "Back to automatic"))
        await until(lambda: models.says("at ~6,000 words"))
        assert harness.settings.settings.load_settings == {}

    harness.run(body)


def test_an_exact_context_can_be_typed(harness: PageHarness) -> None:
    async def body() -> None:
        models = Models(harness)
        await models.listed("SmolLM2 135M Instruct")
        context = named(models.page, "How much it keeps in mind")
        QTest.keyClick(context, Qt.Key.Key_End)
        number = named(models.page, "How much it keeps in mind, exact number")
        number.selectAll()
        QTest.keyClicks(number, "3000")
        QTest.keyClick(number, Qt.Key.Key_Return)
        await until(lambda: models.explains("Exactly 3,072 tokens"))
        (remembered,) = harness.settings.settings.load_settings.values()
        assert remembered.context == 3000

    harness.run(body)


@pytest.mark.model
def test_load_and_unload_show_what_the_worker_does(harness: PageHarness) -> None:
    async def body() -> None:
        models = Models(harness)
        await models.listed("SmolLM2 135M Instruct")
        click(named(models.page, "Load"))
        assert models.says("Loading…")
        assert named(models.page, "Stop loading")
        await until(lambda: models.says("In memory, loaded in"))
        (worker,) = models.pool.loaded()
        assert worker.pid is not None
        click(named(models.page, "Unload"))
        await until(lambda: models.says("Not in memory."))
        with pytest.raises(ProcessLookupError):
            os.kill(worker.pid, 0)
        await harness.bridge.submit(models.pool.close())

    harness.run(body)


@pytest.mark.model
def test_a_load_can_be_called_off(harness: PageHarness) -> None:
    async def body() -> None:
        models = Models(harness)
        await models.listed("SmolLM2 135M Instruct")
        click(named(models.page, "Load"))
        click(named(models.page, "Stop loading"))
        await until(lambda: models.says("Not in memory."))
        assert named(models.page, "Load").isEnabled()
        await harness.bridge.submit(models.pool.close())
        assert models.pool.loaded() == ()

    harness.run(body)


def test_engineers_find_the_header_to_the_letter_and_the_path_to_copy(harness: PageHarness) -> None:
    async def body() -> None:
        models = Models(harness)
        await models.listed("SmolLM2 135M Instruct")
        await until(lambda: models.page.details._facts.text)
        click(named(models.page, "What the file says"))
        text = named(models.page, "What the file says", QPlainTextEdit)
        assert "general.architecture = llama" in text.toPlainText()
        assert "98,362,432 bytes" in text.toPlainText()
        models.page.details.copy_action.trigger()
        assert QGuiApplication.clipboard().text().endswith(".gguf")

    harness.run(body)


def test_the_list_is_a_sound_item_model_for_the_keyboard(
    harness: PageHarness, tmp_path: Path
) -> None:
    write_dense(tmp_path / "second.gguf", "llama", Dense())

    async def body() -> None:
        models = Models(harness)
        tester = QAbstractItemModelTester(
            models.table.model(), QAbstractItemModelTester.FailureReportingMode.Fatal
        )
        await models.listed("SmolLM2 135M Instruct")
        models.presenter.add_paths((tmp_path / "second.gguf",))
        await until(lambda: len(models.names()) == 2)
        models.page.focus_first()
        chosen: list[str] = []
        models.page.list.selected.connect(chosen.append)
        QTest.keyClick(models.table, Qt.Key.Key_Home)
        QTest.keyClick(models.table, Qt.Key.Key_Up)
        QTest.keyClick(models.table, Qt.Key.Key_Down)
        assert chosen
        spoken = models.table.model().index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
        assert spoken == "SmolLM2 135M Instruct, Q4_1 · 135 million parameters · apache-2.0"
        tester.deleteLater()

    harness.run(body)


def test_on_stage_only_what_a_room_can_follow_is_left(harness: PageHarness) -> None:
    async def body() -> None:
        models = Models(harness)
        await models.listed("SmolLM2 135M Instruct")
        await until(lambda: models.says("flash attention"))
        models.page.set_presentation_mode(on=True)
        assert not models.says("flash attention")
        assert named(models.page, "Try it")
        models.page.set_presentation_mode(on=False)
        assert models.says("flash attention")

    harness.run(body)


def test_two_versions_of_a_model_are_put_to_the_same_test_with_one_click(
    harness: PageHarness,
) -> None:
    async def body() -> None:
        models = Models(harness)
        await models.listed("SmolLM2 135M Instruct")
        click(named(models.page, "What does the smaller file cost me?"))
        assert "no other version" in harness.toasts.texts[-1]
        assert harness.toasts.undo is not None
        harness.toasts.undo()
        assert models.hub_shown == 1
        for kind in ("Q4_0", "Q8_0"):
            write_dense(models.own / f"Tiny-1B-{kind}.gguf", "llama", replace(SMALL, kind=kind))
        models.presenter.rescan()
        await until(lambda: models.names().count("Synthetic llama") == 2)
        row = models.names().index("Synthetic llama")
        models.table.selectRow(row)
        await until(lambda: models.says("Synthetic llama"))
        click(named(models.page, "What does the smaller file cost me?"))
        [targets] = models.tested
        assert {target.model.quantization for target in targets} == {"Q4_0", "Q8_0"}

    harness.run(body)
