"""Reads the header of a GGUF file that lies on another computer, fetching as little as it can."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace

from playground.core.errors import ModelFileInvalid
from playground.core.gguf.header import GgufHeader
from playground.core.gguf.parser import (
    Beginning,
    FetchedPieces,
    NotFetched,
    parse_beginning,
    parse_header,
    parse_tensors,
)

FIRST_FETCH = 64 << 10
LARGEST_FETCH = 2 << 20
MAX_FETCHED = 50_000_000
Fetch = Callable[[int, int], Awaitable[bytes]]
"""Gives `length` bytes from `offset` on of a file elsewhere; fewer only at its end."""
_SLACK = 24 << 10
"""How much longer or shorter the settings of another version may be: its name, its chat template,
how it was made."""
_SMALLEST_HEADER = 256 << 10
"""Below it there is little to be saved."""
_FILE_TYPE = "general.file_type"


async def read_by_sibling(
    fetch: Fetch, pieces: FetchedPieces, size_bytes: int, sibling: GgufHeader
) -> GgufHeader | None:
    """Return the header of a file whose beginning is in `pieces`; `None` where it is too unlike.

    The versions of a model in one repository differ in how their tensors are stored, not in their
    vocabulary, which is nearly all of a header. So of the second one only its beginning is fetched,
    and the stretch where its table of tensors must lie. The table proves itself: its tensors follow
    each other without a gap, and the last one ends where the file ends. What lies between the two
    stretches is taken from `sibling`, but for the quantization's name.
    """
    if sibling.data_offset < _SMALLEST_HEADER or not sibling.tensors:
        return None
    try:
        beginning = parse_beginning(pieces, size_bytes)
    except ModelFileInvalid:
        return None
    if not _is_alike(beginning, sibling):
        return None
    start = max(pieces.end_of(0), sibling.data_offset - _table_bytes(sibling) - _SLACK)
    stop = min(size_bytes, sibling.data_offset + _SLACK)
    window = await fetch(start, stop - start) if start < stop else b""
    found = _table(beginning, sibling, start, window, size_bytes)
    if found is None:
        return None
    header, table = found
    file_type = _file_type(beginning, window[:table])
    metadata = {key: value for key, value in sibling.metadata.items() if key != _FILE_TYPE}
    metadata |= beginning.metadata
    if file_type is not None:
        metadata[_FILE_TYPE] = file_type
    return replace(header, metadata=metadata)


def _is_alike(beginning: Beginning, sibling: GgufHeader) -> bool:
    own = beginning.metadata.get("general.architecture")
    return (
        beginning.tensor_count == len(sibling.tensors)
        and beginning.byte_order == sibling.byte_order
        and own in {None, sibling.architecture}
    )


def _table_bytes(header: GgufHeader) -> int:
    return sum(8 + len(t.name.encode()) + 4 + 8 * len(t.shape) + 12 for t in header.tensors)


def _table(
    beginning: Beginning, sibling: GgufHeader, start: int, window: bytes, size_bytes: int
) -> tuple[GgufHeader, int] | None:
    """Return the header with its tensors, and where in `window` their table begins."""
    name = sibling.tensors[0].name.encode()
    order = "<" if beginning.byte_order == "little" else ">"
    mark = struct.pack(f"{order}Q", len(name)) + name
    pieces = FetchedPieces()
    pieces.add(start, window)
    at = window.find(mark)
    while at >= 0:
        header = parse_tensors(pieces, size_bytes, beginning, start + at)
        if header is not None:
            return header, at
        at = window.find(mark, at + 1)
    return None


def _file_type(beginning: Beginning, settings: bytes) -> int | None:
    """Return the file's own name for its quantization, which is written after the vocabulary."""
    order = "<" if beginning.byte_order == "little" else ">"
    key = _FILE_TYPE.encode()
    # its type follows it: 4, an unsigned number of 32 bits
    mark = struct.pack(f"{order}Q", len(key)) + key + struct.pack(f"{order}I", 4)
    at = settings.rfind(mark)
    if at < 0 or at + len(mark) + 4 > len(settings):
        return None
    (value,) = struct.unpack_from(f"{order}I", settings, at + len(mark))
    return int(value)


async def read_remote_header(
    fetch: Fetch, size_bytes: int, sibling: GgufHeader | None = None
) -> GgufHeader:
    """Return the header of a GGUF file of `size_bytes` of which only pieces are fetched.

    The first 64 KiB are enough for what a model says about itself; the list of its tensors comes
    after the vocabulary, so a large vocabulary is fetched in growing pieces, 50 MB at most; or
    passed over, where the header of another version of the same model is known: `sibling`. Raises
    `ModelFileInvalid`, and whatever `fetch` raises.
    """
    pieces, length = FetchedPieces(), FIRST_FETCH
    position = 0
    while True:
        wanted = min(length, size_bytes - position, MAX_FETCHED - pieces.fetched_bytes)
        if wanted <= 0:
            raise ModelFileInvalid("The file's header is longer than that of any model.")
        data = await fetch(position, wanted)
        if not data or len(data) > wanted:
            raise ModelFileInvalid("The file became shorter while it was read.")
        pieces.add(position, data)
        try:
            # a thread, because a vocabulary of a million words takes a moment
            return await asyncio.to_thread(parse_header, pieces, size_bytes)
        except NotFetched as missing:
            if sibling is not None and position == 0:
                found = await read_by_sibling(fetch, pieces, size_bytes, sibling)
                if found is not None:
                    return found
            position = pieces.end_of(missing.position)
            length = max(min(length * 4, LARGEST_FETCH), missing.needed)
