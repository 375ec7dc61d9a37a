"""Keeps the computer from falling asleep while something long is running."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

log = logging.getLogger(__name__)


@contextmanager
def stay_awake() -> Iterator[None]:
    """Keep the computer awake within the block; where it cannot be, the block runs all the same."""
    held = ExitStack()
    with _tolerated():
        from wakepy import keep  # noqa: PLC0415 - 50 ms, and rarely needed

        # the screen may go dark: only the computer is to go on
        held.enter_context(keep.running(on_fail="pass"))
    try:
        yield
    finally:
        with _tolerated():
            held.close()


@contextmanager
def _tolerated() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever the system says, the work goes on
        log.info("the computer may fall asleep: %s", error)
