"""What models are called in a document: by name and provider, or A, B and C."""

from collections import Counter
from collections.abc import Sequence

from playground.core.share.document import Choice, Part, Place, letter
from playground.core.share.scrubbing import Scrubber
from playground.core.targets import LocalTarget, Target, Tier

_AT_PROVIDER = frozenset({Place.CLOUD, Place.SERVER})


class Names:
    """The names and places of a document's targets, by their position."""

    def __init__(self, targets: Sequence[Target], choice: Choice, scrubber: Scrubber) -> None:
        self.are_told = Part.NAMES in choice
        self.places = tuple(place_of(target) for target in targets)
        if self.are_told:
            self.names = _told(targets, scrubber)
        else:
            self.names = tuple(map(letter, range(len(targets))))


def place_of(target: Target) -> Place:
    if isinstance(target, LocalTarget):
        return Place.HERE
    if target.provider.is_practice:
        return Place.PRACTICE
    is_own = target.provider.is_loopback or target.tier is Tier.OWN_SERVER
    return Place.SERVER if is_own else Place.CLOUD


def _told(targets: Sequence[Target], scrubber: Scrubber) -> tuple[str, ...]:
    """Return each target's name, a model's without its folders; namesakes with what differs."""
    labels = [scrubber.clean_name(target.label) or "?" for target in targets]
    details = [scrubber.clean_name(target.detail) for target in targets]
    names = [
        f"{label} · {detail}" if place_of(target) in _AT_PROVIDER and detail else label
        for target, label, detail in zip(targets, labels, details, strict=True)
    ]
    times = Counter(names)
    return tuple(
        f"{name} ({detail})" if times[name] > 1 and detail and detail not in name else name
        for name, detail in zip(names, details, strict=True)
    )
