"""The reckoned memory beside what llama.cpp itself logs while it loads the same file."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from playground.core import memory
from playground.core.gguf import read_header
from playground.core.targets import FlashAttention, KvType, LoadSettings
from tests.core.gguf_files import Dense, write_dense

LOGGER = Path(__file__).with_name("llama_log.py")
ROUNDING = 16 << 10
"""llama.cpp logs hundredths of a MiB, one figure for each buffer."""


@dataclass(frozen=True)
class Logged:
    """Bytes by the kind of buffer."""

    weights: int
    repacked: int
    kv: int
    compute: int


def logged(path: Path, settings: LoadSettings) -> Logged:
    """Load the model in a child process and return what llama.cpp says it allocated."""
    flash = {FlashAttention.AUTO: "-1", FlashAttention.OFF: "0", FlashAttention.ON: "1"}
    done = subprocess.run(
        [
            sys.executable,
            str(LOGGER),
            str(path),
            str(settings.context),
            settings.kv_type,
            flash[settings.flash_attention],
        ],
        capture_output=True,
        check=True,
        timeout=100,
    )
    answer = json.loads(done.stdout)
    assert not answer["failed"], answer["log"]

    def bytes_of(kind: str, *, repacked: bool = False) -> int:
        return sum(
            entry["bytes"]
            for entry in answer["buffers"]
            if entry["kind"] == kind and (entry["buffer"] == "CPU_REPACK") is repacked
        )

    return Logged(
        weights=bytes_of("model"),
        repacked=bytes_of("model", repacked=True),
        kv=bytes_of("KV") + bytes_of("RS"),
        compute=bytes_of("compute") + bytes_of("output"),
    )


def check(path: Path, settings: LoadSettings) -> memory.MemoryNeed:
    """Assert that what is reckoned is what llama.cpp allocates."""
    need = memory.estimate(read_header(path), settings)
    truth = logged(path, settings)
    assert need.kv_bytes == pytest.approx(truth.kv, abs=ROUNDING)
    assert need.repacked_bytes == pytest.approx(truth.repacked, abs=ROUNDING)
    # llama.cpp maps only the stretch of the file that holds what it did not copy
    assert truth.weights <= need.weights_bytes + ROUNDING
    assert need.compute_bytes == pytest.approx(truth.compute, rel=0.2, abs=4 << 20)
    assert not need.is_lower_bound
    return need


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
    check(starter_model, settings)


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
    check(write_dense(tmp_path / "m.gguf", architecture, size, extra), settings)
