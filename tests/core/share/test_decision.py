"""“Local or cloud?” and the votes as documents: what is told, and what never leaves."""

from dataclasses import replace
from datetime import UTC, datetime
from xml.etree.ElementTree import tostring

import pytest

from playground.core.advice.needs import Leave, Need, Situation, Soon
from playground.core.advice.situation import Evidence, Option, TagEvidence
from playground.core.leaderboard import Ballot, standings
from playground.core.metrics import Figure
from playground.core.runs import Provenance
from playground.core.share.charts import drawing
from playground.core.share.comparison import About
from playground.core.share.decision import DecisionAsked, decision_document
from playground.core.share.document import (
    EVERYTHING,
    Chart,
    ChartKind,
    Document,
    LeftOut,
    Part,
    Place,
    Table,
)
from playground.core.share.leaderboard import Voted, votes_document
from playground.core.share.page import page
from playground.core.share.scrubbing import Scrubber
from playground.core.statistics import Pair, Verdict
from playground.services.advice import advice_rules
from tests.core.share.test_documents import WRITERS, blocks, rows

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
KEY = "sekrit-5150-walrus"
HERE, THERE = "local:/m/qwen.gguf", "far:large-1"
OPTIONS = (
    Option(
        *(HERE, "Qwen3 4B", "Qwen3 4B on this computer", "here"),
        fits=True,
        first_s=Figure(1.2, Provenance.MEASURED),
        usd=Figure(2e-5, Provenance.ESTIMATED),
        right=18,
        scored=20,
    ),
    Option(
        *(THERE, f"large-1 {KEY}", f"large-1 {KEY} at Far", "cloud", "api.example.com"),
        first_s=Figure(0.5, Provenance.MEASURED),
        usd=Figure(3e-4, Provenance.REPORTED),
        right=19,
        scored=20,
    ),
)
PAIR = Pair(HERE, THERE, 20, 1, 2, 1.0, Verdict.SAME)


def about(*left_out: Part) -> About:
    choice = EVERYTHING - frozenset(left_out)
    return About(choice, Scrubber([KEY]), machine="16 GB", version="1.0", zone=UTC)


def decided(*left_out: Part, **changes: object) -> Document:
    evidence = Evidence(OPTIONS, (PAIR,), (), "an evaluation")
    costs = advice_rules().bigger_computer()
    asked = replace(DecisionAsked(Situation(), evidence, costs, NOON), **changes)
    return decision_document(asked, advice_rules(), "Sort messages", about(*left_out))


def voted(*left_out: Part, wins: int = 9) -> Document:
    ballots = [Ballot((HERE, THERE), HERE)] * wins + [Ballot((HERE, THERE), THERE)] * 4
    found = {each.target: each for each in standings(ballots)}
    both = [
        Voted("Qwen3 4B", "", Place.HERE, found[HERE], thumbs_up=3, thumbs_down=1),
        Voted("large-1", "Example", Place.CLOUD, found[THERE]),
    ]
    return votes_document(both, NOON, about(*left_out))


def test_the_decision_tells_answer_reasons_and_what_would_change_it() -> None:
    document = decided()
    assert document.title == "Local or cloud? On this computer"
    headings = [section.heading for section in document.sections]
    assert headings[1:] == [
        *("Why", "Runner-up", "What would change this", "A month of this"),
        *("What was asked for", "What it rests on"),
    ]
    assert ("Shown by", "Sort messages") in document.facts
    for write in WRITERS:
        assert "18 of 20 right here, 19 of 20 right in the cloud" in write(document)


def test_each_figure_of_the_decision_keeps_its_mark() -> None:
    _table, evidence = rows(decided(), "evidence")
    marks = [[cell.provenance for cell in row.cells[2:4]] for row in evidence]
    assert marks == [
        [Provenance.MEASURED, Provenance.ESTIMATED],
        [Provenance.MEASURED, Provenance.REPORTED],
    ]
    _table, month = rows(decided(), "month")
    # its price is an assumption, whatever a question costs
    assert month[2].cells[1].provenance is Provenance.ESTIMATED
    assert month[1].cells[1].value == pytest.approx(1.8)
    for lines in ([row.cells[3] for row in evidence], [row.cells[0] for row in month[:2]]):
        assert ["electricity" in cell.text for cell in lines] == [True, False]


def test_the_practice_cloud_is_no_evidence_in_a_decision() -> None:
    practice = Option("practice:small", "small", "small in the practice cloud", "practice")
    document = decided(evidence=Evidence((OPTIONS[0], practice)))
    _table, evidence = rows(document, "evidence")
    assert [row.name for row in evidence] == ["Qwen3 4B"]
    _table, month = rows(document, "month")
    assert month[1].cells[0].text == "unknown"
    assert "stand-in on this computer" in page(document)


def test_a_month_is_drawn_from_nothing_to_where_buying_pays() -> None:
    [chart] = blocks(decided(), Chart)
    assert chart.kind is ChartKind.LINES
    here, cloud, bigger, asked = chart.points
    assert (here.low, cloud.low, asked.height) == (0.0, 0.0, None)
    assert bigger.low == pytest.approx(25.73, abs=0.01)
    assert here.value > 3064
    assert asked.value == 200


@pytest.mark.parametrize("write", WRITERS)
def test_a_decision_without_names_tells_none(write: object) -> None:
    text = write(decided(Part.NAMES))  # type: ignore[operator]
    for name in ("Qwen", "large-1", "example.com", HERE, THERE):
        assert name not in text
    assert "With A" in text


def test_who_gets_the_words_is_told_with_the_names_alone() -> None:
    leaving = Situation(Leave.YES, Soon.AT_ONCE, need=Need.ANYTHING)
    better = Pair(HERE, THERE, 40, 0, 12, 0.001, Verdict.B_BETTER)
    evidence = Evidence(OPTIONS, (better,), (), "an evaluation")
    assert "example.com" in page(decided(situation=leaving, evidence=evidence))
    assert "example.com" not in page(decided(Part.NAMES, situation=leaving, evidence=evidence))


@pytest.mark.parametrize("write", WRITERS)
def test_what_is_left_out_of_a_decision_is_not_in_it(write: object) -> None:
    text = write(decided(Part.FIGURES, Part.MACHINE))  # type: ignore[operator]
    for figure in ("18 of 20", "1.2 s", "0.00002", "25.7", "16 GB"):
        assert figure not in text
    assert "Words stay here" in text


@pytest.mark.parametrize("write", WRITERS)
def test_a_key_in_a_name_does_not_leave_with_a_decision(write: object) -> None:
    within = Pair(HERE, THERE, 40, 0, 12, 0.001, Verdict.B_BETTER)
    elsewhere = Pair(HERE, THERE, 40, 1, 1, 1.0, Verdict.SAME)
    tag = TagEvidence(f"tag {KEY}", 0.1, within, elsewhere)
    evidence = Evidence(OPTIONS, (PAIR,), (tag,), "an evaluation")
    text = write(decided(evidence=evidence, machine=KEY))  # type: ignore[operator]
    assert "what is tagged" in text
    assert KEY not in text


def test_the_computer_that_is_meant_is_left_out_with_the_kind_of_machine() -> None:
    assert "32 GB" in page(decided(machine="A laptop with 32 GB"))
    assert "32 GB" not in page(decided(Part.MACHINE, machine="A laptop with 32 GB"))


def test_without_evidence_it_says_what_would_settle_it() -> None:
    document = decided(evidence=Evidence())
    assert "What would settle it" in [section.heading for section in document.sections]
    assert not blocks(document, Chart)
    for write in WRITERS:
        assert "Nothing has answered yet." in write(document)


def test_votes_have_counts_and_strengths_with_their_intervals() -> None:
    table, both = rows(voted(), "votes")
    keys = [column.key for column in table.columns]
    first = dict(zip(keys, both[0].cells, strict=True))
    assert first["better"].text == "9 of 13"
    assert first["interval"].text == "42 to 87 %"
    assert first["strength_interval"].provenance is Provenance.ESTIMATED
    assert (first["group"].value, first["missing_votes"].value) == (1, 0)
    [chart] = blocks(voted(), Chart)
    assert chart.points[0].low == pytest.approx(42.4, abs=0.1)


def test_thumbs_are_counted_apart_from_votes() -> None:
    table, both = rows(voted(), "more_votes")
    keys = [column.key for column in table.columns]
    counts = [
        [row.cells[keys.index(f"thumbs_{way}")].value for way in ("up", "down")] for row in both
    ]
    assert counts == [[3, 1], [0, 0]]
    assert both[0].cells[keys.index("votes")].value == 13


def test_too_few_votes_say_how_many_are_missing() -> None:
    table, both = rows(voted(wins=1), "votes")
    keys = [column.key for column in table.columns]
    first = dict(zip(keys, both[0].cells, strict=True))
    assert first["missing_votes"].value == 5
    assert (first["group"].value, first["strength_interval"].value) == (None, None)


def test_votes_without_names_or_figures() -> None:
    for write in WRITERS:
        assert "Qwen" not in write(voted(Part.NAMES))
        assert "Example" not in write(voted(Part.NAMES))
    document = voted(Part.FIGURES)
    assert [block.part for block in blocks(document, LeftOut)] == [Part.FIGURES]
    assert not blocks(document, Table)


@pytest.mark.parametrize("document", [decided(), voted()], ids=["lines", "intervals"])
def test_a_drawing_needs_neither_style_sheet_nor_per_cent(document: Document) -> None:
    [chart] = blocks(document, Chart)
    svg = tostring(drawing(chart, 600, "Sans"), encoding="unicode")
    assert "class=" not in svg
    assert '%"' not in svg
    assert svg.count("<svg") == 1
