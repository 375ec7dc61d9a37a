"""The page's header: its title, the order of the answers, hidden names, and the drawer's button."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_button, make_label
from playground.ui.widgets.segmented import Segmented


class Header(QWidget):
    """What is decided before a prompt is sent."""

    order_chosen = Signal(str)
    hide_names_toggled = Signal(bool)
    drawer_toggled = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._build()
        self._order.chosen.connect(self.order_chosen)
        self._hide_names.toggled.connect(self.hide_names_toggled)
        self._drawer_button.toggled.connect(self.drawer_toggled)
        theme.changed.connect(self._wear)
        self._wear()

    @property
    def wants_drawer(self) -> bool:
        """True while the drawer's button is pressed."""
        return self._drawer_button.isChecked()

    def set_order(self, order: str) -> None:
        """Light `fair` or `race`."""
        self._order.select(order)

    def set_hide_names(self, *, on: bool) -> None:
        """Show whether names are hidden."""
        self._hide_names.setChecked(on)

    def set_drawer_open(self, *, is_open: bool) -> None:
        """Show whether the drawer is open."""
        self._drawer_button.setChecked(is_open)

    def set_running(self, *, running: bool) -> None:
        """Leave what holds for a whole turn as it is while one runs."""
        self._hide_names.setEnabled(not running)
        self._order.setEnabled(not running)

    def set_stage(self, *, on: bool) -> None:
        """Hide what a room need not see."""
        self._drawer_button.setVisible(not on)
        self._title.setVisible(not on)

    def _build(self) -> None:
        self._title = make_label(self.tr("Compare"), "title")
        self._order = Segmented(
            (
                (
                    "fair",
                    self.tr("One at a time · fair"),
                    self.tr(
                        "Cloud answers come first, then each model on this computer gets the whole "
                        "machine for itself: only so can their speeds be compared."
                    ),
                ),
                (
                    "race",
                    self.tr("All at once"),
                    self.tr("All start together. Models on this computer slow each other down."),
                ),
            )
        )
        self._hide_names = make_button(
            self.tr("Hide names"),
            tooltip=self.tr(
                "Judge the answers without knowing whose they are; then see the names."
            ),
        )
        self._hide_names.setCheckable(True)
        self._drawer_button = make_button(
            self.tr("Answer settings"),
            tooltip=self.tr("Instructions, length, variety and chance, for all or for one model."),
        )
        self._drawer_button.setCheckable(True)
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._title)
        row.addStretch(1)
        row.addWidget(self._order)
        row.addWidget(self._hide_names)
        row.addWidget(self._drawer_button)

    def _wear(self) -> None:
        self._row.setSpacing(self._theme.px(10))
