"""Where a file that cannot be read is put, so that nothing a person made is ever deleted."""

from itertools import count
from pathlib import Path


def aside_path(path: Path) -> Path:
    """Return the first unused name of the form `history.sqlite3.damaged-1` beside `path`."""
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    return next(name for name in names if not (name.exists() or name.is_symlink()))
