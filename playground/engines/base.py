"""What every engine promises."""

from collections.abc import AsyncGenerator
from typing import Protocol

from playground.core.chat import ChatRequest
from playground.core.events import StreamEvent


class Engine(Protocol):
    """Answers chat requests for one target."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Yield events, ending with exactly one `Finished` or `Failed`.

        Hold it in `async with aclosing(...)`: leaving the block is the cancellation. An exception
        out of the generator is a bug; whatever the environment does becomes `Failed`.
        """
        ...
