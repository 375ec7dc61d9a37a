"""What the Models page shows of each model file, as plain values."""

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QCoreApplication

from playground.core.memory import Fit, MemoryNeed
from playground.core.targets import LoadSettings, ModelFile
from playground.ui.widgets.amounts import parameters_words, size_words


class LoadState(StrEnum):
    """What is known of a model in memory."""

    UNLOADED = "unloaded"
    LOADING = "loading"
    READY = "ready"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What a model needs here, reckoned for one set of load settings."""

    need: MemoryNeed
    fit: Fit
    free_bytes: int
    minimum_bytes: int
    """With the shortest context that makes sense."""
    recommended_bytes: int
    """With the usual context and room to breathe."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model file as the list and the details show it."""

    model: ModelFile
    settings: LoadSettings = LoadSettings()
    reckoning: Reckoning | None = None
    """`None` for a file that cannot be used."""
    state: LoadState = LoadState.UNLOADED
    load_s: float | None = None
    fraction: float | None = None
    """How much is loaded, 0 … 1, while this page loads it."""

    @property
    def key(self) -> str:
        """What tells it from all others."""
        return str(self.model.path)


def _tr(text: str) -> str:
    return QCoreApplication.translate("ModelsPage", text)


def badge(row: ModelRow) -> tuple[str, str]:
    """Return the verdict's words and its tone."""
    if row.model.problem is not None:
        return _tr("Can't be read"), "quiet"
    if row.reckoning is None:
        return _tr("Unknown"), "quiet"
    return {
        Fit.FITS: (_tr("Fits"), "here"),
        Fit.TIGHT: (_tr("Tight"), "caution"),
        Fit.WONT_FIT: (_tr("Won't fit"), "bad"),
    }[row.reckoning.fit]


def reason(row: ModelRow) -> str:
    """Return why the verdict is what it is, in a sentence or two."""
    if row.model.problem is not None:
        return row.model.problem
    if row.reckoning is None:
        return _tr("What it needs could not be worked out.")
    need, free = row.reckoning.need, row.reckoning.free_bytes
    total = size_words(need.total_bytes)
    if need.is_lower_bound:
        total = _tr("at least {0}").format(total)
    sentence = _tr("It needs ≈ {0} of memory, and {1} are free now.").format(
        total, size_words(free)
    )
    if row.reckoning.fit is Fit.FITS:
        return sentence
    if row.reckoning.fit is Fit.TIGHT:
        return sentence + " " + _tr("It will run, but little is left: close other programs.")
    if row.reckoning.minimum_bytes <= free:
        return sentence + " " + _tr("Choose a shorter context below, or close other programs.")
    return sentence + " " + _tr("Close other programs, or use a smaller model.")


def caption(row: ModelRow) -> str:
    """Return the quiet line below the name."""
    if row.model.problem is not None:
        return row.model.problem
    parts = [row.model.quantization or _tr("unknown format")]
    if row.model.parameters is not None:
        parts.append(_tr("{0} parameters").format(parameters_words(row.model.parameters)))
    if row.state is LoadState.LOADING:
        parts.append(_tr("loading…"))
    elif row.state is not LoadState.UNLOADED:
        parts.append(_tr("in memory"))
    return " · ".join(parts)
