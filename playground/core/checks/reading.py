"""Checks as files and commands write them, and what makes one unreadable."""

import math
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from textwrap import shorten

from playground.core.checks.patterns import require_pattern
from playground.core.checks.schema import read_schema
from playground.core.errors import UsageError
from playground.core.expected import OPTIONS, Check, CheckKind

LISTS = frozenset({CheckKind.ANY_OF, CheckKind.ALL_OF})
"""Kinds that expect several texts, split by `|`; `\\|` is the sign itself."""
TEXTS = LISTS | {
    CheckKind.CONTAINS,
    CheckKind.NOT_CONTAINS,
    CheckKind.BEGINS_WITH,
    CheckKind.EQUALS,
}
"""Kinds that compare with a text: capitals, spaces and punctuation can be made to count."""
COUNTS = frozenset({CheckKind.MIN_WORDS, CheckKind.MAX_WORDS})
LIMITS = frozenset({CheckKind.MAX_SECONDS, CheckKind.MAX_USD})
_ALSO_CALLED = {
    "mentions": "contains",
    "does not mention": "not_contains",
    "mentions one of": "any_of",
    "mentions all of": "all_of",
    "begins with": "begins_with",
    "is": "equals",
    "is exactly": "equals",
    "ends with the number": "number",
}
"""Kinds by the words the window has for them."""
_LONGEST_NUMBER = 400
MAX_EXPECTED = 64 * 1024
"""Characters of what is expected; a schema is the longest."""


def read_check(kind: str, expected: str) -> Check:
    """Return the check that a file or a command names.

    `kind` is that of `CheckKind`, with what counts behind a colon (`equals:case,punctuation`).
    Raises `UsageError` with a sentence where it cannot be read.
    """
    name, _, options = kind.strip().casefold().partition(":")
    try:
        found = CheckKind(_ALSO_CALLED.get(name.strip(), name.strip()))
    except ValueError:
        known = ", ".join(CheckKind)
        raise UsageError(f"“{kind}” is no kind of check.", f"There are: {known}.") from None
    chosen = [part.strip() for part in options.split(",") if part.strip()]
    for option in chosen:
        if option not in OPTIONS or found not in TEXTS:
            raise UsageError(
                f"“{option}” is nothing that can count in “{found}”.",
                f"{', '.join(OPTIONS)} can, in {', '.join(k for k in CheckKind if k in TEXTS)}.",
            )
    check = Check(found, expected, **{f"{option}_counts": True for option in chosen})
    require_readable(check)
    return check


def require_readable(check: Check) -> None:
    """Raise `UsageError` where nothing could ever be held against `check`."""
    kind, expected = check.kind, check.expected
    if len(expected) > MAX_EXPECTED:
        raise UsageError(f"What “{kind}” expects is longer than {MAX_EXPECTED:,} characters.")
    if kind in TEXTS:
        if not all(part.strip() for part in parts_of(check)):
            raise UsageError(f"“{kind}” needs a text to look for.")
    elif kind is CheckKind.REGEX:
        require_pattern(expected)
    elif kind is CheckKind.NUMBER:
        read_expected_number(expected)
    elif kind is CheckKind.SCHEMA:
        read_schema(expected)
    elif kind in COUNTS | LIMITS:
        read_limit(check)


_WORDS = {
    CheckKind.CONTAINS: "mentions {}",
    CheckKind.NOT_CONTAINS: "does not mention {}",
    CheckKind.ANY_OF: "mentions one of {}",
    CheckKind.ALL_OF: "mentions all of {}",
    CheckKind.BEGINS_WITH: "begins with {}",
    CheckKind.EQUALS: "is exactly {}",
    CheckKind.REGEX: "matches {}",
    CheckKind.NUMBER: "ends with the number {}",
    CheckKind.MIN_WORDS: "at least {} words",
    CheckKind.MAX_WORDS: "at most {} words",
    CheckKind.MAX_SECONDS: "at most {} s",
    CheckKind.MAX_USD: "at most ${}",
}
_LONGEST_EXPECTED = 40


def check_words(check: Check) -> str:
    """Return a check in a few words, as a chip or a line names it."""
    if check.kind is CheckKind.JSON:
        return "is JSON"
    if check.kind is CheckKind.SCHEMA:
        return "has the form"
    expected = shorten(check.expected, _LONGEST_EXPECTED, placeholder="…")
    quoted = expected if check.kind in COUNTS | LIMITS | {CheckKind.NUMBER} else f"“{expected}”"
    words = _WORDS[check.kind].format(quoted)
    return words.removesuffix("s") if check.kind in COUNTS and read_limit(check) == 1 else words


def parts_of(check: Check) -> tuple[str, ...]:
    """Return the texts a check looks for."""
    if check.kind not in LISTS:
        return (check.expected,)
    parts = re.split(r"(?<!\\)\|", check.expected)
    return tuple(part.replace(r"\|", "|").strip() for part in parts)


def read_limit(check: Check) -> float:
    """Return the number a count or a limit holds; raises `UsageError`."""
    try:
        value = float(check.expected)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0 or (check.kind in COUNTS and value % 1):
        raise UsageError(f"“{check.expected}” is no number that “{check.kind}” could hold to.")
    return value


_MINUS = "-−–‐‑﹣－"
"""Signs that are written for minus; models like the dash and the hyphen that does not break."""
_GROUPED = r"[1-9]\d{0,2}(?:[,'’\u00a0\u202f\u2009]\d{3})+(?!\d)"
_NUMBER = rf"""
    (?:(?<![\w.,)])[{_MINUS}][$€£¥]?|(?<![\w.,)])\+)?  # a sign, not the dash of 3-5
    (?<![\w.])
    (?:
        {_GROUPED}(?:\.\d+)?                    # 1,234,567.8
      | [1-9]\d{{0,2}}(?:\.\d{{3}}){{2,}}(?!\d)(?:,\d+)?  # 1.234.567,8
      | [1-9]\d{{0,2}}\.\d{{3}},\d+            # 1.234,5
      | [1-9]\d?(?:,\d\d)+,\d{{3}}(?!\d)(?:\.\d+)?  # 12,34,567.8
      | \d+(?:[.,]\d+)?                         # 12.5 and 12,5
      | \.\d+
    )
    (?:[eE][-+]?\d{{1,3}}\b)?
"""
_NUMBERS = re.compile(_NUMBER, re.VERBOSE)
_SPACED = re.compile(
    rf"(?<![\d.,]\ )(?:(?<![\w.,)])[{_MINUS}])?(?<![\w.])[1-9]\d{{0,2}}(?:\ \d{{3}})+(?:[.,]\d+)?$",
    re.VERBOSE,
)
"""1 234 567,8 at the end of a text: it may as well be several numbers."""
_EXPECTED = re.compile(
    rf"\s*(?P<value>{_NUMBER})\s*(?:(?:±|\+-|\+/-)\s*(?P<tolerance>{_NUMBER})\s*)?",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A number as it stands in a text."""

    text: str
    value: Fraction


def read_expected_number(expected: str) -> tuple[Fraction, Fraction]:
    """Return value and tolerance of `42±0.5`; raises `UsageError`."""
    found = _EXPECTED.fullmatch(expected)
    tolerance = Fraction(0)
    if found is not None and found["tolerance"]:
        tolerance = _value(found["tolerance"])
    if found is None or tolerance < 0:
        raise UsageError(f"“{expected}” is no number such as 42 or 42±0.5.")
    return _value(found["value"]), tolerance


def last_number_readings(text: str) -> list[WrittenNumber]:
    """Return what the last number of `text` can be: `1 234` is 234, or 1,234."""
    last = next(iter(deque(_numbers(text), maxlen=1)), None)
    if last is None:
        return []
    found = [WrittenNumber(last[0], _value(last[0]))]
    if spaced := _SPACED.search(text, max(0, last.end() - _LONGEST_NUMBER), last.end()):
        found.append(WrittenNumber(spaced[0], _value(spaced[0].replace(" ", ""))))
    return found


def _numbers(text: str) -> Iterator[re.Match[str]]:
    # what goes on for longer is no number but a model that goes round in circles
    return (f for f in _NUMBERS.finditer(text) if f.end() - f.start() <= _LONGEST_NUMBER)


def _value(written: str) -> Fraction:
    plain = re.sub(r"[$€£¥]", "", re.sub(f"[{_MINUS[1:]}]", "-", written))
    if plain.count(".") > 1 or re.search(r"\..*,", plain):
        plain = plain.replace(".", "")
    elif plain.count(",") > 1 or re.match(rf"[-+]?{_GROUPED}", plain):
        plain = re.sub(r"[^-+.\deE]", "", plain)
    return Fraction(plain.replace(",", "."))
