"""How long a server wants one to wait before asking again."""

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_S = 2 * 366 * 24 * 3600.0
"""What is longer is a mistake."""
_SECONDS = re.compile(r"\d{1,7}(\.\d+)?", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SPAN = r"(\d{1,7}(?:\.\d{1,9})?)\s?(ms|milli|s|m|h)[a-z]*"
_TRY_AGAIN = re.compile(
    rf"(?:try again|retry)(?: your request)? (?:in|after) ((?:{_SPAN}[\s,]{{0,2}}){{1,4}})",
    re.IGNORECASE | re.ASCII,
)
"""OpenAI and Groq: "Please try again in 1m2.5s"; Azure: "Please retry after 20 seconds"."""


def wait_s(retry_after: str | None, said: str = "") -> float | None:
    """Return the seconds of a `Retry-After` (RFC 9110), else those that a sentence names.

    `None` for what is no time to wait.
    """
    written = (retry_after or "").strip()
    if _SECONDS.fullmatch(written):
        return _believed(float(written))
    if written:
        try:
            until = parsedate_to_datetime(written)
            until = until if until.tzinfo else until.replace(tzinfo=UTC)
            return _believed((until - datetime.now(UTC)).total_seconds())
        except (ValueError, OverflowError):
            pass
    if (found := _TRY_AGAIN.search(said)) is None:
        return None
    spans = re.findall(_SPAN, found[1].casefold())
    units = (("ms" if unit == "milli" else unit, float(number)) for number, unit in spans)
    return _believed(sum(number * _UNITS[unit] for unit, number in units))


def wait_words(seconds: float) -> str:
    """Return a time to wait as a person says it: `17 s`, `5 minutes`, `30 hours`, `12 days`."""
    for name, length, most in (("minutes", 60, 120), ("hours", 3600, 48)):
        if seconds < 120:
            return f"{seconds:.3g} s"
        if seconds < most * length:
            return f"{math.ceil(seconds / length)} {name}"
    return f"{math.ceil(seconds / 86_400)} days"


def _believed(seconds: float) -> float | None:
    return seconds if 0 < seconds <= _LONGEST_S else None
