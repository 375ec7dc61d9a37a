"""Ollama's models: a manifest for each name, which points to files named by their checksum.

The layout: https://github.com/ollama/ollama/blob/main/docs/import.md and `server/manifest.go`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def ollama_models(root: Path) -> Iterator[OllamaModel]:
    """Yield every model whose file is there; manifests that make no sense are passed over."""
    manifests = root / "manifests"
    try:
        paths = sorted(path for path in manifests.rglob("*") if path.is_file())
    except OSError:
        return
    for path in paths:
        layers = _layers(path)
        blob = _blob(root, layers.get(_MODEL))
        if blob is None:
            continue
        name, publisher = _named(path.relative_to(manifests))
        yield OllamaModel(path, name, publisher, blob, _blob(root, layers.get(_PROJECTOR)))


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
    return path if path.is_file() else None


def _named(manifest: Path) -> tuple[str, str | None]:
    """Return name and publisher from `registry/owner/model/tag`."""
    parts = list(manifest.parts)
    if parts and parts[0] == _USUAL_REGISTRY:
        parts = parts[1:]
    publisher = parts[-3] if len(parts) >= 3 else None
    if publisher == _USUAL_OWNER:
        parts, publisher = parts[1:], None
    tag = parts.pop() if len(parts) > 1 else "latest"
    return f"{'/'.join(parts)}:{tag}", publisher
