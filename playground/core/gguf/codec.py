"""Writes a header down small, and reads it back, so that no file is opened twice."""

import json
import zlib
from typing import Any

from playground.core.gguf.header import ArraySummary, GgufHeader, TensorInfo, Value
from playground.core.gguf.types import TENSOR_TYPES, unsupported_type

VERSION = 1
_LARGEST = 64 << 20
_TYPES = {kind.name: kind for kind in TENSOR_TYPES.values()}


def dumps(header: GgufHeader) -> bytes:
    """Return the header as compressed JSON."""
    data = {
        "format": VERSION,
        "version": header.version,
        "order": header.byte_order,
        "metadata": {key: _packed(value) for key, value in header.metadata.items()},
        "tensors": [[t.name, t.shape, t.type.name, t.offset] for t in header.tensors],
        "offset": header.data_offset,
        "size": header.file_size,
    }
    return zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 1)


def loads(data: bytes) -> GgufHeader | None:
    """Return the header, or `None` where `data` is damaged or of another version."""
    try:
        unpacked = zlib.decompressobj().decompress(data, _LARGEST)
        found: dict[str, Any] = json.loads(unpacked)
        if found["format"] != VERSION:
            return None
        return GgufHeader(
            version=int(found["version"]),
            byte_order=str(found["order"]),
            metadata={key: _unpacked(value) for key, value in found["metadata"].items()},
            tensors=tuple(
                TensorInfo(
                    name, tuple(shape), _TYPES.get(kind) or unsupported_type(str(kind)), offset
                )
                for name, shape, kind, offset in found["tensors"]
            ),
            data_offset=int(found["offset"]),
            file_size=int(found["size"]),
        )
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _packed(value: Value) -> Any:
    if isinstance(value, ArraySummary):
        return {"of": value.element_type, "length": value.length}
    return list(value) if isinstance(value, tuple) else value


def _unpacked(value: Any) -> Value:
    if isinstance(value, dict):
        return ArraySummary(int(value["of"]), int(value["length"]))
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, int | float | str):
        return value
    raise TypeError(value)
