"""What presenters need of the window's toast, without knowing the window."""

from collections.abc import Callable
from typing import Protocol


class ShowToast(Protocol):
    """`MainWindow.toast`."""

    def __call__(
        self,
        text: str,
        *,
        tone: str = "true",
        action: str | None = None,
        on_action: Callable[[], object] | None = None,
    ) -> None:
        """Show a message at the foot of the page."""
