"""“Your votes”: how each target fared."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QStackedLayout, QWidget
from typing_extensions import override

from playground.store.history import VoteCount
from playground.ui.format import PLACE_LOOKS
from playground.ui.theme.theme import Theme
from playground.ui.widgets.bars import paint_segments
from playground.ui.widgets.basics import (
    Badge,
    ElidedLabel,
    clear_layout,
    make_card,
    make_label,
    make_line,
    plain_tooltip,
)
from playground.ui.widgets.empty_state import EmptyState
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_row, make_scroll_area


class VotesView(QWidget):
    """One line a target, the one with the most wins first."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._counts: tuple[VoteCount, ...] = ()
        self._build()

    def show_votes(self, counts: Sequence[VoteCount]) -> None:
        if tuple(counts) == self._counts:
            return
        self._counts = tuple(counts)
        clear_layout(self._body)
        for number, count in enumerate(counts):
            if number:
                self._rows.addWidget(make_line())
            self._rows.addWidget(VoteLine(self._theme, count))
        filler = QWidget()
        filler.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._rows.addWidget(filler)
        self._pages.setCurrentIndex(1 if counts else 0)

    def _build(self) -> None:
        self._pages = QStackedLayout(self)
        self.empty = EmptyState(
            self._theme,
            "vote",
            self.tr("No votes yet"),
            self.tr(
                "Under each answer of a comparison is a button “This one”. Whenever you use it, "
                "or say that there is a tie or that none is good, it is counted here."
            ),
            self.tr("Show my comparisons"),
        )
        empty_card = make_card()
        make_column(self.empty, parent=empty_card)
        self._body = QWidget()
        self._rows = make_column(parent=self._body, margins=NO_MARGINS, spacing=0)
        scroll = make_scroll_area(self._body, self.tr("Your votes"))
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.viewport().setAutoFillBackground(False)
        card = make_card()
        make_column(scroll, parent=card)
        self._pages.addWidget(empty_card)
        self._pages.addWidget(card)


class VoteLine(QWidget):
    """A target's name, its wins as a figure, and all its votes as a bar."""

    def __init__(self, theme: Theme, count: VoteCount) -> None:
        super().__init__()
        tone, icon = PLACE_LOOKS[count.place]
        words = self._words(count)
        self.setAccessibleName(f"{count.label}: {words}")
        px = theme.px
        wins = make_label(str(count.wins), "figure", "local" if count.wins else "quiet")
        wins.setMinimumWidth(px(40))
        wins.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        label = ElidedLabel(count.label, "strong")
        label.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        place = Badge(
            theme,
            *(count.provider or self.tr("On this computer"), tone, icon),
        )
        column = make_column(
            make_row(label, place, 1, spacing=px(8)),
            make_label(words, "caption", "quiet", wrap=True),
            _VoteBar(theme, count, words),
            spacing=px(5),
        )
        margins = (px(12), px(12), px(12), px(12))
        make_row(wins, (column, 1), parent=self, margins=margins, spacing=px(14))

    def _words(self, count: VoteCount) -> str:
        judged = count.wins + count.ties + count.none_good + count.losses
        parts = [
            self.tr("better in {wins} of {all}").format(wins=count.wins, all=judged),
            self.tr("tie in {0}").format(count.ties) if count.ties else "",
            self.tr("none was good in {0}").format(count.none_good) if count.none_good else "",
            self.tr("another was better in {0}").format(count.losses) if count.losses else "",
        ]
        return " · ".join(part for part in parts if part)


class _VoteBar(QWidget):
    """Wins, ties and the rest as parts of one bar."""

    def __init__(self, theme: Theme, count: VoteCount, words: str) -> None:
        super().__init__()
        self._theme = theme
        self._count = count
        self.setToolTip(plain_tooltip(words))
        self.setAccessibleName(words)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(theme.px(640))

    @override
    def sizeHint(self) -> QSize:
        return QSize(80, self._theme.px(6))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        count = self._count
        judged = max(1, count.wins + count.ties + count.none_good + count.losses)
        segments = ((count.wins / judged, "local"), (count.ties / judged, "loading"))
        paint_segments(self, self._theme, segments)
