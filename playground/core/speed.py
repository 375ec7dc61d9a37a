"""How fast a model file would answer: from memory bandwidth, and from what has run here.

Writing one token reads every weight that takes part in it once, so the speed is bounded by how
fast memory is read: tokens/s = bytes/s ÷ bytes per token (the roofline of Williams et al., 2009).
How much of the bandwidth is reached differs by a factor of two between quantizations, because
unpacking them is work for the processor.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from playground.core.gguf_header import GgufHeader
from playground.core.requirements import Speed
from playground.core.runs import Provenance

_EFFICIENCY = {
    "F32": 0.85,
    "F16": 0.75,
    "BF16": 0.65,
    "Q8_0": 0.80,
    "Q6_K": 0.55,
    "Q5_K": 0.55,
    "Q5_": 0.45,
    "Q4_K": 0.60,
    "Q4_": 0.65,
    "Q3_K": 0.45,
    "Q2_K": 0.40,
    "IQ4": 0.50,
    "MXFP4": 0.55,
    "NVFP4": 0.50,
    "IQ": 0.25,
    "TQ": 0.30,
}
"""Share of the memory bandwidth a quantization reaches on a processor of a few cores: where nothing
has run yet. Measured on two x86-64 cores; `tests/bench/speed_prediction.py` measures it again."""
_USUAL_EFFICIENCY = 0.5
TOKEN_OVERHEAD_S = 0.0008
"""What every token takes beside reading the weights; it only shows with very small models."""
_LOOKED_UP = ("token_embd.", "position_embd.", "token_types.", "per_layer_token_embd.")
"""Tensors of which one row is read for a token."""
_UNKNOWN_LOW, _UNKNOWN_HIGH = 0.5, 1.5
_LEARNT_LOW, _LEARNT_HIGH = 0.7, 1.35
ENOUGH_QUANTIZATIONS = 2
"""So many different quantizations must have run here before one figure is given, not a range."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A model that has answered here: what it read for a token, and how fast."""

    quantization: str | None
    bytes_per_token: int
    tokens_per_s: float

    @property
    def bytes_per_s(self) -> float:
        """The bandwidth it reached while it read its weights."""
        spent_s = 1 / self.tokens_per_s - TOKEN_OVERHEAD_S
        return self.bytes_per_token / max(spent_s, 0.2 / self.tokens_per_s)


def bytes_per_token(header: GgufHeader, conversation_bytes: int = 0) -> int:
    """Return the bytes read to write one token, `conversation_bytes` of them for what was said.

    Of a mixture of experts only those that are asked count; of an embedding one row, unless it
    serves as the output as well.
    """
    is_tied = not any(tensor.name == "output.weight" for tensor in header.tensors)
    used = header.number("expert_used_count")
    experts = header.number("expert_count")
    total = 0
    for tensor in header.tensors:
        is_output = tensor.name == "token_embd.weight" and is_tied
        if tensor.name.startswith(_LOOKED_UP) and not is_output:
            continue
        if "_exps." in tensor.name and used and experts:
            total += tensor.size_bytes * min(used, experts) // experts
        else:
            total += tensor.size_bytes
    return total + conversation_bytes


def predict(
    read_bytes: int,
    quantization: str | None,
    bandwidth_bytes_per_s: float | None,
    observations: Iterable[Observation] = (),
) -> Speed | None:
    """Return the expected speed of a model that reads `read_bytes` for a token; `None`: unknown.

    A range until two quantizations have run here; then one figure. What ran with the same
    quantization counts, the nearest in size first; else all that ran, each brought over by the
    usual ratio between the two.
    """
    if read_bytes <= 0:
        return None
    known = [seen for seen in observations if seen.tokens_per_s > 0]
    reached = _learnt(read_bytes, quantization, known)
    if reached is None:
        if bandwidth_bytes_per_s is None:
            return None
        rate = tokens_per_s(read_bytes, bandwidth_bytes_per_s * efficiency(quantization))
        return Speed(rate * _UNKNOWN_LOW, rate * _UNKNOWN_HIGH, Provenance.ESTIMATED)
    rate = tokens_per_s(read_bytes, reached)
    if len({seen.quantization for seen in known}) < ENOUGH_QUANTIZATIONS:
        return Speed(rate * _LEARNT_LOW, rate * _LEARNT_HIGH, Provenance.ESTIMATED)
    return Speed(rate, rate, Provenance.ESTIMATED)


def tokens_per_s(
    read_bytes: int, bytes_per_s: float, overhead_s: float = TOKEN_OVERHEAD_S
) -> float:
    """Return the speed of a model that reads `read_bytes` for a token."""
    return 1 / (read_bytes / bytes_per_s + overhead_s)


def efficiency(quantization: str | None) -> float:
    """Return the share of the bandwidth a quantization usually reaches."""
    name = (quantization or "").upper().removeprefix("UD-")
    return next(
        (share for known, share in _EFFICIENCY.items() if name.startswith(known)), _USUAL_EFFICIENCY
    )


def _learnt(read_bytes: int, quantization: str | None, known: list[Observation]) -> float | None:
    """Return the bandwidth, in bytes/s, that what has run here lets expect."""
    same = [seen for seen in known if quantization and seen.quantization == quantization]
    if same:
        # a small model spends a larger share of its time outside the weights
        same.sort(key=lambda seen: abs(seen.bytes_per_token - read_bytes))
        return median(seen.bytes_per_s for seen in same[:3])
    if not known:
        return None
    share = efficiency(quantization)
    return median(seen.bytes_per_s * share / efficiency(seen.quantization) for seen in known)
