"""Reads the header of a GGUF file that lies on another computer, fetching as little as it can."""

import asyncio
from collections.abc import Awaitable, Callable

from playground.core.errors import ModelFileInvalid
from playground.core.gguf.header import GgufHeader
from playground.core.gguf.reader import parse_header
from playground.core.gguf_likeness import read_by_likeness
from playground.core.gguf_source import FetchedPieces, NotFetched

FIRST_FETCH = 64 << 10
LARGEST_FETCH = 2 << 20
MAX_FETCHED = 50_000_000
Fetch = Callable[[int, int], Awaitable[bytes]]
"""Gives `length` bytes from `offset` on of a file elsewhere; fewer only at its end."""


async def read_remote_header(
    fetch: Fetch, size_bytes: int, like: GgufHeader | None = None
) -> GgufHeader:
    """Return the header of a GGUF file of `size_bytes` of which only pieces are fetched.

    The first 64 KiB are enough for what a model says about itself; the list of its tensors comes
    after the vocabulary, so a large vocabulary is fetched in growing pieces, 50 MB at most; or
    passed over, where the header of another version of the same model is known: `like`. Raises
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
            if like is not None and position == 0:
                found = await read_by_likeness(fetch, pieces, size_bytes, like)
                if found is not None:
                    return found
            position = pieces.end_of(missing.position)
            length = max(min(length * 4, LARGEST_FETCH), missing.needed)
