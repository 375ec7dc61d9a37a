"""How fast a model file would answer: from memory bandwidth, and from what has run here.

Writing one token reads every weight that takes part in it once, so the speed is bounded by how
fast memory is read: tokens/s = bytes/s ÷ bytes per token (the roofline of Williams et al., 2009).
On the few cores of a usual processor unpacking and multiplying the weights adds to that, so that
the bandwidth that is reached differs by a factor of two between quantizations:

    seconds per token = bytes × a + numbers × effort × b + layers × 0.07 ms

a and b are a machine's own. What has run there tells them; before that they come from its memory
bandwidth. `tests/bench/speed_prediction.py` holds all of it against real runs.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import median

from playground.core.gguf.header import EMBEDDING, GgufHeader, once_per_header
from playground.core.gguf.quantization import bits_per_weight
from playground.core.requirements.model import Speed
from playground.core.runs import Provenance

_EFFORT = {
    "Q2_K": 0.6,
    "Q4_0": 0.75,
    "Q4_1": 1.2,
    "Q5_0": 1.2,
    "Q5_1": 1.2,
    "IQ4": 1.2,
    "MXFP4": 1.2,
    "NVFP4": 1.2,
    "IQ": 3.0,
    "TQ": 0.8,
}
"""Work for each number of a quantization, where the usual is 1: those with a table to look each
number up in take longer, those that are rearranged or have large blocks with few bits less."""
_BYTES_PER_NUMBER = 0.5
"""The usual work for a number takes as long as reading so many bytes: about b ÷ a."""
_MOST_OFF = 4.0
"""How far from that a machine may be, as a factor."""
_STEPS = 17
_CAUTION = 0.015
"""What being off by a factor of two from it weighs, beside a squared relative error: runs vary by
an eighth, machines by two."""
_LAYER_S = 0.00007
"""What a layer takes beside the weights: its threads wait for each other several times."""
_USUAL_LAYERS = 28
_USUAL_BANDWIDTH = 20e9
"""Bytes/s where it could not be measured; it only sets the scale of what is learnt."""
_CARD_EFFICIENCY = 0.75
"""Share of a graphics card's bandwidth that llama.cpp usually reaches. A P40 (346 GB/s) writes 57
tokens/s of a 3.8 GB model: 0.67 (https://github.com/ggml-org/llama.cpp/pull/4766); newer cards
reach more. Not tried here."""
_CARD_LAYER_S = 0.000035
"""What a layer takes on a card beside the weights, about 1 ms for a usual model: its small steps
have to be started."""
_UNKNOWN_RANGE = (0.55, 1.8)
_LEARNT_RANGE = (0.65, 1.5)
_ENOUGH_QUANTIZATIONS = 2
"""So many different quantizations must have run here before one figure is given, not a range."""


@dataclass(frozen=True, slots=True)
class TokenCost:
    """What is read and worked off to write one token."""

    quantization: str | None
    total_bytes: int
    numbers: int
    """How many weights, and what is kept of the conversation."""
    work: float
    """The same, each counted with its effort."""
    layers: int

    def scaled(self, quantization: str, share: float) -> "TokenCost":
        """Return what another quantization of the model reads whose file is `share` as large."""
        return TokenCost(
            quantization,
            round(self.total_bytes * share),
            self.numbers,
            self.numbers * _effort(quantization),
            self.layers,
        )


@dataclass(frozen=True, slots=True)
class Observation:
    """A model that has answered here: what it read for a token, and how fast."""

    read: TokenCost
    tokens_per_s: float
    name: str = ""
    """The model's."""


def token_cost(header: GgufHeader, conversation_bytes: int = 0) -> TokenCost:
    """Return what is read to write one token, `conversation_bytes` of it of what was said.

    Of a mixture of experts only those that are asked count; of an embedding one row, unless it
    serves as the output as well. Layers that only predict further tokens are not used.
    """
    weights = _reading_of_weights(header)
    return replace(
        weights,
        total_bytes=weights.total_bytes + conversation_bytes,
        numbers=weights.numbers + conversation_bytes // 2,
        work=weights.work + conversation_bytes / 2,
    )


@once_per_header
def _reading_of_weights(header: GgufHeader) -> TokenCost:
    used = header.number("expert_used_count")
    experts = header.number("expert_count")
    unused = _unused_layers(header)
    total, numbers, work = 0, 0, 0.0
    for tensor in header.tensors:
        is_output = tensor.name == EMBEDDING and header.is_tied
        if tensor.is_looked_up and not is_output:
            continue
        if unused and tensor.name.startswith(unused):
            continue
        size, elements = tensor.size_bytes, tensor.elements
        if "_exps." in tensor.name and used and experts:
            asked = min(used, experts)
            size, elements = size * asked // experts, elements * asked // experts
        total += size
        numbers += elements
        work += elements * _effort(tensor.type.name)
    return TokenCost(header.quantization, total, numbers, work, header.number("block_count") or 0)


def token_cost_of_size(quantization: str, size_bytes: int) -> TokenCost:
    """Return about what is read of a model of which only the size is known."""
    numbers = round(size_bytes * 8 / (bits_per_weight(quantization) or 8.0))
    work = numbers * _effort(quantization)
    return TokenCost(quantization, size_bytes, numbers, work, _USUAL_LAYERS)


def predict(
    read: TokenCost,
    bandwidth_bytes_per_s: float | None,
    observations: Iterable[Observation] = (),
) -> Speed | None:
    """Return the expected speed of a model on the processor; `None`: unknown.

    A range until two quantizations have run here; then one figure. What ran with the same
    quantization corrects it, the more the nearer it is in size.
    """
    known = _usable(observations)
    if read.total_bytes <= 0 or (not known and bandwidth_bytes_per_s is None):
        return None
    pace = _pace(bandwidth_bytes_per_s or _USUAL_BANDWIDTH, known)
    seconds = pace.seconds(read) * _correction(read, pace, known) + _overhead_s(read)
    return _range(1 / seconds, known)


def predict_on_card(
    read: TokenCost,
    bandwidth_bytes_per_s: float | None,
    observations: Iterable[Observation] = (),
) -> Speed | None:
    """Return the expected speed of a model that is all on a graphics card; `None`: unknown.

    There memory alone decides: unpacking is done while the next weights come.
    """
    known = _usable(observations)
    if read.total_bytes <= 0 or (not known and bandwidth_bytes_per_s is None):
        return None
    reached = (bandwidth_bytes_per_s or _USUAL_BANDWIDTH) * _CARD_EFFICIENCY
    if known:
        reached = median(
            seen.read.total_bytes / _spent_s(seen, _overhead_s(seen.read, _CARD_LAYER_S))
            for seen in known
        )
    seconds = read.total_bytes / reached + _overhead_s(read, _CARD_LAYER_S)
    return _range(1 / seconds, known)


def middle(speed: Speed) -> float:
    """Return the figure in the middle of a range, by ratio."""
    return math.sqrt(speed.low_tokens_per_s * speed.high_tokens_per_s)


@dataclass(frozen=True, slots=True)
class _Pace:
    """How long a machine takes to read a byte and to work off a number, in seconds."""

    byte_s: float
    number_s: float

    def seconds(self, read: TokenCost) -> float:
        """Return what reading and working off takes for one token."""
        return read.total_bytes * self.byte_s + read.work * self.number_s


def _pace(bandwidth_bytes_per_s: float, known: list[Observation]) -> _Pace:
    """Return the pace that explains best what has run here, and not without need an unusual one."""
    byte_s = 1 / bandwidth_bytes_per_s
    best, least = _Pace(byte_s, byte_s * _BYTES_PER_NUMBER), math.inf
    if not known:
        return best
    for step in range(_STEPS):
        off = _MOST_OFF ** (2 * step / (_STEPS - 1) - 1)
        tried = _Pace(byte_s / math.sqrt(off), byte_s * math.sqrt(off) * _BYTES_PER_NUMBER)
        errors = [
            math.log(_spent_s(seen, _overhead_s(seen.read)) / tried.seconds(seen.read))
            for seen in known
        ]
        mean = sum(errors) / len(errors)
        cost = sum((error - mean) ** 2 for error in errors) + _CAUTION * math.log2(off) ** 2
        if cost < least:
            scale = math.exp(mean)
            best, least = _Pace(tried.byte_s * scale, tried.number_s * scale), cost
    return best


def _correction(read: TokenCost, pace: _Pace, known: list[Observation]) -> float:
    """Return by how much the nearest model of the same quantization is off `pace`, as a factor."""
    same = [seen for seen in known if seen.read.quantization == read.quantization is not None]
    if not same:
        return 1.0

    def distance(seen: Observation) -> float:
        return abs(math.log2(seen.read.total_bytes / read.total_bytes))

    nearest = min(same, key=distance)
    is_off = _spent_s(nearest, _overhead_s(nearest.read)) / pace.seconds(nearest.read)
    return float(is_off ** (1 / (1 + distance(nearest))))


def _overhead_s(read: TokenCost, layer_s: float = _LAYER_S) -> float:
    return (read.layers + 1) * layer_s


def _spent_s(seen: Observation, overhead_s: float) -> float:
    """Return what a token took of the weights: all but the overhead, and at least a fifth."""
    return max(1 / seen.tokens_per_s - overhead_s, 0.2 / seen.tokens_per_s)


def _usable(observations: Iterable[Observation]) -> list[Observation]:
    return [seen for seen in observations if seen.tokens_per_s > 0 and seen.read.total_bytes > 0]


@lru_cache(256)
def _effort(kind: str) -> float:
    name = kind.upper().removeprefix("UD-")
    return next((effort for known, effort in _EFFORT.items() if name.startswith(known)), 1.0)


def _range(rate: float, known: list[Observation]) -> Speed:
    # a quantization without a name counts for nothing: it may be one of the others
    kinds = {seen.read.quantization for seen in known} - {None}
    low, high = _UNKNOWN_RANGE
    if known:
        low, high = _LEARNT_RANGE if len(kinds) < _ENOUGH_QUANTIZATIONS else (1.0, 1.0)
    names = tuple(sorted({seen.name for seen in known if seen.name}))
    return Speed(rate * low, rate * high, Provenance.ESTIMATED, learnt_from=names)


def _unused_layers(header: GgufHeader) -> tuple[str, ...]:
    """Return how the names of tensors begin whose layers only predict further tokens."""
    extra = header.number("nextn_predict_layers") or 0
    total = header.number("block_count") or 0
    return tuple(f"blk.{number}." for number in range(max(0, total - min(extra, 8)), total))
