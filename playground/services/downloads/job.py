"""Fetches all files of one download, one after the other, in a thread of its own."""

import asyncio
import hashlib
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from playground.core.downloads import Download, DownloadState
from playground.core.errors import DownloadFailed, ErrorInfo
from playground.core.hub import HubPart
from playground.network.traffic import Traffic
from playground.services.downloads.http import (
    ConnectionBroke,
    FileChanged,
    OpenRange,
    RangeClient,
    Version,
)
from playground.services.downloads.part_file import (
    IncrementalHash,
    PartFile,
    delete_partial,
    is_checked_by_git_name,
)
from playground.services.hub.service import DownloadSource, HubService
from playground.store.files import make_folder

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """How a file is fetched."""

    ranges: int = 4
    """Open ranges of one file."""
    chunk_bytes: int = 32 * _MIB
    """Bytes of one range; the next one takes the same connection."""
    stall_s: float = 30.0
    """Longest silence before a connection is given up."""
    retries: int = 8
    """Failures in a row, without a byte between them, after which the download has failed."""
    backoff_s: float = 1.0
    """Wait before the first new try; it doubles, up to `longest_backoff_s`."""
    longest_backoff_s: float = 30.0


_SETTLES_S = 4.0
_BURST_S = 0.25


class RateLimiter:
    """Bytes per second that all downloads share; may be changed while they run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limit: float | None = None
        self._free_at = 0.0

    def set_limit(self, bytes_per_s: float | None) -> None:
        """Take another limit at once; `None` is no limit."""
        with self._lock:
            if bytes_per_s != self._limit:
                self._limit = bytes_per_s
                self._free_at = time.perf_counter()

    def spend(self, count: int, stopped: threading.Event) -> None:
        """Wait until `count` bytes may have arrived; returns early once `stopped` is set."""
        with self._lock:
            if self._limit is None:
                return
            now = time.perf_counter()
            self._free_at = max(self._free_at, now - _BURST_S) + count / self._limit
            ready_at = self._free_at
        while not stopped.is_set():
            with self._lock:
                # a limit that was changed meanwhile counts from now on
                ready_at = min(ready_at, self._free_at) if self._limit is not None else 0.0
            left = ready_at - time.perf_counter()
            if left <= 0 or stopped.wait(min(left, 0.2)):
                return


class ProgressEstimator:
    """Smoothed speed of one download, and the time left at that speed."""

    def __init__(self) -> None:
        self._last: tuple[float, int] | None = None
        self._speed: float | None = None
        self._left_bytes = 0

    def update(self, now_s: float, received_bytes: int, total_bytes: int) -> None:
        self._left_bytes = total_bytes - received_bytes
        if self._last is None or received_bytes < self._last[1]:
            self._last = (now_s, received_bytes)
            return
        passed = now_s - self._last[0]
        if passed <= 0:
            return
        speed = (received_bytes - self._last[1]) / passed
        self._last = (now_s, received_bytes)
        self._speed = _smoothed(self._speed, speed, passed, _SETTLES_S)

    @property
    def bytes_per_s(self) -> float | None:
        """Speed over the last seconds; `None` where nothing arrives or nothing is known yet."""
        return self._speed if self._speed is not None and self._speed >= 1 else None

    @property
    def left_s(self) -> float | None:
        """Seconds left at `bytes_per_s`, which is shown beside it; `None` where that is."""
        return None if self.bytes_per_s is None else self._left_bytes / self.bytes_per_s


def _smoothed(before: float | None, now: float, passed_s: float, settles_s: float) -> float:
    if before is None:
        return now
    share = 1 - math.exp(-passed_s / settles_s)
    return before + (now - before) * share


_READ = 512 << 10
_MOST_FRESH_STARTS = 3
_LEFT_AFTER_S = 0.5


class TransferStopped(Exception):
    """The transfer was told to stop."""


class FileTransfer:
    """One file on its way; `run` blocks in a thread of its own, everything else is for others."""

    def __init__(
        self,
        part: HubPart,
        target: Path,
        resolve: Callable[[], DownloadSource],
        limiter: RateLimiter,
        limits: TransferLimits,
        *,
        traffic: Traffic,
    ) -> None:
        self.part = part
        self.notice: str | None = None
        self.waiting: ErrorInfo | None = None
        """Why nothing arrives, while it is tried again."""
        self.is_verifying = False
        self.fresh_starts = 0
        """How often the file had to be begun anew."""
        self._target = target
        self._limiter = limiter
        self._limits = limits
        self._stop = threading.Event()
        self._end = threading.Event()
        """Set as soon as the ranges are to end, for whatever reason."""
        self._lock = threading.Lock()
        self._client = RangeClient(resolve, limits.stall_s, limits.ranges, traffic)
        self._file: PartFile | None = None
        self._failures = 0
        self._error: Exception | None = None
        self._has_no_ranges = False
        self._streamer: int | None = None
        """The worker that reads a whole file, where the server knows no ranges."""

    @property
    def received_bytes(self) -> int:
        """Bytes that are here; never fewer than before, but after `FileChanged`."""
        file = self._file
        return 0 if file is None else file.received_bytes

    def stop(self) -> None:
        """End `run` soon, from any thread; what has arrived stays."""
        self._stop.set()
        self._end.set()
        self._client.pool.abort()

    def run(self) -> HubPart:
        """Fetch, verify, and give the file its final name; return it as it turned out to be.

        Raises `TransferStopped` and errors of the `PlaygroundError` tree.
        """
        try:
            while True:
                try:
                    self._fetch()
                except FileChanged as changed:
                    self._start_over(changed.version)
                else:
                    return self.part
        finally:
            self._client.pool.close()

    def _fetch(self) -> None:
        with PartFile(self._target, self.part) as file:
            self._file = file
            checksum = IncrementalHash(file) if self.part.sha256 else None
            try:
                self._fetch_all(file)
                self._verify(file, checksum)
            finally:
                if checksum is not None:
                    checksum.stop()

    def _verify(self, file: PartFile, checksum: IncrementalHash | None) -> None:
        self.is_verifying = True
        try:
            if checksum is not None:
                checksum.check(self._target.name, self._stop)
            elif not is_checked_by_git_name(file, self._target.name):
                self._add_notice(
                    "The Hub gives no checksum for this file: only its size was checked."
                )
        finally:
            self.is_verifying = False
        self._raise_if_stopped()
        file.finish()

    def _start_over(self, version: Version) -> None:
        """Take the file as the Hub has it now; what had arrived belongs to another one."""
        if self.fresh_starts >= _MOST_FRESH_STARTS:
            raise DownloadFailed(
                f"The Hub and its servers do not agree on what {self._target.name} is.",
                "Try again later.",
            )
        delete_partial(self._target)
        self._file = None
        self.fresh_starts += 1
        self.part = replace(
            self.part,
            size_bytes=version.size_bytes or self.part.size_bytes,
            sha256=version.sha256 or (None if version.etag else self.part.sha256),
        )
        self._client.reset()
        self._add_notice("The file has changed on the Hub: it started again.")

    def _add_notice(self, notice: str) -> None:
        if notice not in (self.notice or ""):
            self.notice = f"{self.notice} {notice}" if self.notice else notice

    def _fetch_all(self, file: PartFile) -> None:
        self._error = None
        self._end.clear()
        while not file.is_whole:
            self._raise_if_stopped()
            count = 1 if self._has_no_ranges else self._limits.ranges
            pieces = -(-(file.size_bytes - file.received_bytes) // self._limits.chunk_bytes)
            threads = [
                threading.Thread(target=self._work, args=(number, file), name="range", daemon=True)
                for number in range(max(1, min(count, pieces)))
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                self._join(thread)
            if self._error is not None:
                raise self._error

    def _join(self, thread: threading.Thread) -> None:
        """Wait for a worker; one that looks for a server's address cannot be woken, and is left.

        It writes nothing any more: all its connections are refused.
        """
        while thread.is_alive():
            thread.join(0.1)
            if self._end.is_set():
                thread.join(_LEFT_AFTER_S)
                return

    def _work(self, number: int, file: PartFile) -> None:
        try:
            while not self._end.is_set():
                piece = file.claim(number, self._limits.chunk_bytes)
                is_left_to_another = self._has_no_ranges and self._streamer not in {None, number}
                if piece is None or is_left_to_another:
                    return
                try:
                    self._fetch_piece(number, file, piece)
                except ConnectionBroke as broke:
                    self._wait_after(broke)
        except Exception as error:  # noqa: BLE001 - raised again by `run`
            with self._lock:
                self._error = self._error or error
            self._end.set()
            self._client.pool.abort()
        finally:
            file.release(number)

    def _fetch_piece(self, number: int, file: PartFile, piece: tuple[int, int]) -> None:
        opened = self._client.open(*piece)
        try:
            self._check_version(file)
            stop = piece[1]
            if not opened.is_range and piece != (0, file.size_bytes):
                if not self._stream_alone(number, file):
                    return
                stop = file.size_bytes
            self._copy(file, opened, stop)
        finally:
            with self._lock:
                if self._streamer == number:
                    self._streamer = None
            opened.close()

    def _stream_alone(self, number: int, file: PartFile) -> bool:
        """Let one worker go on alone where the server sends only whole files."""
        with self._lock:
            if self._streamer not in {None, number}:
                return False
            self._streamer = number
            self._has_no_ranges = True
        if file.received_bytes > 0:
            self._add_notice(
                "This server can only send the file from its beginning: what was here already "
                "is passed over."
            )
        return True

    def _check_version(self, file: PartFile) -> None:
        version = self._client.version
        if version is None:
            return
        is_other = (
            (version.size_bytes is not None and version.size_bytes != file.size_bytes)
            or (version.sha256 and file.sha256 and version.sha256 != file.sha256)
            or (version.etag and file.etag and version.etag != file.etag)
        )
        if is_other:
            raise FileChanged(version)
        if version.etag and file.etag is None:
            file.note_etag(version.etag)

    def _copy(self, file: PartFile, opened: OpenRange, stop: int) -> None:
        position = opened.start
        here = file.prefix_bytes if not opened.is_range else 0
        while position < stop and not self._end.is_set():
            data = opened.read(min(_READ, stop - position))
            if not data:
                raise ConnectionBroke("The connection broke.")
            # of a whole file that is sent again, the bytes that are here are passed over
            if position + len(data) > here:
                skipped = max(0, here - position)
                file.write(position + skipped, data[skipped:] if skipped else data)
            position += len(data)
            self._failures = 0
            self.waiting = None
            self._limiter.spend(len(data), self._end)

    def _wait_after(self, broke: ConnectionBroke) -> None:
        """Wait before the next try; raises `DownloadFailed` after too many in a row."""
        if self._end.is_set():
            return
        with self._lock:
            self._failures += 1
            failures = self._failures
        limits = self._limits
        if failures > limits.retries * limits.ranges:
            raise DownloadFailed(str(broke)) from broke
        self.waiting = ErrorInfo("ConnectionFailed", str(broke), "It tries again by itself.")
        wait_s = limits.backoff_s * 2 ** ((failures - 1) // limits.ranges)
        wait_s = max(min(wait_s, limits.longest_backoff_s), broke.retry_after_s or 0.0)
        self._end.wait(min(wait_s, 120.0))

    def _raise_if_stopped(self) -> None:
        if self._stop.is_set():
            raise TransferStopped


_ASK_S = 40.0
_HASH_PIECE = 1 << 20


class DownloadTask:
    """One download while it runs; belongs to the loop it is made on."""

    ending: asyncio.Task[None] | None = None
    """What waits for its end."""

    def __init__(
        self, item: Download, hub: HubService, limiter: RateLimiter, limits: TransferLimits
    ) -> None:
        self.id = item.id
        self.is_stopped = False
        self._item = item
        self._hub = hub
        self._limiter = limiter
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._estimator = ProgressEstimator()
        self._parts = list(item.parts)
        self._finished_bytes = 0
        self._transfer: FileTransfer | None = None
        self._is_checking = False
        self._fresh_starts = 0
        self._notice: str | None = None
        self.ended: asyncio.Future[Exception | None] = self._loop.create_future()
        """What ended it: `None` with all files here, a refusal, `TransferStopped`, or a bug."""
        threading.Thread(target=self._run, name="download", daemon=True).start()

    def stop(self) -> None:
        """End it soon; what has arrived stays."""
        self.is_stopped = True
        if self._transfer is not None:
            self._transfer.stop()

    def progress(self, item: Download) -> Download:
        """Return the download as it stands now; called regularly, for speed and time left."""
        total = sum(part.size_bytes for part in self._current_parts)
        self._estimator.update(time.perf_counter(), self._received_bytes, total)
        transfer = self._transfer
        waiting: ErrorInfo | None = transfer.waiting if transfer is not None else None
        is_verifying = self._is_checking or (transfer is not None and transfer.is_verifying)
        state = DownloadState.VERIFYING if is_verifying else DownloadState.RUNNING
        notice = transfer.notice if transfer is not None else None
        fresh_starts = transfer.fresh_starts if transfer is not None else 0
        # until the file is open nothing is known of what is here already
        least = item.received_bytes if fresh_starts <= self._fresh_starts else 0
        self._fresh_starts = max(fresh_starts, self._fresh_starts)
        return replace(
            item,
            parts=self._current_parts,
            total_bytes=total,
            state=DownloadState.WAITING if waiting else state,
            received_bytes=max(self._received_bytes, least),
            speed_bytes_per_s=None if waiting else self._estimator.bytes_per_s,
            left_s=None if waiting else self._estimator.left_s,
            error=waiting,
            notice=notice or self._notice or item.notice,
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
        if not self.ended.done():
            self.ended.set_result(ended)

    def _fetch(self, number: int, part: HubPart) -> None:
        folder = _make_folder(self._item.folder, part.path)
        target = folder / Path(part.path).name
        if self._is_complete(target, part):
            self._finished_bytes += part.size_bytes
            return
        source = partial(self._source, part)
        transfer = FileTransfer(
            part, target, source, self._limiter, self._limits, traffic=self._hub.traffic
        )
        self._transfer = transfer
        if self.is_stopped:
            raise TransferStopped
        fetched = transfer.run()
        self._parts[number] = fetched
        self._notice = transfer.notice or self._notice
        self._finished_bytes += fetched.size_bytes
        self._transfer = None

    def _is_complete(self, target: Path, part: HubPart) -> bool:
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
                    raise TransferStopped
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
                "This computer's password store does not give out the Hub's access token."
            ) from error


def _make_folder(folder: Path, path: str) -> Path:
    """Return the folder a file comes to lie in, made; no link may lead out of `folder`."""
    parent = (folder / path).parent
    try:
        # the models folder itself, two levels up, may lie wherever its owner wants it
        root = folder.parents[1].resolve()
        is_inside = parent.resolve().is_relative_to(root)
        if is_inside:
            make_folder(parent)
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
