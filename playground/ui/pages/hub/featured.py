"""Featured models: well-known small ones to begin with, for somebody who knows none."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from playground.ui.format import size_words
from playground.ui.pages.hub.view_models import FeaturedRow, licence_words, verdict_badge
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import Badge, ElidedLabel, make_button, make_label
from playground.ui.widgets.layouts import make_flow, make_row, scrolled

_CARD_WIDTH = 300
"""Width from which another card goes beside the first."""


class FeaturedCard(QFrame):
    """One model: what it is good at, how large it is, and whether it would run here."""

    def __init__(
        self,
        theme: Theme,
        entry: FeaturedRow,
        choose: Callable[[str], None],
        step: Callable[[str, int], None],
        enter: Callable[[], None],
    ) -> None:
        """`step` takes the keyboard so many cards on, `enter` to what can be done with this one."""
        super().__init__()
        self._theme = theme
        self._choose = choose
        self._step = step
        self._enter = enter
        self._repo = entry.model.repo
        self._is_open = False
        self._is_under_mouse = False
        self.setProperty("card", "true")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        px = theme.px
        column = QVBoxLayout(self)
        column.setContentsMargins(px(14), px(12), px(12), px(12))
        column.setSpacing(px(5))
        name = ElidedLabel(entry.model.name, "heading")
        self._badge = Badge(theme)
        self._badge.setToolTip(self.tr("Estimated from its size for this computer"))
        # in the first line on every card
        column.addLayout(make_row((name, 1), self._badge))
        good_at = make_label(entry.model.good_at, "control", wrap=True)
        good_at.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        column.addWidget(good_at, 1)
        facts = self.tr("≈ {0} · {1}").format(
            size_words(entry.model.size_bytes), licence_words(entry.model.licence)
        )
        column.addWidget(make_label(facts, "caption", "quiet", wrap=True))
        self.setToolTip(self.tr("See its versions and fetch it"))
        self.show_entry(entry)

    @property
    def repo(self) -> str:
        return self._repo

    def show_entry(self, entry: FeaturedRow) -> None:
        """Show the verdict as it is now."""
        badge = verdict_badge(entry.verdict, is_exact=entry.is_exact)
        self._badge.setVisible(badge is not None)
        if badge is not None:
            self._badge.set_badge(*badge)
        spoken = (entry.model.name, entry.model.good_at, badge[0] if badge else "")
        self.setAccessibleName(entry.model.name)
        self.setAccessibleDescription(", ".join(part for part in spoken[1:] if part))

    def set_open(self, *, is_open: bool) -> None:
        """Mark the card whose model is open."""
        if is_open != self._is_open:
            self._is_open = is_open
            self.update()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self.rect().contains(
            event.position().toPoint()
        ):
            self._choose(self._repo)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        # enter and space open the model, arrows go to another card
        steps = {
            int(Qt.Key.Key_Left): -1,
            int(Qt.Key.Key_Right): 1,
            int(Qt.Key.Key_Up): -2,
            int(Qt.Key.Key_Down): 2,
        }
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self._choose(self._repo)
            self._enter()
        elif event.key() in steps:
            self._step(self._repo, steps[event.key()])
        else:
            super().keyPressEvent(event)

    @override
    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._is_under_mouse = True
        self.update()

    @override
    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._is_under_mouse = False
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        # draw the card, and a ring where it is chosen or would be
        super().paintEvent(event)
        if not (self.hasFocus() or self._is_open or self._is_under_mouse):
            return
        strong = self.hasFocus() or self._is_open
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.color("accent" if strong else "quiet"), 2 if strong else 1))
        radius = self._theme.px(13)
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), radius, radius)


class FeaturedModels(QScrollArea):
    """Cards in as many columns as there is room for, and the way to everything else."""

    chosen = Signal(str)
    """A repository."""
    entered = Signal()
    """It was chosen with the keyboard."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._cards: list[FeaturedCard] = []
        self._columns = 0
        self._build()
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def show_entries(self, entries: tuple[FeaturedRow, ...]) -> None:
        """Show the models; where the same models stay only the verdicts change."""
        if [card.repo for card in self._cards] == [entry.model.repo for entry in entries]:
            for card, entry in zip(self._cards, entries, strict=True):
                card.show_entry(entry)
            return
        for card in self._cards:
            card.hide()
            card.deleteLater()
        self._cards = []
        for entry in entries:
            card = FeaturedCard(self._theme, entry, self.chosen.emit, self._step, self.entered.emit)
            self._cards.append(card)
        self._columns = 0
        self._lay_out()

    def mark(self, repo: str | None) -> None:
        """Mark the card whose model is open."""
        for card in self._cards:
            card.set_open(is_open=card.repo == repo)

    def focus_first(self) -> bool:
        """Put the keyboard on the first card; return False where there is none."""
        if not self._cards:
            return False
        self._cards[0].setFocus()
        return True

    def _build(self) -> None:
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.browse_all = make_button(
            self.tr("Browse all models"),
            wrap=True,
            tooltip=self.tr("List every model of the Hub, the most popular first"),
        )
        title = make_label(self.tr("Good models to begin with"), "heading", wrap=True)
        self._column.addLayout(make_flow(title, 1, self.browse_all))
        self._grid = QGridLayout()
        self._column.addLayout(self._grid)
        self._column.addStretch(1)
        scrolled(self, inner, self.tr("Good models to begin with"))

    def _lay_out(self) -> None:
        room = self.viewport().width()
        columns = max(1, room // self._theme.px(_CARD_WIDTH))
        if columns == self._columns:
            return
        for column in range(self._columns):
            self._grid.setColumnStretch(column, 0)
        self._columns = columns
        for number, card in enumerate(self._cards):
            self._grid.addWidget(card, number // columns, number % columns)
        for column in range(columns):
            self._grid.setColumnStretch(column, 1)

    def _step(self, repo: str, step: int) -> None:
        number = next(n for n, card in enumerate(self._cards) if card.repo == repo)
        number += step if abs(step) == 1 else (step // 2) * max(1, self._columns)
        if 0 <= number < len(self._cards):
            self._cards[number].setFocus()
            self.ensureWidgetVisible(self._cards[number])

    def _apply_theme(self) -> None:
        px = self._theme.px
        self._column.setSpacing(px(12))
        self._grid.setSpacing(px(10))
        self._columns = 0
        self._lay_out()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()
