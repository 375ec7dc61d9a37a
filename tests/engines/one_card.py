"""A computer with one NVIDIA card, as NVML tells of it, and the real pool that loads models."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playground.core.gguf.reader import read_header
from playground.core.requirements import memory
from playground.core.requirements.offload import split_layers
from playground.core.targets import LoadSettings, LocalTarget, ModelFile
from playground.services.library.service import ModelLibrary
from playground.services.machine.gpu import AllGpus, NvidiaReader
from playground.services.machine.machine import Bandwidth, BandwidthReading, MachineService
from playground.services.memory_plan import LoadPlan, MemoryPlanner
from playground.services.requirements import RequirementsService
from playground.services.worker_pool import LoadedWorker, WorkerPool
from playground.store.database import Database
from playground.store.local_runs import LocalRuns
from tests.engines.local_run import ask, run
from tests.services.nvml import FakeNvml

SETTINGS = LoadSettings(context=1_024, threads=1)


def model_at(path: Path) -> ModelFile:
    return ModelFile(path, path.stem, path.stat().st_size, "own", context_length=2_048)


class Place:
    """A computer with one card, the models it has loaded, and what is said of models there."""

    def __init__(self, folder: Path, *, can_use_cards: bool = True) -> None:
        self.nvml = FakeNvml()
        self.nvml.names = ["NVIDIA GeForce RTX 4070"]
        self.nvml.used_bytes = 0
        library = ModelLibrary(lambda: (folder,), folder)
        self.machines = MachineService(
            Bandwidth(folder / "bandwidth.json", lambda: BandwidthReading(20e9)),
            lambda: AllGpus([NvidiaReader(self.nvml)]),
            lambda: can_use_cards,
        )
        self.library = library
        self.planner = MemoryPlanner(library, self.machines)
        self.pool = WorkerPool(self.planner)
        runs = LocalRuns(Database(folder / "history.sqlite3"))
        self.requirements = RequirementsService(
            self.machines, runs, library, held=self.pool.held_memory
        )

    def plan(self, model: ModelFile, settings: LoadSettings) -> LoadPlan:
        """Return how a model would be loaded now."""
        return self.planner.plan(LocalTarget(model, settings), self.pool.held_memory())

    def has_free(self, free_bytes: int) -> None:
        """Let other programs leave so much of the card."""
        self.nvml.used_bytes = self.nvml.total_bytes - free_bytes

    async def layers(self, model: ModelFile, settings: LoadSettings) -> int | None:
        """Return how many layers the verdict puts on the card."""
        await self.requirements.refresh()
        needs = self.requirements.assess_model(model, settings)
        assert needs is not None
        return needs.card_layers

    async def load(self, model: ModelFile, settings: LoadSettings = SETTINGS) -> LoadedWorker:
        """Answer with a model, and return how it was loaded."""
        answer = await run(self.pool.engine(LocalTarget(model, settings)), ask("Hi", max_tokens=2))
        assert answer.finished
        return self.pool.loaded()[0]


@asynccontextmanager
async def place_in(folder: Path, *, can_use_cards: bool = True) -> AsyncIterator[Place]:
    here = Place(folder, can_use_cards=can_use_cards)
    try:
        yield here
    finally:
        await here.pool.close()
        here.machines.close()


def whole_bytes(path: Path, settings: LoadSettings = SETTINGS) -> int:
    """Return what the model takes of a card that takes all of it."""
    header = read_header(path)
    need = memory.estimate(header, settings, n_ubatch=512)
    return split_layers(header, need, 100 << 30).card_bytes
