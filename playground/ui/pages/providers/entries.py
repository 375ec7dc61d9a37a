"""What the Providers page shows of each provider, as plain values."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from playground.core.targets import CloudModel, ModelPrice, Provider, Tier
from playground.store.secrets import KeySource


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """A provider as its card shows it."""

    provider: Provider
    key_words: str = ""
    """Where its key is, in words; empty while that is being looked up."""
    key_tone: str = "quiet"
    is_testing: bool = False
    models: tuple[CloudModel, ...] | None = None
    """What it offered when it was asked; `None` before that."""
    problem: str = ""
    """Why it could not be asked, and what to try."""


@dataclass(frozen=True, slots=True)
class PracticeEntry:
    """The practice cloud as its card shows it."""

    is_running: bool = False
    is_starting: bool = False
    fraction: float = 0.0
    doing: str = ""
    problem: str = ""


def _tr(text: str) -> str:
    return QCoreApplication.translate("ProvidersPage", text)


def tier_words(tier: Tier) -> str:
    """Return the tier as a game's shelf would name it."""
    return {
        Tier.AAA: _tr("AAA product"),
        Tier.STUDIO: _tr("Studio API"),
        Tier.OWN_SERVER: _tr("Your own server"),
        Tier.INDIE: _tr("Indie model"),
    }[tier]


def tier_explained(tier: Tier) -> str:
    """Return what a tier means, in a sentence."""
    return {
        Tier.AAA: _tr("One of the big, well-known products: clever, costly, your words leave here"),
        Tier.STUDIO: _tr("A specialised service: often faster or cheaper, your words leave here"),
        Tier.OWN_SERVER: _tr("A server you run yourself, on this computer or in your network"),
        Tier.INDIE: _tr("A model file on this computer"),
    }[tier]


def key_words(provider: Provider, source: KeySource | None, variable: str) -> tuple[str, str]:
    """Return where a provider's key is, and the tone to say it in."""
    match source:
        case KeySource.KEYRING:
            return _tr("Key in the system's keyring"), "quiet"
        case KeySource.SESSION:
            return _tr("Key kept for this run of the program only"), "caution"
        case KeySource.ENVIRONMENT:
            return _tr("Key from the environment variable {0}").format(variable), "quiet"
    if provider.tier is Tier.OWN_SERVER:
        return _tr("No key: your own server may not need one"), "quiet"
    return _tr("No key yet: edit it to enter one"), "caution"


def price_words(usd_per_mtok: float | None) -> str:
    """Return a price per million tokens: `$0.15`, or a dash for unknown."""
    if usd_per_mtok is None:
        return "—"
    digits = 2 if usd_per_mtok >= 0.1 or usd_per_mtok == 0 else 4
    return f"${usd_per_mtok:,.{digits}f}"


def price_source(price: ModelPrice | None) -> str:
    """Return where a price comes from, in words."""
    if price is None:
        return _tr("unknown")
    return _tr("yours") if price.source == "yours" else price.source
