"""Work in other threads gives way to the one that paints."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

from playground.services.library.courtesy import Courtesy

PATIENCE_S = 20


class Painter:
    """A painting thread's queue, worked off by the test."""

    def __init__(self) -> None:
        self.waiting: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def post(self, function: Callable[[], None]) -> None:
        self.waiting.put(function)


def test_nobody_waits_while_no_window_is_open() -> None:
    courtesy = Courtesy()
    courtesy.give_way()
    painter = Painter()
    courtesy.begin(painter.post)
    courtesy.end()
    courtesy.give_way()
    assert painter.waiting.empty()


def test_work_waits_until_what_the_window_has_to_do_is_done() -> None:
    courtesy, painter, went_on = Courtesy(), Painter(), threading.Event()
    # without the limit this test would pass by itself after a moment
    courtesy.begin(painter.post, longest_wait_s=PATIENCE_S)

    def work() -> None:
        courtesy.give_way()
        went_on.set()

    worker = threading.Thread(target=work)
    worker.start()
    done = painter.waiting.get(timeout=PATIENCE_S)
    assert not went_on.is_set()
    done()
    assert went_on.wait(PATIENCE_S)
    worker.join()


def test_a_window_that_never_rests_does_not_keep_work_from_being_done() -> None:
    courtesy, painter = Courtesy(), Painter()
    courtesy.begin(painter.post)
    worker = threading.Thread(target=courtesy.give_way)
    worker.start()
    worker.join(PATIENCE_S)
    assert not worker.is_alive()
    assert not painter.waiting.empty()
