"""Starts child processes so that none is ever nobody's."""

import asyncio
import asyncio.subprocess
from collections.abc import Mapping, Sequence

DEFAULT_LINE_LIMIT = 65_536


async def spawn(
    command: Sequence[str], environment: Mapping[str, str], limit: int = DEFAULT_LINE_LIMIT
) -> asyncio.subprocess.Process:
    """Return a running child with pipes to stdin, stdout and stderr.

    `limit` is the longest line that can be read, in bytes. Cancelled while the child is being
    started, this waits for it and ends it: `create_subprocess_exec` alone would lose it. Raises
    `OSError` where it cannot be started.
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
        process = await starting
        if process.returncode is None:
            process.kill()
        await process.communicate()
        raise
