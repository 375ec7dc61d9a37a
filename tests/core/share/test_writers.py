"""Hostile texts are harmless in every format, and nothing that must stay is in any."""

import csv
import io
import json
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QTextDocument

from playground.core.csv_cells import escaped_cell, unescaped_cell
from playground.core.evaluations import UnitResult, new_evaluation
from playground.core.expected import Outcome
from playground.core.prompt_sets import new_case, new_set
from playground.core.runs import Provenance, Run, RunStatus
from playground.core.share.comparison import comparison_document
from playground.core.share.document import (
    Cell,
    Chart,
    ChartKind,
    Column,
    Document,
    Place,
    Point,
    Quote,
    QuoteKind,
    Row,
    Section,
    Sentences,
    Table,
)
from playground.core.share.evaluation import evaluation_document
from playground.core.share.page import POLICY, page
from playground.core.share.scrubbing import harmless
from playground.core.share.text import comma_separated, data, markdown
from tests.core.share import hostile as given_texts
from tests.core.share.hostile import CLOUD, FORMULA, LOCAL, MARKUP, SECRETS, about, hostile

Writer = Callable[[Document], str]
WRITERS: tuple[Writer, ...] = (page, markdown, comma_separated, data)
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "footer"),
    *("h1", "h2", "p", "dl", "dt", "dd", "div", "table", "caption", "thead", "tbody", "tr", "th"),
    *("td", "span", "bdi", "figure", "figcaption", "blockquote", "ul", "li"),
    *("svg", "path", "rect", "circle", "line", "text"),
}


@pytest.fixture
def document() -> Document:
    comparison, _events, checked = hostile()
    return comparison_document(comparison, checked, about())


def evaluated() -> Document:
    """Return an evaluation's document, with the same hostile texts."""
    case = new_case(MARKUP + given_texts.PRIVATE)
    evaluation = new_evaluation(
        new_set(f"Set of {given_texts.USER} <b>", (case, new_case(FORMULA))),
        (LOCAL, CLOUD),
        1,
        given_texts.SamplingParams(),
    )
    comparison, _events, _checked = hostile()
    runs = comparison.turns[0].runs[:2]
    found = [
        UnitResult(
            unit,
            "c",
            runs[n % 2].id,
            Outcome.RIGHT if n % 2 else Outcome.WRONG,
            (f"It is not {MARKUP}",),
            usd=0.001 * (n + 1),
            usd_provenance=Provenance.REPORTED,
            total_s=1.0 + n,
        )
        for n, unit in enumerate(evaluation.units)
    ]
    return evaluation_document(evaluation, found, {run.id: run for run in runs}, about())


class _Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        pytest.fail("a comment")


def read(html: str) -> _Page:
    assert html.startswith('<!DOCTYPE html>\n<html lang="en">')
    return _Page(html.removeprefix("<!DOCTYPE html>\n"))


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("make", [None, evaluated])
def test_nothing_that_must_stay_is_in_what_leaves(
    write: Writer, make: Callable[[], Document] | None, document: Document
) -> None:
    text = write(make() if make else document)
    for secret in SECRETS:
        assert secret not in text
    assert not set(text) & {*map(chr, (0, 7, 27, 0x9B, 0x202E, 0x2066, 0xD800, 0xFFFF))}
    text.encode()


@pytest.mark.parametrize("make", [None, evaluated])
def test_a_page_is_made_of_its_own_elements_and_loads_nothing(
    make: Callable[[], Document] | None, document: Document
) -> None:
    found = read(page(make() if make else document))
    assert {tag for tag, _attributes in found.elements} <= TAGS
    for _tag, attributes in found.elements:
        assert not {"href", "src", "srcset", "style", "action", "xlink:href"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    metas = [attributes for tag, attributes in found.elements if tag == "meta"]
    assert {"http-equiv": "Content-Security-Policy", "content": POLICY} in metas
    assert {"name": "referrer", "content": "no-referrer"} in metas
    assert "url(" not in page(document).split("</style>")[0]


def test_a_page_says_every_text_as_it_is(document: Document) -> None:
    text = read(page(document)).text
    for block in (b for section in document.sections for b in section.blocks):
        if isinstance(block, Quote):
            assert block.text in text
    assert MARKUP in text
    assert FORMULA in text


def test_a_page_can_be_read_without_seeing_it(document: Document) -> None:
    found = read(page(document))
    heads = [a for tag, a in found.elements if tag == "th"]
    assert heads
    assert all(a.get("scope") in {"col", "row"} for a in heads)
    tags = [tag for tag, _attributes in found.elements]
    assert tags.count("caption") == tags.count("table")
    assert tags.count("figcaption") == tags.count("figure")
    assert tags.count("h1") == 1
    charts = [a for tag, a in found.elements if tag == "svg" and a.get("class") == "chart"]
    assert [a.get("role") for a in charts] == ["img"]
    assert "(measured)" in found.text
    assert "(reported by the provider" in found.text
    assert "● measured" in found.text
    assert all(a.get("dir") == "auto" for tag, a in found.elements if tag == "blockquote")


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("make", [None, evaluated])
def test_markdown_makes_no_link_no_picture_and_no_markup_of_a_text(
    make: Callable[[], Document] | None, document: Document
) -> None:
    shown = QTextDocument()
    shown.setMarkdown(markdown(make() if make else document))
    html = shown.toHtml()
    for markup in ("<a ", "<img", "<script", "<h3", "<style>@"):
        assert markup not in html
    assert "alert(1)" in shown.toPlainText()


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize(
    "text",
    [
        "# heading", "- list", "1. list", "> quote", "*b* _i_ `c`", "<b>x</b>", "a | b",
        "![x](http://h/x.png)", "[x](http://h)", "<http://h>", "http://h/x", "www.h.org", "a@b.org",
        "&lt;b&gt;", "---", "===", "```", "~~~", "~~gone~~", "``http://h` x``",
    ],
)  # fmt: skip
def test_a_line_of_a_stranger_stays_a_line_of_words(text: str) -> None:
    shown = QTextDocument()
    document = Document("x", "Title", None, "", (), (Section("", (Sentences((text, "b")),)),))
    shown.setMarkdown(markdown(document))
    assert shown.toPlainText().split("\n")[1] == text.replace("|", "|").replace("  ", " ")
    html = shown.toHtml()
    assert not [markup for markup in ("<a ", "<img", "<ul", "<ol", "<h2") if markup in html]


@settings(max_examples=50)
@given(st.text(alphabet="`~#<>*[]()!\n ab\\", max_size=60))
def test_an_answer_never_gets_out_of_its_fence(text: str) -> None:
    quote = Quote(QuoteKind.ANSWER, "A", harmless(text))
    written = markdown(Document("x", "T", None, "", (), (Section("", (quote,)),)))
    if not quote.text:
        return
    opening = written.index("```")
    fence = written[opening:].split("text", 1)[0]
    assert set(fence) == {"`"}
    assert not any(line.strip().startswith(fence) for line in quote.text.split("\n"))


def test_no_cell_of_a_table_is_a_formula(document: Document) -> None:
    for made in (document, evaluated()):
        lines = list(csv.reader(io.StringIO(comma_separated(made), newline="")))
        cells = [cell for line in lines for cell in line]
        assert not [c for c in cells if c.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert f"'{FORMULA}" in "\n".join(cells)


@pytest.mark.parametrize(
    "text",
    [
        *("=1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\n=1", '"=1', "'=1", "''\"= 1", "＝1"),
        *("＋1", "－1", "＠A1", "\u200b=1", "\ufeff=1", "\u200f=1", "\u3000=1"),
    ],
)
def test_what_a_spreadsheet_would_reckon_out_is_told_as_text_and_comes_back(text: str) -> None:
    cell = escaped_cell(text)
    assert cell == f"'{text}"
    assert unescaped_cell(cell) == text


@pytest.mark.parametrize("text", ["'", "it's", "'quoted'", "a = b", "", " ", "1-2", "\u200b"])
def test_a_cell_of_words_stays_as_it_is(text: str) -> None:
    assert escaped_cell(text) == text
    assert unescaped_cell(text) == text


def test_a_number_below_zero_stays_a_number() -> None:
    table = Table(
        *("t", "T", "Model", (Column("strength", "Strength"),)),
        (Row("-x", (Cell("-0.42", -0.42, Provenance.ESTIMATED),)),),
    )
    written = comma_separated(Document("x", "T", None, "", (), (Section("", (table,)),)))
    assert written.split("\r\n")[1] == ",'-x,,-0.42,estimated"


def test_an_answer_keeps_its_empty_lines_in_markdown() -> None:
    text = "def a(): ...\n\n\ndef b(): ...\n\n\n\n# end"
    quote = Quote(QuoteKind.ANSWER, "A", text)
    written = markdown(Document("x", "T", None, "", (), (Section("", (quote,)),)))
    assert f"```text\n{text}\n```\n" in written
    assert "\n\n\n" not in written.replace(text, "")


def test_a_table_has_exact_values_beside_their_marks(document: Document) -> None:
    lines = list(csv.DictReader(io.StringIO(comma_separated(document), newline="")))
    local, cloud = lines[:2]
    assert float(local["cost_usd"]) == 0.00004
    assert (local["cost_usd is"], cloud["cost_usd is"]) == ("estimated", "reported")
    assert float(local["first_word_s"]) == pytest.approx(0.1)
    assert local["first_word_s is"] == "measured"
    assert local["place"] == "own computer"


def test_data_has_stable_keys_and_exact_figures(document: Document) -> None:
    whole: dict[str, Any] = json.loads(data(document))
    assert list(whole) == [
        *("format", "version", "kind", "title", "created_at", "recorded", "facts", "sections"),
    ]
    tables = [b for s in whole["sections"] for b in s["blocks"] if b["type"] == "table"]
    assert [table["key"] for table in tables] == ["figures", "more_figures"]
    assert [column["key"] for column in tables[1]["columns"]] == [
        *("first_answer_s", "load_s", "connect_s", "prompt_tokens", "completion_tokens"),
        *("tokens_per_s", "prompt_tokens_per_s", "cost_kind", "seed", "ended"),
    ]
    cost = tables[0]["rows"][1]["figures"]["cost_usd"]
    assert cost == {"value": 0.0011, "provenance": "reported", "text": "$0.0011"}
    assert tables[0]["rows"][2]["figures"]["total_s"]["provenance"] == "measured"


def test_an_evaluation_tells_counts_intervals_and_what_can_be_said() -> None:
    document = evaluated()
    whole = json.loads(data(document))
    table = whole["sections"][0]["blocks"][0]
    first = table["rows"][0]["figures"]
    assert first["right_of_scored"]["value"] == "2 of 2"
    assert first["interval"] == {
        "value": "34–100 %",
        "provenance": "estimated",
        "text": "≈ 34–100 %",
    }
    assert "Can't tell these apart yet." in markdown(document)
    charts = [b for b in document.sections[0].blocks if isinstance(b, Chart)]
    assert [chart.kind for chart in charts] == [ChartKind.INTERVALS, ChartKind.SCATTER]


@pytest.mark.parametrize("kind", list(ChartKind))
@pytest.mark.parametrize("values", [(0.0,), (0.0, 0.0), (1e-9, 3.0), (5.0, 1e6)])
def test_a_chart_can_be_drawn_of_any_values(kind: ChartKind, values: tuple[float, ...]) -> None:
    points = tuple(
        Point(f"<{n}> " + "long " * 20, v, "x", 0.0, 100.0, 50.0, place)
        for n, (v, place) in enumerate(zip(values, (Place.HERE, Place.CLOUD), strict=False))
    )
    chart = Chart("c", kind, "Caption", "axis", "s", points)
    html = page(Document("x", "T", None, "", (), (Section("", (chart,)),)))
    assert "nan" not in html.split("</style>")[1]
    assert "&lt;0&gt;" in html


def test_an_unfinished_run_is_told_as_such() -> None:
    comparison, _events, checked = hostile()
    waiting = Run("w", LOCAL, comparison.turns[0].runs[0].request, 0, RunStatus.WAITING)
    turn = given_texts.replace(comparison.turns[0], runs=(waiting, *comparison.turns[0].runs[1:]))
    document = comparison_document(given_texts.replace(comparison, turns=(turn,)), checked, about())
    assert "not finished" in markdown(document)
