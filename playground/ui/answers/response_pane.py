"""One answer's card: its place, its time, its text, its figures, and where the words went."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from playground.core.errors import ErrorInfo
from playground.ui.answers.metrics_card import Cell, MetricsCard
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.badge import Badge
from playground.ui.widgets.basics import (
    ElidedLabel,
    IconButton,
    make_button,
    make_label,
    make_line,
    plain_tooltip,
)
from playground.ui.widgets.pane_head import PaneHead
from playground.ui.widgets.time_bar import Spans, TimeBar
from playground.ui.widgets.turn_view import TurnView

if TYPE_CHECKING:
    from playground.core.events import Token


class ResponsePane(QFrame):
    """Knows nothing of runs: it is told what to show."""

    stop_clicked = Signal()
    vote_clicked = Signal()
    details_clicked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._turns: list[TurnView] = []
        self._follows_end = True
        self._is_stacked = False
        self._shows_detail = True
        self._footer_icon_name: str | None = None
        self._footer_icon = make_label()
        self._footer = ElidedLabel("", "caption", "quiet")
        self._build()
        self._connect()
        self._wear()

    @property
    def turn(self) -> TurnView | None:
        """The turn at the end."""
        return self._turns[-1] if self._turns else None

    @property
    def metrics(self) -> MetricsCard:
        """The figures, to open something beside them."""
        return self._metrics

    def set_head(self, head: PaneHead) -> None:
        """Say whose answer this is."""
        self.setAccessibleName(head.label)
        self._place.set_badge(head.place, head.tone, head.icon)
        self._label.set_full_text(head.label)
        self._detail.set_badge(head.detail)
        self._detail.setVisible(bool(head.detail) and self._shows_detail)
        self._detail.setToolTip(plain_tooltip(head.detail_explanation))
        self._metrics.setAccessibleName(self.tr("Figures of {name}").format(name=head.label))

    def needed_head_width(self) -> int:
        """Return what the head takes in one line."""
        parts = (self._place, self._label, self._detail)
        texts = sum(part.sizeHint().width() for part in parts if not part.isHidden())
        return texts + self._theme.px(78)

    def set_head_stacked(self, *, stacked: bool) -> None:
        """Put the name below the place, where one line is too short for both."""
        if stacked == self._is_stacked:
            return
        self._is_stacked = stacked
        self._head.removeWidget(self._label)
        if stacked:
            self._head.addWidget(self._label, 1, 0, 1, 5)
        else:
            self._head.addWidget(self._label, 0, 1)

    def set_detail_shown(self, *, shown: bool) -> None:
        """Leave size or provider out where there is no room for it."""
        self._shows_detail = shown
        self._detail.setVisible(shown and bool(self._detail.text))

    def begin_turn(self, prompt: str | None) -> TurnView:
        """Start a turn below those before it; `None` shows no prompt."""
        turn = TurnView(self._theme, prompt)
        self._turns.append(turn)
        self._body_column.insertWidget(self._body_column.count() - 1, turn)
        self._follows_end = True
        return turn

    def clear_turns(self) -> None:
        """Take every turn away."""
        for turn in self._turns:
            turn.hide()
            turn.setParent(None)
            turn.deleteLater()
        self._turns.clear()
        self.set_footer("", None)
        self.set_vote(offered=False)
        self.set_spans(Spans(), 1.0)

    def set_text(self, text: str, reasoning: str, *, is_writing: bool) -> None:
        """Show the answer as far as it goes."""
        if self.turn is not None:
            self.turn.set_text(text, reasoning, is_writing=is_writing)

    def set_status(self, status: str) -> None:
        """Say what is happening where there is no text yet."""
        if self.turn is not None:
            self.turn.set_status(status)

    def show_tokens(self, tokens: "Sequence[Token]") -> None:
        """Offer the answer token by token."""
        if self.turn is not None:
            self.turn.show_tokens(tokens)

    def set_notices(self, notices: Sequence[str]) -> None:
        """Show what a person should know about this answer."""
        if self.turn is not None:
            self.turn.set_notices(notices)

    def show_error(self, error: ErrorInfo, kept: str) -> None:
        """Say what went wrong with this answer."""
        if self.turn is not None:
            self.turn.show_error(error, kept)

    def set_spans(self, spans: Spans, scale_s: float) -> None:
        """Show the time it has taken, on the scale of all panes."""
        self._bar.set_spans(spans, scale_s)

    def set_cells(self, cells: Sequence[Cell]) -> None:
        """Show the figures."""
        self._metrics.set_cells(cells)

    def set_figures_visible(self, *, visible: bool) -> None:
        """Withhold figures, time and footer, or show them."""
        for part in (self._metrics, self._metrics_line, self._bar, self._footer_box):
            part.setVisible(visible)

    def set_footer(self, text: str, icon: str | None) -> None:
        """Say where the words went."""
        self._footer.set_full_text(text)
        self._footer_icon.setVisible(icon is not None)
        self._footer_icon_name = icon
        self._wear_footer()

    def set_running(self, *, running: bool) -> None:
        """Offer to stop this answer."""
        self._stop.setVisible(running)
        has_text = self.turn is not None and bool(self.turn.answer.markdown)
        self._copy.setVisible(has_text and not running)

    def set_vote(self, *, offered: bool, chosen: bool = False, name: str = "") -> None:
        """Offer “this one” under the answer, or mark it as the one that was chosen."""
        self._vote_row.setVisible(offered or chosen)
        self._vote.setChecked(chosen)
        self._vote.setText(self.tr("✓ Your choice") if chosen else self.tr("✓ This one"))
        self._vote.setEnabled(offered)
        self._vote.setAccessibleName(
            self.tr("This one is better: {name}").format(name=name) if name else self._vote.text()
        )

    def set_compact(self, *, compact: bool) -> None:
        """Ask for less height, for two rows of panes."""
        self.setMinimumHeight(self._theme.px(300 if compact else 320))

    def _build(self) -> None:
        self.setProperty("card", "true")
        self.setMinimumWidth(self._theme.px(230))
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        column.addLayout(self._build_head())
        bar_row = QVBoxLayout()
        self._bar = TimeBar(self._theme)
        bar_row.addWidget(self._bar)
        self._bar_row = bar_row
        column.addLayout(bar_row)
        column.addWidget(self._build_body(), 1)
        column.addWidget(self._build_vote())
        self._metrics_line = make_line()
        column.addWidget(self._metrics_line)
        self._metrics = MetricsCard(self._theme)
        column.addWidget(self._metrics)
        column.addWidget(self._build_footer())

    def _build_head(self) -> QGridLayout:
        self._place = Badge(self._theme)
        self._label = ElidedLabel("", "heading")
        self._detail = Badge(self._theme)
        self._stop = IconButton(self._theme, "stop", self.tr("Stop this answer"), tone="bad")
        self._stop.setText(self.tr("Stop"))
        self._stop.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._copy = IconButton(self._theme, "copy", self.tr("Copy the whole answer"))
        self._head = QGridLayout()
        self._head.setColumnStretch(1, 1)
        for column, part in ((2, self._detail), (3, self._copy), (4, self._stop)):
            self._head.addWidget(part, 0, column)
        self._head.addWidget(self._place, 0, 0)
        self._head.addWidget(self._label, 0, 1)
        self._stop.hide()
        self._copy.hide()
        return self._head

    def _build_body(self) -> QScrollArea:
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._scroll.setAccessibleName(self.tr("Answers"))
        body = QWidget()
        body.setObjectName("scrolled")
        self._body_column = QVBoxLayout(body)
        self._body_column.addStretch(1)
        self._scroll.setWidget(body)
        self._scroll.viewport().setAutoFillBackground(False)
        return self._scroll

    def _build_vote(self) -> QWidget:
        self._vote_row = QWidget()
        row = QHBoxLayout(self._vote_row)
        self._vote = make_button("", tooltip=self.tr("Say that this answer is the best one"))
        self._vote.setCheckable(True)
        self._vote.setProperty("small", True)
        row.addWidget(self._vote)
        row.addStretch(1)
        self._vote_row.hide()
        return self._vote_row

    def _build_footer(self) -> QWidget:
        self._footer_box = QWidget()
        column = QVBoxLayout(self._footer_box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(make_line())
        row = QHBoxLayout()
        row.addWidget(self._footer_icon)
        row.addWidget(self._footer, 1)
        self._footer_row = row
        column.addLayout(row)
        return self._footer_box

    def _connect(self) -> None:
        self._stop.clicked.connect(self.stop_clicked)
        self._vote.clicked.connect(self.vote_clicked)
        self._metrics.clicked.connect(self.details_clicked)
        self._copy.clicked.connect(self._copy_answer)
        bar = self._scroll.verticalScrollBar()
        bar.rangeChanged.connect(self._on_range)
        bar.valueChanged.connect(self._on_scrolled)
        self._theme.changed.connect(self._wear)

    def _on_scrolled(self, value: int) -> None:
        bar = self._scroll.verticalScrollBar()
        self._follows_end = value >= bar.maximum() - self._theme.px(24)

    def _on_range(self, _low: int, high: int) -> None:
        if self._follows_end:
            self._scroll.verticalScrollBar().setValue(high)

    def _copy_answer(self) -> None:
        if self.turn is None:
            return
        QGuiApplication.clipboard().setText(self.turn.answer.markdown)
        self._copy.set_icon("check", "here")
        QTimer.singleShot(1500, self._copy, self._uncheck_copy)

    def _uncheck_copy(self) -> None:
        self._copy.set_icon("copy", "quiet")

    def _wear(self) -> None:
        px = self._theme.px
        self._head.setContentsMargins(px(14), px(10), px(12), px(8))
        self._head.setHorizontalSpacing(px(8))
        self._head.setVerticalSpacing(px(6))
        self._bar_row.setContentsMargins(px(14), 0, px(14), px(4))
        self._body_column.setContentsMargins(px(16), px(8), px(12), px(10))
        self._body_column.setSpacing(px(14))
        self._footer_row.setContentsMargins(px(14), px(8), px(14), px(9))
        self._footer_row.setSpacing(px(6))
        layout = self._vote_row.layout()
        if layout is not None:
            layout.setContentsMargins(px(14), px(2), px(14), px(10))
        set_role(self._label, "heading")
        self._wear_footer()

    def _wear_footer(self) -> None:
        if self._footer_icon_name is not None:
            side = self._theme.px(14)
            icon = self._theme.icon(self._footer_icon_name, "quiet")
            self._footer_icon.setPixmap(
                icon.pixmap(QSize(side, side), self._theme.pixel_ratio(self))
            )
