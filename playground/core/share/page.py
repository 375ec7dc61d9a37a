"""A document as one web page: no script, nothing it would load, built as a structure.

What a person or a model wrote is always the text of a node, so that nothing in it is ever markup.
"""

from xml.etree.ElementTree import Element, SubElement, tostring

from playground.core.runs import Provenance
from playground.core.share.charts import LIGHT, chart_element, sign_element
from playground.core.share.document import (
    MARKS,
    Block,
    Cell,
    Chart,
    Column,
    Document,
    LeftOut,
    Place,
    Quote,
    QuoteKind,
    Row,
    Section,
    Sentences,
    Table,
    marked,
)

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What the page may load: nothing but its own style and pictures."""
FOOT = "This page is one file. It asks the internet for nothing and holds no program."
"""What it says of itself at its end."""
_COLOURS = " ".join(f"--{name}: {value};" for name, value in LIGHT.items())
_STYLE = """
:root { color-scheme: light dark; %COLOURS% }
@media (prefers-color-scheme: dark) { :root { --ground: #15171c; --card: #1d2027;
  --line: #3a404c; --text: #eceef2; --quiet: #a5adbb; --accent: #a3a3f8; --here: #58c98f;
  --cloud: #78a9ff; --server: #e58fd0; --caution: #f0b063; --caution-ground: #3a2a14; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui,
  -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
main { max-width: 860px; margin: 24px auto; padding: 28px 32px; background: var(--card);
  border: 1px solid var(--line); border-radius: 14px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 2px; }
h2 { font-size: 18px; margin: 36px 0 8px; padding-top: 16px; border-top: 1px solid var(--line); }
p { margin: 12px 0; }
.when { color: var(--quiet); margin: 0; }
.recorded { display: inline-block; margin: 10px 0 0; padding: 3px 10px; border-radius: 8px;
  border: 1px solid var(--caution); background: var(--caution-ground); color: var(--caution);
  font-weight: 600; }
dl.facts { margin: 10px 0 18px; color: var(--quiet); font-size: 13px; display: grid;
  grid-template-columns: max-content 1fr; gap: 2px 14px; }
dl.facts dt { font-weight: 600; } dl.facts dd { margin: 0; }
.out { margin: 12px 0; padding: 8px 14px; border: 1px dashed var(--quiet); border-radius: 8px;
  color: var(--quiet); font-weight: 600; }
.scroll { overflow-x: auto; margin: 16px 0 0; overflow-wrap: normal; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 0 0 6px; }
th, td { padding: 7px 10px; border-bottom: 1px solid var(--line); text-align: right;
  vertical-align: top; }
th:first-child, .words { text-align: left; }
thead th { font-size: 13px; color: var(--quiet); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 600; min-width: 130px; overflow-wrap: anywhere; }
td { white-space: nowrap; } td.words { white-space: normal; }
.best { color: var(--here); font-weight: 700; }
.unknown { color: var(--quiet); }
.mark { font-size: 10px; color: var(--quiet); margin-left: 4px; vertical-align: 1px; }
.place { display: block; font-size: 12px; font-weight: 400; color: var(--quiet); }
.sign { width: 15px; height: 15px; margin-right: 6px; vertical-align: -2px; fill: none;
  stroke: currentColor; stroke-width: 1.4; stroke-linejoin: round; stroke-linecap: round; }
.sign.here { color: var(--here); } .sign.cloud { color: var(--cloud); }
.sign.server { color: var(--server); }
.legend { font-size: 12px; color: var(--quiet); margin: 6px 0 14px; }
.legend span { margin-right: 16px; white-space: nowrap; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
figure { margin: 18px 0; }
figcaption { font-weight: 600; margin: 0 0 6px; }
.quote { margin: 16px 0; padding: 0 0 0 14px; border-left: 3px solid var(--line); }
.quote.question, .quote.author_note { border-left-color: var(--accent); }
.quote figcaption { font-weight: 600; }
blockquote { margin: 0; white-space: pre-wrap; }
ul.notes { margin: 6px 0 0; padding: 0; list-style: none; font-size: 13px; color: var(--quiet); }
footer { margin: 32px 0 0; padding-top: 12px; border-top: 1px solid var(--line); font-size: 12px;
  color: var(--quiet); }
.chart { display: block; overflow: visible; max-width: 640px; }
.chart .over { overflow: visible; }
.chart text { fill: var(--text); } .chart .tick { fill: var(--quiet); }
.chart .value { font-variant-numeric: tabular-nums; }
.chart .grid { stroke: var(--line); }
.chart .bar { fill: var(--quiet); } .chart .dot { fill: var(--quiet); }
.chart .span { stroke: var(--quiet); stroke-width: 2.5; opacity: .55; }
.chart .run { stroke: var(--quiet); stroke-width: 2; } .chart .run.plain { stroke-dasharray: 6 4; }
.chart .run.here { stroke: var(--here); } .chart .run.cloud { stroke: var(--cloud); }
.chart .run.server { stroke: var(--server); } .chart line.you { stroke: var(--accent); }
.chart text.you { fill: var(--accent); font-weight: 600; }
.chart .bar.here, .chart .dot.here { fill: var(--here); }
.chart .bar.cloud, .chart .dot.cloud { fill: var(--cloud); }
.chart .bar.server, .chart .dot.server { fill: var(--server); }
.chart .span.here { stroke: var(--here); } .chart .span.cloud { stroke: var(--cloud); }
.chart .span.server { stroke: var(--server); }
@media (max-width: 600px) { main { margin: 0; padding: 18px 16px; border: 0; border-radius: 0; }
  dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin: 0 0 6px; }
  th, td { padding: 7px 8px; } tbody th { min-width: 96px; } }
@media print { :root { color-scheme: light; --ground: #ffffff; --card: #ffffff; --line: #c8ccd4;
  --text: #000000; --quiet: #444b57; --accent: #4141b0; --here: #14693f; --cloud: #1f55b5;
  --server: #852c6c; --caution: #7a3f04; --caution-ground: #ffffff; }
  @page { margin: 16mm; }
  body { font-size: 10.5pt; } main { max-width: none; margin: 0; padding: 0; border: 0; }
  .scroll { overflow: visible; } table { font-size: 9pt; } th, td { padding: 4px 5px; }
  h2 { break-after: avoid; }
  tr, .legend, figure.chart-of, figcaption, .out { break-inside: avoid; }
  figcaption, caption { break-after: avoid; } thead { display: table-header-group; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
""".replace("%COLOURS%", _COLOURS)


def page(document: Document) -> str:
    """Return the document as one HTML file."""
    html = Element("html", {"lang": "en"})
    head = SubElement(html, "head")
    SubElement(head, "meta", {"charset": "utf-8"})
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": POLICY})
    SubElement(head, "meta", {"name": "referrer", "content": "no-referrer"})
    SubElement(head, "meta", {"name": "viewport", "content": "width=device-width"})
    SubElement(head, "meta", {"name": "robots", "content": "noindex"})
    SubElement(head, "meta", {"name": "format-detection", "content": "telephone=no"})
    parts = (document.title, document.recorded or document.when)
    SubElement(head, "title").text = " · ".join(part for part in parts if part)
    SubElement(head, "style").text = _STYLE
    main = SubElement(SubElement(html, "body"), "main")
    _head(main, document)
    for section in document.sections:
        _section(main, section)
    note = SubElement(main, "footer")
    note.text = FOOT
    return "<!DOCTYPE html>\n" + tostring(html, encoding="unicode", method="html") + "\n"


def _head(main: Element, document: Document) -> None:
    header = SubElement(main, "header")
    SubElement(SubElement(header, "h1"), "bdi").text = document.title
    if document.when and not document.recorded:
        SubElement(header, "p", {"class": "when"}).text = document.when
    if document.recorded:
        SubElement(header, "p", {"class": "recorded"}).text = document.recorded
    facts = SubElement(header, "dl", {"class": "facts"})
    for name, words in document.facts:
        SubElement(SubElement(facts, "dt"), "bdi").text = name
        SubElement(SubElement(facts, "dd"), "bdi").text = words


def _section(main: Element, section: Section) -> None:
    parent = SubElement(main, "section")
    if section.heading:
        SubElement(parent, "h2").text = section.heading
    for block in section.blocks:
        _block(parent, block)


def _block(parent: Element, block: Block) -> None:
    match block:
        case Sentences(texts=texts):
            for text in texts:
                SubElement(parent, "p", {"dir": "auto"}).text = text
        case LeftOut(sentence=sentence):
            SubElement(parent, "p", {"class": "out"}).text = sentence
        case Table():
            _table(parent, block)
        case Quote():
            _quote(parent, block)
        case Chart(caption=caption):
            figure = SubElement(parent, "figure", {"class": "chart-of"})
            SubElement(figure, "figcaption").text = caption
            figure.append(chart_element(block))


def _table(parent: Element, table: Table) -> None:
    table = table.as_shown()
    # what can be scrolled can be reached with the keyboard
    around = {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": table.caption}
    element = SubElement(SubElement(parent, "div", around), "table")
    SubElement(element, "caption").text = table.caption
    head = SubElement(SubElement(element, "thead"), "tr")
    SubElement(head, "th", {"scope": "col"}).text = table.head
    for column in table.columns:
        attributes = {"scope": "col"} | ({"class": "words"} if column.is_text else {})
        SubElement(SubElement(head, "th", attributes), "bdi").text = column.title
    body = SubElement(element, "tbody")
    for row in table.rows:
        _row(body, table.columns, row)
    _legend(parent, table)


def _row(body: Element, columns: tuple[Column, ...], row: Row) -> None:
    line = SubElement(body, "tr")
    name = SubElement(line, "th", {"scope": "row"})
    _named(name, row.name, row.place)
    for column, cell in zip(columns, row.cells, strict=True):
        names = [
            name
            for name, is_so in (
                ("words", column.is_text),
                ("best", cell.is_best),
                ("unknown", cell.value is None),
            )
            if is_so
        ]
        element = SubElement(line, "td", {"class": " ".join(names)} if names else {})
        SubElement(element, "bdi").text = marked(cell)
        _mark(element, cell)


def _mark(element: Element, cell: Cell) -> None:
    if cell.provenance is None:
        return
    sign, word = MARKS[cell.provenance]
    SubElement(element, "span", {"class": "mark", "aria-hidden": "true"}).text = sign
    best = ", best" if cell.is_best else ""
    SubElement(element, "span", {"class": "hidden"}).text = f" ({word}{best})"


def _legend(parent: Element, table: Table) -> None:
    """Say what the signs mean, each with its word."""
    used = {cell.provenance for row in table.rows for cell in row.cells}
    known = [mark for mark in Provenance if mark in used]
    if not known:
        return
    legend = SubElement(parent, "p", {"class": "legend"})
    for mark in known:
        sign, word = MARKS[mark]
        SubElement(legend, "span").text = f"{sign} {word}"


def _quote(parent: Element, quote: Quote) -> None:
    figure = SubElement(parent, "figure", {"class": f"quote {quote.kind.value}"})
    _named(SubElement(figure, "figcaption"), quote.label, quote.place)
    if quote.text or quote.kind is not QuoteKind.ANSWER:
        SubElement(figure, "blockquote", {"dir": "auto"}).text = quote.text
    if quote.notes:
        notes = SubElement(figure, "ul", {"class": "notes"})
        for note in quote.notes:
            SubElement(notes, "li", {"dir": "auto"}).text = note


def _named(element: Element, name: str, place: Place | None) -> None:
    """Write a name with the sign of its place, and the place as a word under it."""
    if place is not None:
        element.append(sign_element(place))
    SubElement(element, "bdi").text = name
    if place is not None:
        SubElement(element, "span", {"class": "place"}).text = place.value
