"""What a library tells of while it is followed: files that come, go, change and are written."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path

import pytest

from playground.core.gguf.header import GgufHeader
from playground.services.library.app_folders import AppModelFolder
from playground.services.library.headers import HeaderCache
from playground.services.library.service import LibraryState, ModelLibrary
from tests.services.model_files import (
    PATIENCE_S,
    SCAN_EVERY_S,
    dense,
    listed,
    names,
    others,
    parts,
    until,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder the user has added."""
    path = tmp_path / "models"
    path.mkdir()
    return path


@pytest.fixture
async def library(folder: Path, tmp_path: Path) -> AsyncIterator[ModelLibrary]:
    """A library over that folder."""
    library = ModelLibrary(
        lambda: (folder,), tmp_path / "own", apps=lambda: (), scan_every_s=SCAN_EVERY_S
    )
    yield library
    await library.close()


async def test_names_and_sizes_come_first_and_headers_follow(
    library: ModelLibrary, folder: Path
) -> None:
    sizes = {f"m{number}.gguf": dense(folder / f"m{number}.gguf") for number in range(30)}
    async with aclosing(library.follow()) as states:
        first = await anext(states)
        assert names(first) == sorted(sizes)
        for model in others(first.models):
            assert model.size_bytes == sizes[model.path.name].stat().st_size
            assert (model.is_header_read, model.architecture) == (False, None)
        assert first.headers_left >= 30
        last = await until(states, lambda state: not state.is_scanning)
    assert {model.architecture for model in others(last.models)} == {"llama"}
    assert all(model.is_header_read for model in last.models)


async def test_a_file_that_appears_and_one_that_goes_are_told(
    library: ModelLibrary, folder: Path
) -> None:
    gone = dense(folder / "gone.gguf")
    async with aclosing(library.follow()) as states:
        await until(states, lambda state: names(state) == ["gone.gguf"] and not state.is_scanning)
        dense(folder / "any" / "depth" / "new.gguf")
        state = await until(states, lambda state: names(state) == ["gone.gguf", "new.gguf"])
        assert others(state.models)[0].is_header_read
        gone.unlink()
        await until(states, lambda state: names(state) == ["new.gguf"])


async def test_a_file_that_is_renamed_is_one_model_under_its_new_name(
    library: ModelLibrary, folder: Path
) -> None:
    path = dense(folder / "before.gguf")
    async with aclosing(library.follow()) as states:
        await until(states, lambda state: names(state) == ["before.gguf"])
        path.rename(folder / "after.gguf")
        await until(states, lambda state: names(state) == ["after.gguf"])


async def test_a_missing_part_that_arrives_makes_the_model_whole(
    library: ModelLibrary, folder: Path
) -> None:
    parts(folder, 3)
    part = folder / "big-00002-of-00003.gguf"
    part.rename(part.with_suffix(".part"))
    async with aclosing(library.follow()) as states:
        said = "1 of 3 parts missing (number 2)."
        await until(states, lambda state: [m.problem for m in others(state.models)] == [said])
        part.with_suffix(".part").rename(part)
        await until(
            states,
            lambda state: (
                [(m.problem, m.is_header_read) for m in others(state.models)] == [(None, True)]
            ),
        )


def is_read_with(size: int, state: LibraryState) -> bool:
    """Return True where the one model has that size and nothing is left to be read."""
    sizes = [model.size_bytes for model in others(state.models)]
    return sizes == [size] and not state.is_scanning


async def test_nothing_is_said_of_a_file_that_is_still_being_written(
    library: ModelLibrary, folder: Path
) -> None:
    whole = dense(folder.parent / "whole" / "m.gguf").read_bytes()
    async with aclosing(library.follow()) as states:
        for size in (100, 200, 300, len(whole)):
            (folder / "m.gguf").write_bytes(whole[:size])
            state = await until(states, partial(is_read_with, size))
            assert [model.problem for model in others(state.models)] == [None]
    assert others(state.models)[0].architecture == "llama"


async def test_a_file_that_stays_unfinished_is_told_with_the_reason(
    library: ModelLibrary, folder: Path
) -> None:
    path = dense(folder / "m.gguf")
    os.truncate(path, 100)
    async with aclosing(library.follow()) as states:
        assert [m.problem for m in others((await anext(states)).models)] == [None]
        told = await until(states, lambda state: others(state.models)[0].problem is not None)
    assert "header is damaged" in (others(told.models)[0].problem or "")


async def test_folders_are_scanned_again_while_headers_are_still_read(
    library: ModelLibrary, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = HeaderCache.of

    def read_slowly(headers: HeaderCache, path: Path) -> GgufHeader:
        time.sleep(0.1)
        return read(headers, path)

    monkeypatch.setattr(HeaderCache, "of", read_slowly)
    for number in range(50):
        dense(folder / f"m{number}.gguf")
    async with aclosing(library.follow()) as states:
        await anext(states)
        dense(folder / "new.gguf")
        state = await until(states, lambda state: "new.gguf" in names(state))
    assert state.is_scanning


async def test_two_followers_are_told_the_same_and_the_later_one_at_once(
    library: ModelLibrary, folder: Path
) -> None:
    dense(folder / "m.gguf")
    async with aclosing(library.follow()) as first:
        known = await until(first, lambda state: not state.is_scanning)
        async with aclosing(library.follow()) as second:
            assert await anext(second) == known
        dense(folder / "n.gguf")
        await until(first, lambda state: len(names(state)) == 2)


async def test_who_follows_after_the_last_has_left_is_told_what_is_here_now(
    library: ModelLibrary, folder: Path
) -> None:
    for number in range(3):
        dense(folder / f"{number}.gguf")
        async with aclosing(library.follow()) as states:
            assert len(names(await anext(states))) == number + 1


async def test_a_closed_library_ends_its_followers(library: ModelLibrary, folder: Path) -> None:
    async with aclosing(library.follow()) as states:
        await anext(states)
        await library.close()
        async with asyncio.timeout(PATIENCE_S):
            async for _ in states:
                pass


async def test_what_ends_the_watcher_is_told_to_its_followers(tmp_path: Path) -> None:
    def apps() -> tuple[AppModelFolder, ...]:
        raise RuntimeError("a bug")

    library = ModelLibrary(lambda: (), tmp_path / "own", apps=apps)
    async with aclosing(library.follow()) as states, asyncio.timeout(PATIENCE_S):
        with pytest.raises(RuntimeError, match="a bug"):
            await anext(states)


async def test_a_scan_called_off_forgets_nothing(library: ModelLibrary, folder: Path) -> None:
    dense(folder / "m.gguf")
    assert len(await listed(library)) == 1
    dense(folder / "n.gguf")
    scan = asyncio.create_task(library.scan())
    await asyncio.sleep(0)
    scan.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scan
    assert len(others(library._index.models())) == 1
    assert len(await listed(library)) == 2


async def test_a_scan_beside_a_follower_returns_everything_read(
    library: ModelLibrary, folder: Path
) -> None:
    for number in range(30):
        dense(folder / f"m{number}.gguf")
    async with aclosing(library.follow()) as states:
        await anext(states)
        found = await listed(library)
        assert len(found) == 30
        assert all(model.is_header_read and model.problem is None for model in found)
