"""How one model would run on one machine: its memory there, its speed, and the verdict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from playground.core.gguf.header import GgufHeader
from playground.core.machine import GraphicsCard, Machine
from playground.core.requirements import memory
from playground.core.requirements.memory import Fit, MemoryNeed
from playground.core.requirements.model import (
    Change,
    ChangeKind,
    Compatibility,
    RequirementLevel,
    Requirements,
    Speed,
)
from playground.core.requirements.offload import (
    CARD_MARGIN_BYTES,
    CARD_UBATCH,
    LayerSplit,
    split_layers,
)
from playground.core.requirements.speed import TokenCost, middle, token_cost
from playground.core.runs import Provenance
from playground.core.targets import FlashAttention, KvType, LoadSettings

GREAT_TOKENS_PER_S = 15.0
"""About 11 words a second: faster than anybody reads."""
SLOW_TOKENS_PER_S = 5.0
"""About 4 words a second, a reader's pace: below it one waits for every word."""
RECOMMENDED_SHARE = 1.15
_MOST_PROGRAMS = 4
"""Nobody closes more of them at once."""
FILLED_SHARE = 8
"""Of the conversation's memory about an eighth is read for a token: few talk until it is full."""
_BEST_FIRST = list(Compatibility)


class Predict(Protocol):
    """Tells the expected speed of a model that reads so much for a token; `None`: unknown."""

    def __call__(self, read: TokenCost, *, on_card: bool) -> Speed | None:
        """Return it for a model that runs on the processor alone, or on graphics alone."""
        ...


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model whose compatibility is assessed, with the settings it would be loaded with."""

    header: GgufHeader
    settings: LoadSettings = LoadSettings()
    projector_bytes: int = 0
    measured: Speed | None = None
    """Its own speed here, where it has run."""
    others: Sequence[tuple[str, int]] = ()
    """Other quantizations there are of it, each with its bytes."""
    stands_for: tuple[str, int] | None = None
    """The other quantization that is really meant: its name and bytes."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What a model takes on one machine, and where its layers lie."""

    context: int
    """The context somebody chose, else the longest that goes in, in tokens."""
    need: MemoryNeed
    shared: LayerSplit | None
    """`None` where there is no card, or nobody wants to use it."""

    @property
    def gpu_layers(self) -> int | None:
        """The layers to load on the card, as `LoadSettings` counts them; `None`: no card is known.

        All of them is -1, llama.cpp's own word for it: a header may name fewer than there are.
        """
        if self.shared is None:
            return None
        return -1 if self.shared.is_whole else self.shared.layers


def plan_placement(subject: ModelSpec, machine: Machine) -> Placement:
    """Return how a model is laid out on `machine`: the verdict goes by it, and so does the load."""
    header, settings = subject.header, subject.settings
    card = _card(machine, settings)
    context = settings.context or memory.default_context(
        header, settings, _room_bytes(machine, settings)
    )
    on_card = card is not None or _is_unified(machine, settings)
    need = _need(subject, context, on_card=on_card)
    shared = (
        None if card is None else split_layers(header, need, card.free_bytes, _layers(settings))
    )
    if shared is not None and shared.layers == 0:
        need = _need(subject, context, on_card=False)
        shared = replace(shared, ram_bytes=need.needed_bytes)
    return Placement(context, need, shared)


def assess_compatibility(subject: ModelSpec, machine: Machine, predict: Predict) -> Requirements:
    """Return what a model needs and how it would run on `machine`, without what could change it."""
    header, settings = subject.header, subject.settings
    placing = plan_placement(subject, machine)
    need, shared, context = placing.need, placing.shared, placing.context
    fit = _fit(need, shared, _card(machine, settings), machine)
    is_unified = _is_unified(machine, settings)
    share = float(is_unified) if shared is None else shared.layers / shared.all_layers
    speed = subject.measured or _speed(subject, need, share, predict)
    shortest = min(memory.SMALLEST_CONTEXT, context)
    usual = max(memory.longest_default(header), context)
    least = memory.with_context(need, header, settings, shortest).needed_bytes
    enough = memory.with_context(need, header, settings, usual).needed_bytes
    return Requirements(
        verdict=verdict_of(fit, speed),
        minimum=RequirementLevel(least, _asked(SLOW_TOKENS_PER_S), shortest),
        recommended=RequirementLevel(
            round(enough * RECOMMENDED_SHARE), _asked(GREAT_TOKENS_PER_S), usual
        ),
        need=need,
        machine=machine,
        free_bytes=free_bytes(machine, settings),
        speed=speed,
        card_layers=None if shared is None else shared.layers,
        all_layers=None if shared is None else shared.all_layers,
        card_bytes=0 if shared is None else shared.card_bytes,
        ram_bytes=need.needed_bytes if shared is None else shared.ram_bytes,
        is_tight=fit is Fit.TIGHT,
    )


def _is_better(first: Compatibility, second: Compatibility) -> bool:
    return _BEST_FIRST.index(first) < _BEST_FIRST.index(second)


def verdict_of(fit: Fit, speed: Speed | None) -> Compatibility:
    """Return the verdict from memory and speed; the middle of a range decides."""
    if fit is Fit.WONT_FIT:
        return Compatibility.WONT_FIT
    rate = None if speed is None else middle(speed)
    if rate is not None and rate < SLOW_TOKENS_PER_S:
        return Compatibility.SLOW
    if rate is None or rate < GREAT_TOKENS_PER_S or fit is Fit.TIGHT:
        return Compatibility.RUNS
    return Compatibility.RUNS_GREAT


def free_bytes(machine: Machine, settings: LoadSettings) -> int:
    """Return what a model may take here in all, graphics and main memory together."""
    return machine.ram_free_bytes + _card_room_bytes(machine, settings)


def _room_bytes(machine: Machine, settings: LoadSettings) -> int:
    """Return what a context nobody chose may fill: what models are loaded within."""
    room = memory.budget(machine.ram_total_bytes, machine.ram_free_bytes)
    return room + _card_room_bytes(machine, settings)


def _card_room_bytes(machine: Machine, settings: LoadSettings) -> int:
    card = _card(machine, settings)
    return 0 if card is None else max(0, card.free_bytes - CARD_MARGIN_BYTES)


def _card(machine: Machine, settings: LoadSettings) -> GraphicsCard | None:
    return machine.cards[0] if machine.cards and settings.gpu_layers != 0 else None


def _is_unified(machine: Machine, settings: LoadSettings) -> bool:
    # where both share one memory, graphics compute and nothing has to be shared out
    return machine.is_unified and settings.gpu_layers != 0


def _layers(settings: LoadSettings) -> int | None:
    """Return the layers asked for on the card; -1, all of them, is a number no model has."""
    if settings.gpu_layers is None:
        return None
    return 1 << 20 if settings.gpu_layers < 0 else settings.gpu_layers


def _asked(tokens_per_s: float) -> Speed:
    return Speed(tokens_per_s, tokens_per_s, Provenance.ESTIMATED)


def _need(subject: ModelSpec, context: int, *, on_card: bool) -> MemoryNeed:
    need = memory.estimate(
        subject.header,
        subject.settings,
        n_ubatch=CARD_UBATCH if on_card else memory.PROCESSOR_UBATCH,
        context=context,
        projector_bytes=subject.projector_bytes,
    )
    if subject.stands_for is None:
        return need
    return replace(need, weights_bytes=subject.stands_for[1], repacked_bytes=0, mapped_bytes=None)


def _fit(
    need: MemoryNeed, shared: LayerSplit | None, card: GraphicsCard | None, machine: Machine
) -> Fit:
    if shared is None or card is None:
        return memory.fit(need.needed_bytes, machine.ram_free_bytes)
    if shared.card_bytes > card.free_bytes:
        return Fit.WONT_FIT
    fit = memory.fit(shared.ram_bytes, machine.ram_free_bytes)
    is_full = shared.layers > 0 and shared.card_bytes + CARD_MARGIN_BYTES > card.free_bytes
    return Fit.TIGHT if fit is Fit.FITS and is_full else fit


def _speed(subject: ModelSpec, need: MemoryNeed, share: float, predict: Predict) -> Speed | None:
    """Return the speed where `share` of the layers are on the card."""
    read = token_cost(subject.header, need.kv_bytes // FILLED_SHARE)
    if subject.stands_for is not None:
        name, size = subject.stands_for
        read = read.scaled(name, size / max(1, subject.header.weights_bytes))
    on_processor = predict(read, on_card=False) if share < 1 else None
    on_card = predict(read, on_card=True) if share > 0 else None
    if share == 0:
        return on_processor
    if share == 1 or on_card is None:
        return on_card
    if on_processor is None:
        return None
    low = _mixed(share, on_card.low_tokens_per_s, on_processor.low_tokens_per_s)
    high = _mixed(share, on_card.high_tokens_per_s, on_processor.high_tokens_per_s)
    names = tuple(sorted({*on_card.learnt_from, *on_processor.learnt_from}))
    return Speed(low, high, Provenance.ESTIMATED, learnt_from=names)


def _mixed(share: float, on_card: float, on_processor: float) -> float:
    # one layer after the other: their times add up
    return 1 / (share / on_card + (1 - share) / on_processor)


def assess(subject: ModelSpec, machine: Machine, predict: Predict) -> Requirements:
    """Return what a model needs and how it would run on `machine`.

    *Won't fit*: it needs more memory than is free. *Slow*: below 5 tokens/s. *Runs great*: at
    least 15 tokens/s, with memory left over. *Runs*: everything between, and where no speed is
    known. The middle of a range decides.
    """
    found = assess_compatibility(subject, machine, predict)
    if found.verdict is Compatibility.RUNS_GREAT:
        return found
    return replace(found, changes=tuple(_changes(subject, machine, predict, found)))


def _changes(
    subject: ModelSpec, machine: Machine, predict: Predict, found: Requirements
) -> Iterator[Change]:
    """Yield what leads to a better verdict, the easiest first."""
    finders = (_close_programs, _shorter_context, _smaller_kv_type, _smaller_quantization)
    changes = (find(subject, machine, predict, found) for find in finders)
    better = [change for change in changes if change is not None]
    yield from better
    if better:
        return
    if found.verdict is not Compatibility.RUNS:
        yield Change(ChangeKind.SMALLER_MODEL, Compatibility.RUNS)
    elif found.speed is not None or found.is_tight:
        # where no speed is known, nothing says that a smaller one would run better
        yield Change(ChangeKind.SMALLER_MODEL, Compatibility.RUNS_GREAT)


def _close_programs(
    subject: ModelSpec, machine: Machine, predict: Predict, found: Requirements
) -> Change | None:
    """Return the fewest programs whose memory would help."""
    for count in range(1, min(_MOST_PROGRAMS, len(machine.programs)) + 1):
        closed = machine.programs[:count]
        frees_bytes = sum(program.ram_bytes for program in closed)
        free_bytes = min(machine.ram_total_bytes, machine.ram_free_bytes + frees_bytes)
        without = replace(machine, ram_free_bytes=free_bytes)
        verdict = assess_compatibility(subject, without, predict).verdict
        if _is_better(verdict, found.verdict):
            return Change(
                ChangeKind.CLOSE_PROGRAMS,
                verdict,
                detail=", ".join(program.name for program in closed),
                frees_bytes=frees_bytes,
            )
    return None


def _shorter_context(
    subject: ModelSpec, machine: Machine, predict: Predict, found: Requirements
) -> Change | None:
    unchosen = replace(subject, settings=replace(subject.settings, context=None))
    shorter = assess_compatibility(unchosen, machine, predict)
    is_shorter = shorter.need.context < found.need.context
    if not is_shorter or not _is_better(shorter.verdict, found.verdict):
        return None
    return Change(
        ChangeKind.SHORTER_CONTEXT,
        shorter.verdict,
        context=shorter.need.context,
        frees_bytes=found.need.needed_bytes - shorter.need.needed_bytes,
    )


def _smaller_kv_type(
    subject: ModelSpec, machine: Machine, predict: Predict, found: Requirements
) -> Change | None:
    settings = subject.settings
    if settings.flash_attention is FlashAttention.OFF or settings.context is None:
        # without it values cannot be kept small; and an automatic context fits already
        return None
    before = memory.bytes_per_number(settings.kv_type)
    for kind in (KvType.Q8_0, KvType.Q4_0):
        is_smaller = memory.bytes_per_number(kind) < before
        if not is_smaller or not memory.takes_kv_type(subject.header, kind):
            continue
        smaller = assess_compatibility(
            replace(subject, settings=replace(settings, kv_type=kind)), machine, predict
        )
        if _is_better(smaller.verdict, found.verdict):
            return Change(
                ChangeKind.SMALLER_KV_TYPE,
                smaller.verdict,
                detail=kind.value,
                frees_bytes=found.need.needed_bytes - smaller.need.needed_bytes,
            )
    return None


def _smaller_quantization(
    subject: ModelSpec, machine: Machine, predict: Predict, found: Requirements
) -> Change | None:
    """Return the largest of the smaller files that runs better."""
    size = subject.header.weights_bytes
    settings = replace(subject.settings, context=found.need.context)
    for name, other_bytes in sorted(subject.others, key=lambda item: -item[1]):
        if other_bytes >= size:
            continue
        other = replace(subject, settings=settings, measured=None, stands_for=(name, other_bytes))
        verdict = assess_compatibility(other, machine, predict).verdict
        if _is_better(verdict, found.verdict):
            return Change(
                ChangeKind.SMALLER_QUANTIZATION,
                verdict,
                detail=name,
                frees_bytes=size - other_bytes,
            )
    return None
