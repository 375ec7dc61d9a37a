"""A model is loaded as its verdict says, on a card that NVML tells of; the worker is real."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import psutil
import pynvml
import pytest

from playground.app.services import open_services
from playground.core.errors import ModelFileInvalid
from playground.core.gguf.reader import read_header
from playground.core.machine import GraphicsCard, Machine
from playground.core.requirements import memory
from playground.core.requirements.assess import ModelSpec, plan_placement
from playground.core.requirements.offload import CARD_MARGIN_BYTES, CARD_UBATCH
from playground.core.runs import RunOrder
from playground.core.targets import LoadSettings, LocalTarget, ModelFile
from playground.core.turns import new_comparison
from playground.services.library.service import ModelLibrary
from playground.services.machine import machine as machine_module
from playground.services.machine.machine import (
    Bandwidth,
    BandwidthReading,
    HeldMemory,
    MachineService,
)
from playground.services.memory_plan import MemoryPlanner
from playground.services.worker_pool import WorkerPool
from playground.store.local_runs import LocalRuns
from tests.engines.local_run import ask, run
from tests.engines.one_card import SETTINGS, Place, model_at, place_in, whole_bytes
from tests.services.nvml import FakeNvml

GIB = 1 << 30
MIB = 1 << 20
ALL_LAYERS = 31
"""The starter's thirty, and the output."""

pytestmark = pytest.mark.model


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Place]:
    async with place_in(tmp_path) as made:
        yield made


async def test_a_card_with_room_for_some_layers_gets_as_many_as_the_verdict_says(
    here: Place, starter_model: Path
) -> None:
    model = model_at(starter_model)
    here.has_free(CARD_MARGIN_BYTES + whole_bytes(starter_model) - 30 * MIB)
    expected = await here.layers(model, SETTINGS)
    assert expected is not None
    assert 0 < expected < ALL_LAYERS
    loaded = await here.load(model)
    assert loaded.gpu_layers == expected
    # nobody chose it, and the history must not say so
    assert loaded.settings == SETTINGS


async def test_a_card_with_room_for_all_layers_gets_all(here: Place, starter_model: Path) -> None:
    model = model_at(starter_model)
    here.has_free(CARD_MARGIN_BYTES + whole_bytes(starter_model) + MIB)
    assert await here.layers(model, SETTINGS) == ALL_LAYERS
    loaded = await here.load(model)
    # llama.cpp's own word for all of them
    assert loaded.gpu_layers == -1
    assert loaded.card_bytes == whole_bytes(starter_model)


async def test_a_card_that_is_full_gets_none(here: Place, starter_model: Path) -> None:
    model = model_at(starter_model)
    here.has_free(CARD_MARGIN_BYTES // 2)
    assert await here.layers(model, SETTINGS) == 0
    loaded = await here.load(model)
    assert (loaded.gpu_layers, loaded.card_bytes) == (0, 0)
    need = memory.estimate(read_header(starter_model), SETTINGS)
    assert loaded.estimated_bytes == need.needed_bytes


async def test_room_is_kept_for_what_sees_pictures_as_in_the_verdict(
    here: Place, starter_model: Path
) -> None:
    blind = model_at(starter_model)
    sees = replace(blind, projector=starter_model, projector_bytes=20 * MIB)
    here.has_free(CARD_MARGIN_BYTES + whole_bytes(starter_model) + 256 * MIB)
    expected = await here.layers(sees, SETTINGS)
    assert expected not in {None, 0, ALL_LAYERS}
    assert (await here.load(sees)).gpu_layers == expected
    assert await here.layers(blind, SETTINGS) == ALL_LAYERS


async def test_layers_somebody_chose_are_loaded_as_chosen(here: Place, starter_model: Path) -> None:
    here.has_free(CARD_MARGIN_BYTES // 2)
    chosen = replace(SETTINGS, gpu_layers=7)
    assert (await here.load(model_at(starter_model), chosen)).gpu_layers == 7


@pytest.mark.parametrize("can_use_cards", [True, False])
async def test_without_a_card_whose_memory_is_known_llama_cpp_decides(
    tmp_path: Path, starter_model: Path, can_use_cards: bool
) -> None:
    async with place_in(tmp_path, can_use_cards=can_use_cards) as here:
        if can_use_cards:
            here.nvml.errors["nvmlDeviceGetMemoryInfo"] = pynvml.NVML_ERROR_NOT_SUPPORTED
        model = model_at(starter_model)
        assert here.plan(model, SETTINGS).card_budget_bytes is None
        loaded = await here.load(model)
        assert (loaded.gpu_layers, loaded.card_bytes) == (None, 0)
        n_ubatch = CARD_UBATCH if can_use_cards else memory.PROCESSOR_UBATCH
        need = memory.estimate(read_header(starter_model), SETTINGS, n_ubatch=n_ubatch)
        assert loaded.estimated_bytes == need.needed_bytes


async def test_a_context_nobody_chose_may_fill_the_card_as_in_the_verdict(
    here: Place, starter_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, plain = model_at(starter_model), LoadSettings()
    crowded = Machine("", 8 * GIB, GIB)
    with_card = Machine("", 8 * GIB, GIB, (GraphicsCard("", 12 * GIB, 12 * GIB),))
    contexts = []
    for machine in (crowded, with_card):
        monkeypatch.setattr(here.machines, "memory_now", lambda _held, now=machine: now)
        contexts.append(here.plan(model, plain).context)
        assert (
            contexts[-1] == plan_placement(ModelSpec(read_header(starter_model)), machine).context
        )
    assert contexts == [512, 8_192]


def test_what_is_on_the_card_does_not_count_in_main_memory(
    here: Place, starter_model: Path
) -> None:
    model, header = model_at(starter_model), read_header(starter_model)
    alone = memory.estimate(header, SETTINGS).needed_bytes
    on_card = replace(SETTINGS, gpu_layers=-1)
    half = replace(SETTINGS, gpu_layers=15)
    here.has_free(8 * GIB)
    all_of_it, part = here.plan(model, on_card), here.plan(model, half)
    assert all_of_it.ram_bytes < part.ram_bytes < alone
    assert all_of_it.card_bytes == whole_bytes(starter_model) > part.card_bytes > 0
    off = here.plan(model, replace(SETTINGS, gpu_layers=0))
    assert (off.ram_bytes, off.card_bytes) == (alone, 0)


async def test_what_an_idle_model_holds_of_the_card_is_free_for_the_next(
    here: Place, starter_model: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(starter_model.read_bytes())
    whole = whole_bytes(starter_model)
    here.has_free(CARD_MARGIN_BYTES + whole + MIB)
    first = await here.load(model_at(starter_model))
    # the driver counts it as used; nobody else may have it, but the next model may
    here.nvml.used_bytes += first.card_bytes
    free = CARD_MARGIN_BYTES + whole + MIB
    assert here.machines.memory_now(here.pool.held_memory()).cards[0].free_bytes == free
    assert await here.layers(model_at(other), SETTINGS) == ALL_LAYERS
    second = await here.load(model_at(other))
    assert second.gpu_layers == -1
    # both do not go in
    assert [worker.name for worker in here.pool.loaded()] == ["other"]


async def test_a_model_that_is_still_loading_gives_nothing_of_the_card_back(
    here: Place, starter_model: Path
) -> None:
    engine = here.pool.engine(LocalTarget(model_at(starter_model), SETTINGS))
    held = {}
    async with aclosing(engine.stream(ask("Hi", max_tokens=2))) as events:
        async for _ in events:
            (worker,) = here.pool.loaded()
            assert worker.card_bytes == whole_bytes(starter_model)
            held[worker.state] = here.pool.held_memory().card_bytes
    assert held["loading"] == 0
    assert held["busy"] == whole_bytes(starter_model)


async def test_models_that_fit_on_the_card_together_stay(
    here: Place, starter_model: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(starter_model.read_bytes())
    here.has_free(CARD_MARGIN_BYTES + 2 * whole_bytes(starter_model) + MIB)
    first = await here.load(model_at(starter_model))
    here.nvml.used_bytes += first.card_bytes
    await here.load(model_at(other))
    assert [worker.gpu_layers for worker in here.pool.loaded()] == [-1, -1]
    assert here.pool.held_memory().card_bytes == 2 * whole_bytes(starter_model)
    await here.pool.close()
    assert here.pool.held_memory().card_bytes == 0


async def test_a_speed_is_expected_of_a_card_before_anything_has_run_on_it(
    here: Place, starter_model: Path
) -> None:
    header = read_header(starter_model)
    await here.requirements.refresh()
    speed = here.requirements.assess(header, SETTINGS).speed
    assert speed is not None
    on_processor = here.requirements.assess(header, replace(SETTINGS, gpu_layers=0)).speed
    assert on_processor is not None
    # 504 GB/s against 20
    assert speed.low_tokens_per_s > on_processor.high_tokens_per_s
    here.nvml.errors["nvmlDeviceGetMemoryBusWidth"] = pynvml.NVML_ERROR_NOT_SUPPORTED
    await here.requirements.refresh()
    assert here.requirements.assess(header, SETTINGS).speed is None


def test_a_broken_file_says_why_before_it_is_loaded(here: Place, tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelFileInvalid, match="only 7 bytes"):
        here.plan(model_at(path), LoadSettings())


async def test_memory_and_header_are_read_once_for_a_load(
    here: Place, starter_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def noting(owner: object, name: str) -> None:
        original = getattr(owner, name)

        def noted(*args: object, **named: object) -> object:
            read.append(name)
            return original(*args, **named)

        monkeypatch.setattr(owner, name, noted)

    noting(here.library, "header")
    noting(here.machines, "memory_now")
    noting(here.machines, "_usable_cards")
    noting(machine_module, "main_memory")
    await here.load(model_at(starter_model), LoadSettings(threads=1))
    assert sorted(read) == ["_usable_cards", "header", "main_memory", "memory_now"]


async def test_the_program_loads_by_the_card_and_its_history_says_that_nothing_was_chosen(
    playground_home: Path, starter_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = playground_home / "other.gguf"
    other.write_bytes(starter_model.read_bytes())
    nvml = FakeNvml()
    nvml.names = ["NVIDIA GeForce RTX 4070"]
    free = CARD_MARGIN_BYTES + whole_bytes(starter_model) - 30 * MIB
    nvml.used_bytes = nvml.total_bytes - free
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr("playground.services.machine.machine.uses_cards", lambda: True)
    card = GraphicsCard("", nvml.total_bytes, free)
    placing = plan_placement(
        ModelSpec(read_header(starter_model), SETTINGS), Machine("", 0, 0, (card,))
    )
    async with open_services(print) as services:
        comparison = new_comparison([LocalTarget(model_at(starter_model), SETTINGS)])
        turn = services.comparison.run_turn(comparison, "Hi", RunOrder.FAIR)
        async with aclosing(turn) as updates:
            async for _ in updates:
                pass
        (loaded,) = services.pool.loaded()
        assert loaded.gpu_layers == placing.gpu_layers
        assert loaded.gpu_layers not in {None, 0, -1}
        use = (await LocalRuns(services.database).uses())[str(starter_model)]
        assert use.is_of(SETTINGS)
        assert use.gpu_layers is None
        nvml.used_bytes += loaded.card_bytes
        await run(services.pool.engine(LocalTarget(model_at(other), SETTINGS)), ask("Hi"))
        (second,) = services.pool.loaded()
        assert (second.name, second.gpu_layers) == ("other", loaded.gpu_layers)


@pytest.mark.skipif(os.name == "nt", reason="mapped files count otherwise there")
async def test_a_loaded_model_counts_with_what_unloading_really_frees(
    starter_model: Path, tmp_path: Path
) -> None:
    library = ModelLibrary(lambda: (), starter_model.parent)
    machines = MachineService(Bandwidth(tmp_path / "m.json", lambda: BandwidthReading(20e9)))
    pool = WorkerPool(MemoryPlanner(library, machines))
    assert pool.held_memory() == HeldMemory()
    model = ModelFile(starter_model, "m", starter_model.stat().st_size, "Starter")
    target = LocalTarget(model, LoadSettings(context=8_192, threads=1))
    await run(pool.engine(target), ask("Hi", max_tokens=1))
    (worker,) = pool.loaded()
    assert worker.pid is not None
    resident = psutil.Process(worker.pid).memory_info().rss
    # the conversation's 180 MiB and the process itself, but not the file that is only mapped
    assert 180 * MIB < pool.held_memory().ram_bytes < resident - 80 * MIB
    await pool.close()
    assert pool.held_memory() == HeldMemory()
