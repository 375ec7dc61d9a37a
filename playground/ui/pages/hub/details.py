"""The pane beside the list: one repository, the version to take, and its model card."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from playground.core.hub import Gate
from playground.ui.pages.hub import words
from playground.ui.pages.hub.card_text import readable
from playground.ui.pages.hub.offer import Offer
from playground.ui.pages.hub.versions import VersionList
from playground.ui.pages.hub.view_models import Opened, VersionRow
from playground.ui.theme.theme import Theme
from playground.ui.widgets.amounts import parameters_words
from playground.ui.widgets.badge import Badge
from playground.ui.widgets.basics import ElidedLabel, make_button, make_card, make_label, make_line
from playground.ui.widgets.disclosure import Disclosure
from playground.ui.widgets.flow_layout import FlowLayout
from playground.ui.widgets.markdown.view import MarkdownView
from playground.ui.widgets.requirements_card import RequirementBox


class RepositoryDetails(QScrollArea):
    """Shows an `Opened`; decides nothing."""

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
    def offer(self) -> Offer:
        """The chosen version; its signals are what can be done with it."""
        return self._offer

    def show_opened(self, opened: Opened) -> None:
        """Show a repository as far as it is known."""
        if opened.repo != self._repo:
            self._repo = opened.repo
            self.verticalScrollBar().setValue(0)
            self.show_card("")
            self._disclosure.close_it()
            self._offer.forget_focus()
        self._title.setText(words.friendly_name(opened.repo))
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

    def _show_model(self, opened: Opened) -> None:
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

    def _show_notice(self, opened: Opened) -> None:
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

    def _gate_words(self, opened: Opened) -> str:
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
        self._offer = Offer(self._theme)
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
