"""Bounded reading of a file whose every length may be a lie."""

import struct
from itertools import repeat
from operator import length_hint

from playground.core.errors import ModelFileInvalid
from playground.core.gguf_source import ByteSource

_WINDOW_BYTES = 1 << 20


class Cursor:
    """A position in a file that moves forward, reads little at a time, and never past the end."""

    __slots__ = (
        "_count",
        "_size",
        "_source",
        "_start",
        "_text_left",
        "_window",
        "order",
        "position",
    )

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
        """Move on by `length` bytes without reading them."""
        self._require(length)
        self.position += length

    def u32(self) -> int:
        """Return the next unsigned 32-bit number."""
        return int.from_bytes(self.take(4), "little" if self.order == "<" else "big")

    def u64(self) -> int:
        """Return the next unsigned 64-bit number."""
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


class Budget:
    """What may still be walked through in a file's lists, and what may be kept of them."""

    __slots__ = ("items", "kept")

    def __init__(self, items: int, kept: int) -> None:
        self.items = items
        self.kept = kept

    def spend(self, count: int) -> None:
        """Take `count` items; raises `ModelFileInvalid` when that is more than any model has."""
        self.items -= count
        if self.items < 0:
            raise ModelFileInvalid("The file's header is damaged: its lists are far too long.")
