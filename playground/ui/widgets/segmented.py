"""One choice of a few, all of them in sight."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from playground.ui.widgets.basics import make_button


class Segmented(QWidget):
    """Buttons in a row, one of them lit."""

    chosen = Signal(str)

    def __init__(self, choices: Sequence[tuple[str, str, str]]) -> None:
        """Take key, text and tooltip of each choice."""
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QPushButton] = {}
        for index, (key, text, tooltip) in enumerate(choices):
            button = make_button(text, self._on_clicked, tooltip=tooltip)
            button.setCheckable(True)
            button.setProperty("key", key)
            if index == 0:
                button.setProperty("segment", "first")
            elif index == len(choices) - 1:
                button.setProperty("segment", "last")
            self._group.addButton(button)
            self._buttons[key] = button
            row.addWidget(button)

    @property
    def selected(self) -> str:
        """Key of the choice that is lit."""
        return next(key for key, button in self._buttons.items() if button.isChecked())

    def select(self, key: str) -> None:
        """Light a choice without telling."""
        self._buttons[key].setChecked(True)

    def _on_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, QPushButton):
            self.chosen.emit(button.property("key"))
