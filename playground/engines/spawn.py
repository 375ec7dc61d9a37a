"""Starts child processes so that none is ever nobody's."""

import asyncio
import asyncio.subprocess
import contextlib
from collections.abc import Mapping, Sequence

DEFAULT_LINE_LIMIT = 65_536


async def spawn(
    command: Sequence[str], environment: Mapping[str, str], limit: int = DEFAULT_LINE_LIMIT
) -> asyncio.subprocess.Process:
    """Return a running child with pipes to stdin, stdout and stderr.

    `limit` is the longest line that can be read, in bytes. Cancelled while the child is being
    started, even twice, this ends it first: `create_subprocess_exec` leaves it unreaped then.
    Raises `OSError` where it cannot be started.
    """
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            limit=limit,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        ending = asyncio.ensure_future(_end(starting))
        while not ending.done():
            # called off a second time, as a closing program does: it still has to be waited for
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(ending)
        raise


async def _end(starting: "asyncio.Future[asyncio.subprocess.Process]") -> None:
    process = await starting
    if process.returncode is None:
        process.kill()
    await process.communicate()
