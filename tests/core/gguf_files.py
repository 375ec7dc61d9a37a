"""Builds GGUF files for tests: whole ones with empty weights, and damaged copies of real ones.

Weights are holes in the file: a model of many gigabytes takes a few kilobytes of disk.
"""

import os
import random
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

Shape = tuple[int, ...]


def write_model(
    path: Path,
    architecture: str,
    metadata: Mapping[str, object],
    tensors: Mapping[str, tuple[Shape, str]],
    *,
    big_endian: bool = False,
) -> Path:
    """Write a GGUF file whose weights are all zero; shapes are as in the file (row first).

    Keys of `metadata` that start with a dot are put below the architecture.
    """
    order = gguf.GGUFEndian.BIG if big_endian else gguf.GGUFEndian.LITTLE
    writer = gguf.GGUFWriter(path, architecture, endianess=order)
    for key, value in metadata.items():
        add_setting(writer, f"{architecture}{key}" if key.startswith(".") else key, value)
    last = 0
    for name, (shape, kind) in tensors.items():
        size = tensor_bytes(shape, kind)
        raw = gguf.GGMLQuantizationType[kind]
        writer.add_tensor_info(name, shape[::-1], np.dtype(np.float32), size, raw_dtype=raw)
        last = _padded(last) + size
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    os.truncate(path, _padded(path.stat().st_size) + last)
    return path


def tensor_bytes(shape: Shape, kind: str) -> int:
    """Return the bytes a tensor takes, by the gguf package's own table."""
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    count = int(np.prod(shape, dtype=np.int64))
    return count // block * size


def _padded(position: int, alignment: int = 32) -> int:
    return -(-position // alignment) * alignment


def add_setting(writer: gguf.GGUFWriter, key: str, value: object) -> None:
    """Write one setting, as the kind of value its Python type suggests."""
    kinds = gguf.GGUFValueType
    if isinstance(value, tuple):
        writer.add_key_value(key, *value)
    elif isinstance(value, bool):
        writer.add_key_value(key, value, kinds.BOOL)
    elif isinstance(value, int):
        writer.add_key_value(key, value, kinds.UINT32)
    elif isinstance(value, float):
        writer.add_key_value(key, value, kinds.FLOAT32)
    elif isinstance(value, str):
        writer.add_key_value(key, value, kinds.STRING)
    else:
        writer.add_key_value(key, value, kinds.ARRAY)


@dataclass(frozen=True)
class Dense:
    """A plain transformer's figures."""

    layers: int = 2
    width: int = 256
    heads: int = 4
    kv_heads: int = 2
    head: int = 64
    feed_forward: int = 512
    vocabulary: int = 1024
    context: int = 4096
    kind: str = "F16"
    tied: bool = True


_NORMS = {
    "llama": ("attn_norm", "ffn_norm"),
    "qwen2": ("attn_norm", "ffn_norm"),
    "qwen3": ("attn_norm", "ffn_norm"),
    "gemma2": ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"),
    "gemma3": ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"),
}


def write_dense(
    path: Path, architecture: str, size: Dense, extra: Mapping[str, object] | None = None
) -> Path:
    """Write a transformer llama.cpp loads: `llama`, `qwen2`, `qwen3`, `gemma2` or `gemma3`."""
    metadata: dict[str, object] = {
        "general.name": f"Synthetic {architecture}",
        "tokenizer.ggml.model": "llama",
        ".vocab_size": size.vocabulary,
        ".context_length": size.context,
        ".embedding_length": size.width,
        ".block_count": size.layers,
        ".feed_forward_length": size.feed_forward,
        ".attention.head_count": size.heads,
        ".attention.head_count_kv": size.kv_heads,
        ".attention.key_length": size.head,
        ".attention.value_length": size.head,
        ".attention.layer_norm_rms_epsilon": 1e-5,
        ".rope.dimension_count": size.head,
        **(extra or {}),
    }
    return write_model(path, architecture, metadata, _dense_tensors(architecture, size))


def _dense_tensors(architecture: str, size: Dense) -> dict[str, tuple[Shape, str]]:
    width, kind = size.width, size.kind
    tensors: dict[str, tuple[Shape, str]] = {
        "token_embd.weight": ((width, size.vocabulary), kind),
        "output_norm.weight": ((width,), "F32"),
    }
    if not size.tied:
        tensors["output.weight"] = ((width, size.vocabulary), kind)
    for layer in range(size.layers):
        prefix = f"blk.{layer}."
        for norm in _NORMS[architecture]:
            tensors[f"{prefix}{norm}.weight"] = ((width,), "F32")
        if architecture in {"gemma3", "qwen3"}:
            tensors[f"{prefix}attn_q_norm.weight"] = ((size.head,), "F32")
            tensors[f"{prefix}attn_k_norm.weight"] = ((size.head,), "F32")
        rows = {
            "attn_q": (width, size.heads * size.head),
            "attn_k": (width, size.kv_heads * size.head),
            "attn_v": (width, size.kv_heads * size.head),
            "attn_output": (size.heads * size.head, width),
            "ffn_gate": (width, size.feed_forward),
            "ffn_up": (width, size.feed_forward),
            "ffn_down": (size.feed_forward, width),
        }
        for name, shape in rows.items():
            tensors[f"{prefix}{name}.weight"] = (shape, kind)
        if architecture == "qwen2":
            for name in ("attn_q", "attn_k", "attn_v"):
                tensors[f"{prefix}{name}.bias"] = ((rows[name][1],), "F32")
    return tensors


@dataclass(frozen=True)
class Field:
    """A number in a header that says how much of something there is, or what something is."""

    what: str
    offset: int
    layout: str
    """Its `struct` format, without the byte order."""


_SCALARS = "BbHhIif?sxQqd"
_STRING, _ARRAY = 8, 9


def header_fields(path: Path) -> tuple[list[Field], int]:
    """Return every number in the header of a whole little-endian file, and the header's length.

    Written apart from the program's own reader, which it is used to test.
    """
    with path.open("rb") as file:
        data = file.read(64 << 20)
    fields = [Field("magic", 0, "I"), Field("version", 4, "I")]
    fields += [Field("tensor count", 8, "Q"), Field("metadata count", 16, "Q")]
    (tensors, settings), at = struct.unpack_from("<QQ", data, 8), 24
    for _ in range(settings):
        at = _setting_fields(data, at, fields)
    for _ in range(tensors):
        at = _tensor_fields(data, at, fields)
    return fields, at


def _setting_fields(data: bytes, at: int, fields: list[Field]) -> int:
    key, at = _text(data, at, "key", fields)
    fields.append(Field(f"type of {key}", at, "I"))
    kind = struct.unpack_from("<I", data, at)[0]
    at += 4
    if kind == _STRING:
        return _text(data, at, f"value of {key}", fields)[1]
    if kind != _ARRAY:
        fields.append(Field(f"value of {key}", at, _SCALARS[kind]))
        return at + struct.calcsize(_SCALARS[kind])
    fields += [Field(f"item type of {key}", at, "I"), Field(f"item count of {key}", at + 4, "Q")]
    item, count = struct.unpack_from("<IQ", data, at)
    at += 12
    if item != _STRING:
        return at + count * struct.calcsize(_SCALARS[item])
    for index in range(count):
        # of a vocabulary's thousands of lengths the ends stand for all
        kept = fields if index in {0, 1, count - 1} else []
        at = _text(data, at, f"item {index} of {key}", kept)[1]
    return at


def _tensor_fields(data: bytes, at: int, fields: list[Field]) -> int:
    name, at = _text(data, at, "tensor name", fields)
    fields.append(Field(f"dimensions of {name}", at, "I"))
    dimensions = struct.unpack_from("<I", data, at)[0]
    at += 4
    for index in range(dimensions):
        fields.append(Field(f"dimension {index} of {name}", at, "Q"))
        at += 8
    fields += [Field(f"type of {name}", at, "I"), Field(f"offset of {name}", at + 4, "Q")]
    return at + 12


def _text(data: bytes, at: int, what: str, fields: list[Field]) -> tuple[str, int]:
    length = struct.unpack_from("<Q", data, at)[0]
    text = data[at + 8 : at + 8 + length].decode("utf-8", "replace")
    fields.append(Field(f"length of {what} {text[:40]!r}", at, "Q"))
    return text, at + 8 + length


def patch(path: Path, offset: int, value: bytes) -> None:
    """Overwrite bytes in the file."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(value)


def store_as(path: Path, tensor: str, number: int) -> None:
    """Say of every tensor whose name begins so that it is of the type with this number."""
    fields, _ = header_fields(path)
    for field in fields:
        if field.what.startswith(f"type of {tensor}"):
            patch(path, field.offset, struct.pack("<I", number))


def damaged_copies(
    path: Path, out_dir: Path, count: int = 200, seed: int = 20261122
) -> Iterator[tuple[str, Path]]:
    """Yield `count` copies of a model with a damaged header: what was done, and the file.

    Cut off, bytes changed, stretches zeroed, scrambled, lost or doubled. The weights are a hole of
    the right length, and each file is deleted when the next is asked for.
    """
    _, header_length = header_fields(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(header_length)
    random_numbers = random.Random(seed)
    for index in range(count):
        what, data, length = _damage(header, size, random_numbers)
        copy = out_dir / f"damaged-{index:04}.gguf"
        copy.write_bytes(data[:length])
        os.truncate(copy, length)
        yield what, copy
        copy.unlink()


def _damage(header: bytes, size: int, numbers: random.Random) -> tuple[str, bytes, int]:
    data = bytearray(header)
    # the beginning holds the settings, the end the list of tensors; the vocabulary fills the middle
    span = numbers.choice([(0, 2_048), (0, len(data)), (max(0, len(data) - 20_000), len(data))])
    at = numbers.randrange(span[0], min(span[1], len(data)))
    length = min(numbers.choice([1, 2, 8, 64, 1_000]), len(data) - at)
    kind = numbers.choice(["cut", "cut", "flip", "flip", "flip", "zero", "noise", "lose", "double"])
    match kind:
        case "cut":
            cut = numbers.choice([at, numbers.randrange(size), len(data)])
            return f"cut off at {cut}", bytes(data), cut
        case "flip":
            places = [numbers.randrange(*span) % len(data) for _ in range(numbers.choice([1, 4]))]
            for place in places:
                data[place] ^= 1 << numbers.randrange(8)
            return f"a bit flipped at {places}", bytes(data), size
        case "zero":
            data[at : at + length] = bytes(length)
        case "noise":
            data[at : at + length] = numbers.randbytes(length)
        case "lose":
            del data[at : at + length]
        case "double":
            data[at:at] = data[at : at + length]
    return f"{kind} {length} bytes at {at}", bytes(data), size


def single_field_edits(
    path: Path, out_dir: Path, *, tensors: int | None = None
) -> Iterator[tuple[str, Path]]:
    """Yield a copy of a model for every number of its header and every value that might hurt.

    With `tensors`, only that many of them, spread over the list, are edited. The weights are a
    hole of the right length. One file is edited, renamed and set right again at the next step.
    """
    fields, header_length = header_fields(path)
    copy = out_dir / "edited.gguf"
    with path.open("rb") as file:
        header = file.read(header_length)
    copy.write_bytes(header)
    os.truncate(copy, path.stat().st_size)
    for index, (field, value) in enumerate(_edits(_spread(fields, tensors), header)):
        edited = out_dir / f"edited-{index:05}.gguf"
        length = struct.calcsize(field.layout)
        _patch(copy, field.offset, value)
        copy.rename(edited)
        yield f"{field.what} = {value.hex()}", edited
        edited.rename(copy)
        _patch(copy, field.offset, header[field.offset : field.offset + length])
    copy.unlink()


def _spread(fields: list[Field], tensors: int | None) -> list[Field]:
    starts = [i for i, field in enumerate(fields) if field.what.startswith("length of tensor name")]
    if tensors is None or tensors >= len(starts):
        return fields
    bounds = [*starts, len(fields)]
    chosen = {round(i * (len(starts) - 1) / max(1, tensors - 1)) for i in range(tensors)}
    kept = fields[: starts[0]]
    for index in sorted(chosen):
        kept += fields[bounds[index] : bounds[index + 1]]
    return kept


def _edits(fields: list[Field], header: bytes) -> Iterator[tuple[Field, bytes]]:
    for field in fields:
        length = struct.calcsize(field.layout)
        before = header[field.offset : field.offset + length]
        values = [_hurtful(field.layout, before), _types(field)]
        for value in dict.fromkeys(item for group in values for item in group):
            if value != before:
                yield field, value


def _hurtful(layout: str, before: bytes) -> list[bytes]:
    if layout in "fd":
        numbers = (0.0, -1.0, float("inf"), float("nan"), 1e38)
        return [struct.pack(f"<{layout}", number) for number in numbers]
    bits = 8 * len(before)
    now = int.from_bytes(before, "little")
    highest = 2 ** (bits - 1)
    numbers = {0, 1, 2, now + 1, now - 1, now * 2, 600, highest - 1, highest, 2**bits - 1}
    return [(number % 2**bits).to_bytes(len(before), "little") for number in sorted(numbers)]


def _types(field: Field) -> list[bytes]:
    if "type of" not in field.what:
        return []
    return [number.to_bytes(4, "little") for number in range(14)]


def _patch(path: Path, offset: int, value: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(value)


def slim_copy(path: Path, out: Path, longest: int = 8, layers: int | None = None) -> Path:
    """Write a model's header with its long lists cut short: the same fields, faster to read.

    With `layers`, the tensors of the layers after those are left out: they are all alike.
    """
    _, header_length = header_fields(path)
    with path.open("rb") as file:
        data = file.read(header_length)
    (count,), at, kept = struct.unpack_from("<Q", data, 16), 24, bytearray(data[:24])
    for _ in range(count):
        start, ignored = at, []
        at = _setting_fields(data, at, ignored)
        kept += _shortened(data[start:at], longest)
    kept += data[at:] if layers is None else _first_layers(data, at, layers, kept)
    out.write_bytes(kept)
    os.truncate(out, path.stat().st_size)
    return out


def _first_layers(data: bytes, at: int, layers: int, head: bytearray) -> bytes:
    """Return what describes the tensors of the first layers; their number goes into `head`."""
    (count,), kept, left_out = struct.unpack_from("<Q", data, 8), [], 0
    for index in range(count):
        start, (name, _) = at, _text(data, at, "name", [])
        at = _tensor_fields(data, at, [])
        (offset,) = struct.unpack_from("<Q", data, at - 8)
        if not name.startswith("blk.") or int(name.split(".")[1]) < layers:
            # they follow each other without a gap
            kept.append(data[start : at - 8] + struct.pack("<Q", offset - left_out))
        elif index + 1 < count:
            following = struct.unpack_from("<Q", data, _tensor_fields(data, at, []) - 8)[0]
            left_out += following - offset
    struct.pack_into("<Q", head, 8, len(kept))
    return b"".join(kept)


def _shortened(setting: bytes, longest: int) -> bytes:
    key = 8 + struct.unpack_from("<Q", setting, 0)[0]
    if struct.unpack_from("<I", setting, key)[0] != _ARRAY:
        return setting
    item, count = struct.unpack_from("<IQ", setting, key + 4)
    kept = min(count, longest)
    at = key + 16
    for _ in range(kept):
        if item == _STRING:
            at += 8 + struct.unpack_from("<Q", setting, at)[0]
        else:
            at += struct.calcsize(_SCALARS[item])
    return setting[: key + 4] + struct.pack("<IQ", item, kept) + setting[key + 16 : at]
