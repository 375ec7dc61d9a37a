"""Headers of models as people know them, and machines to run them on."""

from pathlib import Path

from playground.core.gguf.header import GgufHeader
from playground.core.gguf.reader import read_header
from playground.core.machine import GraphicsCard, Machine
from playground.core.requirements.assess import Predict
from playground.core.requirements.model import Speed
from playground.core.requirements.speed import TokenCost
from playground.core.runs import Provenance
from tests.core.gguf_files import Dense, write_dense

GIB = 1 << 30
MIB = 1 << 20
EIGHT_BILLION = Dense(
    layers=32,
    width=4_096,
    heads=32,
    kv_heads=8,
    head=128,
    feed_forward=14_336,
    vocabulary=128_256,
    context=131_072,
    kind="Q4_K",
    tied=False,
)


def header_of(folder: Path, size: Dense = EIGHT_BILLION, architecture: str = "llama") -> GgufHeader:
    """Return the header of such a model; its weights are a hole in a file."""
    return read_header(write_dense(folder / "m.gguf", architecture, size))


def machine(
    free_bytes: int, *, total_bytes: int | None = None, cards: tuple[GraphicsCard, ...] = ()
) -> Machine:
    """Return a computer with so much free memory."""
    return Machine("test", total_bytes or 2 * free_bytes, free_bytes, cards)


def card(free_bytes: int, total_bytes: int | None = None) -> GraphicsCard:
    """Return a graphics card with so much free memory."""
    return GraphicsCard("card", total_bytes or free_bytes, free_bytes, 500e9)


def steady(tokens_per_s: float | None, on_card: float | None = None) -> Predict:
    """Return what expects the same speed of every model: on a processor, and on a card."""

    def expected(_read: TokenCost, *, on_card: bool) -> Speed | None:
        rate = fast if on_card else tokens_per_s
        return None if rate is None else Speed(rate, rate, Provenance.ESTIMATED)

    fast = tokens_per_s if on_card is None else on_card
    return expected


def by_bandwidth(bytes_per_s: float, on_card: float = 500e9) -> Predict:
    """Return what expects a model to read its weights at this speed."""

    def expected(read: TokenCost, *, on_card: bool) -> Speed | None:
        rate = (fast if on_card else bytes_per_s) / read.total_bytes
        return Speed(rate, rate, Provenance.ESTIMATED)

    fast = on_card
    return expected
