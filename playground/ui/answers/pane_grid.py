"""Panes that arrange themselves: one row up to three, two rows up to six."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QWidget
from typing_extensions import override

from playground.ui.theme.theme import Theme

if TYPE_CHECKING:
    from playground.ui.answers.response_pane import ResponsePane

NARROWEST = 250
ROW_LIMIT = 3
DETAIL_FROM = 300


class PaneGrid(QScrollArea):
    """Scrolls where the panes do not fit."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._panes: tuple[ResponsePane, ...] = ()
        self._columns = 0
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._body = QWidget()
        self._body.setObjectName("scrolled")
        self._grid = QGridLayout(self._body)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self.setWidget(self._body)
        theme.changed.connect(self._arrange)

    def set_panes(self, panes: "Sequence[ResponsePane]") -> None:
        """Show these panes, in this order; others are deleted."""
        for pane in self._panes:
            if pane not in panes:
                self._grid.removeWidget(pane)
                pane.hide()
                pane.setParent(None)
                pane.deleteLater()
        self._panes = tuple(panes)
        self._arrange()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        # let the page show through. Not while building: asking for a viewport makes PySide build
        # every widget class, 20 ms of the start
        super().showEvent(event)
        self.viewport().setAutoFillBackground(False)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._wanted_columns() != self._columns:
            self._arrange()
        self.fit_heads()

    def fit_heads(self) -> None:
        """Stack the heads of all panes where one of them needs it: bars stay on one height."""
        if not self._columns:
            return
        gaps = self._theme.px(12) * (self._columns - 1)
        width = (self.viewport().width() - gaps) // self._columns
        stacked = any(pane.needed_head_width() > width for pane in self._panes)
        for pane in self._panes:
            pane.set_head_stacked(stacked=stacked)
            pane.set_detail_shown(shown=width >= self._theme.px(DETAIL_FROM))

    @override
    def sizeHint(self) -> QSize:
        return QSize(600, 300)

    def _wanted_columns(self) -> int:
        count = len(self._panes)
        if count == 0:
            return 0
        rows = 1 if count <= ROW_LIMIT else 2
        room = max(1, self.viewport().width() // self._theme.px(NARROWEST))
        return min(ceil(count / rows), room)

    def _arrange(self) -> None:
        self._columns = self._wanted_columns()
        for pane in self._panes:
            self._grid.removeWidget(pane)
        for index in range(7):
            self._grid.setColumnStretch(index, 1 if index < self._columns else 0)
            self._grid.setRowStretch(index, 0)
        rows = ceil(len(self._panes) / self._columns) if self._columns else 0
        for index, pane in enumerate(self._panes):
            row, column = divmod(index, self._columns)
            pane.set_compact(compact=rows > 1)
            self._grid.addWidget(pane, row, column)
            self._grid.setRowStretch(row, 1)
            if index:
                QWidget.setTabOrder(self._panes[index - 1], pane)
        self._grid.setSpacing(self._theme.px(12))
