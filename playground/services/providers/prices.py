"""What models cost: a provider's price list, the person's own prices, or electricity."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from playground.core.metrics import completed_usage
from playground.core.pricing import api_cost, electricity_cost
from playground.core.runs import Cost, Provenance, Run, RunStatus, TokenUsage
from playground.core.targets import CloudTarget, ModelPrice, Provider
from playground.core.urls import host_of, is_private_host
from playground.store.settings import Settings, SettingsStore

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

YOURS = "yours"


class PriceService:
    """Knows what a model costs per token and what a run has cost.

    `cost` reads the bundled price list (0.25 s the first time): call it off the I/O loop.
    """

    def __init__(
        self, settings: SettingsStore, machine_watts: Callable[[], float] | None = None
    ) -> None:
        self._settings = settings
        self._machine_watts = machine_watts or default_watts

    @property
    def watts(self) -> float:
        """Power above idle that a local answer is taken to draw."""
        watts = self._settings.settings.watts
        return self._machine_watts() if watts is None else watts

    def price(self, provider: Provider, model: str) -> ModelPrice | None:
        """Return the model's price: the person's own, else the price list's, else `None`."""
        if (own := self._own_price(f"{provider.id}:{model}")) is not None:
            return own
        listed = _listed(provider, model, TokenUsage(prompt_tokens=0, completion_tokens=0))
        if listed is None:
            return None
        prices: Any = listed.model_price
        return ModelPrice(
            input_usd_per_mtok=_base(getattr(prices, "input_mtok", None)),
            output_usd_per_mtok=_base(getattr(prices, "output_mtok", None)),
            cached_input_usd_per_mtok=_base(getattr(prices, "cache_read_mtok", None)),
            source=_list_name(),
        )

    def set_price(self, provider: Provider, model: str, price: ModelPrice | None) -> None:
        """Keep the person's own price for a model; `None` goes back to the price list."""
        key = f"{provider.id}:{model}"

        def edit(settings: Settings) -> Settings:
            others = {name: kept for name, kept in settings.price_overrides.items() if name != key}
            if price is not None:
                others[key] = replace(price, source=YOURS)
            return replace(settings, price_overrides=others)

        self._settings.change(edit)

    def cost(self, run: Run) -> Cost:
        """Return what a run cost; unknown rather than zero where a price is missing."""
        target = run.target
        if not isinstance(target, CloudTarget):
            return self._electricity(run)
        provider = target.provider
        if run.timings.ttft_s is None and run.usage == TokenUsage() and not run.hosts:
            return Cost(None, "api", None, "Nothing was sent.")
        if run.status is RunStatus.FAILED and run.usage == TokenUsage() and not run.counts.chunks:
            return Cost(None, "api", None, "No answer came, so there is nothing to pay for.")
        if (own := self._own_price(target.key)) is not None:
            return api_cost(own, _usage(run))
        if run.reported_cost_usd is not None:
            said = f"{provider.name} reports ${run.reported_cost_usd:.6g} for this answer."
            return Cost(run.reported_cost_usd, "api", Provenance.REPORTED, said)
        if provider.is_loopback:
            return self._electricity(run)
        if is_private_host(host_of(provider.base_url)):
            return Cost(None, "electricity", None, "What your own server draws is not known here.")
        return _listed_cost(provider, target.model, _usage(run))

    def _own_price(self, key: str) -> ModelPrice | None:
        own = self._settings.settings.price_overrides.get(key)
        return None if own is None else replace(own, source=own.source or YOURS)

    def _electricity(self, run: Run) -> Cost:
        seconds = run.timings.total_s
        if seconds is None:
            return Cost(None, "electricity", None, "Nothing was computed.")
        return electricity_cost(seconds, self.watts, self._settings.settings.usd_per_kwh)


def default_watts() -> float:
    """Return what answering is taken to draw above idle on this kind of machine, in watts.

    A processor core under full vector load draws about 3 W in a laptop and 6 W in a desktop; power
    limits cap a laptop near 28 W and a desktop near 95 W. These are round figures from the makers'
    power limits (15 to 28 W for thin laptops, 65 to 125 W for desktops) less what idles anyway, so
    they are always shown as an estimate and can be set by hand.
    """
    import psutil  # noqa: PLC0415 - start-up time

    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if has_battery():
        return min(28.0, 3.0 * cores + 4.0)
    return min(95.0, 6.0 * cores + 9.0)


def has_battery() -> bool:
    import psutil  # noqa: PLC0415 - start-up time

    try:
        read: Callable[[], object] | None = getattr(psutil, "sensors_battery", None)
        return read is not None and read() is not None
    except (OSError, RuntimeError, psutil.Error):
        return False


def _usage(run: Run) -> TokenUsage:
    """Return the run's counts, with the prompt's estimated where only the answer's is known."""
    usage = completed_usage(run)
    known = (usage.prompt_tokens, usage.completion_tokens)
    if None not in known:
        return usage
    blank = replace(run, usage=TokenUsage(), counts=replace(run.counts, tokens=0))
    guess = completed_usage(blank)
    return replace(
        usage,
        prompt_tokens=guess.prompt_tokens if known[0] is None else known[0],
        completion_tokens=guess.completion_tokens if known[1] is None else known[1],
        provenance=Provenance.ESTIMATED,
    )


def _listed_cost(provider: Provider, model: str, usage: TokenUsage) -> Cost:
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return Cost(None, "api", None, "How many tokens were used is not known.")
    listed = _listed(provider, model, usage)
    if listed is None:
        why = "No price is known for this model. Enter it on the Providers page."
        return Cost(None, "api", None, why)
    is_reported = usage.provenance is Provenance.REPORTED
    return Cost(
        float(listed.total_price),
        "api",
        Provenance.REPORTED if is_reported else Provenance.ESTIMATED,
        f"{usage.prompt_tokens} tokens in and {usage.completion_tokens} out at "
        f"{listed.model_price} ({_list_name()})",
    )


def _listed(provider: Provider, model: str, usage: TokenUsage) -> "PriceCalculation | None":
    """Return the price list's calculation; `None` for providers and models it does not have."""
    if provider.price_id is None or provider.is_loopback:
        return None
    from genai_prices import Usage, calc_price  # noqa: PLC0415 - takes 0.25 s

    prompt = usage.prompt_tokens or 0
    counted = Usage(
        input_tokens=prompt,
        output_tokens=usage.completion_tokens or 0,
        # a part of the input, and never more than it
        cache_read_tokens=min(usage.cached_tokens or 0, prompt),
    )
    try:
        return calc_price(counted, model.removeprefix("models/"), provider_id=provider.price_id)
    except (LookupError, ValueError):
        return None


def _base(price: Any) -> float | None:
    if price is None:
        return None
    return float(getattr(price, "base", price))


def _list_name() -> str:
    from genai_prices import __version__  # noqa: PLC0415 - takes 0.25 s

    return f"genai-prices {__version__}"
