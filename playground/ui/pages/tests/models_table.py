"""How often each model is right, where the truth may lie, how fast it is and what it costs."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget
from typing_extensions import override

from playground.core.amounts import UNKNOWN, money
from playground.core.evaluations import ModelResult
from playground.core.names import TargetName, target_names
from playground.core.runs import Provenance
from playground.core.targets import Place, Target
from playground.services.evaluation import is_paid
from playground.ui.format import PLACE_LOOKS
from playground.ui.pages.tests.words import (
    interval_words,
    model_figures,
    spread_words,
    unscored_words,
)
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import Badge, ElidedLabel, make_label, plain_tooltip
from playground.ui.widgets.layouts import NO_MARGINS, make_column

_MARKS = {Provenance.MEASURED: "●", Provenance.REPORTED: "◐", Provenance.ESTIMATED: "○"}
_GROUP = 4
"""Column of the groups."""
_WIDE, _MIDDLE, _NARROW = 7, 4, 2
"""Columns that are shown."""
_WIDE_FROM, _MIDDLE_FROM = 860, 600
"""Widths, in units of text, that have room for them."""


class IntervalBar(QWidget):
    """A point on a line from 0 to 100 %, and the stretch in which the truth lies."""

    def __init__(self, theme: Theme, model: ModelResult, place: Place) -> None:
        super().__init__()
        self._theme = theme
        self._model = model
        self._tone, _icon = PLACE_LOOKS[place]
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(interval_words(model))
        self.setToolTip(
            self.tr("In 95 of 100 tests like this one, the true share lies in such a stretch")
        )

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), self._theme.px(24))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(70), self._theme.px(24))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        theme, px = self._theme, self._theme.px
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = px(8)
        middle, whole = self.height() / 2, self.width() - 2 * edge
        painter.setPen(theme.color("line"))
        painter.drawLine(QPointF(edge, middle), QPointF(edge + whole, middle))
        for quarter in range(5):
            x = edge + whole * quarter / 4
            painter.drawLine(QPointF(x, middle - px(4)), QPointF(x, middle + px(4)))
        share = self._model.share
        if share is None or self._model.interval is None:
            return
        low, high = self._model.interval
        painter.setPen(Qt.PenStyle.NoPen)
        stretch = theme.color(self._tone)
        stretch.setAlphaF(0.45)
        painter.setBrush(stretch)
        height = px(8)
        painter.drawRoundedRect(
            QRectF(edge + whole * low, middle - height / 2, whole * (high - low), height),
            height / 2,
            height / 2,
        )
        painter.setBrush(theme.color("card"))
        painter.drawEllipse(QPointF(edge + whole * share, middle), px(8), px(8))
        painter.setBrush(theme.color(self._tone))
        painter.drawEllipse(QPointF(edge + whole * share, middle), px(6), px(6))


class ModelsTable(QWidget):
    """One row a model, the best first; groups are what can be told apart."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        for column, share in enumerate((4, 3, 3)):
            self._grid.setColumnStretch(column, share)
        self._shown: tuple[tuple[Target, ModelResult], ...] = ()
        self._repeats = 1
        self._columns = _NARROW
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def show_models(self, rows: Sequence[tuple[Target, ModelResult]], repeats: int) -> None:
        """Show each target with what came of it."""
        if (tuple(rows), repeats) != (self._shown, self._repeats):
            self._shown, self._repeats = tuple(rows), repeats
            self._fill()

    def fit(self, width: int) -> None:
        """Take `width` pixels: what has no column goes into a second line of each model."""
        units = width / self._theme.scale
        columns = _WIDE if units >= _WIDE_FROM else _MIDDLE if units >= _MIDDLE_FROM else _NARROW
        if columns != self._columns:
            self._columns = columns
            self._fill()

    def _fill(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.setParent(None)
                widget.deleteLater()
        head = [
            self.tr("Model"),
            self.tr("How often right"),
            self.tr("Where the truth may lie"),
            "",
            self.tr("Group"),
            self.tr("Words a second"),
            self.tr("1,000 messages cost"),
        ]
        # a room reads names and counts
        is_on_stage = self._theme.in_presentation_mode
        shown = 3 if is_on_stage else self._columns
        has_groups = any(model.tier is not None for _, model in self._shown)
        columns = [n for n in range(shown) if n != _GROUP or has_groups]
        # what is wrapped asks for no more than its longest word
        self._grid.setColumnStretch(6, 3 if 6 in columns else 0)
        for column in columns:
            self._add(_wrapped(head[column], is_right=column > _GROUP), 0, column)
        names = target_names([target for target, _ in self._shown])
        for number, (target, model) in enumerate(self._shown, 1):
            row = 2 * number - 1
            figures = model_figures(model, self._repeats)
            self._add(self._name(number, target, names[target.key]), row, 0)
            for column in columns[1:]:
                part = self._figure(column, target, model)
                if not part.toolTip():
                    part.setToolTip(plain_tooltip(figures))
                self._add(part, row, column)
            if self._columns < _WIDE and not is_on_stage:
                rest = make_label(self._rest(target, model), "caption", "quiet", wrap=True)
                rest.setToolTip(plain_tooltip(figures))
                self._grid.addWidget(rest, row + 1, 0, 1, self._columns)

    def _figure(self, column: int, target: Target, model: ModelResult) -> QWidget:
        match column:
            case 1:
                return self._right(model)
            case 2:
                return IntervalBar(self._theme, model, target.place)
            case 3:
                return make_label(interval_words(model), "numbers", "quiet")
            case 4:
                return self._group(model)
            case 5:
                return _figure_above(*spread_words(model.words_per_s))
        return _figure_above(*_cost_words(target, model))

    def _add(self, part: QWidget, row: int, column: int) -> None:
        self._grid.addWidget(part, row, column, Qt.AlignmentFlag.AlignVCenter)

    def _rest(self, target: Target, model: ModelResult) -> str:
        """Return in a line what has no columns."""
        stretch = ""
        if self._columns < _MIDDLE and model.interval is not None:
            stretch = self.tr("the truth may lie at {0}").format(interval_words(model))
        group = {None: "", 0: self.tr("Top group")}.get(model.tier, self.tr("Behind"))
        speed = ", ".join(filter(None, spread_words(model.words_per_s)))
        cost = " ".join(filter(None, _cost_words(target, model)))
        return " · ".join(
            filter(
                None,
                (
                    stretch,
                    group,
                    self.tr("words a second: {0}").format(speed),
                    self.tr("1,000 messages cost {0}").format(cost),
                ),
            )
        )

    def _name(self, number: int, target: Target, name: TargetName) -> QWidget:
        part = QWidget()
        row = QGridLayout(part)
        row.setContentsMargins(0, 0, 0, 0)
        row.setVerticalSpacing(0)
        icon = QLabel()
        side = self._theme.px(16)
        tone, look = PLACE_LOOKS[target.place]
        icon.setPixmap(self._theme.icon(look, tone).pixmap(QSize(side, side)))
        label = ElidedLabel(name.label, "row")
        label.setToolTip(plain_tooltip(f"{target.label} · {target.detail}".strip(" ·")))
        row.addWidget(make_label(str(number), "numbers", "quiet"), 0, 0)
        row.addWidget(icon, 0, 1)
        row.addWidget(label, 0, 2)
        if name.place:
            row.addWidget(ElidedLabel(name.place, "caption", "quiet"), 1, 2)
        row.setColumnStretch(2, 1)
        part.setMinimumWidth(self._theme.px(150))
        return part

    def _group(self, model: ModelResult) -> QWidget:
        badge = Badge(self._theme)
        if model.tier is None:
            return make_label(UNKNOWN, "numbers", "quiet")
        if model.tier == 0:
            badge.set_badge(self.tr("Top group"), "accent")
            badge.setToolTip(self.tr("Nobody is shown to be better than those in this group"))
        else:
            badge.set_badge(self.tr("Behind"), "quiet")
            badge.setToolTip(self.tr("A model of the group above was better by more than luck"))
        return badge

    def _right(self, model: ModelResult) -> QWidget:
        part = QWidget()
        text = self.tr("{0} of {1} right").format(model.right, model.scored)
        if not model.scored:
            text = self.tr("nothing scored")
        role = "figure" if self._theme.in_presentation_mode else "row"
        lines = [make_label(text, role, wrap=True)]
        if unscored := unscored_words(model):
            lines.append(make_label(unscored, "caption", "caution", wrap=True))
        part.setMinimumWidth(self._theme.px(120))
        make_column(*lines, parent=part, margins=NO_MARGINS, spacing=0)
        return part

    def _apply_theme(self) -> None:
        self._grid.setHorizontalSpacing(self._theme.px(14))
        self._grid.setVerticalSpacing(self._theme.px(8))
        self._fill()


def _wrapped(text: str, *, is_right: bool) -> QLabel:
    label = make_label(text, "caption", "quiet", wrap=True)
    if is_right:
        label.setAlignment(Qt.AlignmentFlag.AlignRight)
    return label


def _figure_above(first: str, second: str) -> QWidget:
    """Return a figure with what belongs to it below."""
    part = QWidget()
    lines = [make_label(first, "numbers")]
    lines[0].setAlignment(Qt.AlignmentFlag.AlignRight)
    if second:
        lines.append(_wrapped(second, is_right=True))
    make_column(*lines, parent=part, margins=NO_MARGINS, spacing=0)
    return part


def _cost_words(target: Target, model: ModelResult) -> tuple[str, str]:
    """Return what 1,000 answers like these cost, and how it is known."""
    usd, provenance = model.usd_per_1000, model.provenance
    if usd is None or provenance is None:
        return _tr("unknown"), ""
    words = {
        Provenance.MEASURED: _tr("measured"),
        Provenance.REPORTED: _tr("reported"),
        Provenance.ESTIMATED: _tr("estimated"),
    }[provenance]
    if provenance is Provenance.ESTIMATED and not is_paid(target):
        words = _tr("electricity, {0}").format(words)
    text = money(usd, is_estimate=provenance is Provenance.ESTIMATED)
    return text, f"{_MARKS[provenance]} {words}"


def _tr(text: str) -> str:
    return QCoreApplication.translate("TestsPage", text)
