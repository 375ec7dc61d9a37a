"""A child whose start is called off is ended, not lost."""

import asyncio
import os
import sys

import psutil
import pytest

from playground.engines.child_process import spawn

SLEEPER = [sys.executable, "-c", "import sys; sys.stdin.read()"]


async def test_a_child_takes_lines_and_gives_them() -> None:
    echo = [sys.executable, "-c", "print(input())"]
    process = await spawn(echo, dict(os.environ))
    out, _ = await process.communicate(b"hello\n")
    assert out.strip() == b"hello"


@pytest.mark.parametrize("turns", range(6))
async def test_a_child_is_gone_where_its_start_is_called_off_twice(turns: int) -> None:
    before = set(psutil.Process().children())
    task = asyncio.create_task(spawn(SLEEPER, dict(os.environ)))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert set(psutil.Process().children()) - before == set()
