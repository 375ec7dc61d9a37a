"""Which targets there are, which are chosen, and how the picker lists them."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QCoreApplication

from playground.core.errors import AuthenticationFailed, PlaygroundError
from playground.core.requirements.memory import Fit, MemoryNeed, fit
from playground.core.targets import (
    PRACTICE_MODEL,
    CloudModel,
    CloudTarget,
    LoadSettings,
    LocalTarget,
    ModelFile,
    ModelPrice,
    Place,
    Provider,
    Target,
)
from playground.services.library.index import disambiguate
from playground.services.providers.service import lacks_list
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.format import PLACE_LOOKS, size_words
from playground.ui.widgets.target_picker import PickerEntry


def _tr(text: str) -> str:
    return QCoreApplication.translate("ComparePage", text)


START_PRACTICE = "practice:start"
PROVIDER_HELP = "help "
"""Begins the key of a line that leads to a provider's card: what to do there, and its id."""


def _local_entry(model: ModelFile, found: Fit | None, chosen: set[str]) -> PickerEntry:
    if model.problem is not None:
        return PickerEntry(None, model.name, model.problem, icon="warning", tone="bad")
    key = LocalTarget(model).key
    parts = (size_words(model.size_bytes), model.source)
    return PickerEntry(
        key,
        model.name,
        " · ".join(part for part in parts if part),
        _fit_words(found),
        tone="local",
        icon="home",
        is_chosen=key in chosen,
        tooltip="\n".join(part for part in (str(model.path), model.quantization) if part),
    )


def _practice_entry(running: Provider | None, chosen: set[str], *, can_start: bool) -> PickerEntry:
    own = [key for key in chosen if running is not None and key.startswith(f"{running.id}:")]
    start = START_PRACTICE if can_start else None
    return PickerEntry(
        own[0] if own else start,
        _tr("Practice cloud (on this computer)"),
        _tr("Behaves like a cloud, without a key; nothing leaves the house"),
        _tr("free"),
        tone="cloud",
        icon="cloud",
        is_chosen=bool(own),
    )


def _cloud_entries(
    provider: Provider,
    models: tuple[CloudModel, ...] | PlaygroundError | None,
    chosen: set[str],
) -> list[PickerEntry]:
    if models is None:
        return [_remark(_tr("Asking {name}…").format(name=provider.name))]
    if isinstance(models, PlaygroundError):
        return [_failed_entry(provider, models)]
    tone, icon = PLACE_LOOKS[provider.place]
    return [
        PickerEntry(
            f"{provider.id}:{model.id}",
            model.id,
            provider.name,
            _price_words(model.price),
            tone=tone,
            icon=icon,
            is_chosen=f"{provider.id}:{model.id}" in chosen,
        )
        for model in models
    ]


def _failed_entry(provider: Provider, error: PlaygroundError) -> PickerEntry:
    """Return the line of a provider that did not tell its models; a click leads to what helps."""
    action, words = "test", _tr("Show it")
    if isinstance(error, AuthenticationFailed):
        action, words = "key", _tr("Enter the key")
    elif lacks_list(error):
        action, words = "models", _tr("Type a model's name")
    said = f"{error.message} {error.hint}".strip()
    return PickerEntry(
        f"{PROVIDER_HELP}{action} {provider.id}",
        provider.name,
        said,
        words,
        icon="warning",
        tone="caution",
        tooltip=said,
    )


def _fit_words(found: Fit | None) -> str:
    """Return whether a model goes into the free memory, in words."""
    match found:
        case Fit.FITS:
            return _tr("Fits")
        case Fit.TIGHT:
            return _tr("Tight")
        case Fit.WONT_FIT:
            return _tr("Won't fit")
        case None:
            return ""


def _price_words(price: ModelPrice | None) -> str:
    """Return what a million tokens cost, in and out."""
    if price is None or price.input_usd_per_mtok is None or price.output_usd_per_mtok is None:
        return _tr("price unknown")
    return _tr("${input} in · ${output} out per million tokens").format(
        input=f"{price.input_usd_per_mtok:g}", output=f"{price.output_usd_per_mtok:g}"
    )


def _remark(text: str) -> PickerEntry:
    return PickerEntry(None, text, icon="more")


MOST = 6


class Library(Protocol):
    """What is needed of the model library."""

    def starter_path(self) -> Path | None: ...

    async def listed(self) -> tuple[ModelFile, ...]:
        """Return every model file, of new ones only name and size."""
        ...

    async def scan(self) -> tuple[ModelFile, ...]:
        """Return every model file, read."""
        ...

    async def find(self, name_or_path: str) -> ModelFile: ...

    def need(
        self, model: ModelFile, settings: LoadSettings, free_bytes: int | None = None
    ) -> MemoryNeed | None:
        """Return the memory a model takes; reads its header."""
        ...


class Providers(Protocol):
    """What is needed of the providers."""

    def list(self) -> tuple[Provider, ...]: ...

    async def models(self, provider: Provider) -> tuple[CloudModel, ...]: ...

    async def start_practice(self) -> Provider: ...


class TargetSelection:
    """Knows the chosen targets; `changed` is called after each change."""

    def __init__(
        self,
        bridge: Bridge,
        library: Library,
        providers: Providers,
        settings: SettingsStore,
        free_bytes: Callable[[], int],
        *,
        is_remembered: bool = True,
    ) -> None:
        """`is_remembered` is False where another selection is the one of the next start."""
        self._is_remembered = is_remembered
        self._bridge = bridge
        self._library = library
        self._providers = providers
        self._settings = settings
        self._free_bytes = free_bytes
        self._files: tuple[ModelFile, ...] | None = None
        self._fits: dict[Path, Fit] = {}
        self._cloud: dict[str, tuple[CloudModel, ...] | PlaygroundError | None] = {}
        self._asked: dict[str, tuple[Provider, dict[str, ModelPrice]]] = {}
        self._listed: dict[str, tuple[object, list[PickerEntry]]] = {}
        """Provider → what its entries were made from, and the entries."""
        self._known: dict[str, Target] = {}
        self.chosen: tuple[Target, ...] = ()
        self.changed: Callable[[], None] = lambda: None

    @property
    def has_starter(self) -> bool:
        """True where the one-click comparison can run."""
        return self._library.starter_path() is not None

    def choose(self, targets: Sequence[Target]) -> None:
        """Replace the chosen targets, and remember them for the next start."""
        self._show(targets)
        if not self._is_remembered:
            return
        keys = tuple(target.key for target in self.chosen)
        self._bridge.write(self._settings.update, last_targets=keys)

    def toggle(self, key: str) -> None:
        """Add a target of the picker, or take it away."""
        target = self._known.get(key)
        if key in {chosen.key for chosen in self.chosen}:
            self.remove(key)
        elif target is not None:
            self.choose((*self.chosen, target))

    def remove(self, key: str) -> None:
        self.choose([target for target in self.chosen if target.key != key])

    def renew(self) -> None:
        """Take the chosen targets as they are set up now: load settings and addresses change."""
        providers = {provider.id: provider for provider in self._providers.list()}

        def now(target: Target) -> Target:
            if isinstance(target, LocalTarget):
                return self._local(target.model)
            return CloudTarget(providers.get(target.provider.id, target.provider), target.model)

        self._renew(now)

    async def restore(self) -> None:
        """Choose what was chosen when the program was closed, as far as it is there now.

        What is not stays remembered: its drive or its server may be back at the next start.
        """
        keys = self._settings.settings.last_targets
        if not keys or self.chosen:
            return
        if any(key.startswith("local:") for key in keys):
            await self.list_files()
        found = [self._find(key) for key in keys]
        if not self.chosen:
            self._show([target for target in found if target is not None])

    async def choose_like(self, targets: Sequence[Target]) -> tuple[Target, ...]:
        """Choose what is here of these where nothing is chosen; return the others.

        A model file that only a recording tells of is the one of its name here.
        """
        await self.list_files()
        if self.chosen:
            return ()
        found = [(target, self._counterpart(target)) for target in targets]
        if own := [here for _, here in found if here is not None]:
            self.choose(own)
        return tuple(target for target, here in found if here is None)

    def _counterpart(self, target: Target) -> Target | None:
        """Return what answers here in place of a target that may be another computer's."""
        if isinstance(target, CloudTarget):
            if not target.is_recorded:
                return self._find(target.key)
            own = [each for each in self._providers.list() if each.is_practice]
            has_own = target.provider.is_practice and bool(own)
            return CloudTarget(own[0], PRACTICE_MODEL) if has_own else None
        if target.key in self._known:
            return self._known[target.key]
        here = [
            model
            for model in self._files or ()
            if model.name == target.label and model.problem is None and model.is_present
        ]
        alike = [model for model in here if model.quantization == target.model.quantization]
        return self._local((alike or here)[0]) if here else None

    async def list_files(self) -> tuple[ModelFile, ...]:
        """Look for model files; of those that are new nothing but name and size is known yet."""
        return self._take_files(await self._bridge.submit(self._library.listed()))

    async def scan(self) -> tuple[ModelFile, ...]:
        """Look for model files, read them, and find out whether they fit."""
        files = self._take_files(await self._bridge.submit(self._library.scan()))
        self._renew_read()
        self._fits = await self._bridge.submit(asyncio.to_thread(self._judge, files))
        return files

    async def practice(self) -> CloudTarget:
        """Start the practice cloud and return its model."""
        provider = await self._bridge.submit(self._providers.start_practice())
        models = await self._bridge.submit(self._providers.models(provider))
        self._take_models(provider, models)
        if not models:
            raise PlaygroundError(_tr("The practice cloud offers no model."))
        return CloudTarget(provider, models[0].id)

    async def starter(self) -> LocalTarget | None:
        path = self._library.starter_path()
        files = self._files if self._files is not None else await self.list_files()
        found = [model for model in files if model.path == path and model.problem is None]
        usable = found or [model for model in files if model.problem is None]
        return self._local(await self._read(usable[0])) if usable else None

    @property
    def has_unread(self) -> bool:
        """True where a file was chosen of which nothing but name and size is known."""
        return any(map(_is_unread, self.chosen))

    async def read_chosen(self) -> None:
        """Read what is not read of the chosen files; one that cannot be is left as it is."""
        for target in self.chosen:
            if isinstance(target, LocalTarget) and _is_unread(target):
                with suppress(PlaygroundError):
                    model = await self._read(target.model)
                    self._known[target.key] = replace(target, model=model)
        self._renew_read()

    async def look_everywhere(self, show: Callable[[], None]) -> None:
        """Scan folders and ask every provider; `show` is called as answers come in."""
        providers = self._providers.list()
        for provider in providers:
            if not provider.is_practice:
                self._cloud.setdefault(provider.id, None)
        await asyncio.gather(
            self._scan_and_show(show), *(self._ask(p, show) for p in providers if not p.is_practice)
        )

    def entries(self) -> list[PickerEntry]:
        chosen = {target.key for target in self.chosen}
        providers = self._providers.list()
        practice = next((provider for provider in providers if provider.is_practice), None)
        lines = [PickerEntry(None, _tr("On this computer"))]
        if self._files is None:
            lines.append(_remark(_tr("Looking for models…")))
        elif not self._files:
            lines.append(_remark(_tr("No models yet: add a folder under Models.")))
        # what cannot answer is no target; the Models page says what it is
        files = [model for model in self._files or () if model.is_chat_model]
        lines.extend(_local_entry(each, self._fits.get(each.path), chosen) for each in files)
        at = {place: [p for p in providers if p.place is place] for place in Place}
        for provider in at[Place.LOCAL]:
            lines.extend(self._entries_of(provider, chosen))
        if at[Place.NETWORK]:
            lines.append(PickerEntry(None, _tr("In your network")))
        for provider in at[Place.NETWORK]:
            lines.extend(self._entries_of(provider, chosen))
        lines.append(PickerEntry(None, _tr("In the cloud")))
        lines.append(_practice_entry(practice, chosen, can_start=self.has_starter))
        for provider in at[Place.CLOUD]:
            if not provider.is_practice:
                lines.extend(self._entries_of(provider, chosen))
        return lines

    def _entries_of(self, provider: Provider, chosen: set[str]) -> list[PickerEntry]:
        """Return a provider's entries; those of thousands are made once, not at every answer."""
        models = self._cloud.get(provider.id)
        own = {key for key in chosen if key.startswith(f"{provider.id}:")}
        made_from, entries = self._listed.get(provider.id, (None, []))
        if made_from != (provider, models, own):
            entries = _cloud_entries(provider, models, own)
            self._listed[provider.id] = ((provider, models, own), entries)
        return entries

    def _show(self, targets: Sequence[Target]) -> None:
        unique = {target.key: target for target in targets}
        self.chosen = tuple(unique.values())[:MOST]
        self.changed()

    def _judge(self, files: Sequence[ModelFile]) -> dict[Path, Fit]:
        free = self._free_bytes()
        fits = {}
        for model in files:
            settings = self._settings.settings.load_settings_of(model)
            need = self._library.need(model, settings, free) if model.problem is None else None
            if need is not None:
                fits[model.path] = fit(need.needed_bytes, free)
        return fits

    def _take_files(self, found: Sequence[ModelFile]) -> tuple[ModelFile, ...]:
        self._files = disambiguate(found)
        self._known.update((target.key, target) for target in map(self._local, self._files))
        return self._files

    async def _read(self, model: ModelFile) -> ModelFile:
        """Return a model with what its header says, under the name it is listed by."""
        if model.is_header_read:
            return model
        read = await self._bridge.submit(self._library.find(str(model.path)))
        return replace(read, name=model.name)

    def _renew_read(self) -> None:
        """Take over what has been read of models that were chosen before."""
        self._renew(lambda t: self._known.get(t.key, t) if _is_unread(t) else t)

    def _renew(self, now: Callable[[Target], Target]) -> None:
        renewed = tuple(map(now, self.chosen))
        if renewed != self.chosen:
            self._show(renewed)

    async def _scan_and_show(self, show: Callable[[], None]) -> None:
        await self.list_files()
        show()
        await self.scan()
        show()

    async def _ask(self, provider: Provider, show: Callable[[], None]) -> None:
        # an address or a price that was changed meanwhile makes an old list wrong
        asked = (provider, self._settings.settings.price_overrides)
        if (
            isinstance(self._cloud.get(provider.id), tuple)
            and self._asked.get(provider.id) == asked
        ):
            return
        self._asked[provider.id] = asked
        try:
            self._take_models(provider, await self._bridge.submit(self._providers.models(provider)))
        except PlaygroundError as error:
            self._cloud[provider.id] = error
        show()

    def _take_models(self, provider: Provider, models: tuple[CloudModel, ...]) -> None:
        self._cloud[provider.id] = models
        for model in models:
            target = CloudTarget(provider, model.id)
            self._known[target.key] = target

    def _find(self, key: str) -> Target | None:
        if key in self._known:
            return self._known[key]
        provider_id, _, model = key.partition(":")
        for provider in self._providers.list():
            if provider.id == provider_id and model:
                return CloudTarget(provider, model)
        return None

    def _local(self, model: ModelFile) -> LocalTarget:
        return LocalTarget(model, self._settings.settings.load_settings_of(model))


def is_same(first: Target, second: Target) -> bool:
    """Return True where both would answer alike, whatever more has become known of a file."""
    if isinstance(first, LocalTarget) and isinstance(second, LocalTarget):
        return (first.key, first.settings) == (second.key, second.settings)
    return first == second


def _is_unread(target: Target) -> bool:
    return isinstance(target, LocalTarget) and not target.model.is_header_read
