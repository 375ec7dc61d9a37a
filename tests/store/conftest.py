"""A real history in a temporary folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from playground.store.database import Database
from playground.store.history import ComparisonStore
from tests.store.old_home import copy_old_home


@pytest.fixture
def history_file(tmp_path: Path) -> Path:
    """Where the test's history lives."""
    return tmp_path / "history.sqlite3"


@pytest.fixture
async def database(history_file: Path) -> AsyncIterator[Database]:
    """An open, empty history file."""
    opened = Database(history_file)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def store(database: Database) -> ComparisonStore:
    """The comparisons in it."""
    return ComparisonStore(database)


@pytest.fixture
def old_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a home that an older version wrote, where the program looks for its files."""
    home = tmp_path / "old home"
    copy_old_home(home)
    monkeypatch.setenv("PLAYGROUND_HOME", str(home))
    return home


@pytest.fixture
async def old_database(old_home: Path) -> AsyncIterator[Database]:
    """The old history's file, open."""
    opened = Database(old_home / "history.sqlite3")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def old_history(old_database: Database) -> ComparisonStore:
    """The comparisons in it."""
    return ComparisonStore(old_database)
