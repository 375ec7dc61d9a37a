"""The pane beside the list: one repository, the version to take, and its model card."""

import re
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QListView,
    QProgressBar,
    QScrollArea,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from playground.core.downloads import Download, DownloadState
from playground.core.gguf.naming import name_from_repository
from playground.core.hub import Gate
from playground.core.requirements.model import Compatibility
from playground.ui.format import exact_bytes, parameters_words, size_words
from playground.ui.pages.downloads.format import progress_words, state_words
from playground.ui.pages.hub import view_models as words
from playground.ui.pages.hub.results import ROW_ROLE, Index
from playground.ui.pages.hub.view_models import (
    RepositoryState,
    VersionRow,
    expected_speed,
    version_badge,
)
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.basics import (
    Badge,
    Disclosure,
    ElidedLabel,
    make_button,
    make_card,
    make_label,
    make_line,
    plain_tooltip,
)
from playground.ui.widgets.flow_layout import FlowLayout
from playground.ui.widgets.inputs import CheckBox
from playground.ui.widgets.lists import paint_chip, paint_ground, paint_text, row_rect
from playground.ui.widgets.markdown.view import MarkdownView
from playground.ui.widgets.requirements_card import RequirementBox

_PERMILLE = 1000


class RecommendedVersion(QFrame):
    """Shows the chosen version of an `RepositoryState`; decides nothing."""

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

    def show_offer(self, opened: RepositoryState) -> None:
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

    def _show_pictures(self, opened: RepositoryState, row: VersionRow) -> None:
        projector = opened.repository.projector if opened.repository else None
        is_asked = projector is not None and row.here is None and row.download is None
        self._pictures.setVisible(is_asked)
        if projector is not None:
            size = size_words(projector.size_bytes)
            self._pictures.setText(
                self.tr("Also fetch what lets it see pictures ({0})").format(size)
            )

    def _reason_of(self, opened: RepositoryState, row: VersionRow) -> str:
        if row.file.missing_parts:
            return self.tr("Parts of this version are missing on the Hub: it would not run.")
        if row.problem is not None:
            return row.problem
        if row.is_recommended and opened.reason:
            return opened.reason
        if row.verdict is None:
            return self.tr("Reading the first bytes of the file to see what it needs…")
        return {
            Compatibility.RUNS_GREAT: self.tr("This version runs great on this computer."),
            Compatibility.RUNS: self.tr("This version runs on this computer."),
            Compatibility.SLOW: self.tr("This version runs on this computer, but slowly."),
            Compatibility.WONT_FIT: self._too_large(row),
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
        if row.verdict is Compatibility.WONT_FIT:
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
        self._pictures = CheckBox(
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


_MOST_LINES = 8
"""From there on the list scrolls by itself."""


class VersionListModel(QAbstractListModel):
    """The files of a repository, the smallest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[VersionRow, ...] = ()

    def show_rows(self, rows: Sequence[VersionRow]) -> None:
        """Show `rows`; where the same files stay, only what changed is drawn again."""
        rows = tuple(rows)
        if [row.file.path for row in rows] != [row.file.path for row in self._rows]:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
            return
        before, self._rows = self._rows, rows
        for number, row in enumerate(rows):
            if row != before[number]:
                index = self.index(number, 0)
                self.dataChanged.emit(index, index)

    def index_of(self, path: str | None) -> QModelIndex:
        """Return where a file is; an invalid index where it is not."""
        for number, row in enumerate(self._rows):
            if row.file.path == path:
                return self.index(number, 0)
        return QModelIndex()

    @override
    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return size_words(row.file.size_bytes)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            parts = [
                size_words(row.file.size_bytes),
                row.file.quantization or "",
                words.version_badge(row)[0].replace("…", self.tr("not known yet")),
                words.version_state(row),
                self.tr("Recommended") if row.is_recommended else "",
            ]
            return ", ".join(part for part in parts if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            names = "\n".join(part.path for part in row.file.parts)
            return plain_tooltip(f"{names}\n{exact_bytes(row.file.size_bytes)}")
        return None


class VersionDelegate(QStyledItemDelegate):
    """Size and verdict; below them the quantization and the speed to expect."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    @override
    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        strong, small = self._heights()
        return QSize(self._theme.px(120), strong + small + self._theme.px(8 * 2 + 3))

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: VersionRow = index.data(ROW_ROLE)
        theme, px = self._theme, self._theme.px
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_ground(theme, painter, option)
        strong, small = self._heights()
        inner = row_rect(option).adjusted(px(12), px(8), -px(10), -px(8))
        middle = inner.top() + (strong + small + px(3)) // 2
        right = inner.right()
        right = paint_chip(theme, painter, *words.version_badge(row), right=right, middle=middle)
        if row.is_recommended and row.requirements is not None:
            text = self.tr("Recommended")
            right = paint_chip(theme, painter, text, "accent", right=right - px(6), middle=middle)
        room = right - px(8) - inner.left()
        line = QRect(inner.left(), inner.top(), room, strong)
        paint_text(theme, painter, line, size_words(row.file.size_bytes), role="numbers")
        line = QRect(inner.left(), line.bottom() + px(3), room, small)
        tone = "here" if row.here is not None else "quiet"
        paint_text(theme, painter, line, self._caption(row), role="caption", tone=tone)
        painter.restore()

    def _caption(self, row: VersionRow) -> str:
        parts = (row.file.quantization, words.version_state(row))
        return " · ".join(part for part in parts if part and part != "—")

    def _heights(self) -> tuple[int, int]:
        theme = self._theme
        return (
            QFontMetrics(theme.font("numbers")).height(),
            QFontMetrics(theme.font("caption")).height(),
        )


class VersionList(QListView):
    """As high as its lines, up to a few of them; one is chosen."""

    version_chosen = Signal(str)
    """Path of the file a person has chosen."""
    download_asked = Signal()
    """Enter or a double click on the chosen one."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._versions = VersionListModel(self)
        self.setItemDelegate(VersionDelegate(theme, self))
        self.setModel(self._versions)
        self.setUniformItemSizes(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(self.tr("All versions"))
        self.activated.connect(self._on_activated)
        theme.changed.connect(self._fit)

    def show_rows(self, rows: Sequence[VersionRow], chosen: str | None) -> None:
        """List files; only a person's own choice is told."""
        self._versions.show_rows(rows)
        index = self._versions.index_of(chosen)
        if index.isValid() and index != self.currentIndex():
            selection = self.selectionModel()
            selection.blockSignals(True)
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            selection.blockSignals(False)
            self.viewport().update()
        self._fit()

    @override
    def currentChanged(
        self,
        current: QModelIndex | QPersistentModelIndex,
        previous: QModelIndex | QPersistentModelIndex,
    ) -> None:
        super().currentChanged(current, previous)
        if current.isValid():
            self.version_chosen.emit(current.data(ROW_ROLE).file.path)

    def _on_activated(self, _index: Index) -> None:
        self.download_asked.emit()

    def _fit(self) -> None:
        self.doItemsLayout()
        lines = min(_MOST_LINES, self._versions.rowCount())
        self.setFixedHeight(max(1, lines * self.sizeHintForRow(0)) if lines else 1)


# Makes a model card readable where no HTML is: cards are full of it, and of pictures.
#
# What is shown is safe without this (`MarkdownView` shows HTML as text and fetches nothing); this
# takes away what a reader would stumble over. Every step is linear in the length of the card.


LONGEST = 12_000
"""Characters of a model card that are shown; the rest is on its page."""
_MOST_READ = 60_000
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>")
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6])\s*/?>", re.IGNORECASE)
_PICTURE = re.compile(r"\[?!\[[^\[\]]{0,500}\]\([^()\s]{0,2000}\)(?:\]\([^()\s]{0,2000}\))?")
_BLANK = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")


def readable(markdown: str) -> tuple[str, bool]:
    """Return a card without pictures, tags and comments, and whether that is all of it."""
    pieces: list[str] = []
    lines: list[str] = []
    is_code = False
    for line in _without_comments(markdown[:_MOST_READ]).splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            pieces.append(_prose(lines) if not is_code else "\n".join(lines))
            pieces.append(line)
            lines = []
            is_code = not is_code
        else:
            lines.append(line)
    pieces.append("\n".join(lines) if is_code else _prose(lines))
    whole = _BLANK.sub("\n\n", "\n".join(pieces)).strip()
    text = whole[:LONGEST]
    if len(whole) > LONGEST:
        text = text.rpartition("\n\n")[0] or text
    return text, len(text) == len(whole) and len(markdown) <= _MOST_READ


def _prose(lines: list[str]) -> str:
    text = _PICTURE.sub("", "\n".join(lines))
    return _TAG.sub("", _BREAK.sub("\n", text))


def _without_comments(text: str) -> str:
    kept: list[str] = []
    at = 0
    while True:
        start = text.find("<!--", at)
        if start < 0:
            kept.append(text[at:])
            return "".join(kept)
        kept.append(text[at:start])
        end = text.find("-->", start + 4)
        if end < 0:
            return "".join(kept)
        at = end + 3


class RepositoryDetails(QScrollArea):
    """Shows an `RepositoryState`; decides nothing."""

    page_asked = Signal()
    token_asked = Signal()
    retry_asked = Signal()
    version_chosen = Signal(str)
    quantization_chosen = Signal(str)
    versions_shown = Signal()
    """All versions are looked at: their verdicts are wanted."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._repo = ""
        self._build()
        self._connect()

    @property
    def offer(self) -> RecommendedVersion:
        """The chosen version; its signals are what can be done with it."""
        return self._offer

    def show_opened(self, opened: RepositoryState) -> None:
        """Show a repository as far as it is known."""
        if opened.repo != self._repo:
            self._repo = opened.repo
            self.verticalScrollBar().setValue(0)
            self.show_card("")
            self._disclosure.close_it()
            self._offer.forget_focus()
        self._title.setText(name_from_repository(opened.repo))
        self._owner.set_full_text(opened.repo)
        self._show_model(opened)
        self._show_notice(opened)
        is_waiting = opened.repository is None and opened.error is None
        self._waiting.setVisible(is_waiting)
        self._offer.show_offer(opened)
        self._show_needs(opened.row)
        count = len(opened.rows)
        self._disclosure.set_title(self.tr("All versions ({0})").format(count))
        self._disclosure.setVisible(count > 1)
        self._versions.show_rows(opened.rows, opened.chosen)
        has_none = opened.repository is not None and not opened.rows
        self._nothing.setVisible(has_none)

    def show_card(self, markdown: str) -> None:
        """Show the model card; nothing of it is fetched or opened by itself."""
        text, is_whole = readable(markdown)
        self._card.set_text(text)
        self._card_box.setVisible(bool(text))
        self._rest.setVisible(not is_whole)

    def _show_needs(self, row: VersionRow | None) -> None:
        needs = None if row is None else row.requirements
        self._needs_card.setVisible(needs is not None)
        if needs is not None:
            self._needs.show_needs(needs)

    def _show_model(self, opened: RepositoryState) -> None:
        model = opened.repository.model if opened.repository is not None else opened.model
        self._good_at.setText(opened.good_at)
        self._good_at.setVisible(bool(opened.good_at))
        chips = ("", "", "")
        if model is not None:
            parameters = ""
            if model.parameters is not None:
                parameters = self.tr("{0} parameters").format(parameters_words(model.parameters))
            chips = (
                words.licence_words(model.licence),
                parameters,
                words.task_words(model.task),
            )
        for chip, text in zip(self._chips, chips, strict=True):
            chip.set_badge(text)
            chip.setVisible(bool(text))
        popularity = "" if model is None else words.popularity(model)
        self._popularity.setText(popularity)
        self._popularity.setVisible(bool(popularity))

    def _show_notice(self, opened: RepositoryState) -> None:
        error, is_gated = opened.error, opened.lacks_access
        text = self._gate_words(opened) if is_gated else ""
        if error is not None and not is_gated:
            text = f"{error.message} {error.hint}".strip()
        self._notice_text.setText(text)
        self._notice.setVisible(bool(text))
        self._retry.setVisible(error is not None and not is_gated)
        is_asked_for = opened.gate is Gate.MANUAL
        first = self.tr("Ask for it") if is_asked_for else self.tr("Read the terms")
        self._terms.setText(first)
        self._terms.setAccessibleName(first)
        self._terms.setVisible(is_gated)
        is_unknown = error is not None and error.kind in {"RepositoryNotFound", "HubTokenRefused"}
        self._token.setVisible(is_unknown or (is_gated and not opened.has_token))

    def _gate_words(self, opened: RepositoryState) -> str:
        what = (
            self.tr("The publisher decides who gets this model. Ask for it on its page")
            if opened.gate is Gate.MANUAL
            else self.tr("The publisher wants you to accept terms first. Do that on its page")
        )
        if opened.has_token:
            said = self.tr(
                "{0}, with the account your access token is from: it can be fetched then."
            )
            return said.format(what)
        return self.tr(
            "{0}, then enter your access token here: a kind of password that you get from "
            "huggingface.co, so that this program can fetch the model for you."
        ).format(what)

    def _build(self) -> None:
        px = self._theme.px
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(self.tr("Details of the model"))
        inner = QWidget()
        inner.setObjectName("scrolled")
        # while it is empty: a filled one would be styled now, and again at every change of parent
        self.setWidget(inner)
        column = QVBoxLayout(inner)
        column.setContentsMargins(px(14), px(14), px(10), px(14))
        column.setSpacing(px(10))
        head = QHBoxLayout()
        titles = QVBoxLayout()
        titles.setSpacing(px(2))
        self._title = make_label(role="title", wrap=True)
        self._owner = ElidedLabel(role="caption", tone="quiet")
        titles.addWidget(self._title)
        titles.addWidget(self._owner)
        self._page = make_button(
            self.tr("Open its page"), tooltip=self.tr("The model's page on the Hub, in the browser")
        )
        head.addLayout(titles, 1)
        head.addWidget(self._page, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(head)
        self._good_at = make_label(role="control", wrap=True)
        column.addWidget(self._good_at)
        chips = QWidget()
        flow = FlowLayout(chips, spacing=px(6))
        self._chips = [Badge(self._theme) for _ in range(3)]
        for chip in self._chips:
            flow.addWidget(chip)
        column.addWidget(chips)
        self._popularity = make_label(role="caption", tone="quiet", wrap=True)
        column.addWidget(self._popularity)
        self._build_notice(column)
        self._waiting = self._build_waiting()
        column.addWidget(self._waiting)
        self._offer = RecommendedVersion(self._theme)
        column.addWidget(self._offer)
        column.addWidget(self._build_needs())
        self._nothing = make_label(
            self.tr("There is no model file in this repository that could run here."),
            "control",
            "quiet",
            wrap=True,
        )
        column.addWidget(self._nothing)
        self._versions = VersionList(self._theme)
        frame = make_card("quiet")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(2, 2, 2, 2)
        inside.addWidget(self._versions)
        self._disclosure = Disclosure(self._theme, "", frame)
        column.addWidget(self._disclosure)
        self._build_card(column)
        column.addStretch(1)

    def _build_notice(self, column: QVBoxLayout) -> None:
        px = self._theme.px
        self._notice = make_card("caution")
        inside = QVBoxLayout(self._notice)
        inside.setContentsMargins(px(12), px(10), px(12), px(10))
        self._notice_text = make_label(role="control", wrap=True)
        inside.addWidget(self._notice_text)
        row = QHBoxLayout()
        self._terms = make_button("", tooltip=self.tr("Open its page in the browser"))
        self._token = make_button(
            self.tr("Enter an access token"),
            tooltip=self.tr("Go to the place in Settings where the Hub's access token is kept"),
        )
        self._retry = make_button(self.tr("Try again"), tooltip=self.tr("Ask the Hub once more"))
        for button in (self._terms, self._token, self._retry):
            row.addWidget(button)
        row.addStretch(1)
        inside.addLayout(row)
        column.addWidget(self._notice)

    def _build_needs(self) -> QWidget:
        px = self._theme.px
        self._needs_card = make_card("quiet")
        inside = QVBoxLayout(self._needs_card)
        inside.setContentsMargins(px(14), px(10), px(14), px(12))
        inside.setSpacing(px(8))
        inside.addWidget(make_label(self.tr("System requirements"), "strong"))
        self._needs = RequirementBox(self._theme, has_versions=True)
        inside.addWidget(self._needs)
        self._needs_card.hide()
        return self._needs_card

    def _build_waiting(self) -> QWidget:
        box = QWidget()
        inside = QVBoxLayout(box)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(make_label(self.tr("Asking the Hub…"), "caption", "quiet"))
        bar = QProgressBar()
        bar.setRange(0, 0)
        bar.setTextVisible(False)
        bar.setAccessibleName(self.tr("Asking the Hub"))
        inside.addWidget(bar)
        return box

    def _build_card(self, column: QVBoxLayout) -> None:
        self._card_box = QWidget()
        inside = QVBoxLayout(self._card_box)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(self._theme.px(10))
        inside.addWidget(make_line())
        inside.addWidget(make_label(self.tr("What its publisher says"), "heading"))
        self._card = MarkdownView(self._theme)
        self._card.setAccessibleName(self.tr("Model card"))
        inside.addWidget(self._card)
        self._rest = make_button(
            self.tr("Read the rest on its page"),
            tooltip=self.tr("Open the model's page in the browser"),
        )
        inside.addWidget(self._rest, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._card_box)
        self._card_box.hide()

    def _connect(self) -> None:
        self._page.clicked.connect(self.page_asked)
        self._terms.clicked.connect(self.page_asked)
        self._rest.clicked.connect(self.page_asked)
        self._token.clicked.connect(self.token_asked)
        self._retry.clicked.connect(self.retry_asked)
        self._versions.version_chosen.connect(self.version_chosen)
        self._needs.version_asked.connect(self.quantization_chosen)
        self._versions.download_asked.connect(self._offer.ask_download)
        self._disclosure.opened.connect(self.versions_shown)
