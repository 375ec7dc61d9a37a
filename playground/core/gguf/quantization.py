"""What the usual quantizations cost and lose.

Bits per weight as llama.cpp's own table gives them for an 8-billion model
(https://github.com/ggml-org/llama.cpp/blob/master/tools/quantize/README.md); names with other
makers' endings (`Q4_K_XL`) count as their family.
"""

import re

_BITS = {
    "F32": 32.0,
    "BF16": 16.0,
    "F16": 16.0,
    "Q8_0": 8.5,
    "Q6_K": 6.56,
    "Q5_K_M": 5.70,
    "Q5_K_S": 5.57,
    "Q5_1": 6.0,
    "Q5_0": 5.5,
    "Q4_K_M": 4.89,
    "Q4_K_S": 4.67,
    "Q4_1": 5.13,
    "Q4_0": 4.66,
    "IQ4_NL": 4.68,
    "IQ4_XS": 4.46,
    "MXFP4": 4.25,
    "NVFP4": 4.5,
    "Q3_K_L": 4.30,
    "Q3_K_M": 4.00,
    "Q3_K_S": 3.64,
    "IQ3_M": 3.76,
    "IQ3_S": 3.66,
    "IQ3_XS": 3.50,
    "IQ3_XXS": 3.25,
    "Q2_K": 3.16,
    "Q2_K_S": 2.97,
    "IQ2_M": 2.93,
    "IQ2_S": 2.74,
    "IQ2_XS": 2.59,
    "IQ2_XXS": 2.38,
    "IQ1_M": 2.15,
    "IQ1_S": 2.00,
    "TQ2_0": 2.06,
    "TQ1_0": 1.69,
    "Q2_0": 2.25,
    "Q1_0": 1.13,
}
_FAMILIES = (re.compile(r"I?Q\d_K|TQ\d|MXFP4|NVFP4|BF16|F16|F32"), re.compile(r"I?Q\d"))
_USUALLY_MADE = ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K")
_NOTICEABLY = 0.95
USUAL_BITS = 4.9
"""Bits for each weight of what is most often taken, `Q4_K_M`."""


def bits_per_weight(quantization: str | None) -> float | None:
    """Return about how many bits a weight takes, or `None` for an unknown name."""
    if not quantization:
        return None
    name = quantization.upper().removeprefix("UD-")
    if name in _BITS:
        return _BITS[name]
    for families in _FAMILIES:
        family = families.match(name)
        similar = [bits for known, bits in _BITS.items() if family and known.startswith(family[0])]
        if similar:
            return sorted(similar)[len(similar) // 2]
    return None


def estimated_bytes(parameters: int, quantization: str | None) -> int | None:
    """Return about what a model of `parameters` weights takes on disk."""
    bits = bits_per_weight(quantization)
    return None if bits is None else round(parameters * bits / 8)


def smaller_versions(parameters: int, size_bytes: int) -> tuple[tuple[str, int], ...]:
    """Return the versions usually made of a model that are smaller: name and about its bytes."""
    sizes = ((name, estimated_bytes(parameters, name)) for name in _USUALLY_MADE)
    return tuple(
        (name, size) for name, size in sizes if size is not None and size < size_bytes * _NOTICEABLY
    )
