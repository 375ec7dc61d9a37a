"""What models are called in a document: by name and provider, or A, B and C."""

from collections import Counter
from collections.abc import Sequence

from playground.core.runs import Comparison, Run
from playground.core.share.document import Choice, Part, Place, letter
from playground.core.share.scrubbing import Scrubber
from playground.core.targets import LocalTarget, Target
from playground.core.targets import Place as TargetPlace

_AT_PROVIDER = frozenset({Place.CLOUD, Place.SERVER})


def asked_targets(comparison: Comparison) -> tuple[Target, ...]:
    """Return a comparison's targets, and those of its runs that are no longer among them."""
    known = {target.key for target in comparison.targets}
    others = {
        run.target.key: run.target
        for turn in comparison.turns
        for run in turn.runs
        if run.target.key not in known
    }
    return (*comparison.targets, *others.values())


class Names:
    """The names and places of a document's targets, by their position."""

    def __init__(self, targets: Sequence[Target], choice: Choice, scrubber: Scrubber) -> None:
        self.are_told = Part.NAMES in choice
        self.places = tuple(place_of(target) for target in targets)
        if self.are_told:
            self.names = _told(targets, scrubber)
        else:
            self.names = tuple(map(letter, range(len(targets))))
        self._keys = [target.key for target in targets]

    def position(self, run: Run, column: int) -> int:
        """Return which target the run at `column` of a turn is of.

        A turn the program ended in may have more runs or fewer, and a target may come twice.
        """
        if column < len(self._keys) and self._keys[column] == run.target.key:
            return column
        return self._keys.index(run.target.key)


def place_of(target: Target) -> Place:
    if isinstance(target, LocalTarget):
        return Place.HERE
    if target.provider.is_practice:
        return Place.PRACTICE
    return Place.CLOUD if target.place is TargetPlace.CLOUD else Place.SERVER


def _told(targets: Sequence[Target], scrubber: Scrubber) -> tuple[str, ...]:
    """Return each target's name, a model's without its folders; namesakes with what differs."""
    labels = [scrubber.clean_name(target.label) or "?" for target in targets]
    details = [_detail(target, scrubber) for target in targets]
    names = [
        f"{label} · {detail}" if place_of(target) in _AT_PROVIDER and detail else label
        for target, label, detail in zip(targets, labels, details, strict=True)
    ]
    times = Counter(names)
    return tuple(
        f"{name} ({detail})" if times[name] > 1 and detail and detail not in name else name
        for name, detail in zip(names, details, strict=True)
    )


def _detail(target: Target, scrubber: Scrubber) -> str:
    # the practice cloud's own name says in brackets whose computer it runs on
    is_practice = place_of(target) is Place.PRACTICE
    return "practice cloud" if is_practice else scrubber.clean_name(target.detail)
