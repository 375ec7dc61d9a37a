"""The picker's lines: models here with their size and fit, cloud models with their price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from playground.core.errors import PlaygroundError
from playground.core.requirements.memory import Fit
from playground.core.targets import CloudModel, LocalTarget, ModelFile, ModelPrice, Provider
from playground.ui.format import translate
from playground.ui.widgets.amounts import size_words
from playground.ui.widgets.target_picker import PickerEntry

START_PRACTICE = "practice:start"


@dataclass(frozen=True, slots=True)
class Known:
    """What has been found out so far; `None` is still being asked."""

    files: tuple[ModelFile, ...] | None
    fits: Mapping[Path, Fit]
    cloud: Mapping[str, tuple[CloudModel, ...] | PlaygroundError | None]
    providers: Sequence[Provider]
    has_starter: bool = False


def entries(known: Known, chosen: set[str]) -> list[PickerEntry]:
    """Return the lines; `chosen` are the keys of targets that are on the page."""
    lines = [_heading(translate("targets", "On this computer"))]
    if known.files is None:
        lines.append(_remark(translate("targets", "Looking for models…")))
    elif not known.files:
        lines.append(_remark(translate("targets", "No models yet: add a folder under Models.")))
    lines.extend(_local(model, known, chosen) for model in known.files or ())
    lines.append(_heading(translate("targets", "In the cloud")))
    lines.append(_practice(known, chosen))
    for provider in known.providers:
        if not provider.is_practice:
            lines.extend(_cloud(provider, known, chosen))
    return lines


def _local(model: ModelFile, known: Known, chosen: set[str]) -> PickerEntry:
    if model.problem is not None:
        return PickerEntry(None, model.name, model.problem, icon="warning", tone="bad")
    key = LocalTarget(model).key
    parts = (size_words(model.size_bytes), model.quantization, model.source)
    return PickerEntry(
        key,
        model.name,
        " · ".join(part for part in parts if part),
        fit_words(known.fits.get(model.path)),
        tone="here",
        icon="home",
        is_chosen=key in chosen,
        tooltip=str(model.path),
    )


def _practice(known: Known, chosen: set[str]) -> PickerEntry:
    running = next((provider for provider in known.providers if provider.is_practice), None)
    own = [key for key in chosen if running is not None and key.startswith(f"{running.id}:")]
    start = START_PRACTICE if known.has_starter else None
    return PickerEntry(
        own[0] if own else start,
        translate("targets", "Practice cloud (on this computer)"),
        translate("targets", "Behaves like a cloud, without a key; nothing leaves the house"),
        translate("targets", "free"),
        tone="cloud",
        icon="cloud",
        is_chosen=bool(own),
    )


def _cloud(provider: Provider, known: Known, chosen: set[str]) -> list[PickerEntry]:
    models = known.cloud.get(provider.id)
    if models is None:
        return [_remark(translate("targets", "Asking {name}…").format(name=provider.name))]
    if isinstance(models, PlaygroundError):
        said = f"{models.message} {models.hint}"
        return [PickerEntry(None, provider.name, said, icon="warning", tone="caution")]
    return [
        PickerEntry(
            f"{provider.id}:{model.id}",
            model.id,
            provider.name,
            price_words(model.price),
            tone="cloud",
            icon="cloud",
            is_chosen=f"{provider.id}:{model.id}" in chosen,
        )
        for model in models
    ]


def fit_words(found: Fit | None) -> str:
    """Return whether a model goes into the free memory, in words."""
    match found:
        case Fit.FITS:
            return translate("targets", "Fits")
        case Fit.TIGHT:
            return translate("targets", "Tight")
        case Fit.WONT_FIT:
            return translate("targets", "Won't fit")
        case None:
            return ""


def price_words(price: ModelPrice | None) -> str:
    """Return what a million tokens cost, in and out."""
    if price is None or price.input_usd_per_mtok is None or price.output_usd_per_mtok is None:
        return translate("targets", "price unknown")
    return translate("targets", "${input} in · ${output} out per million tokens").format(
        input=f"{price.input_usd_per_mtok:g}", output=f"{price.output_usd_per_mtok:g}"
    )


def _heading(text: str) -> PickerEntry:
    return PickerEntry(None, text)


def _remark(text: str) -> PickerEntry:
    return PickerEntry(None, text, icon="more")
