"""Pairs an `mmproj`, the part of a model that sees pictures, with the model it belongs to."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from playground.core.gguf.header import GgufHeader
from playground.core.gguf.naming import without_quantization

_PROJECTOR = re.compile(r"(^|[-_. ])mmproj([-_. ]|$)", re.IGNORECASE)
_BETWEEN = re.compile(r"[-_. ]+")
_SAYS_NOTHING = frozenset({"", "mmproj", "model", "ggml", "gguf", "f16", "bf16", "f32", "fp16"})
_PREFERRED = ("f16", "bf16", "fp16")
"""Half precision: nothing is lost, and twice the size gains nothing."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """The `mmproj` of a model."""

    projector: Path
    is_certain: bool
    """False where names do not tell and the headers have to."""


def is_projector(name: str) -> bool:
    """Return True for the name of an `mmproj` file."""
    return bool(_PROJECTOR.search(os.path.splitext(name)[0]))  # noqa: PTH122 - thousands of times


def paired(models: Iterable[Path], projectors: Sequence[Path]) -> dict[Path, Pairing]:
    """Return which of `projectors` belongs to which of `models`, all of which lie together.

    One that carries a model's name belongs to that model; one that carries none to the only model
    there is left. Quantizations of one model are one here: they share it.
    """
    if not projectors:
        return {}
    families = {model: _plain(model.name) for model in models}
    found: dict[Path, Pairing] = {}
    for model, family in families.items():
        named = [one for one in projectors if (own := _plain(one.name)) and family.startswith(own)]
        if named:
            longest = max(len(_plain(one.name)) for one in named)
            best = _best([one for one in named if len(_plain(one.name)) == longest])
            found[model] = Pairing(best, is_certain=True)
    left = {family for model, family in families.items() if model not in found}
    nameless = [one for one in projectors if not _plain(one.name)]
    is_alone = len(set(families.values())) == 1
    for model in families:
        if model not in found and (nameless or is_alone):
            best = _best(nameless or projectors)
            found[model] = Pairing(best, is_certain=len(left) == 1)
    return found


def belong_together(projector: GgufHeader, model: GgufHeader) -> bool:
    """Return True where two headers name the same model."""
    if not projector.is_projector:
        return False
    names = (projector.text("general.basename"), projector.text("general.size_label"))
    if all(names) and names == (
        model.text("general.basename"),
        model.text("general.size_label"),
    ):
        return True
    return projector.name is not None and projector.name == model.name


def _best(projectors: Sequence[Path]) -> Path:
    def rank(path: Path) -> tuple[int, str]:
        words = _BETWEEN.split(path.stem.lower())
        known = [index for index, kind in enumerate(_PREFERRED) if kind in words]
        return (known[0] if known else len(_PREFERRED), path.name)

    return min(projectors, key=rank)


def _plain(name: str) -> str:
    words = _BETWEEN.split(without_quantization(Path(name).stem).lower())
    return "".join(word for word in words if word not in _SAYS_NOTHING)
