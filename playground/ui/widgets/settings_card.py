"""One subject of the Settings page: a heading, and a line for each setting."""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLayout, QVBoxLayout, QWidget

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_label, plain_tooltip

_CONTROL_WIDTH = 260


class SettingsCard(QFrame):
    """Words on the left, the control on the right, all controls equally wide."""

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__()
        self._theme = theme
        self._controls: list[QWidget] = []
        self.setProperty("card", "true")
        px = theme.px
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(px(18), px(14), px(18), px(14))
        self._column.setSpacing(px(10))
        if title:
            self._column.addWidget(make_label(title, "heading"))
        theme.changed.connect(self._apply_theme)

    def add(self, widget: QWidget) -> None:
        """Add something over the whole width."""
        self._column.addWidget(widget)

    def add_layout(self, layout: QLayout) -> None:
        """Add a line over the whole width."""
        self._column.addLayout(layout)

    def add_row(
        self, control: QWidget, title: str, what: str, *, below: QWidget | None = None
    ) -> None:
        """Add a setting, what it is for, and `below` that what follows from it."""
        control.setToolTip(plain_tooltip(what))
        row = QHBoxLayout()
        row.setSpacing(self._theme.px(18))
        words = QVBoxLayout()
        words.setSpacing(self._theme.px(2))
        words.addWidget(make_label(title, "control"))
        words.addWidget(make_label(what, "caption", "quiet", wrap=True))
        if below is not None:
            words.addWidget(below)
        row.addLayout(words, 1)
        row.addWidget(control)
        self._column.addLayout(row)
        self._controls.append(control)
        self._apply_theme()

    def _apply_theme(self) -> None:
        for control in self._controls:
            control.setFixedWidth(self._theme.px(_CONTROL_WIDTH))
