"""Models that speak: random weights in any quantization, and a small vocabulary that tokenizes.

How fast a model answers does not depend on what it says, so these stand in for real ones where
speed or memory is looked at.
"""

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

from tests.core.gguf_families import END, vocabulary
from tests.core.gguf_files import add_setting, tensor_bytes

VOCABULARY = 4_096
_SCALES = {
    "Q4_0": (0,),
    "Q4_1": (0, 2),
    "Q5_0": (0,),
    "Q5_1": (0, 2),
    "Q8_0": (0,),
    "Q2_K": (80, 82),
    "Q3_K": (108,),
    "Q4_K": (0, 2),
    "Q5_K": (0, 2),
    "Q6_K": (208,),
    "IQ4_NL": (0,),
    "IQ4_XS": (0,),
}
"""Tensor type → where in a block its scales are (`ggml/src/ggml-common.h`), as 16-bit floats."""


@dataclass(frozen=True)
class Speaker:
    """A llama's figures."""

    layers: int = 7
    width: int = 1_536
    heads: int = 12
    kv_heads: int = 4
    feed_forward: int = 4_096
    context: int = 4_096


MIXED = {"Q4_K_M": ("Q4_K", "Q6_K"), "Q5_K_M": ("Q5_K", "Q6_K"), "Q3_K_M": ("Q3_K", "Q5_K")}
"""Usual mixtures: what most tensors are, and what the output and half of the others are."""


def write_speaker(path: Path, quantization: str, size: Speaker, *, seed: int = 1) -> Path:
    """Write a llama of random weights that answers at length; it never ends by itself."""
    most, some = MIXED.get(quantization, (quantization, quantization))
    name = f"MOSTLY_{quantization}" if quantization != "F32" else "ALL_F32"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(f"Speaker {quantization}")
    writer.add_file_type(gguf.LlamaFileType[name])
    _add_figures(writer, size)
    for key, value in vocabulary(VOCABULARY).items():
        add_setting(writer, key, value)
    numbers = np.random.default_rng(seed)
    for tensor, (rows, columns) in _matrices(size).items():
        layer = int(tensor.split(".")[1]) if tensor.startswith("blk.") else 0
        is_better = tensor == "output.weight" or (
            layer % 2 == 0 and ("ffn_down" in tensor or "attn_v" in tensor)
        )
        _add_matrix(writer, tensor, rows, columns, some if is_better else most, numbers)
    for tensor in _norms(size):
        writer.add_tensor(tensor, np.ones(size.width, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_figures(writer: gguf.GGUFWriter, size: Speaker) -> None:
    writer.add_context_length(size.context)
    writer.add_embedding_length(size.width)
    writer.add_block_count(size.layers)
    writer.add_feed_forward_length(size.feed_forward)
    writer.add_head_count(size.heads)
    writer.add_head_count_kv(size.kv_heads)
    writer.add_rope_dimension_count(size.width // size.heads)
    writer.add_layer_norm_rms_eps(1e-5)


def _matrices(size: Speaker) -> dict[str, tuple[int, int]]:
    width, kv_width = size.width, size.width // size.heads * size.kv_heads
    found = {"token_embd.weight": (VOCABULARY, width), "output.weight": (VOCABULARY, width)}
    for layer in range(size.layers):
        found |= {
            f"blk.{layer}.attn_q.weight": (width, width),
            f"blk.{layer}.attn_k.weight": (kv_width, width),
            f"blk.{layer}.attn_v.weight": (kv_width, width),
            f"blk.{layer}.attn_output.weight": (width, width),
            f"blk.{layer}.ffn_gate.weight": (size.feed_forward, width),
            f"blk.{layer}.ffn_up.weight": (size.feed_forward, width),
            f"blk.{layer}.ffn_down.weight": (width, size.feed_forward),
        }
    return found


def _norms(size: Speaker) -> list[str]:
    each = [f"blk.{n}.{kind}_norm.weight" for n in range(size.layers) for kind in ("attn", "ffn")]
    return [*each, "output_norm.weight"]


def _add_matrix(
    writer: gguf.GGUFWriter,
    name: str,
    rows: int,
    columns: int,
    kind: str,
    numbers: np.random.Generator,
) -> None:
    raw = gguf.GGMLQuantizationType[kind]
    if kind in {"F32", "F16", "BF16"}:
        values = numbers.standard_normal((rows, columns), np.float32) * np.float32(0.02)
        if name == "output.weight":
            values[END] = 0.0
        data = gguf.quants.quantize(values, raw)
        writer.add_tensor(name, data, raw_dtype=raw)
        return
    block_bytes = gguf.GGML_QUANT_SIZES[raw][1]
    data = numbers.integers(0, 256, tensor_bytes((columns, rows), kind), np.uint8)
    blocks = data.reshape(-1, block_bytes)
    # large blocks have scales within them, which multiply
    scale = np.float16(0.0001 if tensor_bytes((256,), kind) == block_bytes else 0.002)
    for place in _SCALES[kind]:
        blocks[:, place : place + 2] = np.frombuffer(scale.tobytes(), np.uint8)
    data = blocks.reshape(rows, -1)
    if name == "output.weight":
        # its logit is 0, and some other is always above: an answer never ends
        data[END] = 0
    writer.add_tensor(name, data, raw_dtype=raw)
