"""The answer: where, three reasons with what stands behind them, the runner-up, what changes it."""

from functools import partial

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QGridLayout, QWidget
from typing_extensions import override

from playground.core.advice.situation import Advice, Answer, Criterion, Reason
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import (
    breakable,
    make_button,
    make_card,
    make_label,
)
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_row

_LOOKS = {
    Answer.HERE: ("home", "local"),
    Answer.CLOUD: ("cloud", "cloud"),
    Answer.BOTH: ("fork", "accent"),
    Answer.EITHER: ("fork", "accent"),
    Answer.MEASURE: ("search", "accent"),
}
_ICONS = {
    Criterion.PRIVACY: "lock",
    Criterion.RIGHT: "check",
    Criterion.SPEED: "run",
    Criterion.PRICE: "chip",
    "right.worse": "warning",
    **dict.fromkeys(("right.open", "right.one", "right.unknown"), "search"),
    **dict.fromkeys(("privacy.cloud", "privacy.cloud_rather_not"), "cloud"),
    "private": "lock",
    "offline": "offline",
    "too_large": "models",
    "too_often_wrong": "warning",
}
"""A reason's id, or the first part of it → its icon; a tick only where something is right."""
_SMALL = 20
"""Size of an icon without a ground, in pixels at scale 1."""
_REASON_WIDTH = 210
"""Width of a reason, in units of text, from which another fits beside it."""


class Emblem(QWidget):
    """An icon, on a round ground where it is a large one."""

    def __init__(self, theme: Theme, size: int, icon: str = "search", tone: str = "accent") -> None:
        super().__init__()
        self._theme = theme
        self._size, self._icon, self._tone = size, icon, tone
        theme.changed.connect(self.updateGeometry)

    def show_answer(self, answer: Answer) -> None:
        self._icon, self._tone = _LOOKS[answer]
        self.update()

    @override
    def sizeHint(self) -> QSize:
        side = self._theme.px(self._size)
        return QSize(side, side)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        icon = side = self._theme.px(self._size)
        if self._size > _SMALL:
            ground = self._theme.color(f"{self._tone}_ground")
            painter.setPen(ground)
            painter.setBrush(ground)
            painter.drawEllipse(0, 0, side, side)
            icon = side // 2
        ratio = self.devicePixelRatioF()
        picture = self._theme.icon(self._icon, self._tone).pixmap(QSize(icon, icon), ratio)
        painter.drawPixmap((side - icon) // 2, (side - icon) // 2, picture)


class AnswerView(QWidget):
    """Shows an `Advice`; it decides nothing."""

    link_chosen = Signal(object)
    """The `Link` of a reason that a person wants to see."""
    step_chosen = Signal(str)
    """The `Step` that a person wants to take."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._reasons: list[QWidget] = []
        self._columns = 0
        self._build()

    def show_advice(self, advice: Advice, loading: str = "") -> None:
        """Show it; `loading` stands in place of the subtitle while evidence is gathered."""
        self._emblem.show_answer(advice.answer)
        self._title.setText(advice.title)
        self._subtitle.setText(breakable(loading or advice.subtitle))
        self._show_reasons(advice)
        self._runner_up.setText(breakable(advice.runner_up))
        self._runner_card.setVisible(bool(advice.runner_up))
        changes = [
            f"{each.said}: {each.title[0].lower()}{each.title[1:]}." for each in advice.changes
        ]
        self._changes.setText(breakable("\n".join(changes[:4])))
        self._changes_card.setVisible(bool(changes))
        self._answer.setAccessibleName(f"{advice.title} {advice.subtitle}")

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """Put as many reasons beside each other as have room."""
        room = (self.width() - self._theme.px(40)) // self._theme.px(_REASON_WIDTH)
        direction = QBoxLayout.Direction
        self._below.setDirection(direction.TopToBottom if room < 2 else direction.LeftToRight)
        columns = max(1, min(len(self._reasons), room))
        if columns == self._columns:
            return
        self._columns = columns
        for column in range(4):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        for index, card in enumerate(self._reasons):
            self._grid.addWidget(card, index // columns, index % columns)

    def _build(self) -> None:
        self._emblem = Emblem(self._theme, 48)
        self._title = make_label(role="title", wrap=True)
        self._subtitle = make_label(tone="quiet", wrap=True)
        words = make_column(self._title, self._subtitle, margins=NO_MARGINS, spacing=2)
        head = make_row(self._emblem, (words, 1), spacing=14)
        self._grid = QGridLayout()
        self._grid.setSpacing(self._theme.px(10))
        self._answer = make_card()
        make_column(head, self._grid, parent=self._answer, spacing=14)
        self._runner_up = make_label(wrap=True)
        self._changes = make_label(wrap=True)
        self._runner_card = self._small(self.tr("Runner-up"), self._runner_up)
        self._changes_card = self._small(self.tr("What would change this"), self._changes)
        self._below = make_row((self._runner_card, 1), (self._changes_card, 1), spacing=12)
        make_column(self._answer, self._below, parent=self, margins=NO_MARGINS, spacing=12)

    def _small(self, title: str, words: QWidget) -> QFrame:
        card = make_card()
        make_column(
            make_label(title, "caption", "quiet", wrap=True), words, 1, parent=card, spacing=4
        )
        return card

    def _show_reasons(self, advice: Advice) -> None:
        for card in self._reasons:
            self._grid.removeWidget(card)
            card.hide()
            card.deleteLater()
        self._reasons = [self._reason(reason) for reason in advice.reasons]
        self._reasons += [
            self._card("idea", title, text, self._step_button(step, title))
            for step, title, text in advice.steps
        ]
        self._columns = 0
        self._arrange()

    def _step_button(self, step: str, title: str) -> QWidget:
        words = {
            "compare": self.tr("Compare now"),
            "test": self.tr("Run a test"),
            "more": self.tr("Ask more questions"),
            "provider": self.tr("Add a provider"),
            "get": self.tr("Get a model"),
        }[step]
        return make_button(
            words, partial(self.step_chosen.emit, step), kind="primary", name=f"{title}: {words}"
        )

    def _reason(self, reason: Reason) -> QFrame:
        button = None
        if reason.link is not None:
            words = {
                "evaluation": self.tr("See the test"),
                "comparison": self.tr("See the comparison"),
                "sent": self.tr("See what was sent"),
                "models": self.tr("See the model"),
            }[reason.link.kind]
            button = make_button(
                f"{words} ›",
                partial(self.link_chosen.emit, reason.link),
                kind="flat",
                name=f"{reason.title}: {words}",
            )
        icon = _ICONS.get(reason.id) or _ICONS[reason.id.partition(".")[0]]
        return self._card(icon, reason.title, reason.text, button)

    def _card(self, icon: str, title: str, text: str, button: QWidget | None) -> QFrame:
        card = make_card("quiet")
        emblem = Emblem(self._theme, 18, icon, "accent")
        head = make_row(emblem, (make_label(title, "strong", wrap=True), 1), spacing=8)
        column = make_column(
            head, make_label(breakable(text), wrap=True), 1, parent=card, spacing=6
        )
        if button is not None:
            column.addLayout(make_row(button, 1))
        return card
