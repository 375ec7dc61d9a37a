"""Fetches one file: several ranges at once, each tried again by itself, the checksum beside it."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from playground.core.errors import DownloadFailed, ErrorInfo, PlaygroundError
from playground.core.hub import HubPart
from playground.services.download_answers import ConnectionBroke, FileChanged, Version
from playground.services.download_hash import PrefixHash, is_checked_by_git_name
from playground.services.download_limits import TransferLimits
from playground.services.download_places import discard
from playground.services.download_speed import RateLimiter
from playground.services.downloads.http import OpenRange, RangeClient
from playground.services.downloads.part_file import PartFile
from playground.services.hub.client import DownloadSource

_READ = 512 << 10
_MOST_FRESH_STARTS = 3
_LEFT_AFTER_S = 0.5
_MIB = 1 << 20


class Stopped(Exception):
    """The transfer was told to stop."""


class Transfer:
    """One file on its way; `run` blocks in a thread of its own, everything else is for others."""

    def __init__(
        self,
        part: HubPart,
        target: Path,
        resolve: Callable[[], DownloadSource],
        limiter: RateLimiter,
        limits: TransferLimits,
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
        self._client = RangeClient(resolve, limits.stall_s, limits.ranges)
        self._file: PartFile | None = None
        self._failures = 0
        self._error: Exception | None = None
        self._has_no_ranges = False
        self._streamer: int | None = None
        """The worker that reads a whole file, where the server knows no ranges."""
        self._received = 0

    @property
    def received_bytes(self) -> int:
        """Bytes that are here; never fewer than before, but after `FileChanged`."""
        file = self._file
        if file is not None:
            self._received = file.received_bytes
        return self._received

    def stop(self) -> None:
        """End `run` soon, from any thread; what has arrived stays."""
        self._stop.set()
        self._end.set()
        self._client.break_off()

    def run(self) -> HubPart:
        """Fetch, verify, and give the file its final name; return it as it turned out to be.

        Raises `Stopped` and errors of the `PlaygroundError` tree.
        """
        try:
            while True:
                try:
                    self._fetch()
                except FileChanged as changed:
                    self._begin_anew(changed.version)
                else:
                    return self.part
        finally:
            self._client.close()

    def _fetch(self) -> None:
        with PartFile(self._target, self.part) as file:
            self._file = file
            checksum = PrefixHash(file) if self.part.sha256 else None
            try:
                self._fetch_all(file, checksum)
                self._verify(file, checksum)
            finally:
                if checksum is not None:
                    checksum.stop()
                self._received = file.received_bytes
                self._file = None

    def _verify(self, file: PartFile, checksum: PrefixHash | None) -> None:
        self.is_verifying = True
        try:
            if checksum is not None:
                checksum.check(self._target.name, self._stop)
            elif not is_checked_by_git_name(file, self._target.name):
                self._note("The Hub gives no checksum for this file: only its size was checked.")
        finally:
            self.is_verifying = False
        self._raise_if_stopped()
        file.finish()

    def _begin_anew(self, version: Version) -> None:
        """Take the file as the Hub has it now; what had arrived belongs to another one."""
        if self.fresh_starts >= _MOST_FRESH_STARTS:
            raise DownloadFailed(
                f"The Hub and its servers do not agree on what {self._target.name} is.",
                "Try again later.",
            )
        discard(self._target)
        self._received = 0
        self.fresh_starts += 1
        self.part = replace(
            self.part,
            size_bytes=version.size_bytes or self.part.size_bytes,
            sha256=version.sha256 or (None if version.etag else self.part.sha256),
        )
        self._client.begin_anew()
        self._note("The file has changed on the Hub: it started again.")

    def _note(self, notice: str) -> None:
        if notice not in (self.notice or ""):
            self.notice = f"{self.notice} {notice}" if self.notice else notice

    def _fetch_all(self, file: PartFile, checksum: PrefixHash | None) -> None:
        self._error = None
        self._end.clear()
        self._raise_if_stopped()
        while not file.is_whole:
            self._raise_if_stopped()
            count = 1 if self._has_no_ranges else self._limits.ranges
            pieces = -(-(file.size_bytes - file.received_bytes) // self._limits.chunk_bytes)
            threads = [
                threading.Thread(
                    target=self._work, args=(number, file, checksum), name="range", daemon=True
                )
                for number in range(max(1, min(count, pieces)))
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                self._join(thread)
            if self._error is not None:
                raise self._error
        self._raise_if_stopped()

    def _join(self, thread: threading.Thread) -> None:
        """Wait for a worker; one that looks for a server's address cannot be woken, and is left.

        It writes nothing any more: all its connections are refused.
        """
        while thread.is_alive():
            thread.join(0.1)
            if self._end.is_set():
                thread.join(_LEFT_AFTER_S)
                return

    def _work(self, number: int, file: PartFile, checksum: PrefixHash | None) -> None:
        try:
            while not self._has_ended:
                piece = file.take(number, self._limits.chunk_bytes)
                if piece is None or self._is_left_to_another(number):
                    return
                try:
                    self._fetch_piece(number, file, piece, checksum)
                except ConnectionBroke as broke:
                    self._wait_after(broke)
        except (PlaygroundError, FileChanged, Stopped) as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - raised again by `run`
            self._fail(error)
        finally:
            file.release(number)

    def _is_left_to_another(self, number: int) -> bool:
        return self._has_no_ranges and self._streamer not in {None, number}

    @property
    def _has_ended(self) -> bool:
        return self._end.is_set() or self._stop.is_set()

    def _fetch_piece(
        self,
        number: int,
        file: PartFile,
        piece: tuple[int, int],
        checksum: PrefixHash | None,
    ) -> None:
        opened = self._client.open(*piece)
        try:
            self._check_version(file)
            if not opened.is_range and (piece[0] > 0 or piece[1] < file.size_bytes):
                if not self._take_whole_stream(number):
                    return
                piece = (0, file.size_bytes)
            self._copy(file, opened, piece, checksum)
        finally:
            with self._lock:
                if self._streamer == number:
                    self._streamer = None
            opened.close()

    def _take_whole_stream(self, number: int) -> bool:
        """Let one worker go on alone where the server sends only whole files."""
        with self._lock:
            if self._streamer not in {None, number}:
                return False
            self._streamer = number
            self._has_no_ranges = True
        if self._received_before:
            self._note(
                "This server can only send the file from its beginning: what was here already "
                "is passed over."
            )
        return True

    @property
    def _received_before(self) -> bool:
        return self._file is not None and self._file.received_bytes > 0

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

    def _copy(
        self,
        file: PartFile,
        opened: OpenRange,
        piece: tuple[int, int],
        checksum: PrefixHash | None,
    ) -> None:
        position, stop = opened.start, piece[1]
        here = file.prefix_bytes if not opened.is_range else 0
        while position < stop and not self._has_ended:
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
            if checksum is not None:
                checksum.wake()
            self._limiter.spend(len(data), self._end)

    def _wait_after(self, broke: ConnectionBroke) -> None:
        """Wait before the next try; raises `DownloadFailed` after too many in a row."""
        if self._has_ended:
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

    def _fail(self, error: Exception) -> None:
        with self._lock:
            self._error = self._error or error
        self._end.set()
        self._client.break_off()

    def _raise_if_stopped(self) -> None:
        if self._stop.is_set():
            raise Stopped
