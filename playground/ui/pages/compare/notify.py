"""How the page's presenters speak to the person."""

from typing import Protocol


class Notify(Protocol):
    """Shows a message at the window's foot."""

    def __call__(self, text: str, *, tone: str = "true") -> None:
        """Show `text`; `tone` is `true`, `caution` or `bad`."""
        ...
