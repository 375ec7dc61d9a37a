"""The Downloads page: a card for each download, in the order they are fetched."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from playground.core.downloads import Download, DownloadState
from playground.ui.pages.downloads.format import ACTIVE, IN_LINE, progress_words, state_words
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.basics import (
    Badge,
    ElidedLabel,
    IconButton,
    make_button,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.empty_state import EmptyState
from playground.ui.widgets.inputs import ComboBox
from playground.ui.widgets.layouts import (
    NO_MARGINS,
    make_column,
    make_flow,
    make_row,
    make_scroll_area,
)
from playground.ui.window.page import Page

_PERMILLE = 1000


class DownloadCard(QFrame):
    """Shows one `Download`; decides nothing.

    `asked` gets the download's id and `pause`, `resume`, `retry`, `cancel`, `undo`, `remove`, `up`,
    `down`, `compare` or `folder`.
    """

    step = Signal(str, int)
    """The keyboard goes to the card above (-1) or below (1) the one with this id."""

    def __init__(self, theme: Theme, asked: Callable[[str, str], None]) -> None:
        super().__init__()
        self._theme = theme
        self._asked = asked
        self._download: Download | None = None
        self._is_leaving = False
        self.setProperty("card", "true")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._build()
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def show_download(
        self, download: Download, *, can_rise: bool, can_fall: bool, is_leaving: bool
    ) -> None:
        """Show a download as it is now; `is_leaving`: cancelled, and Undo is still offered.

        `can_rise` and `can_fall`: another one that waits comes before or after it.
        """
        if self._download is None or self._download.state is not download.state:
            self._download = download
            self._apply_theme()
        self._download = download
        self._is_leaving = is_leaving
        self._name.set_full_text(download.title)
        self._kind.set_badge(download.quantization or "")
        self._kind.setVisible(bool(download.quantization))
        self._repo.set_full_text(download.repo)
        self._repo.setToolTip(plain_tooltip("\n".join(part.path for part in download.parts)))
        words, tone = state_words(download)
        if is_leaving:
            words = self.tr("Cancelled. What has arrived is deleted in a few seconds.")
            tone = "caution"
        self._state.setText(words)
        set_role(self._state, "caption", tone)
        self._notice.setText(download.notice or "")
        self._notice.setVisible(bool(download.notice) and not is_leaving)
        self._amount.setText(progress_words(download))
        self._amount.setToolTip(
            self.tr("{0} of {1} bytes").format(
                f"{download.received_bytes:,}", f"{download.total_bytes:,}"
            )
        )
        self._bar.setValue(download.permille)
        has_bar = download.state not in {DownloadState.DONE, DownloadState.ELSEWHERE}
        self._bar.setVisible(has_bar and not is_leaving)
        self.setAccessibleName(f"{download.title}, {words} {self._amount.text()}")
        self._show_buttons(download, can_rise=can_rise, can_fall=can_fall, is_leaving=is_leaving)

    def _show_buttons(
        self, download: Download, *, can_rise: bool, can_fall: bool, is_leaving: bool
    ) -> None:
        state = download.state
        is_over = state.is_over
        shown = {
            "pause": state in ACTIVE and state is not DownloadState.VERIFYING,
            "resume": state is DownloadState.PAUSED,
            "retry": state is DownloadState.FAILED,
            "compare": state is DownloadState.DONE,
            "folder": state is DownloadState.DONE,
            "up": can_rise,
            "down": can_fall,
            "cancel": not is_over and state is not DownloadState.ELSEWHERE,
            "remove": is_over,
        }
        for action, button in self._buttons.items():
            wanted = action == "undo" if is_leaving else shown.get(action, False)
            if button.isVisibleTo(self) and not wanted and button.hasFocus():
                # the keyboard stays with this download
                self.setFocus()
            button.setVisible(wanted)
            button.setAccessibleName(button.property("words").format(download.title))
        for action in ("up", "down"):
            # where only one way leads on, the other arrow keeps its place
            policy = self._buttons[action].sizePolicy()
            policy.setRetainSizeWhenHidden(can_rise or can_fall)
            self._buttons[action].setSizePolicy(policy)

    def _build(self) -> None:
        px = self._theme.px
        self._icon = QLabel()
        self._name = ElidedLabel(role="heading")
        self._kind = Badge(self._theme)
        self._kind.setToolTip(self.tr("How strongly the model's numbers are rounded"))
        self._repo = ElidedLabel(role="caption", tone="quiet")
        self._amount = make_label(role="caption", tone="quiet")
        self._bar = QProgressBar()
        self._bar.setRange(0, _PERMILLE)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("How much has arrived"))
        self._state = make_label(role="caption", wrap=True)
        self._notice = make_label(role="caption", tone="caution", wrap=True)
        top = Qt.AlignmentFlag.AlignTop
        words = QWidget()
        column = make_column(
            make_flow((self._name, 1), self._kind, (self._repo, 1)),
            self._bar,
            make_flow((self._state, 1), self._amount, spacing=px(14)),
            self._notice,
            spacing=px(5),
        )
        make_row((self._icon, top), (column, 1), parent=words, margins=NO_MARGINS, spacing=px(12))
        buttons = QWidget()
        flow = make_flow((words, 1), 1, buttons, parent=self, spacing=px(12))
        flow.setContentsMargins(px(16), px(12), px(12), px(12))
        self._build_buttons(make_row(parent=buttons, margins=NO_MARGINS))

    def _build_buttons(self, row: QHBoxLayout) -> None:
        tr = self.tr
        self._buttons = {
            "compare": make_button(
                tr("Try it"), tooltip=tr("Open the Compare page, where you can ask it something")
            ),
            "retry": make_button(tr("Try again"), tooltip=tr("Fetch it once more")),
            "undo": make_button(tr("Undo"), tooltip=tr("Keep this download")),
            "resume": make_button(tr("Resume"), tooltip=tr("Go on where it stopped (Space)")),
            "pause": IconButton(self._theme, "pause", tr("Pause (Space)")),
            "up": IconButton(self._theme, "up", tr("Fetch this one earlier (Alt+Up)")),
            "down": IconButton(self._theme, "down", tr("Fetch this one later (Alt+Down)")),
            "folder": IconButton(self._theme, "folder", tr("Show the file in its folder")),
            "cancel": IconButton(self._theme, "close", tr("Cancel (Delete)")),
            "remove": IconButton(
                self._theme, "close", tr("Take it off this list; the file stays (Delete)")
            ),
        }
        words = {
            "compare": tr("Try {0}"),
            "retry": tr("Try again: {0}"),
            "undo": tr("Undo: keep {0}"),
            "resume": tr("Resume {0}"),
            "pause": tr("Pause {0}"),
            "up": tr("Fetch {0} earlier"),
            "down": tr("Fetch {0} later"),
            "folder": tr("Show {0} in its folder"),
            "cancel": tr("Cancel {0}"),
            "remove": tr("Take {0} off the list"),
        }
        for action, button in self._buttons.items():
            button.setProperty("action", action)
            button.setProperty("words", words[action])
            button.clicked.connect(self._on_clicked)
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)

    def _on_clicked(self) -> None:
        self._ask(self.sender().property("action"))

    def _ask(self, action: str) -> None:
        button = self._buttons[action]
        if self._download is not None and button.isVisibleTo(self) and button.isEnabled():
            self._asked(self._download.id, action)

    def _apply_theme(self) -> None:
        state = None if self._download is None else self._download.state
        name, tone = "download", "accent"
        if state is DownloadState.DONE:
            name, tone = "done", "local"
        elif state is DownloadState.FAILED:
            name, tone = "warning", "bad"
        elif state is DownloadState.PAUSED:
            name, tone = "pause", "quiet"
        side = self._theme.px(22)
        self._icon.setPixmap(self._theme.icon(name, tone).pixmap(QSize(side, side)))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        # space pauses, Delete cancels, Alt and arrows change the order
        key, is_alt = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if self._download is None:
            return
        if key in {Qt.Key.Key_Up, Qt.Key.Key_Down}:
            way = -1 if key == Qt.Key.Key_Up else 1
            if is_alt:
                self._ask("up" if way < 0 else "down")
            else:
                self.step.emit(self._download.id, way)
            return
        actions = {
            int(Qt.Key.Key_Space): ("pause", "resume"),
            int(Qt.Key.Key_Return): ("compare", "retry", "resume"),
            int(Qt.Key.Key_Enter): ("compare", "retry", "resume"),
            int(Qt.Key.Key_Delete): ("cancel", "remove"),
        }.get(key)
        if actions is None:
            super().keyPressEvent(event)
            return
        for action in actions:
            if self._buttons[action].isVisibleTo(self):
                self._ask(action)
                return

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        # draw the card, and a ring where the keyboard is
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(self._theme.color("accent"), 2))
            radius = self._theme.px(13)
            painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), radius, radius)


_MB = 1_000_000
LIMITS = (None, 1 * _MB, 2 * _MB, 5 * _MB, 10 * _MB, 25 * _MB)
"""Bandwidths on offer, in bytes per second; `None` is no limit."""


class DownloadsPage(Page):
    """Shows downloads; decides nothing."""

    asked = Signal(str, str)
    """A download's id, and what a person wants: see `DownloadCard`."""
    pause_all_asked = Signal()
    resume_all_asked = Signal()
    clear_asked = Signal()
    """Take what is over off the list."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._cards: dict[str, DownloadCard] = {}
        self._build()
        theme.changed.connect(self._apply_theme)
        self._clear.clicked.connect(self.clear_asked)
        self._pause_all.clicked.connect(self.pause_all_asked)
        self._resume_all.clicked.connect(self.resume_all_asked)
        self._apply_theme()

    def show_downloads(self, downloads: tuple[Download, ...], leaving: frozenset[str]) -> None:
        """Show a card for each; ids in `leaving` are cancelled and can still be kept."""
        ids = [download.id for download in downloads]
        for gone in [key for key in self._cards if key not in ids]:
            self._cards[gone].hide()
            self._cards.pop(gone).deleteLater()
        in_line = [
            download.id
            for download in downloads
            if download.state in IN_LINE and download.id not in leaving
        ]
        for place, download in enumerate(downloads):
            card = self._cards.get(download.id)
            if card is None:
                card = DownloadCard(self._theme, self.asked.emit)
                card.step.connect(self._on_step)
                self._cards[download.id] = card
            if self._list.indexOf(card) != place:
                self._list.removeWidget(card)
                self._list.insertWidget(place, card)
            card.show_download(
                download,
                can_rise=download.id in in_line[1:],
                can_fall=download.id in in_line[:-1],
                is_leaving=download.id in leaving,
            )
        self._stack.setCurrentIndex(0 if downloads else 1)
        states = [download.state for download in downloads]
        active = sum(state in ACTIVE for state in states)
        to_go = sum(not one.state.is_over and one.id not in leaving for one in downloads)
        self._count.set_badge(self.tr("{0} to go").format(to_go))
        self._count.setVisible(to_go > 0)
        self._pause_all.setVisible(active > 0)
        self._resume_all.setVisible(DownloadState.PAUSED in states)
        self._clear.setVisible(DownloadState.DONE in states)

    def show_limit(self, limit_bytes_per_s: int | None) -> None:
        words, none = self.tr("At most {0} MB/s"), self.tr("No speed limit")
        self.limit.set_choices(
            [
                (none if limit is None else words.format(f"{limit / _MB:g}"), limit)
                for limit in dict.fromkeys((*LIMITS, limit_bytes_per_s))
            ]
        )
        self.limit.choose(limit_bytes_per_s)

    def _on_step(self, download_id: str, way: int) -> None:
        place = self._list.indexOf(self._cards[download_id]) + way
        item = self._list.itemAt(place) if 0 <= place < self._list.count() else None
        card = item.widget() if item is not None else None
        if card is not None:
            card.setFocus()
            self._scroll.ensureWidgetVisible(card)

    def _build(self) -> None:
        self._head.addWidget(make_label(self.tr("Downloads"), "title", wrap=True))
        self._count = Badge(self._theme)
        self._count.hide()
        self._head.addWidget(self._count)
        self._head.addStretch(1)
        self.limit = ComboBox(self._theme, self.tr("Speed limit of all downloads together"))
        """Chooses the bandwidth limit, in bytes per second; `None` is no limit."""
        self.limit.setToolTip(self.tr("Leave some of the connection to other programs"))
        self._clear = make_button(
            self.tr("Clear finished"),
            tooltip=self.tr("Take what is done off this list; the files stay"),
        )
        self._resume_all = make_button(
            self.tr("Resume all"), tooltip=self.tr("Go on with everything that is paused")
        )
        self._pause_all = make_button(
            self.tr("Pause all"), tooltip=self.tr("Stop for now; what has arrived is kept")
        )
        for widget in (self.limit, self._clear, self._resume_all, self._pause_all):
            self._head.addWidget(widget)
        self._list = QVBoxLayout()
        body = QWidget()
        make_column(self._list, 1, parent=body, margins=NO_MARGINS)
        self._scroll = make_scroll_area(body, self.tr("Downloads"))
        self.empty = EmptyState(
            self._theme,
            "downloads",
            self.tr("Nothing is being downloaded"),
            self.tr(
                "Models you fetch appear here while they arrive. You can pause them, close the "
                "program and go on later: nothing is lost."
            ),
            self.tr("Get models"),
        )
        """What is shown while there is no download."""
        self._stack = QStackedWidget()
        self._stack.addWidget(self._scroll)
        self._stack.addWidget(self.empty)
        self._stack.setCurrentIndex(1)
        self._column.addWidget(self._stack, 1)
        for button in (self._clear, self._resume_all, self._pause_all):
            button.hide()

    def _apply_theme(self) -> None:
        px = self._theme.px
        self._list.setSpacing(px(10))

    def focus_first(self) -> None:
        item = self._list.itemAt(0)
        first = item.widget() if item is not None else None
        if first is not None:
            first.setFocus()
        else:
            self.limit.setFocus()
