"""What a person answers on “Local or cloud?”."""

from dataclasses import dataclass, field
from enum import StrEnum


class Leave(StrEnum):
    """Whether the words may leave this computer."""

    NEVER = "never"
    RATHER_NOT = "rather_not"
    YES = "yes"


class Soon(StrEnum):
    """How soon the first word must be there."""

    AT_ONCE = "at_once"
    SECONDS = "seconds"
    LATER = "later"


class Need(StrEnum):
    """How clever it must be."""

    ONE_JOB = "one_job"
    ANYTHING = "anything"


class Connection(StrEnum):
    """Whether there is always a connection."""

    MOSTLY = "mostly"
    NOT_ALWAYS = "not_always"


@dataclass(frozen=True, slots=True)
class Situation:
    """What a person needs."""

    leave: Leave = Leave.RATHER_NOT
    soon: Soon = Soon.SECONDS
    per_day: int = 200
    """Questions a day."""
    need: Need = Need.ONE_JOB
    connection: Connection = Connection.MOSTLY


@dataclass(frozen=True, slots=True)
class Needs:
    """All that a person has answered."""

    situation: Situation = Situation()
    weights: dict[str, float] = field(default_factory=dict)
    """The sliders, 0 … 1 by `Criterion`; those that are not in it stand as usual."""
    computer_usd: float | None = None
    """What a bigger computer costs; `None`: what is usual."""
