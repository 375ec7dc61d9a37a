"""One subject of the Settings page: a heading, and a line for each setting."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QFrame, QLayout, QWidget

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_label, plain_tooltip
from playground.ui.widgets.inputs import ComboBox
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_flow

_CONTROL_WIDTH = 260


class SettingsCard(QFrame):
    """Words on the left, the control on the right, all controls equally wide."""

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__()
        self._theme = theme
        self._controls: list[QWidget] = []
        self.setProperty("card", "true")
        px = theme.px
        margins = (px(18), px(14), px(18), px(14))
        self._column = make_column(parent=self, margins=margins, spacing=px(10))
        if title:
            self._column.addWidget(make_label(title, "heading", wrap=True))
        theme.changed.connect(self._apply_theme)

    def add(self, widget: QWidget) -> None:
        self._column.addWidget(widget)

    def add_layout(self, layout: QLayout) -> None:
        self._column.addLayout(layout)

    def add_choice(
        self, field: str, title: str, what: str, choices: Sequence[tuple[str, Any]] = ()
    ) -> ComboBox:
        """Add a setting chosen from a list, and return its box; `field` is its property."""
        box = ComboBox(self._theme, title, choices)
        box.setProperty("field", field)
        self.add_row(box, title, what)
        return box

    def add_row(
        self, control: QWidget, title: str, what: str, *, below: QWidget | None = None
    ) -> None:
        """Add a setting, what it is for, and `below` that what follows from it."""
        control.setToolTip(plain_tooltip(what))
        words = QWidget()
        column = make_column(
            make_label(title, "control", wrap=True),
            make_label(what, "caption", "quiet", wrap=True),
            parent=words,
            margins=NO_MARGINS,
            spacing=self._theme.px(2),
        )
        if below is not None:
            column.addWidget(below)
        self._column.addLayout(make_flow((words, 1), control, spacing=self._theme.px(18)))
        self._controls.append(control)
        self._apply_theme()

    def _apply_theme(self) -> None:
        for control in self._controls:
            control.setFixedWidth(self._theme.px(_CONTROL_WIDTH))
