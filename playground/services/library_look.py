"""Looks through every place that may hold models: names and sizes, no file is opened."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from playground.services import library_folders as folders
from playground.services.library_cache import Stamp
from playground.services.library_folders import FoundFile
from playground.services.library_ollama import ollama_models
from playground.services.library_places import HUGGING_FACE, OLLAMA, AppPlace

_HUB_FOLDER = re.compile(r"models--([^/\\]+?)--([^/\\]+)")


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one look."""

    found: tuple[FoundFile, ...]
    stamps: dict[str, Stamp]
    """Path of each file of them → what tells that it is still the same."""
    problems: dict[Path, str]
    """The user's folders that could not be read, each with the reason."""
    missing: tuple[Path, ...]
    """The user's folders that are not there."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look."""

    starter: Path | None
    own: Path
    chosen: tuple[Path, ...]
    apps: tuple[AppPlace, ...]


def look(places: Places, is_stopped: Callable[[], bool]) -> Look:
    """Return every model file, each once: the first place that has it counts."""
    found: list[FoundFile] = []
    stamps: dict[str, Stamp] = {}
    seen: set[object] = set()
    problems: dict[Path, str] = {}
    for item in _everything(places, problems, is_stopped):
        identity = _stamped(item, stamps)
        if identity is None or identity in seen:
            continue
        seen.add(identity)
        found.append(item)
    missing = tuple(folder for folder in places.chosen if not folder.exists())
    return Look(tuple(found), stamps, problems, missing)


def _everything(
    places: Places, problems: dict[Path, str], is_stopped: Callable[[], bool]
) -> Iterator[FoundFile]:
    if places.starter is not None:
        yield FoundFile(places.starter, folders.STARTER, (places.starter,))
    for root in (places.own, *places.chosen):
        if root.is_file():
            item = folders.with_parts(root, str(root.parent))
            beside = folders.projectors_below(root.parent.glob("*mmproj*"))
            yield replace(item, root=root, projector=folders.projector_for(root, beside))
            continue
        report = problems.__setitem__ if root in places.chosen else _ignore
        paths = list(folders.files_below(root, report, is_stopped))
        yield from _in_folder(root, str(root), paths)
    for app in places.apps:
        if app.name == OLLAMA:
            yield from _in_ollama(app)
            continue
        paths = list(folders.files_below(app.folder, _ignore, is_stopped))
        yield from (
            replace(item, owner=app.name) for item in _in_folder(app.folder, app.name, paths)
        )


def _in_folder(root: Path, source: str, paths: list[Path]) -> Iterator[FoundFile]:
    projectors = folders.projectors_below(paths)
    for item in folders.grouped(iter(paths), source):
        repository = _repository(item.path, root, source)
        yield replace(
            item,
            root=root,
            projector=folders.projector_for(item.path, projectors),
            repository=repository,
            publisher=repository.partition("/")[0] if repository else None,
            name=item.path.parent.name if item.path.stem.lower() in {"model", "ggml"} else None,
        )


def found_at(path: Path, places: Places) -> FoundFile:
    """Return the model at `path` as a look would: with what the place it lies in tells of it."""
    for root, source in (
        (places.own, str(places.own)),
        *((folder, str(folder)) for folder in places.chosen),
        *((app.folder, app.name) for app in places.apps if app.name != OLLAMA),
    ):
        if root in path.parents:
            beside = [path, *path.parent.glob("*.gguf")]
            for item in _in_folder(root, source, list(dict.fromkeys(beside))):
                if path in item.parts:
                    owner = source if source in {app.name for app in places.apps} else None
                    return replace(item, owner=owner)
    return folders.with_parts(path, str(path.parent))


def _in_ollama(app: AppPlace) -> Iterator[FoundFile]:
    for model in ollama_models(app.folder):
        yield FoundFile(
            model.blob,
            OLLAMA,
            (model.blob,),
            owner=OLLAMA,
            root=app.folder,
            name=model.name,
            publisher=model.publisher,
            projector=model.projector,
            manifest=model.manifest,
        )


def _repository(path: Path, root: Path, source: str) -> str | None:
    """Return the Hub repository a file's folders name: `owner/name` below the place's own."""
    try:
        parts = path.relative_to(root).parts
    except ValueError:
        return None
    if source == HUGGING_FACE:
        match = _HUB_FOLDER.fullmatch(parts[0]) if parts else None
        return f"{match[1]}/{match[2]}" if match else None
    return f"{parts[0]}/{parts[1]}" if len(parts) >= 3 else None


def _stamped(item: FoundFile, stamps: dict[str, Stamp]) -> object | None:
    """Note the stamps of a model's files; return what tells it from others."""
    identity: object | None = None
    for path in (*item.parts, *((item.projector,) if item.projector else ())):
        try:
            status = path.stat()
        except (OSError, ValueError):
            # a link to nowhere is listed, so that its problem is
            identity = identity or str(path)
            continue
        stamps[str(path)] = Stamp(status.st_size, status.st_mtime_ns)
        if identity is None:
            known = (status.st_dev, status.st_ino) if status.st_ino else None
            identity = known or str(path.resolve())
    return identity


def _ignore(_folder: Path, _why: str) -> None:
    """Say nothing: the folders of programs may well be missing."""


def total_size(paths: Iterable[Path], stamps: dict[str, Stamp]) -> int:
    """Return the bytes of some files."""
    return sum(stamps[str(path)].size for path in paths if str(path) in stamps)
