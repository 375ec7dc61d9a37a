"""The list of a thousand models changes row by row."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from playground.core.targets import LoadSettings, ModelFile
from playground.engines.llama.process import WorkerState
from playground.services.worker_pool import LoadedWorker
from playground.store.settings import SettingsStore
from playground.ui.pages.models.list import Column, ModelFilter, ModelTableModel
from playground.ui.pages.models.row_store import RowStore
from playground.ui.pages.models.rows import LoadState, ModelRow


def models(count: int) -> tuple[ModelFile, ...]:
    return tuple(
        ModelFile(Path(f"/models/{number}.gguf"), f"Model {number}", 1_000 + number, "/models")
        for number in range(count)
    )


class NothingHasRun:
    """A computer on which no model has run."""

    def use_of(self, _path: Path) -> None:
        return None


@pytest.fixture
def store(qapp: QObject, tmp_path: Path) -> RowStore:
    return RowStore(NothingHasRun(), SettingsStore(tmp_path / "settings.json"), qapp)


def painted_again(model: ModelTableModel) -> list[tuple[int, int]]:
    """Return the first and last rows of each change `model` tells of from now on."""
    seen: list[tuple[int, int]] = []

    def note(first: QModelIndex, last: QModelIndex) -> None:
        seen.append((first.row(), last.row()))

    model.dataChanged.connect(note)
    return seen


def test_only_the_rows_that_change_are_painted_again(qtbot: QtBot) -> None:
    table = ModelTableModel()
    QAbstractItemModelTester(table)
    rows = [ModelRow(model) for model in models(100)]
    table.show_rows(tuple(rows))
    seen = painted_again(table)
    for number in (3, 4, 5, 50):
        rows[number] = replace(rows[number], state=LoadState.READY)
    table.show_rows(tuple(rows))
    assert seen == [(3, 5), (50, 50)]
    seen.clear()
    table.show_rows(tuple(rows))
    assert seen == []
    for number in range(0, 100, 2):
        rows[number] = replace(rows[number], load_s=1.0)
    table.show_rows(tuple(rows))
    assert seen == [(0, 98)]
    assert table.row_of("/models/50.gguf") == 50
    assert table.row_of("/elsewhere.gguf") is None


def test_a_scan_changes_only_the_rows_of_files_that_have_changed(store: RowStore) -> None:
    found = models(4)
    store.set_models(found)
    table = ModelTableModel()
    table.show_rows(store.rows)
    seen = painted_again(table)
    store.set_models((found[0], replace(found[1], quantization="Q4_0"), *found[2:]))
    table.show_rows(store.rows)
    assert seen == [(1, 1)]
    store.set_fraction("/models/2.gguf", 0.5)
    store.set_fraction("/nowhere.gguf", 0.5)
    table.show_rows(store.rows)
    assert seen == [(1, 1), (2, 2)]
    assert [row.fraction for row in store.rows] == [None, None, 0.5, None]


def test_the_first_model_is_chosen_until_another_is_and_again_once_that_has_gone(
    store: RowStore,
) -> None:
    assert store.chosen is None
    store.set_models(models(3))
    assert store.chosen is store.rows[0]
    store.choose("/models/2.gguf")
    store.set_models(models(3)[1:])
    assert store.chosen is store.rows[1]
    store.set_models(models(2))
    assert store.chosen is store.rows[0]
    store.set_models(())
    assert store.chosen is None


def test_load_settings_stay_chosen_while_they_are_written_and_the_file_is_read_again(
    store: RowStore,
) -> None:
    found = models(1)
    store.set_models(found)
    store.set_load_settings("/models/0.gguf", LoadSettings(context=512))
    store.set_models((replace(found[0], licence="mit"),))
    assert store.rows[0].settings == LoadSettings(context=512)


def test_requirements_are_wanted_of_the_chosen_model_first_and_anew_when_memory_changes(
    store: RowStore,
) -> None:
    found = models(3)
    store.set_models((*found[:2], replace(found[2], problem="damaged")))
    store.choose("/models/1.gguf")
    assert [model.name for model, _ in store.unassessed(5)] == ["Model 1", "Model 0"]
    (first,) = store.unassessed(1)
    age = store.age
    store.set_needs([first], {"/models/1.gguf": None}, age)
    assert [model.name for model, _ in store.unassessed(5)] == ["Model 0"]
    store.set_load_settings("/models/1.gguf", LoadSettings(context=512))
    assert len(store.unassessed(5)) == 2
    store.refresh_uses()
    # worked out with the memory there was before
    wanted = store.unassessed(5)
    store.set_needs(wanted, {str(model.path): None for model, _ in wanted}, age)
    assert len(store.unassessed(5)) == 2
    store.set_needs(wanted, {str(model.path): None for model, _ in wanted}, store.age)
    assert store.unassessed(5) == ()


def test_what_is_in_memory_is_shown_of_those_it_concerns(store: RowStore) -> None:
    found = models(3)
    store.set_models(found)
    worker = LoadedWorker(
        found[1].path,
        "Model 1",
        pid=1,
        state=WorkerState.READY,
        estimated_bytes=0,
        load_s=0.5,
        context=4096,
        settings=LoadSettings(),
        card_bytes=0,
        gpu_layers=None,
    )
    assert store.set_loaded([worker])
    states = [LoadState.UNLOADED, LoadState.READY, LoadState.UNLOADED]
    assert [row.state for row in store.rows] == states
    # it neither came nor went
    assert not store.set_loaded([replace(worker, state=WorkerState.BUSY)])
    assert store.rows[1].state is LoadState.BUSY
    # a list that is made anew knows it still
    store.set_models((*models(1), replace(found[1], licence="mit")))
    assert store.rows[1].state is LoadState.BUSY
    assert store.set_loaded([])
    assert store.rows[1].state is LoadState.UNLOADED


def test_sorting_asks_for_no_cell(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    data = ModelTableModel.data
    table = ModelTableModel()

    def noted(model: ModelTableModel, index: QModelIndex, role: int = 0) -> object:
        asked.append(role)
        return data(model, index, role)

    monkeypatch.setattr(ModelTableModel, "data", noted)
    table.show_rows(tuple(ModelRow(model) for model in models(300)))
    list_filter = ModelFilter()
    list_filter.setSourceModel(table)
    for column in (Column.SIZE, Column.MODEL, Column.READS):
        for order in Qt.SortOrder:
            list_filter.sort(column, order)
    assert asked == []
    assert list_filter.index(0, 0).data() is not None
    assert asked


def test_sorting_keeps_what_is_selected(qtbot: QtBot) -> None:
    table = ModelTableModel()
    tester = QAbstractItemModelTester(table)
    rows = tuple(ModelRow(model) for model in models(30))
    table.show_rows(rows)
    selected = QPersistentModelIndex(table.index(3, 0))
    list_filter = ModelFilter()
    list_filter.setSourceModel(table)
    list_filter.sort(Column.SIZE, Qt.SortOrder.DescendingOrder)

    def names() -> list[str]:
        return [list_filter.index(row, 0).data() for row in range(list_filter.rowCount())]

    assert names() == [f"Model {number}" for number in reversed(range(30))]
    assert selected.row() == 26
    largest = replace(rows[3], model=replace(rows[3].model, size_bytes=10**9))
    table.show_rows((*rows[:3], largest, *rows[4:]))
    assert names()[0] == "Model 3"
    assert selected.row() == 0
    list_filter.sort(-1)
    assert names() == [f"Model {number}" for number in range(30)]
    assert selected.row() == 3
    del tester
