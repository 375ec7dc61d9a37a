"""The second copy llama.cpp makes of some weights, in an order the processor reads faster.

From `ggml/src/ggml-cpu/repack.cpp: ggml_repack_get_optimal_repack_type`. The log of a load calls
the copies `CPU_REPACK`.
"""

import platform
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from playground.core.gguf.header import GgufHeader, TensorInfo
from playground.core.once_per_header import once_per_header


class Processor(StrEnum):
    """Kinds of processors that llama.cpp rearranges weights for."""

    X86 = "x86"
    X86_AVX512 = "x86 with AVX-512"
    ARM = "arm"
    OTHER = "other"


_ROWS = {
    Processor.X86: {"Q4_0": 8, "Q4_K": 8, "IQ4_NL": 8, "MXFP4": 8},
    Processor.ARM: {
        "Q4_0": 4,
        "Q4_K": 8,
        "Q5_K": 8,
        "Q6_K": 8,
        "IQ4_NL": 4,
        "MXFP4": 4,
        "Q8_0": 4,
        "Q1_0": 4,
    },
    Processor.OTHER: {},
}
_ROWS[Processor.X86_AVX512] = {**_ROWS[Processor.X86], "Q2_K": 8}
_EMBEDDING = "token_embd.weight"
_LOOKED_UP = ("token_embd.", "position_embd.", "token_types.", "per_layer_token_embd.")
"""Tensors of which single rows are taken: they are never rearranged."""


@dataclass(frozen=True, slots=True)
class Copies:
    """What is copied of a model's weights, and what of its file stays in use."""

    repacked_bytes: int
    """Of the rearranged copies."""
    mapped_bytes: int | None
    """The stretch of the file that stays mapped; `None` where it has several parts."""


@once_per_header
def copies(header: GgufHeader, processor: Processor) -> Copies:
    """Return what is rearranged when every layer runs on `processor`.

    What stays mapped runs from the first to the last tensor that is used as it is
    (`get_mapping_range` in `src/llama-model-loader.cpp`).
    """
    rows = _ROWS[processor]
    is_tied = not any(tensor.name == "output.weight" for tensor in header.tensors)
    repacked, start, end = 0, header.file_size, 0
    for tensor in header.tensors:
        multiple = rows.get(tensor.type.name)
        is_copied = (
            multiple is not None
            and _is_multiplied(tensor, is_tied=is_tied)
            and tensor.shape[1] % multiple == 0
        )
        size = tensor.size_bytes
        if is_copied:
            repacked += size
        if not is_copied or tensor.name == _EMBEDDING:
            start, end = min(start, tensor.offset), max(end, tensor.offset + size)
    return Copies(repacked, max(0, end - start) if header.shards == 1 else None)


def _is_multiplied(tensor: TensorInfo, *, is_tied: bool) -> bool:
    if len(tensor.shape) == 3:
        return "_exps." in tensor.name
    if len(tensor.shape) != 2 or not tensor.name.endswith(".weight"):
        return False
    # without an output tensor the embedding is used a second time, as the output
    if tensor.name == _EMBEDDING:
        return is_tied
    return not tensor.name.startswith(_LOOKED_UP)


@cache
def this_processor() -> Processor:
    """Return the kind of this computer's processor; AVX2 and dot products are taken for granted."""
    machine = platform.machine().lower()
    if machine in {"x86_64", "amd64"}:
        return Processor.X86_AVX512 if _has_avx512() else Processor.X86
    return Processor.ARM if machine in {"aarch64", "arm64"} else Processor.OTHER


def _has_avx512() -> bool:
    try:
        return "avx512f" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        # elsewhere unknown: a copy too many in the estimate is the safer mistake
        return True
