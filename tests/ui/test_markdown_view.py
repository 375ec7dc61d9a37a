"""Streaming Markdown: what is shown, and what it may never touch."""

import http.client
import http.server
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from PySide6.QtCore import QByteArray, QPoint, Qt, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QGuiApplication,
    QTextCursor,
    QTextDocument,
    QTextTable,
)
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from playground.ui.theme.theme import Theme
from playground.ui.widgets.markdown.splitter import Code, MarkdownSplitter, Prose
from playground.ui.widgets.markdown.view import MarkdownView
from playground.ui.widgets.markdown.writer import SealedDocument
from tests.ui.conftest import take_turns

ANSWER = """# A lighthouse

A **lighthouse** is a *tall* tower with `a lamp`. See [this](https://example.org/x).

- first
- second
  - nested

5. five
6. six

```python
def f(x):

    return x
```

After it. Text with <b>raw</b> HTML.

| a | b |
|---|---|
| 1 | 2 |

> quoted
> text

- [ ] to do
- [x] done

~~struck~~ https://example.org/bare end
"""


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> Iterator[MarkdownView]:
    view = MarkdownView(theme)
    view.resize(420, 300)
    view.show()
    yield view
    view.hide()
    view.deleteLater()


def shape(view: MarkdownView) -> list[tuple[object, ...]]:
    """Return each line as it is laid out: text, format of the line, formats of its parts."""
    lines: list[tuple[object, ...]] = []
    block = view.document().begin()
    while block.isValid():
        parts = []
        iterator = block.begin()
        while not iterator.atEnd():
            given = iterator.fragment().charFormat()
            parts.append(
                (
                    iterator.fragment().text(),
                    given.fontWeight(),
                    given.fontItalic(),
                    given.fontStrikeOut(),
                    given.anchorHref(),
                    given.fontFixedPitch(),
                )
            )
            iterator += 1
        form = block.blockFormat()
        lines.append((block.text(), form.leftMargin(), form.topMargin(), block.userState(), *parts))
        block = block.next()
    return lines


@pytest.mark.parametrize("step", [1, 2, 7, 40])
def test_an_answer_that_came_in_pieces_looks_like_one_that_came_whole(
    step: int, view: MarkdownView, theme: Theme, qtbot: QtBot
) -> None:
    whole = MarkdownView(theme)
    qtbot.addWidget(whole)
    whole.set_text(ANSWER)
    for end in range(step, len(ANSWER) + step, step):
        view.set_text(ANSWER[:end], is_writing=True)
    view.set_text(ANSWER)
    assert shape(view) == shape(whole)


def test_what_is_bold_while_it_is_written_is_bold_at_the_end(view: MarkdownView) -> None:
    for text in ("So **very", "So **very bold", "So **very bold** it", "So **very bold** it is"):
        view.set_text(text, is_writing=True)
    weights = {text: weight for text, weight, *_ in shape(view)[0][4:]}  # type: ignore[misc]
    assert weights["very bold"] > weights["So "]
    assert view.toPlainText() == "So very bold it is"


def test_finished_pieces_are_not_written_again(view: MarkdownView) -> None:
    view.set_text("First paragraph.\n\nSecond paragraph.\n\nThird is", is_writing=True)
    touched: list[int] = []
    view.document().contentsChange.connect(lambda at, _out, _in: touched.append(at))
    view.set_text("First paragraph.\n\nSecond paragraph.\n\nThird is **bold** now", is_writing=True)
    assert touched
    assert min(touched) >= len("First paragraph.\nSecond paragraph")


def test_an_endless_paragraph_is_cut_into_pieces(view: MarkdownView) -> None:
    text = ""
    for index in range(4000):
        text += f"word{index} "
        if index % 20 == 0:
            view.set_text(text, is_writing=True)
    view.set_text(text)
    assert view.toPlainText().replace("\n", " ").split() == text.split()
    blocks = [view.document().findBlockByNumber(i) for i in range(view.document().blockCount())]
    assert max(block.length() for block in blocks) < 8000


def test_text_that_does_not_go_on_replaces_what_was_shown(view: MarkdownView) -> None:
    view.set_text("One thing.")
    view.set_text("Another.")
    assert view.toPlainText() == "Another."


def test_the_view_is_as_high_as_its_text(view: MarkdownView, qtbot: QtBot) -> None:
    view.set_text("short")
    low = view.height()
    view.set_text("short\n\n" + "many words here " * 60)
    qtbot.waitUntil(lambda: view.height() > low * 4)


def test_code_is_copied_by_its_button(view: MarkdownView) -> None:
    view.set_text(ANSWER)
    button = next(b for b in view.findChildren(QToolButton) if "code" in b.accessibleName())
    button.click()
    assert QGuiApplication.clipboard().text() == "def f(x):\n\n    return x"


@pytest.mark.parametrize("code", ["x" * 300, "a\n" + "word " * 60, "word " * 60 + "\nb\nc"])
def test_the_button_that_copies_covers_no_code(view: MarkdownView, code: str) -> None:
    view.set_text(f"```\n{code}\n```\n\nafter it")
    take = view.findChild(QToolButton).geometry()
    layout = view.document().documentLayout()
    block = view.document().begin()
    lines = 0
    while block.isValid():
        corner = layout.blockBoundingRect(block).topLeft()
        for number in range(block.layout().lineCount()):
            line = block.layout().lineAt(number).naturalTextRect().translated(corner).toRect()
            assert not line.intersects(take), block.text()
            lines += 1
        block = block.next()
    assert lines > 3


def test_code_that_is_still_written_can_be_copied(view: MarkdownView) -> None:
    for text in ("```\na = 1\n", "```\na = 1\nb = 2\nc", "```\na = 1\nb = 2\nc = 3"):
        view.set_text(text, is_writing=True)
    view.findChild(QToolButton).click()
    assert QGuiApplication.clipboard().text() == "a = 1\nb = 2\nc = 3"


def test_the_theme_can_change_while_an_answer_is_written(view: MarkdownView, theme: Theme) -> None:
    view.set_text(ANSWER[:200], is_writing=True)
    theme.set_appearance(mode="dark", scale=1.5)
    view.set_text(ANSWER)
    assert "A lighthouse" in view.toPlainText()
    first = view.document().begin().begin().fragment().charFormat()
    assert first.foreground().color().name() == theme.palette.text


class _Trap(http.server.BaseHTTPRequestHandler):
    requests: list[str] = []  # noqa: RUF012 - a new class for each server

    def do_GET(self) -> None:
        self.requests.append(self.path)
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        return


@pytest.fixture
def trap() -> Iterator[tuple[str, list[str]]]:
    """A server that must not be asked anything."""
    handler = type("Trap", (_Trap,), {"requests": []})
    # one connection after the other, in the order they came
    server = http.server.HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", handler.requests  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


def ask_last(address: str) -> None:
    """Ask the trap for something: what had been asked for before has been noted by then."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"))
    connection.request("GET", "/last")
    assert connection.getresponse().status == 404
    connection.close()


def test_hostile_markdown_touches_no_file_and_no_network(
    view: MarkdownView,
    trap: tuple[str, list[str]],
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, requests = trap
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"\x89PNG secret")
    asked: list[object] = []
    monkeypatch.setattr(
        SealedDocument, "loadResource", lambda _self, *args: asked.append(args) or QByteArray()
    )
    monkeypatch.setattr(
        MarkdownView, "loadResource", lambda _self, *args: asked.append(args) or QByteArray()
    )
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    hostile = f"""
![a](file://{secret}) ![b]({secret}) ![c]({address}/x.png) ![d][ref] ![](data:image/png;base64,AA)
<img src="{address}/y.png"> <img src="file://{secret}"><iframe src="{address}/z"></iframe>
<script>alert(1)</script><link rel="stylesheet" href="{address}/s.css">
[click](javascript:alert(1)) [file](file://{secret}) [data](data:text/html,x) <{address}/auto>
| ![t]({address}/t.png) |
|---|
| ![u](file://{secret}) |

[ref]: {address}/ref.png
"""
    for end in range(1, len(hostile), 11):
        view.set_text(hostile[:end], is_writing=True)
    view.set_text(hostile)
    view.resize(500, 600)
    view.grab()
    take_turns(qtbot)
    ask_last(address)
    assert requests == ["/last"]
    assert asked == []
    assert opened == []
    text = view.toPlainText()
    assert "\ufffc" not in text, "an image got into the document"
    assert "<script>alert(1)</script>" in text
    links = {part[4] for line in shape(view) for part in line[4:] if part[4]}  # type: ignore[index]
    assert links <= {f"{address}/auto"}


def test_every_way_to_load_something_is_refused(view: MarkdownView, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("planted")
    address = QUrl.fromLocalFile(str(secret))
    for kind in QTextDocument.ResourceType:
        assert not view.loadResource(kind.value, address)
        assert not view.document().resource(kind.value, address)
    view.setHtml(f'<img src="{address.toString()}"><img src="http://127.0.0.1:9/x">')
    view.grab()
    assert not view.document().resource(2, address)


def test_a_link_opens_only_after_a_click_and_only_on_the_web(
    view: MarkdownView, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    view.set_text("[here](https://example.org/page)")
    view.grab()
    assert opened == []
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(8, 14))
    assert opened == ["https://example.org/page"]
    for bad in ("file:///etc/passwd", "javascript:alert(1)", "ftp://x", "smb://x/y"):
        view.anchorClicked.emit(QUrl(bad))
    assert len(opened) == 1
    assert "here" in view.toPlainText()


@pytest.mark.parametrize(
    "text",
    [
        ANSWER,
        "```\nopen",
        "a\n\nb\n\nc",
        "- a\n\n- b\n\n- c\n\nend",
        "~~~x\n```\n~~~\nend",
        "\n\n\n",
    ],
)
def test_pieces_put_together_are_the_text(text: str) -> None:
    splitter = MarkdownSplitter()
    pieces = [piece for character in text for piece in splitter.feed(character)]
    pieces += splitter.rest
    joined = "\n".join(piece.text for piece in pieces)
    kept = "".join(
        line for line in text.splitlines(keepends=True) if line[:3] not in {"```", "~~~"}
    )
    assert joined.split() == (kept if "~~~" not in text else "``` end").split()


def test_a_fence_inside_a_longer_fence_is_code() -> None:
    splitter = MarkdownSplitter()
    pieces = splitter.feed("````md\n```\nx\n```\n````\nend\n\nmore")
    code = "\n".join(piece.text for piece in pieces if isinstance(piece, Code))
    assert code.strip() == "```\nx\n```"
    assert isinstance(splitter.rest[-1], Prose)


NESTED = """Here it is:

```markdown
## Identity
Write `content`. Example:
```
PIR Corporate
```
## Output
```json
{ "type": "bundle" }
```
```

After the block.
"""


def test_code_in_a_document_with_fences_of_the_same_length_belongs_to_it() -> None:
    whole, random = None, Random(5)
    for _ in range(50):
        cuts = sorted(random.sample(range(1, len(NESTED)), 6))
        splitter = MarkdownSplitter()
        parts = [NESTED[a:b] for a, b in pairwise([0, *cuts, len(NESTED)])]
        pieces = [piece for part in parts for piece in splitter.feed(part)]
        pieces += splitter.rest
        code = "\n".join(piece.text for piece in pieces if isinstance(piece, Code))
        assert code.startswith("## Identity")
        assert code.endswith("}\n```")
        assert isinstance(pieces[-1], Prose)
        assert whole in {None, code}, "as it is in one piece"
        whole = code


CODE_OR_PROSE = {
    # CommonMark
    "```py\nx\n```\nAfter.": [("code", "x"), "After."],
    "```py\nx\n``` y\n```\nAfter.": [("code", "x\n``` y"), "After."],
    "```py\nx\n`````\nAfter.": [("code", "x"), "After."],
    "````py\n```\n````\nAfter.": [("code", "```"), "After."],
    "~~~py\n```\n~~~\nAfter.": [("code", "```"), "After."],
    "```py\nx\n   ```\nAfter.": [("code", "x"), "After."],
    "```py\nx\n    ```\ny\n```\nAfter.": [("code", "x\n    ```\ny"), "After."],
    "```py\nx\n\t```\ny\n```\nAfter.": [("code", "x\n\t```\ny"), "After."],
    "```md\n# A\n```\nAfter.": [("code", "# A"), "After."],
    "```md\n# A\n```\n- one\n- two": [("code", "# A"), "- one\n- two"],
    "```md\n# A\n```\nSo:\n```py\nx\n```": [("code", "# A"), "So:", ("code", "x")],
    "```md\n# A\n```\nSo:\n```\nx\n```\n": [("code", "# A"), "So:", ("code", "x")],
    "```md\nA\n```\nand\n```md\nB\n```\nEnd.": [("code", "A"), "and", ("code", "B"), "End."],
    "```md\n```\nAfter.": [("code", ""), "After."],
    # fences within a document, as long as its own: the last one closes it
    "```md\nA\n```json\n{}\n```\n```\nAfter.": [("code", "A\n```json\n{}\n```"), "After."],
    "```md\nA\n```\nx\n```\nB\n```\nAfter.": [("code", "A\n```\nx\n```\nB"), "After."],
    "```md\nA\n```\nx\n```\n```\n\nAfter.": [("code", "A\n```\nx\n```"), "After."],
    "```md\nA\n```\nx\n```\n```\nAfter.": [("code", "A\n```\nx\n```"), "After."],
    f"```md\nA\n```\n{'word ' * 600}\n```\n": [
        ("code", "A"),
        ("word " * 600).strip(),
        ("code", ""),
    ],
}


@pytest.mark.parametrize("text", CODE_OR_PROSE)
def test_a_fence_closes_as_commonmark_says_but_for_those_within_a_document(text: str) -> None:
    for size in (1, 3, len(text)):
        splitter = MarkdownSplitter()
        found: list[tuple[str, str] | str] = []
        parts = [text[start : start + size] for start in range(0, len(text), size)]
        pieces = [piece for part in parts for piece in splitter.feed(part)]
        for piece in (*pieces, *splitter.rest):
            before = found[-1] if found else None
            if isinstance(piece, Code):
                is_more = piece.joins and isinstance(before, tuple)
                if is_more and isinstance(before, tuple):
                    found[-1] = ("code", f"{before[1]}\n{piece.text}")
                else:
                    found.append(("code", piece.text))
            elif piece.joins and isinstance(before, str):
                found[-1] = f"{before} {piece.text.strip()}"
            else:
                found.append(piece.text.strip())
        assert found == CODE_OR_PROSE[text]


def test_what_turns_out_to_be_code_of_a_document_is_shown_and_copied_as_such(
    view: MarkdownView,
) -> None:
    for length in range(1, len(NESTED) + 1):
        view.set_text(NESTED[:length], is_writing=True)
    view.set_text(NESTED)
    buttons = view.findChildren(QToolButton)
    assert len(buttons) == 1
    buttons[0].click()
    assert QGuiApplication.clipboard().text().endswith('"bundle" }\n```')
    view.set_text("```md\n# A\n```\nSo:\n```py\nx = 1\n```", is_writing=True)
    first, second = (b for b in view.findChildren(QToolButton) if b.isVisibleTo(view))
    first.click()
    assert QGuiApplication.clipboard().text() == "# A"
    second.click()
    assert QGuiApplication.clipboard().text() == "x = 1"


FORMULAS = (
    r"\frac{a_1 * b_2}{c_3 * d_4}",
    r"\mathbf{x}_{i,j} = \{ *a*, **b** \} \\ \text{a_b_c}",
    r"a < b > c & d # e ~ f | g",
    r"[x](y) `z` ![w] <u>",
    r"\left( \sum_{i=1}^{n} x_i^2 \right)^{*}",
)


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize(
    ("opening", "closing"), [(r"\(", r"\)"), (r"\[", r"\]"), ("$", "$"), ("$$", "$$")]
)
def test_nothing_of_a_formula_is_lost(
    formula: str, opening: str, closing: str, view: MarkdownView
) -> None:
    text = f"So {opening}{formula}{closing} holds, *really*."
    for length in range(1, len(text) + 1):
        view.set_text(text[:length], is_writing=True)
    view.set_text(text)
    assert view.toPlainText() == f"So {opening}{formula}{closing} holds, really."
    if opening != "$":
        view.set_text(f"{opening}\n{formula}\n{closing}\n\nend")
        assert view.toPlainText().split() == f"{opening} {formula} {closing} end".split()


@pytest.mark.parametrize(
    "formula",
    [
        r"$2*x*y$",
        r"$0.5\,\text{a_b_c}$",
        r"$3\cdot 4*5*6$",
        r"$ a_1 * b * c $",
        r"$\$5 * x * y$",
        r"$|x_1|*|y_1|*z$",
        r"\(a*b*c\)",
        r"$$2*x*y$$",
        r"\begin{align} a_1 &= b*c*d \\ e_2 &= f \end{align}",
    ],
)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("- item ", "\n- another"),
        ("1. one ", "\n2. two"),
        ("- a\n  - b ", "\n"),
        ("| a | b |\n| --- | --- |\n| ", " | 2 |\n"),
        ("**bold ", " end**"),
        ("*slanted ", " end*"),
        ("> quoted ", ""),
        ("## head ", ""),
        ("[link ", "](https://e.example)"),
        ("Far in:\n\n    ", ""),
        ("In code: `*a*`, ", ""),
        ("It costs $5, so ", " is $6."),
    ],
)
def test_a_formula_is_whole_wherever_it_stands(
    formula: str, before: str, after: str, view: MarkdownView
) -> None:
    text = before + formula + after
    for length in range(1, len(text) + 1, 3):
        view.set_text(text[:length], is_writing=True)
    view.set_text(text)
    assert formula in view.toPlainText()


@pytest.mark.parametrize(
    "text",
    [
        "$$\nx = 1*a*b\n\ny = 2*c*d\n$$\n\nThen *this*.",
        "So:\n\n\\[\nx = 1*a*b\n\n- y = 2*c*d\n\\]\n\nThen *this*.",
        "\\begin{aligned}\na_1*b*c &= d \\\\\n\\end{aligned}\n\nThen *this*.",
    ],
)
def test_lines_of_a_formula_are_whole_with_blank_ones_between_them(
    text: str, view: MarkdownView
) -> None:
    for length in range(1, len(text) + 1):
        view.set_text(text[:length], is_writing=True)
    view.set_text(text)
    assert view.toPlainText().split() == text.replace("*this*", "this").split()


@pytest.mark.parametrize("text", [r"So \[a*b*c", r"So \(a*b*c", "$$a*b*c", r"\begin{x} a*b*c"])
def test_a_formula_in_which_an_answer_ends_is_whole(text: str, view: MarkdownView) -> None:
    view.set_text(f"{text}\n\nThen *this*.")
    assert view.toPlainText() == f"{text}\nThen this."


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $6 *or* $7",
        "$1,000.00–$2,000.00 per *unit*",
        "US$5, *then* A$6_000_000",
        "costs 5$ or 6$ *now*",
        "from $10K to *about* $20K",
        "$5/month ($6 *later*)",
        "**$5** or **$6** *each*",
        "5 $ *or* 6 $ each",
        "$HOME and $PATH are *set*",
    ],
)
def test_prices_and_variables_are_no_formulas(text: str, view: MarkdownView) -> None:
    view.set_text(text)
    assert view.toPlainText() == text.replace("*", "")


def test_an_address_with_signs_of_formulas_leads_where_it_says(view: MarkdownView) -> None:
    view.set_text(r"[page](https://e.example/$a_b$?c=\(d\)) ![$a*b*c$](x.png)")
    assert view.toPlainText() == "page [$a*b*c$]"
    cursor = QTextCursor(view.document())
    cursor.setPosition(1)
    address = cursor.charFormat().anchorHref()
    assert address.startswith("https://e.example/$a_b$?c=")
    assert address.isascii()


def test_a_long_paragraph_is_not_cut_within_a_formula(view: MarkdownView) -> None:
    for opening, closing in ((r"\(", r"\)"), (r"\[", r"\]"), ("$", "$"), ("$$", "$$")):
        inside = r"a \{ x \, y \} plus b " * 20
        text = f"{'word ' * 200}{opening}{inside.strip()}{closing} and {'more words ' * 60}".strip()
        view.set_text(text)
        assert view.toPlainText() == text


@pytest.mark.parametrize(
    "text",
    [
        r"So \(a^2 + b_1^2 = c_2^2\) holds.",
        r"$$\int_0^1 x\,dx = \frac12$$",
        "It is $x_1 * y_1 * z$ then.",
        r"\[ E = mc^2 \]",
        "It costs $5 or $10_000 a year, *never* more.",
    ],
)
def test_formulas_come_out_as_they_were_written(text: str, qtbot: QtBot, theme: Theme) -> None:
    view = MarkdownView(theme)
    qtbot.addWidget(view)
    for length in range(1, len(text) + 1):
        view.set_text(text[:length], is_writing=True)
    view.set_text(text)
    assert view.toPlainText() == text.replace("*never*", "never")


def test_every_cell_of_a_table_has_lines_around_it(qtbot: QtBot, theme: Theme) -> None:
    view = MarkdownView(theme)
    qtbot.addWidget(view)
    view.set_text("| a | b |\n| --- | --- |\n| 1 | 2 |\n", is_writing=False)
    table = next(f for f in view.document().rootFrame().childFrames() if isinstance(f, QTextTable))
    for row in range(table.rows()):
        for column in range(table.columns()):
            cell = table.cellAt(row, column).format().toTableCellFormat()
            assert cell.topBorder() == cell.bottomBorder() == 1
            assert cell.leftBorder() == cell.rightBorder() == 1


@pytest.mark.parametrize("is_streamed", [False, True])
def test_code_below_a_table_stands_clear_of_it(view: MarkdownView, is_streamed: bool) -> None:
    text = "| a | b |\n| --- | --- |\n| c | d |\n\n```\ncode\n```\n\nThe end."
    for end in range(1, len(text)) if is_streamed else ():
        view.set_text(text[:end], is_writing=True)
    view.set_text(text)
    (area,) = map(view._code_area, view._code_lines)
    last = view.document().rootFrame().childFrames()[0].lastCursorPosition()
    cell = view.document().documentLayout().blockBoundingRect(last.block())
    padding = 5
    assert area.top() - cell.bottom() - padding >= 7
