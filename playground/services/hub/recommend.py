"""Which file of a repository to take, and why, in a sentence for somebody who knows none of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from playground.core.gguf.quantization import USUAL_BITS, bits_per_weight
from playground.core.hub import HubFile
from playground.core.requirements.model import Compatibility

_SMALL_BYTES = 1_200_000_000
"""Up to here the nearly lossless version costs little, and small models lose most by compression.
"""
_LOSSLESS_BITS = 8.5
_USE = {Compatibility.RUNS_GREAT: 3.0, Compatibility.RUNS: 2.6, Compatibility.SLOW: 1.0}


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One file, and the reason in a sentence."""

    file: HubFile
    reason: str


def recommended(
    files: Sequence[HubFile], verdicts: Mapping[str, Compatibility]
) -> Recommendation | None:
    """Return the file to take; `verdicts` by path, as far as they are known.

    The better verdict counts most, then the quality: below about 4.4 bits a weight models forget
    noticeably, above 6.6 hardly anything is gained, but for small models, which lose more. `None`
    where nothing fits or nothing is known.
    """
    rated = [
        (score, file)
        for file in files
        if file.problem is None
        and (verdict := verdicts.get(file.path)) in _USE
        and (score := _score(file, verdict)) is not None
    ]
    if not rated:
        return None
    best = max(rated, key=lambda item: (item[0], -item[1].size_bytes))[1]
    return Recommendation(best, _reason(best, verdicts[best.path], files, verdicts))


def _score(file: HubFile, verdict: Compatibility) -> float | None:
    bits = bits_per_weight(file.quantization)
    if bits is None:
        return _USE[verdict] - 0.5
    ideal = _LOSSLESS_BITS if file.size_bytes <= _SMALL_BYTES and bits <= 9 else USUAL_BITS
    return _USE[verdict] + _quality(bits) - abs(bits - ideal) / 20


def _quality(bits: float) -> float:
    if bits >= 4.4:
        return 1.0
    if bits >= 3.4:
        return 0.5
    return 0.1 if bits >= 2.5 else -0.5


def _reason(
    file: HubFile,
    verdict: Compatibility,
    files: Sequence[HubFile],
    verdicts: Mapping[str, Compatibility],
) -> str:
    others = [other for other in files if other is not file]
    if verdict is Compatibility.SLOW:
        slow = _slow_reason(file, others, verdicts)
        return f"{slow} A smaller model would be a better choice."
    runs_great = verdict is Compatibility.RUNS_GREAT
    how = "runs great on this computer" if runs_great else "runs on this computer"
    bits = bits_per_weight(file.quantization)
    if not others:
        return f"It is the only version there is, and it {how}."
    if bits is None:
        return f"Of the versions that fit, it suits best: it {how}."
    if bits > 16:
        return f"It is the full version, and it {how}."
    if bits >= 6.6:
        return f"It keeps nearly the full quality and is still small: it {how}."
    if bits >= 4.4:
        is_limit = any(
            other.size_bytes > file.size_bytes and _loses(verdicts.get(other.path), verdict)
            for other in others
        )
        better = "A larger one would be slower or not fit. " if is_limit else ""
        return f"The best balance of quality and size: it {how}. {better}".strip()
    lost = f"this one has lost some quality, but it {how}."
    match _fate_of_better(bits, others, verdict, verdicts):
        case _Better.NONE:
            return f"There is no better version: {lost}"
        case _Better.UNUSABLE:
            return f"The better versions cannot be loaded here: {lost}"
        case _Better.WORSE_HERE:
            return f"The better versions do not fit as well; {lost}"
        case _Better.UNKNOWN:
            return f"How the better versions would run is not known; {lost}"


class _Better(Enum):
    """Why none of the versions that have lost less is recommended."""

    NONE = auto()
    UNUSABLE = auto()
    WORSE_HERE = auto()
    UNKNOWN = auto()


def _fate_of_better(
    bits: float,
    others: Sequence[HubFile],
    verdict: Compatibility,
    verdicts: Mapping[str, Compatibility],
) -> _Better:
    better = [one for one in others if (bits_per_weight(one.quantization) or 0.0) > bits]
    loadable = [one for one in better if one.problem is None]
    if not better:
        return _Better.NONE
    if not loadable:
        return _Better.UNUSABLE
    are_worse = all(_loses(verdicts.get(one.path), verdict) for one in loadable)
    return _Better.WORSE_HERE if are_worse else _Better.UNKNOWN


def _slow_reason(
    file: HubFile, others: Sequence[HubFile], verdicts: Mapping[str, Compatibility]
) -> str:
    """Return why a version is taken, though one waits for every word it writes."""
    if not others:
        return "It is the only version there is, and it is slow on this computer."
    bits = bits_per_weight(file.quantization)
    if bits is not None and bits < 4.4:
        fate = _fate_of_better(bits, others, Compatibility.RUNS, verdicts)
        if fate is _Better.WORSE_HERE:
            return (
                "The better versions would be slower still or not fit: this one has lost some "
                "quality, and it is slow on this computer."
            )
        return "This one has lost some quality, and it is slow on this computer."
    return "Of all versions it suits best, but it is slow on this computer."


def _loses(other: Compatibility | None, best: Compatibility) -> bool:
    order = list(Compatibility)
    return other is not None and order.index(other) > order.index(best)
