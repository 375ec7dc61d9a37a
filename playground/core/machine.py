"""A computer as far as it matters to a model: its memory, its cards, how fast memory is read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GraphicsCard:
    """One graphics card models can run on; `None` is unknown."""

    name: str
    total_bytes: int
    free_bytes: int
    """Not held by any program now."""
    bandwidth_bytes_per_s: float | None = None
    """How fast its memory can be read at most, by its data sheet; never measured."""


@dataclass(frozen=True, slots=True)
class ProgramMemory:
    """What another program holds; the largest are named so that a person can close them."""

    name: str
    ram_bytes: int


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer at one moment, or a kind of computer from a table."""

    name: str
    ram_total_bytes: int
    ram_free_bytes: int
    """What programs may still take; what idle workers of this program hold counts as free."""
    cards: tuple[GraphicsCard, ...] = ()
    """Only those this program's llama.cpp can use."""
    is_unified: bool = False
    """True where graphics and processor share one memory: `cards` is empty then."""
    bandwidth_bytes_per_s: float | None = None
    """How fast the processor reads memory with all cores; `None`: not measured yet."""
    programs: tuple[ProgramMemory, ...] = ()
    """The other programs that hold most, the largest first."""
    source: str = ""
    """Where the figures of a device come from, a URL."""
