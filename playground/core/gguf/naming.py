"""Names of model files and repositories, and which model a person means by one.

File names follow llama.cpp's converters: `Name-Size-Quantization-00001-of-00002.gguf`
(https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#gguf-naming-convention), and habits of
those who publish on the Hub: `Name.Q4_1.gguf`, `Name-UD-Q2_K_XL.gguf`, `mmproj-Name-F16.gguf`.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from playground.core.errors import ModelNotFound, UsageError
from playground.core.targets import ModelFile

_LONGEST_NAME = 80
_SEPARATOR = "[-._ ]"
_QUANTIZATION_NAME = (
    rf"(?:UD{_SEPARATOR})?"
    r"(?:I?Q\d+(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_MOE)?|NVFP4|BF16|FP?(?:16|32))"
)
_QUANTIZATION = re.compile(
    rf"(?:^|(?<={_SEPARATOR})|(?<=/)){_QUANTIZATION_NAME}(?={_SEPARATOR}|/|$)", re.IGNORECASE
)
_QUANTIZATION_AT_END = re.compile(rf"{_SEPARATOR}+{_QUANTIZATION_NAME}$", re.IGNORECASE)
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})", re.IGNORECASE)
_PROJECTOR = re.compile(r"(?:^|[-_. /])mmproj(?:[-_. /]|$)", re.IGNORECASE)
_ENDING = re.compile(r"\.gguf$", re.IGNORECASE)
_REPOSITORY_ENDING = re.compile(r"[-_. ]gguf$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shard:
    """What the file name of a part of a split model says."""

    stem: str
    """The path or name without part number and ending."""
    number: int
    count: int


def shard_of(path: str) -> Shard | None:
    """Return which part of a split model a GGUF file is by its name; `None` for a whole one."""
    stem, is_gguf = _ENDING.subn("", path)
    match = _SHARD.fullmatch(stem) if is_gguf else None
    return match and Shard(match["stem"], int(match["number"]), int(match["count"]))


def is_projector(path: str) -> bool:
    """Return True for the name of an `mmproj` file, the part of a model that sees pictures."""
    return bool(_PROJECTOR.search(path))


def quantization_of(path: str) -> str | None:
    """Return the quantization a GGUF file's name tells, as llama.cpp writes it: `Q4_K_M`, `F16`.

    A maker's own mark stays: `UD-Q2_K_XL`. The file's own name counts before that of its folder.
    """
    folder, _, name = path.rpartition("/")
    for text in (_ENDING.sub("", name), folder):
        found = _QUANTIZATION.findall(text)
        if found:
            return str(found[-1]).upper().replace("FP16", "F16").replace("FP32", "F32")
    return None


def without_quantization(stem: str) -> str:
    """Return a file's name, which ends before its suffix, without quantization and part number."""
    match = _SHARD.fullmatch(stem)
    return _QUANTIZATION_AT_END.sub("", match["stem"] if match else stem) or stem


def name_from_file(path: Path) -> str:
    """Return a readable name from a file name: `SmolLM2-135M-Instruct.Q4_1` without the rest."""
    stem = without_quantization(path.name.removesuffix(path.suffix))
    return clean(re.sub(r"[-_\s]+", " ", stem)) or path.name


def name_from_repository(repo: str) -> str:
    """Return a readable name from a Hub repository: `owner/SmolLM2-135M-Instruct-GGUF`."""
    name = _REPOSITORY_ENDING.sub("", repo.rpartition("/")[2])
    return clean(re.sub(r"[-_\s]+", " ", _QUANTIZATION_AT_END.sub("", name))) or clean(repo)


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
