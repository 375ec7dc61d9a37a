"""Reads the header of a GGUF model file on this computer; `parser` says what is read."""

import os
import stat
from contextlib import closing
from io import FileIO
from pathlib import Path

from playground.core.errors import ModelFileInvalid
from playground.core.gguf.header import GgufHeader
from playground.core.gguf.parser import FileSource, parse_header


def read_header(path: Path) -> GgufHeader:
    """Return the header of the GGUF file at `path`.

    Raises `ModelFileInvalid`, with a sentence for a person, for everything that is not a whole
    GGUF file of version 2 or 3.
    """
    try:
        with closing(_open(path)) as file:
            return parse_header(FileSource(file), os.fstat(file.fileno()).st_size)
    except FileNotFoundError as error:
        raise ModelFileInvalid("The file is gone.", "Choose another file.") from error
    except PermissionError as error:
        raise ModelFileInvalid(
            "The file may not be read by you.", "Check the rights on the file and its folder."
        ) from error
    except (OSError, ValueError) as error:
        raise ModelFileInvalid(
            f"The file cannot be read: {getattr(error, 'strerror', None) or error}.",
            "Check the disk it is on.",
        ) from error


def _open(path: Path) -> FileIO:
    # looked at before and after opening: a pipe or a device is never touched
    _refuse_special(path.stat().st_mode)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = FileIO(os.open(path, flags | getattr(os, "O_CLOEXEC", 0)))
    try:
        _refuse_special(os.fstat(file.fileno()).st_mode)
    except ModelFileInvalid:
        file.close()
        raise
    return file


def _refuse_special(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise ModelFileInvalid("This is a folder, not a model file.", "Choose the file in it.")
    if not stat.S_ISREG(mode):
        raise ModelFileInvalid("This is not a file but a device or a pipe.", "Choose a file.")
