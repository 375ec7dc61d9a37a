"""The Hub's token: from the keyring, from `HF_TOKEN`, or from the login of huggingface_hub."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from playground.core.errors import UsageError
from playground.core.targets import Provider
from playground.core.urls import origin
from playground.store.secrets import KeySource, SecretStore

PUBLIC_HUB = "https://huggingface.co"
_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


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

    async def get(self, endpoint: str) -> HubToken | None:
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
        return await asyncio.to_thread(self._login)

    async def set(self, endpoint: str, value: str) -> KeySource:
        """Keep a token for `endpoint` and return where; raises `UsageError` for what is none."""
        value = value.strip()
        if not value or not (value.isascii() and value.isprintable()) or " " in value:
            raise UsageError(
                "This is no access token.", "Copy it from your account's page once more."
            )
        return await self._secrets.set(_account(endpoint), value)

    async def forget(self, endpoint: str) -> None:
        """Forget the token that was entered here."""
        await self._secrets.delete(_account(endpoint))

    def _login(self) -> HubToken | None:
        path = self._login_file()
        try:
            value = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        if not value or not value.isascii():
            return None
        return HubToken(value, TokenSource.LOGIN, str(path))

    def _login_file(self) -> Path:
        """Return the file `hf auth login` writes, by the variables `huggingface_hub` reads."""
        if path := self._environment.get("HF_TOKEN_PATH"):
            return Path(path).expanduser()
        home = self._environment.get("HF_HOME")
        if not home:
            cache = self._environment.get("XDG_CACHE_HOME") or "~/.cache"
            home = f"{cache}/huggingface"
        return Path(home).expanduser() / "token"


def _account(endpoint: str) -> Provider:
    return Provider(id="hugging-face-hub", name="Hugging Face Hub", base_url=endpoint)
