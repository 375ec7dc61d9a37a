"""“Your votes”: how each target fared."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QSizePolicy, QStackedLayout, QWidget
from typing_extensions import override

from playground.core.leaderboard import Standing
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
    """One line a target, the best group first."""

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
                "or say that there is a tie or that none is good, it is counted here; thumbs are "
                "counted beside it."
            ),
            self.tr("Show my comparisons"),
        )
        empty_card = make_card()
        make_column(self.empty, parent=empty_card)
        self._body = QWidget()
        self._rows = make_column(parent=self._body, margins=NO_MARGINS, spacing=0)
        card = make_card()
        explained = make_label(
            self.tr(
                "From your votes alone: right answers are counted on Tests, and votes that came "
                "with a recording were cast elsewhere. A dot is what you chose so far, a bar where "
                "it may end up; where bars overlap much, the lead may be luck."
            ),
            "caption",
            "quiet",
            wrap=True,
        )
        scrolled = QWidget()
        make_column(explained, (self._body, 1), parent=scrolled, margins=NO_MARGINS)
        scroll = make_scroll_area(scrolled, self.tr("Your votes"))
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.viewport().setAutoFillBackground(False)
        make_column(scroll, parent=card)
        self._pages.addWidget(empty_card)
        self._pages.addWidget(card)


class VoteLine(QWidget):
    """A target's name, how often it won, what that says, and its range as a bar."""

    def __init__(self, theme: Theme, count: VoteCount) -> None:
        super().__init__()
        tone, icon = PLACE_LOOKS[count.place]
        words, missing = self._words(count.standing), self._place_words(count.standing)
        thumbs = self._thumb_words(count)
        self.setAccessibleName(f"{count.label}: {words}. {missing}. {thumbs}".strip(" ."))
        px = theme.px
        label = ElidedLabel(count.label, "strong")
        label.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        place = Badge(
            theme,
            *(count.provider or self.tr("On this computer"), tone, icon),
        )
        standing = make_label(missing, "caption", wrap=True)
        standing.setToolTip(plain_tooltip(self._exact(count.standing)))
        column = make_column(
            make_row(label, place, 1, spacing=px(8)),
            make_label(words, wrap=True),
            spacing=px(5),
            parent=self,
            margins=(px(12), px(12), px(12), px(12)),
        )
        if count.standing.interval is not None:
            column.addWidget(_RangeBar(theme, count.standing, tone))
            said = self._range_words(count.standing)
            column.addWidget(make_label(said, "caption", "quiet", wrap=True))
        column.addWidget(standing)
        if thumbs:
            given = make_label(thumbs, "caption", "quiet", wrap=True)
            given.setToolTip(
                self.tr(
                    "What you said of single answers. It changes no place, and what came with a "
                    "recording is not counted."
                )
            )
            column.addWidget(given)

    def _words(self, standing: Standing) -> str:
        decided = standing.wins + standing.losses
        won = self.tr("{wins} of {all} won").format(wins=standing.wins, all=decided)
        parts = [
            won if decided else "",
            self.tr("tie in {0}").format(standing.ties) if standing.ties else "",
            self.tr("none was good in {0}").format(standing.none_good)
            if standing.none_good
            else "",
        ]
        return " · ".join(part for part in parts if part) or self.tr("no votes yet")

    def _thumb_words(self, count: VoteCount) -> str:
        said = (
            (self.tr("{0} up"), count.thumbs_up),
            (self.tr("{0} down"), count.thumbs_down),
        )
        counted = ", ".join(words.format(times) for words, times in said if times)
        return self.tr("Thumbs: {0}").format(counted) if counted else ""

    def _range_words(self, standing: Standing) -> str:
        decided = standing.wins + standing.losses
        low, high = (round(100 * end) for end in standing.interval or (0.0, 1.0))
        said = self.tr("Between {0} and {1} of 100, as far as {2} votes can tell")
        if decided == 1:
            said = self.tr("Between {0} and {1} of 100, as far as 1 vote can tell")
        return said.format(low, high, decided)

    def _place_words(self, standing: Standing) -> str:
        """Return where it stands among the others, or what is missing for that."""
        if standing.missing_votes == 1:
            return self.tr("1 more vote until its place can be told")
        if standing.missing_votes:
            return self.tr("{0} more votes until its place can be told").format(
                standing.missing_votes
            )
        if standing.tier is None:
            return self.tr("Not compared with the others yet, so it has no place among them")
        if standing.tier == 0:
            return self.tr("Top group: nobody is clearly better")
        return self.tr("Group {0}: clearly behind the best of the group before").format(
            standing.tier + 1
        )

    def _exact(self, standing: Standing) -> str:
        if standing.strength is None or standing.strength_interval is None:
            return ""
        low, high = standing.strength_interval
        return self.tr(
            "Strength {0} (95 % {1} … {2}), by Bradley and Terry: natural logarithm of the odds, "
            "0 is the average. From {3} votes."
        ).format(f"{standing.strength:+.2f}", f"{low:+.2f}", f"{high:+.2f}", standing.votes)


class _RangeBar(QWidget):
    """Where the share of wins may end up, from 0 to 100 of 100, and where it stands."""

    def __init__(self, theme: Theme, standing: Standing, tone: str) -> None:
        super().__init__()
        self._theme, self._tone = theme, tone
        self._ends = standing.interval or (0.0, 1.0)
        self._share = standing.wins / max(1, standing.wins + standing.losses)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(theme.px(640))

    @override
    def sizeHint(self) -> QSize:
        return QSize(80, self._theme.px(10))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        low, high = self._ends
        paint_segments(self, self._theme, ((low, "track"), (high - low, self._tone)))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = 2 * self._theme.scale
        painter.setPen(QPen(self._theme.color(self._tone), pen))
        painter.setBrush(self._theme.color("card"))
        side = self.height() - pen
        left = pen / 2 + self._share * (self.width() - self.height())
        painter.drawEllipse(QRectF(left, pen / 2, side, side))
