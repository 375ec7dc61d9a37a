"""Folders and files as they are on the disk: walked through, compared with before, never opened."""

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from playground.core.gguf.naming import is_gguf

SUFFIX = ".gguf"
_BIN = re.compile(r"\$recycle\.bin|\.trash(es|-\d+)?", re.IGNORECASE)
_BIN_FOLDERS = {"files", "info"}
_FileState = tuple[int, int, int, int]


class ScanSnapshot:
    """Snapshot of folder contents, used to skip unchanged scans.

    Names are compared and not the folders' time of change, which some drives do not keep.
    """

    def __init__(self) -> None:
        self._folders: dict[str, list[str] | None] = {}
        self._files: dict[str, _FileState | None] = {}

    def note_folder(self, path: Path, names: list[str] | None) -> None:
        """Note what a folder holds, in order; `None` for one that cannot be read."""
        self._folders[str(path)] = names

    def note_file(self, path: Path | str) -> os.stat_result | None:
        """Note a file as it is now, and return that; `None` where it is not there."""
        status = status_of(path)
        self._files[str(path)] = _file_state(status)
        return status

    def is_current(self) -> bool:
        """Return True where everything that was noted is as it was."""
        return all(names_in(folder) == names for folder, names in self._folders.items()) and all(
            _file_state(status_of(path)) == state for path, state in self._files.items()
        )


def _file_state(status: os.stat_result | None) -> _FileState | None:
    if status is None:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def files_below(
    root: Path,
    snapshot: ScanSnapshot,
    problems: dict[Path, str],
    skipped: re.Pattern[str] | None,
) -> Iterator[Path]:
    """Yield every file that ends in `.gguf` in and below `root`, each folder once.

    Links come last, so that a file is known by its own name rather than by that of a link to it.
    Links to folders are followed; one that leads back to a folder already seen is not. A folder
    that cannot be read is noted in `problems` and skipped, and so are the system's bins and folders
    of a `skipped` name. What folders hold is noted in `snapshot`.
    """
    seen: set[object] = set()
    folders, linked_folders, linked_files = [root], list[Path](), list[Path]()
    while folders or linked_folders:
        folder = folders.pop() if folders else linked_folders.pop()
        try:
            identity = identity_of(folder)
            if identity in seen:
                snapshot.note_file(folder)
                continue
            seen.add(identity)
            with os.scandir(folder) as entries:
                names = sorted(entries, key=lambda entry: entry.name)
        except (OSError, ValueError) as error:
            snapshot.note_folder(folder, None)
            problems[folder] = _reason(error)
            continue
        snapshot.note_folder(folder, [entry.name for entry in names])
        if folder != root and _is_bin(folder.name, names):
            continue
        for entry in names:
            is_link = entry.is_symlink()
            if _answers(entry.is_dir):
                if skipped is None or not skipped.fullmatch(entry.name):
                    (linked_folders if is_link else folders).append(Path(entry.path))
            elif not _answers(entry.is_file):
                # a link that leads nowhere may lead to a folder once its drive is there
                snapshot.note_file(entry.path)
                if is_gguf(entry.name):
                    linked_files.append(Path(entry.path))
            elif not is_gguf(entry.name):
                continue
            elif is_link:
                linked_files.append(Path(entry.path))
            else:
                yield Path(entry.path)
    yield from linked_files


def files_in(folder: Path) -> list[Path]:
    """Return every model file in `folder` itself; none where it cannot be read."""
    return [folder / name for name in names_in(folder) or [] if is_gguf(name)]


def names_in(folder: Path | str) -> list[str] | None:
    """Return what `folder` holds, in order; `None` where it cannot be read."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - thousands of times
    except (OSError, ValueError):
        return None


def _answers(is_kind: Callable[[], bool]) -> bool:
    """Return what a folder's entry says of itself; False where it cannot be known."""
    try:
        return is_kind()
    except OSError:
        return False


def _is_bin(name: str, entries: "Iterable[os.DirEntry[str]]") -> bool:
    """Return True for a system's bin: what was deleted is not listed again from there."""
    if _BIN.fullmatch(name):
        return True
    # freedesktop.org's bin in the home
    return name == "Trash" and {entry.name for entry in entries} >= _BIN_FOLDERS


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "This folder is gone."
    if isinstance(error, PermissionError):
        return "This folder may not be read by you."
    return f"This folder cannot be read: {getattr(error, 'strerror', None) or error}."


def status_of(path: Path | str) -> os.stat_result | None:
    """Return what the system knows of a file or folder; `None` where it is not there."""
    try:
        return os.stat(path)  # noqa: PTH116 - thousands of times
    except (OSError, ValueError):
        return None


def identity_of(path: Path, status: os.stat_result | None = None) -> object:
    """Return what tells a file or folder from all others, by whatever name it is reached.

    Raises `OSError` or `ValueError` where it is not there.
    """
    status = status or path.stat()
    # some drives on Windows and on networks number no files
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def exists(path: Path) -> bool:
    """Return True where `path` is there; False too where that cannot be known.

    `Path.exists` raises where a folder above may not be entered, or a drive does not answer.
    """
    return status_of(path) is not None


def is_folder(path: Path) -> bool:
    status = status_of(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def is_file(path: Path) -> bool:
    status = status_of(path)
    return status is not None and stat.S_ISREG(status.st_mode)


def absolute(path: Path) -> Path:
    """Return a folder as it is looked for: from the root of its drive on, `~` being the home."""
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        # nobody of that name has a home
        return path.absolute()


def drive_of(path: Path) -> str:
    """Return where the drive that holds a file is mounted."""
    try:
        place = Path(os.path.realpath(path)).parent
    except (OSError, ValueError):
        return path.anchor
    while not is_drive(str(place)) and place != place.parent:
        place = place.parent
    return str(place)


def is_drive(mount: str) -> bool:
    """Return True where a drive is mounted at that place now."""
    # on Windows every drive letter counts as a mount, whether there is a drive or not
    return os.path.ismount(mount) and exists(Path(mount))
