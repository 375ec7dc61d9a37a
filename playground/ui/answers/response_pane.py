"""The pane of one answer: head, time, turns, vote, figures and footer."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QGuiApplication,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QSizePolicy,
    QWidget,
)
from typing_extensions import override

from playground.core.checks.scoring import CheckResult
from playground.core.runs import Thumb
from playground.ui.answers.judging import ThumbButtons
from playground.ui.answers.metrics_card import MetricsCard
from playground.ui.answers.pane_shape import PaneShape
from playground.ui.answers.turn_view import CheckMarks, TurnContent, TurnView
from playground.ui.format import PaneHead
from playground.ui.theme.theme import Theme
from playground.ui.widgets.bars import Spans, TimeBar
from playground.ui.widgets.basics import (
    Badge,
    ElidedLabel,
    IconButton,
    make_button,
    make_label,
    make_line,
    plain_tooltip,
)
from playground.ui.widgets.details import DetailsPopup, Row
from playground.ui.widgets.layouts import (
    NO_MARGINS,
    make_column,
    make_row,
)
from playground.ui.widgets.markdown.writer import PARAGRAPH_MARGIN, line_pitch
from playground.ui.widgets.reading_area import ReadingArea

_MOST_TURNS = 12
"""Turns that stay laid out while the end is in view."""
_FILL_MS = 5
"""Room between two turns that are laid out: other panes and keys come in between."""
_FOOTER_ROW = 6
_PLACES = {
    PaneShape.COLUMN: ((2, 0), (3, 0), (4, 0), (5, 0)),
    PaneShape.BESIDE: ((2, 0), (3, 0), (4, 0), (0, 1, _FOOTER_ROW + 1, 1)),
    PaneShape.ABOVE: ((4, 0), (5, 0), (2, 0), (3, 0)),
    PaneShape.STAGE: ((4, 0), (5, 0), (2, 0), (3, 0)),
    PaneShape.STAGE_LOW: ((4, 0), (5, 0), (2, 0), (3, 0)),
}
"""Where answer, vote, line and figures stand in the grid of a pane."""
_LEAST_LINES = {
    PaneShape.COLUMN: 5,
    PaneShape.BESIDE: 5,
    PaneShape.ABOVE: 4,
    PaneShape.STAGE: 2,
    PaneShape.STAGE_LOW: 2,
}
"""Lines of the answer that are seen at least."""


class ResponsePane(QFrame):
    """Card of one answer: head, time, text, vote, figures and footer.

    Text goes into the turn that `begin_turn` returns, figures into `metrics`, time into `time_bar`.
    Its user connects `stop_button`, `again_button`, `vote_button`, `thumbs` and `metrics`, a click
    on which asks for details.
    """

    overflowed = Signal()
    """On stage: the text has become longer than what is seen of it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._turns: list[TurnView] = []
        self._earlier: list[TurnContent] = []
        """Turns above those, which are laid out when they come near to what is seen."""
        self._fill = QTimer(self)
        self._fill.setSingleShot(True)
        self._fill.setInterval(_FILL_MS)
        self._text_scale = 1.0
        self._is_stacked = False
        self._has_stage_head = False
        self._shows_detail = True
        self._results: Sequence[CheckResult] = ()
        self._has_figures = True
        self._has_vote = self._has_thumbs = False
        self._has_copy = False
        self._has_again = False
        self.shape: PaneShape | None = None
        self._footer_icon_name: str | None = None
        self._footer_icon = make_label()
        self._footer = ElidedLabel("", "caption", "quiet")
        self._build()
        self._connect()
        self._apply_theme()

    @property
    def turn(self) -> TurnView | None:
        """The turn at the end."""
        return self._turns[-1] if self._turns else None

    def set_head(self, head: PaneHead) -> None:
        self.setAccessibleName(head.label)
        self.thumbs.set_name(head.label)
        self._place.set_badge(head.place, head.tone, head.icon)
        self._label.set_full_text(head.label)
        self._detail.set_badge(head.detail)
        self._detail.setVisible(bool(head.detail) and self._shows_detail)
        self._detail.setToolTip(plain_tooltip(head.detail_explanation))
        self.metrics.setAccessibleName(self.tr("Figures of {name}").format(name=head.label))

    def needed_width(self, *, with_name: bool) -> int:
        """Return what the head takes in one line, with its name or where that is below."""
        buttons = 40 if self._is_on_stage else 108
        width = self._place.sizeHint().width() + self._theme.px(buttons)
        if with_name:
            width += self._label.sizeHint().width()
        if self._shows_detail or not with_name:
            width += self._detail.sizeHint().width()
        return width

    def set_shape(self, shape: PaneShape) -> None:
        """Put the figures below the answer, beside it or above it."""
        if shape is self.shape:
            return
        was_on_stage, self.shape = self._is_on_stage, shape
        parts = (self._scroll, self._vote_row, self._metrics_line, self.metrics)
        for part in parts:
            self._grid.removeWidget(part)
        places = _PLACES[shape]
        for part, place in zip(parts, places, strict=True):
            self._grid.addWidget(part, *place)
        for row in range(_FOOTER_ROW):
            self._grid.setRowStretch(row, 1 if row == places[0][0] else 0)
        self.metrics.set_shape(shape)
        self._show_figures()
        self._show_vote()
        self._show_buttons()
        self._show_turns()
        self._apply_theme()
        if was_on_stage is not shape.is_on_stage:
            self.read_last_turn()

    def read_last_turn(self) -> None:
        """Have what was asked last read from its beginning, unless its answer is being written.

        Where it failed, what went wrong is read.
        """
        turn = self.turn
        if turn is not None and not (self._scroll.follows_end and turn.content.answer.is_writing):
            self._scroll.stand_at(turn.error_card or turn)

    @property
    def text_is_whole(self) -> bool:
        """False where the text has to be scrolled."""
        margins = self._body_column.contentsMargins()
        height = margins.top() + margins.bottom()
        for turn in self._turns:
            if not turn.isHidden():
                turn.fit()
                height += turn.height()
        return height <= self._scroll.viewport().height()

    def set_text_scale(self, scale: float) -> None:
        """Write every answer smaller or larger than the theme says."""
        if scale != self._text_scale:
            self._text_scale = scale
            self._fit_lines()
        for turn in self._turns:
            turn.set_text_scale(scale)

    def set_head_stacked(self, *, stacked: bool) -> None:
        """Put the name below the place, where one line is too short for both."""
        if (stacked, self._is_on_stage) == (self._is_stacked, self._has_stage_head):
            return
        self._is_stacked, self._has_stage_head = stacked, self._is_on_stage
        self._head.removeWidget(self._label)
        if stacked:
            # columns of buttons that are not there take gaps from the place
            self._head.addWidget(self._label, 1, 0, 1, 2 if self._is_on_stage else 6)
        else:
            self._head.addWidget(self._label, 0, 1)

    def set_detail_shown(self, *, shown: bool) -> None:
        """Leave size or provider out where there is no room for it."""
        self._shows_detail = shown
        self._detail.setVisible(shown and bool(self._detail.text))

    def begin_turn(self, prompt: str | None, *, follows_end: bool = True) -> TurnView:
        """Start a turn below those before it; `None` shows no prompt.

        `follows_end` keeps the end of the text in view, as it is written.
        """
        if self.turn is not None:
            # what is said of an earlier answer goes up with it
            self.turn.show_checks(self._results)
        self.show_checks(())
        turn = TurnView(self._theme, prompt)
        self._turns.append(turn)
        turn.set_text_scale(self._text_scale)
        self._body_column.insertWidget(self._body_column.count() - 1, turn)
        self._show_turns()
        self._scroll.follow_end(on=follows_end)
        turn.failed.connect(self._scroll.stand_at)
        self._leave_unseen()
        return turn

    def show_checks(self, results: Sequence[CheckResult]) -> None:
        """Mark the last answer, in place of what was said of it before."""
        self._results = results
        self._marks.show_results(results)
        self._show_vote()

    def show_earlier_checks(self, results: Mapping[str, Sequence[CheckResult]]) -> None:
        """Mark answers above the last one, by run id; those without checks stay as they are."""
        for content in self._earlier:
            content.checks = results.get(content.run_id, content.checks)
        for turn in self._turns[:-1]:
            turn.show_checks(results.get(turn.content.run_id, ()))

    def show_earlier(self, turns: Sequence[TurnContent]) -> None:
        """Put turns above those that are there; each is laid out when it comes near the view."""
        self._earlier = [*turns]
        self._lay_out_next()
        self._look_up()

    def clear_turns(self) -> None:
        self._fill.stop()
        self._earlier.clear()
        while self._turns:
            self._take_away(self._turns.pop())
        self.show_checks(())
        self.set_footer("", None)
        self.set_vote(offered=False)
        self.set_thumb(None, offered=False)
        self.time_bar.set_spans(Spans(), 1.0)

    @property
    def has_figures(self) -> bool:
        """False while nothing may tell who answered."""
        return self._has_figures

    def set_figures_visible(self, *, visible: bool) -> None:
        self._has_figures = visible
        self._show_figures()
        self._show_vote()

    def _show_figures(self) -> None:
        for part in (self.metrics, self.time_bar):
            part.setVisible(self._has_figures)
        has_footer = self._has_figures and self.shape is not PaneShape.STAGE_LOW
        self._footer_box.setVisible(has_footer)
        has_line = self._has_figures and self.shape is not PaneShape.BESIDE
        self._metrics_line.setVisible(has_line)

    def set_footer(self, text: str, icon: str | None) -> None:
        self._footer.set_full_text(text)
        self._footer_icon.setVisible(icon is not None)
        self._footer_icon_name = icon
        self._color_footer()

    def set_running(self, *, running: bool) -> None:
        self.stop_button.setVisible(running)
        has_text = self.turn is not None and bool(self.turn.answer.markdown)
        self._has_copy = has_text and not running
        self._show_buttons()

    def set_again(self, *, offered: bool) -> None:
        """Offer to ask this one alone once more."""
        self._has_again = offered
        self._show_buttons()

    def set_vote(self, *, offered: bool, chosen: bool = False) -> None:
        """Offer “this one” under the answer, or mark it as the one that was chosen."""
        self._has_vote = offered or chosen
        self._show_vote()
        self.vote_button.setChecked(chosen)
        self.vote_button.setText(self.tr("✓ Your choice") if chosen else self.tr("✓ This one"))
        self.vote_button.setEnabled(offered)
        said = self.tr("Say that this answer is the best one")
        if chosen:
            said = (
                self.tr("You chose this answer: press again to take your vote back")
                if offered
                else self.tr("You chose this answer without knowing its name: that stays")
            )
        self.vote_button.setToolTip(plain_tooltip(said))
        name = self.tr("This one is better: {name}").format(name=self.accessibleName())
        self.vote_button.setAccessibleName(name if offered or chosen else "")

    def set_thumb(self, given: Thumb | None, *, offered: bool) -> None:
        """Mark the thumb that was given, and let another be given where that is `offered`."""
        self._has_thumbs = offered or given is not None
        self.thumbs.show_thumb(given, offered=offered)
        self._show_vote()

    @property
    def _is_on_stage(self) -> bool:
        return self.shape is not None and self.shape.is_on_stage

    def _show_turns(self) -> None:
        """On stage leave out what was asked before: the question above is the last one."""
        for turn in self._turns:
            turn.setVisible(not self._is_on_stage or turn is self.turn)

    def _show_buttons(self) -> None:
        # a room has no use for them, and for the room they take
        self._copy.setVisible(self._has_copy and not self._is_on_stage)
        self.again_button.setVisible(self._has_again and not self._is_on_stage)

    def _show_vote(self) -> None:
        # on stage only where it is what leads to the names
        has_vote = self._has_vote and not (self._is_on_stage and self._has_figures)
        has_thumbs = self._has_thumbs and not self._is_on_stage
        has_marks = bool(self._results) and not self._is_on_stage
        self.vote_button.setVisible(has_vote)
        self.thumbs.setVisible(has_thumbs)
        self._vote_box.setVisible(has_vote or has_thumbs)
        self._marks.setVisible(has_marks)
        self._vote_row.setVisible(has_vote or has_thumbs or has_marks)

    def show_details(self, rows: Sequence[Row]) -> None:
        popup = DetailsPopup(self._theme, self.accessibleName(), self)
        popup.set_rows(rows)
        popup.show_at(self.metrics)

    def _build(self) -> None:
        self.setProperty("card", "true")
        self._build_head()
        self.time_bar = TimeBar(self._theme)
        self._bar_row = make_column(self.time_bar)
        self._build_body()
        self._build_vote()
        self._metrics_line = make_line()
        self.metrics = MetricsCard(self._theme)
        self._footer_row = make_row(self._footer_icon, (self._footer, 1))
        self._footer_box = QWidget()
        footer = (make_line(), self._footer_row)
        make_column(*footer, parent=self._footer_box, margins=NO_MARGINS, spacing=0)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(1, 1, 1, 1)
        self._grid.setSpacing(0)
        self._grid.setColumnStretch(0, 1)
        self._grid.addLayout(self._head, 0, 0)
        self._grid.addLayout(self._bar_row, 1, 0)
        self._grid.addWidget(self._footer_box, _FOOTER_ROW, 0)
        self.set_shape(PaneShape.COLUMN)

    def _build_head(self) -> None:
        self._place = Badge(self._theme)
        self._label = ElidedLabel("", "heading")
        self._detail = Badge(self._theme)
        self.stop_button = IconButton(self._theme, "stop", self.tr("Stop this answer"), tone="bad")
        self.stop_button.setText(self.tr("Stop"))
        self.stop_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._copy = IconButton(self._theme, "copy", self.tr("Copy the whole answer"))
        self.again_button = IconButton(self._theme, "refresh", self.tr("Ask only this one again"))
        self._head = QGridLayout()
        self._head.setColumnStretch(1, 1)
        parts = (self._detail, self.again_button, self._copy, self.stop_button)
        for column, part in enumerate(parts, 2):
            self._head.addWidget(part, 0, column)
        self._head.addWidget(self._place, 0, 0)
        self._head.addWidget(self._label, 0, 1)
        for part in (self.again_button, self._copy, self.stop_button):
            part.hide()

    def _build_body(self) -> None:
        self._body = QWidget()
        self._body_column = make_column(1, parent=self._body)
        self._scroll = ReadingArea(self._theme, self._body, self.tr("Answers"))
        self._scroll.setProperty("ring", True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        # as high as the pane leaves it, not as its text
        self._scroll.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self._scroll.viewport().setAutoFillBackground(False)

    def _build_vote(self) -> None:
        self.vote_button = make_button("")
        self.vote_button.setCheckable(True)
        self.vote_button.setProperty("small", True)
        self.thumbs = ThumbButtons(self._theme)
        self._vote_box = QWidget()
        make_row(self.vote_button, self.thumbs, 1, parent=self._vote_box, margins=NO_MARGINS)
        self._marks = CheckMarks(self._theme, ())
        self._vote_row = QWidget()
        self._vote_layout = make_column(self._marks, self._vote_box, parent=self._vote_row)

    def _connect(self) -> None:
        self._copy.clicked.connect(self._copy_answer)
        bar = self._scroll.verticalScrollBar()
        bar.rangeChanged.connect(self._on_range)
        bar.valueChanged.connect(self._look_up)
        self._fill.timeout.connect(self._fill_next)
        self._theme.changed.connect(self._apply_theme)

    def _on_range(self, _low: int, high: int) -> None:
        if self._is_on_stage and high:
            self.overflowed.emit()
        self._look_up()

    def _look_up(self) -> None:
        """Lay out the next turn above soon, where the view has come near to it."""
        if self._earlier and not self._is_on_stage and not self._fill.isActive():
            self._fill.start()

    def _fill_next(self) -> None:
        bar, height = self._scroll.verticalScrollBar(), self._scroll.viewport().height()
        if self._earlier and self.isVisible() and bar.value() <= height // 2:
            self._scroll.hold()
            self._lay_out_next()
            self._fill.start()

    def _lay_out_next(self) -> None:
        if not self._earlier:
            return
        content = self._earlier.pop()
        turn = TurnView(self._theme, content.prompt)
        turn.content.run_id = content.run_id
        turn.show_answer(content.answer)
        turn.show_tokens(content.tokens)
        turn.set_text_scale(self._text_scale)
        turn.show_checks(content.checks)
        self._turns.insert(0, turn)
        self._body_column.insertWidget(0, turn)
        self._show_turns()

    def _leave_unseen(self) -> None:
        """Take away what is far above the end, as long as nobody looks at it."""
        while self._scroll.follows_end and len(self._turns) > _MOST_TURNS:
            turn = self._turns.pop(0)
            self._earlier.append(turn.content)
            self._take_away(turn)

    def _take_away(self, turn: TurnView) -> None:
        self._scroll.forget(turn)
        turn.hide()
        turn.setParent(None)
        turn.deleteLater()

    def _copy_answer(self) -> None:
        if self.turn is None:
            return
        QGuiApplication.clipboard().setText(self.turn.answer.markdown)
        self._copy.set_icon("check", "local")
        QTimer.singleShot(1500, self._copy, self._uncheck_copy)

    def _uncheck_copy(self) -> None:
        self._copy.set_icon("copy", "quiet")

    def _apply_theme(self) -> None:
        px = self._theme.px
        self._fit_lines()
        self.setMinimumWidth(px(200 if self._is_on_stage else 230))
        above, below = (8, 4) if self._is_on_stage else (10, 8)
        self._head.setContentsMargins(px(14), px(above), px(12), px(below))
        # Stop comes and goes without moving what is below
        stop = 0 if self._is_on_stage else self.stop_button.sizeHint().height()
        self._head.setRowMinimumHeight(0, stop)
        self._head.setHorizontalSpacing(px(8))
        self._head.setVerticalSpacing(px(2 if self._is_on_stage else 6))
        self._bar_row.setContentsMargins(px(14), 0, px(14), px(4))
        self._body_column.setContentsMargins(px(16), 0, px(12), 0)
        self._body_column.setSpacing(px(14))
        above, below = (4, 5) if self._is_on_stage else (8, 9)
        self._footer_row.setContentsMargins(px(14), px(above), px(14), px(below))
        self._footer_row.setSpacing(px(6))
        self._vote_layout.setSpacing(px(6))
        self._vote_layout.setContentsMargins(px(14), px(2), px(14), px(10))
        self._color_footer()

    def _fit_lines(self) -> None:
        font = self._theme.font()
        font.setPixelSize(round(font.pixelSize() * self._text_scale))
        above, below = (3, 4) if self._is_on_stage else (4, 6)
        lines = _LEAST_LINES[self.shape or PaneShape.COLUMN]
        self._scroll.set_room(
            lines * line_pitch(font) + self._theme.px(0 if self._is_on_stage else PARAGRAPH_MARGIN),
            above=self._theme.px(above),
            below=self._theme.px(below),
        )

    def _color_footer(self) -> None:
        if self._footer_icon_name is not None:
            side = self._theme.px(14)
            icon = self._theme.icon(self._footer_icon_name, "quiet")
            self._footer_icon.setPixmap(icon.pixmap(QSize(side, side), self.devicePixelRatioF()))

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._look_up()
