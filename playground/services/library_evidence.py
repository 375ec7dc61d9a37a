"""What a look at the folders went by: while none of it has changed, it need not be done again."""

import os
from collections.abc import Callable

_Facts = tuple[int, int, int, int]


class Evidence:
    """The names in every folder, and what tells that a file is the same.

    Names are compared and not the folders' time of change, which some drives do not keep.
    """

    def __init__(self) -> None:
        self._folders: dict[str, tuple[str, ...] | None] = {}
        self._files: dict[str, _Facts | None] = {}

    def note_folder(self, path: str, names: list[str] | None) -> None:
        """Note what a folder holds; `None` for one that cannot be read."""
        self._folders[path] = None if names is None else tuple(sorted(names))

    def note_file(self, path: str, status: os.stat_result | None) -> None:
        """Note a file as it is; `None` for one that is not there."""
        self._files[path] = None if status is None else _facts(status)

    def still_holds(self, is_stopped: Callable[[], bool]) -> bool:
        """Return True where everything that was noted is as it was."""
        for folder, names in self._folders.items():
            if is_stopped() or _names(folder) != names:
                return False
        return all(_seen(path) == facts for path, facts in self._files.items())


def _names(folder: str) -> tuple[str, ...] | None:
    try:
        return tuple(sorted(os.listdir(folder)))  # noqa: PTH208 - thousands of times
    except (OSError, ValueError):
        return None


def _seen(path: str) -> _Facts | None:
    try:
        return _facts(os.stat(path))  # noqa: PTH116 - thousands of times
    except (OSError, ValueError):
        return None


def _facts(status: os.stat_result) -> _Facts:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
