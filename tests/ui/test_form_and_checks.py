"""A form and checks in Compare, as a person sets them and sees what they say."""

import json
from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLineEdit, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from playground.core.chat import SamplingParams
from playground.core.checks.form_table import FormField, schema_of
from playground.core.expected import Check, CheckKind
from playground.ui.pages.compare.answer_settings import Draft
from playground.ui.pages.compare.checks import CheckEditor
from playground.ui.widgets.basics import Badge
from playground.ui.widgets.popup import popup_rect
from tests.fakes.engine import FakeEngine
from tests.ui.conftest import HERE, THERE, CompareWindow, take_turns

MakeCompareWindow = Callable[..., CompareWindow]


def called(root: QWidget, name: str, kind: type[QWidget] = QWidget) -> QWidget:
    found = [w for w in root.findChildren(kind) if w.accessibleName() == name and w.isVisible()]
    assert found, f"nothing visible is called {name!r}"
    return found[-1]


def pick(box: QWidget, text: str) -> None:
    assert isinstance(box, QComboBox)
    box.setCurrentIndex(box.findText(text))


def marks(stage: CompareWindow, index: int) -> list[str]:
    return [badge.text for badge in badges(stage.view.panes[index])]


def badges(pane: QWidget) -> list[Badge]:
    """Return the marks in a pane: badges with a sign."""
    return [b for b in pane.findChildren(Badge) if b.isVisible() and b.text[:1] in {"✓", "✕", "–"}]


def test_checks_become_chips_and_marks_under_each_answer(
    qtbot: QtBot, make_compare_window: MakeCompareWindow
) -> None:
    engines = {HERE.label: FakeEngine.saying("A ship."), THERE.label: FakeEngine.saying("A boat.")}
    stage = make_compare_window(engines)
    stage.choose(HERE, THERE)
    card = stage.view.prompt_card
    card.check_bar.open_editor(card)
    editor = stage.window.findChild(CheckEditor)
    assert editor is not None
    QTest.keyClicks(editor.value, "ship")
    QTest.keyClick(editor.value, Qt.Key.Key_Return)
    assert card.checks == (Check(CheckKind.CONTAINS, "ship"),)
    stage.ask("What floats?")
    qtbot.waitUntil(lambda: marks(stage, 1) == ["✕ mentions “ship”"])
    assert marks(stage, 0) == ["✓ mentions “ship”"]
    (badge,) = badges(stage.view.panes[1])
    assert badge.accessibleName().startswith("Wrong: mentions “ship”. It does not contain")
    assert stage.presenter.comparison is not None
    assert stage.presenter.comparison.turns[0].checks == card.checks, "part of the history"
    stage.ask("And what sinks?")
    qtbot.waitUntil(lambda: marks(stage, 1) == ["✕ mentions “ship”"] * 2)


def test_delete_on_a_chip_takes_its_check_away(make_compare_window: MakeCompareWindow) -> None:
    stage = make_compare_window()
    card = stage.view.prompt_card
    card.set_checks((Check(CheckKind.CONTAINS, "a"), Check(CheckKind.MAX_WORDS, "9")))
    chip = called(stage.view, "Check: mentions “a”")
    chip.setFocus()
    QTest.keyClick(chip, Qt.Key.Key_Delete)
    assert card.checks == (Check(CheckKind.MAX_WORDS, "9"),)


def test_a_check_that_cannot_be_read_is_told_beside_its_field(
    make_compare_window: MakeCompareWindow,
) -> None:
    stage = make_compare_window()
    card = stage.view.prompt_card
    card.check_bar.open_editor(card)
    editor = stage.window.findChild(CheckEditor)
    assert editor is not None
    height = editor.height()
    QTest.keyClick(editor.value, Qt.Key.Key_Return)
    assert "first" in editor._problem.text()
    pick(editor._kind, "matches a pattern (regex)")
    QTest.keyClicks(editor.value, "(")
    QTest.keyClick(editor.value, Qt.Key.Key_Return)
    assert "cannot be read" in editor._problem.text()
    assert editor.height() == height, "nothing jumps"
    assert card.checks == ()


def test_a_form_from_the_table_is_sent_and_every_answer_is_held_to_it(
    qtbot: QtBot, make_compare_window: MakeCompareWindow
) -> None:
    engines = {
        HERE.label: FakeEngine.saying('{"mood": "good"}'),
        THERE.label: FakeEngine.saying("It is good."),
    }
    stage = make_compare_window(engines)
    stage.choose(HERE, THERE)
    stage.view.header.drawer_button.click()
    settings = stage.view.settings
    pick(called(settings, "Answer as a form", QComboBox), "Yes, from a table")
    name = called(settings, "Name of the field", QLineEdit)
    assert isinstance(name, QLineEdit)
    name.selectAll()
    QTest.keyClicks(name, "mood")
    pick(called(settings, "Kind of the field", QComboBox), "one of…")
    assert settings.problem is not None
    choices = called(settings, "What to choose from", QLineEdit)
    QTest.keyClicks(choices, "good|bad")
    assert settings.problem is None
    assert settings.shared.sampling.schema is not None
    fields = json.loads(settings.shared.sampling.schema)["properties"]
    assert fields == {"mood": {"enum": ["good", "bad"]}}
    stage.ask("How is it?")
    qtbot.waitUntil(lambda: marks(stage, 1) == ["✕ has the form"])
    assert marks(stage, 0) == ["✓ has the form"]


def test_run_waits_for_a_form_that_cannot_be_read(
    qtbot: QtBot, make_compare_window: MakeCompareWindow
) -> None:
    stage = make_compare_window()
    stage.choose(HERE)
    stage.view.header.drawer_button.click()
    settings = stage.view.settings
    pick(called(settings, "Answer as a form", QComboBox), "Yes, my own description")
    text = called(settings, "JSON schema of the answer", QPlainTextEdit)
    assert isinstance(text, QPlainTextEdit)
    text.setPlainText('{"$ref": "https://example.com"}')
    assert settings.problem is not None
    assert "not fetched" in settings.problem
    stage.ask("Hello?")
    take_turns(qtbot)
    assert stage.presenter.comparison is None, "nothing was sent"
    assert stage.window.focusWidget() is text
    pick(called(settings, "Answer as a form", QComboBox), "No: as the model likes")
    assert settings.problem is None
    assert settings.shared.sampling.schema is None


@pytest.mark.parametrize("is_table", [True, False])
def test_a_form_that_was_kept_is_shown_again(
    make_compare_window: MakeCompareWindow, is_table: bool
) -> None:
    schema = schema_of((FormField("mood"),)) if is_table else '{"type": "string"}'
    stage = make_compare_window()
    stage.view.header.drawer_button.click()
    settings = stage.view.settings
    settings.set_drafts(Draft(SamplingParams(schema=schema)))
    if is_table:
        field = called(settings, "Name of the field", QLineEdit)
        assert isinstance(field, QLineEdit)
        assert field.text() == "mood"
    else:
        text = called(settings, "JSON schema of the answer", QPlainTextEdit)
        assert isinstance(text, QPlainTextEdit)
        assert text.toPlainText() == schema
    assert called(settings, "Back to the defaults", QPushButton)


def test_an_opened_comparison_marks_every_turn_that_had_checks(
    qtbot: QtBot, make_compare_window: MakeCompareWindow
) -> None:
    stage = make_compare_window({HERE.label: FakeEngine.saying("A ship.")})
    stage.choose(HERE)
    card = stage.view.prompt_card
    asked = ((Check(CheckKind.CONTAINS, "ship"),), (), (Check(CheckKind.CONTAINS, "boat"),))
    for checks in asked:
        card.set_checks(checks)
        stage.ask("What floats?")
        qtbot.waitUntil(lambda: not stage.presenter.is_running)
    card.set_checks(())
    comparison = stage.presenter.comparison
    card.begin_anew()
    take_turns(qtbot)
    assert marks(stage, 0) == []
    stage.presenter.open_comparison(comparison)
    both = {"✓ mentions “ship”", "✕ mentions “boat”"}
    qtbot.waitUntil(lambda: set(marks(stage, 0)) == both)
    marked = [bool(badges(turn)) for turn in stage.view.panes[0]._turns]
    assert marked == [True, False, False], "the last one's are below its answer"


@pytest.mark.parametrize("width", [900, 1920])
def test_what_a_button_opens_stands_beside_it_or_beside_what_folds_it(
    qtbot: QtBot, make_compare_window: MakeCompareWindow, width: int
) -> None:
    stage = make_compare_window({HERE.label: FakeEngine.saying("A ship.")})
    stage.choose(HERE)
    stage.ask("What floats?")
    qtbot.waitUntil(lambda: not stage.presenter.is_running)
    stage.window.resize(width, 600)
    card = stage.view.prompt_card
    if width == 900:
        card.setMaximumWidth(430)
    take_turns(qtbot)
    button = card._add_check
    assert button.isVisible() is (width == 1920)
    button.click()
    (editor,) = stage.window.findChildren(CheckEditor)
    popup = editor.window()
    anchor = button if width == 1920 else called(card, "More")
    assert popup.geometry() == popup_rect(anchor, popup.size())
    if width == 900:
        assert popup.x() == anchor.mapToGlobal(QPoint(0, 0)).x()
    popup.close()
