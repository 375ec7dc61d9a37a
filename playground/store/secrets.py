"""API keys: the system's keyring, else memory, with environment variables as a fallback.

A key belongs to one provider at one origin (scheme, host, port). A provider whose address moves to
another host has no key there until it is entered again.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from playground.core.errors import UsageError
from playground.core.keys import check_key
from playground.core.redaction import Redactor
from playground.core.targets import Provider
from playground.core.threads import run_in_daemon_thread
from playground.core.urls import origin
from playground.store.presets import preset_of_key, presets

T = TypeVar("T")

log = logging.getLogger(__name__)

SERVICE = "inference-playground"
UNLOCK_LIMIT_S = 30.0
"""How long a person may take to unlock the keyring before the program goes on without it."""


class KeySource(StrEnum):
    """Where a key was found or is kept."""

    KEYRING = "keyring"
    SESSION = "session"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Secret:
    """A key; only `value` shows it."""

    value: str = field(repr=False)
    source: KeySource
    variable: str = ""
    """Environment variable it was read from."""
    note: str = ""
    """What was left out of what the variable holds."""


_STORE = {
    "darwin": "the keychain of this Mac",
    "win32": "Windows' Credential Manager",
}.get(sys.platform, "this computer's password store")
"""What people call the keyring of their system."""


class KeyringState(StrEnum):
    """What is known of the system's keyring."""

    UNKNOWN = "unknown"
    USABLE = "usable"
    MISSING = "missing"
    SILENT = "silent"


class SecretStore:
    """Keeps keys out of every file the program writes."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        unlock_limit_s: float = UNLOCK_LIMIT_S,
        redactor: Redactor | None = None,
    ) -> None:
        self._environment = os.environ if environment is None else environment
        self._unlock_limit_s = unlock_limit_s
        self.redactor = redactor or Redactor()
        """Hides every key that is here."""
        self._session: dict[str, str] = {}
        self._owners: list[Callable[[], Iterable[Provider]]] = []
        self._learnt: set[str] = set()
        self._state = KeyringState.UNKNOWN
        self._keyring_name = ""
        self._is_blocked = False

    def hide_keys_of(self, owners: Callable[[], Iterable[Provider]]) -> None:
        """Have `learn` read the keys of `owners` too."""
        self._owners.append(owners)

    async def learn(self) -> None:
        """Read every key there is, each once: what comes from outside may hold any of them."""
        for preset in presets():
            self.redactor.know(
                check_key(self._environment.get(preset.provider.key_env or "", "")).value
            )
        for provider in [owner for owners in self._owners for owner in owners()]:
            if _account(provider) not in self._learnt:
                self._learnt.add(_account(provider))
                await self.get(provider)

    async def get(self, provider: Provider) -> Secret | None:
        """Return the provider's key for the host it has now, or `None`."""
        secret = await self._find(provider)
        if secret is not None:
            self.redactor.know(secret.value)
        return secret

    async def set(self, provider: Provider, key: str) -> KeySource:
        """Keep a key and return where: in the keyring if it gives back what was written.

        What was copied along with it is left out. Raises `UsageError` for what cannot be a key.
        """
        key = usable_key(key)
        self.redactor.know(key)
        account = _account(provider)

        def write(backend: Any) -> bool:
            backend.set_password(SERVICE, account, key)
            return bool(backend.get_password(SERVICE, account) == key)

        # a keyring that did not answer earlier may have been unlocked since
        if await self._ask(write):
            self._session.pop(account, None)
            return KeySource.KEYRING
        if self._state is KeyringState.USABLE:
            self._state = KeyringState.MISSING
        self._session[account] = key
        return KeySource.SESSION

    async def delete(self, provider: Provider) -> None:
        """Forget the key of a provider at the host it has now."""
        account = _account(provider)
        self._session.pop(account, None)

        def erase(backend: Any) -> None:
            if backend.get_password(SERVICE, account) is not None:
                backend.delete_password(SERVICE, account)

        await self._ask(erase)

    async def probe(self) -> str:
        """Find out whether there is a keyring that answers by now, and return `storage()`."""
        if self._state is not KeyringState.USABLE:
            await self._ask(lambda _: None)
        return self.storage()

    @property
    def is_silent(self) -> bool:
        """True where there is a keyring, but it is locked or does not answer."""
        return self._state is KeyringState.SILENT

    def storage(self) -> str:
        """Return where keys are kept, in a sentence for the interface; see `probe`."""
        match self._state:
            case KeyringState.USABLE:
                return f"Keys are kept in {_STORE}."
            case KeyringState.MISSING:
                return (
                    "This computer has no password store that can be used: a key is kept until "
                    "the program ends, or read from this system's variables."
                )
            case KeyringState.SILENT:
                return (
                    f"{_STORE[:1].upper()}{_STORE[1:]} does not answer: unlock it. Until then a "
                    "key is kept until the program ends, or read from this system's variables."
                )
            case _:
                return f"Keys are kept in {_STORE}, where there is one."

    @property
    def backend(self) -> str:
        """The keyring's own name; empty where none is known."""
        return self._keyring_name

    async def _find(self, provider: Provider) -> Secret | None:
        account = _account(provider)
        if account in self._session:
            return Secret(self._session[account], KeySource.SESSION)
        # a run must not wait again for a prompt that was left open once
        if self._state is not KeyringState.MISSING and not self._is_blocked:
            value = await self._ask(lambda backend: backend.get_password(SERVICE, account))
            if isinstance(value, str) and value:
                return Secret(value, KeySource.KEYRING)
        return self._from_environment(provider)

    def _from_environment(self, provider: Provider) -> Secret | None:
        for name in key_variables(provider):
            check = check_key(self._environment.get(name, ""))
            if check.value:
                return Secret(check.value, KeySource.ENVIRONMENT, name, check.note)
        return None

    async def _ask(self, question: Callable[[Any], T]) -> T | None:
        """Put a question to the keyring; `None` where there is none or it does not answer."""

        def work() -> tuple[str, T] | None:
            backend = _backend()
            return None if backend is None else (str(backend.name), question(backend))

        try:
            # a prompt for the keyring's password may stay open for ever
            answer = await asyncio.wait_for(run_in_daemon_thread(work), self._unlock_limit_s)
        except TimeoutError:
            self._state = KeyringState.SILENT
            self._is_blocked = True
            return None
        except Exception as error:  # noqa: BLE001 - backends raise whatever their system raises
            # the text could quote what was to be written
            log.warning("the keyring failed with %s", type(error).__name__)
            self._state = KeyringState.SILENT
            return None
        self._is_blocked = False
        if answer is None:
            self._state = KeyringState.MISSING
            return None
        self._state = KeyringState.USABLE
        self._keyring_name = answer[0]
        return answer[1]


def usable_key(text: str) -> str:
    """Return the key in what was pasted; raises `UsageError` for none."""
    check = check_key(text)
    if not check.value:
        raise UsageError("The key is empty.", "Paste the key you got from the provider.")
    if check.problem:
        raise UsageError(check.problem, "Copy the key once more and enter it anew.")
    return check.value


def key_variables(provider: Provider) -> tuple[str, ...]:
    """Return the environment variables whose key may go to this provider.

    A well-known service's variable serves that service's own host and no other.
    """
    known = next((preset for preset in presets() if preset.id == provider.preset), None)
    names = (provider.key_env, known.provider.key_env if known else None)
    return tuple(name for name in dict.fromkeys(names) if name and _may_use(provider, name))


def _may_use(provider: Provider, variable: str) -> bool:
    owner = preset_of_key(variable)
    return owner is None or origin(owner.provider.base_url) == origin(provider.base_url)


def _account(provider: Provider) -> str:
    return f"{provider.id} {origin(provider.base_url)}"


def _backend() -> Any:
    """Return a keyring that keeps what it is given safely, or `None`."""
    import keyring.core  # noqa: PLC0415 - start-up time

    backend = keyring.core.get_keyring()
    # a chain would fall back on backends that are not safe
    links = getattr(backend, "backends", None) or [backend]
    # plain text files and the null backend have a priority below 1
    return next((link for link in links if keyring.core.recommended(link)), None)
