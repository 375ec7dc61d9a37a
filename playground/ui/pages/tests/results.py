"""What came out of a test: groups of models, where they disagree, and right against cost."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QGridLayout, QLineEdit, QScrollArea, QWidget
from typing_extensions import override

from playground.ui.pages.tests.models_table import ModelsTable
from playground.ui.pages.tests.outcomes import OutcomeRow, OutcomeTable, OutcomeTableModel
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import (
    Disclosure,
    IconButton,
    breakable,
    make_button,
    make_card,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.inputs import ComboBox
from playground.ui.widgets.layouts import (
    NO_MARGINS,
    make_column,
    make_flow,
    make_row,
    make_scroll_area,
    scrolled,
)
from playground.ui.widgets.segmented import Segmented

DISPUTED, ALL = "disputed", "all"
COST, SPEED = "cost", "speed"
_STACKS_BELOW = 1000
"""Width in units of text below which sentence and chart stand above the table."""
_PAUSE_MS = 150


_LINES_ABOVE = 3


class _FittedArea(QScrollArea):
    """As high as what it scrolls, up to a part of the window."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Qt has the area watch the widget that it scrolls
        taken = super().eventFilter(watched, event)
        if watched is self.widget() and event.type() is QEvent.Type.LayoutRequest:
            self._fit()
        return taken

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        body, px = self.widget(), self._theme.px
        layout = None if body is None else body.layout()
        if layout is not None:
            wanted = layout.totalHeightForWidth(self.maximumViewportSize().width())
            self.setMinimumHeight(max(px(80), min(wanted, px(210))))


class ResultsView(QWidget):
    """Lays out the results; it decides nothing."""

    filter_changed = Signal()
    """Other messages are wanted, or another tag."""
    axis_changed = Signal()
    picture_chosen = Signal(object)
    """The path a picture of the chart is to be written to."""
    length_wanted = Signal()
    """Longer answers are to be allowed."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._is_stacked = False
        self._picture_name = "chart"
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._build()
        self._connect()
        self._apply_theme()

    @property
    def tag(self) -> str:
        """The tag that is chosen; empty for all."""
        return str(self._tags.value or "")

    @property
    def query(self) -> str:
        return self._search.text().strip()

    @property
    def shows_disputed(self) -> bool:
        return self._which.selected == DISPUTED

    @property
    def is_against_cost(self) -> bool:
        return self._axis.selected == COST

    def show_tags(self, tags: Sequence[str]) -> None:
        self._tags.set_choices([(self.tr("All tags"), ""), *((tag, tag) for tag in tags)])
        self._tags.setVisible(bool(tags))

    def show_rows(self, rows: Sequence[OutcomeRow], labels: Sequence[str], said: str) -> None:
        """Show messages; `said` stands below them."""
        self.outcomes.show_rows(rows, labels)
        self._said.setText(said)

    def show_sentences(self, first: str, hint: str, rest: str, exact: str) -> None:
        """Say what can be told of the models: the main thing, then the other pairs.

        `hint` is what it would take to tell more; `exact` has the figures behind all of it.
        """
        for label, text in ((self._first, first), (self._hint, hint), (self._rest, rest)):
            label.setText(breakable(text))
        self._exact.setText(exact)
        self._show_quiet()
        self._first.setToolTip(plain_tooltip(exact.split("\n\n", maxsplit=1)[0]))

    def show_cut_off(self, text: str) -> None:
        """Say that answers were cut off, and lead to what helps; nothing where `text` is empty."""
        self._cut_off.setText(text)
        self._show_quiet()

    def show_earlier(self, title: str, text: str, exact: str) -> None:
        """Say in a card of its own how it was before; `exact` has the figures behind it."""
        self._earlier_title.setText(title)
        self._earlier.setText(breakable(text))
        self._earlier.setToolTip(plain_tooltip(exact))
        self._earlier_card.show()
        self.show_top()
        self._earlier_close.setFocus()

    def close_earlier(self) -> None:
        self._earlier_card.hide()

    def show_top(self) -> None:
        """Scroll to the beginning, where the verdict stands."""
        for area in (self._scroll, self._said_area):
            area.verticalScrollBar().setValue(0)

    def choose_messages(self, *, disputed: bool) -> None:
        self._which.select(DISPUTED if disputed else ALL)

    def place_chart(self, chart: QWidget) -> None:
        """Put the chart into its card, once it could be built."""
        self._chart_column.replaceWidget(self._wait, chart)
        self._chart_column.setStretchFactor(chart, 1)
        self._wait.deleteLater()
        self._save.setEnabled(True)

    def show_chart_remark(self, text: str, picture_name: str) -> None:
        """Say what the chart leaves open; `picture_name` is what a picture of it is called."""
        self._remark.setText(text)
        self._picture_name = picture_name

    def focus_first(self) -> None:
        self.table.setFocus()

    def _build(self) -> None:
        self.models = ModelsTable(self._theme)
        self._top = make_card()
        make_column(self.models, parent=self._top)
        self._build_messages()
        self._build_side()
        self._build_notices()
        self._inside = QWidget()
        self._grid = QGridLayout(self._inside)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._scroll = make_scroll_area(self._inside, self.tr("Results"))
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        make_column((self._scroll, 1), parent=self, margins=NO_MARGINS)
        self._arrange()

    def _build_messages(self) -> None:
        self._which = Segmented(
            (
                (
                    DISPUTED,
                    self.tr("They disagree"),
                    self.tr("Where one was right, one not"),
                ),
                (ALL, self.tr("All"), self.tr("Every message")),
            )
        )
        self._which.select(ALL)
        self._tags = ComboBox(self._theme, self.tr("Tags"))
        self._tags.setToolTip(self.tr("Count only messages with this tag, above as well"))
        self._search = QLineEdit()
        self._search.setPlaceholderText(self.tr("Search messages and answers"))
        self._search.setAccessibleName(self.tr("Search messages and answers"))
        self._search.setClearButtonEnabled(True)
        self.outcomes = OutcomeTableModel(self)
        self.table = OutcomeTable(self._theme, self.outcomes)
        self._said = make_label("", "caption", "quiet", wrap=True)
        self._messages = make_card()
        title = make_label(self.tr("Message by message"), "heading", wrap=True)
        make_column(
            make_flow(title, 1, self._which, self._tags),
            self._search,
            (self.table, 1),
            self._said,
            parent=self._messages,
        )

    def _build_side(self) -> None:
        self._first = make_label("", "strong", wrap=True)
        self._hint = make_label("", "control", "quiet", wrap=True)
        self._rest = make_label("", "caption", "quiet", wrap=True)
        self._exact = make_label("", "caption", wrap=True)
        for label in (self._first, self._hint, self._rest, self._exact):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._figures = Disclosure(self._theme, self.tr("Exact figures"), self._exact)
        self._pairs = make_card()
        inside = QWidget()
        make_column(self._first, self._hint, self._rest, self._figures, 1, parent=inside)
        self._said_area = _FittedArea(self._theme)
        scrolled(self._said_area, inside, self.tr("What can be said"))
        make_column(self._said_area, parent=self._pairs)
        self._axis = Segmented(
            (
                (COST, self.tr("Cost"), self.tr("How often right against what it costs")),
                (SPEED, self.tr("Speed"), self.tr("How often right against how fast it is")),
            )
        )
        self._axis.select(COST)
        self._save = IconButton(
            self._theme, "download", self.tr("Save the chart as a picture"), size=16
        )
        self._save.setEnabled(False)
        self._wait = make_label(self.tr("Drawing…"), "caption", "quiet")
        self._remark = make_label("", "caption", "quiet", wrap=True)
        self._chart_card = make_card()
        title = make_label(self.tr("How often right"), "heading", wrap=True)
        self._chart_column = make_column(
            make_flow(title, 1, self._axis, self._save),
            (self._wait, 1),
            self._remark,
            parent=self._chart_card,
        )

    def _build_notices(self) -> None:
        self._earlier_title = make_label("", "heading", wrap=True)
        self._earlier = make_label("", "body", wrap=True)
        self._earlier.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._earlier_close = IconButton(
            self._theme, "close", self.tr("Close what is said of the earlier run")
        )
        self._earlier_card = make_card()
        make_column(
            make_row((self._earlier_title, 1), self._earlier_close),
            self._earlier,
            parent=self._earlier_card,
        )
        self._earlier_card.hide()
        self._cut_off = make_label("", "control", wrap=True)
        self._length = make_button(
            self.tr("Longest answer…"), tooltip=self.tr("Allow longer answers in this set")
        )
        self._cut_off_card = make_card("caution")
        make_column(make_flow((self._cut_off, 1), self._length), parent=self._cut_off_card)
        self._cut_off_card.hide()

    def _connect(self) -> None:
        self._which.chosen.connect(self._on_filter)
        self._tags.picked.connect(self._on_filter)
        self._search.textChanged.connect(self._pause.start)
        self._pause.timeout.connect(self.filter_changed)
        self._axis.chosen.connect(self._on_axis)
        self._save.clicked.connect(self._choose_picture)
        self._earlier_close.clicked.connect(self._on_earlier_closed)
        self._length.clicked.connect(self.length_wanted)
        self._figures.opened.connect(self._on_figures)
        self._theme.changed.connect(self._apply_theme)

    def _on_filter(self, _value: object = None) -> None:
        self.filter_changed.emit()

    def _on_axis(self, _key: str) -> None:
        self.axis_changed.emit()

    def _on_figures(self) -> None:
        # once they have been laid out
        QTimer.singleShot(0, self, self._show_figures)

    def _show_figures(self) -> None:
        # the last lines of what is said stay above them
        above = _LINES_ABOVE * self._figures.fontMetrics().lineSpacing()
        self._said_area.verticalScrollBar().setValue(self._figures.y() - above)

    def _on_earlier_closed(self) -> None:
        self.close_earlier()
        self.focus_first()
        self.show_top()

    def _choose_picture(self) -> None:
        dialog = QFileDialog(
            self,
            self.tr("Save the chart"),
            str(Path.home() / f"{self._picture_name}.png"),
            self.tr("Picture (*.png);;Drawing (*.svg)"),
        )
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("png")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_picture)
        dialog.open()

    def _on_picture(self, name: str) -> None:
        self.picture_chosen.emit(Path(name))

    def _arrange(self) -> None:
        """Lay the cards out beside or below each other."""
        px = self._theme.px
        is_on_stage = self._theme.in_presentation_mode
        beside = (self._top, self._messages, self._pairs, self._chart_card)
        for part in (self._earlier_card, self._cut_off_card, *beside):
            self._grid.removeWidget(part)
        self._grid.setSpacing(px(12))
        self._grid.addWidget(self._earlier_card, 0, 0, 1, 2)
        self._grid.addWidget(self._cut_off_card, 1, 0, 1, 2)
        if is_on_stage:
            self._grid.addWidget(self._top, 2, 0, 1, 2)
            self._grid.addWidget(self._chart_card, 3, 0, 2, 1)
            self._grid.addWidget(self._pairs, 3, 1, 2, 1)
        elif self._is_stacked:
            below = (self._pairs, self._top, self._chart_card, self._messages)
            for row, part in enumerate(below, 2):
                self._grid.addWidget(part, row, 0, 1, 2)
        else:
            self._grid.addWidget(self._top, 2, 0, 1, 2)
            self._grid.addWidget(self._messages, 3, 0, 2, 1)
            self._grid.addWidget(self._pairs, 3, 1)
            self._grid.addWidget(self._chart_card, 4, 1)
        # a room reads figures, the main sentence and the chart
        for hidden in (self._messages, self._save, self._remark, self._figures):
            hidden.setVisible(not is_on_stage)
        self._show_quiet()
        self._grid.setColumnStretch(0, 7 if is_on_stage else 6)
        self._grid.setColumnStretch(1, 4 if is_on_stage else 5)
        is_stacked = self._is_stacked and not is_on_stage
        self._grid.setRowStretch(4, 0 if is_stacked else 1)
        self._grid.setRowStretch(5, 1 if is_stacked else 0)
        self._chart_card.setMinimumHeight(px(190 if is_on_stage else 260))
        self._messages.setMinimumHeight(px(260))

    def _show_quiet(self) -> None:
        """Show what is said below the main sentence, where there is anything, and no room reads."""
        for label in (self._hint, self._rest):
            label.setVisible(bool(label.text()) and not self._theme.in_presentation_mode)
        is_on_stage = self._theme.in_presentation_mode
        self._cut_off_card.setVisible(bool(self._cut_off.text()) and not is_on_stage)

    def _apply_theme(self) -> None:
        self._tags.setMaximumWidth(self._theme.px(180))
        self._fit()
        self._arrange()

    def _fit(self) -> None:
        self.models.fit(self.width())
        is_stacked = self.window().width() / self._theme.scale < _STACKS_BELOW
        if is_stacked != self._is_stacked:
            self._is_stacked = is_stacked
            self._arrange()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
