"""Runs a blocking call in a thread that the program does not wait for when it ends."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def run_in_daemon_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns; for what may never come back, as from a drive on a network.

    `asyncio.to_thread` has few threads, and closing its loop waits for all of them.
    """
    future: Future[T] = Future()
    # so that the thread may answer though nobody waits for it any more
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(future)
