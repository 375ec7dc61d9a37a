"""Keys: where they are kept, and which host they may go to."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import KeyringLocked, PasswordDeleteError

from playground.core.errors import UsageError
from playground.core.targets import Provider
from playground.store.secrets import KeySource, SecretStore

KEY = "sk-planted-0123456789"
LAB = Provider("lab", "Lab", "https://lab.example/v1")


class SystemKeyring(KeyringBackend):
    """A keyring that keeps what it is given, as a system's does."""

    priority: ClassVar[float] = 5
    name: ClassVar[str] = "Test keyring"

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.kept:
            raise PasswordDeleteError("not there")
        del self.kept[service, username]


class PlainFileKeyring(SystemKeyring):
    """One that is not safe enough, like those of keyrings.alt."""

    priority: ClassVar[float] = 0.5


class ForgetfulKeyring(SystemKeyring):
    def set_password(self, service: str, username: str, password: str) -> None:
        pass


class LockedKeyring(SystemKeyring):
    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked(f"could not unlock, was asked for {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked(f"could not keep {password}")


class PromptingKeyring(SystemKeyring):
    """One whose password prompt is left open."""

    def __init__(self) -> None:
        super().__init__()
        self.answered = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.answered.wait(60)
        return None


@pytest.fixture
def system() -> Iterator[SystemKeyring]:
    before = keyring.get_keyring()
    backend = SystemKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


def use(backend: KeyringBackend) -> None:
    keyring.set_keyring(backend)


async def test_a_key_survives_the_program_in_the_systems_keyring(system):
    assert await SecretStore({}).set(LAB, f" {KEY}\n") is KeySource.KEYRING
    found = await SecretStore({}).get(LAB)
    assert (found.value, found.source) == (KEY, KeySource.KEYRING)
    store = SecretStore({})
    assert "keyring" not in await store.probe()
    assert store.backend == "Test keyring"


@pytest.mark.parametrize(
    "backend", [fail.Keyring(), null.Keyring(), PlainFileKeyring(), ForgetfulKeyring()]
)
async def test_without_a_safe_keyring_a_key_lasts_for_this_run_only(system, backend):
    use(backend)
    store = SecretStore({})
    assert await store.set(LAB, KEY) is KeySource.SESSION
    assert (await store.get(LAB)).value == KEY
    assert "until the program ends" in store.storage()
    assert await SecretStore({}).get(LAB) is None
    assert not getattr(backend, "kept", None)


async def test_a_locked_keyring_is_said_to_be_and_the_key_is_not_logged(system, caplog):
    use(LockedKeyring())
    store = SecretStore({})
    assert await store.set(LAB, KEY) is KeySource.SESSION
    assert "unlock" in store.storage()
    assert KEY not in caplog.text


async def test_a_keyring_that_is_unlocked_later_is_used_from_then_on(system):
    system.set_password("inference-playground", "lab https://lab.example:443", KEY)
    use(LockedKeyring())
    store = SecretStore({})
    assert await store.get(LAB) is None
    assert store.is_silent
    use(system)
    assert (await store.get(LAB)).value == KEY
    assert not store.is_silent


async def test_a_prompt_that_is_left_open_does_not_hold_the_program_up(system):
    prompting = PromptingKeyring()
    use(prompting)
    store = SecretStore({"LAB_KEY": KEY}, unlock_limit_s=0.1)
    found = await store.get(replace(LAB, key_env="LAB_KEY"))
    assert found.source is KeySource.ENVIRONMENT
    assert "unlock" in store.storage()
    prompting.answered.set()


async def test_the_safe_link_of_a_chain_is_used(system):
    class Chain(SystemKeyring):
        priority: ClassVar[float] = 10

    plain, safe = PlainFileKeyring(), SystemKeyring()
    chain = Chain()
    chain.backends = [plain, safe]
    use(chain)
    assert await SecretStore({}).set(LAB, KEY) is KeySource.KEYRING
    assert KEY in safe.kept.values()
    assert not plain.kept


async def test_a_key_does_not_follow_a_provider_to_another_host(system):
    store = SecretStore({})
    await store.set(LAB, KEY)
    for url in ("https://evil.example/v1", "http://lab.example/v1", "https://lab.example:444/v1"):
        assert await store.get(replace(LAB, base_url=url)) is None
    assert (await store.get(replace(LAB, base_url="https://lab.example/v2"))).value == KEY


async def test_a_services_variable_serves_that_services_host_alone(system):
    store = SecretStore({"OPENAI_API_KEY": KEY, "LAB_KEY": "sk-lab-000"})
    openai = Provider("o", "O", "https://api.openai.com/v1", key_env="OPENAI_API_KEY")
    assert (await store.get(openai)).source is KeySource.ENVIRONMENT
    assert await store.get(replace(openai, base_url="https://evil.example/v1")) is None
    moved = replace(openai, base_url="https://evil.example/v1", key_env=None, preset="openai")
    assert await store.get(moved) is None
    assert (await store.get(replace(LAB, key_env="LAB_KEY"))).value == "sk-lab-000"


async def test_what_was_entered_goes_before_the_environment(system):
    store = SecretStore({"LAB_KEY": "sk-from-outside"})
    provider = replace(LAB, key_env="LAB_KEY")
    await store.set(provider, KEY)
    assert (await store.get(provider)).value == KEY
    await store.delete(provider)
    assert (await store.get(provider)).value == "sk-from-outside"
    assert not system.kept


async def test_a_key_is_not_shown_where_the_secret_is_printed(system):
    store = SecretStore({})
    await store.set(LAB, KEY)
    secret = await store.get(LAB)
    assert KEY not in repr(secret)
    assert KEY not in str(secret)
    assert KEY not in f"{[secret]} {vars(store)}"


async def test_an_empty_key_is_not_a_key(system):
    with pytest.raises(UsageError):
        await SecretStore({}).set(LAB, "  ")
