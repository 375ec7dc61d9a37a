"""Verdicts, and what would change them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.core.gguf.header import GgufHeader
from playground.core.machine import Machine, ProgramMemory
from playground.core.requirements import memory
from playground.core.requirements.assess import ModelSpec, Predict, assess, verdict_of
from playground.core.requirements.memory import Fit
from playground.core.requirements.model import (
    Change,
    ChangeKind,
    Compatibility,
    Requirements,
    Speed,
)
from playground.core.requirements.offload import CARD_MARGIN_BYTES, CARD_UBATCH
from playground.core.runs import Provenance
from playground.core.targets import FlashAttention, KvType, LoadSettings
from tests.core.gguf_files import Dense
from tests.core.models_to_judge import (
    EIGHT_BILLION,
    GIB,
    MIB,
    by_bandwidth,
    card,
    header_of,
    machine,
    steady,
)

LONG = LoadSettings(context=131_072)
USUAL = LoadSettings(context=8_192)
FAST = steady(50.0)
BROWSER = ProgramMemory("browser", 3 * GIB)
EDITOR = ProgramMemory("editor", 2 * GIB)
CHAT = ProgramMemory("chat", 1 * GIB)


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> GgufHeader:
    return header_of(tmp_path_factory.mktemp("models"))


def needed(header: GgufHeader, chosen: LoadSettings = USUAL) -> int:
    """Return the bytes that must be free."""
    return memory.estimate(header, chosen).needed_bytes


def change(found: Requirements, kind: ChangeKind) -> Change | None:
    """Return the change of this kind, where one is proposed."""
    return next((one for one in found.changes if one.kind is kind), None)


@pytest.mark.parametrize(
    ("fit", "tokens_per_s", "verdict"),
    [
        (Fit.FITS, 15.0, Compatibility.RUNS_GREAT),
        (Fit.FITS, 14.99, Compatibility.RUNS),
        (Fit.FITS, 5.0, Compatibility.RUNS),
        (Fit.FITS, 4.99, Compatibility.SLOW),
        (Fit.FITS, None, Compatibility.RUNS),
        (Fit.TIGHT, 200.0, Compatibility.RUNS),
        (Fit.TIGHT, 4.99, Compatibility.SLOW),
        (Fit.TIGHT, None, Compatibility.RUNS),
        (Fit.WONT_FIT, 200.0, Compatibility.WONT_FIT),
        (Fit.WONT_FIT, 1.0, Compatibility.WONT_FIT),
        (Fit.WONT_FIT, None, Compatibility.WONT_FIT),
    ],
)
def test_the_verdict_from_memory_and_speed(
    fit: Fit, tokens_per_s: float | None, verdict: Compatibility
) -> None:
    speed = tokens_per_s and Speed(tokens_per_s, tokens_per_s, Provenance.ESTIMATED)
    assert verdict_of(fit, speed or None) is verdict


def test_the_middle_of_a_range_decides() -> None:
    assert verdict_of(Fit.FITS, Speed(10.0, 22.5, Provenance.ESTIMATED)) is Compatibility.RUNS_GREAT
    assert verdict_of(Fit.FITS, Speed(10.0, 22.4, Provenance.ESTIMATED)) is Compatibility.RUNS
    assert verdict_of(Fit.FITS, Speed(2.0, 12.0, Provenance.ESTIMATED)) is Compatibility.SLOW


@pytest.mark.parametrize(
    ("more_bytes", "verdict", "is_tight"),
    [
        (-1, Compatibility.WONT_FIT, False),
        (0, Compatibility.RUNS, True),
        (1, Compatibility.RUNS_GREAT, False),
    ],
)
def test_the_borders_of_memory(
    header: GgufHeader, more_bytes: int, verdict: Compatibility, is_tight: bool
) -> None:
    need = needed(header)
    margin = int(need * 0.15) if more_bytes > 0 else 0
    found = assess(ModelSpec(header, USUAL), machine(need + margin + more_bytes), FAST)
    assert found.verdict is verdict
    assert found.is_tight is is_tight
    assert found.free_bytes == need + margin + more_bytes
    assert found.need.needed_bytes == need


def test_rearranged_weights_do_not_count_twice(header: GgufHeader) -> None:
    need = memory.estimate(header, USUAL)
    if not need.repacked_bytes:
        pytest.skip("this processor rearranges nothing")
    assert need.total_bytes > need.needed_bytes + 3 * GIB
    found = assess(ModelSpec(header, USUAL), machine(round(need.needed_bytes * 1.2)), FAST)
    assert found.verdict is Compatibility.RUNS_GREAT


def test_a_projector_counts(header: GgufHeader) -> None:
    free = round(needed(header) * 1.16)
    assert assess(ModelSpec(header, USUAL), machine(free), FAST).verdict is Compatibility.RUNS_GREAT
    sees = ModelSpec(header, USUAL, projector_bytes=900 * MIB)
    found = assess(sees, machine(free), FAST)
    assert found.verdict is Compatibility.WONT_FIT
    assert found.need.projector_bytes > 900 * MIB


def test_a_context_nobody_chose_is_the_one_the_model_would_be_loaded_with(
    header: GgufHeader,
) -> None:
    for free in (5 * GIB, 6 * GIB, 8 * GIB, 16 * GIB):
        here = machine(free, total_bytes=16 * GIB)
        found = assess(ModelSpec(header), here, FAST)
        # what `services.fitting` gives the pool
        room = memory.budget(here.ram_total_bytes, here.ram_free_bytes)
        assert found.need.context == memory.default_context(header, LoadSettings(), room)
    assert found.need.context == 8_192


def test_the_box_names_minimum_and_recommended(header: GgufHeader) -> None:
    found = assess(ModelSpec(header), machine(64 * GIB), FAST)
    assert found.minimum.context == 512
    assert found.minimum.memory_bytes == needed(header, LoadSettings(context=512))
    assert found.recommended.context == 8_192
    assert found.recommended.memory_bytes == round(needed(header) * 1.15)
    assert found.minimum.speed is not None
    assert found.minimum.speed.low_tokens_per_s == 5.0
    assert found.recommended.speed is not None
    assert found.recommended.speed.low_tokens_per_s == 15.0
    longer = assess(ModelSpec(header, LONG), machine(64 * GIB), FAST)
    assert longer.recommended.context == 131_072


def test_what_runs_great_needs_no_change(header: GgufHeader) -> None:
    here = replace(machine(64 * GIB), programs=(BROWSER,))
    found = assess(ModelSpec(header, others=[("Q2_K", 3 * GIB)]), here, FAST)
    assert found.verdict is Compatibility.RUNS_GREAT
    assert found.changes == ()


def test_a_speed_measured_here_beats_an_expected_one(header: GgufHeader) -> None:
    measured = Speed(3.0, 3.0, Provenance.MEASURED)
    found = assess(ModelSpec(header, USUAL, measured=measured), machine(64 * GIB), FAST)
    assert found.speed == measured
    assert found.verdict is Compatibility.SLOW


def test_the_fewest_programs_are_named_that_make_it_fit(header: GgufHeader) -> None:
    programs = (BROWSER, EDITOR, CHAT)
    short = needed(header) - 4 * GIB
    here = replace(machine(short, total_bytes=32 * GIB), programs=programs)
    found = assess(ModelSpec(header, USUAL), here, FAST)
    assert found.verdict is Compatibility.WONT_FIT
    close = change(found, ChangeKind.CLOSE_PROGRAMS)
    assert close is not None
    assert (close.detail, close.frees_bytes) == ("browser, editor", 5 * GIB)
    assert close.verdict in {Compatibility.RUNS, Compatibility.RUNS_GREAT}
    assert found.changes[0] is close


def test_programs_that_would_not_help_are_left_alone(header: GgufHeader) -> None:
    slow = replace(machine(64 * GIB), programs=(BROWSER,))
    assert change(
        assess(ModelSpec(header, USUAL), slow, steady(2.0)), ChangeKind.CLOSE_PROGRAMS
    ) is (None)
    short = needed(header) - 5 * GIB
    here = replace(machine(short, total_bytes=32 * GIB), programs=(CHAT,))
    assert change(assess(ModelSpec(header, USUAL), here, FAST), ChangeKind.CLOSE_PROGRAMS) is None


def test_closing_programs_frees_no_more_than_there_is(header: GgufHeader) -> None:
    # shared pages are counted with each program that holds them
    need = needed(header)
    programs = (ProgramMemory("browser", 50 * GIB),)
    here = replace(machine(GIB, total_bytes=need - 1), programs=programs)
    found = assess(ModelSpec(header, USUAL), here, FAST)
    assert change(found, ChangeKind.CLOSE_PROGRAMS) is None


def test_a_context_that_was_chosen_too_long_can_be_shortened(header: GgufHeader) -> None:
    here = machine(10 * GIB, total_bytes=16 * GIB)
    found = assess(ModelSpec(header, LONG), here, FAST)
    assert found.verdict is Compatibility.WONT_FIT
    shorter = change(found, ChangeKind.SHORTER_CONTEXT)
    assert shorter is not None
    assert shorter.context is not None
    again = assess(ModelSpec(header, LoadSettings(context=shorter.context)), here, FAST)
    assert again.verdict is shorter.verdict is Compatibility.RUNS_GREAT
    assert shorter.frees_bytes == found.need.needed_bytes - again.need.needed_bytes


def test_a_context_nobody_chose_cannot_be_shortened(header: GgufHeader) -> None:
    found = assess(ModelSpec(header), machine(2 * GIB), FAST)
    assert found.verdict is Compatibility.WONT_FIT
    assert change(found, ChangeKind.SHORTER_CONTEXT) is None


@pytest.mark.parametrize(
    ("now", "flash", "proposed"),
    [
        (KvType.F16, FlashAttention.AUTO, "q8_0"),
        (KvType.Q8_0, FlashAttention.AUTO, "q4_0"),
        (KvType.Q4_0, FlashAttention.AUTO, None),
        (KvType.F16, FlashAttention.OFF, None),
    ],
)
def test_a_smaller_kv_type_is_proposed_where_there_is_one(
    header: GgufHeader, now: KvType, flash: FlashAttention, proposed: str | None
) -> None:
    chosen = LoadSettings(context=32_768, kv_type=now, flash_attention=flash)
    here = machine(needed(header, chosen) - 100 * MIB)
    smaller = change(assess(ModelSpec(header, chosen), here, FAST), ChangeKind.SMALLER_KV_TYPE)
    assert (smaller.detail if smaller else None) == proposed


def test_a_kv_type_llama_cpp_would_refuse_is_not_proposed(tmp_path: Path) -> None:
    # 80 numbers of a head are not whole blocks of 32
    odd = header_of(tmp_path, replace(EIGHT_BILLION, head=80))
    chosen = LoadSettings(context=32_768)
    found = assess(ModelSpec(odd, chosen), machine(needed(odd, chosen) - 100 * MIB), FAST)
    assert found.verdict is Compatibility.WONT_FIT
    assert change(found, ChangeKind.SMALLER_KV_TYPE) is None


def test_the_largest_smaller_quantization_that_helps_is_proposed(header: GgufHeader) -> None:
    others = [
        ("Q8_0", 8 * GIB),
        ("Q2_K", round(2.5 * GIB)),
        ("Q3_K_M", 3 * GIB),
        ("Q4_K_S", 4 * GIB),
    ]
    here = machine(needed(header) - 900 * MIB)
    found = assess(ModelSpec(header, USUAL, others=others), here, FAST)
    smaller = change(found, ChangeKind.SMALLER_QUANTIZATION)
    assert smaller is not None
    assert smaller.detail == "Q3_K_M"
    assert smaller.frees_bytes == header.weights_bytes - 3 * GIB
    assert change(found, ChangeKind.SMALLER_MODEL) is None


def test_a_smaller_quantization_may_help_by_its_speed(header: GgufHeader) -> None:
    others = [("Q3_K_M", 3 * GIB), ("Q2_K", 2 * GIB)]
    # what it reads is 4 GiB and some of the conversation: 4 tokens/s
    slow = by_bandwidth(17 * GIB)
    found = assess(ModelSpec(header, USUAL, others=others), machine(64 * GIB), slow)
    assert found.verdict is Compatibility.SLOW
    smaller = change(found, ChangeKind.SMALLER_QUANTIZATION)
    assert smaller is not None
    assert (smaller.detail, smaller.verdict) == ("Q3_K_M", Compatibility.RUNS)


def test_a_smaller_quantization_is_looked_at_on_the_card_where_there_is_one(
    header: GgufHeader,
) -> None:
    # half of it on the card is slow; all of a smaller one is fast
    here = machine(32 * GIB, cards=(card(4 * GIB, 8 * GIB),))
    predict = by_bandwidth(8 * GIB, on_card=400 * GIB)
    others = [("IQ2_M", round(1.8 * GIB))]
    found = assess(ModelSpec(header, USUAL, others=others), here, predict)
    assert found.verdict is Compatibility.SLOW
    smaller = change(found, ChangeKind.SMALLER_QUANTIZATION)
    assert smaller is not None
    assert smaller.verdict is Compatibility.RUNS_GREAT


@pytest.mark.parametrize(
    ("tokens_per_s", "now", "proposed"),
    [
        (2.0, Compatibility.SLOW, Compatibility.RUNS),
        (10.0, Compatibility.RUNS, Compatibility.RUNS_GREAT),
    ],
)
def test_where_nothing_else_helps_a_smaller_model_does(
    header: GgufHeader, tokens_per_s: float, now: Compatibility, proposed: Compatibility
) -> None:
    found = assess(ModelSpec(header, USUAL), machine(64 * GIB), steady(tokens_per_s))
    assert found.verdict is now
    assert found.changes == (Change(ChangeKind.SMALLER_MODEL, proposed),)


def test_nothing_is_proposed_where_only_the_speed_is_unknown(header: GgufHeader) -> None:
    found = assess(ModelSpec(header, USUAL), machine(64 * GIB), steady(None))
    assert found.verdict is Compatibility.RUNS
    assert found.changes == ()


def test_a_model_that_is_all_on_the_card_runs_at_its_speed(header: GgufHeader) -> None:
    here = machine(8 * GIB, cards=(card(12 * GIB),))
    found = assess(ModelSpec(header, USUAL), here, steady(4.0, on_card=60.0))
    assert found.verdict is Compatibility.RUNS_GREAT
    assert found.card_layers == found.all_layers == 33
    assert found.speed is not None
    assert found.speed.low_tokens_per_s == 60.0
    assert found.card_bytes + found.ram_bytes > found.need.needed_bytes
    assert found.free_bytes == 8 * GIB + 12 * GIB - CARD_MARGIN_BYTES


def test_more_is_computed_at_once_on_a_card(header: GgufHeader) -> None:
    here = machine(8 * GIB, cards=(card(12 * GIB),))
    there = assess(ModelSpec(header, USUAL), here, FAST).need
    assert there == memory.estimate(header, USUAL, n_ubatch=CARD_UBATCH)
    alone = assess(ModelSpec(header, USUAL), machine(8 * GIB), FAST).need
    assert there.compute_bytes > 3 * alone.compute_bytes


def test_layers_in_both_memories_run_at_a_speed_between(header: GgufHeader) -> None:
    here = machine(8 * GIB, cards=(card(4 * GIB),))
    found = assess(ModelSpec(header, USUAL), here, steady(4.0, on_card=60.0))
    assert found.card_layers is not None
    assert found.all_layers is not None
    assert 0 < found.card_layers < found.all_layers
    share = found.card_layers / found.all_layers
    assert found.speed is not None
    # one layer after the other: their times add up
    assert 1 / found.speed.low_tokens_per_s == pytest.approx(share / 60 + (1 - share) / 4)


def test_a_card_too_small_for_a_layer_is_as_if_there_were_none(header: GgufHeader) -> None:
    tiny = machine(8 * GIB, cards=(card(1 * GIB),))
    found = assess(ModelSpec(header, USUAL), tiny, steady(4.0, on_card=60.0))
    assert found.card_layers == 0
    alone = assess(ModelSpec(header, USUAL), machine(8 * GIB), steady(4.0))
    assert (found.verdict, found.speed, found.need) == (alone.verdict, alone.speed, alone.need)
    assert found.ram_bytes == alone.ram_bytes == alone.need.needed_bytes


def test_a_card_nobody_wants_to_use_counts_for_nothing(header: GgufHeader) -> None:
    here = machine(2 * GIB, cards=(card(24 * GIB),))
    assert assess(ModelSpec(header, USUAL), here, FAST).verdict is Compatibility.RUNS_GREAT
    off = assess(ModelSpec(header, replace(USUAL, gpu_layers=0)), here, FAST)
    assert off.verdict is Compatibility.WONT_FIT
    assert off.free_bytes == 2 * GIB
    assert (off.card_layers, off.all_layers, off.card_bytes) == (None, None, 0)


@pytest.mark.parametrize(
    ("free_gib", "verdict"),
    [(4.0, Compatibility.WONT_FIT), (5.5, Compatibility.RUNS), (7.0, Compatibility.RUNS_GREAT)],
)
def test_layers_somebody_asked_for_on_the_card_must_go_into_it(
    header: GgufHeader, free_gib: float, verdict: Compatibility
) -> None:
    here = machine(64 * GIB, cards=(card(round(free_gib * GIB)),))
    found = assess(ModelSpec(header, replace(USUAL, gpu_layers=-1)), here, FAST)
    assert found.card_layers == 33
    assert found.verdict is verdict
    assert found.is_tight is (verdict is Compatibility.RUNS)


def test_one_memory_for_both_counts_once(header: GgufHeader) -> None:
    apple = replace(machine(round(needed(header) * 1.2)), is_unified=True)
    found = assess(ModelSpec(header, USUAL), apple, FAST)
    assert found.verdict is Compatibility.RUNS_GREAT
    assert found.free_bytes == apple.ram_free_bytes
    assert found.card_layers is None


def test_where_graphics_share_the_memory_they_compute(header: GgufHeader) -> None:
    apple = replace(machine(16 * GIB), is_unified=True)
    predict = steady(4.0, on_card=60.0)
    found = assess(ModelSpec(header, USUAL), apple, predict)
    assert found.speed == Speed(60.0, 60.0, Provenance.ESTIMATED)
    assert found.need == memory.estimate(header, USUAL, n_ubatch=CARD_UBATCH)
    off = assess(ModelSpec(header, replace(USUAL, gpu_layers=0)), apple, predict)
    assert off.speed == Speed(4.0, 4.0, Provenance.ESTIMATED)
    assert off.need == memory.estimate(header, USUAL)


def test_an_unknown_speed_on_a_card_is_unknown(header: GgufHeader) -> None:
    def processor_only(read: object, *, on_card: bool) -> Speed | None:
        return None if on_card else Speed(4.0, 4.0, Provenance.ESTIMATED)

    here = machine(8 * GIB, cards=(card(12 * GIB),))
    found = assess(ModelSpec(header, USUAL), here, processor_only)
    assert found.speed is None
    assert found.verdict is Compatibility.RUNS


SMALL = Dense(layers=4, width=1_024, heads=16, kv_heads=8, head=64, context=32_768, kind="Q8_0")
APPLIED: dict[ChangeKind, Callable[[Change, ModelSpec, Machine], tuple[ModelSpec, Machine]]] = {
    ChangeKind.SHORTER_CONTEXT: lambda one, subject, here: (
        replace(subject, settings=replace(subject.settings, context=one.context)),
        here,
    ),
    ChangeKind.SMALLER_KV_TYPE: lambda one, subject, here: (
        replace(subject, settings=replace(subject.settings, kv_type=KvType(one.detail))),
        here,
    ),
    ChangeKind.CLOSE_PROGRAMS: lambda one, subject, here: (
        subject,
        replace(
            here,
            ram_free_bytes=min(here.ram_total_bytes, here.ram_free_bytes + (one.frees_bytes or 0)),
        ),
    ),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> GgufHeader:
    return header_of(tmp_path_factory.mktemp("small"), SMALL)


@settings(max_examples=150, deadline=None)
@given(
    context=st.sampled_from([None, 512, 4_096, 16_384, 32_768]),
    kv_type=st.sampled_from(list(KvType)),
    free=st.integers(20 * MIB, 3 * GIB),
    card_free=st.one_of(st.none(), st.integers(0, 3 * GIB)),
    programs=st.lists(st.integers(300 * MIB, 2 * GIB), max_size=4),
    gb_per_s=st.floats(0.1, 50.0),
)
def test_every_change_keeps_its_promise(
    small: GgufHeader,
    context: int | None,
    kv_type: KvType,
    free: int,
    card_free: int | None,
    programs: list[int],
    gb_per_s: float,
) -> None:
    predict: Predict = by_bandwidth(gb_per_s * 1e9, on_card=gb_per_s * 5e9)
    here = replace(
        machine(free, total_bytes=8 * GIB, cards=() if card_free is None else (card(card_free),)),
        programs=tuple(
            ProgramMemory(f"p{index}", size)
            for index, size in enumerate(sorted(programs, reverse=True))
        ),
    )
    subject = ModelSpec(small, LoadSettings(context=context, kv_type=kv_type))
    found = assess(subject, here, predict)
    for one in found.changes:
        assert one.verdict is not found.verdict
        assert one.verdict is not Compatibility.WONT_FIT
        if one.kind is ChangeKind.SMALLER_MODEL:
            continue
        changed, there = APPLIED[one.kind](one, subject, here)
        again = assess(changed, there, predict)
        assert again.verdict is one.verdict
