"""Providers as a person sets them up, against a real server on loopback."""

import gzip
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail

from playground.core.chat import ChatRequest, Message, Role
from playground.core.errors import (
    AddressRefused,
    AuthenticationFailed,
    EngineError,
    KeyMissing,
    ProviderFailed,
    RequestRejected,
    StreamInvalid,
    UsageError,
)
from playground.core.events import Failed, Finished, StreamEvent, TextDelta
from playground.core.targets import CloudTarget, Provider, Tier
from playground.engines.base import Engine
from playground.engines.openai.client import MOST_LIST_BYTES
from playground.services.hub.service import HubService
from playground.services.providers.practice import PracticeCloud
from playground.services.providers.prices import PriceService
from playground.services.providers.service import ProviderService, lacks_list
from playground.store.presets import presets
from playground.store.secrets import KeySource, SecretStore
from playground.store.settings import SettingsStore
from tests.servers.scripted_openai import Reply, ScriptedOpenAI, Stream, text

KEY = "sk-planted-0123456789"
REQUEST = ChatRequest((Message(Role.USER, "Hi"),))


@pytest.fixture
def cloud() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI() as server:
        yield server


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def settings(tmp_path: Path) -> SettingsStore:
    return SettingsStore(tmp_path / "settings.json")


@pytest.fixture
def providers(settings: SettingsStore) -> ProviderService:
    return ProviderService(
        settings, SecretStore({}), PracticeCloud(lambda: None), PriceService(settings)
    )


def lab(cloud: ScriptedOpenAI) -> Provider:
    return Provider("lab", "Lab", cloud.base_url)


async def answer(engine: Engine) -> list[StreamEvent]:
    return [event async for event in engine.stream(REQUEST)]


async def test_a_provider_is_added_with_its_key_and_found_after_a_restart(
    providers, settings, cloud, tmp_path
):
    await providers.add(lab(cloud), KEY)
    assert isinstance((await answer(providers.engine(CloudTarget(lab(cloud), "m"))))[-1], Finished)
    assert cloud.requests[-1].headers["authorization"] == f"Bearer {KEY}"
    again = SettingsStore(tmp_path / "settings.json")
    assert [provider.id for provider in again.settings.providers] == ["lab"]
    assert KEY not in (tmp_path / "settings.json").read_text()


@pytest.mark.parametrize("bad", ["", "Lab", "a:b", "local", "practice", "x" * 41, "-a", "a/b"])
async def test_an_id_that_cannot_name_a_target_is_refused(providers, cloud, bad):
    with pytest.raises(UsageError):
        await providers.add(replace(lab(cloud), id=bad))
    assert providers.list() == ()


async def test_the_same_id_cannot_be_used_twice(providers, cloud):
    await providers.add(lab(cloud))
    with pytest.raises(UsageError, match="already"):
        await providers.add(lab(cloud))


async def test_an_unsafe_address_is_refused_when_added_changed_or_slipped_in(
    providers, settings, cloud
):
    unsafe = Provider("lab", "Lab", "http://lab.example/v1")
    with pytest.raises(AddressRefused):
        await providers.add(unsafe)
    await providers.add(lab(cloud))
    with pytest.raises(AddressRefused):
        await providers.update(unsafe)
    settings.update(providers=(unsafe,))
    events = await answer(providers.engine(CloudTarget(unsafe, "m")))
    assert isinstance(events[-1], Failed)
    assert events[-1].error.kind == "AddressRefused"


async def test_a_provider_that_moves_has_no_key_until_it_is_entered_again(settings, cloud):
    secrets = SecretStore({})
    practice = PracticeCloud(lambda: None)
    providers = ProviderService(settings, secrets, practice, PriceService(settings))
    await providers.add(lab(cloud), KEY)
    with ScriptedOpenAI() as elsewhere:
        moved = await providers.update(replace(lab(cloud), base_url=elsewhere.base_url))
        await answer(providers.engine(CloudTarget(moved, "m")))
        assert "authorization" not in elsewhere.requests[-1].headers
        await providers.update(lab(cloud))
        assert await providers.key_source(lab(cloud)) is None, "nor has it when it comes back"
        assert await secrets.set(lab(cloud), KEY) is KeySource.SESSION


async def test_a_renamed_provider_keeps_its_key(providers, cloud):
    await providers.add(lab(cloud), KEY)
    renamed = await providers.update(replace(lab(cloud), name="  The   lab "))
    assert renamed.name == "The lab"
    assert await providers.key_source(renamed) is KeySource.SESSION


async def test_a_variable_does_not_follow_a_provider_to_another_host(settings, cloud):
    secrets = SecretStore({"LAB_KEY": KEY})
    providers = ProviderService(
        settings, secrets, PracticeCloud(lambda: None), PriceService(settings)
    )
    await providers.add(replace(lab(cloud), key_env="LAB_KEY"))
    before = providers.find("lab")
    moved = await providers.update(replace(before, base_url="https://elsewhere.example/v1"))
    assert await providers.key_source(moved) is None


async def test_a_removed_provider_leaves_no_key_behind(providers, cloud):
    await providers.add(lab(cloud), KEY)
    await providers.remove("lab")
    assert providers.list() == ()
    await providers.add(lab(cloud))
    assert await providers.key_source(lab(cloud)) is None


async def test_a_service_without_a_key_says_so_before_anything_is_sent(providers):
    openai = next(preset for preset in presets() if preset.id == "openai")
    stored = await providers.add(openai.provider)
    events = await answer(providers.engine(CloudTarget(stored, "gpt-4o-mini")))
    assert events[-1].error.kind == "KeyMissing"
    assert "OPENAI_API_KEY" in events[-1].error.hint
    with pytest.raises(KeyMissing):
        await providers.models(stored)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"data": [{"id": "b"}, {"id": "a", "context_length": 8192}]}, [("a", 8192), ("b", None)]),
        ([{"id": "a", "max_model_len": 4096}], [("a", 4096)]),
        ({"models": [{"name": "a"}, "b"]}, [("a", None), ("b", None)]),
        (
            {
                "data": [
                    {"id": "a"},
                    {"id": "a"},
                    None,
                    {"id": 5},
                    {"id": "x\ny"},
                    {"id": "y" * 300},
                ]
            },
            [("a", None)],
        ),
        ({"data": []}, []),
    ],
)
async def test_the_list_of_models_is_read_in_every_usual_shape(providers, cloud, payload, expected):
    cloud.models = payload
    await providers.add(lab(cloud), KEY)
    found = await providers.models(providers.find("lab"))
    assert [(model.id, model.context_length) for model in found] == expected
    assert cloud.requests[-1].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(401, {"error": {"message": f"wrong: {KEY}"}}), AuthenticationFailed),
        (Reply(200, "<html>hello</html>", content_type="text/html"), StreamInvalid),
        (Reply(200, {"data": "none"}), StreamInvalid),
        (Reply(418, {"error": "teapot"}), RequestRejected),
        (Reply(200, b"{broken"), StreamInvalid),
    ],
)
async def test_a_failed_test_names_the_reason_without_the_key(providers, cloud, reply, error):
    cloud.models = reply
    await providers.add(lab(cloud), KEY)
    with pytest.raises(error) as caught:
        await providers.models(providers.find("lab"))
    assert KEY not in f"{caught.value} {caught.value.hint} {caught.value.__cause__!r}"


async def test_a_list_of_models_without_an_end_is_not_read_to_it(providers, cloud):
    packed = gzip.compress(b'{"data": [' + b" " * 6 * MOST_LIST_BYTES, 1)
    cloud.models = Reply(200, packed, headers={"Content-Encoding": "gzip"})
    await providers.add(lab(cloud), KEY)
    tracemalloc.start()
    try:
        with pytest.raises(StreamInvalid):
            await providers.models(providers.find("lab"))
        assert tracemalloc.get_traced_memory()[1] < 5 * MOST_LIST_BYTES
    finally:
        tracemalloc.stop()


async def test_models_come_with_their_prices(providers, cloud, settings):
    cloud.models = {"data": [{"id": "gpt-4o-mini"}, {"id": "made-up-by-us"}]}
    # a price list's id at the scripted server's address, which a public service never has
    own = replace(lab(cloud), tier=Tier.STUDIO, price_id="openai")
    await providers.add(own, KEY)
    found = {model.id: model.price for model in await providers.models(providers.find("lab"))}
    assert found["made-up-by-us"] is None
    assert found["gpt-4o-mini"] is None, "servers on this computer cost no tokens"


async def test_settings_that_hold_a_practice_cloud_of_old_do_not_send_it_anything(settings, cloud):
    stale = Provider("practice", "Practice", cloud.base_url, is_practice=True)
    settings.update(providers=(stale,))
    providers = ProviderService(
        settings, SecretStore({}), PracticeCloud(lambda: None), PriceService(settings)
    )
    events = await answer(providers.engine(CloudTarget(stale, "m")))
    assert events[-1].error.kind == "NotAvailable"
    assert not cloud.requests


class SystemKeyring(KeyringBackend):
    priority: ClassVar[float] = 5

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[username] = password


OTHER_KEY = "gsk-somebody-elses-0123456789"
PRESET_KEY = "sk-ant-preset-0123456789"
HUB_TOKEN = "hf_token0123456789"
OLD_HUB_TOKEN = "hf_old0123456789"


@pytest.fixture
def all_keys(settings: SettingsStore, cloud: ScriptedOpenAI, tmp_path: Path) -> ProviderService:
    """Providers with keys from everywhere, none of which has been asked for yet."""
    environment = {
        "OPENAI_API_KEY": PRESET_KEY,
        "OTHER_KEY": OTHER_KEY,
        "HF_TOKEN": HUB_TOKEN,
        "HUGGING_FACE_HUB_TOKEN": OLD_HUB_TOKEN,
    }
    secrets = SecretStore(environment)
    HubService(settings, secrets, tmp_path, lambda: None, environment)
    other = Provider("other", "Other", "https://other.example/v1", key_env="OTHER_KEY")
    settings.update(providers=(lab(cloud), other))
    return ProviderService(settings, secrets, PracticeCloud(lambda: None), PriceService(settings))


@pytest.mark.parametrize("key", [OTHER_KEY, PRESET_KEY, HUB_TOKEN, OLD_HUB_TOKEN])
async def test_a_server_that_says_another_ones_key_gets_it_neither_shown_nor_stored(
    all_keys: ProviderService, cloud: ScriptedOpenAI, key: str
) -> None:
    engine = all_keys.engine(CloudTarget(lab(cloud), "m"))
    cloud.script(Stream(text("It is ", key, ", or ", *key, " sk", "y")))
    events = await answer(engine)
    assert isinstance(events[-1], Finished)
    said = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert said == "It is [key], or [key] sky"
    cloud.script(Reply(401, {"error": {"message": f"Not {key}"}}))
    failed = (await answer(engine))[-1]
    assert isinstance(failed, Failed)
    assert failed.error.message == "Lab: Not [key]"
    cloud.models = {"data": [{"id": f"id-{key}"}, {"id": "m"}]}
    assert [model.id for model in await all_keys.models(lab(cloud))] == ["id-[key]", "m"]
    cloud.models = Reply(500, f"panic: {key}", content_type="text/plain")
    with pytest.raises(ProviderFailed) as caught:
        await all_keys.models(lab(cloud))
    assert caught.value.message == "Lab: panic: [key]"


async def test_a_key_in_the_keyring_that_was_not_used_yet_is_known(
    settings: SettingsStore, cloud: ScriptedOpenAI
) -> None:
    system = SystemKeyring()
    keyring.set_keyring(system)
    other = Provider("other", "Other", "https://other.example/v1")
    await SecretStore({}).set(other, OTHER_KEY)
    settings.update(providers=(lab(cloud), other))
    providers = ProviderService(
        settings, SecretStore({}), PracticeCloud(lambda: None), PriceService(settings)
    )
    cloud.models = {"data": [{"id": OTHER_KEY}]}
    assert [model.id for model in await providers.models(lab(cloud))] == ["[key]"]


async def test_a_key_is_not_taken_for_a_models_name(
    all_keys: ProviderService, cloud: ScriptedOpenAI
) -> None:
    target = await all_keys.target("lab", " large-2 ")
    assert (target.provider.id, target.model) == ("lab", "large-2")
    for key in (OTHER_KEY, PRESET_KEY):
        with pytest.raises(UsageError, match="This is a key") as caught:
            await all_keys.target("lab", key)
        assert key not in f"{caught.value}{caught.value.hint}"
    for nonsense in ("", "  ", "a\nb", "x" * 300):
        with pytest.raises(UsageError, match="not a model's name"):
            await all_keys.target("lab", nonsense)


NO_LIST = Reply(404, {"detail": "Not Found"})


@pytest.mark.parametrize(
    "reply",
    [
        NO_LIST,
        Reply(405, {"detail": "Method Not Allowed"}),
        Reply(200, "<html>hello</html>", content_type="text/html"),
        Reply(200, {"object": "something else"}),
    ],
)
async def test_a_model_is_named_where_a_provider_has_no_list(
    providers: ProviderService, settings: SettingsStore, cloud: ScriptedOpenAI, reply: Reply
) -> None:
    cloud.models = reply
    await providers.add(lab(cloud), KEY)
    with pytest.raises(EngineError) as caught:
        await providers.models(lab(cloud))
    assert lacks_list(caught.value)
    assert (await providers.name_model("lab", "  large-2 ")).id == "large-2"
    await providers.name_model("lab", "small")
    await providers.name_model("lab", "large-2")
    assert [model.id for model in await providers.models(lab(cloud))] == ["large-2", "small"]
    assert isinstance(
        (await answer(providers.engine(CloudTarget(lab(cloud), "small"))))[-1], Finished
    )
    assert cloud.requests[-1].body["model"] == "small"
    await providers.remove("lab")
    assert settings.settings.typed_models == {}


async def test_a_named_model_stands_beside_those_of_the_list(
    providers: ProviderService, cloud: ScriptedOpenAI
) -> None:
    await providers.add(lab(cloud), KEY)
    await providers.name_model("lab", "preview")
    await providers.name_model("lab", "m")
    assert [model.id for model in await providers.models(lab(cloud))] == ["preview", "m"]


async def test_a_provider_that_refuses_the_key_is_not_taken_for_one_without_a_list(
    providers: ProviderService, cloud: ScriptedOpenAI
) -> None:
    cloud.models = Reply(401, {"error": {"message": "no"}})
    await providers.add(lab(cloud), KEY)
    await providers.name_model("lab", "m")
    with pytest.raises(AuthenticationFailed) as caught:
        await providers.models(lab(cloud))
    assert not lacks_list(caught.value)


async def test_a_key_that_is_gone_after_a_restart_is_asked_for_again(
    providers: ProviderService, settings: SettingsStore, cloud: ScriptedOpenAI, tmp_path: Path
) -> None:
    await providers.add(lab(cloud), KEY)
    assert not (await providers.key_locations(providers.list()))["lab"].is_lost
    again = ProviderService(
        SettingsStore(tmp_path / "settings.json"),
        SecretStore({}),
        PracticeCloud(lambda: None),
        PriceService(settings),
    )
    (kept,) = again.list()
    assert (await again.key_locations([kept]))["lab"].is_lost
    # a target of an older comparison knows nothing of the key
    failed = (await answer(again.engine(CloudTarget(lab(cloud), "m"))))[-1]
    assert isinstance(failed, Failed)
    assert failed.error.kind == "KeyMissing"
    assert "Enter it again" in failed.error.hint
    with pytest.raises(KeyMissing):
        await again.models(kept)
    assert not cloud.requests
    await again.update(kept, KEY)
    assert not (await again.key_locations(again.list()))["lab"].is_lost
    await again.models(again.find("lab"))


async def test_a_key_that_was_deleted_or_left_behind_is_not_asked_for(
    providers: ProviderService, cloud: ScriptedOpenAI
) -> None:
    await providers.add(lab(cloud), KEY)
    await providers.delete_key("lab")
    assert not (await providers.key_locations(providers.list()))["lab"].is_lost
    await providers.update(providers.find("lab"), KEY)
    with ScriptedOpenAI() as elsewhere:
        await providers.update(replace(providers.find("lab"), base_url=elsewhere.base_url))
        assert not (await providers.key_locations(providers.list()))["lab"].is_lost


async def test_what_is_no_key_leaves_everything_as_it_was(
    providers: ProviderService, cloud: ScriptedOpenAI
) -> None:
    with pytest.raises(UsageError, match="space"):
        await providers.add(lab(cloud), "two words")
    assert providers.list() == ()
