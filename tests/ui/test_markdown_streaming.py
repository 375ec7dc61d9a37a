"""An answer that arrives in pieces shows what the whole answer shows, however it is cut."""

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from playground.ui.theme.theme import Theme
from playground.ui.widgets.markdown.splitter import Code, MarkdownSplitter, Piece
from playground.ui.widgets.markdown.view import MarkdownView
from tests.ui.test_markdown_view import ANSWER, shape

_LONG_TEXT = 3000
"""Characters from which a text is cut less often: laying it out takes long."""

PARAGRAPHS = """The lamp of a lighthouse turns once in ten seconds. Sailors count the flashes.

Each tower has its own rhythm. I would not change it.

A keeper lived there until 1986, with  two spaces and a snake_case word.
The line goes on here, still the same paragraph.

Sixty steps lead up. The door is painted red; see www.example.org/door for it.
"""

LISTS = """Three things matter:

- light, which must be **strong** and steady
- height over the water
  - nested with `code` inside
  - another one

1. first of all, climb
2. then look
12345. a number with many digits

- an item

  its second paragraph

- the last item

After the list, words again.
"""

TABLE = """Here are the figures.

| Tower | Height | Built |
|---|---:|:---:|
| Pharos | 100 m | *long ago* |
| Bell Rock | 35 m | 1810 |

The table has ended. It was short.

> quoted words go on
> in a second line

***

And so on it goes.
"""

FENCES = """Run this:

```python
def flash(count):

    for _ in range(count):
        print("light")
```

It prints a word for each flash.

~~~
```
not closed by the other kind
~~~

````md
```
inner
```
````

Then [a link](https://example.org/page) and **bold words** end it"""

HEADINGS = """# The tower

Some words below it.

## How it was built #

Stone upon stone.

A heading of the other kind
===========================

More of it: 3 * 4 is 12, a_b_c is a name, 5 < 6 & 7 > 2, *not closed.

Ünïcödé wörds, 漢字, emoji 🗼 and\u00a0a hard space.
### Closing words
End"""


def _long_paragraph(length: int, seed: int) -> str:
    words = random.Random(seed)
    plain = ("tower", "light", "sea", "keeper", "stone", "wave", "and", "the", "I", "turns")
    marked = ("**strong words here**", "`code`", "*soft*", "snake_case", "[link](https://a.org/b)")
    text = "Long"
    while len(text) < length:
        text += " " + words.choice(marked if words.random() < 0.06 else plain)
    return text + "."


LONG = f"{_long_paragraph(1300, 1)}\n\nAfter it.\n\n{_long_paragraph(2600, 2)} And\n\nEnd of it."
VERY_LONG = f"Before.\n\n{_long_paragraph(4700, 3)}\n\n- {_long_paragraph(5200, 4)}\n- two\n\nEnd"
UNBROKEN = f"Before it\n\n{'x' * 5000}\n\n> {_long_paragraph(4300, 5)}\n\n{'word ' * 900}\n\nEnd"

TEXTS = (PARAGRAPHS, LISTS, TABLE, FENCES, HEADINGS, ANSWER, LONG, VERY_LONG, UNBROKEN)


def random_cuts(text: str, cuts: random.Random) -> Iterator[int]:
    """Yield where to cut `text`: letters one by one, words, and now and then a large piece."""
    end = 0
    sizes = cuts.choice(((1, 12), (3, 40), (20, 200)))
    # a long text in single letters would take seconds
    least = max(1, len(text) // 60)
    while end < len(text):
        is_letter = cuts.random() < 0.3
        end += 1 if is_letter else max(least, cuts.randint(*sizes))
        yield min(end, len(text))


def cut_texts(most: int) -> Iterator[tuple[str, list[int]]]:
    """Yield each text with where it is cut, `most` times; long ones not so often."""
    for text in TEXTS:
        for seed in range(most if len(text) < _LONG_TEXT else max(1, most // 6)):
            yield text, list(random_cuts(text, random.Random(seed)))


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> MarkdownView:
    view = MarkdownView(theme)
    qtbot.addWidget(view)
    return view


@pytest.fixture
def whole(qtbot: QtBot, theme: Theme) -> MarkdownView:
    whole = MarkdownView(theme)
    qtbot.addWidget(whole)
    return whole


def test_however_an_answer_is_cut_it_looks_like_the_whole(
    view: MarkdownView, whole: MarkdownView
) -> None:
    for text, ends in cut_texts(24):
        whole.set_text(text)
        view.set_text("")
        for end in ends:
            view.set_text(text[:end], is_writing=True)
        view.set_text(text)
        assert view.toPlainText() == whole.toPlainText(), f"cut at {ends}"
        assert shape(view) == shape(whole), f"cut at {ends}"


def test_every_moment_of_an_answer_looks_like_its_text_so_far(
    view: MarkdownView, whole: MarkdownView
) -> None:
    for text, ends in cut_texts(1):
        view.set_text("")
        for end in ends:
            view.set_text(text[:end], is_writing=True)
            whole.set_text("")
            whole.set_text(text[:end])
            assert view.toPlainText() == whole.toPlainText(), f"{ends} at {end}"


def test_no_word_of_an_answer_is_left_out(whole: MarkdownView) -> None:
    for text in TEXTS:
        whole.set_text(text)
        shown = whole.toPlainText().split()
        remaining = iter(shown)
        for word in text.split():
            if len(word) > _LONG_TEXT:
                # an endless word goes on in another line
                assert word in "".join(shown)
            elif word.isalpha():
                assert word in remaining, f"{word!r} is missing, or stands in the wrong place"


_LINES = st.sampled_from(
    (
        "",
        "",
        "A",
        "I go on with words",
        "- item",
        "-",
        "1. one",
        "  indented",
        "# head",
        "> quote",
        "```",
        "```md",
        "```json",
        "    ```",
        "It goes on:",
        "| a | b |",
        "|---|---|",
        "two  spaces **bold** and",
        "www.example.org",
        "*soft* end",
        "===",
        "word " * 300,
        _long_paragraph(1500, 6),
        _long_paragraph(4200, 7),
        "12345. many digits",
    )
)


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(lines=st.lists(_LINES, min_size=1, max_size=8), data=st.data())
def test_the_finished_pieces_are_the_same_however_the_text_is_cut(
    lines: list[str], data: st.DataObject
) -> None:
    text = "\n".join(lines)
    cuts = data.draw(st.lists(st.integers(0, len(text)), min_size=1, max_size=12))
    places = [0, *sorted(cuts), len(text)]
    streamed = MarkdownSplitter()
    pieces: list[Piece] = []
    for start, end in pairwise(places):
        pieces += streamed.feed(text[start:end])
    at_once = MarkdownSplitter()
    assert _joined(pieces) == _joined(at_once.feed(text))
    assert _joined([*pieces, *streamed.rest]) == _joined(
        [*MarkdownSplitter().feed(text), *at_once.rest]
    )


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Put the lines of each code block together: they are finished one by one."""
    found: list[Piece] = []
    for piece in pieces:
        before = found[-1] if found else None
        if isinstance(piece, Code) and piece.joins and isinstance(before, Code):
            found[-1] = Code(f"{before.text}\n{piece.text}", before.language, before.joins)
        else:
            found.append(piece)
    return found
