"""The log file: what went wrong, without a single key in it."""

import logging
import os
import re
from logging.handlers import RotatingFileHandler
from pathlib import Path

from typing_extensions import override

from playground.core.redaction import Redactor

_REPLACEMENT = "[key]"
_KEY_SHAPES = re.compile(
    r"(?P<before>(?:bearer|basic|api[-_ ]?key|authorization|token|secret)[\"'\s:=]+)"
    r"(?P<value>[^\s\"',;)]{8,})"
    r"|\b(?:sk|gsk|hf|xai|csk|pk|key|AIza)[-_]?[A-Za-z0-9_\-]{16,}",
    re.IGNORECASE,
)
_SECRET_VARIABLES = ("_API_KEY", "_TOKEN", "_SECRET", "_KEY")


def scrub(text: str, redactor: Redactor) -> str:
    """Return `text` with every key that is known, in the environment, or looks like one, hidden."""
    text = redactor.clean(text)
    for name, value in os.environ.items():
        if name.endswith(_SECRET_VARIABLES) and len(value) >= 8:
            text = text.replace(value, _REPLACEMENT)
    return _KEY_SHAPES.sub(lambda match: f"{match['before'] or ''}{_REPLACEMENT}", text)


class _LogFile(RotatingFileHandler):
    """The file; what cannot be written to it is lost, for there is nobody to tell."""

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        return


class _ScrubbingFormatter(logging.Formatter):
    """Formats the record with its traceback first, so that neither can carry a key."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record), self._redactor)


def open_log(path: Path, redactor: Redactor) -> logging.Handler | None:
    """Send warnings and errors of the whole program to `path`; return the handler.

    A folder that cannot be written, or a pipe in the place of the file, must not keep the program
    from starting: the log then goes to nowhere and `None` is returned.
    """
    is_other = path.exists() and not path.is_file()
    if is_other or not os.access(path.parent, os.W_OK):
        # or warnings would go to the terminal
        logging.getLogger().addHandler(logging.NullHandler())
        return None
    handler = _LogFile(
        path,
        maxBytes=1_000_000,
        backupCount=2,
        encoding="utf-8",
        delay=True,
        errors="backslashreplace",
    )
    handler.setFormatter(_ScrubbingFormatter(redactor))
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
    return handler
