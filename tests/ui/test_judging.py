"""Thumbs and notes on the Compare page: kept, taken back, not lost where they cannot be kept."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from playground.core.errors import StorageFailed
from playground.core.runs import RunOrder, Thumb
from playground.core.targets import Target
from playground.core.turns import new_comparison
from playground.services.comparison import ComparisonService
from playground.store.database import Database
from playground.store.history import ComparisonStore
from playground.ui.answers.note_field import NoteField
from playground.ui.widgets.prompt_box import SHOWN
from tests.fakes.engine import FakeEngine
from tests.ui.conftest import HERE, THERE, CompareWindow, every_text, take_turns
from tests.ui.page_harness import named

MakeCompareWindow = Callable[..., CompareWindow]


def answered(
    make: MakeCompareWindow, qtbot: QtBot, *targets: Target, prompt: str = "Hello"
) -> CompareWindow:
    """Return a window with the answers to a first question."""
    stage = make()
    stage.choose(*targets)
    ask(stage, qtbot, prompt)
    return stage


def ask(stage: CompareWindow, qtbot: QtBot, prompt: str) -> None:
    stage.ask(prompt)
    qtbot.waitUntil(lambda: not stage.presenter.is_running)


def thumb(stage: CompareWindow, way: str, target: Target) -> QToolButton:
    button = named(stage.view, f"{way} answer: {target.label}", QToolButton)
    assert isinstance(button, QToolButton)
    return button


def begin_note(stage: CompareWindow) -> NoteField:
    """Follow the link to the note, and return its field."""
    assert 'href="note"' in stage.view.summary._line.text()
    stage.view.summary._line.linkActivated.emit("note")
    assert 'href="note"' not in stage.view.summary._line.text()
    return note_field(stage)


def note_field(stage: CompareWindow) -> NoteField:
    field = named(stage.view, "Note", NoteField)
    assert isinstance(field, NoteField)
    return field


def never_kept(stage: CompareWindow, folder: Path) -> None:
    stage.presenter.judging._history = ComparisonStore(Database(folder / "never opened"))


def test_a_thumb_is_given_changed_and_taken_back_by_pressing_it_again(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = answered(make_compare_window, qtbot, HERE, THERE)
    run = stage.presenter.comparison.turns[0].runs[1]
    good, bad = thumb(stage, "Good", THERE), thumb(stage, "Bad", THERE)

    def kept() -> Thumb | None:
        return stage.presenter.comparison.turns[0].thumb_of(run.id)

    for button, given in ((good, Thumb.UP), (bad, Thumb.DOWN), (bad, None)):
        button.click()
        qtbot.waitUntil(lambda given=given: kept() is given)
        assert stage.thumbs[-1] == (run.id, given)
        assert (good.isChecked(), bad.isChecked()) == (given is Thumb.UP, given is Thumb.DOWN)
        assert stage.presenter.ended == stage.presenter.comparison
    assert not thumb(stage, "Good", HERE).isChecked()


def test_a_double_press_leaves_no_thumb(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = answered(make_compare_window, qtbot, HERE)
    thumb(stage, "Good", HERE).click()
    thumb(stage, "Good", HERE).click()
    qtbot.waitUntil(lambda: not stage.presenter.judging._bridge._spawned)
    assert [given for _run, given in stage.thumbs] == [Thumb.UP, None]
    assert not thumb(stage, "Good", HERE).isChecked()
    assert stage.presenter.comparison.turns[0].thumbs == ()


def test_a_thumb_and_a_vote_pressed_at_once_are_both_shown(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = answered(make_compare_window, qtbot, HERE, THERE)
    thumb(stage, "Bad", HERE).click()
    stage.view.panes[1].vote_button.click()
    thumb(stage, "Good", THERE).click()
    qtbot.waitUntil(lambda: "You chose large-1." in every_text(stage.view.summary))
    qtbot.waitUntil(lambda: len(stage.presenter.comparison.turns[0].thumbs) == 2)
    turn = stage.presenter.comparison.turns[0]
    assert [turn.thumb_of(run.id) for run in turn.runs] == [Thumb.DOWN, Thumb.UP]
    assert turn.winner_run_id == turn.runs[1].id
    assert (thumb(stage, "Bad", HERE).isChecked(), thumb(stage, "Good", THERE).isChecked()) == (
        True,
        True,
    )


def test_thumbs_are_given_by_keyboard_which_stays_on_them(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = answered(make_compare_window, qtbot, HERE)
    good, bad = thumb(stage, "Good", HERE), thumb(stage, "Bad", HERE)
    good.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(good, Qt.Key.Key_Tab)
    assert stage.window.focusWidget() is bad
    qtbot.keyClick(bad, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: [given for _run, given in stage.thumbs] == [Thumb.DOWN])
    qtbot.waitUntil(lambda: len(stage.presenter.comparison.turns[0].thumbs) == 1)
    assert stage.window.focusWidget() is bad


@pytest.mark.parametrize("hidden", [False, True])
def test_a_thumb_that_could_not_be_stored_goes_back(
    make_compare_window: MakeCompareWindow,
    qtbot: QtBot,
    reports: list[BaseException],
    tmp_path: Path,
    hidden: bool,
) -> None:
    stage = make_compare_window()
    never_kept(stage, tmp_path)
    stage.choose(HERE)
    if hidden:
        stage.view.header.hide_names.click()
    ask(stage, qtbot, "Hello")
    good = named(stage.view, f"Good answer: {'Answer A' if hidden else HERE.label}", QToolButton)
    good.click()
    qtbot.waitUntil(lambda: bool(reports))
    assert isinstance(reports.pop(), StorageFailed)
    assert not good.isChecked()
    assert stage.presenter.comparison.turns[0].thumbs == ()


def test_there_are_no_thumbs_where_there_is_no_answer_or_a_room_looks_on(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.saying("")})
    stage.choose(HERE, THERE)
    ask(stage, qtbot, "Hello")
    begin_note(stage)
    assert [pane.thumbs.isVisible() for pane in stage.view.panes] == [False, True]
    stage.view.set_presentation_mode(on=True)
    assert not any(pane.thumbs.isVisible() for pane in stage.view.panes)
    with pytest.raises(AssertionError, match="no visible control"):
        note_field(stage)
    stage.view.set_presentation_mode(on=False)
    assert stage.view.panes[1].thumbs.isVisible()
    assert note_field(stage).isVisible()


def test_a_note_is_kept_while_it_is_typed_and_when_it_is_left(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = answered(make_compare_window, qtbot, HERE)
    turn = stage.presenter.comparison.turns[0]
    field = begin_note(stage)
    assert stage.window.focusWidget() is field
    qtbot.keyClicks(field, "Short")
    qtbot.waitUntil(lambda: stage.notes == [(turn.id, "Short")])
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.keyClicks(field, "but right")
    stage.view.prompt_card.focus_prompt()
    qtbot.waitUntil(lambda: stage.notes[1:] == [(turn.id, "Short\nbut right")])
    assert stage.presenter.comparison.turns[0].note == "Short\nbut right"
    assert stage.presenter.ended == stage.presenter.comparison
    field.selectAll()
    qtbot.keyClicks(field, "  ")
    stage.view.prompt_card.focus_prompt()
    qtbot.waitUntil(lambda: stage.notes[2:] == [(turn.id, "")])
    assert note_field(stage) is field, "it goes once another turn is shown, not under the mouse"


def test_a_note_belongs_to_the_question_it_was_typed_under(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = answered(make_compare_window, qtbot, HERE, prompt="One")
    (first,) = stage.presenter.comparison.turns
    qtbot.keyClicks(begin_note(stage), "On the first")
    # before the typing has paused
    ask(stage, qtbot, "Two")
    qtbot.waitUntil(lambda: stage.notes == [(first.id, "On the first")])
    assert [turn.note for turn in stage.presenter.ended.turns] == ["On the first", ""]
    begin_note(stage)


def test_a_note_stays_when_one_answer_is_asked_again(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = answered(make_compare_window, qtbot, HERE, THERE)
    qtbot.keyClicks(begin_note(stage), "Compare again")
    stage.view.panes[0].again_button.click()
    qtbot.waitUntil(lambda: stage.presenter.is_running)
    qtbot.waitUntil(lambda: not stage.presenter.is_running)
    assert note_field(stage).toPlainText() == "Compare again"
    assert len(stage.notes) == 1


def test_a_note_that_could_not_be_kept_stays_in_its_field(
    make_compare_window: MakeCompareWindow,
    qtbot: QtBot,
    reports: list[BaseException],
    tmp_path: Path,
) -> None:
    stage = answered(make_compare_window, qtbot, HERE, THERE)
    never_kept(stage, tmp_path)
    qtbot.keyClicks(begin_note(stage), "Do not lose me")
    qtbot.waitUntil(lambda: bool(reports))
    assert isinstance(reports.pop(), StorageFailed)
    stage.view.panes[0].vote_button.click()
    qtbot.waitUntil(lambda: "You chose" in every_text(stage.view.summary))
    assert note_field(stage).toPlainText() == "Do not lose me"


def test_what_is_typed_while_a_vote_is_stored_stays(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = answered(make_compare_window, qtbot, HERE, THERE)
    field = begin_note(stage)
    field._pause.setInterval(3_600_000)
    stage.view.panes[0].vote_button.click()
    qtbot.keyClicks(field, "Half a sen")
    qtbot.waitUntil(lambda: "You chose" in every_text(stage.view.summary))
    assert field.toPlainText() == "Half a sen"
    assert stage.notes == []
    qtbot.keyClicks(field, "tence")
    stage.window.hide()
    qtbot.waitUntil(lambda: [note for _turn, note in stage.notes] == ["Half a sentence"])


def test_of_a_long_paste_a_note_takes_what_it_can_show_and_says_so(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = answered(make_compare_window, qtbot, HERE)
    field = begin_note(stage)
    pasted = QMimeData()
    pasted.setText("x" * 1_000_000)
    field.insertFromMimeData(pasted)
    assert len(field.toPlainText()) == SHOWN
    assert stage.view.summary._too_long.isVisible()
    field.selectAll()
    pasted.setText("y" * SHOWN)
    field.insertFromMimeData(pasted)
    assert field.toPlainText() == "y" * SHOWN
    take_turns(qtbot)
    files = QMimeData()
    files.setUrls(["file:///a.gguf"])
    assert not field.canInsertFromMimeData(files)


def test_a_replay_shows_what_was_said_and_takes_nothing(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    service = ComparisonService(lambda _target: FakeEngine.saying("Hello."))
    comparison = new_comparison([HERE, THERE])
    stage.presenter.replay(comparison, lambda: service.run_turn(comparison, "Hi", RunOrder.RACE))
    qtbot.waitUntil(lambda: stage.presenter.is_running)
    qtbot.waitUntil(lambda: not stage.presenter.is_running)
    assert not any(pane.thumbs.isVisible() for pane in stage.view.panes)
    assert 'href="note"' not in stage.view.summary._line.text()


def test_what_is_said_elsewhere_of_a_turn_on_the_page_is_shown(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = answered(make_compare_window, qtbot, HERE)
    (turn,) = stage.presenter.comparison.turns
    stage.presenter.judging.set_note(turn.id, "From History")
    stage.presenter.judging.set_thumb(turn.id, turn.runs[0].id, Thumb.UP)
    qtbot.waitUntil(lambda: thumb(stage, "Good", HERE).isChecked())
    assert note_field(stage).toPlainText() == "From History"
    stage.presenter.judging.set_note("another turn", "Not here")
    assert note_field(stage).toPlainText() == "From History"
