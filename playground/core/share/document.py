"""What leaves: a document of sections with sentences, tables, charts and texts, and its choice.

Every writer takes this value and nothing else, so that a preview shows what the file holds. All its
texts are clean already: see `playground.core.share.scrubbing`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from playground.core.runs import Provenance


class Part(StrEnum):
    """What can be left out; the values are those of the command line."""

    FIGURES = "figures"
    PROMPT = "prompt"
    ANSWERS = "answers"
    NAMES = "names"
    MACHINE = "machine"


Choice = frozenset[Part]
"""The parts that go along."""
EVERYTHING: Choice = frozenset(Part)


class Place(StrEnum):
    """Where an answer came from, as a sign and a word beside the name."""

    HERE = "own computer"
    SERVER = "own server"
    CLOUD = "cloud"
    PRACTICE = "practice cloud"


@dataclass(frozen=True, slots=True)
class Cell:
    """What one column says; an exact value keeps its mark in every format."""

    text: str
    """As it is read at a glance, without its mark."""
    value: float | int | str | None = None
    """Exact; `None` is unknown."""
    provenance: Provenance | None = None
    is_best: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds; `key` is the name of the figure in data files."""

    key: str
    title: str
    unit: str = ""
    """Of the exact values, such as `s` or `USD`."""
    is_text: bool = False
    """True for words, which stand at the left."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its head and a cell for each column."""

    name: str
    cells: tuple[Cell, ...]
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Figures or words in rows."""

    key: str
    caption: str
    head: str
    """Title of the column of names."""
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    is_turned: bool = False
    """True where a reader gets a line for each column: for those of many figures."""

    def as_shown(self) -> "Table":
        """Return the table as a reader sees it; a turned one without what is known of nobody."""
        if not self.is_turned:
            return self
        columns = tuple(Column(f"row_{n}", row.name) for n, row in enumerate(self.rows, 1))
        rows = tuple(
            Row(column.title, tuple(row.cells[n] for row in self.rows))
            for n, column in enumerate(self.columns)
            if any(row.cells[n].value is not None for row in self.rows)
        )
        return Table(self.key, self.caption, "Figure", columns, rows)


@dataclass(frozen=True, slots=True)
class Sentences:
    """Paragraphs in plain words."""

    texts: tuple[str, ...]


class QuoteKind(StrEnum):
    """Whose words a quote holds."""

    INSTRUCTIONS = "instructions"
    QUESTION = "question"
    ANSWER = "answer"
    NOTE = "author_note"


@dataclass(frozen=True, slots=True)
class Quote:
    """The words of a person or a model, whole and as they are."""

    kind: QuoteKind
    label: str
    text: str
    place: Place | None = None
    notes: tuple[str, ...] = ()
    """What a reader should know of it: checks, a cut, an error."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Stands where something was left out, and says so."""

    part: Part
    sentence: str


class ChartKind(StrEnum):
    """How the points of a chart are drawn."""

    BARS = "bars"
    INTERVALS = "intervals"
    """A point with its whiskers on a scale from 0 to 100 %."""
    SCATTER = "scatter"
    """`value` to the right, `height` with its whiskers upwards, 0 to 100 %."""
    LINES = "lines"
    """A straight line a point, from `low` at 0 up to `height` at `value`; one without a height is
    an upright line at `value`."""


@dataclass(frozen=True, slots=True)
class Point:
    """One thing in a chart."""

    label: str
    value: float
    text: str
    """The value in words, with its mark."""
    low: float | None = None
    high: float | None = None
    """Ends of the whiskers."""
    height: float | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart by what it shows."""

    key: str
    kind: ChartKind
    caption: str
    axis: str
    """What the values are."""
    unit: str
    """Of the values: `s`, `%` or `USD`."""
    points: tuple[Point, ...]


Block = Sentences | Table | Quote | LeftOut | Chart


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the document with its heading; an empty heading needs none."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """Everything that leaves."""

    kind: str
    """`comparison`, `evaluation`, `decision` or `votes`."""
    title: str
    created_at: datetime | None
    when: str
    """The same moment in words."""
    facts: tuple[tuple[str, str], ...]
    """Settings, order, machine, versions: name → words."""
    sections: tuple[Section, ...]
    recorded: str = ""
    """“Recorded on …” where it was; never left out."""


LEFT_OUT = {
    Part.FIGURES: "The figures were left out by the author",
    Part.PROMPT: "The question was left out by the author",
    Part.ANSWERS: "The answers were left out by the author",
    Part.NAMES: "The names were left out by the author",
    Part.MACHINE: "The kind of machine was left out by the author",
}
"""What stands in the place of each part."""
MARKS = {
    Provenance.MEASURED: ("●", "measured"),
    Provenance.REPORTED: ("◐", "reported by the provider"),
    Provenance.ESTIMATED: ("○", "≈ estimated"),
}
"""Sign and word of each mark."""


def marked(cell: Cell) -> str:
    """Return a cell's text, with ≈ in front of an estimate."""
    is_estimate = cell.provenance is Provenance.ESTIMATED
    return f"≈ {cell.text}" if is_estimate and not cell.text.startswith("≈") else cell.text


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def left_out(part: Part) -> LeftOut:
    return LeftOut(part, LEFT_OUT[part])


def letter(position: int) -> str:
    """Return what stands for a name: A, B, C … Z, A2, B2 and so on."""
    turn, place = divmod(position, len(_LETTERS))
    return _LETTERS[place] + (str(turn + 1) if turn else "")


def counted(count: int, one: str, many: str) -> str:
    """Return a number of things: `one question`, `three models`, `20 questions`."""
    numbers = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    number = numbers[count] if count < len(numbers) else f"{count:,}"
    return f"{number} {one if count == 1 else many}"
