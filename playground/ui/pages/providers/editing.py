"""Adds and changes providers through the dialog."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from playground.core.errors import PlaygroundError
from playground.core.targets import Provider, Tier
from playground.services.providers.service import ProviderService
from playground.store.presets import Preset
from playground.store.secrets import KeySource, SecretStore
from playground.ui.bridge import Bridge
from playground.ui.pages.providers import asks
from playground.ui.pages.providers.dialog import ProviderDialog
from playground.ui.pages.providers.form import FormValues
from playground.ui.pages.providers.page import ProvidersPage
from playground.ui.theme.theme import Theme


class ProviderEditor(QObject):
    """One dialog at a time; `on_stored` gets the id of what was stored."""

    def __init__(
        self,
        theme: Theme,
        view: ProvidersPage,
        bridge: Bridge,
        *,
        service: ProviderService,
        secrets: SecretStore,
        on_stored: Callable[[str], None],
    ) -> None:
        super().__init__(view)
        self._theme = theme
        self._view = view
        self._bridge = bridge
        self._service = service
        self._secrets = secrets
        self._on_stored = on_stored
        self._dialog: ProviderDialog | None = None
        self._base: Provider | None = None
        self._is_new = True
        self._last_name = ""

    def add(self) -> None:
        """Open the dialog for a new provider."""
        presets = self._service.presets()
        title = self.tr("Add a provider")
        dialog = self._opened(ProviderDialog(self._theme, presets, title, title, self._view))
        if dialog is None:
            return
        self._is_new = True
        dialog.preset_chosen.connect(self._on_preset)
        dialog.choose_first()

    def edit(self, provider: Provider, source: KeySource | None) -> None:
        """Open the dialog for a provider that is set up."""
        title = self.tr("Edit {0}").format(provider.name)
        dialog = self._opened(ProviderDialog(self._theme, (), title, self.tr("Save"), self._view))
        if dialog is None:
            return
        self._is_new = False
        self._base = provider
        has_own = source in {KeySource.KEYRING, KeySource.SESSION}
        hint = self.tr("Leave empty to keep the key there is") if has_own else ""
        dialog.show_forget(is_possible=has_own)
        dialog.key_forgotten.connect(self._on_forget)
        dialog.show_values(
            FormValues(
                name=provider.name,
                base_url=provider.base_url,
                key_url=_safe(provider.key_url),
                key_hint=hint,
                key_note=self.tr(
                    "{0} A key belongs to its address: on another host it is deleted."
                ).format(self._secrets.storage()),
            )
        )

    def _opened(self, dialog: ProviderDialog) -> ProviderDialog | None:
        if self._dialog is not None:
            dialog.deleteLater()
            self._dialog.raise_()
            return None
        self._dialog = dialog
        dialog.checked.connect(self._on_checked)
        dialog.confirmed.connect(self._on_confirmed)
        dialog.form.key_page_asked.connect(self._open_page)
        dialog.finished.connect(self._on_finished)
        dialog.open()
        return dialog

    def _on_preset(self, preset: Preset | None) -> None:
        if self._dialog is None:
            return
        if preset is None:
            self._base = Provider(id="", name="", base_url="", tier=Tier.OWN_SERVER)
            note = self.tr("Anything that speaks OpenAI's chat protocol will do.")
            self._dialog.show_values(FormValues(note=note, key_note=self._secrets.storage()))
            return
        self._base = preset.provider
        variable = preset.provider.key_env
        notes = [self._secrets.storage()]
        if variable and preset.needs_key:
            notes.append(
                self.tr("Without one, the environment variable {0} is read.").format(variable)
            )
        self._dialog.show_values(
            FormValues(
                name=preset.name,
                base_url=preset.provider.base_url,
                note=preset.note,
                key_url=_safe(preset.provider.key_url),
                key_note=" ".join(notes),
                key_hint="" if preset.needs_key else self.tr("Usually none is needed"),
            )
        )

    def _on_checked(self, address: str) -> None:
        if self._dialog is not None:
            self._dialog.show_check(self._service.check_url(address) if address else None)

    def _on_confirmed(self) -> None:
        dialog = self._dialog
        if dialog is None or self._base is None or not dialog.form.is_ready:
            return
        provider = asks.with_form(self._base, dialog.form.name, dialog.form.base_url)
        dialog.show_working(is_working=True)
        self._bridge.spawn(self._store(provider, dialog.form.take_key()))

    async def _store(self, provider: Provider, key: str | None) -> None:
        dialog = self._dialog
        try:
            if self._is_new:
                name = provider.id or provider.name
                fresh = asks.with_id(provider, asks.free_id(self._service, name))
                stored = await self._bridge.submit(self._service.add(fresh, key))
            else:
                await self._bridge.submit(self._service.update(provider, key))
                stored = provider
        except PlaygroundError as error:
            if dialog is not None:
                dialog.show_problem(f"{error.message} {error.hint}".strip())
            return
        finally:
            if dialog is not None:
                dialog.show_working(is_working=False)
        if dialog is not None:
            dialog.accept()
        self._on_stored(stored.id)

    def _on_forget(self) -> None:
        if self._base is not None:
            self._bridge.spawn(self._forget(self._base.id))

    async def _forget(self, provider_id: str) -> None:
        await self._bridge.submit(self._service.delete_key(provider_id))
        if self._dialog is not None:
            self._dialog.accept()
        self._on_stored("")

    def _open_page(self, address: str) -> None:
        if _safe(address):
            QDesktopServices.openUrl(QUrl(address))

    def _on_finished(self) -> None:
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            dialog.deleteLater()


def _safe(address: str | None) -> str | None:
    """Return an address a browser may be sent to."""
    return address if address and address.startswith(("https://", "http://")) else None
