"""The system requirements of a model, as on a game's box: minimum, recommended, yours."""

from dataclasses import dataclass
from enum import StrEnum

from playground.core.machine import Machine
from playground.core.requirements.memory import MemoryNeed
from playground.core.runs import Provenance


class Compatibility(StrEnum):
    """How a model would run on a machine."""

    RUNS_GREAT = "runs great"
    RUNS = "runs"
    SLOW = "slow"
    WONT_FIT = "won't fit"


@dataclass(frozen=True, slots=True)
class Speed:
    """Generation speed in tokens per second, as a range; a measured one has equal ends."""

    low_tokens_per_s: float
    high_tokens_per_s: float
    provenance: Provenance
    run_count: int = 0
    """Of a measured one: the answers it is the median of."""
    learnt_from: tuple[str, ...] = ()
    """Of an estimate: the models whose answers here it rests on; else it rests on how fast memory
    is read."""


class ChangeKind(StrEnum):
    """What a person could do for a better verdict."""

    SMALLER_QUANTIZATION = "smaller quantization"
    SHORTER_CONTEXT = "shorter context"
    SMALLER_KV_TYPE = "smaller kv type"
    CLOSE_PROGRAMS = "close programs"
    SMALLER_MODEL = "smaller model"


@dataclass(frozen=True, slots=True)
class Change:
    """One change and the verdict it leads to."""

    kind: ChangeKind
    verdict: Compatibility
    context: int | None = None
    """The context to choose, in tokens, for a shorter one."""
    detail: str = ""
    """A quantization or KV type by its usual name, or programs by name, with commas."""
    frees_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RequirementLevel:
    """One column on the box; `None` is unknown."""

    memory_bytes: int
    """All of it: weights, conversation, working space, `mmproj`."""
    speed: Speed | None
    context: int


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a model needs, and what this machine has."""

    verdict: Compatibility
    minimum: RequirementLevel
    """With the shortest context that makes sense, everything on the processor."""
    recommended: RequirementLevel
    """With the usual context and room for other programs, at a speed one likes to read at."""
    need: MemoryNeed
    """What it takes with the settings chosen, part by part."""
    machine: Machine
    free_bytes: int
    """What counts as free on `machine` for this model: graphics and main memory together where
    layers can be shared out."""
    speed: Speed | None
    """Expected here, or measured here."""
    changes: tuple[Change, ...] = ()
    """What would change the verdict, the easiest first; empty where nothing has to."""
    card_layers: int | None = None
    """Layers that would run on the graphics card; `None` without one."""
    all_layers: int | None = None
    """Layers there are, the output counted as one; `None` without a card."""
    card_bytes: int = 0
    """What it takes on the graphics card."""
    ram_bytes: int = 0
    """What it takes of main memory."""
    is_tight: bool = False
    """True where it goes in, but leaves little for other programs."""
