"""Where the bytes of a header come from: a file, or pieces of one that lies on another computer."""

from io import FileIO
from typing import Protocol


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
        """Return up to `wanted` bytes from `position` on."""
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
        """Bytes of all pieces."""
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
