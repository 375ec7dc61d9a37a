"""Turns what the Hub's API says into plain values; every field may be missing or a lie."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from playground.core.filenames import is_safe_path
from playground.core.gguf.naming import is_projector, quantization_of, shard_of
from playground.core.gguf.quantization import USUAL_BITS, estimated_bytes
from playground.core.hub import Gate, HubFile, HubModel, HubPart

_NO_MODEL = re.compile(r"(?:^|[-_. /])(?:imatrix|lora|adapter|vocab)(?:[-_. ]|$)", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REPO = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
_MOST_PARTS = 1_000


def is_repo_name(repo: str) -> bool:
    """Return True for `owner/name` as the Hub writes it."""
    return bool(_REPO.fullmatch(repo)) and ".." not in repo and "--" not in repo[:1]


def model_of(data: Mapping[str, Any]) -> HubModel | None:
    """Return a repository as search lists it; `None` where it has no usable name."""
    repo = data.get("id") or data.get("modelId")
    if not isinstance(repo, str) or not is_repo_name(repo):
        return None
    gguf = data.get("gguf")
    gguf = gguf if isinstance(gguf, Mapping) else {}
    parameters = _count(gguf.get("total"))
    sizes = _sizes(parameters, _part_names(data))
    usual = (parameters or 0) * USUAL_BITS / 8
    return HubModel(
        repo=repo,
        downloads=_count(data.get("downloads")),
        likes=_count(data.get("likes")),
        updated_at=_text(data.get("lastModified")),
        licence=_licence(data),
        task=_text(data.get("pipeline_tag")),
        gate=_gate(data.get("gated")),
        is_private=data.get("private") is True,
        parameters=parameters,
        architecture=_text(gguf.get("architecture")),
        context_length=_count(gguf.get("context_length")),
        smallest_bytes=min(sizes, default=None),
        usual_bytes=min(sizes, key=lambda size: abs(size - usual), default=None),
    )


def parts_of(data: Mapping[str, Any]) -> tuple[HubPart, ...]:
    """Return the GGUF files of a repository asked for with `blobs=true`, safe names only."""
    siblings = data.get("siblings")
    found = []
    for entry in siblings if isinstance(siblings, list) else ():
        if not isinstance(entry, Mapping):
            continue
        path, size = entry.get("rfilename"), _count(entry.get("size"))
        if not isinstance(path, str) or size is None or not path.lower().endswith(".gguf"):
            continue
        if is_safe_path(path):
            found.append(HubPart(path, size, _sha256(entry.get("lfs"))))
    return tuple(found)


def files_of(parts: Iterable[HubPart]) -> tuple[tuple[HubFile, ...], tuple[HubFile, ...]]:
    """Return the models and the projectors among `parts`, each by size, the smallest first."""
    single: list[HubFile] = []
    split: dict[tuple[str, int], dict[int, HubPart]] = {}
    for part in parts:
        shard = shard_of(part.path)
        if shard is None:
            single.append(HubFile((part,)))
        elif 0 < shard.count <= _MOST_PARTS:
            split.setdefault((shard.stem, shard.count), {})[shard.number] = part
    for (_, count), numbered in split.items():
        missing = tuple(number for number in range(1, count + 1) if number not in numbered)
        ordered = tuple(numbered[number] for number in sorted(numbered))
        single.append(HubFile(ordered, missing_parts=missing))
    named = [
        replace(
            file,
            quantization=quantization_of(file.path),
            is_projector=is_projector(file.path),
        )
        for file in single
        if not _NO_MODEL.search(file.path)
    ]
    named.sort(key=lambda file: (file.size_bytes, file.path))
    return (
        tuple(file for file in named if not file.is_projector),
        tuple(file for file in named if file.is_projector),
    )


def _sizes(parameters: int | None, names: Iterable[str]) -> list[int]:
    """Return about the size of each model whose file's name tells its quantization."""
    if parameters is None:
        return []
    sizes = (estimated_bytes(parameters, quantization_of(name)) for name in names)
    return [size for size in sizes if size is not None]


def _part_names(data: Mapping[str, Any]) -> tuple[str, ...]:
    siblings = data.get("siblings")
    if not isinstance(siblings, list):
        return ()
    names = (entry.get("rfilename") for entry in siblings if isinstance(entry, Mapping))
    return tuple(n for n in names if isinstance(n, str) and n.lower().endswith(".gguf"))


def _gate(value: Any) -> Gate:
    if value in (False, None):
        return Gate.OPEN
    return Gate.MANUAL if value == "manual" else Gate.AUTOMATIC


def _licence(data: Mapping[str, Any]) -> str | None:
    card = data.get("cardData")
    if isinstance(card, Mapping) and (named := _text(card.get("license_name"))):
        return named
    tags = data.get("tags")
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, str) and tag.startswith("license:"):
            return tag.removeprefix("license:") or None
    return _text(card.get("license")) if isinstance(card, Mapping) else None


def _sha256(lfs: Any) -> str | None:
    if not isinstance(lfs, Mapping):
        return None
    value = lfs.get("sha256") or lfs.get("oid")
    return value if isinstance(value, str) and _SHA256.fullmatch(value) else None


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


def _text(value: Any) -> str | None:
    return value.strip()[:200] or None if isinstance(value, str) else None
