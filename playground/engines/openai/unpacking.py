"""Packed bodies of responses, unpacked in small pieces: a small one may hold gigabytes.

`httpx2` unpacks all that came with one read at once. Nothing packed is asked for, so only what
servers send unasked is known here: https://www.rfc-editor.org/rfc/rfc9110#name-content-codings.

Loaded with the first request: it loads `httpx2`.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator

import httpx2

MOST_AT_ONCE = 256 * 1024
"""Bytes that come out at a time."""
_GZIP, _ZLIB, _RAW = 31, 15, -15
"""Windows of zlib, which say the format as well: https://zlib.net/manual.html."""
_PACKED = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd", "compress"})


class UnpackedStream(httpx2.AsyncByteStream):
    """The bytes of a packed stream; raises `httpx2.DecodingError` where they cannot be read."""

    def __init__(self, packed: httpx2.AsyncByteStream, encoding: str) -> None:
        self._packed = packed
        self._encoding = encoding
        self._window = _ZLIB if encoding == "deflate" else _GZIP

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._encoding not in {"gzip", "x-gzip", "deflate"}:
            raise httpx2.DecodingError(f"packed as {self._encoding}")
        unpacker, is_begun = zlib.decompressobj(self._window), False
        async for piece in self._packed:
            rest = piece
            while rest:
                try:
                    data = unpacker.decompress(rest, MOST_AT_ONCE)
                except zlib.error as error:
                    if is_begun or self._window != _ZLIB:
                        raise httpx2.DecodingError(str(error)) from error
                    # some servers leave the header of zlib out
                    unpacker, is_begun = zlib.decompressobj(_RAW), True
                    continue
                is_begun, rest = True, unpacker.unconsumed_tail
                if unpacker.eof:
                    # packed anew for each event
                    rest, unpacker = unpacker.unused_data, zlib.decompressobj(self._window)
                if data:
                    yield data
                # limits of time run meanwhile, and others do
                await asyncio.sleep(0)

    async def aclose(self) -> None:
        await self._packed.aclose()


def unpack(response: httpx2.Response) -> None:
    """Let a response give its bytes unpacked, whoever reads them."""
    encodings = [
        part.strip().lower() for part in response.headers.get("content-encoding", "").split(",")
    ]
    # a name that nobody knows is a mistake rather than a way of packing
    packed = [encoding for encoding in encodings if encoding in _PACKED]
    if packed and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = UnpackedStream(response.stream, " ".join(packed))
        del response.headers["content-encoding"]
