"""What the main window expects of a page."""

from collections.abc import Awaitable, Callable

from PySide6.QtWidgets import QWidget


class Page(QWidget):
    """A page's view; the window calls these, and each may be left as it is."""

    presenter: object | None = None
    """Kept here so that it lives as long as the view."""
    close_hook: Callable[[], Awaitable[None]] | None = None
    """The presenter's way to end what it has begun."""

    def __init__(self, parent: QWidget | None = None) -> None:
        # built in its place: widgets that are styled already are styled again at each new parent
        super().__init__(parent)
        self.setObjectName("page")

    def page_shown(self) -> None:
        """Come to the front."""

    def page_hidden(self) -> None:
        """Leave the front."""

    def focus_first(self) -> None:
        """Put the keyboard where a person most likely wants it."""
        self.setFocus()

    def handle_escape(self) -> bool:
        """Stop what can be stopped; return False where there was nothing."""
        return False

    def set_stage(self, *, on: bool) -> None:
        """Show less and larger for a room, or everything again."""

    async def close_page(self) -> None:
        """End what this page has begun; awaited before the services end."""
        if self.close_hook is not None:
            await self.close_hook()
