"""Buttons in a row that fold into one “⋯” where there is no room for them."""

from PySide6.QtCore import QEvent, QObject, QPoint, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QMenu, QSizePolicy, QWidget
from typing_extensions import override

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import IconButton
from playground.ui.widgets.flow_layout import Folding
from playground.ui.widgets.layouts import NO_MARGINS, make_row


class FoldingRow(Folding):
    """Every button in it, also one inside a part, is a line of the menu while it is folded.

    What such a button opens stands at `anchor_of` it.
    """

    def __init__(self, theme: Theme, *parts: QWidget) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._row = QWidget(self)
        spacing = theme.px(8)
        self._layout = make_row(*parts, parent=self._row, margins=NO_MARGINS, spacing=spacing)
        self._row.installEventFilter(self)
        self.more = IconButton(theme, "more", self.tr("More"), size=20)
        self.more.setParent(self)
        self.more.clicked.connect(self._open_menu)

    @override
    def sizeHint(self) -> QSize:
        return self._row.sizeHint()

    @override
    def minimumSizeHint(self) -> QSize:
        return self.more.sizeHint().boundedTo(self._row.sizeHint())

    @override
    def event(self, event: QEvent) -> bool:
        is_done = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest:
            self._fit()
        return is_done

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # while it is folded, Qt does not tell that its buttons need another width
        if watched is self._row and event.type() is QEvent.Type.LayoutRequest:
            self._layout.activate()
            self._fit()
        return super().eventFilter(watched, event)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _fit(self) -> None:
        self.updateGeometry()
        self._place()

    def _place(self) -> None:
        whole = self._row.sizeHint()
        is_folded = self.width() < whole.width()
        self._row.setVisible(not is_folded)
        self._row.resize(whole)
        self._row.move(0, (self.height() - whole.height()) // 2)
        self.more.setVisible(is_folded)
        size = self.more.sizeHint()
        self.more.resize(size)
        self.more.move(self.width() - size.width(), (self.height() - size.height()) // 2)

    def _open_menu(self) -> None:
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        for button in self._row.findChildren(QAbstractButton):
            if not button.isVisibleTo(self._row):
                continue
            action = menu.addAction((button.text() or button.accessibleName()).strip())
            action.setCheckable(button.isCheckable())
            action.setChecked(button.isChecked())
            action.setEnabled(button.isEnabled())
            action.triggered.connect(button.click)
        menu.popup(self.more.mapToGlobal(QPoint(0, self.more.height())))


def anchor_of(button: QWidget) -> QWidget:
    """Return where what `button` opens stands: beside it, or beside the “⋯” it is folded into."""
    part = button.parentWidget()
    while part is not None and not isinstance(part, FoldingRow):
        part = part.parentWidget()
    return button if part is None or button.isVisible() else part.more
