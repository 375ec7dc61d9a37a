"""Regular expressions from outside: bounded when compiled, and matched within a time limit."""

import math
import re

from playground.core.errors import UsageError

MAX_PATTERN = 2_000
"""Characters of a regular expression."""
SECONDS = 0.5
"""What one match may take."""
_REPEATED = re.compile(r"\{(\d{1,9})(?:,(\d{0,9}))?\}")
_MOST_REPEATED = 10_000


def require_pattern(pattern: str) -> None:
    """Raise `UsageError` for a regular expression that cannot be used."""
    import regex

    if not pattern:
        raise UsageError("The regular expression is empty.")
    if len(pattern) > MAX_PATTERN:
        raise UsageError(f"The regular expression is longer than {MAX_PATTERN:,} characters.")
    counts = [int(high or low) for low, high in _REPEATED.findall(pattern)]
    if math.prod(max(count, 1) for count in counts) > _MOST_REPEATED:
        # compiled, each repetition is written out
        raise UsageError("The regular expression repeats too often.")
    try:
        regex.compile(pattern)
    except (regex.error, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise UsageError(f"The regular expression cannot be read: {error}.") from error


def matches(pattern: str, text: str, seconds: float = SECONDS) -> bool:
    """Return whether `pattern` is found in `text`; raises `TimeoutError` after `seconds`."""
    import regex

    return regex.search(pattern, text, timeout=max(seconds, 0.001)) is not None
