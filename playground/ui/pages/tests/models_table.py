"""How often each model is right, where the truth may lie, how fast it is and what it costs."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget
from typing_extensions import override

from playground.core.amounts import UNKNOWN, money
from playground.core.evaluations import ModelResult
from playground.core.runs import Provenance
from playground.core.statistics import Spread
from playground.core.targets import Place, Target
from playground.ui.format import PLACE_LOOKS
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import Badge, ElidedLabel, make_label, plain_tooltip

_MARKS = {Provenance.MEASURED: "●", Provenance.REPORTED: "◐", Provenance.ESTIMATED: "○"}


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


def interval_words(model: ModelResult) -> str:
    """Return the stretch in which the truth lies: `77–99 %`."""
    if model.interval is None:
        return UNKNOWN
    low, high = model.interval
    return f"{100 * low:.0f}–{100 * high:.0f} %"


def spread_words(spread: Spread | None) -> tuple[str, str]:
    """Return the median, and the quartiles beside it."""
    if spread is None:
        return UNKNOWN, ""
    return f"{spread.median:.0f}", f"{spread.low:.0f}–{spread.high:.0f}"


class ModelsTable(QWidget):
    """One row a model, the best first; groups are what can be told apart."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(0, 4)
        self._grid.setColumnStretch(2, 3)
        self._grid.setColumnStretch(3, 3)
        self._shown: tuple[tuple[Target, ModelResult], ...] = ()
        self._is_narrow = False
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def show_models(self, rows: Sequence[tuple[Target, ModelResult]], *, is_narrow: bool) -> None:
        """Show each target with what came of it; `is_narrow` leaves out what has no room."""
        if (tuple(rows), is_narrow) == (self._shown, self._is_narrow):
            return
        self._shown, self._is_narrow = tuple(rows), is_narrow
        self._fill()

    def _fill(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.setParent(None)
                widget.deleteLater()
        head = [
            self.tr("Model"),
            self.tr("Group"),
            self.tr("How often right"),
            self.tr("Where the truth may lie"),
            "",
            self.tr("Words a second"),
            self.tr("1,000 messages cost"),
        ]
        for column, text in enumerate(head):
            if column in self._columns:
                self._add(make_label(text, "caption", "quiet"), 0, column)
        for row, (target, model) in enumerate(self._shown, 1):
            for column, part in enumerate(self._parts(row, target, model)):
                if column in self._columns:
                    self._add(part, row, column)
                else:
                    part.deleteLater()

    @property
    def _columns(self) -> tuple[int, ...]:
        if self._theme.in_presentation_mode:
            return (0, 2, 3)
        return (0, 2) if self._is_narrow else tuple(range(7))

    def _add(self, part: QWidget, row: int, column: int) -> None:
        right = column in {5, 6}
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag(0)
        self._grid.addWidget(part, row, column, side | Qt.AlignmentFlag.AlignVCenter)

    def _parts(self, number: int, target: Target, model: ModelResult) -> list[QWidget]:
        return [
            self._name(number, target),
            self._group(model),
            self._right(model),
            IntervalBar(self._theme, model, target.place),
            make_label(interval_words(model), "numbers", "quiet"),
            self._speed(model),
            self._cost(model),
        ]

    def _name(self, number: int, target: Target) -> QWidget:
        part = QWidget()
        row = QGridLayout(part)
        row.setContentsMargins(0, 0, 0, 0)
        icon = QLabel()
        side = self._theme.px(16)
        tone, name = PLACE_LOOKS[target.place]
        icon.setPixmap(self._theme.icon(name, tone).pixmap(QSize(side, side)))
        label = ElidedLabel(target.label, "row")
        label.setToolTip(plain_tooltip(f"{target.label} · {target.detail}".strip(" ·")))
        row.addWidget(make_label(str(number), "numbers", "quiet"), 0, 0)
        row.addWidget(icon, 0, 1)
        row.addWidget(label, 0, 2)
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
        if not model.scored:
            return make_label(self.tr("nothing scored"), "row", "quiet")
        text = self.tr("{0} of {1} right").format(model.right, model.scored)
        if model.not_scored:
            text += " · " + self.tr("{0} not scored").format(model.not_scored)
        role = "figure" if self._theme.in_presentation_mode else "row"
        label = make_label(text, role, wrap=True)
        label.setMinimumWidth(self._theme.px(120))
        details = [text]
        if model.always_right is not None:
            details.append(self.tr("{0} right every time").format(model.always_right))
        for times, chance in enumerate(model.pass_hat[1:], 2):
            said = self.tr("{0} % to be right {1} times in a row (pass^{1})")
            details.append(said.format(f"{100 * chance:.0f}", times))
        if model.weighted_share is not None:
            share = f"{100 * model.weighted_share:.0f} %"
            details.append(self.tr("{0} with the messages' weights").format(share))
        label.setToolTip(plain_tooltip("\n".join(details)))
        return label

    def _speed(self, model: ModelResult) -> QWidget:
        median, quartiles = spread_words(model.words_per_s)
        label = make_label(f"{median}  {quartiles}".strip(), "numbers")
        label.setToolTip(self.tr("Median, and where the middle half of the answers lies; measured"))
        return label

    def _cost(self, model: ModelResult) -> QWidget:
        usd = model.usd_per_1000
        if usd is None or model.provenance is None:
            return make_label(self.tr("unknown"), "numbers", "quiet")
        words = {
            Provenance.MEASURED: self.tr("measured"),
            Provenance.REPORTED: self.tr("reported"),
            Provenance.ESTIMATED: self.tr("estimated"),
        }[model.provenance]
        text = money(usd, is_estimate=model.provenance is Provenance.ESTIMATED)
        label = make_label(f"{text}  {_MARKS[model.provenance]} {words}", "numbers")
        label.setToolTip(self.tr("What these answers cost, for 1,000 of them"))
        return label

    def _apply_theme(self) -> None:
        self._grid.setHorizontalSpacing(self._theme.px(14))
        self._grid.setVerticalSpacing(self._theme.px(8))
        self._fill()
