"""Headers of files on the Hub, fetched in pieces and kept, so that a second look asks nothing."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from playground.core.errors import ModelFileInvalid
from playground.core.gguf import codec as gguf_codec
from playground.core.gguf.header import GgufHeader, merge_shards
from playground.core.gguf.remote import read_remote_header
from playground.core.hub import HubFile, HubPart
from playground.store.files import make_folder, read_file

_AT_ONCE = 4
_MOST_KEPT = 4_000
_MOST_LIKES = 8

Piece = Callable[[str, int, int], Awaitable[bytes]]
"""Gives bytes of a file of a repository: path, offset, length."""


class RemoteHeaders:
    """Reads headers, a few at a time, and keeps them on disk by repository, commit and path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._likes: dict[tuple[str, str], GgufHeader] = {}
        """The header last read of each repository at a commit: other versions are like it."""

    async def read(self, repo: str, revision: str, file: HubFile, piece: Piece) -> GgufHeader:
        """Return the header of all parts; raises `ModelFileInvalid` and what `piece` raises."""
        if file.problem is not None:
            raise ModelFileInvalid(file.problem, "")
        headers = [await self._part(repo, revision, part, piece) for part in file.parts]
        self._likes[repo, revision] = headers[0]
        while len(self._likes) > _MOST_LIKES:
            del self._likes[next(iter(self._likes))]
        return merge_shards(headers)

    async def _part(self, repo: str, revision: str, part: HubPart, piece: Piece) -> GgufHeader:
        name = hashlib.sha256(f"{repo} {revision} {part.path}".encode()).hexdigest()
        path = self._folder / f"{name}.header"
        known = await asyncio.to_thread(_load, path)
        if known is not None and known.file_size == part.size_bytes:
            return known

        async def fetch(offset: int, length: int) -> bytes:
            return await piece(part.path, offset, length)

        async with self._turns:
            sibling = self._likes.get((repo, revision))
            header = await read_remote_header(fetch, part.size_bytes, sibling)
        await asyncio.to_thread(self._keep, path, header)
        return header

    def _keep(self, path: Path, header: GgufHeader) -> None:
        try:
            make_folder(self._folder)
            path.write_bytes(gguf_codec.dumps(header))
            kept = sorted(self._folder.glob("*.header"), key=lambda other: other.stat().st_mtime)
            for old in kept[:-_MOST_KEPT]:
                old.unlink(missing_ok=True)
        except OSError:
            # it is asked for again next time
            return


def _load(path: Path) -> GgufHeader | None:
    try:
        return gguf_codec.loads(read_file(path))
    except OSError:
        return None
