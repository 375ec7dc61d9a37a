"""Fetches all files of one download, one after the other, in a thread of its own."""

import asyncio
import hashlib
import threading
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import replace
from pathlib import Path

from playground.core.downloads import Download, DownloadState
from playground.core.errors import DownloadFailed, ErrorInfo, PlaygroundError
from playground.core.hub import HubPart
from playground.services.download_answers import ConnectionBroke
from playground.services.download_limits import TransferLimits
from playground.services.download_speed import Pace, RateLimiter
from playground.services.download_transfer import Stopped, Transfer
from playground.services.hub.client import DownloadSource
from playground.services.hub.service import HubService

_ASK_S = 40.0
_HASH_PIECE = 1 << 20


class Job:
    """One download while it runs."""

    task: asyncio.Task[None] | None = None
    """What waits for its end."""

    def __init__(
        self,
        item: Download,
        hub: HubService,
        limiter: RateLimiter,
        limits: TransferLimits,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.id = item.id
        self.is_stopped = False
        self._item = item
        self._hub = hub
        self._limiter = limiter
        self._limits = limits
        self._loop = loop
        self._pace = Pace()
        self._parts = list(item.parts)
        self._finished_bytes = 0
        self._transfer: Transfer | None = None
        self._is_checking = False
        self._fresh_starts = 0
        self._notice: str | None = None
        self._ended: asyncio.Future[Exception | None] = loop.create_future()
        threading.Thread(target=self._run, name="download", daemon=True).start()

    async def outcome(self) -> Exception | None:
        """Return what ended it: `None` once all files are there, a `PlaygroundError`, `Stopped`.

        Anything else is a bug, and raised.
        """
        found = await asyncio.shield(self._ended)
        if found is None or isinstance(found, PlaygroundError | Stopped):
            return found
        raise found

    def stop(self) -> None:
        """End it soon; what has arrived stays."""
        self.is_stopped = True
        if self._transfer is not None:
            self._transfer.stop()

    def look(self, now_s: float) -> None:
        """Take a look at the clock, for speed and time left."""
        total = sum(part.size_bytes for part in self._current_parts)
        self._pace.look(now_s, self._received_bytes, total)

    def shown(self, item: Download) -> Download:
        """Return the download as it stands now."""
        transfer = self._transfer
        waiting: ErrorInfo | None = transfer.waiting if transfer is not None else None
        is_verifying = self._is_checking or (transfer is not None and transfer.is_verifying)
        state = DownloadState.VERIFYING if is_verifying else DownloadState.RUNNING
        fresh_starts = transfer.fresh_starts if transfer is not None else 0
        # until the file is open nothing is known of what is here already
        least = item.received_bytes if fresh_starts <= self._fresh_starts else 0
        self._fresh_starts = max(fresh_starts, self._fresh_starts)
        return replace(
            item,
            parts=self._current_parts,
            total_bytes=sum(part.size_bytes for part in self._current_parts),
            state=DownloadState.WAITING if waiting else state,
            received_bytes=max(self._received_bytes, least),
            speed_bytes_per_s=None if waiting else self._pace.bytes_per_s,
            left_s=None if waiting else self._pace.left_s,
            error=waiting,
            notice=(transfer.notice if transfer is not None else None)
            or self._notice
            or item.notice,
        )

    @property
    def _current_parts(self) -> tuple[HubPart, ...]:
        """The files as they turned out to be: one may have changed on the Hub."""
        transfer = self._transfer
        if transfer is None:
            return tuple(self._parts)
        return tuple(transfer.part if p.path == transfer.part.path else p for p in self._parts)

    @property
    def _received_bytes(self) -> int:
        here = self._transfer.received_bytes if self._transfer is not None else 0
        return self._finished_bytes + here

    def _run(self) -> None:
        ended: Exception | None = None
        try:
            for number, part in enumerate(self._parts):
                self._fetch(number, part)
        except Exception as error:  # noqa: BLE001 - handed to the loop
            ended = error
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, ended)

    def _settle(self, ended: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_result(ended)

    def _fetch(self, number: int, part: HubPart) -> None:
        folder = _made(self._item.folder, part.path)
        target = folder / Path(part.path).name
        if self._is_there(target, part):
            self._finished_bytes += part.size_bytes
            return
        transfer = Transfer(part, target, lambda: self._source(part), self._limiter, self._limits)
        self._transfer = transfer
        if self.is_stopped:
            raise Stopped
        fetched = transfer.run()
        self._parts[number] = fetched
        self._notice = transfer.notice or self._notice
        self._finished_bytes += fetched.size_bytes
        self._transfer = None

    def _is_there(self, target: Path, part: HubPart) -> bool:
        """Return True where the file is there already, whole; raises for another one."""
        if not target.exists():
            return False
        self._is_checking = True
        try:
            is_same = target.is_file() and target.stat().st_size == part.size_bytes
            if is_same and part.sha256 is not None:
                is_same = self._digest(target) == part.sha256
        except OSError as error:
            raise DownloadFailed(f"{target} cannot be read: {error.strerror or error}.") from error
        finally:
            self._is_checking = False
        if not is_same:
            raise DownloadFailed(
                f"There is another file called {target.name} in {target.parent} already.",
                "Rename or delete it, then try again.",
            )
        return True

    def _digest(self, path: Path) -> str:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while data := file.read(_HASH_PIECE):
                if self.is_stopped:
                    raise Stopped
                digest.update(data)
        return digest.hexdigest()

    def _source(self, part: HubPart) -> DownloadSource:
        asked = self._hub.source(self._item.repo, self._item.revision, part.path)
        answer = asyncio.run_coroutine_threadsafe(asked, self._loop)
        try:
            return answer.result(_ASK_S)
        except FutureTimeoutError as error:
            answer.cancel()
            raise ConnectionBroke(
                "This computer's keyring does not give out the Hub's access token."
            ) from error


def _made(folder: Path, path: str) -> Path:
    """Return the folder a file comes to lie in, made; no link may lead out of `folder`."""
    parent = (folder / path).parent
    try:
        # the models folder itself, two levels up, may lie wherever its owner wants it
        root = folder.parents[1].resolve()
        is_inside = parent.resolve().is_relative_to(root)
        if is_inside:
            parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadFailed(
            f"The folder {parent} cannot be made: {error.strerror or error}.",
            "Check the rights on the folder and the space on the disk.",
        ) from error
    if not is_inside:
        raise DownloadFailed(
            f"The folder {parent} leads out of the models folder.", "Remove the link."
        )
    return parent
