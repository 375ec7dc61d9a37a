"""A message at the window's foot that goes by itself, with one thing to do about it."""

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QWidget

from playground.ui.theme.theme import Theme, set_properties
from playground.ui.widgets.basics import IconButton, make_button, make_label
from playground.ui.widgets.layouts import make_row

STAY_MS = 8000


class Toast(QFrame):
    """Shows one message at a time; a new one takes the place of the old."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._on_action: Callable[[], object] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self._build()
        self.hide()

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
        self._label.setText(text)
        self.setAccessibleName(text)
        self._on_action = on_action
        self._button.setVisible(action is not None)
        self._button.setText(action or "")
        self._button.setAccessibleName(action or "")
        self.show()
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
        margins = (px(14), px(8), px(8), px(8))
        make_row((self._label, 1), self._button, close, parent=self, margins=margins)

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
