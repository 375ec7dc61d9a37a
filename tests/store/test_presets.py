"""The providers that come with the program."""

import pytest

from playground.core.targets import Provider, Tier
from playground.core.urls import AddressLevel, check_url
from playground.resources import resource
from playground.store.presets import presets, with_known_quirks

NAMED = [
    "openai",
    "anthropic",
    "google",
    "groq",
    "openrouter",
    "mistral",
    "deepseek",
    "together",
    "fireworks",
    "xai",
    "cerebras",
    "huggingface",
    "ollama",
    "lm-studio",
    "llama-server",
    "vllm",
]


def test_every_provider_people_look_for_is_there():
    assert [preset.id for preset in presets()] == NAMED


@pytest.mark.parametrize("preset", presets(), ids=lambda preset: preset.id)
def test_a_preset_is_complete(preset):
    provider = preset.provider
    assert check_url(provider.base_url).level is AddressLevel.OK
    assert check_url(provider.base_url).url == provider.base_url
    if provider.tier is Tier.OWN_SERVER:
        assert provider.is_loopback
        assert not preset.needs_key
    else:
        assert provider.base_url.startswith("https://")
        assert provider.key_url.startswith("https://")
        assert provider.key_env


def test_the_price_list_knows_the_ids():
    from genai_prices.data import providers

    known = {provider.id for provider in providers}
    listed = {preset.provider.price_id for preset in presets()} - {None}
    assert listed <= known
    assert len(listed) == 11


def test_the_file_says_nothing_the_program_does_not_read():
    import tomllib
    from dataclasses import fields

    known = {field.name for field in fields(Provider)} | {"note"}
    for name, data in tomllib.loads(resource("providers.toml").read_text("utf-8")).items():
        assert set(data) <= known, name


def test_a_known_service_entered_by_hand_gets_its_quirks():
    typed = Provider("mine", "Mine", "https://api.mistral.ai/v1", key_env="MY_KEY")
    known = with_known_quirks(typed)
    assert known.seed_field == "random_seed"
    assert known.tier is Tier.STUDIO
    assert (known.id, known.name, known.key_env) == ("mine", "Mine", "MY_KEY")


def test_an_unknown_public_service_gets_only_what_openai_defines():
    unknown = with_known_quirks(Provider("x", "X", "https://llm.example/v1"))
    assert unknown.rejects == {"top_k", "min_p", "repeat_penalty"}
    own = with_known_quirks(Provider("x", "X", "http://192.168.1.4:8080/v1"))
    assert not own.rejects
