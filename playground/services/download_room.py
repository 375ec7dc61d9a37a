"""Whether the disk has room for what is to be fetched."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from playground.core.errors import DiskFull, DownloadFailed
from playground.core.hub import HubPart
from playground.services.download_places import part_path

RESERVE_BYTES = 64_000_000
"""Left free on the disk for everything else."""


def check_room(folder: Path, needed: int, waiting: int) -> None:
    """Raise `DiskFull` where the disk has no room for `needed` bytes beside those that wait."""
    free = _free_bytes(folder) - RESERVE_BYTES
    if needed + waiting <= free:
        return
    also = f", and {_size(waiting)} are queued before it" if waiting else ""
    raise DiskFull(
        f"There is not enough room on the disk: {_size(needed)} are needed{also}, "
        f"{_size(max(0, free))} are free.",
        "Free some space, or choose a smaller version.",
    )


def bytes_here(folder: Path, parts: Iterable[HubPart]) -> int:
    """Return the bytes that files of a download take on the disk already."""
    found = 0
    for part in parts:
        for path in (folder / part.path, part_path(folder / part.path)):
            try:
                status = path.stat()
            except OSError:
                continue
            # what a file with holes takes
            taken = getattr(status, "st_blocks", status.st_size // 512) * 512
            found += min(part.size_bytes, taken)
            break
    return found


def _free_bytes(folder: Path) -> int:
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return shutil.disk_usage(folder).free
    except OSError as error:
        raise DownloadFailed(
            f"The folder {folder} cannot be reached: {error.strerror or error}.",
            "Check the disk it is on, and the folder in Settings.",
        ) from error


def _size(count: int) -> str:
    return f"{count / 10**9:.1f} GB" if count >= 10**9 else f"{count / 10**6:.0f} MB"
