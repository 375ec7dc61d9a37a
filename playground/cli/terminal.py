"""The terminal: streams of any encoding, what may be written to them, and how failures are told."""

import argparse
import io
import json
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

from playground.core.characters import whole_characters
from playground.core.errors import (
    AddressRefused,
    HomeUnusable,
    PlaygroundError,
    UsageError,
    explained,
)

log = logging.getLogger(__name__)

FAILED, WRONG_USAGE = 1, 2
_STEERING = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160), 0x202D, 0x202E])
"""Control characters but tab and line feed: with them text could move the cursor, change what was
printed before, or write to the clipboard (ECMA-48, https://ecma-international.org/); and the two
that turn the letters of a name around, so that it seems to end otherwise."""
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


def harmless(text: str) -> str:
    """Return `text` without half characters and those that steer a terminal."""
    return whole_characters(text).translate(_STEERING)


def one_line(text: str) -> str:
    """Return `text` harmless and in one line: names of files and models may have several."""
    return harmless(" ".join(text.splitlines())).replace("\t", " ")


def tell(sentence: str) -> None:
    """Print a sentence about the program itself on stderr, in one line."""
    # a full disk under a redirected stderr: nobody is left to be told
    with suppress(OSError):
        print(harmless(" ".join(f"playground: {sentence}".split())), file=sys.stderr)


def tell_failure(failure: BaseException) -> int:
    """Print in one line why the program or a command ended, and return the exit code."""
    sentence, code = describe_failure(failure)
    tell(sentence)
    return code


def describe_failure(failure: BaseException) -> tuple[str, int]:
    """Return why the program or a command ended, and the exit code; a bug is written to the log."""
    error = explained(failure)
    if isinstance(error, PlaygroundError):
        is_usage = isinstance(error, UsageError | AddressRefused | HomeUnusable)
        return f"{error.message} {error.hint}".strip(), WRONG_USAGE if is_usage else FAILED
    sentence = f"The program made a mistake ({type(error).__name__})."
    if any(isinstance(handler, logging.FileHandler) for handler in logging.root.handlers):
        log.error("bug", exc_info=failure)
        sentence += " The log tells more: please report it."
    return sentence, FAILED
