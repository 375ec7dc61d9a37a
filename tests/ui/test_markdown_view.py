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
from PySide6.QtGui import QDesktopServices, QGuiApplication, QTextDocument, QTextTable
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
    if splitter.rest is not None:
        pieces.append(splitter.rest)
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
    assert isinstance(splitter.rest, Prose)


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
        assert splitter.rest is not None
        pieces.append(splitter.rest)
        code = "\n".join(piece.text for piece in pieces if isinstance(piece, Code))
        assert code.startswith("## Identity")
        assert code.endswith("}\n```")
        assert isinstance(pieces[-1], Prose)
        assert whole in {None, code}, "as it is in one piece"
        whole = code


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
