"""Works out the system requirements of one model on one machine, and what would change them."""

from collections.abc import Iterator
from dataclasses import replace

from playground.core.machine import Machine, ProgramMemory
from playground.core.requirements import memory
from playground.core.requirements.assess import (
    GREAT_TOKENS_PER_S,
    RECOMMENDED_SHARE,
    SLOW_TOKENS_PER_S,
    Predict,
    Subject,
    free_bytes,
    is_better,
    look,
    verdict_of,
)
from playground.core.requirements.model import Change, ChangeKind, Requirements, Verdict
from playground.core.targets import FlashAttention, KvType

__all__ = [
    "GREAT_TOKENS_PER_S",
    "RECOMMENDED_SHARE",
    "SLOW_TOKENS_PER_S",
    "Predict",
    "Subject",
    "assess",
    "free_bytes",
    "is_better",
    "verdict_of",
]

_MOST_PROGRAMS = 4
"""Nobody closes more of them at once."""


def assess(subject: Subject, machine: Machine, predict: Predict) -> Requirements:
    """Return what a model needs and how it would run on `machine`.

    *Won't fit*: it needs more memory than is free. *Slow*: below 5 tokens/s. *Runs great*: at
    least 15 tokens/s, with memory left over. *Runs*: everything between, and where no speed is
    known. The middle of a range decides.
    """
    found = look(subject, machine, predict)
    if found.verdict is Verdict.RUNS_GREAT:
        return found
    return replace(found, changes=tuple(_changes(subject, machine, predict, found)))


def _changes(
    subject: Subject, machine: Machine, predict: Predict, found: Requirements
) -> Iterator[Change]:
    """Yield what leads to a better verdict, the easiest first."""
    ways = (
        _close_programs(subject, machine, predict, found),
        _shorter_context(subject, machine, predict, found),
        _smaller_kv_type(subject, machine, predict, found),
        _smaller_quantization(subject, machine, predict, found),
    )
    better = [way for way in ways if way is not None]
    yield from better
    if better:
        return
    if found.verdict is not Verdict.RUNS:
        yield Change(ChangeKind.SMALLER_MODEL, Verdict.RUNS)
    elif found.speed is not None or found.is_tight:
        # where no speed is known, nothing says that a smaller one would run better
        yield Change(ChangeKind.SMALLER_MODEL, Verdict.RUNS_GREAT)


def _close_programs(
    subject: Subject, machine: Machine, predict: Predict, found: Requirements
) -> Change | None:
    """Return the fewest programs whose memory would help."""
    for count in range(1, min(_MOST_PROGRAMS, len(machine.programs)) + 1):
        closed = machine.programs[:count]
        verdict = look(subject, _without(machine, closed), predict).verdict
        if is_better(verdict, found.verdict):
            return Change(
                ChangeKind.CLOSE_PROGRAMS,
                verdict,
                detail=", ".join(program.name for program in closed),
                frees_bytes=sum(program.ram_bytes for program in closed),
            )
    return None


def _without(machine: Machine, closed: tuple[ProgramMemory, ...]) -> Machine:
    """Return the machine with these programs closed."""
    ram = machine.ram_free_bytes + sum(program.ram_bytes for program in closed)
    graphics = sum(program.graphics_bytes or 0 for program in closed)
    cards = tuple(
        # which card a program uses is not known: the one models run on is taken
        replace(card, free_bytes=min(card.total_bytes, card.free_bytes + graphics))
        for card in machine.cards[:1]
    )
    return replace(
        machine,
        ram_free_bytes=min(machine.ram_total_bytes, ram),
        cards=cards + machine.cards[1:],
    )


def _shorter_context(
    subject: Subject, machine: Machine, predict: Predict, found: Requirements
) -> Change | None:
    unchosen = replace(subject, settings=replace(subject.settings, context=None))
    shorter = look(unchosen, machine, predict)
    if shorter.need.context >= found.need.context:
        return None
    if not is_better(shorter.verdict, found.verdict):
        return None
    return Change(
        ChangeKind.SHORTER_CONTEXT,
        shorter.verdict,
        context=shorter.need.context,
        frees_bytes=found.need.needed_bytes - shorter.need.needed_bytes,
    )


def _smaller_kv_type(
    subject: Subject, machine: Machine, predict: Predict, found: Requirements
) -> Change | None:
    settings = subject.settings
    if settings.flash_attention is FlashAttention.OFF or settings.context is None:
        # without it values cannot be kept small; and an automatic context fits already
        return None
    before = memory.bytes_per_number(settings.kv_type)
    for kind in (KvType.Q8_0, KvType.Q4_0):
        if memory.bytes_per_number(kind) >= before:
            continue
        if not memory.takes_kv_type(subject.header, kind):
            continue
        smaller = look(replace(subject, settings=replace(settings, kv_type=kind)), machine, predict)
        if is_better(smaller.verdict, found.verdict):
            frees = found.need.needed_bytes - smaller.need.needed_bytes
            return Change(
                ChangeKind.SMALLER_KV_TYPE, smaller.verdict, detail=kind.value, frees_bytes=frees
            )
    return None


def _smaller_quantization(
    subject: Subject, machine: Machine, predict: Predict, found: Requirements
) -> Change | None:
    """Return the largest of the smaller files that runs better."""
    size = subject.header.weights_bytes
    settings = replace(subject.settings, context=found.need.context)
    for name, other_bytes in sorted(subject.others, key=lambda item: -item[1]):
        if other_bytes >= size:
            continue
        other = replace(subject, settings=settings, measured=None, stands_for=(name, other_bytes))
        verdict = look(other, machine, predict).verdict
        if is_better(verdict, found.verdict):
            return Change(
                ChangeKind.SMALLER_QUANTIZATION,
                verdict,
                detail=name,
                frees_bytes=size - other_bytes,
            )
    return None
