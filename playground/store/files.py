"""Where the program keeps its files, and how they are written."""

import contextlib
import errno
import os
import stat
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import platformdirs

from playground.core.errors import HomeUnusable

_APPLICATION = "inference-playground"
_LONGEST_PATH = 480
"""Bytes: SQLite opens no path of 512 and more, its side files' names included."""
_LARGEST_FILE = 64 * 2**20
"""Bytes that are read into memory at once."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Every place the program writes to."""

    config_dir: Path
    data_dir: Path
    log_dir: Path

    @property
    def settings_file(self) -> Path:
        """Settings and providers, never keys."""
        return self.config_dir / "settings.json"

    @property
    def database_file(self) -> Path:
        return self.data_dir / "history.sqlite3"

    @property
    def models_dir(self) -> Path:
        """The program's own folder for model files."""
        return self.data_dir / "models"

    @property
    def cache_dir(self) -> Path:
        """Files that can be deleted: their content is found or asked for again."""
        return self.data_dir / "cache"

    @property
    def library_file(self) -> Path:
        """Headers and listings of model files, so that those need not be opened again."""
        return self.cache_dir / "library.sqlite3"

    @property
    def bandwidth_file(self) -> Path:
        return self.cache_dir / "memory-speed.json"

    @property
    def downloads_file(self) -> Path:
        return self.data_dir / "downloads.json"

    @property
    def log_file(self) -> Path:
        return self.log_dir / "playground.log"

    def create(self) -> None:
        """Make the folders; one for models that leads to a drive that is away is left as it is.

        Folders inside a home that is read-only are done without. Raises `HomeUnusable`.
        """
        if len(os.fsencode(self.database_file)) > _LONGEST_PATH:
            raise HomeUnusable(
                f"The path of the folder for the program's own files is too long: {self.data_dir}.",
                f"Set PLAYGROUND_HOME to a path of at most {_LONGEST_PATH} letters.",
            )
        for folder in (self.config_dir, self.data_dir):
            try:
                make_folder(folder)
            except OSError as error:
                reason = error.strerror or error
                if isinstance(error, FileExistsError | NotADirectoryError):
                    reason = f"{error.filename} is no folder"
                raise HomeUnusable(
                    f"The folder for the program's own files cannot be made: {folder} ({reason})."
                ) from error
        for folder in (self.log_dir, self.models_dir):
            if folder.is_symlink():
                continue
            try:
                make_folder(folder)
            except FileExistsError as error:
                raise HomeUnusable(
                    f"{folder} is a file, where the program needs a folder.",
                    "Rename the file, or set PLAYGROUND_HOME to another folder.",
                ) from error
            except OSError:
                # read-only or full: what is written there says so by itself
                continue


def default_paths() -> Paths:
    """Return the folder `PLAYGROUND_HOME` names, or the system's usual ones.

    Raises `HomeUnusable` for a name that leads nowhere.
    """
    home = os.environ.get("PLAYGROUND_HOME")
    if home:
        try:
            root = Path(home).expanduser().absolute()
        except (RuntimeError, OSError) as error:
            raise HomeUnusable(f"PLAYGROUND_HOME names no folder: {home} ({error}).") from error
        return Paths(root, root, root / "logs")
    return Paths(
        platformdirs.user_config_path(_APPLICATION, appauthor=False),
        platformdirs.user_data_path(_APPLICATION, appauthor=False),
        platformdirs.user_log_path(_APPLICATION, appauthor=False),
    )


def check_handles(count: int) -> None:
    """Raise `OSError` unless so many more files can be opened."""
    with contextlib.ExitStack() as opened:
        for _ in range(count):
            opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))


def make_folder(path: Path) -> None:
    """Make a folder and what is missing above it, for this user only; raises `OSError`."""
    for folder in (*reversed(path.parents), path):
        # asked first: where a folder is there, a read-only disk is no reason to fail
        if not folder.is_dir():
            folder.mkdir(0o700, exist_ok=True)


def aside_path(path: Path) -> Path:
    """Return the first unused name of the form `history.sqlite3.damaged-1` beside `path`."""
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    return next(name for name in names if not (name.exists() or name.is_symlink()))


def read_file(path: Path) -> bytes:
    """Return the content of a file of moderate size.

    Raises `OSError`, also for what is no file: a pipe would be waited for, a device never ends.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a file", str(path))
        if status.st_size > _LARGEST_FILE:
            raise OSError(errno.EINVAL, "it is far too large", str(path))
        return file.read()


def _open_at_once(path: str, flags: int) -> int:
    # opening a pipe waits for somebody who writes to it
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, readable by this user only; raises `OSError`.

    A folder that is not there is made.
    """
    make_folder(path.parent)
    # mkstemp lets nobody else read it
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
