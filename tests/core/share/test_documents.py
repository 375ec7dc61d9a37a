"""What a document holds: what was chosen, each figure with its mark, nothing of an open vote."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from playground.core.metrics import figures
from playground.core.runs import (
    CUT_SHORT_WORDS,
    Comparison,
    CutShort,
    Provenance,
    Recorded,
    VoteOutcome,
)
from playground.core.share.charts import LONGEST_LABEL
from playground.core.share.comparison import comparison_document
from playground.core.share.document import (
    EVERYTHING,
    LEFT_OUT,
    Chart,
    Document,
    LeftOut,
    Part,
    Place,
    Quote,
    QuoteKind,
    Row,
    Sentences,
    Table,
)
from playground.core.share.names import Names
from playground.core.share.page import page
from playground.core.share.scrubbing import Scrubber
from playground.core.share.text import comma_separated, data, markdown
from playground.core.targets import (
    PRACTICE_ID,
    PRACTICE_MODEL,
    STARTER_NAME,
    CloudTarget,
    LocalTarget,
    ModelFile,
    Provider,
)
from playground.services.providers.practice import PRACTICE_NAME
from tests.core.share.hostile import NOON, about, hostile

WRITERS = (page, markdown, comma_separated, data)


def made(*left_out: Part, comparison: Comparison | None = None, **changes: Any) -> Document:
    whole, _events, checked = hostile(**changes)
    return comparison_document(
        comparison or whole, checked, about(EVERYTHING - frozenset(left_out))
    )


def blocks(document: Document, kind: type) -> list[Any]:
    return [b for section in document.sections for b in section.blocks if isinstance(b, kind)]


def rows(document: Document, key: str) -> tuple[Table, tuple[Row, ...]]:
    table = next(table for table in blocks(document, Table) if table.key == key)
    return table, table.rows


def test_every_figure_is_exact_and_keeps_its_mark() -> None:
    comparison, _events, _checked = hostile()
    table, lines = rows(made(), "figures")
    keys = [column.key for column in table.columns]
    for run, row in zip(comparison.turns[0].runs, lines, strict=True):
        known = figures(run)
        for key, figure in (
            ("first_word_s", known.ttft_s),
            ("total_s", known.total_s),
            ("words_per_s", known.words_per_s),
            ("cost_usd", known.cost_usd),
        ):
            cell = row.cells[keys.index(key)]
            assert cell.value == (None if figure is None else figure.value)
            assert cell.provenance == (None if figure is None else figure.provenance)
    marks = {row.cells[keys.index("cost_usd")].provenance for row in lines}
    assert marks == {Provenance.ESTIMATED, Provenance.REPORTED, None}


def test_a_cost_says_where_it_is_electricity() -> None:
    table, lines = rows(made(), "figures")
    at = [column.key for column in table.columns].index("cost_usd")
    assert [row.cells[at].text for row in lines] == ["$0.00004 electricity", "$0.0011", "unknown"]


def test_namesakes_here_and_in_the_practice_cloud_are_told_apart_in_few_words() -> None:
    model = ModelFile(Path("/m/smol.gguf"), STARTER_NAME, 98_000_000, "Starter", None, "Q4_1")
    address = "http://127.0.0.1:9/v1"
    practice = Provider(PRACTICE_ID, PRACTICE_NAME, address, is_practice=True)
    targets = (LocalTarget(model), CloudTarget(practice, PRACTICE_MODEL))
    names = Names(targets, EVERYTHING, Scrubber()).names
    assert names == (f"{STARTER_NAME} (Q4_1)", f"{STARTER_NAME} (practice cloud)")
    # no chart cuts what tells them apart
    assert max(map(len, names)) <= LONGEST_LABEL


def test_a_document_tells_when_how_and_where_it_was_asked() -> None:
    document = made()
    assert document.title == "One question, three models"
    assert document.when == "27 November 2026, 14:20"
    facts = dict(document.facts)
    assert facts["Order"] == "fair: one at a time"
    assert facts["Settings"] == "temperature 0.5, seed 7, at most 300 tokens"
    assert facts["Machine"] == "16 GB of memory, 8 cores, [computer]"
    assert [row.place for row in rows(document, "figures")[1]] == [
        Place.HERE,
        Place.CLOUD,
        Place.SERVER,
    ]


@pytest.mark.parametrize("part", list(Part))
def test_what_is_left_out_says_so_in_its_place(part: Part) -> None:
    document = made(part)
    for write in WRITERS:
        assert LEFT_OUT[part] in write(document)
        assert LEFT_OUT[part] not in write(made())
    kept = {
        Part.FIGURES: not blocks(document, Table) and not blocks(document, Chart),
        Part.PROMPT: not [q for q in blocks(document, Quote) if q.kind is not QuoteKind.ANSWER],
        Part.ANSWERS: not [q for q in blocks(document, Quote) if q.kind is QuoteKind.ANSWER],
        Part.NAMES: [row.name for row in rows(document, "figures")[1]] == ["A", "B", "C"]
        if part is Part.NAMES
        else True,
        Part.MACHINE: "16 GB" not in data(document),
    }
    assert kept[part]


def test_without_names_no_name_is_told_by_an_error_or_a_notice() -> None:
    document = made(Part.NAMES, Part.ANSWERS)
    for write in WRITERS:
        text = write(document)
        for name in ("Qwen", "large-1", "Acme", "tiny", "ganon"):
            assert name not in text


def test_thumbs_and_the_note_stand_with_the_vote() -> None:
    comparison, _events, checked = hostile()
    (turn,) = comparison.turns
    said = replace(turn, winner_run_id="run0", note="Ask again with a lighthouse.")
    document = comparison_document(replace(comparison, turns=(said,)), checked, about())
    (sentences,) = (b for b in blocks(document, Sentences) if "chose" in b.texts[0])
    assert sentences.texts == (
        "The author chose Qwen3 <4B> | *x*.",
        (
            "The author gave a thumb up to Qwen3 <4B> | *x*, and a thumb down to "
            "=large-1 · Acme & <Co> and tiny · [computer]."
        ),
    )
    (note,) = (q for q in blocks(document, Quote) if q.kind is QuoteKind.NOTE)
    assert (note.label, note.text) == ("Note", "Ask again with a lighthouse.")
    for write in WRITERS:
        assert "Ask again with a lighthouse." in write(document)


@pytest.mark.parametrize("part", [Part.PROMPT, Part.NAMES])
def test_a_note_goes_with_the_question_and_with_the_names_it_may_tell(part: Part) -> None:
    comparison, _events, checked = hostile()
    (turn,) = comparison.turns
    said = replace(comparison, turns=(replace(turn, note="Zebra, better than Qwen"),))
    document = comparison_document(said, checked, about(EVERYTHING - {part}))
    assert LeftOut(part, "The note was left out by the author") in blocks(document, LeftOut)
    for write in WRITERS:
        assert "Zebra" not in write(document)


@pytest.mark.parametrize("part", [Part.NAMES, Part.PROMPT, Part.MACHINE])
def test_an_error_and_a_notice_are_left_out_with_what_they_may_quote(part: Part) -> None:
    whole, left = (
        [note for quote in blocks(document, Quote) for note in quote.notes]
        for document in (made(), made(part))
    )
    assert [note for note in whole if note.startswith(("Loaded from", "It failed. "))]
    assert not [note for note in left if note.startswith(("Loaded from", "It failed. "))]
    assert "It failed." in left


def test_an_answer_that_is_not_whole_says_why() -> None:
    comparison, _events, _checked = hostile()
    (turn,) = comparison.turns
    filtered = replace(turn.runs[0], finish_reason="content_filter")
    cut = replace(comparison, turns=(replace(turn, runs=(filtered, *turn.runs[1:])),))
    notes = [note for quote in blocks(made(comparison=cut), Quote) for note in quote.notes]
    assert f"It was {CUT_SHORT_WORDS[CutShort.FILTERED]}." in notes


def test_without_the_question_no_check_tells_it() -> None:
    document = made(Part.PROMPT, Part.ANSWERS)
    assert "lighthouse" not in data(document)
    assert "1 of 2" in data(document)


def test_an_open_vote_tells_no_name_pace_price_or_place() -> None:
    comparison, _events, checked = hostile(hidden_names=True)
    turn = comparison.turns[0]
    # the order of the ids decides, as in the window
    ids = ("z", "a", "m")
    runs = tuple(replace(run, id=key) for run, key in zip(turn.runs, ids, strict=True))
    shuffled = replace(comparison, turns=(replace(turn, runs=runs),))
    document = comparison_document(shuffled, checked, about())
    answers = [q for q in blocks(document, Quote) if q.kind is QuoteKind.ANSWER]
    assert [q.label for q in answers] == ["A", "B", "C"]
    assert [q.text[:10] for q in answers] == ["=HYPERLINK", "", "</script><"]
    assert not blocks(document, Table)
    assert not blocks(document, Chart)
    assert not any(q.notes or q.place for q in answers)
    for write in WRITERS:
        text = write(document)
        for name in ("Qwen", "large-1", "Acme", "tiny", "[computer] refused", "fair", "$0"):
            assert name not in text


def test_a_vote_that_is_cast_tells_names_and_the_choice() -> None:
    comparison, _events, checked = hostile(hidden_names=True)
    turn = replace(comparison.turns[0], verdict=VoteOutcome.TIE)
    document = comparison_document(replace(comparison, turns=(turn,)), checked, about())
    assert "The author called it a tie." in markdown(document)
    assert rows(document, "figures")[1][1].name == "=large-1 · Acme & <Co>"


def test_a_recording_says_so_instead_of_a_date_whatever_is_left_out() -> None:
    comparison, _events, checked = hostile()
    recorded = replace(comparison, recorded=Recorded(NOON, "32 GB of memory"))
    for left_out in (frozenset(), frozenset(Part)):
        document = comparison_document(recorded, checked, about(EVERYTHING - left_out))
        for write in WRITERS:
            assert "Recorded on 27 November 2026, 14:20" in write(document)
        assert ("32 GB" in data(document)) is not bool(left_out)
        assert "16 GB" not in data(document)


def test_a_left_out_part_is_a_block_of_its_own() -> None:
    assert blocks(made(Part.PROMPT), LeftOut) == [
        LeftOut(Part.PROMPT, LEFT_OUT[Part.PROMPT]),
        LeftOut(Part.PROMPT, "The note was left out by the author"),
    ]


def test_a_failed_answer_is_told_without_paths_or_hosts() -> None:
    failed = next(q for q in blocks(made(), Quote) if q.label.startswith("tiny"))
    assert failed.notes[0] == "It failed. [computer] refused [key]: see log and “x.log”"
