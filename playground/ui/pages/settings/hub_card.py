"""The Hub's card on the Settings page: token, address, proxy, and how much is fetched at once."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from playground.store.settings import Settings
from playground.ui.pages.downloads.page import LIMITS
from playground.ui.theme.theme import Theme, set_properties, set_role
from playground.ui.widgets.basics import make_button, make_label
from playground.ui.widgets.layouts import make_flow
from playground.ui.widgets.settings_card import SettingsCard

_MB = 1_000_000
_MOST_AT_ONCE = 8


class HubCard(SettingsCard):
    """Shows what holds; every mistake is told below its own field."""

    changed = Signal(object)
    """A dict of the `Settings` fields a person has changed."""
    token_entered = Signal(str)
    forget_asked = Signal()
    seen_asked = Signal(QWidget)
    """A part that is to be scrolled into view."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "")
        self._build()
        self._connect()

    def show_settings(self, settings: Settings) -> None:
        """Show what holds now; a field that is being typed in stays."""
        for field, value in (
            (self._address, settings.hub_endpoint),
            (self._proxy, settings.proxy),
        ):
            if not field.hasFocus():
                field.setText(value or "")
        self._offline.choose(settings.offline)
        self._at_once.choose(settings.parallel_downloads)
        limit = settings.download_limit_bytes_per_s
        words, none = self.tr("{0} MB/s"), self.tr("No limit")
        self._limit.set_choices(
            [
                (none if one is None else words.format(one / _MB), one)
                for one in dict.fromkeys((*LIMITS, limit))
            ]
        )
        self._limit.choose(limit)

    def show_token(self, words: str, tone: str, *, can_forget: bool) -> None:
        """Say which token is in force and where it is from, or what was wrong with one."""
        self._token_state.setText(words)
        set_role(self._token_state, "caption", tone)
        self._forget.setVisible(can_forget)

    def show_asking(self, *, is_asking: bool) -> None:
        """Take no other token while the Hub is asked about one."""
        for widget in (self._token, self._save):
            widget.setEnabled(not is_asking)

    def show_problem(self, field: str, words: str) -> None:
        """Say what is wrong with `hub_endpoint` or `proxy`; nothing to say clears it."""
        line, label = self._explained[field]
        set_properties(line, (("invalid", bool(words)),))
        label.setText(words)
        label.setVisible(bool(words))

    def focus_token(self) -> None:
        """Put the keyboard where a token is entered, and ask for it to be seen."""
        self._token.setFocus()
        # a page that was built this moment has its places only in the next turn; the card is seen
        # whole where there is room, the field in any case
        for widget in (self, self._token):
            QTimer.singleShot(0, self, lambda part=widget: self.seen_asked.emit(part))

    def _build(self) -> None:
        tr = self.tr
        self.add(make_label(tr("Hugging Face Hub and downloads"), "heading", wrap=True))
        self._token = QLineEdit()
        self._token.setEchoMode(QLineEdit.EchoMode.Password)
        self._token.setAccessibleName(tr("Access token of the Hub"))
        self._token.setPlaceholderText("hf_…")
        self._token_state = make_label(role="caption", tone="quiet", wrap=True)
        self.add_row(
            self._token,
            tr("Access token"),
            tr(
                "A kind of password from huggingface.co, for models with terms to accept and "
                "private ones"
            ),
            below=self._token_state,
        )
        self._forget = make_button(
            tr("Forget the access token"),
            tooltip=tr("Take it out of this program and the password store"),
        )
        self._save = make_button(
            tr("Check and keep"), tooltip=tr("Ask the Hub whether it is valid, then keep it")
        )
        self.add_layout(make_flow(1, self._forget, self._save))
        self._forget.hide()
        self._address, self._proxy = QLineEdit(), QLineEdit()
        self._address.setAccessibleName(tr("Address of the Hub"))
        self._address.setPlaceholderText("https://huggingface.co")
        self._proxy.setAccessibleName(tr("Proxy"))
        self._proxy.setPlaceholderText(tr("Like the system"))
        self._explained: dict[str, tuple[QLineEdit, QLabel]] = {}
        for name, field, title, what in (
            ("hub_endpoint", self._address, tr("Address"), tr("The Hub, or a mirror of it")),
            (
                "proxy",
                self._proxy,
                tr("Proxy"),
                tr("As http://host:port, for cloud models too; usually left empty"),
            ),
        ):
            label = make_label(role="caption", tone="bad", wrap=True)
            label.hide()
            field.setProperty("field", name)
            self._explained[name] = (field, label)
            self.add_row(field, title, what, below=label)
        self._offline = self.add_choice(
            "offline",
            tr("Offline mode"),
            tr("On: nothing asks the Hub"),
            [(tr("Off"), False), (tr("On"), True)],
        )
        self._at_once = self.add_choice(
            "parallel_downloads",
            tr("Downloads at once"),
            tr("The others wait for their turn"),
            [(str(count), count) for count in range(1, _MOST_AT_ONCE + 1)],
        )
        self._limit = self.add_choice(
            "download_limit_bytes_per_s", tr("Speed limit"), tr("Of all downloads together")
        )
        self._limit.setAccessibleName(tr("Speed limit of downloads"))

    def _connect(self) -> None:
        self._save.clicked.connect(self._on_token)
        self._token.returnPressed.connect(self._on_token)
        self._forget.clicked.connect(self.forget_asked)
        for field in (self._address, self._proxy):
            field.editingFinished.connect(self._on_field)
        for box in (self._offline, self._at_once, self._limit):
            box.picked.connect(self._on_choice)

    def _on_token(self) -> None:
        value = self._token.text().strip()
        # it is shown nowhere and stays in no field
        self._token.clear()
        if value:
            self.token_entered.emit(value)

    def _on_field(self) -> None:
        field = self.sender()
        if isinstance(field, QLineEdit):
            self.changed.emit({field.property("field"): field.text().strip() or None})

    def _on_choice(self, value: object) -> None:
        self.changed.emit({self.sender().property("field"): value})
