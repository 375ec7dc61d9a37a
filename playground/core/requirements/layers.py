"""Which layers of a model remember the conversation, how much of it, and how much each token takes.

The rules are llama.cpp's (`src/llama-hparams.cpp`, `src/llama-model.cpp: create_memory`, and
`load_arch_hparams` of each family in `src/models/`): many are hard-coded there, not in the file.
"""

from dataclasses import dataclass

from playground.core.gguf.chat_model import DIFFUSION, ENCODERS, MAX_LAYERS
from playground.core.gguf.header import GgufHeader, once_per_header


@dataclass(frozen=True, slots=True)
class SlidingWindow:
    """How a family mixes layers that see everything with layers that see a sliding window.

    Of `period` layers one sees everything: the last, or with `full_first` the first. A family
    without a period says in the file which layers slide.
    """

    period: int | None
    full_first: bool = False
    default: int | None = None
    """The window where the file names none; without one such a file has no sliding layers."""
    fixed: int | None = None
    """The window whatever the file says."""


_WINDOWS = {
    "afmoe": SlidingWindow(4),
    "cohere2": SlidingWindow(4),
    "cohere2moe": SlidingWindow(4, full_first=True),
    "exaone-moe": SlidingWindow(4, default=128),
    "exaone4": SlidingWindow(4, default=4096),
    "gemma2": SlidingWindow(2, default=4096),
    "gemma3": SlidingWindow(6),
    "gemma3n": SlidingWindow(5),
    "gemma4": SlidingWindow(None),
    "gpt-oss": SlidingWindow(2),
    "laguna": SlidingWindow(4, full_first=True),
    "llama4": SlidingWindow(4, default=8192, fixed=8192),
    "mellum": SlidingWindow(4),
    "mimo2": SlidingWindow(None),
    "muse-glimmer": SlidingWindow(4),
    "olmo2": SlidingWindow(4),
    "plamo3": SlidingWindow(8),
    "smallthinker": SlidingWindow(4, full_first=True, fixed=4096),
    "step35": SlidingWindow(None),
}
_LFM2 = frozenset({"lfm2", "lfm2moe"})
_RECURRENT = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
_EVERY_FOURTH_IS_FULL = frozenset({"qwen3next", "qwen35", "qwen35moe", "minimax-01"})
_ALL_LAYERS_ARE_BOTH = frozenset({"falcon-h1"})
_HYBRID = (
    _LFM2
    | _EVERY_FOURTH_IS_FULL
    | _ALL_LAYERS_ARE_BOTH
    | {
        "bailingmoe3",
        "granitehybrid",
        "jamba",
        "kimi-k3",
        "kimi-linear",
        "nemotron_h",
        "nemotron_h_moe",
        "plamo2",
    }
)
_ENCODERS_WITH_CACHE = frozenset({"llama-embed", "t5encoder"})
_NO_MEMORY = (ENCODERS - _ENCODERS_WITH_CACHE) | DIFFUSION
_NOT_FULLY_KNOWN = frozenset(
    {
        # most of these keep an index of keys beside the keys
        "deepseek32",
        "deepseek4",
        "dots3note",
        "glm-dsa",
        "glm5-next",
        "hy_v4",
        "minimax-01",
        "minimax-m3",
        "qwen4exp",
    }
)


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer keeps of the conversation."""

    key_width: int
    """Numbers kept as key for each token."""
    value_width: int
    window: int | None
    """Tokens it looks back; `None` is all of them."""


@dataclass(frozen=True, slots=True)
class LayerMemory:
    """What all layers of a model keep."""

    layers: tuple[Layer, ...]
    state_numbers: int
    """Numbers of a fixed-size state, whatever the conversation's length (recurrent layers)."""
    is_complete: bool
    """False where this family keeps more than is known here, or the file does not say enough."""


@once_per_header
def layer_memory(header: GgufHeader) -> LayerMemory:
    """Return what each layer keeps."""
    count = _layer_count(header)
    heads = _per_layer(header, "attention.head_count", count, (0,) * count)
    kv_heads = _per_layer(header, "attention.head_count_kv", count, heads)
    recurrent = _recurrent_layers(header, count, kv_heads)
    both = header.architecture in _ALL_LAYERS_ARE_BOTH
    holders = [
        il
        for il in range(_layers_with_cache(header, count))
        if kv_heads[il] and (both or not recurrent[il])
    ]
    if header.architecture in _NO_MEMORY:
        holders = []
    windows = _windows(header, count, recurrent)
    width = header.number("embedding_length") or 0
    layers = tuple(_layer(header, kv_heads[il], windows[il], width, heads[0]) for il in holders)
    states = sum(recurrent) * _state_numbers(header, width, heads[0] if heads else 0)
    is_known = bool(layers or states) and header.architecture not in _NOT_FULLY_KNOWN
    return LayerMemory(layers, states, is_known or header.architecture in _NO_MEMORY)


def _layer_count(header: GgufHeader) -> int:
    """Return the layers of the trunk: extra ones that predict further tokens are not used."""
    total = min(header.number("block_count") or 0, MAX_LAYERS)
    extra = header.number("nextn_predict_layers") or 0
    return total - extra if extra < total else total


def _per_layer(
    header: GgufHeader, key: str, count: int, default: tuple[int, ...]
) -> tuple[int, ...]:
    single = header.number(key)
    if single is not None:
        return (single,) * count
    several = header.numbers(key)
    return several[:count] if several is not None and len(several) >= count else default


def _layers_with_cache(header: GgufHeader, count: int) -> int:
    """Return how many layers from the first on have a cache; the others reuse one of theirs."""
    if header.architecture == "gemma3n":
        return min(20, count)
    if header.architecture == "gemma4":
        return max(0, count - (header.number("attention.shared_kv_layers") or 0))
    return count


def _recurrent_layers(
    header: GgufHeader, count: int, kv_heads: tuple[int, ...]
) -> tuple[bool, ...]:
    architecture = header.architecture or ""
    if architecture in _RECURRENT or architecture in _ALL_LAYERS_ARE_BOTH:
        return (True,) * count
    if architecture in _EVERY_FOURTH_IS_FULL:
        named = header.numbers("attention.recurrent_layers")
        if named is not None and len(named) >= count:
            return tuple(bool(item) for item in named[:count])
        interval = header.number("full_attention_interval") or 4
        return tuple((il + 1) % interval != 0 for il in range(count))
    if architecture in _HYBRID:
        feeds = _per_layer(header, "feed_forward_length", count, (0,) * count)
        is_mixed = architecture.startswith("nemotron")
        return tuple(not kv_heads[il] and not (is_mixed and feeds[il]) for il in range(count))
    return (False,) * count


def _windows(header: GgufHeader, count: int, recurrent: tuple[bool, ...]) -> tuple[int | None, ...]:
    stated = header.number("attention.sliding_window")
    if header.architecture in _LFM2:
        return tuple(stated or None if not is_recurrent else None for is_recurrent in recurrent)
    rule = _WINDOWS.get(header.architecture or "")
    if rule is None or (header.architecture == "exaone4" and count != 64):
        return (None,) * count
    size = rule.default if stated is None else stated and (rule.fixed or stated)
    if not size:
        return (None,) * count
    slides = _sliding(header, rule, count)
    return tuple(size if slides[il] else None for il in range(count))


def _sliding(header: GgufHeader, rule: SlidingWindow, count: int) -> tuple[bool, ...]:
    key = "attention.sliding_window_pattern"
    named = header.numbers(key)
    if named is not None and len(named) >= count:
        return tuple(bool(item) for item in named[:count])
    period = header.number(key) or rule.period
    if period is None:
        return (False,) * count
    full = 0 if rule.full_first else period - 1
    return tuple(il % period != full for il in range(count))


def _layer(header: GgufHeader, kv_heads: int, window: int | None, width: int, heads: int) -> Layer:
    usual = width // heads if heads else 0
    key = _first(header.number("attention.key_length"), usual)
    value = _first(header.number("attention.value_length"), usual)
    if window is not None:
        key = _first(header.number("attention.key_length_swa"), key)
        value = _first(header.number("attention.value_length_swa"), value)
    # multi-head latent attention: one compressed key, from which the value is computed
    is_latent = header.number("attention.key_length_mla") and header.number(
        "attention.value_length_mla"
    )
    return Layer(key * kv_heads, 0 if is_latent else value * kv_heads, window)


def _first(value: int | None, default: int) -> int:
    return default if value is None else value


def _state_numbers(header: GgufHeader, width: int, heads: int) -> int:
    """Return the numbers one recurrent layer keeps (`n_embd_r` + `n_embd_s` of llama.cpp)."""
    if head := header.number("wkv.head_size"):
        return width * (_first(header.number("token_shift_count"), 2) + head)
    if cache := header.number("shortconv.l_cache"):
        return width * (cache - 1)
    convolution = max(0, (header.number("ssm.conv_kernel") or 0) - 1)
    if head := header.number("kda.head_dim"):
        return 3 * (convolution or 3) * heads * head + head * head * heads
    inner = header.number("ssm.inner_size") or 0
    state = header.number("ssm.state_size") or 0
    groups = header.number("ssm.group_count") or 0
    return convolution * (inner + 2 * groups * state) + state * inner
