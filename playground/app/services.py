"""Builds everything, and ends it in order."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache

from playground.core.errors import StorageFailed
from playground.core.targets import CloudTarget, Target
from playground.engines.base import Engine
from playground.services.comparison import ComparisonService
from playground.services.downloads.manager import DownloadManager
from playground.services.hub.service import HubService
from playground.services.library.service import ModelLibrary
from playground.services.machine.machine import Bandwidth, MachineService
from playground.services.machine.telemetry import Telemetry
from playground.services.memory_plan import MemoryPlanner
from playground.services.providers.practice import PRACTICE_NAME, PracticeCloud
from playground.services.providers.prices import PriceService
from playground.services.providers.service import ProviderService
from playground.services.replay import Replayer
from playground.services.requirements import RequirementsService
from playground.services.worker_pool import WorkerPool
from playground.store.database import Database
from playground.store.files import Paths, default_paths
from playground.store.history import ComparisonStore
from playground.store.local_runs import LocalRuns
from playground.store.log import open_log
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """What `build` made: the composition root's own value; parts of it are handed on, not it."""

    paths: Paths
    settings: SettingsStore
    secrets: SecretStore
    database: Database
    history: ComparisonStore
    replayer: Replayer
    library: ModelLibrary
    pool: WorkerPool
    practice: PracticeCloud
    providers: ProviderService
    telemetry: Telemetry
    comparison: ComparisonService
    hub: HubService
    downloads: DownloadManager
    requirements: RequirementsService
    local_runs: LocalRuns

    async def open(self) -> str | None:
        """Open the history; return a sentence where something is wrong with it.

        Runs that a sudden end cut off are marked as interrupted, and what was deleted last time
        goes for good. Without a history everything else works: each run says that it is not kept.
        """
        try:
            await self.database.open()
            await self.history.recover()
            await self.history.purge_deleted()
        except StorageFailed as error:
            return f"{error.message} {error.hint}".strip()
        return self.database.problem

    async def close(self) -> None:
        """End downloads, workers and the practice cloud, then close the history."""
        parts = (
            self.downloads.close,
            self.hub.close,
            self.library.close,
            self.pool.close,
            self.practice.stop,
            self.requirements.close,
            self.database.close,
        )
        for part in parts:
            try:
                await part()
            except Exception:  # one part that fails must not keep the others from ending
                log.exception("closing failed")


class _Children:
    """The processes of this program that the meters show."""

    def __init__(self, pool: WorkerPool, practice: PracticeCloud) -> None:
        self._pool = pool
        self._practice = practice

    def pids(self) -> dict[str, int]:
        """Return what runs now, by the name a person knows it by."""
        found: dict[str, int] = {}
        for worker in self._pool.loaded():
            if worker.pid:
                name = f"{worker.name} ({worker.pid})" if worker.name in found else worker.name
                found[name] = worker.pid
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


def build(paths: Paths | None = None, settings: SettingsStore | None = None) -> Services:
    """Return every service, built but not started."""
    paths = paths or default_paths()
    paths.create()
    open_log(paths.log_file)
    settings = settings or SettingsStore(paths.settings_file)
    secrets = SecretStore()
    database = Database(paths.database_file)
    history = ComparisonStore(database)
    library = ModelLibrary(
        lambda: settings.settings.model_folders,
        paths.models_dir,
        cache_file=paths.library_file,
    )
    machines = MachineService(Bandwidth(paths.bandwidth_file))
    pool = WorkerPool(MemoryPlanner(library, machines))
    practice = PracticeCloud(library.starter_path)
    prices = PriceService(settings)
    providers = ProviderService(settings, secrets, practice, prices)
    local_runs = LocalRuns(database)
    requirements = RequirementsService(machines, local_runs, library, pool.held_memory)
    hub = HubService(settings, secrets, paths.cache_dir / "hub", use_hub_transport)
    downloads = DownloadManager(paths.models_dir, paths.downloads_file, hub, settings)
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
        replayer=Replayer(history),
        library=library,
        pool=pool,
        practice=practice,
        providers=providers,
        telemetry=telemetry,
        comparison=ComparisonService(engine_for, history, prices.cost),
        hub=hub,
        downloads=downloads,
        requirements=requirements,
        local_runs=local_runs,
    )


@cache
def use_hub_transport() -> None:
    """Have `huggingface_hub` send every request of this process through our transport.

    Called with the first request, in its thread: loading the library takes 0.6 s.
    """
    from huggingface_hub import set_client_factory

    from playground.services.hub.transport import new_client

    set_client_factory(new_client)
