"""The door between Qt's thread and the I/O thread."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QTimer
from pytestqt.qtbot import QtBot

from playground.core.errors import UsageError
from playground.store.settings import Settings, SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.throttle import FlushScheduler
from tests.ui.conftest import take_turns


def test_a_coroutine_runs_on_the_io_thread_and_its_result_comes_back(
    bridge: Bridge, qtbot: QtBot
) -> None:
    async def where() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    seen: list[tuple[str, str]] = []

    async def ask() -> None:
        name = await bridge.submit(where())
        seen.append((name, threading.current_thread().name))

    bridge.spawn(ask())
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [("playground-io", "MainThread")]


def test_an_error_is_raised_where_it_is_awaited(bridge: Bridge, qtbot: QtBot) -> None:
    async def fail() -> None:
        raise ValueError("no")

    caught: list[str] = []

    async def ask() -> None:
        try:
            await bridge.submit(fail())
        except ValueError as error:
            caught.append(str(error))

    bridge.spawn(ask())
    qtbot.waitUntil(lambda: caught == ["no"])


@pytest.mark.parametrize("way", ["submitted and forgotten", "spawned", "task on the other loop"])
def test_an_error_nobody_awaits_is_reported(
    way: str, bridge: Bridge, reports: list[BaseException], qtbot: QtBot
) -> None:
    async def fail() -> None:
        raise KeyError(way)

    if way == "spawned":
        bridge.spawn(fail())
    elif way == "submitted and forgotten":
        bridge.submit(fail())
    else:

        async def start_and_forget() -> None:
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)

        bridge.submit(start_and_forget())
    qtbot.waitUntil(lambda: len(reports) == 1)
    assert isinstance(reports[0], ZeroDivisionError if "other" in way else KeyError)
    reports.clear()


def test_what_a_generator_yields_arrives_whole_and_in_order(bridge: Bridge, qtbot: QtBot) -> None:
    async def count() -> AsyncGenerator[int, None]:
        for number in range(500):
            yield number
            if number % 50 == 0:
                await asyncio.sleep(0.01)

    batches: list[list[int]] = []
    ended: list[bool] = []
    bridge.follow(count, batches.append, done=lambda: ended.append(True))
    qtbot.waitUntil(lambda: bool(ended))
    assert [number for batch in batches for number in batch] == list(range(500))
    assert len(batches) < 60
    assert all(batches)


def test_what_came_since_the_last_list_is_gathered_on_the_io_thread(
    bridge: Bridge, qtbot: QtBot
) -> None:
    async def count() -> AsyncGenerator[int, None]:
        for number in range(300):
            yield number
            await asyncio.sleep(0.001)

    threads: set[str] = set()

    def gather(numbers: list[int]) -> list[tuple[int, int]]:
        threads.add(threading.current_thread().name)
        return [(numbers[0], numbers[-1])]

    spans: list[tuple[int, int]] = []
    ended: list[bool] = []
    bridge.follow(count, spans.extend, done=lambda: ended.append(True), gather=gather)
    qtbot.waitUntil(lambda: bool(ended))
    assert threads == {"playground-io"}
    assert (spans[0][0], spans[-1][1]) == (0, 299)
    assert all(one[1] + 1 == other[0] for one, other in pairwise(spans))
    assert len(spans) < 60


def test_several_followers_are_served_one_at_a_time(bridge: Bridge, qtbot: QtBot) -> None:
    async def count() -> AsyncGenerator[int, None]:
        for number in range(40):
            yield number
            await asyncio.sleep(0.005)

    order: list[str] = []
    inside: list[str] = []

    def slot(name: str) -> object:
        def take(_items: list[int]) -> None:
            inside.append(name)
            assert inside == [name]
            order.append(name)
            inside.remove(name)

        return take

    for name in "abcd":
        bridge.follow(count, slot(name))  # type: ignore[arg-type]  # a closure
    qtbot.waitUntil(lambda: all(order.count(name) >= 3 for name in "abcd"))


def test_other_events_come_between_two_panes(qtbot: QtBot) -> None:
    happened: list[str] = []

    class Pane:
        def __init__(self, name: str) -> None:
            self.name = name

        def flush(self) -> None:
            happened.append(self.name)
            QTimer.singleShot(0, lambda: happened.append("a key press"))

    panes = [Pane(name) for name in "ab"]
    flushes = FlushScheduler()
    for pane in (*panes, *panes):
        flushes.request(pane.flush)
    qtbot.waitUntil(lambda: len(happened) == 4)
    assert happened == ["a", "a key press", "b", "a key press"]


def follow_to_the_end(bridge: Bridge, qtbot: QtBot) -> None:
    """Follow another generator for two turns: who asked for one before has had it by then."""
    has_come = asyncio.Event()

    async def two() -> AsyncGenerator[int, None]:
        yield 1
        await has_come.wait()
        yield 2

    ended: list[bool] = []
    bridge.follow(two, lambda _: bridge.call(has_come.set), done=lambda: ended.append(True))
    qtbot.waitUntil(lambda: bool(ended))


def test_cancelling_closes_the_generator_and_delivers_nothing_more(
    bridge: Bridge, qtbot: QtBot
) -> None:
    closed = threading.Event()
    threads: list[str] = []

    async def endless() -> AsyncGenerator[int, None]:
        try:
            while True:
                yield 1
                await asyncio.sleep(0.001)
        finally:
            threads.append(threading.current_thread().name)
            closed.set()

    got: list[int] = []
    follower = bridge.follow(endless, got.extend)
    qtbot.waitUntil(lambda: bool(got))
    follower.cancel()
    count = len(got)
    qtbot.waitUntil(closed.is_set)
    follow_to_the_end(bridge, qtbot)
    assert len(got) == count
    assert threads == ["playground-io"]


def test_an_error_in_a_generator_is_reported_after_what_it_yielded(
    bridge: Bridge, reports: list[BaseException], qtbot: QtBot
) -> None:
    async def broken() -> AsyncGenerator[int, None]:
        yield 7
        raise RuntimeError("broken")

    got: list[int] = []
    ended: list[bool] = []
    bridge.follow(broken, got.extend, done=lambda: ended.append(True))
    qtbot.waitUntil(lambda: bool(ended))
    assert got == [7]
    assert [str(error) for error in reports] == ["broken"]
    reports.clear()


def test_closing_cancels_what_runs_and_ends_the_thread(
    qt_loop: asyncio.AbstractEventLoop, qtbot: QtBot
) -> None:
    reports: list[BaseException] = []
    bridge = Bridge(reports.append, qt_loop=qt_loop)
    cleaned = threading.Event()

    async def long() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    bridge.submit(long())
    blocking_is_over = threading.Event()
    bridge.submit(asyncio.to_thread(blocking_is_over.set))
    qtbot.waitUntil(blocking_is_over.is_set)
    ended: list[bool] = []

    async def close() -> None:
        await bridge.close()
        ended.append(True)

    task = qt_loop.create_task(close())
    qtbot.waitUntil(lambda: bool(ended))
    assert task.done()
    assert cleaned.is_set()
    assert not [t for t in threading.enumerate() if t.name == "playground-io"]
    assert reports == []


def test_what_arrives_after_closing_is_harmless(
    qt_loop: asyncio.AbstractEventLoop, qtbot: QtBot
) -> None:
    reports: list[BaseException] = []
    bridge = Bridge(reports.append, qt_loop=qt_loop)
    bridge.close_now()
    bridge.call(print, "not printed")
    thread = threading.Thread(target=lambda: bridge.post(reports.append, ValueError()))
    thread.start()
    thread.join()

    async def never() -> None:
        raise AssertionError

    assert bridge.submit(never()).cancelled()
    take_turns(qtbot)


def test_a_cancelled_future_cancels_the_coroutine(bridge: Bridge, qtbot: QtBot) -> None:
    was_cancelled = threading.Event()
    started = threading.Event()

    async def wait() -> None:
        started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            was_cancelled.set()
            raise

    future = bridge.submit(wait())
    qtbot.waitUntil(started.is_set)
    future.cancel()
    qtbot.waitUntil(was_cancelled.is_set)


def test_settings_are_written_beside_the_window_in_the_order_they_were_chosen(
    bridge: Bridge, settings: SettingsStore, qtbot: QtBot
) -> None:
    threads: list[str] = []
    settings.subscribe(lambda _changed: threads.append(threading.current_thread().name))
    scales = [1.0 + step / 100 for step in range(1, 41)]
    seen: list[float] = []
    end = bridge.subscribe(settings, lambda changed: seen.append(changed.text_scale))
    for scale in scales:
        bridge.write(settings.update, text_scale=scale)
    qtbot.waitUntil(lambda: len(seen) == len(scales))
    assert seen == scales
    assert {thread.partition("_")[0] for thread in threads} == {"playground-write"}
    end()
    bridge.write(settings.update, text_scale=2.0)
    qtbot.waitUntil(lambda: settings.settings.text_scale == 2.0)
    for _ in range(3):
        QCoreApplication.processEvents()
    assert seen == scales


def test_a_setting_that_makes_no_sense_is_reported(
    bridge: Bridge, settings: SettingsStore, reports: list[BaseException], qtbot: QtBot
) -> None:
    bridge.write(settings.update, text_scale=99.0)
    qtbot.waitUntil(lambda: len(reports) == 1)
    assert isinstance(reports.pop(), UsageError)


@pytest.mark.parametrize("way", ["awaited", "without a loop"])
def test_closing_waits_for_what_is_not_written_yet(
    way: str, qt_loop: asyncio.AbstractEventLoop, tmp_path: Path, qtbot: QtBot
) -> None:
    bridge = Bridge([].append, qt_loop=qt_loop)
    store = SettingsStore(tmp_path / "settings.json")
    may_write = threading.Event()
    bridge.write(may_write.wait)
    for scale in (1.1, 1.2, 1.3):
        bridge.write(store.update, text_scale=scale)
    if way == "awaited":
        ended: list[bool] = []

        async def close() -> None:
            await bridge.close()
            ended.append(True)

        task = qt_loop.create_task(close())
        QTimer.singleShot(20, may_write.set)
        qtbot.waitUntil(lambda: bool(ended))
        assert task.done()
    else:
        threading.Timer(0.02, may_write.set).start()
        bridge.close_now()
    assert SettingsStore(tmp_path / "settings.json").settings == Settings(text_scale=1.3)
    assert bridge.write(store.update, text_scale=2.0).cancelled()
