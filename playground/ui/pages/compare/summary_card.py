"""The line in plain words under the answers, and the vote beside it."""

import re

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from playground.core.runs import Verdict
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.basics import make_button, make_label


class SummaryCard(QFrame):
    """Shows what the figures say and asks what the person says."""

    tie_clicked = Signal()
    none_clicked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._build()
        self._tie.clicked.connect(self.tie_clicked)
        self._none.clicked.connect(self.none_clicked)

    def set_line(self, html: str) -> None:
        """Show the line; `html` holds only our own marks, names in it are escaped."""
        # an estimate and its sign stay in one line, and so do a number and its unit
        self._line.setText(re.sub(r"(?<=≈) |(?<=\d) (?=s\b|min\b)", "&nbsp;", html))
        self._line.setVisible(bool(html))

    def set_vote(self, *, offered: bool, verdict: Verdict | None = None, said: str = "") -> None:
        """Offer tie and none; `said` is what stands there once the person has chosen."""
        self._question.setText(
            said or self.tr("Which answer is better? Press “This one” under it, or:")
        )
        self._question.setVisible(offered or bool(said))
        for button, meaning in ((self._tie, Verdict.TIE), (self._none, Verdict.NONE_GOOD)):
            button.setVisible(offered)
            button.setChecked(verdict is meaning)

    def _build(self) -> None:
        self.setProperty("card", "true")
        px = self._theme.px
        column = QVBoxLayout(self)
        column.setContentsMargins(px(16), px(11), px(14), px(11))
        column.setSpacing(px(6))
        self._line = QLabel()
        self._line.setTextFormat(Qt.TextFormat.RichText)
        self._line.setWordWrap(True)
        self._line.setOpenExternalLinks(False)
        self._line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        set_role(self._line, "body")
        column.addWidget(self._line)
        row = QHBoxLayout()
        row.setSpacing(px(8))
        self._question = make_label("", "body")
        self._tie = make_button(
            self.tr("Tie"), tooltip=self.tr("Say that the best answers are equally good")
        )
        self._none = make_button(
            self.tr("None is good"), tooltip=self.tr("Say that no answer is good enough")
        )
        row.addWidget(self._question)
        for button in (self._tie, self._none):
            button.setCheckable(True)
            button.setProperty("small", True)
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
