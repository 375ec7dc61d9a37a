"""What the Get models page shows, as plain values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from playground.core.downloads import Download
from playground.core.errors import ErrorInfo
from playground.core.gguf.naming import name_from_repository
from playground.core.hub import FeaturedModel, Gate, HubFile, HubModel, HubRepository
from playground.core.requirements.model import Compatibility, Requirements
from playground.ui.format import (
    compatibility_words,
    count_words,
    parameters_words,
    speed_words,
)


class ResultsState(StrEnum):
    """What the left of the page is for now."""

    FEATURED = "featured"
    LOADING = "loading"
    RESULTS = "results"
    NOTHING = "nothing"
    OFFLINE = "offline"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A repository search has found."""

    model: HubModel
    verdict: Compatibility | None = None
    is_exact: bool = False
    """True where a header has been read; else the verdict is guessed from the size."""


@dataclass(frozen=True, slots=True)
class FeaturedRow:
    """A featured model, with its verdict as in `ResultRow`."""

    model: FeaturedModel
    verdict: Compatibility | None = None
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One file of the open repository."""

    file: HubFile
    requirements: Requirements | None = None
    """Exact, from the file's header; `None` until that is read."""
    problem: str | None = None
    """Why it cannot be used here, or why that could not be found out."""
    is_chat_model: bool = True
    """False where its header says that it does not answer."""
    is_recommended: bool = False
    download: Download | None = None
    here: Path | None = None
    """Where the same file is on this computer already."""

    @property
    def verdict(self) -> Compatibility | None:
        """The exact verdict, `None` while it is not known."""
        return None if self.requirements is None else self.requirements.verdict

    @property
    def is_looked_at(self) -> bool:
        """True where its header has been read, or there is no use in trying to."""
        return bool(self.requirements or self.problem or self.file.problem)


@dataclass(frozen=True, slots=True)
class RepositoryState:
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
    """Of a featured model."""
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


_LICENCES = {
    "apache-2.0": "Apache 2.0",
    "mit": "MIT",
    "gemma": "Gemma",
    "llama2": "Llama 2",
    "llama3": "Llama 3",
    "llama3.1": "Llama 3.1",
    "llama3.2": "Llama 3.2",
    "llama3.3": "Llama 3.3",
    "llama4": "Llama 4",
    "cc-by-4.0": "CC BY 4.0",
    "cc-by-sa-4.0": "CC BY-SA 4.0",
    "cc-by-nc-4.0": "CC BY-NC 4.0",
    "bsd-3-clause": "BSD",
    "gpl-3.0": "GPL 3",
}


def _tr(text: str) -> str:
    return QCoreApplication.translate("HubPage", text)


def licence_words(licence: str | None) -> str:
    """Return a licence by its usual name."""
    if not licence:
        return _tr("Licence unknown")
    if licence == "other":
        return _tr("Own licence")
    return _LICENCES.get(licence.lower(), licence)


def task_words(task: str | None) -> str:
    """Return what a model is for; empty where the Hub does not say."""
    return {
        "text-generation": _tr("Writing and chat"),
        "text2text-generation": _tr("Writing and chat"),
        "image-text-to-text": _tr("Looking at pictures"),
        "any-to-any": _tr("Text, pictures and sound"),
        "translation": _tr("Translation"),
        "summarization": _tr("Summaries"),
        "feature-extraction": _tr("Finding similar texts"),
        "sentence-similarity": _tr("Finding similar texts"),
        "automatic-speech-recognition": _tr("Speech to text"),
        "text-to-speech": _tr("Text to speech"),
        "text-to-image": _tr("Making pictures"),
    }.get(task or "", "")


def date_words(moment: str | None) -> str:
    """Return a day: `3 Oct 2026`; empty for what is no date."""
    if not moment:
        return ""
    try:
        day = datetime.fromisoformat(moment)
    except ValueError:
        return ""
    return f"{day.day} {day:%b %Y}"


def verdict_badge(verdict: Compatibility | None, *, is_exact: bool) -> tuple[str, str] | None:
    """Return a verdict and its tone, marked where it is only guessed from the size."""
    if verdict is None:
        return None
    text, tone = compatibility_words(verdict)
    return text if is_exact else _tr("≈ {0}").format(text), tone


def result_caption(model: HubModel) -> str:
    """Return the quiet line below a repository's name."""
    parts = [_tr("by {0}").format(model.publisher)]
    if model.parameters is not None:
        parts.append(_tr("{0} parameters").format(parameters_words(model.parameters)))
    parts.append(licence_words(model.licence))
    return " · ".join(parts)


def popularity(model: HubModel) -> str:
    """Return how well known a repository is and how fresh."""
    parts = []
    if model.downloads is not None:
        some = _tr("1 download") if model.downloads == 1 else _tr("{0} downloads")
        parts.append(some.format(_roughly(model.downloads)))
    if model.likes is not None:
        some = _tr("1 like") if model.likes == 1 else _tr("{0} likes")
        parts.append(some.format(_roughly(model.likes)))
    if day := date_words(model.updated_at):
        parts.append(_tr("updated {0}").format(day))
    return " · ".join(parts)


def _roughly(count: int) -> str:
    return count_words(count if count < 10_000 else round(count, -3))


def spoken(row: ResultRow) -> str:
    """Return a result as a screen reader says it."""
    parts = [name_from_repository(row.model.repo), result_caption(row.model), popularity(row.model)]
    badge = verdict_badge(row.verdict, is_exact=row.is_exact)
    if badge is not None:
        parts.append(badge[0])
    if row.model.gate is not Gate.OPEN:
        parts.append(_tr("Terms to accept"))
    return ", ".join(part for part in parts if part)


def version_badge(row: VersionRow) -> tuple[str, str]:
    """Return a version's verdict and its tone; `…` until it is known."""
    if row.file.problem is not None:
        return (_tr("Incomplete") if row.file.missing_parts else _tr("Not supported")), "quiet"
    if not row.is_chat_model:
        return _tr("Can't chat"), "quiet"
    if row.problem is not None:
        return _tr("Unknown"), "quiet"
    if row.verdict is None:
        return "…", "quiet"
    return compatibility_words(row.verdict)


def recommended_words(row: VersionRow) -> str:
    """Return how a version that is recommended is marked; empty for the others.

    What one waits for is never called recommended, though it may be the best there is.
    """
    if not row.is_recommended or row.requirements is None:
        return ""
    return _tr("Best of these") if row.verdict is Compatibility.SLOW else _tr("Recommended")


def version_state(row: VersionRow) -> str:
    """Return what is known of a version beyond its size."""
    if row.here is not None:
        return _tr("on this computer")
    if row.download is not None and not row.download.state.is_over:
        return _tr("{0} % here").format(row.download.permille // 10)
    if row.file.problem is not None:
        return _tr(row.file.problem)
    if row.problem is not None:
        return row.problem
    return expected_speed(row)


def expected_speed(row: VersionRow) -> str:
    """Return how fast a version would write here; empty where nothing is known."""
    if row.requirements is None or row.verdict is Compatibility.WONT_FIT:
        return ""
    return speed_words(row.requirements.speed)
