"""A real history in a temporary folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from playground.store.database import Database
from playground.store.history import ComparisonStore


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
