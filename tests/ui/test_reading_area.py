"""Text areas show whole lines only, and what is read stays where it is."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QLabel, QTextEdit
from pytestqt.qtbot import QtBot

from playground.ui.answers.response_pane import ResponsePane
from playground.ui.answers.turn_view import TurnContent
from playground.ui.answers.view_model import AnswerViewModel
from playground.ui.theme.theme import Theme
from playground.ui.widgets.markdown.view import MarkdownView
from tests.ui.conftest import take_turns
from tests.ui.layout_checker import cut_lines, settle, whole_lines

PARAGRAPH = (
    "Some words of a paragraph that goes on for more than one line where there is little room."
)
MIXED = f"""# A heading that is larger than the text

{PARAGRAPH}

- a list
- of two

| where | how often, and for how long at a time |
| --- | --- |
| Heligoland, which is an island | 5 s |

```python
print("a line of code")
print("and another")
```

## Another heading

The end of it.
"""


@pytest.fixture
def pane(theme: Theme, qtbot: QtBot) -> Iterator[ResponsePane]:
    """A pane on the screen, too low for its text."""
    pane = ResponsePane(theme)
    qtbot.addWidget(pane)
    pane.resize(400, 420)
    pane.show()
    return pane


def at_top(pane: ResponsePane) -> str:
    """Return the words of the first whole line."""
    return whole_lines(pane._scroll)[0]


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_no_line_is_cut_wherever_one_scrolls(
    pane: ResponsePane, theme: Theme, qtbot: QtBot, scale: float
) -> None:
    theme.set_appearance(scale=scale)
    pane.begin_turn("What?", follows_end=False).show_answer(AnswerViewModel(MIXED * 2))
    take_turns(qtbot)
    bar = pane._scroll.verticalScrollBar()
    for value in (*range(0, bar.maximum(), 7), bar.maximum()):
        bar.setValue(value)
        assert cut_lines(pane._scroll) == [], f"at {value}"
        assert whole_lines(pane._scroll), f"at {value}"


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_a_question_of_several_lines_is_not_cut_either(
    pane: ResponsePane, theme: Theme, qtbot: QtBot, scale: float
) -> None:
    theme.set_appearance(scale=scale)
    pane.begin_turn("Hxgp " * 180, follows_end=False).show_answer(AnswerViewModel("It."))
    take_turns(qtbot)
    (bubble,) = (one for one in pane.findChildren(QLabel) if one.property("bubble"))
    bar, area = pane._scroll.verticalScrollBar(), pane._scroll
    seen = set()
    for value in range(40, bar.maximum() - 40, 3):
        bar.setValue(value)
        left = bubble.mapTo(area, QPoint(20, 0)).x()
        image = pane.grab(QRect(area.x() + left, area.y(), 100, area.height())).toImage()
        rows = [
            y for y in range(image.height())
            if any(image.pixelColor(x, y).lightness() < 110 for x in range(0, 100, 2))
        ]  # fmt: skip
        starts = [y for y in rows if y - 1 not in rows]
        ends = [y for y in rows if y + 1 not in rows]
        seen |= {end - start for start, end in zip(starts, ends, strict=True)}
    # every line has the same letters, and so the same height
    assert max(seen) - min(seen) <= 1, seen


def test_an_area_lower_than_a_line_is_not_empty(pane: ResponsePane, qtbot: QtBot) -> None:
    pane.begin_turn(None, follows_end=False).show_answer(AnswerViewModel(MIXED))
    pane._scroll.setMinimumHeight(0)
    pane.setMinimumHeight(0)
    pane._scroll.setFixedHeight(26)
    take_turns(qtbot)
    for value in range(0, 60, 5):
        pane._scroll.verticalScrollBar().setValue(value)
        assert pane._scroll.whole_room().height() > 0


def test_what_is_read_stays_in_place_when_the_text_size_or_the_width_changes(
    pane: ResponsePane, theme: Theme, qtbot: QtBot
) -> None:
    turns = [
        TurnContent(f"Question {n}", AnswerViewModel(f"Answer {n} begins. {MIXED}"))
        for n in range(200)
    ]
    pane.show_earlier(turns)
    pane.begin_turn("The last").show_answer(AnswerViewModel(MIXED))
    take_turns(qtbot, 30)
    bar = pane._scroll.verticalScrollBar()
    while len(pane._turns) < 8:
        bar.setValue(0)
        qtbot.wait(5)
    take_turns(qtbot, 30)
    view = next(one for one in pane.findChildren(MarkdownView) if "Answer 195 " in one.markdown)
    body = pane._scroll.widget()
    bar.setValue(view.mapTo(body, QPoint(0, 70)).y())
    take_turns(qtbot)
    assert at_top(pane).strip() in PARAGRAPH
    for scale in (2.0, 1.25, 1.0):
        theme.set_appearance(scale=scale)
        take_turns(qtbot, 20)
        settle()
        assert at_top(pane).strip() in PARAGRAPH
        first, last = (view.mapTo(body, QPoint(0, y)).y() for y in (0, view.height()))
        assert first <= bar.value() < last, f"at {scale} another answer is at the top"
    pane.resize(700, 420)
    take_turns(qtbot, 20)
    assert at_top(pane).strip() in PARAGRAPH


def test_what_is_added_below_does_not_move_what_is_read(pane: ResponsePane, qtbot: QtBot) -> None:
    turn = pane.begin_turn("What?")
    turn.show_answer(AnswerViewModel(MIXED, is_writing=True))
    take_turns(qtbot)
    bar = pane._scroll.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    bar.setValue(40)
    before = at_top(pane)
    turn.show_answer(AnswerViewModel(MIXED * 4, is_writing=True))
    take_turns(qtbot)
    assert (bar.value(), at_top(pane)) == (40, before)
    assert isinstance(turn.answer, QTextEdit)
