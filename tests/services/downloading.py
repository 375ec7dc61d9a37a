"""What the tests of downloads share: a loopback Hub, and downloads with short patience."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from playground.app.services import use_hub_transport
from playground.core.downloads import Download, DownloadState
from playground.core.hub import HubRepository
from playground.services.downloads.job import TransferLimits
from playground.services.downloads.manager import DownloadManager
from playground.services.hub.service import HubService
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore
from tests.servers.hub import HubServer

REPO = "acme/Tiny-GGUF"
MIB = 1 << 20
QUICK = TransferLimits(chunk_bytes=2 * MIB, stall_s=1.0, retries=2, backoff_s=0.05)


class Place:
    """A folder with settings, a Hub service and the downloads in it."""

    def __init__(
        self, hub: HubServer, folder: Path, limits: TransferLimits = QUICK, **environment: str
    ) -> None:
        self.hub_server = hub
        self.folder = folder
        self.models = folder / "models"
        self.queue_file = folder / "downloads.json"
        self.settings = SettingsStore(folder / "settings.json")
        self._variables = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "hf")}
        self._variables |= environment
        self._limits = limits
        self._build()

    def _build(self) -> None:
        secrets = SecretStore(self._variables)
        self.hub = HubService(
            self.settings, secrets, self.folder / "cache", use_hub_transport, self._variables
        )
        self.downloads = DownloadManager(
            self.models,
            self.queue_file,
            self.hub,
            self.settings,
            limits=self._limits,
        )

    async def restart(self) -> None:
        """End everything and start again, as the program does."""
        await self.rebuild()
        await self.downloads.open()

    async def rebuild(self) -> None:
        """End everything and build it again; the list of downloads is not opened."""
        await self.close()
        self._build()

    async def close(self) -> None:
        await self.downloads.close()
        await self.hub.close()

    async def begin(self, number: int = 0, repo: str = REPO) -> Download:
        repository: HubRepository = await self.hub.repository(repo)
        return await self.downloads.add(repository, repository.files[number])

    def now(self, download: Download) -> Download:
        return next(item for item in self.downloads.downloads() if item.id == download.id)

    async def until(
        self, download: Download, is_so: Callable[[Download], object], limit_s: float = 20
    ) -> Download:
        """Return the download once `is_so` holds for it."""

        async def watch() -> Download:
            async for items in self.downloads.follow():
                for item in items:
                    if item.id == download.id and is_so(item):
                        return item
            raise AssertionError("the downloads were closed")

        try:
            return await asyncio.wait_for(watch(), limit_s)
        except TimeoutError:
            raise AssertionError(f"never so: {self.now(download)}") from None

    async def finished(self, download: Download) -> Download:
        item = await self.until(download, lambda item: item.state.is_over)
        assert item.state is DownloadState.DONE, item.error
        return item
