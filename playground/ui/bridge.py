"""The only door between Qt's thread and the I/O thread on which engines and services live."""

import asyncio
import gc
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from playground.store.settings import Settings, SettingsStore

_COLLECT_MS = 1000
_FULL_EVERY = 30
"""Every so many collections the old objects are looked through as well."""
_JOIN_S = 10.0
"""How long closing waits for the I/O thread; its work has been cancelled by then."""

S = TypeVar("S")
T = TypeVar("T")
Report = Callable[[BaseException], None]


class GarbageCollector(QObject):
    """Runs Python's cycle collector on Qt's thread only.

    By itself it runs in whichever thread makes the object that is one too many. On the I/O thread
    it would end widgets and timers there, which Qt forbids.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ticks = 0
        self._was_enabled = gc.isenabled()
        self._timer = QTimer(self)
        self._timer.setInterval(_COLLECT_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        gc.disable()
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()
        if self._was_enabled:
            gc.enable()

    def _tick(self) -> None:
        self._ticks += 1
        gc.collect(2 if self._ticks % _FULL_EVERY == 0 else 1)


class Follower:
    """One generator that is being followed; `cancel` ends it and nothing is delivered after."""

    def __init__(
        self,
        bridge: "Bridge",
        slot: Callable[[list[Any]], None],
        *,
        hz: int,
        done: Callable[[], None] | None,
        gather: Callable[[list[Any]], list[Any]],
    ) -> None:
        self._bridge = bridge
        self._slot: Callable[[list[Any]], None] | None = slot
        self._interval_s = 1 / hz
        self._done = done
        self._gather = gather
        self._error: BaseException | None = None
        # of the I/O thread: what has come since it was last passed on
        self._items: list[Any] = []
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sent_s = 0.0
        # passed on, and not delivered yet
        self._passed_on: deque[Any] = deque()

    def cancel(self) -> None:
        """Stop delivering at once and close the generator on the I/O loop."""
        self._slot = None
        self._done = None
        self._bridge.call(self._cancel_task)

    async def run(self, make_generator: Callable[[], AsyncGenerator[Any, None]]) -> None:
        """Iterate the generator; runs on the I/O loop."""
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        try:
            if self._slot is None:
                return
            async with aclosing(make_generator()) as generator:
                async for item in generator:
                    self._items.append(item)
                    if self._timer is None:
                        due = max(loop.time(), self._sent_s + self._interval_s)
                        self._timer = loop.call_at(due, self._pass_on)
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported on Qt's thread
            self._error = error
        finally:
            if self._timer is not None:
                self._timer.cancel()
            try:
                self._pass_on()
            finally:
                self._bridge.post(self._end)

    def _pass_on(self) -> None:
        self._timer = None
        self._sent_s = asyncio.get_running_loop().time()
        items, self._items = self._items, []
        if items and self._slot is not None:
            self._passed_on.extend(self._gather(items))
            self._bridge.post(self._deliver)

    def _deliver(self) -> None:
        """Deliver all there is: where Qt's thread was busy, more than once as much."""
        items = []
        while self._passed_on:
            items.append(self._passed_on.popleft())
        if items and self._slot is not None:
            self._slot(items)

    def _end(self) -> None:
        done, self._slot, self._done = self._done, None, None
        if self._error is not None:
            self._bridge.report(self._error)
        if done is not None:
            done()

    def _cancel_task(self) -> None:
        if self._task is not None:
            self._task.cancel()


class Bridge(QObject):
    """Owns the I/O thread. Every method is called on Qt's thread unless it says otherwise.

    `report` gets every error nobody awaited, on Qt's thread. `qt_loop` is qasync's loop; the one
    that is running if it is not given.
    """

    _posted = Signal()

    def __init__(
        self,
        report: Report,
        *,
        qt_loop: asyncio.AbstractEventLoop | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.report = report
        self._qt_loop = qt_loop or asyncio.get_running_loop()
        self._qt_loop.set_exception_handler(self._on_loop_error)
        self._io_loop = asyncio.new_event_loop()
        self._io_loop.set_exception_handler(self._on_loop_error)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._spawned: set[asyncio.Task[Any]] = set()
        self._calls: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._is_closed = False
        self._collector = GarbageCollector(self)
        self._collector.start()
        self._posted.connect(self._take_posted, Qt.ConnectionType.QueuedConnection)
        self._writer = ThreadPoolExecutor(1, "playground-write")
        self._thread = threading.Thread(target=self._run_loop, name="playground-io")
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> "asyncio.Future[T]":
        """Run `coroutine` on the I/O loop and return a future of Qt's loop.

        Cancelling the future cancels the coroutine. An error nobody asks the future for is
        reported.
        """
        future: asyncio.Future[T] = self._qt_loop.create_future()
        if self._is_closed:
            coroutine.close()
            future.cancel()
            return future
        holder: list[asyncio.Task[T]] = []

        def start() -> None:
            task = self._keep(coroutine)
            holder.append(task)
            task.add_done_callback(lambda ended: self.post(_settle, future, ended))

        def stop_if_cancelled(settled: "asyncio.Future[T]") -> None:
            if settled.cancelled():
                self.call(lambda: [task.cancel() for task in holder])

        future.add_done_callback(stop_if_cancelled)
        self.call(start)
        return future

    def write(self, function: Callable[..., T], *args: Any, **named: Any) -> "asyncio.Future[T]":
        """Call a function that writes a file, in a thread, after those given before it.

        For settings: `bridge.write(settings.update, show_tokens=True)`. Closing waits for what is
        not written yet. An error nobody asks the future for is reported.
        """
        future: asyncio.Future[T] = self._qt_loop.create_future()
        if self._is_closed:
            future.cancel()
            return future
        writing = self._writer.submit(partial(function, *args, **named))
        writing.add_done_callback(lambda ended: self.post(_settle, future, ended))
        return future

    def subscribe(
        self, settings: SettingsStore, slot: Callable[[Settings], None]
    ) -> Callable[[], None]:
        """Call `slot` on Qt's thread with the settings after each change, whoever made it.

        Returns what ends it; nothing is delivered after that.
        """
        is_over = False

        def deliver(changed: Settings) -> None:
            if not is_over:
                slot(changed)

        def subscriber(changed: Settings) -> None:
            self.post(deliver, changed)

        def end() -> None:
            nonlocal is_over
            is_over = True
            settings.unsubscribe(subscriber)

        settings.subscribe(subscriber)
        return end

    def follow(
        self,
        make_generator: Callable[[], AsyncGenerator[T, None]],
        slot: Callable[[list[S]], None],
        *,
        hz: int = 30,
        done: Callable[[], None] | None = None,
        gather: Callable[[list[T]], list[S]] = list[Any],
    ) -> Follower:
        """Iterate a generator on the I/O loop and give `slot` lists of its items on Qt's thread.

        At most `hz` lists a second. `gather` is called on the I/O loop with what has come since the
        list before, and returns what is passed on in its place. `done` is called after the last
        list, also when the generator failed (which is reported).
        """
        follower = Follower(self, slot, hz=hz, done=done, gather=gather)
        self.call(lambda: self._keep(follower.run(make_generator)))
        return follower

    def call(self, function: Callable[..., Any], *args: Any) -> None:
        """Call `function` soon on the I/O loop; does nothing once the bridge is closed."""
        try:
            self._io_loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            # the loop has been closed: there is nothing left to tell it
            return

    def post(self, function: Callable[..., None], *args: Any) -> None:
        """Call `function` soon on Qt's thread; may be called from any thread, at any time."""
        self._calls.append((function, args))
        try:
            self._posted.emit()
        except RuntimeError:
            # the window and this object are gone: nobody is left to hear it
            self._calls.clear()

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Run `coroutine` on Qt's loop, keep it alive, and report its error."""
        task = self._qt_loop.create_task(coroutine)
        self._spawned.add(task)
        task.add_done_callback(self._on_spawned)
        return task

    async def close(self) -> None:
        """End everything that runs on either loop and join the thread; awaited on Qt's loop."""
        if self._is_closed:
            return
        own = asyncio.current_task(self._qt_loop)
        for task in [task for task in self._spawned if task is not own]:
            task.cancel()
        await self.submit(asyncio.to_thread(self._writer.shutdown))
        await self.submit(self._drain())
        self._join()

    def call_and_wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run `coroutine` on the I/O loop and block until it has ended; Qt's loop is not needed."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._io_loop).result(_JOIN_S)

    def close_now(self) -> None:
        """As `close`, where no loop can be awaited; blocks."""
        if self._is_closed:
            return
        for task in list(self._spawned):
            task.cancel()
        self._writer.shutdown()
        self.call_and_wait(self._drain())
        self._join()

    def _join(self) -> None:
        self._is_closed = True
        self._collector.stop()
        self.call(self._io_loop.stop)
        self._thread.join(_JOIN_S)
        self._calls.clear()

    async def _drain(self) -> None:
        own = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not own]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        loop = asyncio.get_running_loop()
        await loop.shutdown_asyncgens()
        await loop.shutdown_default_executor()

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._io_loop)
        try:
            self._io_loop.run_forever()
        finally:
            self._io_loop.close()

    def _keep(self, coroutine: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = self._io_loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _take_posted(self) -> None:
        while self._calls:
            function, args = self._calls.popleft()
            function(*args)

    def _on_spawned(self, task: "asyncio.Task[Any]") -> None:
        self._spawned.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.report(error)

    def _on_loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception") or RuntimeError(context.get("message", "unknown"))
        self.post(self.report, error)


def _settle(future: "asyncio.Future[T]", ended: "asyncio.Task[T] | Future[T]") -> None:
    if future.done():
        return
    if ended.cancelled():
        future.cancel()
    elif (error := ended.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(ended.result())
