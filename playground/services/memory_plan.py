"""What fits: model files against the memory of this computer and of its graphics card."""

from collections.abc import Callable
from contextlib import suppress

import psutil

from playground.core.errors import ModelFileInvalid
from playground.core.machine import Machine
from playground.core.requirements import memory
from playground.core.requirements.assess import ModelSpec, Placement, plan_placement
from playground.core.requirements.offload import CARD_MARGIN_BYTES
from playground.core.targets import LoadSettings, ModelFile
from playground.engines.llama.process import WorkerState
from playground.services.library.service import ModelLibrary
from playground.services.machine.machine import reclaimable_bytes
from playground.services.worker_pool import LoadedWorker, WorkerPool


def free_memory() -> int:
    """Return what programs may still take on this computer, in bytes."""
    return int(psutil.virtual_memory().available)


class MemoryPlanner:
    """What the pool asks of the library and of this computer's memory."""

    pool: WorkerPool | None = None
    memory_now: Callable[[], Machine] | None = None
    """Tells this computer's memory and cards, what the pool holds counted as free; may block.
    Without it nothing is known of a card."""

    def __init__(self, library: ModelLibrary) -> None:
        self._library = library

    def budget_bytes(self) -> int:
        """Return what all loaded models together may take of main memory, in bytes."""
        system = psutil.virtual_memory()
        return memory.budget(system.total, system.available + self.held_bytes())

    def card_budget_bytes(self) -> int | None:
        """Return what all loaded models together may take of the card; `None`: none is known."""
        cards = self._machine().cards
        return max(0, cards[0].free_bytes - CARD_MARGIN_BYTES) if cards else None

    def need_bytes(self, model: ModelFile, settings: LoadSettings) -> int:
        """Return what a model takes of main memory, without what is on a card that is known.

        A broken file counts with its size until loading says why.
        """
        placing = self._placed(model, settings)
        if placing is None:
            return model.size_bytes
        shared = placing.shared
        return placing.need.needed_bytes if shared is None else shared.ram_bytes

    def card_need_bytes(self, model: ModelFile, settings: LoadSettings) -> int:
        """Return what a model takes of the graphics card; 0 where none is known."""
        placing = self._placed(model, settings)
        return 0 if placing is None or placing.shared is None else placing.shared.card_bytes

    def context(self, model: ModelFile, settings: LoadSettings) -> int:
        """Return the longest context, in tokens, that fits what models may take here."""
        placing = self._placed(model, settings)
        return memory.DEFAULT_CONTEXT if placing is None else placing.context

    def gpu_layers(self, model: ModelFile, settings: LoadSettings) -> int | None:
        """Return how many layers go on the card, as the verdict has it; `None`: not known."""
        # the verdict keeps room for the part that sees pictures
        placing = self._placed(model, settings, projector_bytes=model.projector_bytes)
        return None if placing is None else placing.gpu_layers

    def held_bytes(self) -> int:
        """Return what this program's workers give back before another is loaded, in bytes."""
        held = 0
        for worker in self._workers():
            with suppress(psutil.Error):
                # one that has just ended holds nothing
                if worker.pid:
                    held += reclaimable_bytes(psutil.Process(worker.pid).memory_info())
        return held

    def held_on_card_bytes(self) -> int:
        """Return what they give back of the graphics card: an estimate, no card tells it of each.

        One that is still loading may hold nothing yet, and counts for nothing.
        """
        loaded = (WorkerState.READY, WorkerState.BUSY)
        return sum(worker.card_bytes for worker in self._workers() if worker.state in loaded)

    def _workers(self) -> tuple[LoadedWorker, ...]:
        return self.pool.loaded() if self.pool is not None else ()

    def _machine(self) -> Machine:
        if self.memory_now is not None:
            return self.memory_now()
        system = psutil.virtual_memory()
        free = min(system.total, system.available + self.held_bytes())
        return Machine("", system.total, free)

    def _placed(
        self, model: ModelFile, settings: LoadSettings, *, projector_bytes: int = 0
    ) -> Placement | None:
        """Return how a model would lie in memory now; `None` for a file that is broken."""
        try:
            header = self._library.header(model)
        except ModelFileInvalid:
            return None
        return plan_placement(ModelSpec(header, settings, projector_bytes), self._machine())
