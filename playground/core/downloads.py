"""A download from the Hub as it is shown, stored and reported."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from playground.core.errors import ErrorInfo
from playground.core.hub import HubPart


class DownloadState(StrEnum):
    """Where a download stands."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    """The connection broke: it tries again by itself in a moment."""
    PAUSED = "paused"
    """By a person, or because the disk is full; `error` says which."""
    VERIFYING = "verifying"
    DONE = "done"
    FAILED = "failed"
    ELSEWHERE = "elsewhere"
    """In the hands of another process; never stored."""

    @property
    def is_over(self) -> bool:
        """True where nothing more happens by itself."""
        return self in {DownloadState.DONE, DownloadState.FAILED}


@dataclass(frozen=True, slots=True)
class Download:
    """One model being fetched: all its parts, and its `mmproj` where that was asked for."""

    id: str
    repo: str
    revision: str
    """The commit its files belong to."""
    title: str
    """The model's name on screen."""
    quantization: str | None
    parts: tuple[HubPart, ...]
    folder: Path
    """The folder its files come to lie in."""
    state: DownloadState
    received_bytes: int
    """Never runs backwards, but where the file has changed on the Hub (`notice` says so)."""
    total_bytes: int
    position: int
    """Place in the queue, from 0."""
    speed_bytes_per_s: float | None = None
    """Smoothed; `None` where nothing arrives."""
    left_s: float | None = None
    """Time left, smoothed; `None` is unknown."""
    error: ErrorInfo | None = None
    """Why it waits, is paused or has failed."""
    notice: str | None = None
    """What happened on the way, such as a fresh start because the file had changed."""

    @property
    def path(self) -> Path:
        """The file to load once it is done."""
        return self.folder / self.parts[0].path

    @property
    def permille(self) -> int:
        """How much is here, 0 … 1000; 1000 only when every byte is."""
        if not self.total_bytes:
            return 0
        return min(1000, self.received_bytes * 1000 // self.total_bytes)
