"""What a model file is called, and which one a person means."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from playground.core.errors import ModelNotFound, UsageError
from playground.core.targets import ModelFile

_LONGEST_NAME = 80
_QUANTIZATION = re.compile(
    r"[-._ ]+(?:UD[-._ ])?(?:I?Q\d+(?:_[A-Z0-9]+)*|[BF]F?(?:16|32)|FP16|MXFP4(?:_MOE)?|TQ\d_\d)$",
    re.IGNORECASE,
)
_SHARD_END = re.compile(r"-\d{5}-of-\d{5}$")


def name_from_file(path: Path) -> str:
    """Return a readable name from a file name: `SmolLM2-135M-Instruct.Q4_1` without the rest."""
    stem = without_quantization(path.name.removesuffix(path.suffix))
    return clean(re.sub(r"[-_\s]+", " ", stem)) or path.name


def without_quantization(stem: str) -> str:
    """Return a file's name, which ends before its suffix, without quantization and part number."""
    return _QUANTIZATION.sub("", _SHARD_END.sub("", stem)) or stem


def name_from_repository(repo: str) -> str:
    """Return a readable name from a Hub repository: `owner/SmolLM2-135M-Instruct-GGUF`."""
    name = re.sub(r"[-_. ]gguf$", "", repo.rpartition("/")[2], flags=re.IGNORECASE)
    return clean(re.sub(r"[-_\s]+", " ", _QUANTIZATION.sub("", name))) or clean(repo)


def clean(name: str) -> str:
    """Return `name` as one short line without characters that steer the screen."""
    if name.isprintable():
        # as nearly every name is: no character but the space is one of those
        return _shortened(name)
    visible = "".join(
        " " if char.isspace() else char
        for char in name
        if char.isspace() or not unicodedata.category(char).startswith("C")
    )
    return _shortened(visible)


def _shortened(name: str) -> str:
    words = " ".join(name.split())
    return words if len(words) <= _LONGEST_NAME else words[: _LONGEST_NAME - 1] + "…"


def choose(models: Iterable[ModelFile], wanted: str) -> ModelFile:
    """Return the model `wanted` names: by file name, name, or the beginning of one of them.

    Raises `ModelNotFound`, or `UsageError` where several are meant.
    """
    known = tuple(models)
    key = _plain(wanted)
    exact = [model for model in known if key in _names(model)]
    begins = [m for m in known if key and any(name.startswith(key) for name in _names(m))]
    found = exact or begins
    usable = [model for model in found if model.problem is None and model.is_present]
    if len(usable) == 1 or len(found) == 1:
        return (usable or found)[0]
    if not found:
        raise ModelNotFound(
            f"There is no model called “{clean(wanted)}” on this computer.",
            "`playground models` lists those that are here.",
        )
    names = ", ".join(sorted(model.path.name for model in found[:8]))
    raise UsageError(
        f"“{clean(wanted)}” may mean several models: {names}.",
        "Write more of the name, or the path of the file.",
    )


def _names(model: ModelFile) -> set[str]:
    return {_plain(model.path.name), _plain(model.path.stem), _plain(model.name)}


def _plain(name: str) -> str:
    return re.sub(r"[-_.\s]+", " ", name).strip().casefold()
