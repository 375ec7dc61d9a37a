"""Work in threads: calls that may never come back, and long loops beside a thread that paints."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
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
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # there is one where nothing failed

    def run() -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            failure = error
        with suppress(RuntimeError):
            # the loop may have been closed meanwhile
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, daemon=True).start()
    return await future
