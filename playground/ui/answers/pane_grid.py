"""Panes that arrange themselves by the width they have, and what stands below them."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from playground.core.runs import Thumb
from playground.ui.answers.pane_shape import FIGURES_WIDTH, PaneShape
from playground.ui.theme.theme import Theme
from playground.ui.widgets.layouts import scrolled

if TYPE_CHECKING:
    from playground.ui.answers.response_pane import ResponsePane

NARROWEST = 300
"""Below this a pane is too narrow to be read with ease."""
_ROWS_FROM = 770
"""Width from which panes stand side by side, in pixels at scale 1."""
_BESIDE_FROM = 620
"""Width from which a pane that has a row of its own has its figures beside the answer."""


_STAGE_TEXT = (1.0, 0.92, 0.84, 0.76)
"""Text of answers on stage gets a little smaller before a room would have to wait for the rest."""


class PaneGrid(QScrollArea):
    """Scrolls where the panes do not fit.

    `row_limit` is how many stand in a row at most; where there is little room each has a row of its
    own, with its figures beside the answer or above it. Its signals tell the position of the pane
    a part of which was pressed.
    """

    stop_clicked = Signal(int)
    again_clicked = Signal(int)
    vote_clicked = Signal(int)
    thumb_given = Signal(int, object)
    """Also the `Thumb`, or `None` for one taken back."""
    details_clicked = Signal(int)

    def __init__(
        self,
        theme: Theme,
        *,
        row_limit: int,
        foot: QWidget | None = None,
    ) -> None:
        super().__init__()
        self._theme = theme
        self._row_limit = row_limit
        self._panes: tuple[ResponsePane, ...] = ()
        self._columns = 0
        self._on_stage = False
        self._fit = QTimer(self)
        self._fit.setSingleShot(True)
        self._fit.setInterval(0)
        self._fit.timeout.connect(self._fit_text)
        self._sizes = QTimer(self)
        self._sizes.setSingleShot(True)
        self._sizes.setInterval(0)
        self._sizes.timeout.connect(self.fit_figures)
        self._text_scale = 1.0
        self.setFrameShape(QFrame.Shape.NoFrame)
        # its panes are what the keyboard goes to
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._body = QWidget()
        self._column = QVBoxLayout(self._body)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._grid = QGridLayout()
        self._column.addLayout(self._grid, 1)
        self._foot: QWidget | None = None
        self.set_foot(foot)
        scrolled(self, self._body, self.accessibleName())
        theme.changed.connect(self._arrange)

    @property
    def panes(self) -> "Sequence[ResponsePane]":
        return self._panes

    def set_panes(self, panes: "Sequence[ResponsePane]") -> None:
        """Show these panes, in this order; others are deleted."""
        for pane in self._panes:
            if pane not in panes:
                self._grid.removeWidget(pane)
                pane.hide()
                pane.setParent(None)
                pane.deleteLater()
        for pane in panes:
            if pane not in self._panes:
                pane.stop_button.clicked.connect(self._on_stop)
                pane.again_button.clicked.connect(self._on_again)
                pane.vote_button.clicked.connect(self._on_vote)
                pane.thumbs.given.connect(self._on_thumb)
                pane.metrics.clicked.connect(self._on_details)
                pane.overflowed.connect(self._fit.start)
        self._panes = tuple(panes)
        self._arrange()
        self.begin_text()

    def set_presentation_mode(self, *, on: bool) -> None:
        """Show figures first, and all panes at once."""
        self._on_stage = on
        self._arrange()
        self.begin_text()

    def begin_text(self) -> None:
        """Let answers be as large as they can be: others will be shown."""
        self._text_scale = 1.0
        if self._on_stage:
            self._fit.start()
        else:
            self._fit_text()

    @property
    def vote_buttons(self) -> list[QWidget]:
        return [pane.vote_button for pane in self._panes]

    @property
    def row_count(self) -> int:
        return ceil(len(self._panes) / self._columns) if self._columns else 0

    @property
    def has_foot(self) -> bool:
        return self._foot is not None

    def set_foot(self, foot: QWidget | None) -> None:
        """Have `foot` below the panes, where it scrolls with them."""
        if self._foot is not None:
            self._column.removeWidget(self._foot)
        self._foot = foot
        if foot is not None:
            self._column.addWidget(foot)

    def fit_heads(self) -> None:
        """Stack the heads of all panes where one of them needs it: bars stay on one height."""
        if not self._columns:
            return
        gaps = self._theme.px(12) * (self._columns - 1)
        width = (self.viewport().width() - gaps) // self._columns
        if self._shape is PaneShape.BESIDE:
            width -= self._theme.px(FIGURES_WIDTH)
        has_detail = all(pane.needed_width(with_name=False) <= width for pane in self._panes)
        for pane in self._panes:
            pane.set_detail_shown(shown=has_detail)
        stacked = any(pane.needed_width(with_name=True) > width for pane in self._panes)
        for pane in self._panes:
            pane.set_head_stacked(stacked=stacked)

    def fit_figures(self) -> None:
        """Write the figures of all panes in one size, and have them on one height."""
        cards = [pane.metrics for pane in self._panes]
        has_two_lines = any(card.needs_two_lines for card in cards)
        largest = min((card.needed_shrink for card in cards), default=1.0)
        for card in cards:
            card.fit_beside_others(largest, has_two_lines=has_two_lines)

    def _fit_text(self) -> None:
        """Write all answers as large as lets each be seen whole; what is written only shrinks."""
        for scale in _STAGE_TEXT if self._on_stage else (1.0,):
            if scale > self._text_scale:
                continue
            self._text_scale = scale
            for pane in self._panes:
                pane.set_text_scale(scale)
            if all(pane.text_is_whole for pane in self._panes):
                return

    def _on_stop(self) -> None:
        self.stop_clicked.emit(self._position_of_sender())

    def _on_again(self) -> None:
        self.again_clicked.emit(self._position_of_sender())

    def _on_vote(self) -> None:
        self.vote_clicked.emit(self._position_of_sender())

    def _on_thumb(self, thumb: Thumb | None) -> None:
        self.thumb_given.emit(self._position_of_sender(), thumb)

    def _on_details(self) -> None:
        self.details_clicked.emit(self._position_of_sender())

    def _position_of_sender(self) -> int:
        pressed = cast("QWidget", self.sender())
        return next(n for n, pane in enumerate(self._panes) if pane.isAncestorOf(pressed))

    def _wanted_columns(self) -> int:
        count = len(self._panes)
        if not count:
            return 0
        if self._on_stage:
            return count if count <= self._row_limit else ceil(count / 2)
        if self.viewport().width() < self._theme.px(_ROWS_FROM):
            return 1
        room = max(1, self.viewport().width() // self._theme.px(NARROWEST))
        columns = min(ceil(count / ceil(count / self._row_limit)), room)
        # rows as even as can be: four go two by two rather than three and one
        return ceil(count / ceil(count / columns))

    @property
    def _shape(self) -> PaneShape:
        width = self.viewport().width()
        if self._on_stage:
            return PaneShape.STAGE if len(self._panes) <= self._columns else PaneShape.STAGE_LOW
        if width >= self._theme.px(_ROWS_FROM):
            # where rows have to share the height, figures take none of it
            is_wide = width // max(1, self._columns) >= self._theme.px(NARROWEST + FIGURES_WIDTH)
            return PaneShape.BESIDE if self.row_count > 1 and is_wide else PaneShape.COLUMN
        return PaneShape.BESIDE if width >= self._theme.px(_BESIDE_FROM) else PaneShape.ABOVE

    def _arrange(self) -> None:
        before, self._columns = self._columns, self._wanted_columns()
        for pane in self._panes:
            self._grid.removeWidget(pane)
        for column in range(max(before, self._columns)):
            self._grid.setColumnStretch(column, 1 if column < self._columns else 0)
        for row in range(self._grid.rowCount()):
            self._grid.setRowStretch(row, 0)
        for index, pane in enumerate(self._panes):
            row, column = divmod(index, self._columns)
            pane.set_shape(self._shape)
            self._grid.addWidget(pane, row, column)
            self._grid.setRowStretch(row, 1)
            if index:
                QWidget.setTabOrder(self._panes[index - 1], pane)
        self._grid.setSpacing(self._theme.px(12))
        self._column.setSpacing(self._theme.px(12))
        self._sizes.start()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        # let the page show through. Not while building: asking for a viewport makes PySide build
        # every widget class, 20 ms of the start
        super().showEvent(event)
        self.viewport().setAutoFillBackground(False)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._wanted_columns() != self._columns or (
            self._panes and self._panes[0].shape is not self._shape
        ):
            self._arrange()
        self.fit_heads()
        # once the panes have their width
        self._sizes.start()
        if self._on_stage:
            self.begin_text()

    @override
    def sizeHint(self) -> QSize:
        return QSize(600, 300)
