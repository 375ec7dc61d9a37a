"""What the Compare page shows before anything has been chosen."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from playground.ui.theme.theme import Theme
from playground.ui.widgets.badge import Badge
from playground.ui.widgets.basics import make_button, make_card, make_label


class EmptyState(QWidget):
    """Says what the page is for and offers the quickest way in."""

    try_clicked = Signal()
    choose_clicked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._build()
        self._try.clicked.connect(self.try_clicked)
        self._choose.clicked.connect(self.choose_clicked)

    @property
    def choose_button(self) -> QPushButton:
        """Where the list of models opens."""
        return self._choose

    def set_busy(self, doing: str | None) -> None:
        """Say what is being prepared; `None` where nothing is."""
        self._try.setEnabled(doing is None)
        self._choose.setEnabled(doing is None)
        self._note.setText(doing or self._note_text)

    def set_starter(self, *, available: bool) -> None:
        """Offer the one-click comparison only where its model is installed."""
        self._try.setVisible(available)
        if available:
            return
        self._note_text = self.tr(
            "There is no starter model here yet: add a folder of models or a provider, "
            "then choose from them."
        )
        self._note.setText(self._note_text)

    def _build(self) -> None:
        px = self._theme.px
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        card = make_card()
        card.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        outer.addWidget(card, 1)
        column = QVBoxLayout(card)
        column.setContentsMargins(px(28), px(28), px(28), px(28))
        column.setSpacing(px(14))
        column.addStretch(2)
        badges = QHBoxLayout()
        badges.addStretch(1)
        badges.addWidget(Badge(self._theme, self.tr("On this computer"), "here", "home"))
        badges.addWidget(make_label(self.tr("or"), "control", "quiet"))
        badges.addWidget(Badge(self._theme, self.tr("In the cloud"), "cloud", "cloud"))
        badges.addStretch(1)
        column.addLayout(badges)
        for text, role, tone in (
            (self.tr("Ask once, see every answer side by side"), "title", None),
            (
                self.tr(
                    "Which is faster, what does it cost, and do your words leave the house? "
                    "Try it with your own question."
                ),
                "body",
                "quiet",
            ),
        ):
            label = make_label(text, role, tone, wrap=True)
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label)
        row = QHBoxLayout()
        row.addStretch(1)
        self._try = make_button(
            self.tr("Try it: a model here against the practice cloud"),
            kind="primary",
            tooltip=self.tr(
                "Compares the small starter model with a practice cloud that runs on this "
                "computer: no account, no key, nothing leaves the house."
            ),
        )
        self._choose = make_button(
            self.tr("Choose models yourself"), tooltip=self.tr("See everything you can compare")
        )
        row.addWidget(self._try)
        row.addWidget(self._choose, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)
        row.setSpacing(px(10))
        column.addLayout(row)
        self._note_text = self.tr("One click, no account. Everything stays on this computer.")
        self._note = make_label(self._note_text, "caption", "quiet", wrap=True)
        self._note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(self._note)
        column.addStretch(3)
