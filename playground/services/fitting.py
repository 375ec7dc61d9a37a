"""What fits: model files against the memory of this computer."""

from contextlib import suppress

import psutil

from playground.core import memory
from playground.core.targets import LoadSettings, ModelFile
from playground.services.library import ModelLibrary
from playground.services.machine import given_back
from playground.services.pool import WorkerPool


def free_memory() -> int:
    """Return what programs may still take on this computer, in bytes."""
    return int(psutil.virtual_memory().available)


class Fitting:
    """What the pool asks of the library and of this computer's memory."""

    pool: WorkerPool | None = None

    def __init__(self, library: ModelLibrary) -> None:
        self._library = library

    def budget_bytes(self) -> int:
        """Return what all loaded models together may take, in bytes."""
        system = psutil.virtual_memory()
        return memory.budget(system.total, system.available + self.held_bytes())

    def need_bytes(self, model: ModelFile, settings: LoadSettings) -> int:
        """Return what a model takes; a broken file counts with its size until loading says why."""
        need = self._library.need(model, settings)
        return model.size_bytes if need is None else need.needed_bytes

    def context(self, model: ModelFile, settings: LoadSettings) -> int:
        """Return the longest context, in tokens, that fits what models may take here."""
        need = self._library.need(model, settings, self.budget_bytes())
        return memory.DEFAULT_CONTEXT if need is None else need.context

    def held_bytes(self) -> int:
        """Return what this program's workers give back before another is loaded, in bytes."""
        workers = self.pool.loaded() if self.pool is not None else ()
        held = 0
        for worker in workers:
            with suppress(psutil.Error):
                # one that has just ended holds nothing
                held += given_back(psutil.Process(worker.pid).memory_info()) if worker.pid else 0
        return held
