"""The card with the results, and the line that says that nothing is fetched."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout

from playground.ui.pages.hub.list_view import ResultListView
from playground.ui.pages.hub.view_models import ResultRow
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_button, make_card, make_label


class ResultPanel(QFrame):
    """Results, a bar while more are asked for, and what to do where the next page fails."""

    repo_chosen = Signal(str)
    opened = Signal()
    up_from_top = Signal()
    more_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setProperty("card", "true")
        self._build()
        self._connect()

    @property
    def rows(self) -> tuple[ResultRow, ...]:
        """What is listed."""
        return self._list.results.rows

    def show_results(self, rows: tuple[ResultRow, ...], *, has_more: bool) -> None:
        """List the first page of a search."""
        self._list.results.show_rows(rows, has_more=has_more)
        self._list.scrollToTop()

    def add_results(self, rows: tuple[ResultRow, ...], *, has_more: bool) -> None:
        """List the next page below."""
        self._list.results.add_rows(rows, has_more=has_more)

    def change_results(self, rows: tuple[ResultRow, ...]) -> None:
        """Say something else of what is listed."""
        self._list.results.change_rows(rows)

    def give_up(self) -> None:
        """Forget that more was asked for."""
        self._list.results.give_up()

    def show_more_failed(self, text: str) -> None:
        """Say that the next page did not come; empty: it did."""
        self._more_failed.setVisible(bool(text))
        self._more_failed_text.setText(text)

    def show_busy(self, *, is_busy: bool) -> None:
        """Say that the Hub is being asked; what was found before is pale meanwhile."""
        self._busy.setVisible(is_busy)
        self._list.setEnabled(not is_busy)

    def choose_first(self) -> None:
        """Put the keyboard on the first result."""
        self._list.choose_first()

    def mark(self, repo: str | None) -> None:
        """Make the open repository the current one."""
        self._list.choose(repo)

    def _build(self) -> None:
        px = self._theme.px
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(0)
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._busy.setAccessibleName(self.tr("Searching"))
        self._busy.hide()
        column.addWidget(self._busy)
        self._list = ResultListView(self._theme)
        column.addWidget(self._list, 1)
        self._more_failed = make_card("caution")
        row = QHBoxLayout(self._more_failed)
        row.setContentsMargins(px(12), px(6), px(6), px(6))
        self._more_failed_text = make_label(role="caption", wrap=True)
        self._again = make_button(
            self.tr("Try again"), tooltip=self.tr("Ask for the next models again")
        )
        row.addWidget(self._more_failed_text, 1)
        row.addWidget(self._again)
        self._more_failed.hide()
        column.addWidget(self._more_failed)

    def _connect(self) -> None:
        self._again.clicked.connect(self.more_wanted)
        self._list.repo_chosen.connect(self.repo_chosen)
        self._list.opened.connect(self.opened)
        self._list.up_from_top.connect(self.up_from_top)
        self._list.results.more_wanted.connect(self.more_wanted)


class OfflineBanner(QFrame):
    """Says that nothing is fetched, and offers to change that."""

    online_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        px = theme.px
        self.setProperty("card", "caution")
        row = QHBoxLayout(self)
        row.setContentsMargins(px(14), px(8), px(8), px(8))
        self._text = make_label(role="control", wrap=True)
        row.addWidget(self._text, 1)
        self._online = make_button(
            self.tr("Turn offline mode off"), tooltip=self.tr("Let this program ask the Hub again")
        )
        self._online.clicked.connect(self.online_asked)
        row.addWidget(self._online)
        self.hide()

    def show_words(self, words: str, *, can_turn_off: bool) -> None:
        """Say why nothing is fetched; nothing to say hides it."""
        self._text.setText(words)
        self._online.setVisible(can_turn_off)
        self.setVisible(bool(words))
