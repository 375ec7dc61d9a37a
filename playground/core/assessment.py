"""Works out the system requirements of one model on one machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from playground.core import memory
from playground.core.gguf_header import GgufHeader
from playground.core.machine import GraphicsCard, Machine
from playground.core.memory import Fit, MemoryNeed
from playground.core.offload import CARD_MARGIN_BYTES, Split, split
from playground.core.requirements import (
    Box,
    Change,
    ChangeKind,
    Requirements,
    Speed,
    Verdict,
)
from playground.core.runs import Provenance
from playground.core.speed import bytes_per_token, tokens_per_s
from playground.core.targets import FlashAttention, KvType, LoadSettings

GREAT_TOKENS_PER_S = 15.0
"""About 11 words a second: faster than anybody reads."""
SLOW_TOKENS_PER_S = 5.0
"""About 4 words a second, a reader's pace: below it one waits for every word."""
RECOMMENDED_SHARE = 1.15
_CARD_EFFICIENCY = 0.6
"""Share of a card's bandwidth that llama.cpp usually reaches."""
_CARD_OVERHEAD_S = 0.003
"""What a token takes on a card beside reading weights: many small steps have to be started."""
_ORDER = {Verdict.WONT_FIT: 0, Verdict.SLOW: 1, Verdict.RUNS: 2, Verdict.RUNS_GREAT: 3}

Predict = Callable[[int, str | None], Speed | None]
"""Bytes read for a token and quantization → expected speed on the processor."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The model that is looked at."""

    header: GgufHeader
    settings: LoadSettings = LoadSettings()
    projector_bytes: int = 0
    measured: Speed | None = None
    """Its own speed here, where it has run."""
    others: Sequence[tuple[str, int]] = ()
    """Other quantizations there are of it, each with its bytes."""


def assess(subject: Subject, machine: Machine, predict: Predict) -> Requirements:
    """Return what a model needs and how it would run on `machine`.

    *Won't fit*: it needs more memory than is free. *Slow*: below 5 tokens/s. *Runs great*: at
    least 15 tokens/s, with memory left over. *Runs*: everything between, and where no speed is
    known. The middle of a range decides.
    """
    found = _look(subject, machine, predict)
    needs_more = found.verdict is not Verdict.RUNS_GREAT
    changes = _changes(subject, machine, predict, found) if needs_more else ()
    return replace(found, changes=changes)


def is_better(first: Verdict, second: Verdict) -> bool:
    """Return True where `first` is the better verdict."""
    return _ORDER[first] > _ORDER[second]


def verdict_of(fit: Fit, speed: Speed | None) -> Verdict:
    """Return the verdict from memory and speed."""
    if fit is Fit.WONT_FIT:
        return Verdict.WONT_FIT
    rate = None if speed is None else (speed.low_tokens_per_s * speed.high_tokens_per_s) ** 0.5
    if rate is not None and rate < SLOW_TOKENS_PER_S:
        return Verdict.SLOW
    if rate is None or rate < GREAT_TOKENS_PER_S or fit is Fit.TIGHT:
        return Verdict.RUNS
    return Verdict.RUNS_GREAT


def free_bytes(machine: Machine) -> int:
    """Return what a model may take here in all, graphics and main memory together."""
    return machine.ram_free_bytes + sum(
        max(0, card.free_bytes - CARD_MARGIN_BYTES) for card in machine.cards[:1]
    )


def _look(subject: Subject, machine: Machine, predict: Predict) -> Requirements:
    header, settings = subject.header, subject.settings
    free = free_bytes(machine)
    context = settings.context or memory.default_context(header, settings, free)
    need = _need(subject, context)
    card = machine.cards[0] if machine.cards and settings.gpu_layers != 0 else None
    shared = None if card is None else split(header, need, card.free_bytes, _layers(settings))
    fit = _fit(need, shared, card, machine)
    speed = subject.measured or _speed(subject, need, shared, card, predict)
    shortest = min(memory.SMALLEST_CONTEXT, context)
    usual = memory.longest_default(header)
    return Requirements(
        verdict=verdict_of(fit, speed),
        minimum=Box(_need(subject, shortest).needed_bytes, _asked(SLOW_TOKENS_PER_S), shortest),
        recommended=Box(
            round(_need(subject, max(usual, context)).needed_bytes * RECOMMENDED_SHARE),
            _asked(GREAT_TOKENS_PER_S),
            max(usual, context),
        ),
        need=need,
        machine=machine,
        free_bytes=free,
        speed=speed,
        card_layers=None if shared is None else shared.layers,
        all_layers=None if shared is None else shared.all_layers,
        card_bytes=0 if shared is None else shared.card_bytes,
        ram_bytes=need.needed_bytes if shared is None else shared.ram_bytes,
        is_tight=fit is Fit.TIGHT,
    )


def _layers(settings: LoadSettings) -> int | None:
    """Return the layers asked for on the card; -1, all of them, is a number no model has."""
    if settings.gpu_layers is None:
        return None
    return 1 << 20 if settings.gpu_layers < 0 else settings.gpu_layers


def _asked(tokens_per_s: float) -> Speed:
    return Speed(tokens_per_s, tokens_per_s, Provenance.ESTIMATED)


def _need(subject: Subject, context: int) -> MemoryNeed:
    return memory.estimate(
        subject.header,
        subject.settings,
        context=context,
        projector_bytes=subject.projector_bytes,
    )


def _fit(
    need: MemoryNeed, shared: Split | None, card: GraphicsCard | None, machine: Machine
) -> Fit:
    if shared is None or card is None:
        return memory.fit(need, machine.ram_free_bytes)
    if shared.card_bytes > card.free_bytes:
        return Fit.WONT_FIT
    return memory.fit_bytes(shared.ram_bytes, machine.ram_free_bytes)


def _speed(
    subject: Subject,
    need: MemoryNeed,
    shared: Split | None,
    card: GraphicsCard | None,
    predict: Predict,
) -> Speed | None:
    read = bytes_per_token(subject.header, need.kv_bytes // 8)
    on_processor = predict(read, subject.header.quantization)
    if shared is None or card is None or shared.layers == 0:
        return on_processor
    share = shared.layers / shared.all_layers
    if card.bandwidth_bytes_per_s is None or (on_processor is None and share < 1):
        return None
    reached = card.bandwidth_bytes_per_s * _CARD_EFFICIENCY
    rate = tokens_per_s(read, reached, _CARD_OVERHEAD_S)
    if on_processor is None or share == 1:
        return Speed(rate * 0.6, rate * 1.3, Provenance.ESTIMATED)
    ends = (on_processor.low_tokens_per_s, on_processor.high_tokens_per_s)
    low, high = (1 / (share / rate + (1 - share) / end) for end in ends)
    return Speed(low, high, Provenance.ESTIMATED)


def _changes(
    subject: Subject, machine: Machine, predict: Predict, found: Requirements
) -> tuple[Change, ...]:
    ways = (
        _close_programs(subject, machine, predict),
        _shorter_context(subject, machine, predict, found),
        _smaller_kv_type(subject, machine, predict),
        _smaller_quantization(subject, machine, predict),
    )
    better = [way for way in ways if way is not None and is_better(way.verdict, found.verdict)]
    if not better:
        return (Change(ChangeKind.SMALLER_MODEL, Verdict.RUNS),)
    return tuple(better)


def _close_programs(subject: Subject, machine: Machine, predict: Predict) -> Change | None:
    """Return the fewest programs whose memory would help."""
    now = _look(subject, machine, predict).verdict
    freed, names = 0, []
    for program in machine.programs[:4]:
        freed += program.ram_bytes
        names.append(program.name)
        roomier = replace(
            machine,
            ram_free_bytes=min(machine.ram_total_bytes, machine.ram_free_bytes + freed),
        )
        # with the context it has now: more memory must not be spent on a longer one
        context = _look(subject, machine, predict).need.context
        fixed = replace(subject, settings=replace(subject.settings, context=context))
        verdict = _look(fixed, roomier, predict).verdict
        if is_better(verdict, now):
            return Change(
                ChangeKind.CLOSE_PROGRAMS, verdict, detail=", ".join(names), frees_bytes=freed
            )
    return None


def _shorter_context(
    subject: Subject, machine: Machine, predict: Predict, found: Requirements
) -> Change | None:
    free = replace(subject.settings, context=None)
    context = memory.default_context(subject.header, free, free_bytes(machine))
    if context >= found.need.context:
        return None
    shorter = replace(subject, settings=replace(subject.settings, context=context))
    looked = _look(shorter, machine, predict)
    return Change(
        ChangeKind.SHORTER_CONTEXT,
        looked.verdict,
        context=context,
        frees_bytes=found.need.needed_bytes - looked.need.needed_bytes,
    )


def _smaller_kv_type(subject: Subject, machine: Machine, predict: Predict) -> Change | None:
    settings = subject.settings
    if settings.flash_attention is FlashAttention.OFF or settings.context is None:
        # without it values cannot be kept small; and an automatic context fits already
        return None
    before = _look(subject, machine, predict)
    for kind in (KvType.Q8_0, KvType.Q4_0):
        if settings.kv_type in {kind, KvType.Q4_0}:
            continue
        other = replace(subject, settings=replace(settings, kv_type=kind))
        looked = _look(other, machine, predict)
        if is_better(looked.verdict, before.verdict):
            frees = before.need.needed_bytes - looked.need.needed_bytes
            return Change(
                ChangeKind.SMALLER_KV_TYPE, looked.verdict, detail=kind.value, frees_bytes=frees
            )
    return None


def _smaller_quantization(subject: Subject, machine: Machine, predict: Predict) -> Change | None:
    """Return the largest of the smaller files that runs better."""
    now = _look(subject, machine, predict)
    size = subject.header.weights_bytes
    for name, other_bytes in sorted(subject.others, key=lambda item: -item[1]):
        if other_bytes >= size:
            continue
        need = replace(now.need, weights_bytes=other_bytes)
        read = bytes_per_token(subject.header, need.kv_bytes // 8) * other_bytes // max(1, size)
        fit = memory.fit_bytes(need.needed_bytes, now.free_bytes)
        verdict = verdict_of(fit, predict(read, name))
        if is_better(verdict, now.verdict):
            return Change(
                ChangeKind.SMALLER_QUANTIZATION,
                verdict,
                detail=name,
                frees_bytes=size - other_bytes,
            )
    return None
