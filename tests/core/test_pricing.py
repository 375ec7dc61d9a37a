"""What a run costs, and what is not known about it."""

import pytest

from playground.core.pricing import api_cost, electricity_cost
from playground.core.runs import Provenance, TokenUsage
from playground.core.targets import ModelPrice

PRICE = ModelPrice(2.0, 10.0, 0.5, source="genai-prices 1")


def usage(
    prompt: int | None, completion: int | None, cached: int | None = None, reasoning: int = 0
) -> TokenUsage:
    return TokenUsage(prompt, completion, cached, reasoning, provenance=Provenance.REPORTED)


@pytest.mark.parametrize(
    ("price", "tokens", "usd"),
    [
        (PRICE, usage(1_000_000, 0), 2.0),
        (PRICE, usage(0, 1_000_000), 10.0),
        (PRICE, usage(1_000, 100), 0.003),
        (PRICE, usage(1_000_000, 0, cached=400_000), 1.4),
        (PRICE, usage(1_000_000, 0, cached=2_000_000), 0.5),
        (PRICE, usage(0, 1_000_000, reasoning=900_000), 10.0),
        (ModelPrice(2.0, 10.0), usage(1_000_000, 0, cached=400_000), 2.0),
        (ModelPrice(0.0, 0.0), usage(1_000, 100), 0.0),
    ],
    ids=[
        "input",
        "output",
        "both",
        "cached input is cheaper",
        "more cached than sent",
        "reasoning is output",
        "no price for cached input",
        "a free model",
    ],
)
def test_tokens_cost_by_their_kind(price: ModelPrice, tokens: TokenUsage, usd: float) -> None:
    cost = api_cost(price, tokens)
    assert cost.usd == pytest.approx(usd)
    assert cost.kind == "api"
    assert cost.provenance is Provenance.REPORTED


@pytest.mark.parametrize(
    ("price", "tokens"),
    [
        (ModelPrice(None, 10.0), usage(10, 10)),
        (ModelPrice(2.0, None), usage(10, 10)),
        (PRICE, usage(None, 10)),
        (PRICE, usage(10, None)),
    ],
)
def test_a_cost_with_a_part_missing_is_unknown_and_never_zero(
    price: ModelPrice, tokens: TokenUsage
) -> None:
    cost = api_cost(price, tokens)
    assert cost.usd is None
    assert cost.provenance is None


def test_a_cost_of_estimated_tokens_is_an_estimate() -> None:
    tokens = TokenUsage(10, 10, provenance=Provenance.ESTIMATED)
    assert api_cost(PRICE, tokens).provenance is Provenance.ESTIMATED


def test_the_explanation_names_what_the_figure_was_made_of() -> None:
    explanation = api_cost(PRICE, usage(12, 34)).explanation
    for part in ("12", "34", "$2", "$10", "genai-prices 1"):
        assert part in explanation
    electricity = electricity_cost(3.5, 45, 0.3).explanation
    for part in ("3.50 s", "45 W", "above idle", "$0.3"):
        assert part in electricity


def test_electricity_is_power_times_time_and_always_an_estimate() -> None:
    cost = electricity_cost(3_600, 1_000, 0.30)
    assert cost.usd == pytest.approx(0.30)
    assert (cost.kind, cost.provenance) == ("electricity", Provenance.ESTIMATED)
