"""Hide names: nothing tells whose an answer is before the vote."""

import itertools
import re
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from playground.core import turns
from playground.core.chat import ChatRequest
from playground.core.errors import RateLimited
from playground.core.events import ReasoningDelta
from playground.core.runs import Run, RunOrder, Turn, VoteOutcome
from playground.core.turns import hidden_order
from playground.ui.answers.view_model import turn_view_model
from tests.fakes.engine import FakeEngine, Script
from tests.ui.conftest import HERE, HERE_TOO, THERE, CompareWindow, every_text, take_turns
from tests.ui.page_harness import named

MakeCompareWindow = Callable[..., CompareWindow]
NAMES = ("SmolLM2", "Qwen3", "large-1", "Example Cloud", "Q4_1", "98 MB", "2.5 GB", "api.example")


@pytest.fixture(autouse=True)
def empty_clipboard(qapp: QApplication) -> None:
    """What another test copied is no leak."""
    QGuiApplication.clipboard().clear()


@pytest.fixture
def fixed_order(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run ids go down instead of anywhere: the answers stand the other way round."""
    numbers = itertools.count(1000, -1)

    class Falling:
        def __init__(self) -> None:
            self.hex = str(next(numbers))

    monkeypatch.setattr(turns.uuid, "uuid4", Falling)
    return


def leaks(stage: CompareWindow) -> list[str]:
    """Return every name that could be learnt from panes, summary, title and clipboard."""
    places: list[QWidget] = [*stage.view.panes, stage.view.summary]
    text = "\n".join(every_text(place) for place in places)
    text += stage.window.windowTitle() + QGuiApplication.clipboard().text()
    return [name for name in NAMES if name in text]


def tones(stage: CompareWindow) -> set[str]:
    return {pane._place._tone for pane in stage.view.panes}


def vote_buttons(stage: CompareWindow) -> list[QPushButton]:
    return [pane.vote_button for pane in stage.view.panes]


def engines() -> dict[str, FakeEngine]:
    thinking = ((0, ReasoningDelta(0, "Hm. ")), (0.01, "Second answer."))
    return {
        "SmolLM2 135M": FakeEngine(Script(steps=((0, "First answer."),), load_s=0.01)),
        "Qwen3 4B": FakeEngine(Script(steps=thinking, load_s=0.03)),
        "large-1": FakeEngine.saying("Third answer."),
    }


def ask(stage: CompareWindow, qtbot: QtBot, prompt: str = "Which is it?") -> None:
    stage.ask(prompt)
    qtbot.waitUntil(lambda: stage.presenter.is_running)
    qtbot.waitUntil(lambda: not stage.presenter.is_running)


def test_nothing_gives_a_name_away_before_the_vote_and_everything_is_there_after(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, fixed_order: None
) -> None:
    stage = make_compare_window(dict(engines()))
    stage.choose(HERE, HERE_TOO, THERE)
    stage.view.header.hide_names.click()
    ask(stage, qtbot)
    assert leaks(stage) == []
    assert tones(stage) == {"quiet"}
    assert [pane.accessibleName() for pane in stage.view.panes] == [
        "Answer A",
        "Answer B",
        "Answer C",
    ]
    shown = [pane.turn.answer.toPlainText() for pane in stage.view.panes]
    assert shown == ["Third answer.", "Second answer.", "First answer."]
    for pane in stage.view.panes:
        assert not pane.metrics.isVisible()
        assert not pane.time_bar.isVisible()
        assert not pane._footer_box.isVisible()
        assert pane.turn._thinking is None, "only some models think"
    for button in stage.view.panes[0].findChildren(QToolButton):
        if "Copy" in button.accessibleName() and button.isVisible():
            button.click()
    qtbot.keyClick(stage.view.panes[0], Qt.Key.Key_Tab)
    assert leaks(stage) == []
    vote_buttons(stage)[1].click()
    qtbot.waitUntil(lambda: leaks(stage) != [])
    assert [pane.accessibleName() for pane in stage.view.panes] == [
        "large-1",
        "Qwen3 4B",
        "SmolLM2 135M",
    ]
    assert tones(stage) == {"local", "cloud"}
    assert all(pane.metrics.isVisible() for pane in stage.view.panes)
    assert stage.view.panes[1].turn._thinking is not None
    assert "You chose Qwen3 4B." in every_text(stage.view.summary)
    qtbot.waitUntil(lambda: len(stage.votes) == 1)
    assert stage.votes[0][3] is True
    assert not any(button.isEnabled() for button in vote_buttons(stage)), "the vote was blind"


def test_thumbs_and_a_note_give_no_name_away_and_thumbs_stay_as_they_were_given(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, fixed_order: None
) -> None:
    stage = make_compare_window(dict(engines()))
    stage.choose(HERE, HERE_TOO, THERE)
    stage.view.header.hide_names.click()
    ask(stage, qtbot)
    named(stage.view, "Good answer: Answer B").click()
    qtbot.waitUntil(lambda: len(stage.thumbs) == 1)
    stage.view.summary._line.linkActivated.emit("note")
    qtbot.keyClicks(named(stage.view, "Note"), "B is best")
    qtbot.waitUntil(lambda: len(stage.notes) == 1)
    assert leaks(stage) == []
    vote_buttons(stage)[0].click()
    qtbot.waitUntil(lambda: leaks(stage) != [])
    good = named(stage.view, "Good answer: Qwen3 4B")
    assert (good.isChecked(), good.isEnabled()) == (True, False), "it was given without names"
    for name in ("Bad answer: Qwen3 4B", "Good answer: large-1"):
        with pytest.raises(AssertionError, match="no visible control"):
            named(stage.view, name)
    qtbot.keyClicks(named(stage.view, "Note"), ", as I thought")
    qtbot.waitUntil(lambda: len(stage.notes) == 2)
    assert stage.notes[1][1] == "B is best, as I thought"


def test_nothing_shows_until_all_are_done_so_that_pace_tells_nothing(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    hanging = FakeEngine.hanging(after=["x"])
    quick = FakeEngine.saying("quick answer")
    stage = make_compare_window({"large-1": quick, "SmolLM2 135M": hanging})
    stage.choose(HERE, THERE)
    stage.view.header.hide_names.click()
    stage.ask("Hello")
    qtbot.waitUntil(lambda: quick.completed == 1 and len(hanging.requests) == 1)

    def has_one_ended() -> bool:
        runs = [stage.presenter._panes.run_at(place) for place in range(2)]
        return any(run is not None and run.status.is_final for run in runs)

    qtbot.waitUntil(has_one_ended)
    # the next tick would show its figures and its time
    with qtbot.waitSignal(stage.presenter._timer.timeout):
        pass
    texts = {
        every_text(pane).replace("Answer A", "").replace("Answer B", "")
        for pane in stage.view.panes
    }
    assert len(texts) == 1, "the panes can be told apart while they run"
    said = r"The answers appear when all are done\. 1 of 2 done after \d+ s\."
    assert re.search(said, texts.pop())
    for pane in stage.view.panes:
        assert not [b for b in pane.findChildren(QToolButton) if b.isVisible()]
    stage.view.prompt_card._stop_all.click()
    qtbot.waitUntil(lambda: not stage.presenter.is_running)
    assert "quick answer" in "".join(pane.turn.answer.toPlainText() for pane in stage.view.panes)


def test_names_go_at_once_where_nothing_has_been_asked_yet(
    make_compare_window: MakeCompareWindow,
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    assert [pane.accessibleName() for pane in stage.view.panes] == [HERE.label, THERE.label]
    stage.view.header.hide_names.click()
    assert [pane.accessibleName() for pane in stage.view.panes] == ["Answer A", "Answer B"]
    stage.view.header.hide_names.click()
    assert [pane.accessibleName() for pane in stage.view.panes] == [HERE.label, THERE.label]


def test_an_error_keeps_its_name_to_itself(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    failing = FakeEngine.failing(RateLimited("Example Cloud says: large-1 is busy."))
    stage = make_compare_window({**engines(), "large-1": failing})
    stage.choose(HERE, THERE, HERE_TOO)
    stage.view.header.hide_names.click()
    ask(stage, qtbot)
    assert leaks(stage) == []
    stage.view.summary.none_button.click()
    qtbot.waitUntil(
        lambda: "large-1 is busy" in "".join(every_text(pane) for pane in stage.view.panes)
    )


def test_earlier_answers_do_not_tell_whose_pane_it_is(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, fixed_order: None
) -> None:
    stage = make_compare_window(dict(engines()))
    stage.choose(HERE, THERE)
    ask(stage, qtbot, "With names")
    stage.view.header.hide_names.click()
    ask(stage, qtbot, "Without names")
    assert leaks(stage) == []
    assert all(len(pane._turns) == 1 for pane in stage.view.panes)
    vote_buttons(stage)[0].click()
    qtbot.waitUntil(lambda: leaks(stage) != [])
    assert all(len(pane._turns) == 2 for pane in stage.view.panes)
    assert stage.view.panes[0].accessibleName() == "large-1"
    ask(stage, qtbot, "Once more")
    assert leaks(stage) == []


def test_a_follow_up_without_a_vote_stays_hidden(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window(dict(engines()))
    stage.choose(HERE, THERE)
    stage.view.header.hide_names.click()
    ask(stage, qtbot, "One")
    ask(stage, qtbot, "Two")
    assert leaks(stage) == []
    assert all(len(pane._turns) == 2 for pane in stage.view.panes)


def test_the_order_of_the_panes_is_drawn_anew(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    orders = set()
    stage = make_compare_window(dict(engines()))
    stage.choose(HERE, HERE_TOO, THERE)
    stage.view.header.hide_names.click()
    for _ in range(12):
        ask(stage, qtbot)
        orders.add(tuple(pane.turn.answer.toPlainText() for pane in stage.view.panes))
        stage.view.prompt_card.begin_anew()
    assert len(orders) > 1


def test_answers_have_the_same_letters_on_the_history_page(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window(dict(engines()))
    stage.choose(HERE, HERE_TOO, THERE)
    stage.view.header.hide_names.click()
    ask(stage, qtbot, "One")
    ask(stage, qtbot, "Two")
    comparison = stage.presenter.comparison
    for number, turn in enumerate(comparison.turns):
        listed = turn_view_model(comparison, turn).panes
        shown = [pane._turns[number].answer.markdown for pane in stage.view.panes]
        assert [(pane.head.label, pane.answer.text) for pane in listed] == [
            (f"Answer {letter}", text) for letter, text in zip("ABC", shown, strict=True)
        ]


def test_a_vote_which_tells_whose_answers_they_are_is_followed_by_another_order() -> None:
    def turn(*run_ids: str, verdict: VoteOutcome | None = None) -> Turn:
        runs = tuple(Run(run_id, HERE, ChatRequest(()), 0) for run_id in run_ids)
        return Turn("t", "?", RunOrder.RACE, runs, verdict=verdict, hidden_names=True)

    last = turn("3", "1", "2")
    assert hidden_order((turn("4", "5", "6"), last), 3) == [0, 1, 2]
    assert hidden_order((turn("4", "5", "6", verdict=VoteOutcome.TIE), last), 3) == [1, 2, 0]


def test_a_comparison_reopened_without_a_vote_is_still_hidden(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window(dict(engines()))
    stage.choose(HERE, THERE)
    stage.view.header.hide_names.click()
    ask(stage, qtbot)
    comparison = stage.presenter.comparison
    stage.view.prompt_card.begin_anew()
    stage.presenter.open_comparison(comparison)
    assert leaks(stage) == []
    vote_buttons(stage)[0].click()
    qtbot.waitUntil(lambda: leaks(stage) != [])


def test_the_time_goes_on_while_names_are_hidden(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.hanging(after=["x"])})
    stage.choose(HERE, THERE)
    stage.view.header.hide_names.click()
    stage.ask("Hello")
    qtbot.waitUntil(lambda: "of 2 done after 0 s." in every_text(stage.view.panes[0]))
    stage.presenter._panes._began_s -= 3600
    said = r"of 2 done after 3,6\d\d s\."
    qtbot.waitUntil(lambda: re.search(said, every_text(stage.view.panes[1])) is not None)
    stage.view.prompt_card.stop()
    qtbot.waitUntil(lambda: not stage.presenter.is_running)
    assert not re.search(said, every_text(stage.view))


def test_names_are_told_and_no_vote_is_asked_for_where_no_answer_came(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    hanging = FakeEngine.hanging()
    failing = FakeEngine.failing(RateLimited("large-1 is busy."))
    stage = make_compare_window({"SmolLM2 135M": hanging, "large-1": failing})
    stage.choose(HERE, THERE)
    stage.view.header.hide_names.click()
    stage.ask("Hello")
    qtbot.waitUntil(lambda: len(hanging.requests) == 1)
    stage.view.prompt_card.stop()
    qtbot.waitUntil(lambda: not stage.presenter.is_running)
    assert {pane.accessibleName() for pane in stage.view.panes} == {HERE.label, THERE.label}
    assert not any(button.isVisible() for button in vote_buttons(stage))
    assert not stage.view.summary.tie_button.isVisible()
    assert "Which is best?" not in every_text(stage.view.summary)
    comparison = stage.presenter.comparison
    assert comparison is not None
    (turn,) = comparison.turns
    assert turn.hidden_names
    assert not turn_view_model(comparison, turn).vote.can_vote


@pytest.mark.parametrize("is_tie", [False, True])
def test_the_keyboard_goes_to_the_prompt_once_names_are_told(
    is_tie: bool, make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window(dict(engines()))
    stage.choose(HERE, THERE)
    stage.view.header.hide_names.click()
    ask(stage, qtbot)
    pressed = stage.view.summary.tie_button if is_tie else vote_buttons(stage)[0]
    pressed.setFocus()
    QTest.mouseClick(pressed, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: leaks(stage) != [])
    assert stage.view.prompt_card.isAncestorOf(stage.window.focusWidget())
    assert not any(pane.isAncestorOf(stage.window.focusWidget()) for pane in stage.view.panes)
    assert is_tie or "stays" in vote_buttons(stage)[0].toolTip()


def test_hidden_names_are_told_beside_the_prompt_and_are_over_at_the_next_start(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window(dict(engines()))
    stage.window.resize(900, 600)
    stage.choose(HERE, THERE)
    note = stage.view.prompt_card._notes
    assert not note.isVisible()
    ask(stage, qtbot, "With names")
    stage.view.header.hide_names.setChecked(True)
    assert note.text() == "From the next question on, names are hidden until your vote."
    ask(stage, qtbot, "Without names")
    assert note.text() == "Names are hidden: you see them after your vote."
    take_turns(qtbot)
    assert note.isVisible()
    assert not note.visibleRegion().isEmpty()
    vote_buttons(stage)[0].click()
    qtbot.waitUntil(lambda: leaks(stage) != [])
    assert note.text().startswith("From the next question on")
    stage.view.prompt_card.begin_anew()
    assert note.text() == "Names are hidden: you see them after your vote."
    stage.view.header.hide_names.setChecked(False)
    assert not note.isVisible()
    stage.view.header.hide_names.setChecked(True)
    assert not make_compare_window().view.header.hide_names.isChecked()
