"""The prompt box keeps every character, and shows no more of them than it can lay out at once."""

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from playground.ui.pages.compare.page import PromptCard
from playground.ui.theme.theme import Theme
from playground.ui.widgets.prompt_box import SHOWN, PromptBox, shown_part

LONG = "".join(chr(97 + n % 26) for n in range(3 * SHOWN)) + "👩‍🔬"


@pytest.fixture
def card(qtbot: QtBot, theme: Theme) -> PromptCard:
    card = PromptCard(theme)
    qtbot.addWidget(card)
    return card


@pytest.fixture
def box(card: PromptCard) -> PromptBox:
    return card._prompt


def paste(box: PromptBox, text: str) -> None:
    data = QMimeData()
    data.setText(text)
    box.insertFromMimeData(data)


def test_a_long_text_is_kept_whole_and_shown_in_part(card: PromptCard, box: PromptBox) -> None:
    paste(box, LONG)
    assert card.text == LONG
    assert len(box.toPlainText()) == SHOWN
    assert f"The first {SHOWN:,} of {len(LONG):,} characters" in card._part.text()
    assert not card._part.isHidden()


def test_what_is_typed_stands_before_what_is_not_shown(card: PromptCard, box: PromptBox) -> None:
    paste(box, LONG)
    box.moveCursor(box.textCursor().MoveOperation.Start)
    QTest.keyClicks(box, "Look: ")
    assert card.text == f"Look: {LONG}"


def test_pasting_into_the_middle_and_over_a_selection(card: PromptCard, box: PromptBox) -> None:
    card.set_text("👍 before after")
    cursor = box.textCursor()
    cursor.setPosition(3)
    cursor.setPosition(9, cursor.MoveMode.KeepAnchor)
    box.setTextCursor(cursor)
    paste(box, LONG)
    assert card.text == f"👍 {LONG} after"
    QTest.keyClick(box, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    paste(box, LONG)
    assert card.text == LONG


@pytest.mark.parametrize("key", [Qt.Key.Key_Delete, Qt.Key.Key_X])
def test_deleting_all_deletes_what_is_not_shown(
    card: PromptCard, box: PromptBox, key: Qt.Key
) -> None:
    paste(box, LONG)
    QTest.keyClick(box, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(box, key)
    assert card.text == ("" if key == Qt.Key.Key_Delete else "x")
    assert card._part.isHidden()


def test_a_short_text_is_shown_as_it_is() -> None:
    assert shown_part("short", 10) == "short"
    assert shown_part("a\nb\nc", 10, most_lines=2) == (
        "a\nb…\nThe first 3 of 5 characters are shown."
    )


@pytest.mark.parametrize("scale", [1.0, 1.25, 1.5, 2.0])
@pytest.mark.parametrize("lines", [1, 2, 3])
def test_a_few_lines_need_no_scrolling(
    card: PromptCard, box: PromptBox, theme: Theme, scale: float, lines: int
) -> None:
    theme.set_appearance(scale=scale)
    card.resize(1000, 400)
    card.show()
    card.set_text("\n".join(["A line"] * lines))
    QApplication.sendPostedEvents()
    # as high as a fifth of the window at most
    assert box.verticalScrollBar().maximum() <= max(0, lines - 2) * (scale > 1)
