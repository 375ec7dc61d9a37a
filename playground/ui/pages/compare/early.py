"""Keeps what a person pressed before anything could answer, and presses it again then."""

from collections.abc import Callable

from PySide6.QtCore import QObject

from playground.ui.pages.compare.page import CompareView


class EarlyPress(QObject):
    """Lives from the page's first moment until its presenter is there; the last press counts."""

    def __init__(self, view: CompareView) -> None:
        super().__init__(view)
        self._view = view
        self._again: Callable[[], None] | None = None
        view.run_clicked.connect(self._on_run)
        view.picker_wanted.connect(self._on_picker)
        view.empty.try_clicked.connect(self._on_try)

    def hand_over(self) -> None:
        """Stop listening and repeat the last press."""
        view = self._view
        view.run_clicked.disconnect(self._on_run)
        view.picker_wanted.disconnect(self._on_picker)
        view.empty.try_clicked.disconnect(self._on_try)
        if self._again is not None:
            self._again()
        self.deleteLater()

    def _on_run(self) -> None:
        self._again = self._view.run_clicked.emit

    def _on_picker(self) -> None:
        self._again = self._view.picker_wanted.emit

    def _on_try(self) -> None:
        self._again = self._view.empty.try_clicked.emit
