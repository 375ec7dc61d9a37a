"""What a library remembers from one start to the next, and how it does without."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from playground.core.targets import ModelFile
from playground.services.library.service import ModelLibrary
from tests.services.model_files import PATIENCE_S, dense, listed, parts, projector, settled


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder the user has added."""
    path = tmp_path / "models"
    path.mkdir()
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Where the library remembers."""
    return tmp_path / "cache" / "library.sqlite3"


async def start(folder: Path, cache: Path) -> list[ModelFile]:
    """Return what a program that has just been started lists first, and end it."""
    library = ModelLibrary(
        lambda: (folder,), folder.parent / "own", cache_file=cache, apps=lambda: ()
    )
    try:
        return await settled(library)
    finally:
        await library.close()


def make_unreadable(path: Path) -> None:
    """Replace a file's bytes by none, without a change of its size or time."""
    status = path.stat()
    with path.open("r+b") as file:
        file.write(bytes(min(status.st_size, 100_000)))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


async def test_a_later_start_lists_everything_without_opening_a_file(
    folder: Path, cache: Path
) -> None:
    dense(folder / "a" / "m.gguf", "Model M", general__license="mit")
    parts(folder / "b", 2)
    dense(folder / "c" / "sees-Q8_0.gguf")
    projector(folder / "c" / "mmproj-F16.gguf")
    (folder / "broken.gguf").write_text("<!DOCTYPE html><html>please sign in</html>")
    os.utime(folder / "broken.gguf", (1_000_000, 1_000_000))
    before = await start(folder, cache)
    assert len(before) == 4
    for path in folder.rglob("*.gguf"):
        make_unreadable(path)
    library = ModelLibrary(
        lambda: (folder,), folder.parent / "own", cache_file=cache, apps=lambda: ()
    )
    states = library.follow()
    first = await anext(states)
    assert [model for model in first.models if model.source != "Starter"] == before
    assert not first.is_scanning
    await states.aclose()
    await library.close()


async def test_what_a_model_needs_is_known_without_opening_its_file(
    folder: Path, cache: Path
) -> None:
    path = dense(folder / "m.gguf")
    (model,) = await start(folder, cache)
    make_unreadable(path)
    library = ModelLibrary(lambda: (folder,), folder.parent / "own", cache_file=cache)
    assert library.header(model.path).architecture == "llama"
    await library.close()


async def test_a_file_that_has_changed_is_read_again(folder: Path, cache: Path) -> None:
    path = dense(folder / "m.gguf", "Before")
    assert [model.name for model in await start(folder, cache)] == ["Before"]
    dense(path, "After!")
    assert [model.name for model in await start(folder, cache)] == ["After!"]
    os.utime(path, (1_000_000, 1_000_000))
    make_unreadable(path)
    assert [model.problem is None for model in await start(folder, cache)] == [False]


async def test_a_file_that_was_moved_back_is_known_at_once(folder: Path, cache: Path) -> None:
    path = dense(folder / "m.gguf", "Model M")
    await start(folder, cache)
    path.rename(folder / "other.gguf")
    assert [model.path.name for model in await start(folder, cache)] == ["other.gguf"]
    with sqlite3.connect(cache) as connection:
        rows = connection.execute("SELECT path FROM listed").fetchall()
    connection.close()
    assert os.fsencode(path) not in {row[0] for row in rows}


def cut_off(cache: Path) -> None:
    """Leave only the beginning of a cache."""
    os.truncate(cache, 3_000)


def scramble(cache: Path) -> None:
    """Spoil every page but the first of a cache."""
    with cache.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xa5" * max(0, cache.stat().st_size - 4_096))


def replace_by_text(cache: Path) -> None:
    """Put something else in a cache's place."""
    cache.write_text("no database at all " * 1_000)


def make_a_folder(cache: Path) -> None:
    """Put a folder in a cache's place."""
    cache.unlink()
    cache.mkdir()


def of_other_columns(cache: Path) -> None:
    """Leave tables of this version with other columns."""
    with sqlite3.connect(cache) as connection:
        connection.execute("DROP TABLE listed")
        connection.execute("CREATE TABLE listed (other TEXT)")
    connection.close()


def spoil_every_value(cache: Path) -> None:
    """Leave values in the cache that were never written there."""
    with sqlite3.connect(cache) as connection:
        connection.execute("UPDATE listed SET model = '[1', signature = x'ff'")
        connection.execute("UPDATE files SET header = x'00', problem = NULL")
    connection.close()


def of_a_later_version(cache: Path) -> None:
    """Make it the cache of a program that is not written yet, which means something else by it."""
    with sqlite3.connect(cache) as connection:
        connection.execute("UPDATE listed SET model = replace(model, '\"m1', '\"other')")
        connection.execute("PRAGMA user_version = 99")
    connection.close()


DAMAGES = [
    cut_off,
    scramble,
    replace_by_text,
    of_other_columns,
    spoil_every_value,
    of_a_later_version,
]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_cache_is_made_anew(
    folder: Path, cache: Path, damage: Callable[[Path], None]
) -> None:
    paths = [dense(folder / f"m{number}.gguf") for number in range(20)]
    before = await start(folder, cache)
    damage(cache)
    assert await start(folder, cache) == before
    for path in paths:
        make_unreadable(path)
    assert await start(folder, cache) == before


async def test_a_cache_that_cannot_be_written_is_done_without(folder: Path, cache: Path) -> None:
    dense(folder / "m.gguf")
    before = await start(folder, cache)
    make_a_folder(cache)
    assert await start(folder, cache) == before
    assert cache.is_dir()


async def test_a_cache_that_is_deleted_meanwhile_is_done_without(folder: Path, cache: Path) -> None:
    dense(folder / "m.gguf")
    library = ModelLibrary(
        lambda: (folder,), folder.parent / "own", cache_file=cache, apps=lambda: ()
    )
    assert len(await listed(library)) == 1
    shutil.rmtree(cache.parent)
    dense(folder / "n.gguf")
    found = await listed(library)
    assert [model.problem for model in found] == [None, None]
    await library.close()
    assert await start(folder, cache) == found


async def test_a_cache_another_process_is_writing_is_neither_waited_for_nor_deleted(
    folder: Path, cache: Path
) -> None:
    path = dense(folder / "m.gguf")
    await start(folder, cache)
    other = sqlite3.connect(cache, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    dense(folder / "n.gguf")
    async with asyncio.timeout(PATIENCE_S):
        found = await start(folder, cache)
    assert [model.problem for model in found] == [None, None]
    other.execute("ROLLBACK")
    other.close()
    # what was known before still is
    make_unreadable(path)
    assert await start(folder, cache) == found


async def test_a_closed_library_leaves_the_cache_alone(folder: Path, cache: Path) -> None:
    dense(folder / "m.gguf")
    library = ModelLibrary(lambda: (folder,), folder.parent / "own", cache_file=cache)
    await library.close()
    assert len(await listed(library)) == 1
    assert not cache.exists()


async def test_without_a_cache_the_listing_is_the_same(folder: Path, cache: Path) -> None:
    dense(folder / "m.gguf")
    parts(folder, 2)
    library = ModelLibrary(lambda: (folder,), folder.parent / "own", apps=lambda: ())
    assert await settled(library) == await start(folder, cache)
    await library.close()


async def test_a_problem_of_the_moment_is_not_remembered(folder: Path, cache: Path) -> None:
    path = folder / "m.gguf"
    path.symlink_to(path)
    (model,) = await start(folder, cache)
    assert model.problem is not None
    with sqlite3.connect(cache) as connection:
        rows = connection.execute("SELECT path FROM listed").fetchall()
    connection.close()
    assert os.fsencode(path) not in {row[0] for row in rows}
