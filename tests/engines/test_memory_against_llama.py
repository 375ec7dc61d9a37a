"""The reckoned memory beside what llama.cpp itself logs, and what a worker really takes.

`tests/bench/memory_truth.py` prints the same for every family, context and KV type.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from playground.core.gguf.reader import read_header
from playground.core.requirements import memory
from playground.core.targets import FlashAttention, KvType, LoadSettings
from tests.core.gguf_families import FAMILIES
from tests.core.gguf_files import Dense, write_dense
from tests.engines.memory_truth import is_near, logged, parts
from tests.engines.worker_memory import growth

ROUNDING = 16 << 10
"""llama.cpp logs hundredths of a MiB, one figure for each buffer."""
GRID = [
    LoadSettings(context=context, kv_type=kind)
    for context in (1_024, 4_096, 16_384)
    for kind in (KvType.F16, KvType.Q8_0)
]


def check(path: Path, wanted: Sequence[LoadSettings]) -> None:
    """Assert that what is reckoned is what llama.cpp allocates."""
    header = read_header(path)
    for settings, truth in zip(wanted, logged(path, wanted), strict=True):
        need = memory.estimate(header, settings)
        for name, (reckoned, allocated) in parts(need, truth).items():
            assert is_near(reckoned, allocated, 0.05), name
            # as exactly as it can be told, which is more than was promised
            if name == "working space":
                assert reckoned == pytest.approx(allocated, rel=0.2, abs=2 << 20), settings
            else:
                assert reckoned == pytest.approx(allocated, abs=ROUNDING), (name, settings)
        assert not need.is_lower_bound


@pytest.mark.model
@pytest.mark.parametrize(
    "settings",
    [
        LoadSettings(context=2_048),
        LoadSettings(context=5_000),
        LoadSettings(context=8_192, kv_type=KvType.Q8_0),
        LoadSettings(context=8_192, kv_type=KvType.Q4_0),
        LoadSettings(context=4_096, flash_attention=FlashAttention.OFF),
    ],
    ids=["2k", "uneven", "8k q8_0", "8k q4_0", "no flash attention"],
)
def test_the_starter_model_needs_what_llama_cpp_allocates(
    starter_model: Path, settings: LoadSettings
) -> None:
    check(starter_model, [settings])


@pytest.mark.parametrize("family", FAMILIES)
def test_every_part_is_reckoned_at_three_contexts_and_two_kv_types(
    tmp_path: Path, family: str
) -> None:
    check(FAMILIES[family](tmp_path / "m.gguf"), GRID)


@pytest.mark.model
def test_the_starter_model_is_reckoned_at_three_contexts_and_two_kv_types(
    starter_model: Path,
) -> None:
    check(starter_model, GRID)


MEASURED = ("llama, rearranged", "gemma3, sliding windows", "qwen3moe, experts")


@pytest.mark.parametrize("family", MEASURED)
async def test_a_worker_grows_by_the_total(tmp_path: Path, family: str) -> None:
    path = FAMILIES[family](tmp_path / "m.gguf")
    settings = LoadSettings(context=4_096)
    need = memory.estimate(read_header(path), settings)
    grown = await growth(path, settings)
    # the pages rearranged weights were taken from stay mapped while there is room for them
    assert is_near(need.total_bytes, grown.resident, 0.10), (need, grown)


@pytest.mark.model
async def test_the_starter_models_worker_grows_by_the_total(starter_model: Path) -> None:
    settings = LoadSettings(context=8_192)
    need = memory.estimate(read_header(starter_model), settings)
    grown = await growth(starter_model, settings)
    assert is_near(need.total_bytes, grown.resident, 0.10), (need, grown)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes pages away on demand")
async def test_a_worker_makes_do_with_what_counts_for_the_verdict(tmp_path: Path) -> None:
    path = FAMILIES["qwen3"](tmp_path / "m.gguf")
    settings = LoadSettings(context=1_024)
    need = memory.estimate(read_header(path), settings)
    assert need.total_bytes - need.needed_bytes > 120 << 20
    try:
        grown = await growth(path, settings, pages_out=True)
    except OSError as error:
        pytest.skip(f"pages may not be taken from another process here: {error}")
    assert is_near(need.needed_bytes, grown.resident, 0.10), (need, grown)


SLIDING = {".attention.sliding_window": 512}
CAPPED = {".attn_logit_softcapping": 50.0, ".final_logit_softcapping": 30.0}


@pytest.mark.parametrize(
    ("architecture", "size", "extra", "settings"),
    [
        ("llama", Dense(kind="Q4_K"), {}, LoadSettings(context=1_024)),
        ("llama", Dense(kind="Q4_K", tied=False), {}, LoadSettings(context=1_024)),
        ("qwen2", Dense(kind="Q4_0"), {}, LoadSettings(context=4_096, kv_type=KvType.Q8_0)),
        ("qwen3", Dense(kind="Q6_K", layers=3), {}, LoadSettings(context=2_048)),
        ("gemma3", Dense(kind="Q8_0", layers=13), SLIDING, LoadSettings(context=8_192)),
        ("gemma3", Dense(layers=7), {}, LoadSettings(context=8_192)),
        (
            "gemma3",
            Dense(layers=6, kind="IQ4_NL", vocabulary=262_144),
            SLIDING | {".attention.sliding_window_pattern": 3},
            LoadSettings(context=4_096, kv_type=KvType.Q8_0),
        ),
        ("llama", Dense(), {}, LoadSettings(context=65_536)),
        ("gemma2", Dense(layers=5, kind="Q2_K"), CAPPED, LoadSettings(context=8_192)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_families_need_what_llama_cpp_allocates(
    tmp_path: Path,
    architecture: str,
    size: Dense,
    extra: Mapping[str, object],
    settings: LoadSettings,
) -> None:
    # a vocabulary would take longer to write than the model to load
    without_words = {"tokenizer.ggml.model": "no_vocab", **extra}
    check(write_dense(tmp_path / "m.gguf", architecture, size, without_words), [settings])
