"""The pages of the window: the frame they share, and the stack that shows one at a time."""

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QWidget,
)
from typing_extensions import override

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import IconButton, make_button
from playground.ui.widgets.flow_layout import FlowLayout
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_row

_HEAD_HEIGHT = 40
"""Of every page's head, in pixels at scale 1: titles stand at one height."""


class Page(QWidget):
    """A page's view: a column with a head; the window calls its methods and emits its signals."""

    shown = Signal()
    """It has come to the front."""
    hidden = Signal()
    """It has left the front."""
    stage_left = Signal()
    """The button was pressed that leads back from the stage."""
    foot_moved = Signal()
    """`foot_top` or `message_room` may be elsewhere by now."""
    closing = Signal()
    """The program ends: emitted before the services end."""

    MARGINS = (22, 16, 22, 12)
    """Left, top, right and bottom, in pixels at scale 1."""
    presenter: object | None = None
    """Kept here so that it lives as long as the view."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        # built in its place: widgets that are styled already are styled again at each new parent
        super().__init__(parent)
        self._theme = theme
        self._back: QPushButton | None = None
        self.setObjectName("page")
        self._head = FlowLayout()
        self._main = QWidget()
        self._column = make_column(self._head, parent=self._main)
        self._outer = make_row((self._main, 1), parent=self, margins=NO_MARGINS, spacing=0)
        theme.changed.connect(self._apply_spacing)
        self._apply_spacing()

    def offer_undo(self, undo: Callable[[], object]) -> None:
        """Have the keys for undoing call `undo` while this page is in front.

        A field in which something is typed keeps them for itself.
        """
        action = QAction(self)
        action.setShortcut(QKeySequence(QKeySequence.StandardKey.Undo))
        # wherever the keyboard is: what was removed had it
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.triggered.connect(lambda: undo())  # noqa: PLW0108 - it would be given a bool
        self.addAction(action)

    def focus_first(self) -> None:
        """Put the keyboard where a person most likely wants it."""
        self.setFocus()

    def handle_escape(self) -> bool:
        """Stop what can be stopped; return False where there was nothing."""
        return False

    def set_presentation_mode(self, *, on: bool) -> None:
        """Show less and larger for a room, with the way back in sight; or everything again."""
        if on and self._back is None:
            self._back = make_button(
                self.tr("Esc or F11: back"),
                self.stage_left.emit,
                tooltip=self.tr("Show the window as it was before"),
                name=self.tr("Back from the stage"),
            )
            self._back.setProperty("small", True)
            # Esc does the same; the first stop of the keyboard is what the page is about
            self._back.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self._head.addStretch()
            self._head.addWidget(self._back)
        if self._back is not None:
            self._back.setVisible(on)

    @property
    def foot_top(self) -> int:
        """Where what must stay in reach begins at the page's end; messages lie above it."""
        return self.height()

    @property
    def message_room(self) -> QRect | None:
        """Free room of the head in which messages lie; `None` puts them above `foot_top`."""
        return None

    def _foot_above(self, buttons: Iterable[QWidget]) -> int:
        """Return where the first of those buttons begins that are seen, else the page's end."""
        tops = [
            button.mapTo(self, QPoint(0, 0)).y()
            for button in buttons
            if button.isVisible() and not button.visibleRegion().isEmpty()
        ]
        return min([self.height(), *tops])

    @property
    def _units(self) -> float:
        """Width of the window in units of text: pixels at scale 1."""
        return self.window().width() / self._theme.scale

    def _apply_spacing(self) -> None:
        px = self._theme.px
        self._column.setContentsMargins(*(px(side) for side in self.MARGINS))
        self._column.setSpacing(px(12))
        self._head.setSpacing(px(8))
        self._head.set_line_height(px(_HEAD_HEIGHT))


class SplitPage(Page):
    """A page with a search in its head, a list on the left, and the chosen entry on the right.

    The two share the width as `_sizes` says until a person has moved the border between them.
    Where there is no room for both, one of them has the page: the entry, once it is opened, until
    a person goes back to the list.
    """

    LEAST = (320, 340)
    """Width that list and entry take at least, in pixels at scale 1."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._is_border_moved = False
        self._lists: list[QAbstractItemView] = []
        self._is_single = False
        self._is_entry_open = False
        self._has_search = True
        self._to_list = IconButton(
            theme, "chevron-left", self.tr("Back to the list (Esc)"), size=20
        )
        self._to_list.clicked.connect(self._close_entry)
        self._to_list.hide()
        self._head.addWidget(self._to_list)
        self._search = QLineEdit()
        self._search.setClearButtonEnabled(True)
        self._search.installEventFilter(self)
        self._splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.splitterMoved.connect(self._on_border_moved)
        self._splitter.installEventFilter(self)
        find = QShortcut(QKeySequence.StandardKey.Find, self)
        find.activated.connect(self._focus_search)

    def handle_escape(self) -> bool:
        if not self._is_single or not self._is_entry_open:
            return False
        self._close_entry()
        return True

    def _add_list(self, view: QAbstractItemView) -> None:
        """Open the entry with a click, the space bar or the right arrow where it has no room."""
        self._lists.append(view)
        view.clicked.connect(self._open_entry)
        view.installEventFilter(self)

    def _open_entry(self) -> None:
        """Give the entry the page where list and entry have no room beside each other."""
        self._is_entry_open = True
        self._show_parts()

    def _close_entry(self) -> None:
        self._is_entry_open = False
        self._show_parts()
        self._enter_list()

    def _show_parts(self) -> None:
        """Show list and entry, or one of them where there is no room for both."""
        parts = [cast("QWidget", self._splitter.widget(place)) for place in (0, 1)]
        listed, entry = parts
        least = [self._theme.px(width) for width in self.LEAST]
        self._is_single = self._splitter.width() < sum(least) + self._splitter.handleWidth()
        for part, width in zip(parts, least, strict=True):
            part.setMinimumWidth(0 if self._is_single else width)
        is_entry_alone = self._is_single and self._is_entry_open
        listed.setVisible(not is_entry_alone)
        entry.setVisible(not self._is_single or is_entry_alone)
        self._to_list.setVisible(is_entry_alone)
        # it leaves its room to the entry
        self._search.setVisible(self._has_search and not is_entry_alone)

    def _sizes(self, whole: int) -> tuple[int, int]:
        return whole // 2, whole - whole // 2

    def _enter_list(self) -> None:
        """Put the keyboard into the list: Down was pressed in the search."""

    def _focus_search(self) -> None:
        self._search.setFocus()
        self._search.selectAll()

    def _share_width(self) -> None:
        self._show_parts()
        if not self._is_border_moved:
            self._splitter.setSizes(list(self._sizes(self._splitter.width())))

    def _on_border_moved(self) -> None:
        self._is_border_moved = True

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._splitter and event.type() is QEvent.Type.Resize:
            self._share_width()
        elif self._is_single and watched in self._lists and _is_opening(event):
            self._open_entry()
            return True
        elif (
            watched is self._search
            and isinstance(event, QKeyEvent)
            and event.type() is QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Down
        ):
            self._enter_list()
            return True
        return super().eventFilter(watched, event)


def _is_opening(event: QEvent) -> bool:
    if not isinstance(event, QKeyEvent) or event.type() is not QEvent.Type.KeyPress:
        return False
    return event.key() in {Qt.Key.Key_Space, Qt.Key.Key_Right} and not event.modifiers()


Factory = Callable[[], Page]


class PageStack(QStackedWidget):
    """Builds each page on its first visit, and shows the one that was asked for last."""

    foot_moved = Signal()
    """See `Page.foot_moved`."""

    def __init__(self, leave_stage: Callable[[], object] = lambda: None) -> None:
        """`leave_stage` is called where a page's way back from the stage was pressed."""
        super().__init__()
        self._leave_stage = leave_stage
        self._titles: dict[str, str] = {}
        self._factories: dict[str, Factory] = {}
        self._pages: dict[str, Page] = {}
        self.current: str | None = None
        """Key of the page in front."""
        self.previous: str | None = None
        """Key of the page that was in front before."""
        self.wanted: str | None = None
        """Key of the page that was asked for and comes to the front once it has a factory."""
        self._in_presentation_mode = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all pages, in the order they were added."""
        return tuple(self._titles)

    @property
    def built(self) -> tuple[Page, ...]:
        return tuple(self._pages.values())

    def add(self, key: str, title: str, factory: Factory | None = None) -> None:
        """Give a page its key; one without a `factory` gets it by `add_factories`."""
        self._titles[key] = title
        if factory is not None:
            self._factories[key] = factory

    def add_factories(self, factories: Mapping[str, Factory]) -> None:
        """Say how pages are built that could not be before; `wanted` is one of them."""
        self._factories.update(factories)

    def page(self, key: str) -> Page:
        if key not in self._pages:
            page = self._factories[key]()
            page.setAccessibleName(self._titles[key])
            page.stage_left.connect(self._leave_stage)
            page.foot_moved.connect(self.foot_moved)
            page.set_presentation_mode(on=self._in_presentation_mode)
            self._pages[key] = page
            self.addWidget(page)
        return self._pages[key]

    def show_page(self, key: str) -> None:
        """Bring a page to the front, an unknown key the first one.

        A page that cannot be built leaves the one in front where it is, and raises.
        """
        if key not in self._titles:
            key = self.keys[0]
        self.wanted = None
        if key == self.current:
            return
        if key not in self._factories:
            self.wanted = key
            return
        page = self.page(key)
        if self.current is not None:
            self._pages[self.current].hidden.emit()
            self.previous = self.current
        self.current = key
        self.setCurrentWidget(page)
        page.shown.emit()
        page.focus_first()

    def set_presentation_mode(self, *, on: bool) -> None:
        self._in_presentation_mode = on
        for page in self._pages.values():
            page.set_presentation_mode(on=on)
