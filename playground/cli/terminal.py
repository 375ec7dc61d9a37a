"""The terminal's streams, whatever their encoding: output is never refused, input is understood."""

import argparse
import io
import json
import os
import sys
from pathlib import Path

from playground.core.characters import whole_characters
from playground.core.errors import UsageError

_NOT_TEXT = "has characters that cannot be sent: it is not text in UTF-8"
_PATHS = frozenset({"path", "file"})
"""Options that name a file, whose name may be any bytes; targets are looked at one by one."""


def prepare_output() -> None:
    """Have the output streams write `?` for what their encoding lacks, and bear being closed."""
    # open as long as the process
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def check_texts(args: argparse.Namespace) -> None:
    """Raise `UsageError` for an option that was given bytes that are no text (PEP 383)."""
    for name, value in vars(args).items():
        if isinstance(value, str) and name not in _PATHS and whole_characters(value) != value:
            raise UsageError(f"The {name.replace('_', ' ')} {_NOT_TEXT}.", "Nothing was sent.")


def read_prompt() -> str:
    """Return standard input as text: UTF-8, UTF-16 or UTF-32, else in the terminal's encoding.

    PowerShell writes UTF-16, with a mark at its beginning or without. Raises `UsageError`.
    """
    if sys.stdin is None:
        raise UsageError("There is no standard input to read the prompt from.")
    try:
        content = sys.stdin.buffer.read()
    except OSError as error:
        raise UsageError(
            f"The prompt could not be read from standard input: {error.strerror or error}."
        ) from error
    for encoding in (json.detect_encoding(content), sys.stdin.encoding):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text.replace("\r\n", "\n")
    raise UsageError(
        f"The prompt {_NOT_TEXT}.", "Nothing was sent. Save it as UTF-8 and run it again."
    )
