"""Finds what a person would see as cut, squeezed, covered or off the screen."""

import html
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QFont, QFontMetrics, QImage, QPainter
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QApplication,
    QComboBox,
    QDialog,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListView,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSplitter,
    QSplitterHandle,
    QStyle,
    QStyleOptionComboBox,
    QStyleOptionViewItem,
    QTextEdit,
    QWidget,
)
from typing_extensions import override

from playground.ui.widgets.basics import Badge, ElidedLabel
from playground.ui.widgets.reading_area import ReadingArea

FEWEST_CHARACTERS = 8
"""An elided name that shows less than this tells nothing."""
FEWEST_LINES = 2
"""A text that scrolls shows at least so many lines."""
_INK = 60
"""Letters differ from their ground at least so much, of 255."""
_SIZED_BY_STYLE = (QAbstractScrollArea, QHeaderView, QProgressBar, QSplitter, QSplitterHandle)
_BREAKS = re.compile(r"[\s\-/\u200b]+")


def settle() -> None:
    """Let every layout that has been asked for happen: layouts ask for others as they change."""
    for _ in range(4):
        QApplication.sendPostedEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)


def layout_problems(root: QWidget) -> list[str]:
    """Return a line for each fault among the visible widgets of `root`."""
    found = []
    for widget in (root, *root.findChildren(QWidget)):
        is_seen = widget.isVisible() and widget.window() is root.window()
        # the button that clears a field is Qt's own
        if is_seen and not isinstance(widget.parentWidget(), QLineEdit):
            found.extend(f"{_path(widget)}: {what}" for what in _faults(widget, root))
    return found


def popup_problems(popup: QWidget) -> list[str]:
    """Return what is wrong with an open popup, such as a part that is off the screen."""
    screen = popup.screen().availableGeometry()
    found = layout_problems(popup)
    if isinstance(popup, QMessageBox):
        # Qt limits their width by the screen's, whatever their buttons need
        found = [one for one in found if "QDialogButtonBox" not in one]
    if isinstance(popup, QDialog):
        # where it lies is up to the desktop
        if popup.width() > screen.width() or popup.height() > screen.height():
            found.append(f"{_path(popup)}: {popup.size()} is larger than the screen {screen}")
    elif not screen.contains(popup.frameGeometry()):
        found.append(f"{_path(popup)}: {popup.frameGeometry()} is not on the screen {screen}")
    return found


def _faults(widget: QWidget, root: QWidget) -> Iterator[str]:
    if widget is not root:
        yield from _outside(widget)
    yield from _overlaps(widget)
    if isinstance(widget, ElidedLabel):
        yield from _elided(widget, widget.text())
    elif isinstance(widget, QLabel):
        yield from _cut_label(widget)
    elif isinstance(widget, Badge):
        yield from _cut_badge(widget)
    elif isinstance(widget, QAbstractButton):
        yield from _cut_button(widget)
    elif isinstance(widget, QComboBox):
        yield from _cut_choice(widget)
    elif isinstance(widget, QHeaderView):
        yield from _cut_sections(widget)
    elif isinstance(widget, QAbstractItemView):
        rows = widget.model().rowCount() if widget.model() is not None else 0
        if rows and widget.viewport().height() < widget.sizeHintForRow(0):
            yield f"shows {widget.viewport().height()} of a row of {widget.sizeHintForRow(0)}"
        yield from _cut_cells(widget)
    elif isinstance(widget, QScrollArea):
        yield from _flat(widget)
        if isinstance(widget, ReadingArea):
            yield from (f"a line is cut: {text!r}" for text in cut_lines(widget))
    elif widget.layout() is None and not isinstance(widget, _SIZED_BY_STYLE):
        yield from _squeezed(widget)


def _squeezed(widget: QWidget) -> Iterator[str]:
    least = widget.minimumSizeHint()
    if widget.width() < least.width():
        yield f"{widget.width()} wide, needs {least.width()}"
    if widget.height() < least.height():
        yield f"{widget.height()} high, needs {least.height()}"


def _outside(widget: QWidget) -> Iterator[str]:
    parent = widget.parentWidget()
    if parent is None or widget.isWindow() or isinstance(widget, QSplitterHandle):
        return
    place, room = widget.geometry(), parent.rect()
    area = parent.parentWidget()
    if isinstance(area, QAbstractScrollArea) and area.viewport() is parent:
        if isinstance(area, QScrollArea) and place.width() > room.width():
            yield f"{place.width()} wide in a view of {room.width()}"
        return
    if place.width() and place.height() and not room.contains(place):
        yield f"{_words(place)} is not inside {_words(room)} of its parent"


def _overlaps(widget: QWidget) -> Iterator[str]:
    layout = widget.layout()
    if layout is None or isinstance(widget.parentWidget(), QAbstractScrollArea):
        return
    children = [
        child
        for child in widget.children()
        if isinstance(child, QWidget)
        and child.isVisible()
        and not child.isWindow()
        and layout.indexOf(child) >= 0
    ]
    for number, one in enumerate(children):
        for other in children[number + 1 :]:
            shared = one.geometry().intersected(other.geometry())
            if shared.width() > 0 and shared.height() > 0:
                yield f"{_path(one)} lies over {_path(other)}"


def _elided(widget: QWidget, text: str) -> Iterator[str]:
    metrics = widget.fontMetrics()
    need, room = metrics.horizontalAdvance(text), widget.contentsRect().width()
    if need <= room:
        return
    if not widget.toolTip():
        yield f"elided without a tooltip: {text!r}"
    if room < metrics.averageCharWidth() * FEWEST_CHARACTERS:
        yield f"elided to {room} pixels: {text!r}"


def _cut_label(label: QLabel) -> Iterator[str]:
    text = label.text()
    if not text:
        return
    if not label.wordWrap():
        if label.width() < label.sizeHint().width():
            yield f"{label.width()} wide, its text {label.sizeHint().width()}: {text!r}"
        return
    if label.height() < label.heightForWidth(label.width()):
        need = label.heightForWidth(label.width())
        yield f"{label.height()} high, its text {need} at {label.width()}: {text!r}"
    plain = re.sub(r"<[^>]*>", "", text) if label.textFormat().name == "RichText" else text
    longest = max(map(label.fontMetrics().horizontalAdvance, _BREAKS.split(plain)))
    if longest > label.contentsRect().width():
        yield f"a word of {longest} in {label.contentsRect().width()}: {plain!r}"


def _cut_badge(badge: Badge) -> Iterator[str]:
    need = badge.sizeHint().width()
    if badge.width() >= need:
        return
    if badge.text not in badge.toolTip():
        yield f"{badge.width()} wide without a tooltip, its text {need}: {badge.text!r}"
    if badge.width() < min(need, badge.fontMetrics().averageCharWidth() * FEWEST_CHARACTERS):
        yield f"{badge.width()} wide, its text {need}: {badge.text!r}"


def _cut_button(button: QAbstractButton) -> Iterator[str]:
    # not what our own button adds for bold words
    need = QPushButton.sizeHint(button) if isinstance(button, QPushButton) else button.sizeHint()
    extra = 0
    is_bold = isinstance(button, QPushButton) or button.property("rail")
    if button.isCheckable() and is_bold:
        # the style sheet writes a chosen button bold, which no size hint knows
        bold = QFont(button.font())
        bold.setWeight(QFont.Weight.DemiBold)
        wide = QFontMetrics(bold).horizontalAdvance(button.text())
        extra = max(0, wide - button.fontMetrics().horizontalAdvance(button.text()))
    if button.width() < need.width() + extra:
        yield f"{button.width()} wide, needs {need.width() + extra}: {button.text()!r}"
    if button.height() < need.height():
        yield f"{button.height()} high, needs {need.height()}: {button.text()!r}"


def _cut_choice(box: QComboBox) -> Iterator[str]:
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    room = box.style().subControlRect(
        QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, box
    )
    need = box.fontMetrics().horizontalAdvance(box.currentText())
    if need > room.width() and box.currentText() not in box.toolTip():
        yield f"{need} of text in {room.width()}: {box.currentText()!r}"


def _cut_sections(header: QHeaderView) -> Iterator[str]:
    model = header.model()
    for section in range(header.count()):
        text = model.headerData(section, header.orientation())
        if not text or header.isSectionHidden(section):
            continue
        need = header.fontMetrics().horizontalAdvance(text)
        if header.sectionSize(section) < need:
            yield f"column {text!r} has {header.sectionSize(section)}, needs {need}"


class _Recorder(QPainter):
    """Notes what a delegate writes, and how much room it gives to it."""

    def __init__(self, image: QImage) -> None:
        super().__init__(image)
        self.written: list[tuple[QRect, str, QFontMetrics]] = []

    @override
    def drawText(self, *given: Any) -> Any:
        area, *_flags, text = given
        self.written.append((area, text, self.fontMetrics()))


def _cut_cells(view: QAbstractItemView) -> Iterator[str]:
    """Yield what delegates have cut without telling the whole in the cell's tooltip."""
    model, room = view.model(), view.viewport().rect()
    if model is None:
        return
    columns = range(model.columnCount()) if not isinstance(view, QListView) else (0,)
    image = QImage(1, 1, QImage.Format.Format_ARGB32_Premultiplied)
    for row in range(model.rowCount()):
        if not view.visualRect(model.index(row, 0)).intersects(room):
            continue
        for column in columns:
            index = model.index(row, column)
            option = QStyleOptionViewItem()
            view.initViewItemOption(option)
            option.rect = view.visualRect(index)
            if option.rect.isEmpty():
                continue
            recorder = _Recorder(image)
            view.itemDelegateForIndex(index).paint(recorder, option, index)
            recorder.end()
            tip = html.unescape(
                re.sub(r"<[^>]*>", "", index.data(Qt.ItemDataRole.ToolTipRole) or "")
            )
            for area, text, metrics in recorder.written:
                yield from _cut_text(area, text, metrics, tip)


def _cut_text(area: QRect, text: str, metrics: QFontMetrics, tip: str) -> Iterator[str]:
    width = metrics.horizontalAdvance(text)
    if width > area.width() + 1:
        yield f"a cell writes {width} into {area.width()}: {text!r}"
    # one that ends so by itself does not fill its room
    if "…" not in text or text == "…" or width + 2 * metrics.maxWidth() < area.width():
        return
    if area.width() < metrics.averageCharWidth() * min(FEWEST_CHARACTERS, len(text)):
        yield f"a cell shows {text!r} alone"
    if re.search(".*".join(map(re.escape, text.split("…"))), tip, re.DOTALL) is None:
        yield f"a cell is cut and its tooltip {tip!r} does not tell the rest: {text!r}"


def _flat(area: QScrollArea) -> Iterator[str]:
    inside = area.widget()
    line = area.fontMetrics().lineSpacing()
    room = area.viewport().height()
    if inside is not None and inside.height() > room and room < FEWEST_LINES * line:
        yield f"shows {room} of {inside.height()}, less than {FEWEST_LINES} lines"


def cut_lines(area: QScrollArea) -> list[str]:
    """Return the lines of text at its edges of which a part is painted."""
    return [text for text, is_whole in _painted_lines(area) if not is_whole]


def whole_lines(area: QScrollArea) -> list[str]:
    """Return the lines of text that are painted whole."""
    return [text for text, is_whole in _painted_lines(area) if is_whole]


def _painted_lines(area: QScrollArea) -> Iterator[tuple[str, bool]]:
    """Yield what is painted of answers, line by line, and whether it is inside the view."""
    room = area.viewport().geometry()
    # with the ground of its card
    picture = area.parentWidget().grab(area.geometry())
    image = picture.toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    views = [view for view in area.widget().findChildren(QTextEdit) if view.isVisible()]
    for corner, view in sorted(
        ((view.viewport().mapTo(area, QPoint(0, 0)), view) for view in views),
        key=lambda each: each[0].y(),
    ):
        layout = view.document().documentLayout()
        block = view.document().begin()
        while block.isValid():
            place = layout.blockBoundingRect(block).topLeft() + corner
            for number in range(block.layout().lineCount()):
                line = block.layout().lineAt(number)
                rect = line.naturalTextRect().translated(place).toRect()
                if _has_ink(image, rect.intersected(room)):
                    text = block.text()[line.textStart() :][: line.textLength()]
                    yield text, rect.top() >= room.top() - 1 and rect.bottom() <= room.bottom() + 1
            block = block.next()


def _has_ink(image: QImage, area: QRect) -> bool:
    """Return whether something darker or lighter than grounds and lines is painted there."""
    ratio = round(image.devicePixelRatio())
    pixels, step = image.constBits(), image.bytesPerLine()
    shades = b"".join(
        bytes(pixels[y * step + area.left() * ratio : y * step + (area.right() + 1) * ratio])
        for y in range(area.top() * ratio, (area.bottom() + 1) * ratio)
    )
    return bool(shades) and max(shades) - min(shades) > _INK


def _path(widget: QWidget) -> str:
    names = []
    one: QWidget | None = widget
    while one is not None and len(names) < 4:
        kind = type(one).__name__
        name = one.accessibleName() or one.property("text") or ""
        names.append(f"{kind}({name[:24]})" if name else kind)
        one = one.parentWidget()
    kept = [names[0], *(two for first, two in pairwise(names) if first != two)]
    return " < ".join(kept)


def _words(place: QRect) -> str:
    corner: QPoint = place.topLeft()
    return f"{place.width()}×{place.height()} at {corner.x()},{corner.y()}"
