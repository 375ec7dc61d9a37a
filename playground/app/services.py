"""Builds everything, and ends it in order."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache

from playground.core.errors import HomeUnusable, StorageFailed
from playground.core.redaction import Redactor
from playground.core.targets import CloudTarget, Target
from playground.engines.base import Engine
from playground.network.traffic import Traffic
from playground.services.advice import AdviceService
from playground.services.comparison import ComparisonService
from playground.services.downloads.manager import DownloadManager
from playground.services.evaluation import EvaluationService
from playground.services.hub.service import HubService
from playground.services.library.service import ModelLibrary
from playground.services.machine.awake import stay_awake
from playground.services.machine.machine import Bandwidth, MachineService
from playground.services.machine.telemetry import Telemetry
from playground.services.memory_plan import MemoryPlanner
from playground.services.prompt_sets import PromptSets
from playground.services.providers.practice import PRACTICE_NAME, PracticeCloud
from playground.services.providers.prices import PriceService
from playground.services.providers.service import ProviderService
from playground.services.replay import Replayer
from playground.services.requirements import RequirementsService
from playground.services.sharing import SharingService
from playground.services.worker_pool import WorkerPool
from playground.store.backup import Backups
from playground.store.database import Database
from playground.store.evaluations import EvaluationStore
from playground.store.files import Paths, default_paths
from playground.store.history import ComparisonStore
from playground.store.local_runs import LocalRuns
from playground.store.log import open_log
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore
from playground.store.target_runs import TargetRuns

log = logging.getLogger(__name__)


class Services:
    """Every service, built but not started: the composition root hands on parts of it, not it."""

    def __init__(self, paths: Paths, settings: SettingsStore, redactor: Redactor) -> None:
        open_log(paths.log_file, redactor)
        self.paths = paths
        self.problems: list[str] = []
        """What was wrong with the files when they were opened, in sentences."""
        self.settings = settings
        self.secrets = SecretStore(redactor=redactor)
        self.traffic = Traffic()
        self.database = Database(paths.database_file)
        self.history = ComparisonStore(self.database)
        self.replayer = Replayer(self.history)
        self.evaluations = EvaluationStore(self.database)
        self.backups = Backups(self.database, self.history, settings, paths.cache_dir)
        self.library = ModelLibrary(
            lambda: settings.settings.model_folders,
            paths.models_dir,
            cache_file=paths.library_file,
        )
        machines = MachineService(Bandwidth(paths.bandwidth_file))
        self.sharing = SharingService(
            self.history,
            self.evaluations,
            self.secrets,
            settings,
            machines.memory_now,
            folders=(paths.config_dir, paths.data_dir, paths.log_dir),
        )
        self.pool = WorkerPool(MemoryPlanner(self.library, machines))
        self.practice = PracticeCloud(self.library.starter_path)
        prices = PriceService(settings)
        self.providers = ProviderService(
            settings, self.secrets, self.practice, prices, traffic=self.traffic
        )
        self.comparison = ComparisonService(self._engine_for, self.history, prices.cost)
        self.prompt_sets = PromptSets(self.evaluations)
        self.evaluation = EvaluationService(
            self._engine_for,
            self.evaluations,
            prices.cost,
            lambda target: prices.price(target.provider, target.model),
            stay_awake=stay_awake,
            side_by_side=self.pool.side_by_side,
        )
        self.hub = HubService(
            settings,
            self.secrets,
            paths.cache_dir / "hub",
            use_hub_transport,
            traffic=self.traffic,
        )
        self.downloads = DownloadManager(paths.models_dir, paths.downloads_file, self.hub, settings)
        self.requirements = RequirementsService(
            machines, LocalRuns(self.database), self.library, self.pool.held_memory
        )
        self.advice = AdviceService(
            self.evaluations, TargetRuns(self.database), self.requirements, settings
        )
        self.telemetry = Telemetry(self._child_processes)

    async def open(self) -> list[str]:
        """Open the history; return what is wrong with it and with the settings, in sentences.

        Runs that a sudden end cut off are marked as interrupted, and what was deleted last time
        goes for good. Without a history everything else works: each run says that it is not kept.
        Raises `HomeUnusable` where another program's database is in its place.
        """
        problems = [self.settings.problem]
        await self.hub.hide_login()
        try:
            await self.database.open()
            await self.history.recover()
            await self.history.purge_deleted()
        except HomeUnusable:
            raise
        except StorageFailed as error:
            problems.append(f"{error.message} {error.hint}".strip())
        else:
            problems.append(self.database.problem)
        self.problems = [problem for problem in problems if problem is not None]
        return self.problems

    async def close(self) -> None:
        """End downloads, workers and the practice cloud, then close the history."""
        parts = (
            self.downloads.close,
            self.hub.close,
            self.library.close,
            self.pool.close,
            self.practice.stop,
            self.requirements.close,
            self.history.close,
            self.database.close,
        )
        for part in parts:
            try:
                await part()
            except Exception:  # one part that fails must not keep the others from ending
                log.exception("closing failed")

    def _engine_for(self, target: Target) -> Engine:
        if isinstance(target, CloudTarget):
            return self.providers.engine(target)
        return self.pool.engine(target)

    def _child_processes(self) -> dict[str, int]:
        """Return the processes that the meters show, by the name a person knows each by."""
        found: dict[str, int] = {}
        for worker in self.pool.loaded():
            if worker.pid:
                name = f"{worker.name} ({worker.pid})" if worker.name in found else worker.name
                found[name] = worker.pid
        if self.practice.pid is not None:
            found[PRACTICE_NAME] = self.practice.pid
        return found


@asynccontextmanager
async def open_services(tell: Callable[[str], None]) -> AsyncGenerator[Services, None]:
    """Give the services, open, and end them in order afterwards.

    What is wrong with the files is told, and left for the next window to tell as well.
    """
    paths = default_paths()
    paths.create()
    services = Services(paths, SettingsStore(paths.settings_file), Redactor())
    try:
        for problem in await services.open():
            tell(problem)
        set_aside = [p for p in (services.settings.problem, services.database.problem) if p]
        if set_aside and services.settings.can_be_saved:
            services.settings.change(
                lambda s: replace(s, untold_problems=(*s.untold_problems, *set_aside))
            )
        yield services
    finally:
        await services.close()


@cache
def use_hub_transport() -> None:
    """Have `huggingface_hub` send every request of this process through our transport.

    Called with the first request, in its thread: loading the library takes 0.6 s.
    """
    from huggingface_hub import set_client_factory

    from playground.services.hub.transport import new_client

    set_client_factory(new_client)
