"""The dialog that adds a provider, or changes one."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from playground.core.targets import Tier
from playground.core.urls import AddressCheck
from playground.store.presets import Preset
from playground.ui.pages.providers.entries import tier_explained, tier_words
from playground.ui.pages.providers.form import FormValues, ProviderForm
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_button, make_card, make_label

_SHELF = (Tier.AAA, Tier.STUDIO, Tier.OWN_SERVER, Tier.INDIE)
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

    @property
    def form(self) -> ProviderForm:
        """The fields."""
        return self._form

    def show_values(self, values: FormValues) -> None:
        """Fill the fields."""
        self._form.show_values(values)
        self._on_edited()
        if not self._presets:
            self._form.focus_first()

    def show_check(self, check: AddressCheck | None) -> None:
        """Show what is to be said about the address that was typed."""
        self._form.show_check(check)
        self._ok.setEnabled(self._form.is_ready and not self._is_working)

    def show_forget(self, *, is_possible: bool) -> None:
        """Offer to forget the key that is kept."""
        self._forget.setVisible(is_possible)

    def show_working(self, *, is_working: bool) -> None:
        """Wait for what was asked for."""
        self._is_working = is_working
        self._ok.setEnabled(self._form.is_ready and not is_working)

    def show_problem(self, text: str) -> None:
        """Say why it could not be stored."""
        self._problem.setText(text)
        self._problem.setVisible(bool(text))

    def _build(self, title: str, action: str) -> None:
        px = self._theme.px
        self.setModal(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(20), px(18), px(20), px(18))
        column.setSpacing(px(14))
        column.addWidget(make_label(title, "title"))
        row = QHBoxLayout()
        row.setSpacing(px(18))
        self._list = QListWidget()
        self._list.setAccessibleName(self.tr("Known providers"))
        self._list.setToolTip(self.tr("Choose one: its address is filled in for you"))
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._fill()
        card = make_card()
        card.setFixedWidth(px(270))
        inside = QVBoxLayout(card)
        inside.setContentsMargins(px(6), px(6), px(6), px(6))
        inside.addWidget(self._list)
        card.setVisible(bool(self._presets))
        row.addWidget(card)
        right = QVBoxLayout()
        self._form = ProviderForm(self._theme)
        right.addWidget(self._form)
        self._problem = make_label(role="control", tone="bad", wrap=True)
        self._problem.hide()
        right.addWidget(self._problem)
        right.addStretch(1)
        row.addLayout(right, 1)
        column.addLayout(row, 1)
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
        foot = QHBoxLayout()
        foot.addWidget(self._forget)
        foot.addStretch(1)
        foot.addWidget(self._cancel)
        foot.addWidget(self._ok)
        column.addLayout(foot)
        self.resize(px(760) if self._presets else px(480), px(500) if self._presets else px(380))

    def _fill(self) -> None:
        shown = None
        for preset in self._presets:
            tier = preset.provider.tier
            if tier is not shown:
                shown = tier
                head = QListWidgetItem(tier_words(tier))
                head.setFlags(Qt.ItemFlag.NoItemFlags)
                head.setToolTip(tier_explained(tier))
                head.setFont(self._theme.font("chip"))
                head.setForeground(self._theme.color("quiet"))
                self._list.addItem(head)
            item = QListWidgetItem(preset.name)
            item.setData(_PRESET_ROLE, preset)
            item.setToolTip(preset.note or preset.provider.base_url)
            item.setFont(self._theme.font("control"))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{preset.name}, {tier_words(tier)}")
            self._list.addItem(item)
        other = QListWidgetItem(self.tr("Any OpenAI-compatible address"))
        other.setToolTip(self.tr("A server or service that is not on this list"))
        other.setFont(self._theme.font("control"))
        self._list.insertItem(0, other)

    def _connect(self) -> None:
        self._list.currentItemChanged.connect(self._on_item)
        self._form.edited.connect(self._on_edited)
        self._cancel.clicked.connect(self.reject)
        self._ok.clicked.connect(self.confirmed)
        self._forget.clicked.connect(self.key_forgotten)

    def choose_first(self) -> None:
        """Choose the first known provider."""
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
        self.checked.emit(self._form.base_url)
