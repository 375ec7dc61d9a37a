"""Puts real model files where programs put them, and waits for what a library tells of them."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

from playground.core.targets import ModelFile
from playground.services.library.service import LibraryState, ModelLibrary
from tests.core.gguf_files import Dense, write_dense, write_model

SMALL = Dense(layers=1)
PATIENCE_S = 30
SCAN_EVERY_S = 0.1
"""Between two looks of a library that is followed: a test need not wait longer."""


def dense(path: Path, name: str | None = None, **settings: object) -> Path:
    """Write a small model and return its path; settings by their key, `__` for a dot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    named = {key.replace("__", "."): value for key, value in settings.items()}
    return write_dense(path, "llama", SMALL, {"general.name": name or path.stem, **named})


def projector(path: Path, name: str | None = None, width: int = SMALL.width) -> Path:
    """Write an `mmproj` for a model of that width and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = {"clip.vision.projection_dim": width, **({"general.name": name} if name else {})}
    return write_model(path, "clip", settings, {"v.weight": ((32, 8), "F16")})


def parts(folder: Path, count: int, stem: str = "big") -> list[Path]:
    """Write a model in `count` parts, only the first of which says what it is."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number in range(1, count + 1):
        tensors = {f"blk.{number}.ffn_up.weight": ((64, 32), "F16")}
        metadata: dict[str, object] = {"split.no": number - 1, "split.count": count}
        if number == 1:
            metadata |= {"general.name": "Big", "tokenizer.ggml.model": "llama"}
        path = folder / f"{stem}-{number:05}-of-{count:05}.gguf"
        written.append(write_model(path, "llama", metadata, tensors))
    return written


def ollama(root: Path, tag: str, model: Path, mmproj: Path | None = None) -> Path:
    """Give Ollama the files as the model `registry/owner/name/tag`; return the model's blob."""
    layers = [{"mediaType": "application/vnd.ollama.image.model", "digest": _blob(root, model)}]
    if mmproj is not None:
        kind = "application/vnd.ollama.image.projector"
        layers.append({"mediaType": kind, "digest": _blob(root, mmproj)})
    manifest = root / "manifests" / tag
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    return root / "blobs" / layers[0]["digest"].replace(":", "-")


def _blob(root: Path, file: Path) -> str:
    digest = "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()
    blob = root / "blobs" / digest.replace(":", "-")
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(file.read_bytes())
    return digest


def hub(cache: Path, repo: str, name: str, file: Path, revision: str = "1111") -> Path:
    """Put a file into the Hub's cache; return the snapshot's link to it."""
    repository = cache / f"models--{repo.replace('/', '--')}"
    blob = repository / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(file.read_bytes())
    link = repository / "snapshots" / revision / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(blob)
    return link


async def listed(library: ModelLibrary) -> list[ModelFile]:
    """Return what a scan finds besides the starter model."""
    return others(await library.scan())


def others(models: tuple[ModelFile, ...]) -> list[ModelFile]:
    """Return the models without the starter."""
    return [model for model in models if model.source != "Starter"]


def names(state: LibraryState) -> list[str]:
    """Return the file names of what is listed, without the starter's."""
    return [model.path.name for model in others(state.models)]


async def until(
    states: AsyncIterator[LibraryState], condition: Callable[[LibraryState], bool]
) -> LibraryState:
    """Return the first state of which the condition is true."""
    async with asyncio.timeout(PATIENCE_S):
        async for state in states:
            if condition(state):
                return state
    raise AssertionError("the library ended before it happened")


async def settled(library: ModelLibrary) -> list[ModelFile]:
    """Return what is listed once every header has been read."""
    async with aclosing(library.follow()) as states:
        return others((await until(states, lambda state: not state.is_scanning)).models)
