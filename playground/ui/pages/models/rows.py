"""What the Models page shows of each model file, as plain values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QDate, QLocale

from playground.core.gguf.header import ArraySummary, GgufHeader, Value
from playground.core.requirements.model import Compatibility, Requirements
from playground.core.targets import LoadSettings, ModelFile
from playground.services.library.service import LibraryFolder
from playground.store.local_runs import ModelUse
from playground.ui.format import (
    compatibility_words,
    parameters_words,
    size_words,
    speed_source,
    speed_words,
)

_LONGEST_VALUE = 400
"""Characters of an entry of a file's header that are shown."""


class LoadState(StrEnum):
    """What is known of a model in memory."""

    UNLOADED = "unloaded"
    LOADING = "loading"
    READY = "ready"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model file as the list and the details show it."""

    model: ModelFile
    settings: LoadSettings = LoadSettings()
    needs: Requirements | None = None
    """`None` for a file that cannot be used, and until it is worked out."""
    use: ModelUse | None = None
    """When it ran here last, and how fast."""
    state: LoadState = LoadState.UNLOADED
    load_s: float | None = None
    fraction: float | None = None
    """How much is loaded, 0 … 1, while this page loads it."""

    @property
    def key(self) -> str:
        """What tells it from all others."""
        return str(self.model.path)

    @property
    def is_broken(self) -> bool:
        """True for a file that should work and does not."""
        return self.model.problem is not None and self.model.is_chat_model

    @property
    def is_usable(self) -> bool:
        """True where it can be run now."""
        return self.model.problem is None and self.model.is_present


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A folder that is scanned, as it is shown."""

    path: Path
    title: str
    note: str
    """How many models it has, or what is wrong with it."""
    is_bad: bool
    is_removable: bool


def _tr(text: str) -> str:
    return QCoreApplication.translate("ModelsPage", text)


def badge(row: ModelRow) -> tuple[str, str]:
    """Return the verdict's words and its tone."""
    if not row.model.is_present:
        return _tr("Not connected"), "quiet"
    if not row.model.is_chat_model:
        return _tr("Can't chat"), "quiet"
    if row.model.problem is not None:
        return _tr("Can't be read"), "quiet"
    if row.needs is None:
        return ("…" if not row.model.is_header_read else _tr("Working it out…")), "quiet"
    return compatibility_words(row.needs.verdict)


def reason(row: ModelRow) -> str:
    """Return why the verdict is what it is, in a sentence or two."""
    if not row.model.is_present:
        return _tr("Its drive is not connected. It is listed again as soon as the drive is back.")
    if row.model.problem is not None:
        return row.model.problem
    if not row.model.is_header_read:
        return _tr("The file is still being looked at.")
    if row.needs is None:
        return _tr("What it needs is being worked out.")
    needs = row.needs
    total = size_words(needs.need.needed_bytes)
    if needs.need.is_lower_bound:
        total = _tr("at least {0}").format(total)
    sentence = _tr("It needs ≈ {0} of memory, and {1} are free now.").format(
        total, size_words(needs.free_bytes)
    )
    if needs.card_layers:
        sentence += " " + _on_card(needs)
    if needs.verdict is Compatibility.SLOW:
        sentence += " " + _tr("It writes more slowly than one reads.")
        return sentence if needs.speed is None else f"{sentence} {speed_source(needs.speed)}"
    if needs.is_tight:
        return sentence + " " + _tr("It will run, but little is left: close other programs.")
    return sentence


def _on_card(needs: Requirements) -> str:
    if needs.card_layers == needs.all_layers:
        return _tr("It runs on the graphics card.")
    return _tr("{0} of its {1} layers run on the graphics card.").format(
        needs.card_layers, needs.all_layers
    )


def caption(row: ModelRow) -> str:
    """Return the quiet line below the name."""
    model = row.model
    if model.problem is not None:
        return model.problem
    parts = [model.quantization or (_tr("unknown format") if model.is_header_read else "…")]
    if model.parameters is not None:
        parts.append(_tr("{0} parameters").format(parameters_words(model.parameters)))
    if model.licence is not None:
        parts.append(model.licence)
    if not model.is_present:
        parts = [_tr("Its drive is not connected")]
    elif row.state is LoadState.LOADING:
        parts.append(_tr("loading…"))
    elif row.state is not LoadState.UNLOADED:
        parts.append(_tr("in memory"))
    return " · ".join(parts)


def row_speed(row: ModelRow) -> str:
    """Return the speed it has here, in words; none for what does not fit."""
    if row.needs is None or row.needs.verdict is Compatibility.WONT_FIT:
        return "—"
    return speed_words(row.needs.speed)


def last_used_words(use: ModelUse | None) -> str:
    """Return when a model ran here last, as a date."""
    when = _moment(use)
    if when is None:
        return "—"
    day = when.astimezone().date()
    return QLocale().toString(QDate(day.year, day.month, day.day), QLocale.FormatType.ShortFormat)


def last_used_sort(use: ModelUse | None) -> float:
    """Return the same to sort by; never is first."""
    when = _moment(use)
    return 0.0 if when is None else when.timestamp()


def _moment(use: ModelUse | None) -> datetime | None:
    if use is None or use.last_used_at is None:
        return None
    try:
        return datetime.fromisoformat(use.last_used_at)
    except ValueError:
        return None


def folder_entry(folder: LibraryFolder) -> FolderEntry:
    """Return a folder as it is shown: the built-in ones by name, a person's own by path."""
    problem = folder.problem
    if folder.is_removable and not folder.is_there:
        problem = _tr("Not connected, or gone")
    count = folder.model_count
    counted = _tr("1 model") if count == 1 else _tr("{0} models").format(count)
    return FolderEntry(
        folder.folder,
        folder.name if folder.is_removable else _tr(folder.name),
        problem or counted,
        is_bad=problem is not None,
        is_removable=folder.is_removable,
    )


def header_facts(model: ModelFile, header: GgufHeader) -> tuple[tuple[str, str], ...]:
    """Return every entry of a file's header as name and text."""
    types: dict[str, int] = {}
    for tensor in header.tensors:
        types[tensor.type.name] = types.get(tensor.type.name, 0) + 1
    return (
        ("file", str(model.path)),
        ("size", f"{model.size_bytes:,} bytes"),
        ("weights", f"{header.weights_bytes:,} bytes"),
        ("parameters", f"{header.parameters:,}"),
        ("tensors", ", ".join(f"{count} × {name}" for name, count in sorted(types.items()))),
        ("GGUF version", f"{header.version}, {header.byte_order} endian"),
        *((key, _value_text(value)) for key, value in sorted(header.metadata.items())),
    )


def _value_text(value: Value) -> str:
    if isinstance(value, ArraySummary):
        return f"[{value.length:,} {'entry' if value.length == 1 else 'entries'}]"
    text = " ".join(str(value).split("\n"))
    if len(text) > _LONGEST_VALUE:
        return f"{text[:_LONGEST_VALUE]}… ({len(text):,} characters)"
    return text
