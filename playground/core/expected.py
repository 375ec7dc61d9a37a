"""What is expected of an answer: a check is one expectation, held against it in `core.checks`."""

from dataclasses import dataclass, fields
from enum import StrEnum


class CheckKind(StrEnum):
    """What is looked at; the values are those of files and the command line."""

    CONTAINS = "contains"
    NOT_CONTAINS = "not_contains"
    ANY_OF = "any_of"
    ALL_OF = "all_of"
    BEGINS_WITH = "begins_with"
    EQUALS = "equals"
    REGEX = "regex"
    NUMBER = "number"
    JSON = "json"
    SCHEMA = "schema"
    MIN_WORDS = "min_words"
    MAX_WORDS = "max_words"
    MAX_SECONDS = "max_seconds"
    MAX_USD = "max_usd"


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation of an answer; capitals, spaces and punctuation count only where asked for."""

    kind: CheckKind
    expected: str = ""
    case_counts: bool = False
    space_counts: bool = False
    punctuation_counts: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """What counts: of `case`, `space` and `punctuation`."""
        return tuple(name for name in OPTIONS if getattr(self, f"{name}_counts"))

    @property
    def written_kind(self) -> str:
        """The kind with what counts, as `read_check` takes it: `equals:case,space`."""
        return ":".join(filter(None, (self.kind.value, ",".join(self.options))))


OPTIONS = tuple(f.name.removesuffix("_counts") for f in fields(Check) if f.name.endswith("_counts"))
"""What can be made to count."""


CUT_OFF = "The answer was cut off at the longest length allowed."
"""Why an answer that is not whole is not scored."""


class Outcome(StrEnum):
    """What a check, or all of a case's together, say of an answer."""

    RIGHT = "right"
    WRONG = "wrong"
    NOT_SCORED = "not_scored"
