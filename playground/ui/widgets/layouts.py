"""Rows, columns and scroll areas, made of what stands in them."""

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QPainterPath, QRegion
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLayout, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from playground.ui.widgets.flow_layout import FlowLayout

Item = QWidget | QLayout | int | tuple[QWidget | QLayout, int | Qt.AlignmentFlag]
"""A part of a row or column: an int is stretch, alone or beside the part that takes it."""
Margins = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels."""
NO_MARGINS = (0, 0, 0, 0)


def make_row(
    *items: Item,
    parent: QWidget | None = None,
    margins: Margins | None = None,
    spacing: int | None = None,
) -> QHBoxLayout:
    """Return a layout with `items` from left to right; a `parent`'s margins are the style's."""
    row = QHBoxLayout() if parent is None else QHBoxLayout(parent)
    _fill(row, items, margins, spacing)
    return row


def make_column(
    *items: Item,
    parent: QWidget | None = None,
    margins: Margins | None = None,
    spacing: int | None = None,
) -> QVBoxLayout:
    """Return a layout with `items` from top to bottom; a `parent`'s margins are the style's."""
    column = QVBoxLayout() if parent is None else QVBoxLayout(parent)
    _fill(column, items, margins, spacing)
    return column


def make_flow(
    *items: QWidget | int | tuple[QWidget, int],
    parent: QWidget | None = None,
    spacing: int = 8,
) -> FlowLayout:
    """Return a row of `items` that goes on in the next line where there is no room."""
    flow = FlowLayout(parent, spacing=spacing)
    for item in items:
        if isinstance(item, int):
            flow.addStretch(item)
        elif isinstance(item, tuple):
            flow.addWidget(*item)
        else:
            flow.addWidget(item)
    return flow


def _fill(
    layout: QBoxLayout, items: tuple[Item, ...], margins: Margins | None, spacing: int | None
) -> None:
    if margins is not None:
        layout.setContentsMargins(*margins)
    if spacing is not None:
        layout.setSpacing(spacing)
    for item in items:
        if isinstance(item, int):
            layout.addStretch(item)
            continue
        part, extra = item if isinstance(item, tuple) else (item, 0)
        if isinstance(part, QLayout):
            layout.addLayout(part, extra)
        elif isinstance(extra, Qt.AlignmentFlag):
            layout.addWidget(part, 0, extra)
        else:
            layout.addWidget(part, extra)


def round_corners(window: QWidget, radius: int) -> None:
    """Cut the corners off a window without a frame, as its style sheet draws them."""
    shape = QPainterPath()
    shape.addRoundedRect(QRectF(window.rect()), radius, radius)
    window.setMask(QRegion(shape.toFillPolygon().toPolygon()))


def make_scroll_area(body: QWidget, name: str = "") -> QScrollArea:
    """Return an area that scrolls `body`; `name` is its accessible name."""
    area = QScrollArea()
    scrolled(area, body, name)
    return area


def scrolled(area: QScrollArea, body: QWidget, name: str) -> None:
    """Have `body` scrolled by `area`; `name` is the accessible name."""
    body.setObjectName("scrolled")
    area.setWidgetResizable(True)
    area.setAccessibleName(name)
    body.installEventFilter(_LateLayout(body))
    area.setWidget(body)


class _LateLayout(QObject):
    """Lays a body out anew when it is shown with another size than it was laid out for.

    Qt tells a hidden widget its size on the way to being shown, and forgets one that it gets while
    it is being told: that of an area whose scroll bar has just come.
    """

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Show and isinstance(watched, QWidget):
            layout = watched.layout()
            if layout is not None and layout.geometry().size() != watched.size():
                layout.setGeometry(watched.rect())
        return False
