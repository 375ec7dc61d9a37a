"""Access token of the Hub: entered here, from the environment, or from the login of its tools."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from playground.core.errors import HubFailed, UsageError
from playground.core.targets import Provider
from playground.core.threads import run_in_daemon_thread
from playground.core.urls import origin
from playground.services.hub.exchange import Exchange, current_exchange
from playground.store.secrets import KeySource, SecretStore

PUBLIC_HUB = "https://huggingface.co"
_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")

log = logging.getLogger(__name__)


class TokenSource(StrEnum):
    """Where the token in force was found."""

    KEYRING = "keyring"
    SESSION = "session"
    ENVIRONMENT = "environment"
    LOGIN = "hugging face login"


@dataclass(frozen=True, slots=True)
class HubToken:
    """A token; only `value` shows it."""

    value: str = field(repr=False)
    source: TokenSource
    detail: str = ""
    """The variable's name, or the file's path."""


class HubTokens:
    """Finds and keeps the token of one endpoint; a token never goes to another one."""

    def __init__(self, secrets: SecretStore, environment: Mapping[str, str] | None = None) -> None:
        self._secrets = secrets
        self._environment = os.environ if environment is None else environment

    async def get(self, endpoint: str, exchange: Exchange) -> HubToken | None:
        """Return the token for `endpoint`; one that was entered here comes first.

        The environment's token and the login's belong to the public Hub and to what `HF_ENDPOINT`
        names: a mirror entered in Settings gets only a token entered for it.
        """
        secret = await self._secrets.get(_account(endpoint))
        if secret is not None:
            kept = secret.source is KeySource.KEYRING
            return HubToken(secret.value, TokenSource.KEYRING if kept else TokenSource.SESSION)
        named = self._environment.get("HF_ENDPOINT", "").strip() or PUBLIC_HUB
        if origin(endpoint) not in {origin(PUBLIC_HUB), origin(named)}:
            return None
        for name in _VARIABLES:
            if value := self._environment.get(name, "").strip():
                return HubToken(value, TokenSource.ENVIRONMENT, name)
        return await run_in_daemon_thread(lambda: _login(exchange))

    async def set(self, endpoint: str, value: str) -> KeySource:
        """Keep a token for `endpoint`; return where it is kept."""
        return await self._secrets.set(_account(endpoint), value)

    async def forget(self, endpoint: str) -> None:
        """Forget the token that was entered here."""
        await self._secrets.delete(_account(endpoint))


def checked_token(value: str) -> str:
    """Return a token as it was entered, without blanks around it; raises `UsageError` for none."""
    value = value.strip()
    if not value or not (value.isascii() and value.isprintable()) or " " in value:
        raise UsageError("This is no access token.", "Copy it from your account's page once more.")
    return value


def _login(exchange: Exchange) -> HubToken | None:
    """Return the token of `hf auth login`; the library renews one that is about to expire."""
    from huggingface_hub import constants, errors, get_token  # noqa: PLC0415 - start-up time

    from playground.services.hub import transport  # noqa: PLC0415 - start-up time

    transport.install()
    current_exchange.set(exchange)
    try:
        value = get_token()
    except (OSError, ValueError, errors.OIDCError, HubFailed):
        # a file that cannot be read, or a login of a CI system that has failed
        log.warning("the login of huggingface_hub cannot be used", exc_info=True)
        return None
    if not value or not value.isascii():
        return None
    return HubToken(value, TokenSource.LOGIN, constants.HF_TOKEN_PATH)


def _account(endpoint: str) -> Provider:
    return Provider(id="hugging-face-hub", name="Hugging Face Hub", base_url=endpoint)
