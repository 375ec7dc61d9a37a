"""The version a person is offered: how it would run here, why it, and the button that gets it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout

from playground.core.downloads import Download, DownloadState
from playground.core.requirements.model import Verdict
from playground.ui.pages.downloads.format import progress_words, state_words
from playground.ui.pages.hub.view_models import Opened, VersionRow
from playground.ui.pages.hub.words import expected_speed, version_badge
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.amounts import size_words
from playground.ui.widgets.badge import Badge
from playground.ui.widgets.basics import ElidedLabel, make_button, make_label
from playground.ui.widgets.tick_box import TickBox

_PERMILLE = 1000


class Offer(QFrame):
    """Shows the chosen version of an `Opened`; decides nothing."""

    download_asked = Signal(bool)
    """Whether what lets it see pictures is wanted as well."""
    compare_asked = Signal()
    downloads_asked = Signal()
    recommended_asked = Signal()
    """Back to the version that is recommended."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._wants_focus = False
        self.setProperty("card", "quiet")
        self._build()
        self._connect()

    def show_offer(self, opened: Opened) -> None:
        """Show the chosen version."""
        row = opened.row
        self.setVisible(row is not None)
        if row is None:
            return
        self._mark.setVisible(row.is_recommended and row.requirements is not None)
        badge = version_badge(row)
        is_open = row.verdict is None and row.problem is None and not row.file.missing_parts
        if is_open:
            badge = (self.tr("Checking…"), "quiet")
        self._badge.set_badge(*badge)
        speed = expected_speed(row)
        self._figure.setText(size_words(row.file.size_bytes))
        self._speed.setText("" if speed == "—" else speed)
        self._speed.setVisible(bool(self._speed.text()))
        self._reason.setText(self._reason_of(opened, row))
        names = [row.file.quantization, row.file.path]
        if len(row.file.parts) > 1:
            names.append(self.tr("{0} parts").format(len(row.file.parts)))
        self._caption.set_full_text(" · ".join(name for name in names if name))
        others = any(one.is_recommended for one in opened.rows)
        self._back.setVisible(others and not row.is_recommended)
        self._show_pictures(opened, row)
        self._show_state(row, is_locked=opened.is_locked)
        if self._wants_focus:
            self.focus_button()

    def _show_pictures(self, opened: Opened, row: VersionRow) -> None:
        projector = opened.repository.projector if opened.repository else None
        is_asked = projector is not None and row.here is None and row.download is None
        self._pictures.setVisible(is_asked)
        if projector is not None:
            size = size_words(projector.size_bytes)
            self._pictures.setText(
                self.tr("Also fetch what lets it see pictures ({0})").format(size)
            )

    def _reason_of(self, opened: Opened, row: VersionRow) -> str:
        if row.file.missing_parts:
            return self.tr("Parts of this version are missing on the Hub: it would not run.")
        if row.problem is not None:
            return row.problem
        if row.is_recommended and opened.reason:
            return opened.reason
        if row.verdict is None:
            return self.tr("Reading the first bytes of the file to see what it needs…")
        return {
            Verdict.RUNS_GREAT: self.tr("This version runs great on this computer."),
            Verdict.RUNS: self.tr("This version runs on this computer."),
            Verdict.SLOW: self.tr("This version runs on this computer, but slowly."),
            Verdict.WONT_FIT: self._too_large(row),
        }[row.verdict]

    def _too_large(self, row: VersionRow) -> str:
        needs = row.requirements
        if needs is None:
            return ""
        return self.tr("It needs ≈ {0} of memory, and {1} are free here now.").format(
            size_words(needs.need.needed_bytes), size_words(needs.free_bytes)
        )

    def _show_state(self, row: VersionRow, *, is_locked: bool) -> None:
        download = row.download
        is_here = row.here is not None
        is_coming = not is_here and download is not None and not download.state.is_over
        failed = not is_here and download is not None and download.state is DownloadState.FAILED
        had_focus = any(button.hasFocus() for button in (self._get, self._compare, self._show_all))
        self._compare.setVisible(is_here)
        self._get.setVisible(not is_here and not is_coming)
        self._get.setEnabled(not row.file.missing_parts and not is_locked)
        words = self.tr("Download {0}").format(size_words(row.file.size_bytes))
        if row.verdict is Verdict.WONT_FIT:
            words = self.tr("Download anyway")
        elif failed:
            words = self.tr("Try again")
        self._get.setText(words)
        self._get.setAccessibleName(words)
        self._show_all.setVisible(is_coming or bool(failed))
        self._bar.setVisible(is_coming)
        text, tone = "", "quiet"
        if is_here:
            text, tone = self.tr("It is on this computer, ready to run."), "here"
        elif download is not None and (is_coming or failed):
            text, tone = self._arriving(download)
        self._state.setText(text)
        self._state.setVisible(bool(text))
        set_role(self._state, "caption", tone)
        if had_focus:
            # the button that was pressed has made room for another
            self.focus_button()

    def _arriving(self, download: Download) -> tuple[str, str]:
        self._bar.setValue(download.permille)
        words, tone = state_words(download)
        if download.state in {DownloadState.RUNNING, DownloadState.PAUSED, DownloadState.WAITING}:
            words = f"{words} {progress_words(download)}"
        return words, tone

    def _build(self) -> None:
        px = self._theme.px
        column = QVBoxLayout(self)
        column.setContentsMargins(px(14), px(12), px(14), px(12))
        column.setSpacing(px(7))
        head = QHBoxLayout()
        head.setSpacing(px(8))
        self._mark = Badge(self._theme, self.tr("Recommended"), "accent")
        self._badge = Badge(self._theme)
        self._figure = make_label(role="figure")
        self._speed = make_label(role="control", tone="quiet")
        head.addWidget(self._mark)
        head.addWidget(self._badge)
        head.addStretch(1)
        column.addLayout(head)
        figures = QHBoxLayout()
        figures.setSpacing(px(8))
        figures.addWidget(self._figure, 0, Qt.AlignmentFlag.AlignBaseline)
        figures.addWidget(self._speed, 0, Qt.AlignmentFlag.AlignBaseline)
        figures.addStretch(1)
        column.addLayout(figures)
        self._reason = make_label(role="control", wrap=True)
        column.addWidget(self._reason)
        self._pictures = TickBox(
            self._theme, "", self.tr("A second file beside the model; it is needed for pictures")
        )
        column.addWidget(self._pictures)
        self._bar = QProgressBar()
        self._bar.setRange(0, _PERMILLE)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("How much has arrived"))
        column.addWidget(self._bar)
        self._state = make_label(role="caption", wrap=True)
        column.addWidget(self._state)
        buttons = QHBoxLayout()
        buttons.setSpacing(px(8))
        self._get = make_button("", kind="primary", tooltip=self.tr("Fetch it to this computer"))
        self._compare = make_button(
            self.tr("Try it"),
            kind="primary",
            tooltip=self.tr("Open the Compare page, where you can ask it something"),
        )
        self._show_all = make_button(
            self.tr("Show downloads"), tooltip=self.tr("Pause it, or see everything that arrives")
        )
        self._back = make_button(
            self.tr("Back to the recommended one"),
            kind="flat",
            tooltip=self.tr("Offer the version that suits this computer best"),
        )
        for button in (self._get, self._compare, self._show_all, self._back):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        self._caption = ElidedLabel(role="caption", tone="quiet")
        column.addWidget(self._caption)

    def _connect(self) -> None:
        self._get.clicked.connect(self.ask_download)
        self._compare.clicked.connect(self.compare_asked)
        self._show_all.clicked.connect(self.downloads_asked)
        self._back.clicked.connect(self.recommended_asked)

    def ask_download(self) -> None:
        """Do what the main button does: fetch it, or try it where it is here."""
        if self._compare.isVisibleTo(self):
            self.compare_asked.emit()
        elif self._get.isVisibleTo(self) and self._get.isEnabled():
            with_pictures = self._pictures.isVisibleTo(self) and self._pictures.isChecked()
            self.download_asked.emit(with_pictures)

    def focus_button(self) -> None:
        """Put the keyboard on the main button, as soon as there is one."""
        for button in (self._get, self._compare, self._show_all):
            if not self.isHidden() and button.isVisibleTo(self):
                button.setFocus(Qt.FocusReason.ShortcutFocusReason)
                self._wants_focus = False
                return
        self._wants_focus = True

    def forget_focus(self) -> None:
        """Leave the keyboard where it is, whatever is shown next."""
        self._wants_focus = False
