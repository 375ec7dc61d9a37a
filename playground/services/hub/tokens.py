"""Access token of the Hub: entered here, from the environment, or from the login of its tools."""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from playground.core.errors import HubFailed
from playground.core.keys import check_key
from playground.core.targets import Provider
from playground.core.threads import run_in_daemon_thread
from playground.core.urls import origin, tidied
from playground.store.secrets import KeySource, SecretStore

PUBLIC_HUB = "https://huggingface.co"
_LONGEST_TOKEN = 4096
TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")

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


def account(endpoint: str) -> Provider:
    """Return what a token entered here is kept for: it never goes to another endpoint."""
    return Provider(id="hugging-face-hub", name="Hugging Face Hub", base_url=endpoint)


async def find_token(
    endpoint: str,
    secrets: SecretStore,
    environment: Mapping[str, str],
    login: Callable[[], HubToken | None],
) -> HubToken | None:
    """Return the token for `endpoint`; one that was entered here comes first, `login` last.

    The environment's token and the login's belong to the public Hub and to what `HF_ENDPOINT`
    names: a mirror entered in Settings gets only a token entered for it.
    """
    secret = await secrets.get(account(endpoint))
    if secret is not None:
        kept = secret.source is KeySource.KEYRING
        return HubToken(secret.value, TokenSource.KEYRING if kept else TokenSource.SESSION)
    named = tidied(environment.get("HF_ENDPOINT", "")) or PUBLIC_HUB
    if origin(endpoint) not in {origin(PUBLIC_HUB), origin(named)}:
        return None
    for name in TOKEN_VARIABLES:
        if value := check_key(environment.get(name, "")).value:
            return HubToken(value, TokenSource.ENVIRONMENT, name)
    found = await run_in_daemon_thread(login)
    secrets.redactor.know(None if found is None else found.value)
    return found


def stored_login(environment: Mapping[str, str]) -> str | None:
    """Return what `hf auth login` has kept, without `huggingface_hub`: loading it takes 0.6 s.

    The places: https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
    """
    cache = environment.get("XDG_CACHE_HOME", "~/.cache")
    home = environment.get("HF_HOME", f"{cache}/huggingface")
    path = environment.get("HF_TOKEN_PATH", f"{home}/token")
    try:
        with Path(os.path.expandvars(path)).expanduser().open(encoding="ascii") as file:
            return check_key(file.read(_LONGEST_TOKEN)).value or None
    except (OSError, ValueError, RuntimeError):
        # `RuntimeError`: there is no home
        return None


def login_token() -> HubToken | None:
    """Return the token of `hf auth login`; the library renews one that is about to expire."""
    from huggingface_hub import constants, errors, get_token  # noqa: PLC0415 - start-up time

    try:
        value = get_token()
    except (OSError, ValueError, errors.OIDCError, HubFailed):
        # a file that cannot be read, or a login of a CI system that has failed
        log.warning("the login of huggingface_hub cannot be used", exc_info=True)
        return None
    if not value or not value.isascii():
        return None
    return HubToken(value, TokenSource.LOGIN, constants.HF_TOKEN_PATH)
