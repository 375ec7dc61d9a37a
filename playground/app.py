"""Builds everything, and ends it in order."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import psutil

from playground.core import memory
from playground.core.targets import CloudTarget, LoadSettings, ModelFile, Target
from playground.engines.base import Engine
from playground.services.comparison import ComparisonService
from playground.services.library import ModelLibrary
from playground.services.pool import WorkerPool
from playground.services.practice import PRACTICE_NAME, PracticeCloud
from playground.services.prices import PriceService
from playground.services.providers import ProviderService
from playground.services.telemetry import Telemetry
from playground.store.comparisons import ComparisonStore
from playground.store.database import Database
from playground.store.log import open_log
from playground.store.paths import Paths, default_paths
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """What `build` made; handed out part by part, never as a whole."""

    paths: Paths
    settings: SettingsStore
    secrets: SecretStore
    database: Database
    history: ComparisonStore
    library: ModelLibrary
    pool: WorkerPool
    practice: PracticeCloud
    providers: ProviderService
    prices: PriceService
    telemetry: Telemetry
    comparison: ComparisonService

    async def open(self) -> None:
        """Open the history; runs that a sudden end cut off are marked as interrupted."""
        await self.database.open()
        await self.history.recover()

    async def close(self) -> None:
        """End workers and the practice cloud, then close the history."""
        for part in (self.pool.close, self.practice.stop, self.database.close):
            try:
                await part()
            except Exception:  # one part that fails must not keep the others from ending
                log.exception("closing failed")


class _Fitting:
    """What the pool asks of the library and of this computer's memory."""

    pool: WorkerPool | None = None

    def __init__(self, library: ModelLibrary) -> None:
        self._library = library

    def budget_bytes(self) -> int:
        """Return what all loaded models together may take, in bytes."""
        system = psutil.virtual_memory()
        return memory.budget(system.total, system.available + self._held_bytes())

    def need_bytes(self, model: ModelFile, settings: LoadSettings) -> int:
        """Return what a model takes; a broken file counts with its size until loading says why."""
        need = self._library.need(model, settings)
        return model.size_bytes if need is None else need.total_bytes

    def context(self, model: ModelFile, settings: LoadSettings) -> int:
        """Return the longest context, in tokens, that fits what models may take here."""
        need = self._library.need(model, settings, self.budget_bytes())
        return memory.DEFAULT_CONTEXT if need is None else need.context

    def _held_bytes(self) -> int:
        workers = self.pool.loaded() if self.pool is not None else ()
        held = 0
        for worker in workers:
            with suppress(psutil.Error):
                # one that has just ended holds nothing
                held += psutil.Process(worker.pid).memory_info().rss if worker.pid else 0
        return held


class _Children:
    """The processes of this program that the meters show."""

    def __init__(self, pool: WorkerPool, practice: PracticeCloud) -> None:
        self._pool = pool
        self._practice = practice

    def pids(self) -> dict[str, int]:
        """Return what runs now, by the name a person knows it by."""
        found = {worker.name: worker.pid for worker in self._pool.loaded() if worker.pid}
        if self._practice.pid is not None:
            found[PRACTICE_NAME] = self._practice.pid
        return found


@asynccontextmanager
async def open_services(paths: Paths | None = None) -> AsyncGenerator[Services, None]:
    """Give the services, open, and end them in order afterwards."""
    services = build(paths)
    try:
        await services.open()
        yield services
    finally:
        await services.close()


def build(paths: Paths | None = None) -> Services:
    """Return every service, built but not started."""
    paths = paths or default_paths()
    paths.create()
    open_log(paths.log_file)
    settings = SettingsStore(paths.settings_file)
    secrets = SecretStore()
    database = Database(paths.database_file)
    history = ComparisonStore(database)
    library = ModelLibrary(lambda: settings.settings.model_folders, paths.models_dir)
    fitting = _Fitting(library)
    pool = WorkerPool(
        budget_bytes=fitting.budget_bytes,
        estimate=fitting.need_bytes,
        choose_context=fitting.context,
    )
    fitting.pool = pool
    practice = PracticeCloud(library.starter_path)
    providers = ProviderService(settings, secrets, practice)
    prices = PriceService(settings)
    telemetry = Telemetry(_Children(pool, practice).pids)

    def engine_for(target: Target) -> Engine:
        if isinstance(target, CloudTarget):
            return providers.engine(target)
        return pool.engine(target)

    return Services(
        paths=paths,
        settings=settings,
        secrets=secrets,
        database=database,
        history=history,
        library=library,
        pool=pool,
        practice=practice,
        providers=providers,
        prices=prices,
        telemetry=telemetry,
        comparison=ComparisonService(engine_for, history, prices.cost),
    )
