"""The list of a thousand models changes row by row."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QModelIndex
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from playground.core.targets import LoadSettings, ModelFile
from playground.engines.llama.process import WorkerState
from playground.services.worker_pool import LoadedWorker
from playground.ui.pages.models.list import ModelTableModel
from playground.ui.pages.models.row_store import RowStore
from playground.ui.pages.models.rows import LoadState, ModelRow


def models(count: int) -> tuple[ModelFile, ...]:
    return tuple(
        ModelFile(Path(f"/models/{number}.gguf"), f"Model {number}", 1_000 + number, "/models")
        for number in range(count)
    )


class DetailsTable:
    """What is known of models, as a test sets it."""

    def __init__(self) -> None:
        self.fractions: dict[str, float] = {}
        self.rows = RowStore(
            settings_of=lambda _: LoadSettings(),
            needs_of=lambda _: None,
            use_of=lambda _: None,
            fraction_of=self.fractions.get,
        )


def told(model: ModelTableModel) -> list[tuple[int, int]]:
    """Return the first and last rows of each change `model` tells of from now on."""
    seen: list[tuple[int, int]] = []

    def note(first: QModelIndex, last: QModelIndex) -> None:
        seen.append((first.row(), last.row()))

    model.dataChanged.connect(note)
    return seen


def test_only_the_rows_that_change_are_told(qtbot: QtBot) -> None:
    table = ModelTableModel()
    QAbstractItemModelTester(table)
    rows = [ModelRow(model) for model in models(100)]
    table.show_rows(tuple(rows))
    seen = told(table)
    for place in (3, 4, 5, 50):
        rows[place] = replace(rows[place], state=LoadState.READY)
    table.show_rows(tuple(rows))
    assert seen == [(3, 5), (50, 50)]
    seen.clear()
    table.show_rows(tuple(rows))
    assert seen == []
    # each signal makes the list sort again
    for place in range(0, 100, 2):
        rows[place] = replace(rows[place], load_s=1.0)
    table.show_rows(tuple(rows))
    assert seen == [(0, 98)]
    assert table.row_of("/models/50.gguf") == 50
    assert table.row_of("/elsewhere.gguf") is None


def test_rows_of_which_nothing_changes_stay_the_same_values() -> None:
    facts = DetailsTable()
    found = models(4)
    facts.rows.take(found)
    before = facts.rows.rows
    changed = (found[0], replace(found[1], quantization="Q4_0"), *found[2:])
    facts.rows.take(changed)
    after = facts.rows.rows
    assert [a is b for a, b in zip(before, after, strict=True)] == [True, False, True, True]
    assert facts.rows.row("/models/1.gguf") is after[1]
    facts.fractions["/models/2.gguf"] = 0.5
    facts.rows.refresh({"/models/2.gguf", "/nowhere.gguf"})
    assert [row.fraction for row in facts.rows.rows] == [None, None, 0.5, None]
    assert facts.rows.rows[0] is after[0]


def test_what_is_in_memory_is_told_of_those_it_concerns() -> None:
    facts = DetailsTable()
    found = models(3)
    facts.rows.take(found)
    worker = LoadedWorker(
        found[1].path,
        "Model 1",
        pid=1,
        state=WorkerState.READY,
        estimated_bytes=None,
        load_s=0.5,
        context=4096,
        settings=LoadSettings(),
    )
    assert facts.rows.note_loaded({"/models/1.gguf": worker}) == {"/models/1.gguf"}
    assert [row.state for row in facts.rows.rows] == [
        LoadState.UNLOADED,
        LoadState.READY,
        LoadState.UNLOADED,
    ]
    busy = replace(worker, state=WorkerState.BUSY)
    # it neither came nor went
    assert facts.rows.note_loaded({"/models/1.gguf": busy}) == set()
    assert facts.rows.rows[1].state is LoadState.BUSY
    # a list that is made anew knows it still
    facts.rows.take((*models(1), replace(found[1], licence="mit")))
    assert facts.rows.rows[1].state is LoadState.BUSY
    assert facts.rows.note_loaded({}) == {"/models/1.gguf"}
    assert facts.rows.rows[1].state is LoadState.UNLOADED
