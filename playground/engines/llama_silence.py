"""How long a worker may say nothing, and what happens when it says nothing longer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """How long a worker may say nothing before it is taken for hung, in seconds."""

    load_s: float = 120.0
    template_s: float = 10.0
    """A chat format is a stranger's program, and may loop for ever."""
    prompt_s: float = 120.0
    token_s: float = 60.0
    stop_s: float = 2.0
    """Time to confirm a stop."""


class Silence:
    """Calls back when something expected does not come; one timer, moved lazily."""

    def __init__(self, on_broken: Callable[[], None]) -> None:
        self._on_broken = on_broken
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._was_warned = False
        self.was_broken = False

    def expect(self, seconds: float) -> None:
        """Begin to wait."""
        loop = asyncio.get_running_loop()
        self._deadline = loop.time() + seconds
        self._was_warned = False
        if self._timer is None or self._timer.when() > self._deadline:
            self._arm(self._deadline)

    def rest(self) -> None:
        """Stop waiting."""
        self._deadline = None

    def _arm(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self._check)

    def _check(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        now = asyncio.get_running_loop().time()
        if now < self._deadline:
            self._arm(self._deadline)
        elif not self._was_warned:
            # this loop itself may have been held up: what came meanwhile is read first
            self._was_warned = True
            self._arm(now + 0.05)
        else:
            self.was_broken = True
            self._on_broken()
