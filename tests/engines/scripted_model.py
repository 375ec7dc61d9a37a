"""A real GGUF model of a megabyte that says exactly what it is told to say.

Its layers do nothing, each token's embedding is its own direction, and the output matrix maps each
token to the one that follows it: a chain. So tags, stop strings and split characters can be tested
through the real loader, tokenizer and decode loop.
"""

from collections.abc import Sequence
from pathlib import Path

import gguf
import numpy as np

WIDTH = 512
CHATML = (
    "{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
_CONTROL = ("<s>", "</s>", "<|start|>", "<|end|>")
_END = 2
_FIRST_BYTE = 5


def write_scripted_model(
    path: Path,
    pieces: Sequence[str | int],
    *,
    template: str | None = CHATML,
    context_length: int = 4096,
    ends: bool = True,
) -> Path:
    """Write a model whose every answer is `pieces`: texts, or single bytes as numbers.

    Without `ends` the last piece is repeated until something else stops it.
    """
    tokens = [b"<unk>", *(text.encode() for text in _CONTROL)]
    tokens += [f"<0x{byte:02X}>".encode() for byte in range(256)]
    kinds = [gguf.TokenType.UNKNOWN, *[gguf.TokenType.CONTROL] * 4, *[gguf.TokenType.BYTE] * 256]
    script: list[int] = []
    for piece in pieces:
        if isinstance(piece, int):
            script.append(_FIRST_BYTE + piece)
            continue
        script.append(len(tokens))
        tokens.append(piece.replace(" ", "\u2581").encode())
        kinds.append(gguf.TokenType.NORMAL)
    assert len(set(script)) == len(script), "a chain needs each token once"
    assert len(tokens) <= WIDTH
    following = {token: script[0] for token in range(len(tokens))}
    following.update(zip(script, script[1:], strict=False))
    following[script[-1]] = _END if ends else script[-1]
    _write(path, tokens, kinds, following, template, context_length)
    return path


def _write(
    path: Path,
    tokens: list[bytes],
    kinds: list[gguf.TokenType],
    following: dict[int, int],
    template: str | None,
    context_length: int,
) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("Scripted")
    writer.add_context_length(context_length)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(8)
    writer.add_head_count_kv(8)
    writer.add_rope_dimension_count(WIDTH // 8)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(_END)
    writer.add_add_bos_token(True)
    if template is not None:
        writer.add_chat_template(template)
    zeros, ones = _matrix(WIDTH, WIDTH), np.ones(WIDTH, np.float32)
    output = _matrix(len(tokens), WIDTH)
    for token, successor in following.items():
        output[successor, token] = 1.0
    writer.add_tensor("token_embd.weight", np.eye(len(tokens), WIDTH, dtype=np.float32))
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", ones)
    writer.add_tensor("blk.0.attn_norm.weight", ones)
    writer.add_tensor("blk.0.ffn_norm.weight", ones)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        writer.add_tensor(f"blk.0.{name}.weight", zeros)
    writer.add_tensor("blk.0.ffn_gate.weight", _matrix(32, WIDTH))
    writer.add_tensor("blk.0.ffn_up.weight", _matrix(32, WIDTH))
    writer.add_tensor("blk.0.ffn_down.weight", _matrix(WIDTH, 32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _matrix(rows: int, columns: int) -> np.ndarray:
    return np.zeros((rows, columns), np.float32)
