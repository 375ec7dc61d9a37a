"""Regular expressions from outside: bounded when compiled, and matched within a time limit."""

import re
from functools import lru_cache
from typing import Any

from playground.core.errors import UsageError

MAX_PATTERN = 2_000
"""Characters of a regular expression."""
SECONDS = 0.5
"""What one match may take."""
_MOST_WRITTEN_OUT = 20_000
"""Signs of a regular expression whose repetitions are written out: 10 MB compiled."""
_SIGNS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(\d{1,9})(?:,\d*)?\}|.", re.DOTALL)
"""A sign, a set of them, or how often the one before it is repeated at least."""


def require_pattern(pattern: str) -> None:
    """Raise `UsageError` for a regular expression that cannot be used."""
    if not pattern:
        raise UsageError("The regular expression is empty.")
    _compiled(pattern)


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> Any:
    import regex

    if len(pattern) > MAX_PATTERN:
        raise UsageError(f"The regular expression is longer than {MAX_PATTERN:,} characters.")
    if _written_out(pattern) > _MOST_WRITTEN_OUT:
        raise UsageError("The regular expression repeats too often.")
    try:
        return regex.compile(pattern)
    except (regex.error, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise UsageError(f"The regular expression cannot be read: {error}.") from error


def _written_out(pattern: str) -> int:
    """Return how many signs there are once `a{3}` is `aaa`, as `regex` compiles it."""
    groups = [0]
    last = 0
    for found in _SIGNS.finditer(pattern):
        sign = found[0]
        if found[1] is not None:
            more = last * (max(int(found[1]), 1) - 1)
            groups[-1] += more
            last += more
        elif sign == "(":
            groups.append(0)
        elif sign == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        else:
            groups[-1] += 1
            last = 1
    return sum(groups)


def matches(pattern: str, text: str, seconds: float = SECONDS) -> bool:
    """Return whether `pattern` is found in `text`.

    Raises `TimeoutError` after `seconds`, and `UsageError` as `require_pattern` does.
    """
    return _compiled(pattern).search(text, timeout=max(seconds, 0.001)) is not None
