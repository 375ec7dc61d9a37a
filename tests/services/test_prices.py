"""What runs cost: reported, listed, entered by hand, electricity, or unknown."""

from dataclasses import replace
from pathlib import Path

import pytest

from playground.core.chat import ChatRequest, Message, Role
from playground.core.runs import (
    HostContact,
    Provenance,
    Run,
    RunStatus,
    StreamCounts,
    Timings,
    TokenUsage,
)
from playground.core.targets import (
    CloudTarget,
    LocalTarget,
    ModelFile,
    ModelPrice,
    Provider,
    Target,
)
from playground.services.providers.prices import PriceService, default_watts
from playground.store.presets import presets
from playground.store.settings import SettingsStore

OPENAI = next(preset.provider for preset in presets() if preset.id == "openai")
REQUEST = ChatRequest((Message(Role.USER, "four by four " * 4),))


@pytest.fixture
def settings(tmp_path: Path) -> SettingsStore:
    return SettingsStore(tmp_path / "settings.json")


@pytest.fixture
def prices(settings: SettingsStore) -> PriceService:
    return PriceService(settings, machine_watts=lambda: 36.0)


def run_on(target: Target, **changes: object) -> Run:
    run = Run(
        "r",
        target,
        REQUEST,
        0,
        status=RunStatus.FINISHED,
        usage=TokenUsage(1000, 100, 400, None, None, Provenance.REPORTED),
        timings=Timings(ttft_s=0.1, total_s=10.0),
        hosts=(HostContact("h:443", 1),),
    )
    return replace(run, **changes)


def test_a_listed_model_costs_its_tokens_by_kind(prices):
    cost = prices.cost(run_on(CloudTarget(OPENAI, "gpt-4o-mini")))
    price = prices.price(OPENAI, "gpt-4o-mini")
    expected = (
        600 * price.input_usd_per_mtok
        + 400 * price.cached_input_usd_per_mtok
        + 100 * price.output_usd_per_mtok
    ) / 1e6
    assert cost.usd == pytest.approx(expected)
    assert (cost.kind, cost.provenance) == ("api", Provenance.REPORTED)
    assert "1000 tokens" in cost.explanation


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        (OPENAI, "gpt-of-the-future"),
        (replace(OPENAI, price_id=None), "gpt-4o-mini"),
        (replace(OPENAI, price_id="nobody"), "gpt-4o-mini"),
        (Provider("nas", "NAS", "http://192.168.1.4/v1"), "gpt-4o-mini"),
    ],
)
def test_an_unknown_price_is_unknown_and_not_zero(prices, provider, model):
    assert prices.price(provider, model) is None
    assert prices.cost(run_on(CloudTarget(provider, model))).usd is None


def test_ones_own_price_goes_before_the_list_and_the_provider(prices):
    own = ModelPrice(10.0, 20.0)
    prices.set_price(OPENAI, "gpt-4o-mini", own)
    cost = prices.cost(run_on(CloudTarget(OPENAI, "gpt-4o-mini"), reported_cost_usd=9.0))
    assert cost.usd == pytest.approx((1000 * 10 + 100 * 20) / 1e6)
    assert prices.price(OPENAI, "gpt-4o-mini").source == "yours"
    prices.set_price(OPENAI, "gpt-4o-mini", None)
    assert "genai-prices" in prices.price(OPENAI, "gpt-4o-mini").source


def test_what_the_provider_says_it_cost_goes_before_the_list(prices):
    cost = prices.cost(run_on(CloudTarget(OPENAI, "gpt-4o-mini"), reported_cost_usd=0.00031))
    assert (cost.usd, cost.provenance) == (0.00031, Provenance.REPORTED)


def test_an_answer_that_was_stopped_is_priced_by_what_came_and_marked(prices):
    stopped = run_on(
        CloudTarget(OPENAI, "gpt-4o-mini"),
        status=RunStatus.CANCELLED,
        usage=TokenUsage(),
        counts=StreamCounts(chunks=3, characters=400),
    )
    cost = prices.cost(stopped)
    price = prices.price(OPENAI, "gpt-4o-mini")
    prompt = round(len(REQUEST.messages[0].content) / 4)
    expected = (prompt * price.input_usd_per_mtok + 100 * price.output_usd_per_mtok) / 1e6
    assert cost.usd == pytest.approx(expected)
    assert cost.provenance is Provenance.ESTIMATED


def test_more_cached_tokens_than_tokens_do_not_break_the_price(prices):
    odd = TokenUsage(10, 5, 400, None, None, Provenance.REPORTED)
    assert prices.cost(run_on(CloudTarget(OPENAI, "gpt-4o-mini"), usage=odd)).usd is not None


@pytest.mark.parametrize(
    "target",
    [
        LocalTarget(ModelFile(Path("/m.gguf"), "M", 1, "Starter")),
        CloudTarget(Provider("o", "O", "http://localhost:11434/v1", price_id="openai"), "gpt-4o"),
        CloudTarget(Provider("p", "P", "http://127.0.0.1:5/v1", is_practice=True), "m"),
    ],
)
def test_answers_made_on_this_computer_cost_electricity(prices, settings, target):
    settings.update(usd_per_kwh=0.5)
    cost = prices.cost(run_on(target))
    assert cost.usd == pytest.approx(10 * 36 / 3_600_000 * 0.5)
    assert (cost.kind, cost.provenance) == ("electricity", Provenance.ESTIMATED)
    settings.update(watts=72.0)
    assert prices.cost(run_on(target)).usd == pytest.approx(2 * cost.usd)


def test_a_run_that_sent_nothing_costs_nothing_that_is_known(prices):
    failed = run_on(
        CloudTarget(OPENAI, "gpt-4o-mini"), usage=TokenUsage(), hosts=(), timings=Timings()
    )
    assert prices.cost(failed).usd is None


@pytest.mark.parametrize("address", ["http://127.0.0.1:5/v1", "https://api.openai.com/v1"])
def test_a_refused_call_costs_nothing(prices, address):
    target = CloudTarget(Provider("p", "P", address, is_practice="127" in address), "gpt-4o-mini")
    refused = run_on(
        target,
        status=RunStatus.FAILED,
        usage=TokenUsage(),
        timings=Timings(total_s=0.01),
    )
    cost = prices.cost(refused)
    assert cost.usd is None
    assert "nothing to pay for" in cost.explanation
    broke_off = replace(refused, counts=StreamCounts(chunks=3), timings=Timings(0.1, total_s=9.0))
    assert "nothing to pay for" not in prices.cost(broke_off).explanation


def test_the_default_power_is_one_a_computer_can_draw():
    assert 5 < default_watts() < 100
