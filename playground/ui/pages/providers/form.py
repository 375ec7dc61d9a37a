"""The fields of one provider: name, address and key, checked while they are typed."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from playground.core.urls import AddressCheck, AddressLevel
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.basics import make_button, make_label
from playground.ui.widgets.tick_box import TickBox


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
        self._build()
        self._connect()

    @property
    def name(self) -> str:
        """The name as typed, or else the address's host."""
        return self._name.text().strip() or self._host

    @property
    def base_url(self) -> str:
        """The address as typed."""
        return self._url.text().strip()

    @property
    def is_ready(self) -> bool:
        """True where the provider could be stored with what is there."""
        if not self.name or self._level is AddressLevel.REFUSED:
            return False
        return self._level is AddressLevel.OK or self._confirm.isChecked()

    def take_key(self) -> str | None:
        """Return the key that was typed, and empty the field."""
        key = self._key.text().strip()
        self._key.clear()
        return key or None

    @property
    def _host(self) -> str:
        try:
            return urlsplit(self.base_url).hostname or ""
        except ValueError:
            # half-typed: `https://[::1`
            return ""

    def show_values(self, values: FormValues) -> None:
        """Begin anew with these."""
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
        self._name.setPlaceholderText(self._host)
        self._said.setText("" if check is None else check.message)
        tone = {
            AddressLevel.OK: "quiet",
            AddressLevel.WARNING: "caution",
            AddressLevel.REFUSED: "bad",
        }[self._level]
        set_role(self._said, "caption", tone)
        self._said.setVisible(bool(self._said.text()))
        self._confirm.setVisible(self._level is AddressLevel.WARNING)
        if self._level is not AddressLevel.WARNING:
            self._confirm.setChecked(False)

    def focus_first(self) -> None:
        """Put the keyboard where something is missing."""
        if not self._name.text().strip():
            self._name.setFocus()
        elif not self.base_url:
            self._url.setFocus()
        else:
            self._key.setFocus()

    def _build(self) -> None:
        px = self._theme.px
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(5))
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
        self._confirm = TickBox(
            self._theme,
            self.tr("Use it all the same: I trust this network"),
            self.tr("The key and your prompts travel unencrypted"),
        )
        column.addWidget(self._said)
        column.addWidget(self._confirm)
        head = QHBoxLayout()
        head.addWidget(make_label(self.tr("Key"), "control"))
        head.addStretch(1)
        self._key_page = make_button(
            self.tr("Get a key"),
            kind="flat",
            tooltip=self.tr("Opens the provider's own page in your browser"),
        )
        head.addWidget(self._key_page)
        column.addSpacing(px(6))
        column.addLayout(head)
        self._key = QLineEdit()
        self._key.setEchoMode(QLineEdit.EchoMode.Password)
        self._key.setAccessibleName(self.tr("Key"))
        self._key.setToolTip(self.tr("A secret word that tells the provider whose account pays"))
        column.addWidget(self._key)
        self._key_note = make_label(role="caption", tone="quiet", wrap=True)
        column.addWidget(self._key_note)
        self._note = make_label(role="caption", tone="quiet", wrap=True)
        column.addWidget(self._note)

    def _field(self, column: QVBoxLayout, name: str, tooltip: str) -> QLineEdit:
        label = make_label(name, "control")
        field = QLineEdit()
        field.setAccessibleName(name)
        field.setToolTip(tooltip)
        label.setBuddy(field)
        column.addWidget(label)
        column.addWidget(field)
        return field

    def _connect(self) -> None:
        self._name.textChanged.connect(self.edited)
        self._url.textChanged.connect(self.edited)
        self._confirm.toggled.connect(self.edited)
        self._key_page.clicked.connect(self._on_key_page)

    def _on_key_page(self) -> None:
        if self._key_url is not None:
            self.key_page_asked.emit(self._key_url)
