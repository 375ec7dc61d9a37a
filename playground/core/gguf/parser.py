"""The GGUF header itself: bounded, fast, hostile input welcome.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. What is refused here is what
llama.cpp's own reader (`ggml/src/gguf.cpp`) refuses, so a header that is returned belongs to a file
whose table of contents at least is whole.
"""

import struct
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import FileIO
from itertools import repeat
from math import prod
from operator import length_hint
from typing import Protocol

from playground.core.errors import ModelFileInvalid
from playground.core.gguf.header import ArraySummary, GgufHeader, TensorInfo, Value
from playground.core.gguf.types import tensor_type


class ByteSource(Protocol):
    """Gives bytes of a file by their position."""

    def read_at(self, position: int, needed: int, wanted: int) -> bytes:
        """Return up to `wanted` bytes from `position` on; fewer than `needed` only at the end."""
        ...


class FileSource:
    """An open file. It is read, not mapped: a mapped file that another program cuts off kills."""

    def __init__(self, file: FileIO) -> None:
        self._file = file

    def read_at(self, position: int, needed: int, wanted: int) -> bytes:
        del needed
        self._file.seek(position)
        return self._file.read(wanted) or b""


class NotFetched(Exception):
    """These bytes have not been fetched yet."""

    def __init__(self, position: int, needed: int) -> None:
        super().__init__(position, needed)
        self.position = position
        self.needed = needed


class FetchedPieces:
    """The pieces of a file that have been fetched so far."""

    def __init__(self) -> None:
        self._pieces: list[tuple[int, bytes]] = []

    @property
    def fetched_bytes(self) -> int:
        return sum(len(data) for _, data in self._pieces)

    def add(self, position: int, data: bytes) -> None:
        """Keep a piece; one that follows another directly is joined to it."""
        for index, (start, known) in enumerate(self._pieces):
            if start + len(known) == position:
                self._pieces[index] = (start, known + data)
                return
        self._pieces.append((position, data))

    def end_of(self, position: int) -> int:
        """Return where the piece that holds `position` ends; `position` where none does."""
        for start, data in self._pieces:
            if start <= position <= start + len(data):
                return start + len(data)
        return position

    def read_at(self, position: int, needed: int, wanted: int) -> bytes:
        """Return fetched bytes; raises `NotFetched` where fewer than `needed` are there."""
        for start, data in self._pieces:
            if start <= position and position + needed <= start + len(data):
                offset = position - start
                return data[offset : offset + wanted]
        raise NotFetched(position, needed)


_WINDOW_BYTES = 1 << 20


class Cursor:
    """A position in a file that moves forward, reads little at a time, and never past the end."""

    def __init__(self, source: ByteSource, size: int, *, text_budget: int) -> None:
        self._source = source
        self._size = size
        self._window = b""
        self._start = 0
        self._text_left = text_budget
        self._count = struct.Struct("<Q")
        self.order = "<"
        self.position = 0

    def use_big_endian(self) -> None:
        """Read the rest with the most significant byte first."""
        self.order = ">"
        self._count = struct.Struct(">Q")

    @property
    def remaining(self) -> int:
        """Bytes from here to the end of the file."""
        return self._size - self.position

    def take(self, length: int) -> bytes:
        """Return the next `length` bytes; the caller bounds `length`."""
        self._require(length)
        offset = self.position - self._start
        if offset < 0 or offset + length > len(self._window):
            self._fill(length)
            offset = 0
        self.position += length
        return self._window[offset : offset + length]

    def skip(self, length: int) -> None:
        self._require(length)
        self.position += length

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little" if self.order == "<" else "big")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little" if self.order == "<" else "big")

    def text(self, longest: int) -> str:
        """Return the next string, at most its first `longest` bytes; bad UTF-8 is replaced."""
        length = self.u64()
        self._require(length)
        kept = min(length, longest)
        self._text_left -= kept
        if self._text_left < 0:
            raise ModelFileInvalid("The file's header holds more text than any model needs.")
        data = self.take(kept)
        self.skip(length - kept)
        return data.decode("utf-8", "replace")

    def skip_strings(self, count: int) -> None:
        """Move past `count` strings; this loop is why a large vocabulary reads fast."""
        left = repeat(None, count)
        while length_hint(left):
            self._require(8)
            offset = self.position - self._start
            if offset < 0 or offset + 8 > len(self._window):
                self._fill(8)
                offset = 0
            window, unpack = self._window, self._count.unpack_from
            # running off the window is the exception: asking each time takes half as long again
            try:
                for _ in left:
                    offset += 8 + unpack(window, offset)[0]
            except (struct.error, OverflowError):
                left = repeat(None, length_hint(left) + 1)
            self.position = self._start + offset
            self._require(0)

    def _require(self, length: int) -> None:
        if length > self.remaining:
            raise ModelFileInvalid(
                f"The file ends inside its header: it is damaged or cut off ({self._size:,} bytes "
                "are here)."
            )

    def _fill(self, length: int) -> None:
        self._window = self._source.read_at(self.position, length, max(length, _WINDOW_BYTES))
        self._start = self.position
        if len(self._window) < length:
            raise ModelFileInvalid("The file became shorter while it was read.")


@dataclass(slots=True)
class Budget:
    """What may still be walked through in a file's lists, and what may be kept of them."""

    items: int
    kept: int

    def spend(self, count: int) -> None:
        """Take `count` items; raises `ModelFileInvalid` when that is more than any model has."""
        self.items -= count
        if self.items < 0:
            raise ModelFileInvalid("The file's header is damaged: its lists are far too long.")


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
    """Return what the first piece of a file says, up to where it ends; for `read_by_sibling`.

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
    ends = (data_offset + tensor.offset + tensor.size_bytes for tensor in tensors)
    if (needed := max(ends, default=0)) > size:
        raise ModelFileInvalid(
            f"The file ends before its last tensor: {size:,} of {needed:,} bytes are here."
        )
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
        # how long a tensor of an unsupported type is only the next one tells
        is_after_unsupported = bool(tensors) and not tensors[-1].type.is_supported
        if tensor.offset < expected or (tensor.offset > expected and not is_after_unsupported):
            raise ModelFileInvalid(
                f"The file is damaged: tensor {_quoted(tensor.name)} is not where it should be."
            )
        names.add(tensor.name)
        tensors.append(tensor)
        expected = tensor.offset + _padded(tensor.size_bytes, alignment)
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
    stored_as = tensor_type(kind)
    if stored_as is None:
        raise ModelFileInvalid(
            f"The file is damaged: tensor {_quoted(name)} is stored in an impossible way ({kind})."
        )
    tensor = TensorInfo(name, shape, stored_as, offset)
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
