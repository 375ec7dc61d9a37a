"""How a model would run on other kinds of computers; estimates, and said to be."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from playground.core.requirements.model import Requirements, Verdict
from playground.services.machine.devices import Device
from playground.ui.theme.theme import Theme
from playground.ui.widgets.badge import Badge
from playground.ui.widgets.basics import clear_layout, make_label, plain_tooltip
from playground.ui.widgets.verdict import exact_speed, speed_figure, verdict_words


class ElsewhereBox(QWidget):
    """One line for each device of the table."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(6))
        head = make_label(
            self.tr("Where else would it run? (estimates, in words a second)"), "caption", "quiet"
        )
        column.addWidget(head)
        self._table = QWidget()
        self._grid = QGridLayout(self._table)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(theme.px(6))
        self._grid.setHorizontalSpacing(theme.px(10))
        self._grid.setColumnStretch(0, 1)
        column.addWidget(self._table)

    def show_devices(self, found: tuple[tuple[Device, Requirements], ...]) -> None:
        """Show one line for each kind of computer."""
        clear_layout(self._table)
        for row, (device, needs) in enumerate(found):
            name = make_label(device.name, "control", wrap=True)
            name.setToolTip(
                self.tr("Estimated from published figures: {0}").format(device.machine.source)
            )
            badge = Badge(self._theme)
            badge.set_badge(*verdict_words(needs.verdict))
            badge.setMinimumWidth(badge.sizeHint().width())
            is_too_large = needs.verdict is Verdict.WONT_FIT
            speed = make_label("—" if is_too_large else speed_figure(needs.speed), "control")
            speed.setToolTip(plain_tooltip(exact_speed(needs.speed)))
            self._grid.addWidget(name, row, 0)
            self._grid.addWidget(badge, row, 1, Qt.AlignmentFlag.AlignLeft)
            self._grid.addWidget(speed, row, 2, Qt.AlignmentFlag.AlignRight)
        self.setVisible(bool(found))
