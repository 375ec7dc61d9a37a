"""The dialog that adds a provider, or changes one."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from playground.core.keys import KeyCheck, check_key
from playground.core.targets import Tier
from playground.core.urls import AddressCheck, AddressLevel, host_of
from playground.store.presets import Preset
from playground.ui.pages.providers.page import tier_explained, tier_words
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.basics import make_button, make_card, make_label, plain_tooltip
from playground.ui.widgets.inputs import CheckBox
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_row
from playground.ui.widgets.popup import resize_dialog


@dataclass(frozen=True, slots=True)
class FormValues:
    """What the form begins with."""

    name: str = ""
    base_url: str = ""
    note: str = ""
    """What to know about this provider, in a sentence."""
    key_url: str | None = None
    key_note: str = ""
    """Where the key will be kept."""
    key_hint: str = ""
    """What the empty key field says."""
    is_address_wrong: bool = False
    """True where nothing answered there as it should."""


class ProviderForm(QWidget):
    """Name, address and key; the key is never shown and is forgotten as soon as it is taken."""

    edited = Signal()
    key_page_asked = Signal(str)
    """Address of the page on which a key is made."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._key_url: str | None = None
        self._level = AddressLevel.REFUSED
        self._key_check = KeyCheck("")
        self._build()
        self._connect()

    @property
    def name(self) -> str:
        """The name as typed, or else the address's host."""
        return self._name.text().strip() or self._name.placeholderText()

    @property
    def base_url(self) -> str:
        return self._url.text().strip()

    @property
    def is_ready(self) -> bool:
        if not self.name or self._level is AddressLevel.REFUSED or self._key_check.problem:
            return False
        return self._level is AddressLevel.OK or self._confirm.isChecked()

    def take_key(self) -> str | None:
        """Return the key that was typed, and empty the field."""
        key = self._key_check.value
        self._key.clear()
        return key or None

    def show_values(self, values: FormValues) -> None:
        self._name.setText(values.name)
        self._url.setText(values.base_url)
        self._key.clear()
        self._key.setPlaceholderText(values.key_hint)
        self._key_url = values.key_url
        self._key_page.setVisible(values.key_url is not None)
        self._key_note.setText(values.key_note)
        self._note.setText(values.note)
        self._note.setVisible(bool(values.note))
        self._confirm.setChecked(False)

    def show_check(self, check: AddressCheck | None) -> None:
        """Say what is to be said about the address; `None` while nothing is typed."""
        self._level = AddressLevel.REFUSED if check is None else check.level
        # what it will be called where no name is typed
        is_usable = check is not None and self._level is not AddressLevel.REFUSED
        self._name.setPlaceholderText(host_of(check.url) if check and is_usable else "")
        self._said.setText("" if check is None else f"{check.message} {check.hint}".strip())
        tone = {
            AddressLevel.OK: "quiet",
            AddressLevel.WARNING: "caution",
            AddressLevel.REFUSED: "bad",
        }[self._level]
        set_role(self._said, "caption", tone)
        self._said.setVisible(bool(self._said.text()))
        is_risky = self._level is AddressLevel.WARNING
        self._confirm.setVisible(is_risky)
        self._confirm.setChecked(is_risky and self._confirm.isChecked())

    def focus_first(self, *, is_address_wrong: bool) -> None:
        """Put the keyboard into the field that is empty or wrong, else into the key's."""
        if not self._name.text().strip():
            self._name.setFocus()
        elif not self.base_url or is_address_wrong:
            self._url.setFocus()
        else:
            self._key.setFocus()

    def _build(self) -> None:
        px = self._theme.px
        column = make_column(parent=self, margins=NO_MARGINS, spacing=px(5))
        self._name = self._field(
            column, self.tr("Name"), self.tr("What it is called in this program")
        )
        self._url = self._field(
            column,
            self.tr("Address"),
            self.tr("Where requests go, usually ending in /v1 (the base URL)"),
        )
        self._url.setPlaceholderText("https://…/v1")
        self._said = make_label(role="caption", wrap=True)
        self._confirm = CheckBox(
            self._theme,
            self.tr("Use it all the same: I trust this network"),
            self.tr("The key and your prompts travel unencrypted"),
        )
        self._confirm.hide()
        column.addWidget(self._said)
        column.addWidget(self._confirm)
        self._key_page = make_button(
            self.tr("Get a key"),
            kind="flat",
            tooltip=self.tr("Opens the provider's own page in your browser"),
        )
        column.addSpacing(px(6))
        column.addLayout(make_row(make_label(self.tr("Key"), "control"), 1, self._key_page))
        self._key = QLineEdit()
        self._key.setEchoMode(QLineEdit.EchoMode.Password)
        self._key.setAccessibleName(self.tr("Key"))
        self._key.setToolTip(self.tr("A secret word that tells the provider whose account pays"))
        column.addWidget(self._key)
        self._key_said = make_label(role="caption", wrap=True)
        self._key_said.hide()
        column.addWidget(self._key_said)
        self._key_note = make_label(role="caption", tone="quiet", wrap=True)
        column.addWidget(self._key_note)
        self._note = make_label(role="caption", tone="quiet", wrap=True)
        column.addWidget(self._note)

    def _field(self, column: QVBoxLayout, name: str, tooltip: str) -> QLineEdit:
        label = make_label(name, "control")
        field = QLineEdit()
        field.setAccessibleName(name)
        field.setToolTip(plain_tooltip(tooltip))
        label.setBuddy(field)
        column.addWidget(label)
        column.addWidget(field)
        return field

    def _connect(self) -> None:
        self._name.textChanged.connect(self.edited)
        self._url.textChanged.connect(self.edited)
        self._key.textChanged.connect(self._on_key)
        self._confirm.toggled.connect(self.edited)
        self._key_page.clicked.connect(self._on_key_page)

    def _on_key(self, text: str) -> None:
        """Say what was copied along with the key, or why it is none."""
        self._key_check = check = check_key(text)
        self._key_said.setText(check.problem or check.note)
        set_role(self._key_said, "caption", "bad" if check.problem else "quiet")
        self._key_said.setVisible(bool(self._key_said.text()))
        self.edited.emit()

    def _on_key_page(self) -> None:
        if self._key_url is not None:
            self.key_page_asked.emit(self._key_url)


_SHELF = (Tier.AAA, Tier.STUDIO, Tier.OWN_SERVER, Tier.INDIE)


def _shelf_words(tier: Tier) -> str:
    """Return what stands above the providers of a kind."""
    return {
        Tier.AAA: QCoreApplication.translate("ProvidersPage", "Big names"),
        Tier.STUDIO: QCoreApplication.translate("ProvidersPage", "Specialists"),
        Tier.OWN_SERVER: QCoreApplication.translate("ProvidersPage", "Your own servers"),
        Tier.INDIE: QCoreApplication.translate("ProvidersPage", "On this computer"),
    }[tier]


_PRESET_ROLE = int(Qt.ItemDataRole.UserRole)


class ProviderDialog(QDialog):
    """Presets on the left where one is added, the fields on the right."""

    preset_chosen = Signal(object)
    """A `Preset`, or `None` for any other address."""
    checked = Signal(str)
    """An address that wants to be checked."""
    confirmed = Signal()
    key_forgotten = Signal()

    def __init__(
        self, theme: Theme, presets: tuple[Preset, ...], title: str, action: str, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._presets = tuple(sorted(presets, key=lambda p: _SHELF.index(p.provider.tier)))
        self._is_working = False
        self.setWindowTitle(title)
        self._build(title, action)
        self._connect()

    def show_values(self, values: FormValues) -> None:
        self.form.show_values(values)
        self._on_edited()
        if not self._presets:
            self.form.focus_first(is_address_wrong=values.is_address_wrong)

    def show_check(self, check: AddressCheck | None) -> None:
        self.form.show_check(check)
        self._ok.setEnabled(self.form.is_ready and not self._is_working)

    def show_forget(self, *, is_possible: bool) -> None:
        self._forget.setVisible(is_possible)

    def show_working(self, *, is_working: bool) -> None:
        self._is_working = is_working
        self._ok.setEnabled(self.form.is_ready and not is_working)

    def show_problem(self, text: str) -> None:
        self._problem.setText(text)
        self._problem.setVisible(bool(text))

    def _build(self, title: str, action: str) -> None:
        px = self._theme.px
        self.setModal(True)
        self._list = QListWidget()
        self._list.setAccessibleName(self.tr("Known providers"))
        self._list.setToolTip(self.tr("Choose one: its address is filled in for you"))
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._fill()
        card = make_card()
        card.setFixedWidth(px(270))
        shelves = make_label(
            self.tr(
                "Big names are the cleverest and cost most. Specialists are faster or cheaper. A "
                "server of your own costs nothing, and your words stay with you."
            ),
            "caption",
            "quiet",
            wrap=True,
        )
        shelves.setContentsMargins(px(8), px(6), px(8), px(2))
        parts = (shelves, (self._list, 1))
        make_column(*parts, parent=card, margins=(px(6), px(6), px(6), px(6)))
        card.setVisible(bool(self._presets))
        self.form = ProviderForm(self._theme)
        self._problem = make_label(role="control", tone="bad", wrap=True)
        self._problem.hide()
        self._forget = make_button(
            self.tr("Forget the key"), kind="flat", tooltip=self.tr("Delete the key that is kept")
        )
        self._forget.hide()
        self._cancel = make_button(self.tr("Cancel"), tooltip=self.tr("Change nothing (Esc)"))
        self._ok = make_button(
            action,
            kind="primary",
            tooltip=self.tr("Keep it, and ask which models it offers"),
        )
        self._ok.setDefault(True)
        right = make_column(self.form, self._problem, 1)
        row = make_row(card, (right, 1), spacing=px(18))
        foot = make_row(self._forget, 1, self._cancel, self._ok)
        make_column(
            make_label(title, "title"),
            (row, 1),
            foot,
            parent=self,
            margins=(px(20), px(18), px(20), px(18)),
            spacing=px(14),
        )
        size = (760, 500) if self._presets else (480, 380)
        resize_dialog(self._theme, self, *size)

    def _fill(self) -> None:
        shown = None
        for preset in self._presets:
            tier = preset.provider.tier
            if tier is not shown:
                shown = tier
                head = QListWidgetItem(_shelf_words(tier))
                head.setFlags(Qt.ItemFlag.NoItemFlags)
                head.setToolTip(tier_explained(tier))
                head.setFont(self._theme.font("chip"))
                head.setForeground(self._theme.color("quiet"))
                self._list.addItem(head)
            item = QListWidgetItem(preset.name)
            item.setData(_PRESET_ROLE, preset)
            item.setToolTip(plain_tooltip(preset.note or preset.provider.base_url))
            item.setFont(self._theme.font("control"))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{preset.name}, {tier_words(tier)}")
            self._list.addItem(item)
        other = QListWidgetItem(self.tr("Any OpenAI-compatible address"))
        other.setToolTip(self.tr("A server or service that is not on this list"))
        other.setFont(self._theme.font("control"))
        self._list.insertItem(0, other)

    def _connect(self) -> None:
        self._list.currentItemChanged.connect(self._on_item)
        self.form.edited.connect(self._on_edited)
        self._cancel.clicked.connect(self.reject)
        self._ok.clicked.connect(self.confirmed)
        self._forget.clicked.connect(self.key_forgotten)

    def choose_first(self) -> None:
        for row in range(self._list.count()):
            if self._list.item(row).data(_PRESET_ROLE) is not None:
                self._list.setCurrentRow(row)
                self._list.setFocus()
                return

    def _on_item(self, item: QListWidgetItem | None) -> None:
        self.show_problem("")
        if item is not None:
            self.preset_chosen.emit(item.data(_PRESET_ROLE))

    def _on_edited(self) -> None:
        self.show_problem("")
        self.checked.emit(self.form.base_url)
