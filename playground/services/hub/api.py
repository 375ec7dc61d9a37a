"""Turns what the Hub's API says into plain values; every field may be missing or a lie."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from playground.core.filenames import is_safe_path
from playground.core.gguf.naming import (
    cut_from,
    is_gguf,
    is_imatrix,
    is_projector,
    is_repository,
    quantization_of,
    shard_of,
)
from playground.core.gguf.quantization import USUAL_BITS, estimated_bytes
from playground.core.hub import Gate, HubFile, HubModel, HubPart

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_PARTS = 1_000


def model_of(info: "ModelInfo") -> HubModel | None:
    """Return a repository as search lists it; `None` where it has no usable name."""
    repo = info.id
    if not isinstance(repo, str) or not is_repository(repo):
        return None
    gguf = info.gguf if isinstance(info.gguf, dict) else {}
    parameters = _count(gguf.get("total"))
    names = (sibling.rfilename for sibling in info.siblings or ())
    sizes = _sizes(parameters, filter(_is_gguf, names))
    usual = (parameters or 0) * USUAL_BITS / 8
    return HubModel(
        repo=repo,
        downloads=_count(info.downloads),
        likes=_count(info.likes),
        updated_at=_time(info.last_modified),
        licence=_licence(info),
        task=_text(info.pipeline_tag),
        gate=_gate(info.gated),
        is_private=info.private is True,
        parameters=parameters,
        architecture=_text(gguf.get("architecture")),
        context_length=_count(gguf.get("context_length")),
        smallest_bytes=min(sizes, default=None),
        usual_bytes=min(sizes, key=lambda size: abs(size - usual), default=None),
    )


def parts_of(info: "ModelInfo") -> tuple[HubPart, ...]:
    """Return the GGUF files of a repository asked for with their metadata, safe names only."""
    found = []
    for sibling in info.siblings or ():
        size = _count(sibling.size)
        name = sibling.rfilename
        if size is None or not _is_gguf(name) or is_imatrix(name):
            continue
        if is_safe_path(name):
            checksum = None if sibling.lfs is None else _sha256(sibling.lfs.sha256)
            found.append(HubPart(name, size, checksum))
    return tuple(found)


def files_of(parts: Iterable[HubPart]) -> tuple[tuple[HubFile, ...], tuple[HubFile, ...]]:
    """Return the models and the projectors among `parts`, each by size, the smallest first."""
    found: list[HubFile] = []
    split: dict[tuple[str, int], dict[int, HubPart]] = {}
    cut: dict[str, list[HubPart]] = {}
    for part in parts:
        shard, whole = shard_of(part.path), cut_from(part.path)
        if whole is not None:
            cut.setdefault(whole, []).append(part)
        elif shard is None:
            found.append(_file((part,)))
        elif 0 < shard.count <= _MOST_PARTS:
            split.setdefault((shard.stem, shard.count), {})[shard.number] = part
    for (_, count), numbered in split.items():
        missing = tuple(number for number in range(1, count + 1) if number not in numbered)
        found.append(_file(tuple(numbered[number] for number in sorted(numbered)), missing))
    for whole, pieces in cut.items():
        pieces.sort(key=lambda piece: piece.path)
        file = HubFile(tuple(pieces), quantization_of(whole), (), is_projector(whole), is_cut=True)
        found.append(file)
    found.sort(key=lambda file: (file.size_bytes, file.path))
    return (
        tuple(file for file in found if not file.is_projector),
        tuple(file for file in found if file.is_projector),
    )


def _file(parts: tuple[HubPart, ...], missing: tuple[int, ...] = ()) -> HubFile:
    path = parts[0].path
    return HubFile(parts, quantization_of(path), missing, is_projector(path))


def _sizes(parameters: int | None, names: Iterable[str]) -> list[int]:
    """Return about the size of each model whose file's name tells its quantization."""
    if parameters is None:
        return []
    sizes = (estimated_bytes(parameters, quantization_of(name)) for name in names)
    return [size for size in sizes if size is not None]


def _is_gguf(name: Any) -> bool:
    return isinstance(name, str) and is_gguf(name)


def _gate(value: Any) -> Gate:
    if value in (False, None):
        return Gate.OPEN
    return Gate.MANUAL if value == "manual" else Gate.AUTOMATIC


def _licence(info: "ModelInfo") -> str | None:
    card = info.card_data if hasattr(info.card_data, "get") else None
    if card is not None and (named := _text(card.get("license_name"))):
        return named
    for tag in info.tags if isinstance(info.tags, list) else ():
        if isinstance(tag, str) and tag.startswith("license:"):
            return tag.removeprefix("license:") or None
    return _text(card.get("license")) if card is not None else None


def _sha256(value: Any) -> str | None:
    return value if isinstance(value, str) and _SHA256.fullmatch(value) else None


def _time(value: datetime | None) -> str | None:
    """Return a time as the Hub writes it: `2026-10-01T00:00:00.000Z`."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


def _text(value: Any) -> str | None:
    return value.strip()[:200] or None if isinstance(value, str) else None
