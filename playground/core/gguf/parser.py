"""The GGUF header itself: bounded, fast, hostile input welcome.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. What is refused here is what
llama.cpp's own reader (`ggml/src/gguf.cpp`) refuses, so a header that is returned belongs to a file
whose table of contents at least is whole.
"""

import struct
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from math import prod

from playground.core.errors import ModelFileInvalid
from playground.core.gguf.header import ArraySummary, GgufHeader, TensorInfo, Value
from playground.core.gguf.types import TENSOR_TYPES
from playground.core.gguf_cursor import Budget, Cursor
from playground.core.gguf_source import ByteSource, NotFetched

MAX_METADATA = 65_536
MAX_TENSORS = 131_072
MAX_ARRAY_ITEMS = 4_000_000
"""Strings and nested arrays walked in one file; the largest vocabularies have about a million."""
MAX_KEPT_ITEMS = 1_024
"""Arrays of numbers up to this length are kept: one value for each layer fits, no vocabulary."""
MAX_KEPT_IN_ALL = 65_536
"""Numbers kept of all arrays together; the models there are have a few hundred."""
_MAX_NESTING = 4
_NESTED_COST = 64
"""No model has lists of lists, and each takes longer to walk than a string."""
_MAX_KEY_BYTES = 65_535
_MAX_TEXT_BYTES = 65_536
_TEXT_BUDGET_BYTES = 32 << 20
_MAX_NAME_BYTES = 63
_MAX_DIMENSIONS = 4
_INT64_MAX = 2**63 - 1
_DEFAULT_ALIGNMENT = 32
_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_NOT_MODELS = {
    b"vers": "This is only a pointer to a model (Git LFS), not the model itself.",
    b"<!DO": "This is a web page, not a model: the download went wrong.",
    b"<htm": "This is a web page, not a model: the download went wrong.",
    b"PK\x03\x04": "This is a ZIP archive or a PyTorch model, not a GGUF model.",
    b"ggml": "This is a GGML file, the format before GGUF: it can no longer be loaded.",
}


def parse_header(source: ByteSource, size: int) -> GgufHeader:
    """Return the header of a file of `size` bytes; raises `ModelFileInvalid`."""
    cursor = Cursor(source, size, text_budget=_TEXT_BUDGET_BYTES)
    beginning, metadata_count = _read_beginning(cursor, size)
    _read_metadata(cursor, metadata_count, beginning.metadata)
    return _with_tensors(cursor, beginning, size)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What stands before the table of tensors, as far as it was there to be read."""

    version: int
    byte_order: str
    tensor_count: int
    metadata: dict[str, Value]


def parse_beginning(source: ByteSource, size: int) -> Beginning:
    """Return what the first piece of a file says, up to where it ends; for `gguf_likeness`.

    Raises `ModelFileInvalid`, and `NotFetched` where not even the counts are there.
    """
    cursor = Cursor(source, size, text_budget=_TEXT_BUDGET_BYTES)
    beginning, metadata_count = _read_beginning(cursor, size)
    with suppress(NotFetched):
        _read_metadata(cursor, metadata_count, beginning.metadata)
    return beginning


def parse_tensors(
    source: ByteSource, size: int, beginning: Beginning, position: int
) -> GgufHeader | None:
    """Return the header whose table of tensors begins at `position`; `None` where none does.

    A table is one only where its tensors fill the rest of the file to its end.
    """
    cursor = Cursor(source, size, text_budget=_TEXT_BUDGET_BYTES)
    if beginning.byte_order == "big":
        cursor.use_big_endian()
    cursor.position = position
    try:
        header = _with_tensors(cursor, beginning, size)
    except (ModelFileInvalid, NotFetched):
        return None
    last = header.tensors[-1] if header.tensors else None
    end = header.data_offset if last is None else header.data_offset + last.offset + last.size_bytes
    return header if 0 <= size - end < _alignment(beginning.metadata) else None


def _read_beginning(cursor: Cursor, size: int) -> tuple[Beginning, int]:
    version = _read_version(cursor, size)
    tensor_count = _bounded(cursor.u64(), MAX_TENSORS, cursor.remaining // 24, "tensors")
    metadata_count = _bounded(cursor.u64(), MAX_METADATA, cursor.remaining // 13, "settings")
    order = "little" if cursor.order == "<" else "big"
    return Beginning(version, order, tensor_count, {}), metadata_count


def _with_tensors(cursor: Cursor, beginning: Beginning, size: int) -> GgufHeader:
    alignment = _alignment(beginning.metadata)
    tensors = _read_tensors(cursor, beginning.tensor_count, alignment)
    data_offset = _padded(cursor.position, alignment)
    _check_whole(tensors, data_offset, size)
    return GgufHeader(
        beginning.version, beginning.byte_order, beginning.metadata, tensors, data_offset, size
    )


def _read_version(cursor: Cursor, size: int) -> int:
    if size < 24:
        raise ModelFileInvalid(
            "The file is empty."
            if size == 0
            else f"The file has only {size} bytes: it is no model."
        )
    magic = cursor.take(4)
    if magic != b"GGUF":
        raise ModelFileInvalid(_NOT_MODELS.get(magic, "This is not a GGUF model file."))
    version = cursor.u32()
    if version and version & 0xFFFF == 0:
        cursor.use_big_endian()
        version = int.from_bytes(version.to_bytes(4, "little"), "big")
    if version == 1:
        raise ModelFileInvalid(
            "The file is in the first version of GGUF, which can no longer be loaded.",
            "Look for a newer file of this model.",
        )
    if version not in (2, 3):
        raise ModelFileInvalid(f"The file is in an unknown version of GGUF ({version}).")
    return version


def _bounded(count: int, cap: int, room: int, what: str) -> int:
    if count > min(cap, room):
        raise ModelFileInvalid(f"The file's header is damaged: it claims {count:,} {what}.")
    return count


def _quoted(name: str) -> str:
    # a damaged name must not steer the terminal or fill the screen
    return "“" + "".join(char if char.isprintable() else "·" for char in name[:48]) + "”"


def _read_metadata(cursor: Cursor, count: int, metadata: dict[str, Value]) -> None:
    walked = Budget(MAX_ARRAY_ITEMS, MAX_KEPT_IN_ALL)
    for _ in range(count):
        key = cursor.text(_MAX_KEY_BYTES)
        if not key:
            raise ModelFileInvalid("The file's header is damaged: a setting has no name.")
        if key in metadata:
            raise ModelFileInvalid(f"The file's header is damaged: it sets {_quoted(key)} twice.")
        metadata[key] = _read_value(cursor, cursor.u32(), walked, key)


def _read_value(cursor: Cursor, kind: int, walked: Budget, key: str) -> Value:
    if kind == _STRING:
        return cursor.text(_MAX_TEXT_BYTES)
    if kind == _ARRAY:
        return _read_array(cursor, walked, key, depth=1)
    layout = _scalar(cursor, kind, key)
    value: int | float | bool = layout.unpack(cursor.take(layout.size))[0]
    return value


@cache
def _layout(order: str, code: str) -> struct.Struct:
    return struct.Struct(order + code)


def _scalar(cursor: Cursor, kind: int, key: str) -> struct.Struct:
    code = _SCALARS.get(kind)
    if code is None:
        raise ModelFileInvalid(
            f"The file's header is damaged: {_quoted(key)} is of an unknown kind ({kind})."
        )
    return _layout(cursor.order, code)


def _read_array(cursor: Cursor, walked: Budget, key: str, *, depth: int) -> Value:
    kind, length = cursor.u32(), cursor.u64()
    if kind == _STRING:
        walked.spend(length)
        cursor.skip_strings(length)
        return ArraySummary(kind, length)
    if kind == _ARRAY:
        if depth == _MAX_NESTING:
            raise ModelFileInvalid("The file's header is damaged: lists within lists within lists.")
        walked.spend(length * _NESTED_COST)
        for _ in range(length):
            _read_array(cursor, walked, key, depth=depth + 1)
        return ArraySummary(kind, length)
    layout = _scalar(cursor, kind, key)
    if depth > 1 or length > min(MAX_KEPT_ITEMS, walked.kept):
        cursor.skip(length * layout.size)
        return ArraySummary(kind, length)
    walked.kept -= length
    data = cursor.take(length * layout.size)
    return tuple(item for (item,) in layout.iter_unpack(data))


def _alignment(metadata: dict[str, Value]) -> int:
    value = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    # llama.cpp takes any power of two; beyond a page it is damage, and padding would overflow
    if type(value) is not int or not 0 < value <= 1 << 20 or value & (value - 1):
        raise ModelFileInvalid("The file's header is damaged: its alignment makes no sense.")
    return value


def _padded(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment


def _read_tensors(cursor: Cursor, count: int, alignment: int) -> tuple[TensorInfo, ...]:
    tensors: list[TensorInfo] = []
    names: set[str] = set()
    expected = 0
    for _ in range(count):
        tensor = _read_tensor(cursor)
        if tensor.name in names:
            raise ModelFileInvalid(
                f"The file is damaged: it lists tensor {_quoted(tensor.name)} twice."
            )
        if tensor.offset != expected:
            raise ModelFileInvalid(
                f"The file is damaged: tensor {_quoted(tensor.name)} is not where it should be."
            )
        names.add(tensor.name)
        tensors.append(tensor)
        expected += _padded(tensor.size_bytes, alignment)
    return tuple(tensors)


def _read_tensor(cursor: Cursor) -> TensorInfo:
    name = cursor.text(_MAX_NAME_BYTES + 1)
    if len(name.encode()) > _MAX_NAME_BYTES:
        raise ModelFileInvalid("The file is damaged: the name of a tensor is too long.")
    dimensions = cursor.u32()
    if dimensions > _MAX_DIMENSIONS:
        raise ModelFileInvalid(
            f"The file is damaged: tensor {_quoted(name)} has {dimensions:,} dimensions."
        )
    shape = tuple(cursor.u64() for _ in range(dimensions))
    kind = cursor.u32()
    offset = cursor.u64()
    if kind not in TENSOR_TYPES:
        raise ModelFileInvalid(
            f"Tensor {_quoted(name)} is stored in a way this program does not know ({kind}).",
            "The file may be damaged, or made for a newer version of this program.",
        )
    tensor = TensorInfo(name, shape, TENSOR_TYPES[kind], offset)
    row = shape[0] if shape else 1
    if (
        prod(shape) > _INT64_MAX
        or max(shape, default=0) > _INT64_MAX
        or row % tensor.type.block_size
    ):
        raise ModelFileInvalid(
            f"The file is damaged: tensor {_quoted(name)} has an impossible size."
        )
    return tensor


def _check_whole(tensors: tuple[TensorInfo, ...], data_offset: int, size: int) -> None:
    if not tensors:
        return
    needed = data_offset + max(tensor.offset + tensor.size_bytes for tensor in tensors)
    if needed > size:
        raise ModelFileInvalid(
            f"The file ends before its last tensor: {size:,} of {needed:,} bytes are here."
        )
