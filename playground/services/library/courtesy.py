"""Lets long work in other threads give way to the one that paints.

Python runs one thread at a time. One that reckons keeps the painting thread waiting for up to a
switch interval (5 ms) whenever that one needs Python again, and to paint a list it does so hundreds
of times: what takes 20 ms alone was measured to take 170. So such work goes in pieces of a few
milliseconds, and before each the painting thread gets done what it has to do.
"""

import threading
import time
from collections.abc import Callable

_PIECE_S = 0.002
LONGEST_WAIT_S = 0.1
"""A window that is never at rest must not keep work from being done at all."""

Post = Callable[[Callable[[], None]], None]
"""Calls a function soon on the painting thread, after what waits there already."""


class Courtesy:
    """The painting thread, as others ask after it. Callable from any thread.

    While there is none nobody waits.
    """

    def __init__(self) -> None:
        self._post: Post | None = None
        self._painter: int | None = None
        self._longest_wait_s = LONGEST_WAIT_S
        self._gave_way_at = 0.0

    def begin(self, post: Post, *, longest_wait_s: float = LONGEST_WAIT_S) -> None:
        """Give way from now on to this thread, on which `post` calls."""
        self._longest_wait_s = longest_wait_s
        self._painter = threading.get_ident()
        self._post = post

    def end(self) -> None:
        """Give way no more: that thread is about to end."""
        self._post = None

    @property
    def has_painter(self) -> bool:
        """True while there is a thread to give way to."""
        return self._post is not None

    def give_way(self) -> None:
        """Wait until the painting thread has done what it has to do; to be called often."""
        post = self._post
        if post is None or threading.get_ident() == self._painter:
            return
        if time.perf_counter() - self._gave_way_at < _PIECE_S:
            return
        done = threading.Event()
        post(done.set)
        done.wait(self._longest_wait_s)
        self._gave_way_at = time.perf_counter()
