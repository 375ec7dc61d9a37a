"""The pane beside the list: one repository, the version to take, and its model card."""

import re
from collections.abc import Sequence

from PySide6.QtCore import QItemSelectionModel, QRect, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QFrame,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from playground.core.downloads import Download, DownloadState
from playground.core.gguf.naming import name_from_repository
from playground.core.hub import Gate
from playground.core.requirements.model import Compatibility
from playground.ui.format import exact_bytes, parameters_words, size_words, speed_source
from playground.ui.pages.downloads.format import progress_words, state_words
from playground.ui.pages.hub import view_models as words
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
    breakable,
    make_button,
    make_card,
    make_label,
    make_line,
    plain_tooltip,
)
from playground.ui.widgets.flow_layout import FlowLayout
from playground.ui.widgets.inputs import CheckBox
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_flow, scrolled
from playground.ui.widgets.lists import ListView, PagedListModel, RowDelegate
from playground.ui.widgets.markdown.view import MarkdownView
from playground.ui.widgets.requirements_card import RequirementBox

_PERMILLE = 1000


class RecommendedVersion(QFrame):
    """Shows the chosen version of a `RepositoryState`; the presenter connects its buttons."""

    download_asked = Signal(bool)
    """Whether what lets it see pictures is wanted as well."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._wants_focus = False
        self.setProperty("card", "quiet")
        self._build()
        self._get.clicked.connect(self.press_main_button)

    def show_version(self, opened: RepositoryState) -> None:
        row = opened.row
        self.setVisible(row is not None)
        if row is None:
            return
        mark = words.recommended_words(row)
        self._mark.set_badge(mark, "accent")
        self._mark.setVisible(bool(mark))
        badge = version_badge(row)
        is_open = row.verdict is None and row.problem is None and row.file.problem is None
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
        self.show_recommended.setVisible(others and not row.is_recommended)
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
        if row.file.problem is not None:
            return row.file.problem
        if row.problem is not None:
            return row.problem
        if row.is_recommended and opened.reason:
            return opened.reason
        if row.verdict is None:
            return self.tr("Reading the first bytes of the file to see what it needs…")
        return {
            Compatibility.RUNS_GREAT: self.tr("This version runs great on this computer."),
            Compatibility.RUNS: self.tr("This version runs on this computer."),
            Compatibility.SLOW: self._too_slow(row),
            Compatibility.WONT_FIT: self._too_large(row),
        }[row.verdict]

    def _too_slow(self, row: VersionRow) -> str:
        said = self.tr("This version runs on this computer, but slowly.")
        speed = None if row.requirements is None else row.requirements.speed
        return said if speed is None else f"{said} {speed_source(speed)}"

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
        had_focus = any(
            button.hasFocus() for button in (self._get, self.compare, self.show_downloads)
        )
        self.compare.setVisible(is_here)
        self._get.setVisible(not is_here and not is_coming)
        self._get.setEnabled(row.file.problem is None and not is_locked)
        words = self.tr("Download {0}").format(size_words(row.file.size_bytes))
        if row.verdict is Compatibility.WONT_FIT:
            words = self.tr("Download anyway")
        elif failed:
            words = self.tr("Try again")
        self._get.setText(words)
        self._get.setAccessibleName(words)
        self.show_downloads.setVisible(is_coming or bool(failed))
        is_elsewhere = download is not None and download.state is DownloadState.ELSEWHERE
        self._bar.setVisible(is_coming and not is_elsewhere)
        text, tone = "", "quiet"
        if is_here:
            text, tone = self.tr("It is on this computer, ready to run."), "local"
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
        self._mark = Badge(self._theme, "", "accent")
        self._badge = Badge(self._theme)
        self._figure = make_label(role="figure")
        self._speed = make_label(role="control", tone="quiet")
        column.addLayout(make_flow(self._mark, self._badge))
        figures = make_flow(self._figure, self._speed)
        figures.setAlignment(self._speed, Qt.AlignmentFlag.AlignBottom)
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
        self._get = make_button("", kind="primary", tooltip=self.tr("Fetch it to this computer"))
        self.compare = make_button(
            self.tr("Try it"),
            kind="primary",
            tooltip=self.tr("Open the Compare page, where you can ask it something"),
        )
        self.show_downloads = make_button(
            self.tr("Show downloads"), tooltip=self.tr("Pause it, or see everything that arrives")
        )
        self.show_recommended = make_button(
            self.tr("Back to the recommended one"),
            kind="flat",
            tooltip=self.tr("Offer the version that suits this computer best"),
        )
        buttons = (self._get, self.compare, self.show_downloads, self.show_recommended)
        column.addLayout(make_flow(*buttons))
        self._caption = ElidedLabel(role="caption", tone="quiet")
        column.addWidget(self._caption)

    def press_main_button(self) -> None:
        """Fetch the version, or try it where it is on this computer."""
        if self.compare.isVisibleTo(self):
            self.compare.click()
        elif self._get.isVisibleTo(self) and self._get.isEnabled():
            with_pictures = self._pictures.isVisibleTo(self) and self._pictures.isChecked()
            self.download_asked.emit(with_pictures)

    def focus_button(self) -> None:
        """Put the keyboard on the main button, as soon as there is one."""
        for button in (self._get, self.compare, self.show_downloads):
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


class VersionListModel(PagedListModel[VersionRow]):
    """The files of a repository, the smallest first."""

    @override
    def key(self, row: VersionRow) -> str:
        return row.file.path

    @override
    def text(self, row: VersionRow) -> str:
        return size_words(row.file.size_bytes)

    @override
    def spoken(self, row: VersionRow) -> str:
        parts = [
            size_words(row.file.size_bytes),
            row.file.quantization or "",
            words.version_badge(row)[0].replace("…", self.tr("not known yet")),
            words.version_state(row),
            words.recommended_words(row),
        ]
        return ", ".join(part for part in parts if part)

    @override
    def tooltip(self, row: VersionRow) -> str:
        names = "\n".join(part.path for part in row.file.parts)
        return f"{names}\n{exact_bytes(row.file.size_bytes)}"


class VersionDelegate(RowDelegate):
    """Size and verdict; below them the quantization and the speed to expect."""

    MARGINS = (12, 8, 10)
    LINES = (("numbers", 0), ("caption", 3))

    @override
    def paint_row(self, painter: QPainter, lines: list[QRect], row: VersionRow) -> None:
        size, caption = lines
        px = self._theme.px
        middle = (size.top() + caption.bottom() + 1) // 2
        right = self.paint_chip(
            painter, *words.version_badge(row), right=size.right(), middle=middle
        )
        if text := words.recommended_words(row):
            right = self.paint_chip(painter, text, "accent", right=right - px(6), middle=middle)
        for line in lines:
            line.setRight(right - px(8))
        self.paint_text(painter, size, size_words(row.file.size_bytes), "numbers")
        parts = (row.file.quantization, words.version_state(row))
        text = " · ".join(part for part in parts if part and part != "—")
        tone = "quiet" if row.here is None else "local"
        self.paint_text(painter, caption, text, "caption", tone)


class VersionList(ListView):
    """As high as its lines, up to a few of them; only a person's own choice is told."""

    def __init__(self, theme: Theme, name: str) -> None:
        self._versions = VersionListModel()
        super().__init__(theme, VersionDelegate(theme), self._versions, name)
        theme.changed.connect(self._fit)

    def show_rows(self, rows: Sequence[VersionRow], chosen: str | None) -> None:
        if [row.file.path for row in rows] == [row.file.path for row in self._versions.rows]:
            self._versions.change_rows(rows)
        else:
            self._versions.reset_rows(rows)
        index = self._versions.index_of(chosen)
        if index.isValid() and index != self.currentIndex():
            selection = self.selectionModel()
            selection.blockSignals(True)
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            selection.blockSignals(False)
            self.viewport().update()
        self._fit()

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
    """Shows a `RepositoryState`; the presenter connects what can be pressed in it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._repo = ""
        self._build()
        self.versions.opened.connect(self.offer.press_main_button)

    def show_repository(self, opened: RepositoryState) -> None:
        if opened.repo != self._repo:
            self._repo = opened.repo
            self.verticalScrollBar().setValue(0)
            self.show_card("")
            self.all_versions.fold()
            self.offer.forget_focus()
        name = name_from_repository(opened.repo)
        self._title.setText(breakable(name))
        self._title.setAccessibleName(name)
        self._title.setToolTip(plain_tooltip(opened.repo))
        self._owner.set_full_text(opened.repo)
        self._show_model(opened)
        self._show_notice(opened)
        is_waiting = opened.repository is None and opened.error is None
        self._waiting.setVisible(is_waiting)
        self.offer.show_version(opened)
        self._show_needs(opened.row)
        count = len(opened.rows)
        self.all_versions.set_title(self.tr("All versions ({0})").format(count))
        self.all_versions.setVisible(count > 1)
        self.versions.show_rows(opened.rows, opened.chosen)
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
            self.needs.show_needs(needs)

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
        self.retry.setVisible(error is not None and not is_gated)
        is_asked_for = opened.gate is Gate.MANUAL
        first = self.tr("Ask for it") if is_asked_for else self.tr("Read the terms")
        self._terms.setText(first)
        self._terms.setAccessibleName(first)
        self._terms.setVisible(is_gated)
        is_unknown = error is not None and error.kind in {"RepositoryNotFound", "HubTokenRefused"}
        self.enter_token.setVisible(is_unknown or (is_gated and not opened.has_token))

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
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        # while it is empty: a filled one would be styled now, and again at every change of parent
        scrolled(self, inner, self.tr("Details of the model"))
        column = QVBoxLayout(inner)
        column.setContentsMargins(px(14), px(14), px(10), px(14))
        column.setSpacing(px(10))
        self._title = make_label(role="title", wrap=True)
        self._owner = ElidedLabel(role="caption", tone="quiet")
        titles = QWidget()
        parts = (self._title, self._owner)
        make_column(*parts, parent=titles, margins=NO_MARGINS, spacing=px(2))
        self._page = make_button(
            self.tr("Open its page"), tooltip=self.tr("The model's page on the Hub, in the browser")
        )
        column.addLayout(make_flow((titles, 1), self._page))
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
        self.offer = RecommendedVersion(self._theme)
        column.addWidget(self.offer)
        column.addWidget(self._build_needs())
        self._nothing = make_label(
            self.tr("There is no model file in this repository that could run here."),
            "control",
            "quiet",
            wrap=True,
        )
        column.addWidget(self._nothing)
        self.versions = VersionList(self._theme, self.tr("All versions"))
        frame = make_card("quiet")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(2, 2, 2, 2)
        inside.addWidget(self.versions)
        self.all_versions = Disclosure(self._theme, "", frame)
        column.addWidget(self.all_versions)
        self._build_card(column)
        column.addStretch(1)
        self.page_buttons = (self._page, self._terms, self._rest)
        """Each of them opens the model's page."""

    def _build_notice(self, column: QVBoxLayout) -> None:
        px = self._theme.px
        self._notice = make_card("caution")
        inside = QVBoxLayout(self._notice)
        inside.setContentsMargins(px(12), px(10), px(12), px(10))
        self._notice_text = make_label(role="control", wrap=True)
        inside.addWidget(self._notice_text)
        self._terms = make_button("", tooltip=self.tr("Open its page in the browser"))
        self.enter_token = make_button(
            self.tr("Enter an access token"),
            tooltip=self.tr("Go to the place in Settings where the Hub's access token is kept"),
        )
        self.retry = make_button(self.tr("Try again"), tooltip=self.tr("Ask the Hub once more"))
        inside.addLayout(make_flow(self._terms, self.enter_token, self.retry))
        column.addWidget(self._notice)

    def _build_needs(self) -> QWidget:
        px = self._theme.px
        self._needs_card = make_card("quiet")
        inside = QVBoxLayout(self._needs_card)
        inside.setContentsMargins(px(14), px(10), px(14), px(12))
        inside.setSpacing(px(8))
        inside.addWidget(make_label(self.tr("System requirements"), "strong"))
        self.needs = RequirementBox(self._theme, has_versions=True)
        inside.addWidget(self.needs)
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
