"""The real program with a peephole: answers what is on screen, never presses anything itself.

Reads one JSON command a line from stdin and answers one JSON line on stdout. A test finds out here
where a control is, and then uses the X server's own mouse and keyboard.
"""

import json
import sys
import threading
from typing import Any

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from playground.app.window import run_window
from playground.ui.window.main_window import MainWindow


class Peephole(QObject):
    """Takes commands from a thread and answers them on Qt's."""

    asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.asked.connect(self._answer, Qt.ConnectionType.QueuedConnection)

    def open(self, window: MainWindow) -> None:
        self._window = window
        say({"shown": True})
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            self.asked.emit(json.loads(line))

    def _answer(self, command: dict[str, Any]) -> None:
        match command["do"]:
            case "where":
                say({"places": [place(w) for w in visible() if matches(w, command["name"])]})
            case "texts":
                say({"texts": [text for w in visible() for text in texts(w)]})
            case "grab":
                self._window.grab().save(command["path"])
                say({"saved": True})
            case "close":
                say({"closing": True})
                self._window.close()


def visible() -> list[QWidget]:
    return [
        widget
        for top in QApplication.topLevelWidgets()
        if top.isVisible()
        for widget in [top, *top.findChildren(QWidget)]
        if widget.isVisible()
    ]


def matches(widget: QWidget, name: str) -> bool:
    return name == widget.accessibleName() or (
        isinstance(widget, QAbstractButton) and name == widget.text().replace("&", "")
    )


def place(widget: QWidget) -> dict[str, Any]:
    middle = widget.mapToGlobal(QPoint(widget.width() // 2, widget.height() // 2))
    return {"x": middle.x(), "y": middle.y(), "enabled": widget.isEnabled(), "text": texts(widget)}


def texts(widget: QWidget) -> list[str]:
    found = [widget.accessibleName(), widget.toolTip(), widget.windowTitle()]
    if isinstance(widget, QLabel | QAbstractButton | QLineEdit):
        found.append(widget.text())
    if isinstance(widget, QTextEdit | QPlainTextEdit):
        found.append(widget.toPlainText())
    return [text for text in found if text]


def say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


_peepholes: list[Peephole] = []


def open_peephole(window: MainWindow) -> None:
    peephole = Peephole()
    _peepholes.append(peephole)
    peephole.open(window)


if __name__ == "__main__":
    sys.exit(run_window(open_peephole))
