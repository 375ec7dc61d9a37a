"""A message over the page that goes by itself, with one thing to do about it."""

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QEvent, QObject, QRect, QTimer
from PySide6.QtWidgets import QFrame, QWidget
from typing_extensions import override

from playground.ui.theme.theme import Theme, set_properties
from playground.ui.widgets.basics import IconButton, make_button, make_label
from playground.ui.widgets.layouts import make_flow

STAY_MS = 8000
UNDO_MS = 30_000
"""Of a message that offers to take back a deletion."""
_WIDTH = 620
_ONE_LINE = 58
"""Height of a message that the head has room for, in pixels at scale 1."""


class Toast(QFrame):
    """Shows one message at a time; a new one takes the place of the old.

    It lies in the `room` a page has for it, if it has any, else above what stands at `bottom`: that
    stays in reach.
    """

    def __init__(
        self,
        theme: Theme,
        parent: QWidget | None = None,
        bottom: Callable[[], int] | None = None,
        room: Callable[[], QRect | None] = lambda: None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._bottom = bottom
        self._room = room
        self.is_of_page = False
        """True where the message goes with the page that showed it."""
        self._on_action: Callable[[], object] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self._build()
        self.hide()
        if parent is not None:
            parent.installEventFilter(self)

    def show_message(
        self,
        text: str,
        *,
        tone: str = "true",
        action: str | None = None,
        on_action: Callable[[], object] | None = None,
        stay_ms: int = STAY_MS,
    ) -> None:
        """Show `text`; `tone` is `true`, `caution` or `bad`; `stay_ms` 0 stays until closed."""
        set_properties(self, (("card", tone),))
        self.is_of_page = False
        self._label.setText(text)
        self.setAccessibleName(text)
        self._on_action = on_action
        self._button.setVisible(action is not None)
        self._button.setText(action or "")
        self._button.setAccessibleName(action or "")
        self.show()
        self.place()
        self.raise_()
        if stay_ms:
            self._timer.start(stay_ms)
        else:
            self._timer.stop()

    def _build(self) -> None:
        self.setProperty("card", "true")
        px = self._theme.px
        self._label = make_label(wrap=True, role="control")
        self._button = make_button("", self._act)
        close = IconButton(self._theme, "close", self.tr("Close this message"))
        close.clicked.connect(self.hide)
        flow = make_flow((self._label, 1), 1, self._button, close, parent=self)
        flow.setContentsMargins(px(14), px(8), px(8), px(8))

    def place(self) -> None:
        """Lie over the page where it has room, else in its lower part, and move nothing."""
        window = self.parentWidget()
        if window is None:
            return
        px = self._theme.px
        room = self._room()
        width = 0 if room is None else min(px(_WIDTH), room.width())
        height = self.heightForWidth(width)
        # in more lines than there is room for it would cover what stands below
        if room is not None and height <= max(px(_ONE_LINE), room.height()):
            left = room.right() - width
            top = max(px(4), room.center().y() - height // 2)
            self.setGeometry(left, top, width, height)
            return
        width = min(px(_WIDTH), window.width() - px(32))
        height = self.heightForWidth(width)
        bottom = window.height() if self._bottom is None else self._bottom()
        top = max(px(8), bottom - height - px(10))
        self.setGeometry((window.width() - width) // 2, top, width, height)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize and self.isVisible():
            self.place()
        return super().eventFilter(watched, event)

    @override
    def event(self, event: QEvent) -> bool:
        is_done = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest:
            self.place()
        return is_done

    def _act(self) -> None:
        action, self._on_action = self._on_action, None
        self.hide()
        if action is not None:
            action()


class Notify(Protocol):
    """Shows a message at the window's foot: `MainWindow.toast`."""

    def __call__(
        self,
        text: str,
        *,
        tone: str = "true",
        action: str | None = None,
        on_action: Callable[[], object] | None = None,
        stay_ms: int = STAY_MS,
    ) -> None:
        """Show `text`; see `Toast.show_message`."""
