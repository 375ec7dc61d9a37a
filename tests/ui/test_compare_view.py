"""What of the answers is in view: while they are written, on the stage, and after a follow-up."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from playground.core.errors import AuthenticationFailed
from playground.core.metrics import figures
from playground.core.runs import RunStatus, Timings
from playground.ui.answers.metrics_card import MetricCell
from playground.ui.answers.response_pane import ResponsePane
from playground.ui.answers.view_model import AnswerViewModel, run_spans
from tests.fakes.engine import FakeEngine, Script
from tests.ui.conftest import HERE, HERE_TOO, THERE, CompareWindow, take_turns
from tests.ui.layout_checker import cut_lines, whole_lines

MakeCompareWindow = Callable[..., CompareWindow]
WORDS = "It helps ships find their way at night and keeps them away from rocks. "


def lines(pane: ResponsePane) -> list[QRect]:
    """Return where the lines of the last answer are, from the top of the text area."""
    view = pane.turn.answer
    found = []
    block = view.document().begin()
    layout = view.document().documentLayout()
    while block.isValid():
        top = layout.blockBoundingRect(block).topLeft()
        for number in range(block.layout().lineCount()):
            line = block.layout().lineAt(number)
            rect = line.naturalTextRect().translated(top).toRect()
            # what is written, without what keeps the lines apart
            bottom = rect.top() + int(line.height()) - 1
            rect.setTop(bottom - int(line.ascent()) - 1)
            rect.setBottom(bottom)
            found.append(rect.translated(view.viewport().mapTo(area(pane), QPoint(0, 0))))
        block = block.next()
    return found


def area(pane: ResponsePane) -> QWidget:
    return pane._scroll.viewport()


def seen_lines(pane: ResponsePane) -> int:
    """Return how many lines are seen, all of them whole."""
    assert not cut_lines(pane._scroll)
    return len(whole_lines(pane._scroll))


def is_at_end(pane: ResponsePane) -> bool:
    bar = pane._scroll.verticalScrollBar()
    return bar.maximum() > 0 and bar.value() == bar.maximum()


def ask(stage: CompareWindow, qtbot: QtBot, prompt: str) -> None:
    stage.ask(prompt)
    qtbot.waitUntil(lambda: not stage.presenter.is_running)
    take_turns(qtbot)


@pytest.mark.parametrize(("size", "count"), [((900, 600), 2), ((1280, 800), 3)])
def test_five_whole_lines_of_each_answer_are_seen(
    size: tuple[int, int], count: int, make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    targets = (HERE, THERE, HERE_TOO)[:count]
    engines = {target.label: FakeEngine.saying(WORDS * 9) for target in targets}
    stage = make_compare_window(dict(engines))
    stage.window.resize(*size)
    stage.choose(*targets)
    ask(stage, qtbot, "What is it?")
    for pane in stage.view.panes:
        assert seen_lines(pane) >= 5
        pane._scroll.verticalScrollBar().setValue(0)
        take_turns(qtbot)
        assert seen_lines(pane) >= 3, "the question is there as well"
        if size == (900, 600):
            assert pane.metrics.width() < pane.width() // 4
            assert not any(figure.height() > 80 for figure in pane.metrics._figures), (
                "a figure is mostly empty"
            )


def test_four_answers_have_whole_lines_in_two_rows(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE, HERE_TOO)
    grid = stage.view.grid
    panes = [ResponsePane(stage.window._theme) for _ in range(4)]
    grid.set_panes(panes)
    for pane in panes:
        pane.begin_turn("What?").show_answer(AnswerViewModel(WORDS * 9))
    take_turns(qtbot, 20)
    assert grid.row_count == 2
    assert all(seen_lines(pane) >= 5 for pane in panes)


def test_the_stage_goes_on_following_what_is_written(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.window.resize(900, 600)
    stage.choose(HERE)
    pane = stage.view.panes[0]
    turn = pane.begin_turn("What?")
    turn.show_answer(AnswerViewModel(WORDS * 60, is_writing=True))
    take_turns(qtbot)
    assert is_at_end(pane)
    for on in (True, False):
        stage.window.set_presentation_mode(on=on)
        take_turns(qtbot, 30)
        assert is_at_end(pane)
        turn.show_answer(AnswerViewModel(WORDS * (70 + 10 * (not on)), is_writing=True))
        take_turns(qtbot, 30)
        assert is_at_end(pane)


def test_the_last_question_is_in_view_on_the_stage_and_after_it(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.saying(WORDS * 30)})
    stage.window.resize(900, 600)
    stage.choose(HERE)
    ask(stage, qtbot, "First?")
    stage.window.set_presentation_mode(on=True)
    take_turns(qtbot, 30)
    ask(stage, qtbot, "Second?")
    pane = stage.view.panes[0]
    assert [turn.isVisible() for turn in pane._turns] == [False, True]
    assert not stage.view.prompt_card.isVisible(), "the box is closed until it is asked for"
    assert not stage.view.header.ask_button.isChecked()
    assert stage.view.header.ask_button.text() == "Ask a question", "it repeats nothing"
    assert any(area(pane).rect().contains(line) for line in lines(pane))
    stage.window.set_presentation_mode(on=False)
    take_turns(qtbot, 30)
    top = pane.turn.mapTo(area(pane), QPoint(0, 0)).y()
    assert 0 <= top < area(pane).height() // 2, "the last question is not at the top"


def test_what_went_wrong_is_read_from_its_beginning(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    refused = AuthenticationFailed("The key was refused. " * 12, hint="Enter another key. " * 20)
    stage = make_compare_window({"large-1": FakeEngine.failing(refused, after=[WORDS * 20])})
    stage.window.resize(900, 600)
    stage.choose(THERE)
    ask(stage, qtbot, "What?")
    pane = stage.view.panes[0]
    label = next(
        each for each in pane.turn.findChildren(QLabel) if each.text().startswith("The key was")
    )
    top = label.mapTo(area(pane), QPoint(0, 0)).y()
    assert 0 <= top < area(pane).height() // 2


@pytest.mark.parametrize("size", [(900, 600), (1280, 800)])
def test_a_message_covers_neither_a_vote_nor_the_last_line_and_goes_with_its_page(
    size: tuple[int, int], make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.saying(WORDS * 9)})
    window = stage.window
    window.resize(*size)
    stage.choose(HERE, THERE)
    ask(stage, qtbot, "What?")
    window.page_toast("Deleted. It can be brought back.", action="Undo", on_action=lambda: None)
    take_turns(qtbot)
    toast = window._toast
    kept = [part for pane in stage.view.panes for part in (pane.vote_button, pane.metrics)]
    kept += [*(area(pane) for pane in stage.view.panes), stage.view.summary]
    for part in (*kept, stage.view.prompt_card):
        place = QRect(part.mapTo(window, QPoint(0, 0)), part.size())
        seen = part.visibleRegion().boundingRect().translated(part.mapTo(window, QPoint(0, 0)))
        assert not toast.geometry().intersects(place & seen)
    window.show_page("history")
    assert not toast.isVisible()
    window.toast("A model is here.")
    window.show_page("compare")
    assert toast.isVisible(), "that is about the whole program"


def covered_votes(stage: CompareWindow) -> list[str]:
    """Return the buttons of a vote over which a message lies."""
    toast, summary = stage.window._toast, stage.view.summary
    buttons = [pane.vote_button for pane in stage.view.panes]
    found = []
    for button in (*buttons, summary.tie_button, summary.none_button):
        seen = button.visibleRegion().boundingRect()
        place = seen.translated(button.mapTo(stage.window, QPoint(0, 0)))
        if not seen.isEmpty() and toast.isVisible() and toast.geometry().intersects(place):
            found.append(button.text())
    return found


@pytest.mark.parametrize("size", [(900, 600), (1060, 700), (1280, 800)])
def test_a_message_of_several_lines_covers_no_vote_also_where_it_was_there_first(
    size: tuple[int, int], make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    hanging = FakeEngine.hanging(after=[WORDS * 9])
    stage = make_compare_window({"SmolLM2 135M": hanging})
    stage.window.resize(*size)
    stage.choose(HERE, THERE)
    stage.ask("What?")
    qtbot.waitUntil(lambda: len(hanging.requests) == 1)
    stage.window.toast("Something went wrong, " * 8, tone="bad", action="Undo", stay_ms=0)
    take_turns(qtbot)
    stage.view.prompt_card.stop()
    qtbot.waitUntil(stage.view.panes[0].vote_button.isVisible)
    qtbot.waitUntil(lambda: covered_votes(stage) == [])
    bar = stage.view.grid.verticalScrollBar()
    for value in (bar.maximum(), bar.maximum() // 2):
        bar.setValue(value)
        with qtbot.waitSignal(stage.window._settle.timeout, raising=bool(bar.maximum())):
            stage.view.foot_moved.emit()
        assert covered_votes(stage) == []


def test_figures_of_answers_side_by_side_have_one_height_and_one_size(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.window.resize(1280, 800)
    stage.choose(HERE, THERE, HERE_TOO)
    captions = ("first word", "words a second", "whole answer", "electricity")
    costs = ("≈ $0.0000042", "—", "$1")
    for pane, cost in zip(stage.view.panes, costs, strict=True):
        values = ("13.1 s", "150", "113.9 s", cost)
        cells = [MetricCell(*one, "") for one in zip(values, captions, strict=True)]
        pane.metrics.set_cells(cells)
    stage.view.grid.fit_figures()
    take_turns(qtbot)
    cards = [pane.metrics for pane in stage.view.panes]
    assert len({card.y() for card in cards}) == 1
    assert len({card.height() for card in cards}) == 1
    assert len({figure.shrink for card in cards for figure in card._figures}) == 1


def test_the_bars_of_answers_are_as_long_as_their_figures_say(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    steps = ((0, "It is "), (0.01, "this."))
    loaded = FakeEngine(Script(steps=steps, load_s=0.2, prompt_s=0.02))
    stage = make_compare_window({"SmolLM2 135M": loaded})
    stage.choose(HERE, THERE)
    ask(stage, qtbot, "What?")
    for place, pane in enumerate(stage.view.panes):
        run = stage.presenter._panes.run_at(place)
        assert run is not None
        total = figures(run).total_s
        assert total is not None
        assert pane.time_bar._spans.total_s == pytest.approx(total.value)
        assert "loading" not in pane.time_bar.toolTip()
    waiting = replace(run, status=RunStatus.LOADING, sent_t_s=None, timings=Timings())
    assert run_spans(waiting, 7.0).total_s == 0.0


def test_a_long_answer_without_a_name_is_read_from_its_beginning(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.saying(WORDS * 60)})
    stage.window.resize(900, 600)
    stage.choose(HERE, THERE)
    stage.view.header.hide_names.click()
    for prompt in ("First?", "Second?"):
        ask(stage, qtbot, prompt)
        take_turns(qtbot, 20)
        for pane in stage.view.panes:
            top = pane.turn.mapTo(area(pane), QPoint(0, 0)).y()
            assert 0 <= top < area(pane).height() // 2


def test_where_the_summary_is_out_of_sight_a_line_above_the_prompt_says_the_most(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.window.resize(900, 600)
    stage.choose(HERE, THERE)
    line = stage.view._verdict
    assert not line.isVisible()
    ask(stage, qtbot, "What?")
    take_turns(qtbot)
    assert line.isVisible()
    assert "started first" in line.text() or "no real difference" in line.text()
    assert "<b>" not in line.text()
    stage.window.resize(1280, 800)
    take_turns(qtbot)
    assert not line.isVisible()
    assert stage.view.summary.isVisible()
