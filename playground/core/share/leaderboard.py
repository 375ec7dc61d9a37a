"""A person's votes as a document: how each model fared, and how sure that is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from playground.core.amounts import moment_words
from playground.core.leaderboard import FEWEST_VOTES, Standing
from playground.core.runs import Provenance
from playground.core.share.comparison import About, machine_facts
from playground.core.share.document import (
    Block,
    Cell,
    Chart,
    ChartKind,
    Column,
    Document,
    Part,
    Place,
    Point,
    Row,
    Section,
    Sentences,
    Table,
    counted,
    left_out,
    letter,
)

_COLUMNS = (
    Column("better", "Better in"),
    Column("interval", "95 % interval"),
    Column("ties", "Ties"),
    Column("group", "Group"),
    Column("strength_interval", "Strength, 95 %"),
    Column("missing_votes", "Votes missing"),
)
_MORE = (
    Column("wins", "Called the better one"),
    Column("losses", "Another was better"),
    Column("none_good", "None was good"),
    Column("votes", "Votes that say who is better"),
    Column("share", "Share of wins"),
    Column("interval_low", "95 % interval from"),
    Column("interval_high", "95 % interval to"),
    Column("strength", "Strength"),
    Column("strength_low", "Strength, 95 % from"),
    Column("strength_high", "Strength, 95 % to"),
    Column("thumbs_up", "Thumbs up, apart from votes"),
    Column("thumbs_down", "Thumbs down, apart from votes"),
)
_SHARES = (
    "From votes alone, one person's: right answers are not counted here. The interval is the range "
    "in which the true share of wins lies with 95 % certainty."
)
_STRENGTHS = (
    "Strength is that of Bradley and Terry, the natural logarithm of the odds, with 0 for the "
    "average: a tie counts half for each, and votes that none is good say nothing of who is "
    "better. Its interval is bootstrapped over the votes. Within a group nobody is clearly behind "
    f"its first; below {FEWEST_VOTES} votes a model has no strength and no group."
)


@dataclass(frozen=True, slots=True)
class Voted:
    """A target that was voted on."""

    label: str
    provider: str
    """Empty for a model on this computer."""
    place: Place
    standing: Standing
    thumbs_up: int = 0
    thumbs_down: int = 0


def votes_document(voted: Sequence[Voted], moment: datetime, about: About) -> Document:
    """Return what may leave of the votes, the best group first."""
    names = _names(voted, about)
    facts = []
    if Part.NAMES not in about.choice:
        facts.append(("Names", left_out(Part.NAMES).sentence))
    return Document(
        kind="votes",
        title=f"Votes on {counted(len(voted), 'model', 'models')}",
        created_at=moment,
        when=moment_words(moment, about.zone),
        facts=(*facts, *machine_facts(about)),
        sections=(Section("", _blocks(voted, names, about)),),
    )


def _names(voted: Sequence[Voted], about: About) -> tuple[str, ...]:
    if Part.NAMES not in about.choice:
        return tuple(map(letter, range(len(voted))))
    clean = about.scrubber.clean_name
    return tuple(
        " · ".join(filter(None, (clean(each.label) or "?", clean(each.provider)))) for each in voted
    )


def _blocks(voted: Sequence[Voted], names: Sequence[str], about: About) -> tuple[Block, ...]:
    if Part.FIGURES not in about.choice:
        return (left_out(Part.FIGURES),)
    if not voted:
        return (Sentences(("Nobody has voted yet.",)),)
    both = tuple(zip(names, voted, strict=True))
    rows = tuple(Row(name, _cells(each.standing), each.place) for name, each in both)
    more = tuple(Row(name, _more_cells(each), each.place) for name, each in both)
    chart = _chart(both)
    return (
        Table("votes", "How often each was called the better one", "Model", _COLUMNS, rows),
        Sentences((_SHARES, _STRENGTHS)),
        *([chart] if chart else []),
        Table("more_votes", "More figures", "Model", _MORE, more, is_turned=True),
    )


def _cells(standing: Standing) -> tuple[Cell, ...]:
    decided = standing.wins + standing.losses
    better = f"{standing.wins} of {decided}"
    return (
        Cell(better, better, Provenance.MEASURED) if decided else Cell("not decided"),
        _range(standing.interval, lambda end: f"{100 * end:.0f}", " %"),
        _count(standing.ties),
        Cell("not known yet") if standing.tier is None else _count(standing.tier + 1),
        _range(standing.strength_interval, lambda end: f"{end:+.2f}", ""),
        _count(standing.missing_votes),
    )


def _more_cells(voted: Voted) -> tuple[Cell, ...]:
    standing = voted.standing
    decided = standing.wins + standing.losses
    low, high = standing.interval or (None, None)
    weakest, strongest = standing.strength_interval or (None, None)
    return (
        _count(standing.wins),
        _count(standing.losses),
        _count(standing.none_good),
        _count(standing.votes),
        _share(standing.wins / decided if decided else None, Provenance.MEASURED),
        _share(low),
        _share(high),
        _strength(standing.strength),
        _strength(weakest),
        _strength(strongest),
        _count(voted.thumbs_up),
        _count(voted.thumbs_down),
    )


def _chart(both: Sequence[tuple[str, Voted]]) -> Chart | None:
    points = tuple(
        Point(
            name,
            100 * each.standing.wins / (each.standing.wins + each.standing.losses),
            f"{each.standing.wins} of {each.standing.wins + each.standing.losses}",
            low=100 * each.standing.interval[0],
            high=100 * each.standing.interval[1],
            place=each.place,
        )
        for name, each in both
        if each.standing.interval is not None
    )
    if not points:
        return None
    caption = (
        "Share of wins where somebody was chosen. The line is the interval in which the true share "
        "lies with 95 % certainty."
    )
    return Chart("wins", ChartKind.INTERVALS, caption, "called the better one", "%", points)


def _range(ends: tuple[float, float] | None, shown: Callable[[float], str], unit: str) -> Cell:
    if ends is None:
        return Cell("not known yet")
    words = f"{shown(ends[0])} to {shown(ends[1])}{unit}"
    return Cell(words, words, Provenance.ESTIMATED)


def _count(number: int) -> Cell:
    return Cell(f"{number:,}", number, Provenance.MEASURED)


def _share(share: float | None, provenance: Provenance = Provenance.ESTIMATED) -> Cell:
    return Cell("unknown") if share is None else Cell(f"{100 * share:.0f} %", share, provenance)


def _strength(strength: float | None) -> Cell:
    if strength is None:
        return Cell("unknown")
    return Cell(f"{strength:+.2f}", strength, Provenance.ESTIMATED)
