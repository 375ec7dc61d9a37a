"""A worker that has the starter model loaded, for all tests that only ask it something."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from playground.engines.llama.engine import LlamaEngine
from tests.engines.local_run import ask, local_engine, run


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def loaded(starter_model: Path) -> AsyncIterator[LlamaEngine]:
    """The starter model in a worker of its own, loaded once: leave it as it was.

    Tests that use it share a loop: `pytest.mark.asyncio(loop_scope="session")`.
    """
    async with local_engine(starter_model) as (engine, _):
        assert (await run(engine, ask("Say hello.", max_tokens=1))).finished
        yield engine
