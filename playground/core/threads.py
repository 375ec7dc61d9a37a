"""Work in threads: calls that may never come back, and long loops beside a thread that paints."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")
_PAUSE_S = 0.002


def with_pauses(items: Iterable[T], every: int) -> Iterator[T]:
    """Yield `items` with a pause of 2 ms after each `every` of them; called off Qt's thread.

    Python runs one thread at a time. One that never waits makes the painting one several times as
    slow: a list that is painted in 20 ms took 170 (`tests.bench.models_window` sees it as a stall).
    """
    for number, item in enumerate(items, 1):
        yield item
        if number % every == 0:
            time.sleep(_PAUSE_S)


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
