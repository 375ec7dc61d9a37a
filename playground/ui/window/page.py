"""What the main window expects of a page."""

from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TypeVar

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget


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


Steps = Generator[None, None, Page]
"""Builds a page piece by piece: the window answers between them."""
Factory = Callable[[], "Page | Steps"]
P = TypeVar("P", bound=Page)


def finished(steps: Generator[None, None, P]) -> P:
    """Take all steps that are left, and return the page."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            page: P = end.value
            return page


class PageStack(QStackedWidget):
    """Builds pages as they are asked for, and shows the last one that was."""

    page_built = Signal(str)
    page_changed = Signal(str)
    page_refused = Signal()
    """The page that was asked for could not be built; the one in front stays."""

    def __init__(self) -> None:
        super().__init__()
        self._factories: dict[str, Factory] = {}
        self._titles: dict[str, str] = {}
        self._pages: dict[str, Page] = {}
        self._begun: dict[str, Steps] = {}
        self._current: str | None = None
        self._wanted: str | None = None
        """The page that was asked for and is not built yet."""
        self._is_holding = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._take_step)

    @property
    def current(self) -> str | None:
        """Key of the page in front."""
        return self._current

    @property
    def wanted(self) -> str | None:
        """Key of the page that comes to the front as soon as it is built."""
        return self._wanted

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all pages, in the order they were added."""
        return tuple(self._factories)

    @property
    def built(self) -> tuple[Page, ...]:
        """The pages that have been visited."""
        return tuple(self._pages.values())

    def add(self, key: str, title: str, factory: Factory) -> None:
        """Give a page its key; `factory` runs on demand and builds it whole or in steps."""
        self._factories[key] = factory
        self._titles[key] = title

    def page(self, key: str) -> Page:
        """Return a page, built now if it has not been; the one that is wanted is shown as well."""
        if key not in self._pages:
            with self._refusing(key):
                self._finish(key)
            if key == self._wanted:
                # nothing is left of it that would bring it there later
                self._bring_to_front(key)
        return self._pages[key]

    def show_page(self, key: str) -> str:
        """Bring a page to the front, or as soon as it is built; an unknown key is the first page.

        Returns the key of the page that is or comes in front.
        """
        if key not in self._factories:
            key = self.keys[0]
        self._wanted = None if key == self._current else key
        if self._wanted is not None:
            self._go_on()
        return key

    def hold(self) -> None:
        """Build nothing more until `release`; a page that is asked for comes then."""
        self._is_holding = True

    def release(self) -> None:
        """Build pages as they are asked for; one that was asked for meanwhile comes soon."""
        self._is_holding = False
        if self._wanted is not None:
            self._timer.start(0)

    def _go_on(self) -> None:
        key = self._wanted
        if key is None:
            return
        if key in self._pages or (not self._is_holding and not self._is_built_in_steps(key)):
            self._bring_to_front(key)

    def _is_built_in_steps(self, key: str) -> bool:
        """Begin a page; return False where it is whole at once."""
        if key not in self._begun:
            with self._refusing(key):
                made = self._factories[key]()
                if isinstance(made, Page):
                    self._take_in(key, made)
                    return False
            self._begun[key] = made
        self._timer.start(0)
        return True

    def _take_step(self) -> None:
        key = self._wanted
        if key is None or self._is_holding:
            return
        if key in self._begun:
            with self._refusing(key):
                try:
                    next(self._begun[key])
                except StopIteration as end:
                    del self._begun[key]
                    self._take_in(key, end.value)
        self._go_on()

    @contextmanager
    def _refusing(self, key: str) -> Iterator[None]:
        """Leave the page in front where it is if another cannot be built.

        The error is told by whoever looks after errors; asked for again, the page is begun anew.
        """
        try:
            yield
        except Exception:
            self._begun.pop(key, None)
            if self._wanted == key:
                self._wanted = None
            self.page_refused.emit()
            raise

    def _finish(self, key: str) -> None:
        steps = self._begun.pop(key, None)
        made = self._factories[key]() if steps is None else steps
        self._take_in(key, made if isinstance(made, Page) else finished(made))

    def _take_in(self, key: str, page: Page) -> None:
        page.setAccessibleName(self._titles[key])
        self._pages[key] = page
        self.addWidget(page)
        self.page_built.emit(key)

    def _bring_to_front(self, key: str) -> None:
        self._wanted = None
        page = self._pages[key]
        if self._current is not None:
            self._pages[self._current].page_hidden()
        self._current = key
        self.setCurrentWidget(page)
        page.page_shown()
        page.focus_first()
        self.page_changed.emit(key)
