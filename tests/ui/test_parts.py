"""Small parts that every page uses."""

import tracemalloc

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QTextDocument
from pytestqt.qtbot import QtBot

from playground.core.gguf.naming import name_from_file
from playground.core.requirements.model import Speed
from playground.core.runs import Provenance
from playground.core.targets import PRACTICE_MODEL, CloudTarget, Provider
from playground.services.library.scanner import starter_path
from playground.ui.answers.metrics_card import MetricCell, MetricsCard
from playground.ui.answers.pane_shape import PaneShape
from playground.ui.format import exact_speed, one_line, speed_figure, speed_words
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import (
    ElidedLabel,
    breakable,
    elide_mode,
    make_button,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.requirements_card import RequirementBox
from playground.ui.widgets.target_picker import TargetChip


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("/home/me/models/a model.gguf", Qt.TextElideMode.ElideLeft),
        ("accounts/fireworks/models/deepseek", Qt.TextElideMode.ElideLeft),
        ("https://api.example.com/v1", Qt.TextElideMode.ElideMiddle),
        ("Meta-Llama-3.1-8B-Instruct-Q4_K_M", Qt.TextElideMode.ElideMiddle),
        ("Words, and/or more words", Qt.TextElideMode.ElideRight),
    ],
)
def test_a_path_is_cut_in_front_and_a_sentence_at_its_end(
    text: str, mode: Qt.TextElideMode
) -> None:
    assert elide_mode(text) is mode


def test_a_name_without_spaces_wraps_and_one_of_short_parts_stays(qtbot: QtBot) -> None:
    label = make_label(breakable("Another" + "Name" * 20), wrap=True)
    qtbot.addWidget(label)
    assert label.minimumSizeHint().width() < 200
    assert breakable("SmolLM2 135M Instruct") == "SmolLM2 135M Instruct"


def test_a_number_stays_whole_with_its_unit() -> None:
    assert (
        breakable("after 0.54 s here and 12:30") == "after 0.54\N{NO-BREAK SPACE}s here and 12:30"
    )
    assert breakable("≈ $0.65 for 2 shapes") == "≈\N{NO-BREAK SPACE}$0.65 for 2 shapes"
    assert "\N{ZERO WIDTH SPACE}" in breakable("smollm2.gguf")


def test_a_tooltip_shows_a_strangers_name_to_the_letter_and_keeps_its_lines() -> None:
    text = "a <b>bold</b> & <img src='file:///etc/passwd'> name\nsecond line"
    tip = plain_tooltip(text)
    document = QTextDocument()
    document.setHtml(tip)
    assert document.toPlainText() == text
    assert plain_tooltip("1 & 2\n3") == "1 & 2\n3"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (" What is\n\n a lighthouse? ", "What is a lighthouse?"),
        ("What is a lighthouse for?!", "What is a lighthouse for…"),
        ("灯台" * 20, "灯台" * 12 + "…"),
        ("What\n" + " " * 100 + "is it?", "What…"),
    ],
)
def test_a_title_is_the_beginning_of_a_text_in_one_line(text: str, line: str) -> None:
    assert one_line(text, 25) == line


def test_a_title_is_made_without_reading_all_of_a_long_text() -> None:
    text = "word " * 200_000
    tracemalloc.start()
    one_line(text, 140)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * len(text)


@pytest.mark.qt_log_ignore("Keyboard event not accepted")
def test_enter_presses_a_button_and_ctrl_enter_is_left_to_the_page(qtbot: QtBot) -> None:
    pressed: list[bool] = []
    button = make_button("Go", lambda: pressed.append(True))
    qtbot.addWidget(button)
    qtbot.keyClick(button, Qt.Key.Key_Return)
    qtbot.keyClick(button, Qt.Key.Key_Enter, Qt.KeyboardModifier.KeypadModifier)
    assert len(pressed) == 2
    qtbot.keyClick(button, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert len(pressed) == 2
    button.setEnabled(False)
    qtbot.keyClick(button, Qt.Key.Key_Return)
    assert len(pressed) == 2


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Fireworks · accounts/fireworks/models/deepseek-v3-1", ("Fireworks · …", "deepseek-v3-1")),
        ("A provider with a very long name · a/b/models/deepseek", ("A pro", "… · ", "/deepseek")),
        ("/home/somebody/models/a-folder/another/model-Q4_1.gguf", ("…", "model-Q4_1.gguf")),
    ],
)
def test_a_chip_keeps_the_end_of_a_path(
    theme: Theme, qtbot: QtBot, name: str, kept: tuple[str, str]
) -> None:
    chip = TargetChip(theme, name, "cloud", "cloud", name)
    qtbot.addWidget(chip)
    text = chip.button.text()
    assert text != name
    assert text.startswith(kept[0])
    assert text.endswith(kept[-1])
    assert all(part in text for part in kept)
    room = QFontMetrics(theme.font("chip")).horizontalAdvance(text)
    assert room <= theme.px(280)


def test_the_starter_model_has_one_name_wherever_it_answers() -> None:
    practice = Provider("practice", "Practice cloud", "http://127.0.0.1:9/v1", is_practice=True)
    starter = starter_path()
    assert starter is not None
    there = CloudTarget(practice, PRACTICE_MODEL)
    assert there.label == name_from_file(starter)
    assert there.key == f"practice:{PRACTICE_MODEL}", "the name on the command line stays"


def test_a_speed_is_never_no_words_at_all() -> None:
    def estimated(low: float, high: float) -> Speed:
        return Speed(low, high, Provenance.ESTIMATED)

    assert speed_words(estimated(0.1, 0.3)) == "≈ under 1 word/s"
    assert speed_words(estimated(0.1, 1.4)) == "≈ up to 1 word/s"
    assert speed_words(estimated(0.1, 4)) == "≈ up to 3 words/s"
    assert speed_words(estimated(40, 120)) == "≈ 30–90 words/s"
    assert speed_figure(Speed(40, 40, Provenance.MEASURED)) == "30"
    assert speed_words(None) == "—"
    said = exact_speed(estimated(0.1, 0.3))
    assert said.startswith("≈ 0.1–0.3 tokens a second, estimated. Reckoned from how fast")
    learnt = Speed(1, 2, Provenance.ESTIMATED, learnt_from=("Smol", "Gemma"))
    assert exact_speed(learnt).endswith("Reckoned from what ran here: Smol, Gemma.")
    measured = Speed(9, 9, Provenance.MEASURED, run_count=3)
    assert exact_speed(measured).startswith("9.0 tokens a second. Measured here in 3 answers")


@pytest.mark.parametrize(
    "values", [("1.3 s", "15", "13.9 s", "≈ $0.000004"), ("2 s", "9", "3 s", "—")]
)
def test_figures_in_two_rows_share_their_columns(
    qtbot: QtBot, theme: Theme, values: tuple[str, ...]
) -> None:
    card = MetricsCard(theme)
    qtbot.addWidget(card)
    card.set_shape(PaneShape.COLUMN)
    card.resize(260, 190)
    captions = ("first word", "words a second", "whole answer", "electricity")
    card.set_cells([MetricCell(*both, "") for both in zip(values, captions, strict=True)])
    first, second, third, fourth = (figure.geometry() for figure in card._figures)
    assert first.top() == second.top() < third.top() == fourth.top()
    assert first.left() == third.left() == 0
    assert second.left() == fourth.left() > 0


def test_the_heads_of_the_requirements_are_whole_in_the_narrowest_panel(
    qtbot: QtBot, theme: Theme
) -> None:
    box = RequirementBox(theme)
    qtbot.addWidget(box)
    box.resize(300, 200)
    box.show()
    (head,) = (label for label in box.findChildren(ElidedLabel) if label.text() == "Recommended")
    assert head.width() >= head.fontMetrics().horizontalAdvance("Recommended")
