"""What a model file needs in memory, part by part, and whether it fits here.

Everything is reckoned as if it ran on the processor, one conversation at a time. The parts are
those llama.cpp logs while it loads; `tests/core/test_memory_against_llama.py` compares them.
"""

import platform
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path

from playground.core.gguf.header import EMBEDDING, GgufHeader, TensorInfo, once_per_header
from playground.core.requirements.layers import LayerMemory, layer_memory
from playground.core.targets import FlashAttention, KvType, LoadSettings


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
"""Processor → type → rows a rearranged tensor has a multiple of.

From `ggml/src/ggml-cpu/repack.cpp: ggml_repack_get_optimal_repack_type`. The log of a load calls
the copies `CPU_REPACK`.
"""


@once_per_header
def _copied_and_mapped(header: GgufHeader, processor: Processor) -> tuple[int, int | None]:
    """Return the bytes rearranged when every layer runs on `processor`, and those still mapped.

    What stays mapped runs from the first to the last tensor that is used as it is
    (`get_mapping_range` in `src/llama-model-loader.cpp`); `None` for a file in several parts.
    """
    rows = _ROWS[processor]
    repacked, start, end = 0, header.file_size, 0
    for tensor in header.tensors:
        multiple = rows.get(tensor.type.name)
        is_copied = (
            multiple is not None
            and _is_multiplied(tensor, is_tied=header.is_tied)
            and tensor.shape[1] % multiple == 0
        )
        size = tensor.size_bytes
        if is_copied:
            repacked += size
        if not is_copied or tensor.name == EMBEDDING:
            start, end = min(start, tensor.offset), max(end, tensor.offset + size)
    return repacked, max(0, end - start) if header.shards == 1 else None


def _is_multiplied(tensor: TensorInfo, *, is_tied: bool) -> bool:
    if len(tensor.shape) == 3:
        return "_exps." in tensor.name
    if len(tensor.shape) != 2 or not tensor.name.endswith(".weight"):
        return False
    # without an output tensor the embedding is used a second time, as the output
    if tensor.name == EMBEDDING:
        return is_tied
    # tensors of which single rows are taken are never rearranged
    return not tensor.is_looked_up


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


DEFAULT_CONTEXT = 8_192
SMALLEST_CONTEXT = 512
CONTEXT_STEP = 256
"""llama.cpp rounds every context and every window up to a multiple of it."""
PROCESSOR_UBATCH = 128
"""Tokens computed together on a processor."""
_MIB = 1 << 20
_SMALLEST_MARGIN = 256 * _MIB
_MARGIN_SHARE = 0.15
_SMALLEST_RESERVE = 512 * _MIB
_RESERVE_SHARE = 0.10
_PROJECTOR_COMPUTE = 256 * _MIB
"""About what looking at one picture takes; depends on its size, which nobody knows before."""
_KV_BLOCKS = {KvType.F16: (1, 2), KvType.Q8_0: (32, 34), KvType.Q4_0: (32, 18)}
"""KV type → numbers in a block, bytes of a block."""


class Fit(StrEnum):
    """Whether a model file goes into the free memory."""

    FITS = "fits"
    TIGHT = "tight"
    WONT_FIT = "won't fit"


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """What a loaded model takes, in bytes."""

    context: int
    """Tokens of prompt and answer together, as llama.cpp rounds them."""
    kv_type: KvType
    weights_bytes: int
    repacked_bytes: int
    """Copies of weights in the order this processor reads fastest."""
    kv_bytes: int
    """The conversation's memory: keys and values, and the state of recurrent layers."""
    compute_bytes: int
    """Scratch space, an estimate within a few MiB."""
    projector_bytes: int = 0
    """The `mmproj` that sees pictures: its weights and about what it needs to look at one."""
    is_lower_bound: bool = False
    """True where this model family is known to need more than is reckoned here."""
    mapped_bytes: int | None = None
    """The stretch of the file that stays mapped; `None`: about all its weights."""

    @property
    def total_bytes(self) -> int:
        """All parts together, as llama.cpp logs them: rearranged weights count twice."""
        mapped = self.weights_bytes if self.mapped_bytes is None else self.mapped_bytes
        return self.needed_bytes - self.weights_bytes + mapped + self.repacked_bytes

    @property
    def needed_bytes(self) -> int:
        """What has to be free: of rearranged weights only the copy counts.

        The file they were taken from is mapped, and the system drops those pages where it needs
        room.
        """
        return self.weights_bytes + self.kv_bytes + self.compute_bytes + self.projector_bytes


def estimate(
    header: GgufHeader,
    settings: LoadSettings,
    *,
    n_ubatch: int = PROCESSOR_UBATCH,
    context: int | None = None,
    processor: Processor | None = None,
    projector_bytes: int = 0,
) -> MemoryNeed:
    """Return what the model needs with `settings`; `projector_bytes` is the size of its `mmproj`.

    The context is `context`, else the settings', else the model's own up to `DEFAULT_CONTEXT`.
    """
    tokens = padded(context or settings.context or longest_default(header))
    memory = layer_memory(header)
    repacked, mapped = _copied_and_mapped(header, processor or this_processor())
    return MemoryNeed(
        context=tokens,
        kv_type=settings.kv_type,
        weights_bytes=header.weights_bytes,
        repacked_bytes=repacked,
        kv_bytes=_kv_bytes(memory, settings, tokens, n_ubatch),
        compute_bytes=_compute_bytes(header, memory, settings, tokens, n_ubatch),
        projector_bytes=projector_bytes + (_PROJECTOR_COMPUTE if projector_bytes else 0),
        is_lower_bound=not memory.is_complete,
        mapped_bytes=mapped,
    )


def with_context(
    need: MemoryNeed, header: GgufHeader, settings: LoadSettings, context: int
) -> MemoryNeed:
    """Return the need of the same weights on the processor with another context."""
    tokens, memory = padded(context), layer_memory(header)
    return replace(
        need,
        context=tokens,
        kv_bytes=_kv_bytes(memory, settings, tokens, PROCESSOR_UBATCH),
        compute_bytes=_compute_bytes(header, memory, settings, tokens, PROCESSOR_UBATCH),
    )


def default_context(header: GgufHeader, settings: LoadSettings, free_bytes: int) -> int:
    """Return the context to load with when nobody asked for one.

    The largest multiple of 256 that *fits* `free_bytes`, at most 8,192 and at most what the model
    was trained for; at least 512, unless the model was trained for less.
    """
    longest = longest_default(header)
    base = estimate(header, settings, context=longest)
    low = min(SMALLEST_CONTEXT, longest) // CONTEXT_STEP
    high = longest // CONTEXT_STEP
    while low < high:
        middle = (low + high + 1) // 2
        tokens = middle * CONTEXT_STEP
        need = with_context(base, header, settings, tokens)
        if fit(need.needed_bytes, free_bytes) is Fit.FITS:
            low = middle
        else:
            high = middle - 1
    return low * CONTEXT_STEP


def fit(needed_bytes: int, free_bytes: int) -> Fit:
    """Return whether `needed_bytes` go into `free_bytes`.

    *Fits*: 15 % of the need, and at least 256 MiB, are left over for everything else. *Tight*: it
    goes in, but less than that is left. *Won't fit*: it needs more than is free.
    """
    if needed_bytes > free_bytes:
        return Fit.WONT_FIT
    margin = max(_SMALLEST_MARGIN, int(needed_bytes * _MARGIN_SHARE))
    return Fit.FITS if needed_bytes + margin <= free_bytes else Fit.TIGHT


def budget(total_bytes: int, available_bytes: int) -> int:
    """Return what all loaded models together may take.

    `available_bytes` is what is free now plus what loaded models already hold. A tenth of the
    computer's memory, and at least 512 MiB, is left to other programs.
    """
    reserve = max(_SMALLEST_RESERVE, int(total_bytes * _RESERVE_SHARE))
    return max(0, min(available_bytes, total_bytes) - reserve)


def bytes_per_number(kind: KvType) -> float:
    block, size = _KV_BLOCKS[kind]
    return size / block


def takes_kv_type(header: GgufHeader, kind: KvType) -> bool:
    """Return True where every head is made of whole blocks of `kind`; llama.cpp refuses others."""
    usual, block = _head_width(header), _KV_BLOCKS[kind][0]
    keys = ("attention.key_length", "attention.value_length")
    lengths = [header.number(key) for key in (*keys, *(f"{key}_swa" for key in keys))]
    return all((usual if length is None else length) % block == 0 for length in lengths)


def padded(tokens: int) -> int:
    """Return `tokens` rounded up as llama.cpp does."""
    return -(-tokens // CONTEXT_STEP) * CONTEXT_STEP


def longest_default(header: GgufHeader) -> int:
    """Return the longest context taken unasked: a multiple of 256."""
    trained = header.context_length or DEFAULT_CONTEXT
    return max(CONTEXT_STEP, min(DEFAULT_CONTEXT, trained) // CONTEXT_STEP * CONTEXT_STEP)


def _cells(window: int | None, context: int, n_ubatch: int) -> int:
    return context if window is None else padded(min(context, window + n_ubatch))


def _kv_bytes(memory: LayerMemory, settings: LoadSettings, context: int, n_ubatch: int) -> int:
    block, size = _KV_BLOCKS[settings.kv_type]
    is_flash_off = settings.flash_attention is FlashAttention.OFF
    widest = max((layer.value_width for layer in memory.layers), default=0)
    total = 0
    for layer in memory.layers:
        # without flash attention values are stored across, every layer as wide as the widest
        values = widest if is_flash_off and layer.value_width else layer.value_width
        numbers = layer.key_width + values
        total += _cells(layer.window, context, n_ubatch) * (numbers * size // block)
    return total + memory.state_numbers * 4


def _compute_bytes(
    header: GgufHeader, memory: LayerMemory, settings: LoadSettings, context: int, n_ubatch: int
) -> int:
    """Return the scratch space: found by varying one size at a time and reading llama.cpp's log.

    Attention masks for each kind of cache, the widest moment of one layer for `n_ubatch` tokens,
    the state a recurrent layer hands on, and one row of logits twice.
    """
    width = header.number("embedding_length") or 0
    heads = _largest(header, "attention.head_count")
    queries = heads * (header.number("attention.key_length") or _head_width(header))
    cells = sum(
        _cells(window, context, n_ubatch) for window in {layer.window for layer in memory.layers}
    )
    is_flash_off = settings.flash_attention is FlashAttention.OFF
    masks = cells * n_ubatch * (4 if is_flash_off else 2)
    numbers = 4 * width + max(0, queries - width)
    scores = heads * context + queries if is_flash_off else 0
    widest = max(
        3 * _largest(header, "feed_forward_length"), _expert_numbers(header, width), scores
    )
    logits = 2 * 4 * (header.vocabulary_size or 0)
    recurrent, state = _recurrent_numbers(header)
    layer = max(n_ubatch * (numbers + widest), n_ubatch * recurrent + state)
    return masks + 4 * layer + logits


def _recurrent_numbers(header: GgufHeader) -> tuple[int, int]:
    """Return what a Mamba or delta-net layer holds for each token at once, and its new state.

    The input projection, three times what goes through the convolution, and the output.
    """
    inner = header.number("ssm.inner_size") or 0
    state = header.number("ssm.state_size") or 0
    mixed = inner + 2 * (header.number("ssm.group_count") or 0) * state
    return inner + mixed + 3 * mixed + inner, inner * state


def _expert_numbers(header: GgufHeader, width: int) -> int:
    used = _largest(header, "expert_used_count")
    return used * (3 * _largest(header, "expert_feed_forward_length") + width)


def _head_width(header: GgufHeader) -> int:
    heads = _largest(header, "attention.head_count")
    return (header.number("embedding_length") or 0) // heads if heads else 0


def _largest(header: GgufHeader, key: str) -> int:
    return header.number(key) or max(header.numbers(key) or (0,), default=0)
