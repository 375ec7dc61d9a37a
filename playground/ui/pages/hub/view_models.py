"""What the Get models page shows, as plain values."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from playground.core.downloads import Download
from playground.core.errors import ErrorInfo
from playground.core.hub import Gate, HubFile, HubModel, HubRepository, ShelfModel
from playground.core.requirements.model import Requirements, Verdict


class Listing(StrEnum):
    """What the left of the page is for now."""

    SHELF = "shelf"
    LOADING = "loading"
    RESULTS = "results"
    NOTHING = "nothing"
    OFFLINE = "offline"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A repository search has found; the verdict is an estimate, no header has been read."""

    model: HubModel
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class ShelfEntry:
    """A card of the shelf; the verdict is an estimate."""

    model: ShelfModel
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One file of the open repository."""

    file: HubFile
    requirements: Requirements | None = None
    """Exact, from the file's header; `None` until that is read."""
    problem: str | None = None
    """Why its header could not be read."""
    is_recommended: bool = False
    download: Download | None = None
    here: Path | None = None
    """Where the same file is on this computer already."""

    @property
    def verdict(self) -> Verdict | None:
        """The exact verdict, `None` while it is not known."""
        return None if self.requirements is None else self.requirements.verdict

    @property
    def is_looked_at(self) -> bool:
        """True where its header has been read, or there is no use in trying to."""
        return bool(self.requirements or self.problem or self.file.missing_parts)


@dataclass(frozen=True, slots=True)
class Opened:
    """The repository beside the list, as far as it is known."""

    repo: str
    page_url: str
    model: HubModel | None = None
    repository: HubRepository | None = None
    error: ErrorInfo | None = None
    rows: tuple[VersionRow, ...] = ()
    chosen: str | None = None
    """Path of the version the button is for."""
    reason: str = ""
    """Why the recommended version is."""
    is_locked: bool = False
    """True where the files are not given to this account."""
    good_at: str = ""
    """From the shelf."""
    has_token: bool | None = None
    """Whether a token of the Hub is known; `None`: not asked yet."""

    @property
    def row(self) -> VersionRow | None:
        """The version the button is for."""
        return next((row for row in self.rows if row.file.path == self.chosen), None)

    @property
    def gate(self) -> Gate:
        """What its publisher asks for before files are given out, as far as that is known."""
        model = self.model if self.repository is None else self.repository.model
        return Gate.OPEN if model is None else model.gate

    @property
    def lacks_access(self) -> bool:
        """True where terms stand between this account and the version the button is for.

        Not for a version that is on this computer, nor where the Hub has given out its header.
        """
        if self.error is not None:
            return self.error.kind == "RepositoryGated"
        row = self.row
        if row is not None and row.here is not None:
            return False
        if self.is_locked or row is None or row.requirements is not None:
            return self.is_locked
        return self.gate is not Gate.OPEN and self.has_token is False
