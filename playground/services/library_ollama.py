"""Ollama's models: a manifest for each name, which points to files named by their checksum.

The layout: https://github.com/ollama/ollama/blob/main/docs/import.md and `server/manifest.go`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.services.library_evidence import Evidence
from playground.services.library_folders import is_file, is_folder, names_in, status_of

_MODEL = "application/vnd.ollama.image.model"
_PROJECTOR = "application/vnd.ollama.image.projector"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST_MANIFEST = 1 << 20
_USUAL_REGISTRY = "registry.ollama.ai"
_USUAL_OWNER = "library"


@dataclass(frozen=True, slots=True)
class OllamaModel:
    """One name Ollama knows a model by."""

    manifest: Path
    name: str
    """As Ollama writes it: `llama3.2:1b`, `someone/model:tag`."""
    publisher: str | None
    blob: Path
    projector: Path | None


def ollama_models(root: Path, evidence: Evidence | None = None) -> Iterator[OllamaModel]:
    """Yield every model whose file is there; manifests that make no sense are passed over.

    What is seen of folders and manifests is noted in `evidence`.
    """
    evidence = evidence or Evidence()
    manifests = root / "manifests"
    evidence.note_folder(str(root / "blobs"), names_in(root / "blobs"))
    for path in _files_below(manifests, evidence):
        layers = _layers(path)
        blob = _blob(root, layers.get(_MODEL))
        if blob is None:
            continue
        name, publisher = _named(path.relative_to(manifests))
        yield OllamaModel(path, name, publisher, blob, _blob(root, layers.get(_PROJECTOR)))


def _files_below(folder: Path, evidence: Evidence) -> Iterator[Path]:
    names = names_in(folder)
    evidence.note_folder(str(folder), names)
    for path in (folder / name for name in names or ()):
        if is_file(path):
            evidence.note_file(str(path), status_of(path))
            yield path
        elif is_folder(path) and not path.is_symlink():
            yield from _files_below(path, evidence)


def _layers(path: Path) -> dict[str, str]:
    try:
        if path.stat().st_size > _LARGEST_MANIFEST:
            return {}
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        layers = data["layers"]
        return {
            layer["mediaType"]: layer["digest"]
            for layer in reversed(layers)
            if isinstance(layer["digest"], str) and _DIGEST.fullmatch(layer["digest"])
        }
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def _blob(root: Path, digest: str | None) -> Path | None:
    if digest is None:
        return None
    path = root / "blobs" / digest.replace(":", "-")
    return path if is_file(path) else None


def _named(manifest: Path) -> tuple[str, str | None]:
    """Return name and publisher from `registry/owner/model/tag`."""
    parts = list(manifest.parts)
    publisher = parts[-3] if len(parts) >= 4 else None
    if parts[0] == _USUAL_REGISTRY:
        parts = parts[1:]
        if publisher == _USUAL_OWNER:
            parts, publisher = parts[1:], None
    tag = parts.pop() if len(parts) > 1 else "latest"
    return f"{'/'.join(parts)}:{tag}", publisher
