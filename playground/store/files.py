"""Where the program keeps its files, and how they are written."""

import os
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import platformdirs

_APPLICATION = "inference-playground"


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
        """Make the folders; one for models that leads to a drive that is away is left as it is."""
        for folder in (self.config_dir, self.data_dir, self.log_dir):
            folder.mkdir(parents=True, exist_ok=True)
        if not self.models_dir.is_symlink():
            self.models_dir.mkdir(exist_ok=True)


def default_paths() -> Paths:
    """Return the folder `PLAYGROUND_HOME` names, or the system's usual ones."""
    home = os.environ.get("PLAYGROUND_HOME")
    if home:
        root = Path(home).expanduser().absolute()
        return Paths(root, root, root / "logs")
    return Paths(
        platformdirs.user_config_path(_APPLICATION, appauthor=False),
        platformdirs.user_data_path(_APPLICATION, appauthor=False),
        platformdirs.user_log_path(_APPLICATION, appauthor=False),
    )


def aside_path(path: Path) -> Path:
    """Return the first unused name of the form `history.sqlite3.damaged-1` beside `path`."""
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    return next(name for name in names if not (name.exists() or name.is_symlink()))


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, readable by this user only; raises `OSError`.

    A folder that is not there is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
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
