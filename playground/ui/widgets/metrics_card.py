"""The figures under an answer, as large as headlines."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from playground.ui.theme import Theme, set_role
from playground.ui.widgets.parts import ElidedLabel, make_label, make_line


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure as it is shown."""

    value: str
    caption: str
    explanation: str
    """Tooltip in plain words, with the exact number and where it comes from."""
    is_best: bool = False


class MetricsCard(QFrame):
    """Up to four figures side by side; a click shows every exact number."""

    clicked = Signal()

    def __init__(self, theme: Theme, count: int = 4) -> None:
        super().__init__()
        self._theme = theme
        self._cells: tuple[Cell | None, ...] = (None,) * count
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._build(count)
        theme.changed.connect(self._wear)
        self._wear()

    def set_cells(self, cells: Sequence[Cell]) -> None:
        """Show figures; those that have not changed are left alone."""
        for index, cell in enumerate(cells):
            if cell == self._cells[index]:
                continue
            value, caption, place = self._labels[index]
            value.set_full_text(cell.value)
            set_role(value, "figure", "here" if cell.is_best else None)
            caption.setText(cell.caption)
            place.setToolTip(cell.explanation)
            value.setToolTip(cell.explanation)
            place.setAccessibleName(f"{cell.caption}: {cell.value}")
            place.setAccessibleDescription(cell.explanation)
        self._cells = tuple(cells)

    def _build(self, count: int) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._labels: list[tuple[ElidedLabel, QLabel, QWidget]] = []
        for index in range(count):
            if index:
                row.addWidget(make_line(vertical=True))
            place = QWidget()
            column = QVBoxLayout(place)
            value = ElidedLabel("—", "figure")
            caption = make_label("", "caption", "quiet", wrap=True)
            caption.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            column.addWidget(value)
            column.addWidget(caption, 1)
            row.addWidget(place)
            self._labels.append((value, caption, place))

    def _wear(self) -> None:
        px = self._theme.px
        for value, _caption, place in self._labels:
            value.setFont(self._theme.font("figure"))
            layout = place.layout()
            if layout is not None:
                layout.setContentsMargins(px(12), px(10), px(6), px(8))
                layout.setSpacing(px(2))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Qt: a click shows the details."""
        if event.button() is Qt.MouseButton.LeftButton and self.rect().contains(event.pos()):
            self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt: Enter and space do what a click does."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self.clicked.emit()
        else:
            super().keyPressEvent(event)
