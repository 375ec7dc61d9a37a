"""What a person has measured, and the advice that comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from playground.core.metrics import Figure
from playground.core.statistics import Pair, wilson_interval


class Answer(StrEnum):
    """Where the questions should go."""

    HERE = "here"
    CLOUD = "cloud"
    BOTH = "both"
    EITHER = "either"
    MEASURE = "measure"


class Criterion(StrEnum):
    """What is weighed."""

    PRIVACY = "privacy"
    RIGHT = "right"
    SPEED = "speed"
    PRICE = "price"


class Step(StrEnum):
    """What would settle it."""

    COMPARE = "compare"
    TEST = "test"
    MORE = "more"
    GET = "get"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Link:
    """What stands behind a sentence: a comparison, an evaluation, or a page."""

    kind: str
    """`comparison`, `evaluation`, `models` or `sent`."""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """A model at a place, with what is known of it; `None` is unknown."""

    target: str
    """Its key."""
    label: str
    name: str
    """What it is called where another is named as well: with its place."""
    place: str
    """A name among the places of `resources/advice.toml`."""
    host: str = ""
    """Who gets the words, where they leave."""
    fits: bool | None = None
    first_s: Figure | None = None
    """Seconds to the first word of an answer."""
    usd: Figure | None = None
    """US dollars a question."""
    right: int = 0
    scored: int = 0
    """Cases of the evaluation that were scored; 0 where there was none."""
    comparison: str = ""
    """A comparison that shows how it answers."""


@dataclass(frozen=True, slots=True)
class TagEvidence:
    """How two options differ on the cases of one tag, and on all others."""

    tag: str
    share: float
    """Of the cases, 0 … 1."""
    within: Pair
    elsewhere: Pair


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a person has measured."""

    options: tuple[Option, ...] = ()
    pairs: tuple[Pair, ...] = ()
    """Of the evaluation, by their targets' keys."""
    tags: tuple[TagEvidence, ...] = ()
    evaluation: str = ""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a bigger computer would cost."""

    price_usd: float
    years: float
    hours_a_day: float
    idle_watts: float
    usd_per_kwh: float = 0.30

    @property
    def usd_a_month(self) -> float:
        """Its price spread over its life, and what it draws while it waits."""
        energy_kwh = self.idle_watts / 1000 * self.hours_a_day * 365 / 12
        return self.price_usd / (12 * self.years) + energy_kwh * self.usd_per_kwh


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason in plain words, and what stands behind it."""

    id: str
    title: str
    text: str
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What would change the answer, in a few words, and to what."""

    said: str
    answer: Answer
    title: str
    per_day: int | None = None
    """Questions a day, where these are what would change."""


@dataclass(frozen=True, slots=True)
class Advice:
    """The answer, why, and what would change it."""

    answer: Answer
    title: str
    subtitle: str
    here: Option | None
    cloud: Option | None
    reasons: tuple[Reason, ...]
    runner_up: str
    changes: tuple[Change, ...]
    steps: tuple[tuple[Step, str, str], ...]
    """What would settle it where it is not settled: each with its title and a sentence."""
    months: "Months"
    most_per_day: int
    """Questions a day up to which a chart goes, so that all that is told is in it."""


@dataclass(frozen=True, slots=True)
class Months:
    """Dollars a month by questions a day: three straight lines; `None` is unknown."""

    here_usd: Figure | None
    """A question's electricity."""
    cloud_usd: Figure | None
    """A question's price."""
    fixed_usd: float
    """A bigger computer's, a month."""
    days: int
    pays_from: int | None
    """Questions a day from which a bigger computer costs less than the cloud; `None` for never."""

    @property
    def pays_from_words(self) -> str:
        """From how many questions buying pays; empty where it never does."""
        if self.pays_from is None:
            return ""
        return f"{self.pays_from * self.days:,} questions a month, {self.pays_from:,} a day"

    def here(self, per_day: float) -> float | None:
        """On the computer there is."""
        return None if self.here_usd is None else self.here_usd.value * per_day * self.days

    def cloud(self, per_day: float) -> float | None:
        """At the provider."""
        return None if self.cloud_usd is None else self.cloud_usd.value * per_day * self.days

    def bigger(self, per_day: float) -> float | None:
        """On a computer that is bought for it."""
        running = self.here(per_day)
        return None if running is None else self.fixed_usd + running


class AdviceRules:
    """`resources/advice.toml`, decoded."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.places: Mapping[str, Mapping[str, Any]] = data["places"]
        self.rules: Sequence[Mapping[str, Any]] = data["rules"]
        self.emphasis: Mapping[str, Mapping[str, float]] = data["emphasis"]
        self.limits_s: Mapping[str, float] = data["soon"]
        self.scales: Mapping[str, float] = data["scales"]
        self.weights: Mapping[str, float] = data["weights"]
        self.costs: Mapping[str, float] = data["costs"]
        self.sentences: Mapping[str, Any] = data["sentences"]

    def stays(self, option: Option) -> bool:
        return bool(self.places[option.place]["stays"])

    def stands_in(self, option: Option) -> bool:
        """Return whether the option only plays a place: nothing of it says what that one is."""
        return bool(self.places[option.place].get("stands_in"))

    def keeps(self, what: str, option: Option) -> bool:
        """Return whether a rule that keeps `what` leaves the option."""
        if what == "stays":
            return self.stays(option)
        if what == "works_offline":
            return not self.places[option.place]["needs_connection"]
        if what == "good_enough":
            share = wilson_interval(option.right, option.scored)
            return share is None or share[1] >= self.scales["enough"]
        return option.fits is not False

    def bigger_computer(self, usd_per_kwh: float = 0.30) -> Costs:
        """Return the usual one."""
        costs = self.costs
        return Costs(
            costs["price_usd"],
            costs["years"],
            costs["hours_a_day"],
            costs["idle_watts"],
            usd_per_kwh,
        )
