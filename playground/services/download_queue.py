"""The queue as it is written down: what is to be fetched, where it stands, in which order."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from playground.core.codec import decode, encode
from playground.core.downloads import Download, DownloadState
from playground.core.errors import StorageFailed
from playground.store.damaged import aside_path

_RUNS = {DownloadState.RUNNING, DownloadState.WAITING, DownloadState.VERIFYING}


class QueueFile:
    """One JSON file, written whole or not at all; a damaged one is set aside.

    One that cannot be read just now, for want of rights or because of its drive, is left as it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problem: str | None = None
        self.is_read = False
        """Whether what was left behind is known: only then may it be written over."""

    def load(self) -> tuple[Download, ...]:
        """Return what was left behind; what ran when the program ended waits for its turn."""
        self.problem = None
        try:
            data: Any = json.loads(self._path.read_text(encoding="utf-8"))
            found = [decode(Download, item) for item in data["downloads"]]
        except OSError as error:
            # a link to a drive that is away is no list that was never written
            if isinstance(error, FileNotFoundError) and not self._path.is_symlink():
                self.is_read = True
                return ()
            self.problem = (
                f"The list of downloads cannot be read now ({error.strerror or error}) and is left "
                "as it is: what is downloaded until it can be is not added to it."
            )
            return ()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self._set_aside()
            return ()
        self.is_read = True
        return tuple(
            replace(item, state=DownloadState.QUEUED) if item.state in _RUNS else item
            for item in found
        )

    def save(self, downloads: Iterable[Download]) -> None:
        """Write the queue down; raises `StorageFailed`."""
        kept = [replace(item, speed_bytes_per_s=None, left_s=None) for item in downloads]
        text = json.dumps({"downloads": [encode(item) for item in kept]}, indent=1)
        name: str | None = None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{self._path.name}-", dir=self._path.parent)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except OSError as error:
            if name is not None:
                with contextlib.suppress(OSError):
                    Path(name).unlink()
            raise StorageFailed(
                f"The list of downloads could not be saved: {error.strerror or error}."
            ) from error

    def _set_aside(self) -> None:
        aside = aside_path(self._path)
        self.problem = (
            f"The list of downloads was damaged. It is kept as {aside.name}; what had arrived is "
            "used again when the same model is downloaded."
        )
        try:
            self._path.rename(aside)
        except OSError:
            self.problem = "The list of downloads is damaged and could not be moved away."
            return
        self.is_read = True
