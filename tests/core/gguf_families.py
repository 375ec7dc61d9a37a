"""Whole models of several families with empty weights, large enough that memory can be measured.

Shapes and settings are those `load_arch_tensors` of llama.cpp's `src/models/` asks for. Weights
are holes in the file; every answer is `<unk>`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from tests.core.gguf_files import Dense, Shape, write_dense, write_model

END = 2
"""The token that ends an answer."""
_VOCABULARY = 32_768
_CONTEXT = 65_536
_EPSILON = ".attention.layer_norm_rms_epsilon"
Tensors = dict[str, tuple[Shape, str]]


def vocabulary(count: int) -> dict[str, object]:
    """Return the settings of a tokenizer with `count` tokens: bytes, and words `w0`, `w1` …"""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    # unknown, control, byte and normal, as `enum llama_token_type` numbers them
    kinds = [2, 3, 3, *[6] * 256, *[1] * (count - len(tokens))]
    tokens += [f"\u2581w{index}" for index in range(count - len(tokens))]
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [-float(index) for index in range(count)],
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": END,
        "tokenizer.ggml.add_bos_token": True,
    }


def _dense(
    architecture: str, size: Dense, extra: Mapping[str, object] | None = None
) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        return write_dense(path, architecture, size, {**vocabulary(_VOCABULARY), **(extra or {})})

    return write


def _write(
    path: Path, architecture: str, width: int, settings: Mapping[str, object], tensors: Tensors
) -> Path:
    metadata = {
        "general.name": f"Synthetic {architecture}",
        ".context_length": _CONTEXT,
        ".embedding_length": width,
        ".vocab_size": _VOCABULARY,
        _EPSILON: 1e-5,
        **settings,
        **vocabulary(_VOCABULARY),
    }
    last = "token_embd_norm" if architecture == "lfm2" else "output_norm"
    ends: Tensors = {
        "token_embd.weight": ((width, _VOCABULARY), "Q8_0"),
        f"{last}.weight": ((width,), "F32"),
    }
    return write_model(path, architecture, metadata, ends | tensors)


def _feed_forward(blk: str, width: int, length: int, kind: str) -> Tensors:
    return {
        f"{blk}ffn_norm.weight": ((width,), "F32"),
        f"{blk}ffn_gate.weight": ((width, length), kind),
        f"{blk}ffn_up.weight": ((width, length), kind),
        f"{blk}ffn_down.weight": ((length, width), kind),
    }


def _experts(blk: str, width: int, length: int, count: int, kind: str) -> Tensors:
    return {
        f"{blk}ffn_gate_inp.weight": ((width, count), "F32"),
        f"{blk}ffn_gate_exps.weight": ((width, length, count), kind),
        f"{blk}ffn_up_exps.weight": ((width, length, count), kind),
        f"{blk}ffn_down_exps.weight": ((length, width, count), kind),
    }


def _shared_expert(blk: str, width: int, length: int, kind: str) -> Tensors:
    return {
        f"{blk}ffn_gate_shexp.weight": ((width, length), kind),
        f"{blk}ffn_up_shexp.weight": ((width, length), kind),
        f"{blk}ffn_down_shexp.weight": ((length, width), kind),
    }


def _attention(
    blk: str, width: int, heads: int, kv_heads: int, head: int, kind: str, *, gated: bool = False
) -> Tensors:
    return {
        f"{blk}attn_q.weight": ((width, heads * head * (2 if gated else 1)), kind),
        f"{blk}attn_k.weight": ((width, kv_heads * head), kind),
        f"{blk}attn_v.weight": ((width, kv_heads * head), kind),
        f"{blk}attn_output.weight": ((heads * head, width), kind),
    }


def _head_norms(blk: str, head: int) -> Tensors:
    return {
        f"{blk}attn_q_norm.weight": ((head,), "F32"),
        f"{blk}attn_k_norm.weight": ((head,), "F32"),
    }


def write_qwen3moe(path: Path) -> Path:
    """Write a mixture of experts: 32 of them, 4 are asked."""
    layers, width, heads, kv_heads, head, length = 6, 1_024, 16, 8, 128, 384
    tensors: Tensors = {}
    for blk in (f"blk.{layer}." for layer in range(layers)):
        tensors |= {f"{blk}attn_norm.weight": ((width,), "F32")}
        tensors |= {f"{blk}ffn_norm.weight": ((width,), "F32")}
        tensors |= _attention(blk, width, heads, kv_heads, head, "Q8_0") | _head_norms(blk, head)
        tensors |= _experts(blk, width, length, 32, "Q4_0")
    settings = {
        ".block_count": layers,
        ".feed_forward_length": 3_072,
        ".expert_count": 32,
        ".expert_used_count": 4,
        ".expert_feed_forward_length": length,
        ".attention.head_count": heads,
        ".attention.head_count_kv": kv_heads,
        ".attention.key_length": head,
        ".attention.value_length": head,
        ".rope.dimension_count": head,
    }
    return _write(path, "qwen3moe", width, settings, tensors)


def write_deepseek2(path: Path) -> Path:
    """Write a model with latent attention (MLA) and experts beside a shared one."""
    layers, width, heads, length = 10, 1_024, 16, 512
    latent, rope, plain, value = 512, 64, 128, 128
    tensors: Tensors = {}
    for layer in range(layers):
        blk = f"blk.{layer}."
        tensors |= {
            f"{blk}attn_norm.weight": ((width,), "F32"),
            f"{blk}attn_q_a.weight": ((width, 768), "Q8_0"),
            f"{blk}attn_q_a_norm.weight": ((768,), "F32"),
            f"{blk}attn_q_b.weight": ((768, heads * (plain + rope)), "Q8_0"),
            f"{blk}attn_kv_a_mqa.weight": ((width, latent + rope), "Q8_0"),
            f"{blk}attn_kv_a_norm.weight": ((latent,), "F32"),
            f"{blk}attn_k_b.weight": ((plain, latent, heads), "Q8_0"),
            f"{blk}attn_v_b.weight": ((latent, value, heads), "Q8_0"),
            f"{blk}attn_output.weight": ((heads * value, width), "Q8_0"),
        }
        if layer == 0:
            tensors |= _feed_forward(blk, width, 4_096, "Q8_0")
            continue
        tensors |= {f"{blk}ffn_norm.weight": ((width,), "F32")}
        tensors |= _experts(blk, width, length, 16, "Q4_K")
        tensors |= _shared_expert(blk, width, length, "Q4_K")
    settings = {
        ".block_count": layers,
        ".feed_forward_length": 4_096,
        ".leading_dense_block_count": 1,
        ".expert_count": 16,
        ".expert_used_count": 4,
        ".expert_shared_count": 1,
        ".expert_feed_forward_length": length,
        ".expert_weights_scale": 1.0,
        ".expert_gating_func": 1,
        ".attention.head_count": heads,
        ".attention.head_count_kv": 1,
        ".attention.key_length": latent + rope,
        ".attention.value_length": latent,
        ".attention.key_length_mla": plain + rope,
        ".attention.value_length_mla": value,
        ".attention.kv_lora_rank": latent,
        ".attention.q_lora_rank": 768,
        ".rope.dimension_count": rope,
    }
    return _write(path, "deepseek2", width, settings, tensors)


def write_mamba(path: Path) -> Path:
    """Write a model without attention (Mamba)."""
    layers, width, inner, state, rank = 24, 1_024, 2_048, 16, 64
    tensors: Tensors = {}
    for blk in (f"blk.{layer}." for layer in range(layers)):
        tensors |= {
            f"{blk}attn_norm.weight": ((width,), "F32"),
            f"{blk}ssm_in.weight": ((width, 2 * inner), "F16"),
            f"{blk}ssm_conv1d.weight": ((4, inner), "F32"),
            f"{blk}ssm_conv1d.bias": ((inner,), "F32"),
            f"{blk}ssm_x.weight": ((inner, rank + 2 * state), "F16"),
            f"{blk}ssm_dt.weight": ((rank, inner), "F32"),
            f"{blk}ssm_dt.bias": ((inner,), "F32"),
            f"{blk}ssm_a": ((state, inner), "F32"),
            f"{blk}ssm_d": ((inner,), "F32"),
            f"{blk}ssm_out.weight": ((inner, width), "F16"),
        }
    settings = {
        ".block_count": layers,
        ".feed_forward_length": 0,
        ".attention.head_count": 0,
        ".ssm.conv_kernel": 4,
        ".ssm.inner_size": inner,
        ".ssm.state_size": state,
        ".ssm.time_step_rank": rank,
    }
    return _write(path, "mamba", width, settings, tensors)


_STATE, _GROUPS, _RANK = 128, 2, 32


def _mamba2_layer(blk: str, width: int, inner: int) -> Tensors:
    mixed = inner + 2 * _GROUPS * _STATE
    return {
        f"{blk}ssm_in.weight": ((width, inner + mixed + _RANK), "Q8_0"),
        f"{blk}ssm_conv1d.weight": ((4, mixed), "F32"),
        f"{blk}ssm_conv1d.bias": ((mixed,), "F32"),
        f"{blk}ssm_dt.bias": ((_RANK,), "F32"),
        f"{blk}ssm_a": ((1, _RANK), "F32"),
        f"{blk}ssm_d": ((1, _RANK), "F32"),
        f"{blk}ssm_norm.weight": ((inner // _GROUPS, _GROUPS), "F32"),
        f"{blk}ssm_out.weight": ((inner, width), "Q8_0"),
    }


def _mamba2_settings(inner: int) -> dict[str, object]:
    return {
        ".ssm.conv_kernel": 4,
        ".ssm.inner_size": inner,
        ".ssm.state_size": _STATE,
        ".ssm.group_count": _GROUPS,
        ".ssm.time_step_rank": _RANK,
    }


def write_mamba2(path: Path) -> Path:
    """Write a model without attention (Mamba 2)."""
    layers, width, inner = 24, 1_024, 2_048
    tensors: Tensors = {}
    for blk in (f"blk.{layer}." for layer in range(layers)):
        tensors |= {f"{blk}attn_norm.weight": ((width,), "F32")}
        tensors |= _mamba2_layer(blk, width, inner)
    settings = {
        ".block_count": layers,
        ".feed_forward_length": 0,
        ".attention.head_count": 0,
        **_mamba2_settings(inner),
    }
    return _write(path, "mamba2", width, settings, tensors)


def write_granitehybrid(path: Path) -> Path:
    """Write a model in which one layer of four attends, and the others are Mamba 2."""
    layers, width, inner, heads, kv_heads, head = 12, 1_024, 2_048, 8, 4, 128
    tensors: Tensors = {}
    for layer in range(layers):
        blk = f"blk.{layer}."
        tensors |= {f"{blk}attn_norm.weight": ((width,), "F32")}
        if layer % 4 == 3:
            tensors |= _attention(blk, width, heads, kv_heads, head, "Q8_0")
        else:
            tensors |= _mamba2_layer(blk, width, inner)
        tensors |= _feed_forward(blk, width, 2_048, "Q8_0")
    settings = {
        ".block_count": layers,
        ".feed_forward_length": 2_048,
        ".attention.head_count": heads,
        ".attention.head_count_kv": [kv_heads if n % 4 == 3 else 0 for n in range(layers)],
        ".rope.dimension_count": head,
        **_mamba2_settings(inner),
    }
    return _write(path, "granitehybrid", width, settings, tensors)


def write_lfm2(path: Path) -> Path:
    """Write a model in which one layer of three attends, and the others are short convolutions."""
    layers, width, heads, kv_heads, length = 12, 1_024, 16, 8, 4_608
    head = width // heads
    tensors: Tensors = {}
    for layer in range(layers):
        blk = f"blk.{layer}."
        tensors |= {f"{blk}attn_norm.weight": ((width,), "F32")}
        if layer % 3 == 2:
            tensors |= _attention(blk, width, heads, kv_heads, head, "Q4_0")
            tensors |= _head_norms(blk, head)
        else:
            tensors |= {
                f"{blk}shortconv.conv.weight": ((3, width), "F32"),
                f"{blk}shortconv.in_proj.weight": ((width, 3 * width), "Q4_0"),
                f"{blk}shortconv.out_proj.weight": ((width, width), "Q4_0"),
            }
        tensors |= _feed_forward(blk, width, length, "Q4_0")
    settings = {
        ".block_count": layers,
        ".feed_forward_length": length,
        ".shortconv.l_cache": 3,
        ".attention.head_count": heads,
        ".attention.head_count_kv": [kv_heads if n % 3 == 2 else 0 for n in range(layers)],
    }
    return _write(path, "lfm2", width, settings, tensors)


def write_qwen3next(path: Path) -> Path:
    """Write a model in which one layer of four attends, and the others are gated delta nets."""
    layers, width, heads, kv_heads, head, length = 8, 1_024, 8, 2, 256, 256
    groups, state, rank = 8, 128, 16
    keys, values = groups * state, rank * state
    tensors: Tensors = {}
    for layer in range(layers):
        blk = f"blk.{layer}."
        tensors |= {
            f"{blk}attn_norm.weight": ((width,), "F32"),
            f"{blk}post_attention_norm.weight": ((width,), "F32"),
            f"{blk}ffn_gate_inp_shexp.weight": ((width,), "F32"),
        }
        if layer % 4 == 3:
            tensors |= _attention(blk, width, heads, kv_heads, head, "Q8_0", gated=True)
            tensors |= _head_norms(blk, head)
        else:
            tensors |= {
                f"{blk}attn_qkv.weight": ((width, 2 * keys + values), "Q8_0"),
                f"{blk}attn_gate.weight": ((width, values), "Q8_0"),
                f"{blk}ssm_conv1d.weight": ((4, 2 * keys + values), "F32"),
                f"{blk}ssm_dt.bias": ((rank,), "F32"),
                f"{blk}ssm_a": ((rank,), "F32"),
                f"{blk}ssm_ba.weight": ((width, 2 * rank), "Q8_0"),
                f"{blk}ssm_norm.weight": ((state,), "F32"),
                f"{blk}ssm_out.weight": ((values, width), "Q8_0"),
            }
        tensors |= _experts(blk, width, length, 32, "Q4_K")
        tensors |= _shared_expert(blk, width, length, "Q8_0")
    settings = {
        ".block_count": layers,
        ".feed_forward_length": 2_048,
        ".expert_count": 32,
        ".expert_used_count": 4,
        ".expert_feed_forward_length": length,
        ".expert_shared_feed_forward_length": length,
        ".attention.head_count": heads,
        ".attention.head_count_kv": kv_heads,
        ".attention.key_length": head,
        ".attention.value_length": head,
        ".rope.dimension_count": head // 4,
        ".ssm.conv_kernel": 4,
        ".ssm.inner_size": values,
        ".ssm.state_size": state,
        ".ssm.time_step_rank": rank,
        ".ssm.group_count": groups,
    }
    return _write(path, "qwen3next", width, settings, tensors)


_LARGE = Dense(
    layers=12,
    width=1_024,
    heads=16,
    kv_heads=8,
    head=64,
    feed_forward=4_096,
    vocabulary=_VOCABULARY,
    context=_CONTEXT,
)
_SLIDING = {".attention.sliding_window": 512, ".attention.sliding_window_pattern": 6}


def _large(kind: str, **changes: int) -> Dense:
    return replace(_LARGE, kind=kind, **changes)


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "llama, rearranged": _dense("llama", _large("Q4_K")),
    "llama, as it is": _dense("llama", _large("F16", layers=8)),
    "qwen2": _dense("qwen2", _large("Q8_0")),
    "qwen3": _dense("qwen3", _large("Q4_0", head=128)),
    "gemma3, sliding windows": _dense("gemma3", _large("Q8_0", head=128), _SLIDING),
    "deepseek2, latent attention": write_deepseek2,
    "mamba": write_mamba,
    "mamba2": write_mamba2,
    "granitehybrid": write_granitehybrid,
    "lfm2": write_lfm2,
    "qwen3next": write_qwen3next,
    "qwen3moe, experts": write_qwen3moe,
}
"""A family's name → what writes a model of it; 70 to 250 MB each, all of it holes."""
