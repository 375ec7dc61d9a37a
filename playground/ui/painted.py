"""Waits until a widget is on screen."""

import asyncio

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget


class _Watch(QObject):
    """Settles a future once its parent has been painted."""

    def __init__(self, widget: QWidget, future: "asyncio.Future[None]") -> None:
        super().__init__(widget)
        self._widget = widget
        self._future = future
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt: look for the first paint event; everything else goes on as it is."""
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, self._settle)
        return False

    def _settle(self) -> None:
        if not self._future.done():
            self._future.set_result(None)
        self.deleteLater()


async def painted(widget: QWidget) -> None:
    """Return when `widget` has painted itself for the first time from now on."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    _Watch(widget, future)
    await future
