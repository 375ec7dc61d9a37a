"""What a model needs, and whether it fits: the rules a person sees the effect of."""

from pathlib import Path

import pytest

from playground.core.gguf.header import GgufHeader
from playground.core.gguf.reader import read_header
from playground.core.requirements import memory
from playground.core.requirements.memory import Fit, Processor
from playground.core.targets import KvType, LoadSettings
from tests.core.gguf_files import Dense, write_dense, write_model

GIB = 1 << 30
MIB = 1 << 20


def header(tmp_path: Path, **metadata: object) -> GgufHeader:
    """Return the header of a file of `architecture` with settings below it, dots as underscores."""
    architecture = str(metadata.pop("architecture"))
    settings = {f".{key.replace('__', '.')}": value for key, value in metadata.items()}
    tensors = {"token_embd.weight": ((64, 32), "F16")}
    return read_header(write_model(tmp_path / "m.gguf", architecture, settings, tensors))


def kv_bytes(model: GgufHeader, context: int) -> int:
    """Return the conversation's memory at `context`."""
    return memory.estimate(model, LoadSettings(), context=context).kv_bytes


def test_the_starter_model_needs_the_45_mib_that_were_measured(starter_model: Path) -> None:
    need = memory.estimate(read_header(starter_model), LoadSettings(context=2_048))
    assert need.kv_bytes == 45 * MIB
    assert need.total_bytes == (
        need.weights_bytes + need.repacked_bytes + need.kv_bytes + need.compute_bytes
    )


def test_a_smaller_kv_type_takes_less_and_a_longer_context_more(starter_model: Path) -> None:
    model = read_header(starter_model)
    sizes = [
        memory.estimate(model, LoadSettings(context=8_192, kv_type=kind)).kv_bytes
        for kind in (KvType.F16, KvType.Q8_0, KvType.Q4_0)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert kv_bytes(model, 8_192) == 4 * kv_bytes(model, 2_048)


def test_sliding_windows_stop_growing_with_the_context(tmp_path: Path) -> None:
    gemma = {
        "architecture": "gemma3",
        "block_count": 26,
        "embedding_length": 1_152,
        "attention__head_count": 4,
        "attention__head_count_kv": 1,
        "attention__key_length": 256,
        "attention__value_length": 256,
    }
    sliding = header(tmp_path, **gemma, attention__sliding_window=512)
    whole = header(tmp_path, **gemma)
    one_layer = 8_192 * 256 * 2 * 2
    window = 768 * 256 * 2 * 2
    # every sixth of 26 layers sees everything: 4 of them
    assert kv_bytes(sliding, 8_192) == 4 * one_layer + 22 * window
    assert kv_bytes(whole, 8_192) == 26 * one_layer


def test_a_pattern_in_the_file_beats_the_familys_own(tmp_path: Path) -> None:
    model = header(
        tmp_path,
        architecture="gemma4",
        block_count=4,
        embedding_length=512,
        attention__head_count=8,
        attention__head_count_kv=[2, 2, 1, 2],
        attention__key_length=256,
        attention__value_length=256,
        attention__key_length_swa=64,
        attention__value_length_swa=64,
        attention__sliding_window=512,
        attention__sliding_window_pattern=[True, True, False, True],
        attention__shared_kv_layers=1,
    )
    sliding = 768 * (2 * 64 * 2) * 2
    full = 4_096 * (256 * 2) * 2
    assert kv_bytes(model, 4_096) == 2 * sliding + full


def test_latent_attention_keeps_one_compressed_key_and_no_value(tmp_path: Path) -> None:
    model = header(
        tmp_path,
        architecture="deepseek2",
        block_count=27,
        embedding_length=2_048,
        attention__head_count=16,
        attention__head_count_kv=1,
        attention__key_length=576,
        attention__value_length=512,
        attention__key_length_mla=192,
        attention__value_length_mla=128,
    )
    assert kv_bytes(model, 4_096) == 27 * 4_096 * 576 * 2


def test_recurrent_layers_keep_a_state_of_fixed_size(tmp_path: Path) -> None:
    mamba = header(
        tmp_path,
        architecture="mamba",
        block_count=24,
        embedding_length=768,
        ssm__conv_kernel=4,
        ssm__inner_size=1_536,
        ssm__state_size=16,
    )
    assert kv_bytes(mamba, 512) == kv_bytes(mamba, 8_192) == 24 * (3 * 1_536 + 16 * 1_536) * 4
    hybrid = header(
        tmp_path,
        architecture="lfm2",
        block_count=4,
        embedding_length=1_024,
        attention__head_count=16,
        attention__head_count_kv=[0, 0, 8, 0],
        shortconv__l_cache=3,
    )
    assert kv_bytes(hybrid, 1_024) == 1_024 * (8 * 64 * 2) * 2 + 3 * 1_024 * 2 * 4


def test_layers_that_only_predict_ahead_keep_nothing(tmp_path: Path) -> None:
    common = {"embedding_length": 512, "attention__head_count": 8}
    with_extra = header(
        tmp_path, architecture="glm4moe", block_count=11, nextn_predict_layers=1, **common
    )
    without = header(tmp_path, architecture="glm4moe", block_count=10, **common)
    assert kv_bytes(with_extra, 1_024) == kv_bytes(without, 1_024)


def test_a_file_that_does_not_say_enough_is_reckoned_from_below(tmp_path: Path) -> None:
    silent = header(tmp_path, architecture="llama")
    assert memory.estimate(silent, LoadSettings()).is_lower_bound
    unknown = header(
        tmp_path,
        architecture="deepseek4",
        block_count=2,
        embedding_length=64,
        attention__head_count=2,
    )
    assert memory.estimate(unknown, LoadSettings()).is_lower_bound


@pytest.mark.parametrize(
    ("kind", "processor", "is_copied"),
    [
        ("Q4_K", Processor.X86, True),
        ("Q6_K", Processor.X86, False),
        ("Q6_K", Processor.ARM, True),
        ("Q8_0", Processor.ARM, True),
        ("Q2_K", Processor.X86, False),
        ("Q2_K", Processor.X86_AVX512, True),
        ("Q4_0", Processor.OTHER, False),
        ("F16", Processor.ARM, False),
    ],
)
def test_copies_are_counted_for_what_this_processor_rearranges(
    tmp_path: Path, kind: str, processor: Processor, is_copied: bool
) -> None:
    path = write_dense(tmp_path / "m.gguf", "llama", Dense(kind=kind))
    need = memory.estimate(read_header(path), LoadSettings(), processor=processor)
    assert (need.repacked_bytes > need.weights_bytes * 0.9) is is_copied
    assert is_copied or need.repacked_bytes == 0


def test_the_default_context_is_what_fits_up_to_8192(starter_model: Path) -> None:
    model = read_header(starter_model)
    settings = LoadSettings()
    assert memory.default_context(model, settings, 64 * GIB) == 8_192
    assert memory.default_context(model, settings, 0) == 512
    some = memory.default_context(model, settings, 450 * MIB)
    assert 512 < some < 8_192
    assert some % 256 == 0
    fits = memory.estimate(model, settings, context=some)
    longer = memory.estimate(model, settings, context=some + 256)
    assert memory.fit(fits.needed_bytes, 450 * MIB) is Fit.FITS
    assert memory.fit(longer.needed_bytes, 450 * MIB) is not Fit.FITS


def test_the_default_context_never_exceeds_what_the_model_was_trained_for(tmp_path: Path) -> None:
    for trained, expected in [
        (1_000, 768),
        (2_048, 2_048),
        (300, 256),
        (100, 256),
        (131_072, 8_192),
    ]:
        path = write_dense(tmp_path / "m.gguf", "llama", Dense(context=trained))
        assert memory.default_context(read_header(path), LoadSettings(), 64 * GIB) == expected


def test_a_context_somebody_chose_is_taken_and_rounded_as_llama_cpp_does(
    starter_model: Path,
) -> None:
    need = memory.estimate(read_header(starter_model), LoadSettings(context=5_000))
    assert need.context == 5_120


def test_fits_leaves_room_tight_does_not_and_wont_fit_is_too_much(starter_model: Path) -> None:
    need = memory.estimate(read_header(starter_model), LoadSettings())
    total = need.total_bytes
    assert memory.fit(need.needed_bytes, total - 1) is Fit.WONT_FIT
    assert memory.fit(need.needed_bytes, total) is Fit.TIGHT
    assert memory.fit(need.needed_bytes, total + 255 * MIB) is Fit.TIGHT
    assert memory.fit(need.needed_bytes, total + 256 * MIB) is Fit.FITS


def test_the_budget_leaves_memory_to_other_programs() -> None:
    assert memory.budget(16 * GIB, 12 * GIB) == 12 * GIB - int(1.6 * GIB)
    assert memory.budget(4 * GIB, 3 * GIB) == 3 * GIB - 512 * MIB
    assert memory.budget(4 * GIB, 100 * MIB) == 0
