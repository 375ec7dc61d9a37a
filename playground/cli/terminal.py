"""Text of models, files and providers as a terminal may get it."""

from playground.core.characters import whole_characters
from playground.core.errors import ErrorInfo

_STEERING = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)])
"""Control characters but tab and line feed: with them text could move the cursor, change what was
printed before, or write to the clipboard (ECMA-48, https://ecma-international.org/)."""


def harmless(text: str) -> str:
    """Return `text` without half characters and those that steer a terminal."""
    return whole_characters(text).translate(_STEERING)


def error_line(error: ErrorInfo, before: str = "") -> str:
    """Return an error and what to do about it in one line for stderr; `before` names its run."""
    words = f"playground: {before}{error.message} {error.hint}".split()
    return harmless(" ".join(words))
