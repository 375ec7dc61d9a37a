"""Controls for a setting that is either one of a few choices or an exact number."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QSizePolicy,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QWidget,
)
from typing_extensions import override

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import (
    elide_mode,
    make_label,
    plain_tooltip,
    with_whole_text,
)
from playground.ui.widgets.layouts import make_flow, round_corners

EXACTLY = object()
_NARROWEST_BOX = 120


class ComboBox(QComboBox):
    """A combo box of (text, value) that the mouse wheel does not change in passing."""

    picked = Signal(object)
    """The value a person has chosen."""

    def __init__(self, theme: Theme, name: str, choices: Sequence[tuple[str, Any]] = ()) -> None:
        super().__init__()
        self._theme = theme
        self._values: list[Any] = []
        self._explanation = ""
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.currentTextChanged.connect(self._explain)
        self.set_choices(choices)
        self.activated.connect(self._on_activated)

    @property
    def value(self) -> Any:
        index = self.currentIndex()
        return self._values[index] if 0 <= index < len(self._values) else None

    def set_choices(self, choices: Sequence[tuple[str, Any]]) -> None:
        """Offer other choices; what was chosen stays so where it is still offered."""
        before = self.value
        texts = [text for text, _ in choices]
        if texts != [self.itemText(i) for i in range(self.count())]:
            self.clear()
            self.addItems(texts)
        self._values = [value for _, value in choices]
        self.choose(before)

    def choose(self, value: Any) -> bool:
        """Show a value; return False where it is not offered."""
        for index, known in enumerate(self._values):
            if known is value or (type(known) is type(value) and known == value):
                self.setCurrentIndex(index)
                return True
        return False

    def _on_activated(self, index: int) -> None:
        self.picked.emit(self._values[index])

    @override
    def setToolTip(self, text: str) -> None:
        # tell it after what is chosen where that is cut
        self._explanation = text
        self._explain()

    @override
    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        return QSize(min(hint.width(), self._theme.px(_NARROWEST_BOX)), hint.height())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._explain()

    @override
    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        super().initStyleOption(option)
        elided = self.fontMetrics().elidedText(
            self.currentText(), elide_mode(self.currentText()), self._text_room(option)
        )
        option.currentText = elided

    def _text_room(self, option: QStyleOptionComboBox) -> int:
        area = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        return area.width()

    def _explain(self) -> None:
        option = QStyleOptionComboBox()
        super().initStyleOption(option)
        text = self.currentText()
        fits = self.fontMetrics().horizontalAdvance(text) <= self._text_room(option)
        super().setToolTip(with_whole_text("" if fits else text, self._explanation))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        # draw the box, and the arrow that says it opens
        super().paintEvent(event)
        side = self._theme.px(14)
        left = self.width() - side - self._theme.px(8)
        painter = QPainter(self)
        icon = self._theme.icon("chevron-down", "quiet")
        icon.paint(painter, QRect(left, (self.height() - side) // 2, side, side))

    @override
    def showPopup(self) -> None:
        super().showPopup()
        round_corners(self.view().window(), self._theme.px(10))

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class ChoiceOrNumber(QWidget):
    """A choice box with a last entry that opens a field for an exact number."""

    picked = Signal(object)
    """A choice's value, or a number."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._box = ComboBox(theme, name)
        self._number = QSpinBox()
        self._number.setAccessibleName(self.tr("{0}, exact number").format(name))
        self._number.setKeyboardTracking(False)
        # the style sheet's padding does not reach the line edit inside
        self._number.lineEdit().setTextMargins(theme.px(7), 0, theme.px(7), 0)
        self._number.setGroupSeparatorShown(True)
        self._number.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._box, 3)
        row.addWidget(self._number, 2)
        self.setFocusProxy(self._box)
        self._box.picked.connect(self._on_box)
        self._number.valueChanged.connect(self._on_number)

    @override
    def setToolTip(self, text: str) -> None:
        self._box.setToolTip(text)
        self._number.setToolTip(text)

    def show_value(
        self, value: Any, choices: Sequence[tuple[str, Any]], lowest: int, highest: int
    ) -> None:
        """Offer `choices` and numbers between the limits, and show `value`."""
        self._box.set_choices([*choices, (self.tr("Exactly…"), EXACTLY)])
        self._number.blockSignals(True)
        self._number.setRange(lowest, max(lowest, highest))
        is_exact = not self._box.choose(value)
        if is_exact:
            self._box.choose(EXACTLY)
        if isinstance(value, int):
            self._number.setValue(value)
        self._number.blockSignals(False)
        # while a person is typing a number that is a choice as well, the field stays
        self._number.setVisible(is_exact or self._number.hasFocus())
        if self._number.isVisibleTo(self):
            self._box.choose(EXACTLY)

    def _on_box(self, value: Any) -> None:
        if value is EXACTLY:
            self._number.show()
            self._number.setFocus()
            self._number.selectAll()
            return
        self._number.hide()
        self.picked.emit(value)

    def _on_number(self, value: int) -> None:
        self.picked.emit(value)


class SwitchedNumber(QWidget):
    """A switch, and a small number that counts while it is on."""

    edited = Signal()

    def __init__(
        self, theme: Theme, text: str, tooltip: str, *, word: str, highest: int, usual: int
    ) -> None:
        """Take numbers from 0 to `highest`; `usual` is the first one, `word` the field's own."""
        super().__init__()
        self._switch = CheckBox(theme, text, tooltip)
        self._number = QSpinBox()
        self._number.setRange(0, highest)
        self._number.setValue(usual)
        self._number.setAccessibleName(self.tr("{0}, how many").format(text))
        self._number.setToolTip(plain_tooltip(tooltip))
        self._number.setEnabled(False)
        _pad(self._number, theme)
        name = make_label(word, "caption", "quiet")
        make_flow(self._switch, 1, name, self._number, parent=self)
        self.setFocusProxy(self._switch)
        self._switch.toggled.connect(self._on_toggled)
        self._number.valueChanged.connect(self._on_number)

    @property
    def value(self) -> int | None:
        return self._number.value() if self._switch.isChecked() else None

    def show_value(self, value: int | None) -> None:
        for part in (self._switch, self._number):
            part.blockSignals(True)
        self._switch.setChecked(value is not None)
        self._number.setEnabled(value is not None)
        if value is not None:
            self._number.setValue(value)
        for part in (self._switch, self._number):
            part.blockSignals(False)

    def _on_toggled(self, is_on: bool) -> None:
        self._number.setEnabled(is_on)
        self.edited.emit()

    def _on_number(self) -> None:
        self.edited.emit()


def _pad(box: QAbstractSpinBox, theme: Theme) -> None:
    """Keep digits off the edges: the style sheet's padding does not reach the line edit inside."""
    margin = theme.px(7)
    box.lineEdit().setTextMargins(margin, 0, margin, 0)


class NumberField(QDoubleSpinBox):
    """Takes a number with its unit, and tells it once it has been typed to its end."""

    def __init__(self, theme: Theme, name: str, tooltip: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setToolTip(plain_tooltip(tooltip))
        self.setKeyboardTracking(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        _pad(self, theme)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class CheckBox(QCheckBox):
    """Draws its box and its tick in the theme's colours."""

    def __init__(self, theme: Theme, text: str, tooltip: str) -> None:
        super().__init__(text)
        self._theme = theme
        self.setAccessibleName(text)
        self.setToolTip(plain_tooltip(tooltip))
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    @override
    def sizeHint(self) -> QSize:
        px = self._theme.px
        words = QFontMetrics(self._theme.font("control")).horizontalAdvance(self.text())
        return QSize(px(28) + words, px(26))

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def hitButton(self, pos: QPoint) -> bool:
        return self.rect().contains(pos)

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        # draw box, tick and text
        px = self._theme.px
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = px(17)
        box = QRectF(1, (self.height() - side) / 2, side, side)
        is_on = self.isChecked()
        edge = "accent" if is_on or self.hasFocus() else "quiet"
        painter.setPen(QPen(self._theme.color(edge), 2 if self.hasFocus() else 1.3))
        painter.setBrush(self._theme.color("accent" if is_on else "card"))
        painter.drawRoundedRect(box, px(4), px(4))
        if is_on:
            inner = px(13)
            offset = (side - inner) // 2
            place = QRect(1 + offset, int(box.top()) + offset, inner, inner)
            self._theme.icon("check", "on_accent").paint(painter, place)
        painter.setPen(self._theme.color("text"))
        painter.setFont(self._theme.font("control"))
        words = self.rect().adjusted(side + px(9), 0, 0, 0)
        painter.drawText(
            words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.text()
        )
