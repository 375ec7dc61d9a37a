"""The Compare page as a person uses it: a real window, scripted engines."""

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QLabel,
    QPushButton,
    QSpinBox,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from playground.core.chat import SamplingParams
from playground.core.errors import (
    AuthenticationFailed,
    KeyMissing,
    ModelNotFound,
    PlaygroundError,
    RateLimited,
    StorageFailed,
)
from playground.core.events import ReasoningDelta
from playground.core.runs import HostContact, Recorded, RunOrder, VoteOutcome
from playground.core.targets import RECORDED_ID, CloudTarget, LocalTarget
from playground.core.turns import new_comparison
from playground.services.comparison import StorageTrouble
from playground.store.database import Database
from playground.store.history import ComparisonStore
from playground.store.settings import SettingsStore
from playground.ui.answers.metric_cells import empty_cells
from playground.ui.answers.metrics_card import MetricsCard
from playground.ui.answers.response_pane import ResponsePane
from playground.ui.answers.turn_view import TokenView, TurnContent
from playground.ui.answers.view_model import AnswerViewModel
from playground.ui.pages.compare.answer_settings import Draft
from playground.ui.widgets.details import DetailsPopup
from playground.ui.widgets.target_picker import PickerEntry
from tests.fakes.engine import FakeEngine, Script
from tests.ui.conftest import (
    CLOUD,
    HERE,
    HERE_TOO,
    PRACTICE,
    STARTER,
    THERE,
    CompareWindow,
    every_text,
    take_turns,
)

MakeCompareWindow = Callable[..., CompareWindow]


def shown_text(stage: CompareWindow, index: int) -> str:
    turn = stage.view.panes[index].turn
    return turn.answer.toPlainText() if turn is not None else ""


def figures(stage: CompareWindow, index: int) -> list[str]:
    card = stage.view.panes[index].findChild(MetricsCard)
    assert card is not None
    return [figure.cell.value for figure in card._figures]


def by_name(root: QWidget, name: str) -> QPushButton | QToolButton:
    found = [
        button
        for kind in (QPushButton, QToolButton)
        for button in root.findChildren(kind)
        if button.accessibleName() == name
    ]
    assert found, f"no button is called {name!r}"
    return found[0]


def finished(stage: CompareWindow) -> Callable[[], bool]:
    return lambda: not stage.presenter.is_running


def test_one_click_of_a_first_time_user_shows_a_whole_comparison(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    assert stage.view.empty.isVisible()
    by_name(stage.view, "Try it: a model here against the practice cloud").click()
    qtbot.waitUntil(stage.view.summary.isVisible)
    assert [pane.accessibleName() for pane in stage.view.panes] == ["SmolLM2 135M", "smollm2"]
    assert "SmolLM2 135M answers this." in shown_text(stage, 0)
    assert "smollm2 answers this." in shown_text(stage, 1)
    assert stage.providers.practice_starts == 1
    assert "Practice cloud, on this computer" in every_text(stage.view.panes[1])
    assert stage.view.summary.isVisible()


def test_answers_stream_with_figures_and_where_the_words_went(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    cloud = FakeEngine(
        Script(
            steps=((0, "The "), (0.01, "cloud **says** it.")),
            single_tokens=False,
            hosts=(HostContact("api.example.com", 1400),),
        )
    )
    here = FakeEngine(Script(steps=((0, "Here "), (0.01, "it is.")), load_s=0.02, prompt_s=0.01))
    stage = make_compare_window({"large-1": cloud, "SmolLM2 135M": here})
    stage.choose(HERE, THERE)
    stage.ask("What is it?")
    qtbot.waitUntil(finished(stage))
    assert shown_text(stage, 0) == "Here it is."
    assert shown_text(stage, 1) == "The cloud says it."
    first, speed, whole, cost = figures(stage, 0)
    assert first.endswith(" s")
    assert speed != "—"
    assert whole.endswith(" s")
    assert cost == "≈ $0.000004"
    assert figures(stage, 1)[3] == "$0.0011"
    assert "Nothing left this computer · model loaded in" in every_text(stage.view.panes[0])
    assert "1.4 KB went to api.example.com" in every_text(stage.view.panes[1])
    line = stage.view.summary._line.text()
    assert "A thousand prompts like this" in line
    assert "≈&nbsp;$0.004" in line
    assert "$1.10" in line


def test_each_figure_says_what_it_means_and_where_it_comes_from(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE)
    stage.ask("Hello")
    qtbot.waitUntil(finished(stage))
    card = stage.view.panes[0].findChild(MetricsCard)
    tips = [figure.toolTip() for figure in card._figures]
    assert "from sending the prompt until the first word" in tips[0]
    assert all("measured here" in tip for tip in tips[:3])
    assert "estimated" in tips[3]
    assert "tokens in" in tips[2]
    assert "tokens out" in tips[2]


def test_what_is_unknown_is_a_dash(make_compare_window: MakeCompareWindow, qtbot: QtBot) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.saying("one")})
    stage.choose(HERE)
    assert figures(stage, 0) == ["—"] * 4
    stage.ask("Hello")
    qtbot.waitUntil(finished(stage))
    assert figures(stage, 0)[1] == "—", "one chunk has no speed"


def test_local_answers_wait_their_turn_and_say_so(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.hanging(after=["first "])})
    stage.choose(HERE, HERE_TOO)
    stage.ask("Hello")
    qtbot.waitUntil(lambda: "first" in shown_text(stage, 0))
    assert "Waits its turn" in every_text(stage.view.panes[1])
    by_name(stage.view.panes[0], "Stop this answer").click()
    qtbot.waitUntil(finished(stage))
    assert "Stopped. What was written is kept." in every_text(stage.view.panes[0])
    assert "Qwen3 4B answers this." in shown_text(stage, 1)


@pytest.mark.parametrize("way", ["button", "escape"])
def test_everything_can_be_stopped(
    way: str, make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    hanging = {name: FakeEngine.hanging(after=["some "]) for name in ("SmolLM2 135M", "large-1")}
    stage = make_compare_window(dict(hanging))
    stage.choose(HERE, THERE)
    stage.ask("Hello")
    qtbot.waitUntil(lambda: "some" in shown_text(stage, 1))
    run, stop = by_name(stage.view, "Run"), by_name(stage.view, "Stop all")
    assert stop.isVisible()
    assert not run.isVisible()
    if way == "button":
        stop.click()
    else:
        qtbot.keyClick(stage.window, Qt.Key.Key_Escape)
    qtbot.waitUntil(finished(stage))
    assert run.isVisible()
    assert not stop.isVisible()
    assert shown_text(stage, 1).strip() == "some"
    qtbot.waitUntil(lambda: hanging["large-1"].left == 1)


def test_a_failed_answer_says_what_happened_what_was_kept_and_what_to_try(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    failure = RateLimited("The provider is busy: 20 requests a minute.")
    stage = make_compare_window(
        {"large-1": FakeEngine.failing(failure, after=["Half ", "an answer"])}
    )
    stage.choose(HERE, THERE)
    stage.ask("Hello")
    qtbot.waitUntil(finished(stage))
    text = every_text(stage.view.panes[1])
    assert "The provider is busy: 20 requests a minute." in text
    assert "What was written until then is kept above." in text
    assert "Wait a moment and run it again." in text
    assert shown_text(stage, 1) == "Half an answer"
    assert "SmolLM2 135M answers this." in shown_text(stage, 0), "its sibling goes on"


def test_a_follow_up_carries_each_target_its_own_answer(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    engines = {"SmolLM2 135M": FakeEngine.saying("Mine."), "large-1": FakeEngine.saying("Theirs.")}
    stage = make_compare_window(dict(engines))
    stage.choose(HERE, THERE)
    stage.ask("First?")
    qtbot.waitUntil(finished(stage))
    assert stage.view.prompt_card._prompt.placeholderText() == (
        "Ask a follow-up…\nEnter runs, Shift+Enter starts a new line"
    )
    stage.ask("And then?")
    qtbot.waitUntil(finished(stage))
    sent = [message.content for message in engines["large-1"].requests[1].messages]
    assert sent == ["First?", "Theirs.", "And then?"]
    assert len(stage.view.panes[0]._turns) == 2
    by_name(stage.view, "New comparison").click()
    assert stage.presenter.comparison is None
    assert "Type a prompt below" in every_text(stage.view.panes[0])


def test_a_prompt_of_a_megabyte_is_sent_whole_and_shown_in_part(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    engines = {"large-1": FakeEngine.saying("Theirs.")}
    stage = make_compare_window(dict(engines))
    stage.choose(HERE, THERE)
    prompt = ("word " * 200_000).strip()
    stage.ask(prompt)
    qtbot.waitUntil(finished(stage))
    assert engines["large-1"].requests[0].messages[-1].content == prompt
    assert f"of {len(prompt):,} characters are shown" in every_text(stage.view)
    stage.window.set_presentation_mode(on=True)
    assert stage.view.header._title.text().startswith("word word")
    shown = [label.text() for label in stage.view.findChildren(QLabel)]
    assert max(map(len, shown)) < 1200


def test_changing_the_targets_starts_anew_and_brings_the_prompt_back(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    stage.ask("What now?")
    qtbot.waitUntil(finished(stage))
    by_name(stage.view, "Remove Example Cloud · large-1").click()
    assert len(stage.view.panes) == 1
    assert stage.presenter.comparison is None
    # what was asked is not typed again by itself
    assert stage.view.prompt_card.text == ""


@pytest.mark.parametrize(
    ("key", "modifier"),
    [
        (Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Enter, Qt.KeyboardModifier.KeypadModifier),
        (Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier),
    ],
)
def test_enter_runs_and_shift_enter_starts_a_new_line(
    make_compare_window: MakeCompareWindow,
    qtbot: QtBot,
    key: Qt.Key,
    modifier: Qt.KeyboardModifier,
) -> None:
    stage = make_compare_window()
    stage.choose(HERE)
    box = stage.view.prompt_card._prompt
    qtbot.keyClicks(box, "Hi")
    qtbot.keyClick(box, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(box, "you")
    assert stage.view.prompt_card.text == "Hi\nyou"
    assert box.blockCount() == 2
    assert not stage.presenter.is_running
    qtbot.keyClick(box, key, modifier)
    qtbot.waitUntil(finished(stage))
    assert stage.presenter.comparison.turns[0].prompt == "Hi\nyou"
    assert "answers this." in shown_text(stage, 0)


def test_a_paste_of_several_lines_and_a_key_held_down_do_not_run(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE)
    box = stage.view.prompt_card._prompt
    data = QMimeData()
    data.setText("One\nTwo\n")
    box.insertFromMimeData(data)
    enter, none = QEvent.Type.KeyPress, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(box, QKeyEvent(enter, Qt.Key.Key_Return, none, "\r", autorep=True))
    assert stage.view.prompt_card.text == "One\nTwo\n"
    assert not stage.presenter.is_running


def test_the_promised_names_are_there_for_a_screen_reader(
    make_compare_window: MakeCompareWindow,
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    assert by_name(stage.view, "Run").isVisible()
    assert stage.view.prompt_card._prompt.accessibleName() == "Prompt"
    assert [pane.accessibleName() for pane in stage.view.panes] == ["SmolLM2 135M", "large-1"]
    for button in stage.window.findChildren(QPushButton) + stage.window.findChildren(QToolButton):
        if button.isVisible():
            assert button.accessibleName(), f"{button.text()!r} has no name"
            assert button.toolTip() or button.text(), "nothing says what it does"


def test_thinking_is_folded_away(make_compare_window: MakeCompareWindow, qtbot: QtBot) -> None:
    steps = ((0, ReasoningDelta(0, "First I ")), (0, ReasoningDelta(0, "think.")), (0, "Answer."))
    stage = make_compare_window({"SmolLM2 135M": FakeEngine(Script(steps=steps))})
    stage.choose(HERE)
    stage.ask("Hello")
    qtbot.waitUntil(finished(stage))
    thought = by_name(stage.view.panes[0], "What it thought")
    reasoning = stage.view.panes[0].turn._reasoning
    qtbot.waitUntil(thought.isVisible)
    assert not reasoning.isVisible()
    thought.click()
    qtbot.waitUntil(reasoning.isVisible)
    assert reasoning.toPlainText() == "First I think."
    assert shown_text(stage, 0) == "Answer."


def streaming(text: str) -> FakeEngine:
    """Return an engine that thinks and answers `text`; a paragraph's first letters come alone."""
    parts = re.findall(r"(?:^|\n\n)..|[^\n]+", text)
    # slow enough for a pane to show each of them
    thoughts = [(0.03, ReasoningDelta(0, part)) for part in parts]
    return FakeEngine(Script(steps=(*thoughts, *((0.03, part) for part in parts))))


def test_answers_that_stream_while_pages_are_switched_are_whole(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    lines = [[f"Paragraph {line} of answer {n}." for line in range(12)] for n in range(4)]
    texts = ["\n\n".join(paragraphs) for paragraphs in lines]
    stage = make_compare_window({f"large-{n}": streaming(text) for n, text in enumerate(texts)})
    stage.choose(*(CloudTarget(CLOUD, f"large-{n}") for n in range(4)))
    stage.ask("Tell me of lighthouses")
    qtbot.waitUntil(lambda: stage.presenter.is_running)
    panes = stage.presenter._panes

    def arrived() -> int:
        runs = [panes.run_at(index) for index in range(4)]
        return sum(len(run.reasoning + run.text) for run in runs if run is not None)

    for number in range(20):
        stage.window.show_page("history" if number % 2 == 0 else "compare")
        goal = 2 * sum(map(len, texts)) * (number + 1) // 22
        qtbot.waitUntil(lambda goal=goal: arrived() >= goal)
    qtbot.waitUntil(finished(stage))
    stage.window.show_page("compare")
    for index, paragraphs in enumerate(lines):
        assert shown_text(stage, index).split("\n") == paragraphs
        reasoning = stage.view.panes[index].turn._reasoning
        assert reasoning.toPlainText().split("\n") == paragraphs


def test_an_answer_is_never_shown_below_the_next_prompt(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    engine = FakeEngine.saying("The first answer.")
    stage = make_compare_window({"SmolLM2 135M": engine})
    stage.choose(HERE)
    stage.ask("One")
    qtbot.waitUntil(finished(stage))
    engine.script = Script(hang=True)
    panes = stage.presenter._panes
    (old,) = panes._shown
    # its turn is still to come, as after an event just before the end
    stage.ask("Two")
    panes._flushes.request(old.flush)
    qtbot.waitUntil(lambda: old not in panes._shown)
    take_turns(qtbot)
    assert shown_text(stage, 0) == ""
    by_name(stage.view, "Stop all").click()
    qtbot.waitUntil(finished(stage))


def test_a_notice_is_not_cut_where_its_pane_is_low(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    pane = ResponsePane(make_compare_window().window._theme)
    qtbot.addWidget(pane)
    pane.metrics.set_cells(empty_cells())
    pane.set_head_stacked(stacked=True)
    notice = "The answer was cut off: it reached the longest length allowed."
    answer = AnswerViewModel("A lighthouse is a place where", notices=(notice,))
    pane.begin_turn(None).show_answer(answer)
    pane.set_vote(offered=True)
    pane.resize(243, 340)
    with qtbot.waitExposed(pane):
        pane.show()
    (label,) = (label for label in pane.findChildren(QLabel) if label.text() == notice)
    qtbot.waitUntil(lambda: label.height() == label.heightForWidth(label.width()))


def test_turns_that_are_not_seen_wait_to_be_laid_out(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    pane = ResponsePane(make_compare_window().window._theme)
    qtbot.addWidget(pane)
    pane.metrics.set_cells(empty_cells())
    text = "A paragraph of an answer. " * 20
    pane.show_earlier([TurnContent(f"Question {n}", AnswerViewModel(text)) for n in range(60)])
    pane.begin_turn("The last").show_answer(AnswerViewModel(text))
    pane.resize(400, 500)
    with qtbot.waitExposed(pane):
        pane.show()
    bar = pane._scroll.verticalScrollBar()
    qtbot.waitUntil(lambda: 2 * bar.value() > pane._scroll.viewport().height())
    qtbot.waitUntil(lambda: not pane._fill.isActive())
    assert len(pane._turns) < 12
    assert bar.value() == bar.maximum()

    def at_the_first() -> bool:
        bar.setValue(0)
        return pane._turns[0].content.prompt == "Question 0"

    qtbot.waitUntil(at_the_first)
    prompts = [turn.content.prompt for turn in pane._turns]
    assert prompts == [*(f"Question {n}" for n in range(60)), "The last"]
    pane.begin_turn("One more").show_answer(AnswerViewModel(text))
    assert len(pane._turns) <= 12
    assert pane._earlier[-1].answer.text == text


def test_the_vote_is_kept_and_can_be_a_tie(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    stage.ask("Hello")
    qtbot.waitUntil(finished(stage))
    by_name(stage.view.panes[1], "This one is better: large-1").click()
    qtbot.waitUntil(lambda: len(stage.votes) == 1)
    turn_id, winner, verdict, hidden = stage.votes[0]
    runs = {run.id: run for run in stage.presenter.comparison.turns[0].runs}
    assert runs[winner].target == THERE
    assert (verdict, hidden) == (None, False)
    qtbot.waitUntil(lambda: "You chose large-1." in every_text(stage.view.summary))
    by_name(stage.view, "Tie").click()
    qtbot.waitUntil(lambda: len(stage.votes) == 2)
    assert stage.votes[1] == (turn_id, None, VoteOutcome.TIE, False)


def test_what_was_chosen_is_taken_back_by_choosing_it_again(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    stage.ask("Hello")
    qtbot.waitUntil(finished(stage))
    tie, first = stage.view.summary.tie_button, stage.view.panes[0].vote_button
    for number, button in enumerate((first, tie)):
        assert "Say that" in button.toolTip()
        button.setFocus()
        button.click()
        qtbot.waitUntil(lambda button=button: "take your vote back" in button.toolTip())
        assert button.isChecked()
        button.click()
        qtbot.waitUntil(lambda button=button: "Say that" in button.toolTip())
        assert stage.votes[2 * number + 1][1:3] == (None, None)
        assert not button.isChecked()
        assert "Which answer is better?" in every_text(stage.view.summary)
        assert button.hasFocus()


@pytest.mark.parametrize("hidden", [False, True])
def test_a_vote_that_could_not_be_stored_is_not_shown_as_cast(
    make_compare_window: MakeCompareWindow,
    qtbot: QtBot,
    reports: list[BaseException],
    tmp_path: Path,
    hidden: bool,
) -> None:
    stage = make_compare_window()
    stage.presenter._history = ComparisonStore(Database(tmp_path / "never opened"))
    stage.choose(HERE, THERE)
    if hidden:
        stage.view.header.hide_names.click()
    stage.ask("Hello")
    qtbot.waitUntil(finished(stage))
    for button in (stage.view.panes[1].vote_button, stage.view.summary.tie_button):
        button.click()
        qtbot.waitUntil(lambda: bool(reports))
        assert isinstance(reports.pop(), StorageFailed)
        assert not button.isChecked()
        assert "choice" not in stage.view.panes[1].vote_button.text()
        assert stage.view.panes[1].accessibleName() == ("Answer B" if hidden else "large-1")


def test_answer_settings_reach_every_target_and_one_can_differ(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, settings: SettingsStore
) -> None:
    engines = {"SmolLM2 135M": FakeEngine.saying("a b"), "large-1": FakeEngine.saying("a b")}
    stage = make_compare_window(dict(engines))
    stage.choose(HERE, THERE)
    drawer = stage.view.settings
    stage.view.header.drawer_button.click()
    assert drawer.isVisible()
    fields = drawer._fields
    qtbot.keyClicks(fields["temperature"], "0.5")
    qtbot.keyClicks(fields["seed"], "7")
    drawer._system.setPlainText("Be brief.")
    drawer.set_scope(THERE.key)
    assert fields["temperature"].placeholderText() == "0.5"
    qtbot.keyClicks(fields["temperature"], "1.5")
    stage.ask("Hello")
    qtbot.waitUntil(finished(stage))
    mine, theirs = (engines[name].requests[0] for name in ("SmolLM2 135M", "large-1"))
    assert (mine.sampling.temperature, mine.sampling.seed) == (0.5, 7)
    assert (theirs.sampling.temperature, theirs.sampling.seed) == (1.5, 7)
    assert [m.content for m in theirs.messages] == ["Be brief.", "Hello"]
    qtbot.waitUntil(lambda: settings.settings.sampling == SamplingParams(temperature=0.5, seed=7))


def test_a_value_that_makes_no_sense_is_marked_and_not_used(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    drawer = stage.view.settings
    qtbot.keyClicks(drawer._fields["temperature"], "9")
    assert "A number from 0 to 2" in every_text(drawer)
    assert drawer.shared == Draft(SamplingParams(), "")


def test_the_picker_lists_places_and_is_used_by_keyboard(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE)
    by_name(stage.view, "Add a model").click()
    picker = stage.view.picker
    model = picker._model
    qtbot.waitUntil(
        lambda: model.entries[-1].title == "large-3" and model.entries[1].remark == "Fits"
    )
    lines = {entry.title: entry for entry in model.entries}
    assert lines["SmolLM2 135M"].is_chosen
    assert lines["SmolLM2 135M"].remark == "Fits"
    assert lines["bad.gguf"].detail == "It ends too early."
    assert lines["bad.gguf"].key is None
    for _ in range(2):
        qtbot.keyClick(picker._search, Qt.Key.Key_Down)
    before = picker._list.currentIndex().data()
    picker.set_entries([PickerEntry("new", "A new one"), *model.entries])
    assert picker._list.currentIndex().data() == before, "what was selected stays selected"
    picker.set_entries(stage.presenter._selection.entries())
    qtbot.keyClicks(picker._search, "large")
    qtbot.keyClick(picker._search, Qt.Key.Key_Down)
    qtbot.keyClick(picker._search, Qt.Key.Key_Return)
    assert [t.label for t in stage.presenter._selection.chosen] == ["SmolLM2 135M", "large-2"]
    assert picker.isVisible(), "it stays open for the next one"
    assert {entry.title for entry in model.entries if entry.is_chosen} == {
        "SmolLM2 135M",
        "large-2",
    }
    qtbot.keyClick(picker._search, Qt.Key.Key_Down)
    qtbot.keyClick(picker._search, Qt.Key.Key_Return)
    assert len(stage.presenter._selection.chosen) == 3
    qtbot.keyClick(picker, Qt.Key.Key_Escape)
    assert not picker.isVisible()


def test_the_picker_says_why_a_provider_does_not_answer(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.providers.failure = RateLimited("Too many requests.")
    by_name(stage.view, "Choose models yourself").click()
    model = stage.view.picker._model
    qtbot.waitUntil(lambda: any("Too many requests." in entry.detail for entry in model.entries))
    stage.view.picker.close()


@pytest.mark.parametrize(
    ("failure", "words", "action"),
    [
        (KeyMissing("Forgotten: its key."), "Enter the key", "key"),
        (AuthenticationFailed("Incorrect API key."), "Enter the key", "key"),
        (ModelNotFound("It has no list."), "Type a model's name", "models"),
        (RateLimited("Too many requests."), "Show it", "test"),
    ],
)
def test_the_line_of_a_provider_that_fails_leads_to_what_helps(
    make_compare_window: MakeCompareWindow,
    qtbot: QtBot,
    failure: PlaygroundError,
    words: str,
    action: str,
) -> None:
    stage = make_compare_window()
    asked: list[tuple[str, str]] = []
    stage.view.provider_asked.connect(lambda *what: asked.append(what))
    stage.providers.failure = failure
    by_name(stage.view, "Choose models yourself").click()
    picker = stage.view.picker
    qtbot.waitUntil(lambda: any(entry.remark == words for entry in picker._model.entries))
    qtbot.keyClicks(picker._search, failure.message[:10])
    qtbot.keyClick(picker._search, Qt.Key.Key_Return)
    assert asked == [(THERE.provider.id, action)]
    assert not stage.presenter._selection.chosen
    assert not picker.isVisible()


def test_a_failed_answer_without_a_key_offers_to_enter_it(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window(
        {
            "large-1": FakeEngine.failing(KeyMissing("The key is not there any more.")),
            "SmolLM2 135M": FakeEngine.failing(RateLimited("Busy.")),
        }
    )
    asked: list[tuple[str, str]] = []
    stage.view.provider_asked.connect(lambda *what: asked.append(what))
    stage.choose(HERE, THERE)
    stage.ask("Hello")
    qtbot.waitUntil(finished(stage))
    here, there = (
        [b for b in pane.findChildren(QPushButton) if b.text() == "Enter the key"]
        for pane in stage.view.panes
    )
    assert here == []
    (button,) = there
    button.click()
    assert asked == [(THERE.provider.id, "key")]


def test_what_was_chosen_is_there_at_the_next_start(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, settings: SettingsStore
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    qtbot.waitUntil(lambda: settings.settings.last_targets == (HERE.key, THERE.key))
    again = make_compare_window()
    qtbot.waitUntil(lambda: len(again.view.panes) == 2)
    assert [pane.accessibleName() for pane in again.view.panes] == ["SmolLM2 135M", "large-1"]


def test_six_panes_at_most_and_every_one_can_be_reached(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    many = [
        LocalTarget(replace(STARTER, name=f"M{n}", path=STARTER.path / str(n))) for n in range(9)
    ]
    stage.choose(*many)
    assert len(stage.view.panes) == 6
    assert not stage.view.add_button.isVisible()
    for size in ((1920, 1080), (1280, 800), (900, 600)):
        stage.window.resize(*size)
        qtbot.waitUntil(lambda: stage.view.panes[5].height() >= 250)
        for pane in stage.view.panes:
            assert pane.width() >= 220


def test_a_name_that_is_html_is_shown_as_it_is(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    name = '<img src="file:///etc/passwd"><b>x</b>' * 3
    stage = make_compare_window()
    stage.choose(LocalTarget(replace(STARTER, name=name)), CloudTarget(PRACTICE, name))
    stage.ask("Hello")
    qtbot.waitUntil(finished(stage))
    assert "<img" not in stage.view.summary._line.text()
    for widget in stage.window.findChildren(QWidget):
        tip = widget.toolTip()
        assert "<img" not in tip, widget


def test_an_answer_is_copied_whole(make_compare_window: MakeCompareWindow, qtbot: QtBot) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.saying("**bold** words")})
    stage.choose(HERE)
    stage.ask("Hello")
    qtbot.waitUntil(finished(stage))
    by_name(stage.view.panes[0], "Copy the whole answer").click()
    assert QGuiApplication.clipboard().text() == "**bold** words"


def test_a_click_on_the_figures_shows_every_exact_number(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE)
    stage.ask("Hello")
    qtbot.waitUntil(finished(stage))
    card = stage.view.panes[0].findChild(MetricsCard)
    qtbot.keyClick(card, Qt.Key.Key_Return)
    popup = stage.view.findChild(DetailsPopup)
    assert popup.isVisible()
    texts = every_text(popup)
    for word in (
        "Tokens a second",
        "Chance number (seed)",
        "Ended because",
        "Hosts contacted",
        "Tokens out",
    ):
        assert word in texts
    popup.close()


def test_trouble_with_the_history_is_told_and_the_answers_go_on(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    trouble = [StorageTrouble(StorageFailed("The disk is full.").info())]
    stage.presenter._on_updates(trouble)
    assert "The disk is full." in every_text(stage.window)
    stage.window.toast("Something else.")
    stage.presenter._on_updates(trouble)
    assert "The disk is full." not in every_text(stage.window)


def test_probabilities_are_shown_word_by_word_where_they_were_asked_for(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.saying("one two three")})
    stage.choose(HERE)
    stage.ask("Without")
    qtbot.waitUntil(finished(stage))
    assert stage.view.findChild(TokenView) is None
    stage.view.settings.set_drafts(Draft(SamplingParams(logprobs=3), ""))
    stage.ask("With")
    qtbot.waitUntil(finished(stage))
    tokens = stage.view.findChild(TokenView)
    assert tokens._text.toPlainText() == "one two three"
    assert not tokens.isVisible()
    by_name(stage.view, "How sure it was, word by word").click()
    tokens._text.moveCursor(QTextCursor.MoveOperation.Start)
    assert tokens._text.find("two")
    assert "“two ”: 50%" in tokens._about.text()
    assert "1. “two ”: 50%" in tokens._about.text()
    assert "2. “other0 ”: 25%" in tokens._about.text()


def test_a_stop_pressed_at_once_after_run_is_heard(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.hanging()})
    stage.choose(HERE)
    set_running = stage.view.set_running

    def stop_at_once(*, running: bool) -> None:
        set_running(running=running)
        if running:
            assert stage.view.prompt_card.stop()

    monkeypatch.setattr(stage.view, "set_running", stop_at_once)
    stage.view.prompt_card.set_text("Hello")
    stage.view.prompt_card.submit()
    qtbot.waitUntil(lambda: stage.presenter.ended is not None)
    assert "Stopped before the first word." in every_text(stage.view.panes[0])


def test_one_answer_alone_is_asked_again_in_its_own_place(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    here, cloud = FakeEngine.saying("First."), FakeEngine.saying("From the cloud.")
    stage = make_compare_window({"SmolLM2 135M": here, "large-1": cloud})
    stage.choose(HERE, THERE)
    stage.ask("What is it?")
    assert not stage.view.panes[0].again_button.isVisible()
    qtbot.waitUntil(finished(stage))
    here.script = FakeEngine.saying("Second.").script
    by_name(stage.view.panes[0], "Ask only this one again").click()
    qtbot.waitUntil(lambda: stage.presenter.is_running)
    qtbot.waitUntil(finished(stage))
    assert (shown_text(stage, 0), shown_text(stage, 1)) == ("Second.", "From the cloud.")
    assert len(cloud.requests) == 1
    assert len(stage.view.panes[0]._turns) == 1, "not below the answer it replaces"
    assert [turn.prompt for turn in stage.presenter.comparison.turns] == ["What is it?"]
    folded = by_name(stage.view.panes[0], "The answer before this one")
    qtbot.waitUntil(folded.isVisible)
    folded.click()
    [before] = stage.view.panes[0].turn._before
    qtbot.waitUntil(before.isVisible)
    assert before.markdown == "First."
    assert not stage.view.panes[1].turn._before


def test_an_answer_of_which_nothing_comes_says_so_and_can_be_asked_again(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.ui.pages.compare.panes.SILENT_S", 0.2)
    silent = FakeEngine(Script(hang=True))
    stage = make_compare_window({"large-1": silent})
    stage.choose(THERE)
    stage.ask("Are you there?")
    pane = stage.view.panes[0]
    qtbot.waitUntil(lambda: "Nothing has come for" in every_text(pane))
    assert pane.stop_button.isVisible()
    silent.script = FakeEngine.saying("Now.").script
    by_name(pane, "Ask only this one again").click()
    qtbot.waitUntil(lambda: shown_text(stage, 0) == "Now.")
    qtbot.waitUntil(finished(stage))
    assert "Nothing has come" not in every_text(pane)


def test_run_waits_for_an_answer_setting_that_is_wrong_and_nothing_jumps(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE)
    stage.view.header.drawer_button.click()
    settings = stage.view.settings
    field = settings._fields["temperature"]
    below = settings._fields["max_tokens"]
    take_turns(qtbot)
    place = below.mapTo(stage.view, QPoint(0, 0))
    qtbot.keyClicks(field, "yes")
    take_turns(qtbot)
    assert below.mapTo(stage.view, QPoint(0, 0)) == place
    stage.ask("Hello")
    assert not stage.presenter.is_running
    assert "Variety: A number from 0 to 2" in every_text(stage.window)
    assert field.hasFocus()
    field.selectAll()
    qtbot.keyClicks(field, "0.5")
    stage.view.prompt_card._run.click()
    qtbot.waitUntil(finished(stage))
    assert stage.presenter.comparison.sampling.temperature == 0.5


def test_probabilities_are_a_switch_with_a_small_number(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE)
    settings = stage.view.settings
    number = settings.findChild(QSpinBox)
    (switch,) = (b for b in settings.findChildren(QCheckBox) if b.text() == "Show probabilities")
    assert settings.shared.sampling.logprobs is None
    assert not number.isEnabled()
    switch.click()
    assert settings.shared.sampling.logprobs == number.value() == 5
    number.setValue(2)
    assert settings.shared.sampling.logprobs == 2
    switch.click()
    assert settings.shared.sampling.logprobs is None


def test_chips_name_models_plainly_and_tell_files_of_one_name_apart(
    make_compare_window: MakeCompareWindow,
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    assert stage.view._chips[0].button.text() == "SmolLM2 135M"
    assert "Q4_1" in stage.view._chips[0].button.toolTip()
    other = LocalTarget(replace(STARTER, path=Path("/models/other.gguf"), quantization="F16"))
    stage.choose(HERE, other)
    assert [chip.button.text() for chip in stage.view._chips] == [
        "SmolLM2 135M · Q4_1",
        "SmolLM2 135M · F16",
    ]


def test_the_keyboard_goes_through_the_page_as_one_reads_and_is_always_seen(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    stage.ask("Hello")
    qtbot.waitUntil(finished(stage))
    take_turns(qtbot)
    view, window = stage.view, stage.window
    view.header.order._buttons["fair"].setFocus(Qt.FocusReason.TabFocusReason)
    stops: list[QWidget] = []
    while (stop := window.focusWidget()) is not None and view.isAncestorOf(stop):
        stops.append(stop)
        place = QRect(stop.mapTo(window, QPoint(0, 0)), stop.size()).adjusted(-2, -2, 2, 2)
        before = window.grab(place).toImage()
        qtbot.keyClick(stop, Qt.Key.Key_Tab)
        assert window.grab(place).toImage() != before, stop.accessibleName()
    heights = [stop.mapTo(view, QPoint(0, stop.height())).y() for stop in stops]
    parts = [view.header, view._chip_box, *view.panes, view.summary, view.prompt_card]
    order = [next(n for n, part in enumerate(parts) if part.isAncestorOf(s)) for s in stops]
    assert order == sorted(order)
    assert heights[0] == min(heights)
    assert len(stops) < 32
    # one stop for a chip: Delete takes it away
    chip = view._chips[1]
    chip.button.setFocus()
    qtbot.keyClick(chip.button, Qt.Key.Key_Delete)
    assert stage.presenter._selection.chosen == (HERE,)


def test_an_answer_that_was_cut_off_goes_on_where_it_stopped(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    here = FakeEngine(Script(((0.0, "Once upon"),), finish_reason="length"))
    stage = make_compare_window({"SmolLM2 135M": here})
    stage.choose(HERE)
    stage.ask("Tell a story.")
    qtbot.waitUntil(finished(stage))
    here.script = FakeEngine.saying(" a time.").script
    (button,) = [b for b in stage.view.panes[0].findChildren(QPushButton) if b.text() == "Continue"]
    button.click()
    qtbot.waitUntil(lambda: stage.presenter.is_running)
    qtbot.waitUntil(finished(stage))
    assert shown_text(stage, 0) == "Once upon a time."
    asked = [message.content for message in here.requests[1].messages]
    assert asked[:2] == ["Tell a story.", "Once upon"]
    assert "figures are those of the second part" in every_text(stage.view.panes[0])


def test_a_double_click_on_run_is_one_run(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    hanging = FakeEngine.hanging(after=["some "])
    stage = make_compare_window({"SmolLM2 135M": hanging})
    stage.choose(HERE)
    stage.view.prompt_card.set_text("Hello")
    run = by_name(stage.view, "Run")
    place = run.mapTo(stage.window, run.rect().center())
    # as the screen sends it: the second press goes to what stands there by then
    QTest.mouseDClick(
        stage.window.windowHandle(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0), place
    )
    qtbot.waitUntil(lambda: len(hanging.requests) == 1)
    take_turns(qtbot)
    assert stage.presenter.is_running
    assert len(hanging.requests) == 1
    stop = by_name(stage.view, "Stop all")
    QTest.mouseClick(stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(finished(stage))


def test_a_recording_shows_how_it_was_asked_and_changes_nothing(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.hanging(after=["some "])})
    stage.choose(HERE)
    comparison = new_comparison([HERE])
    service = stage.presenter._service
    stage.presenter.replay(comparison, lambda: service.run_turn(comparison, "Hello", RunOrder.RACE))
    order = stage.view.header.order
    assert order.selected == RunOrder.FAIR
    qtbot.waitUntil(lambda: order.selected == RunOrder.RACE)
    by_name(stage.view, "Stop all").click()
    qtbot.waitUntil(finished(stage))
    assert order.selected == RunOrder.FAIR


def test_nobody_is_asked_for_the_key_of_another_computer(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    provider = replace(THERE.provider, id=f"{RECORDED_ID}1", base_url="")
    elsewhere = CloudTarget(provider, "large-1")
    stage = make_compare_window({"large-1": FakeEngine.failing(KeyMissing("It is not there."))})
    stage.choose(elsewhere)
    stage.ask("Hello")
    qtbot.waitUntil(finished(stage))
    buttons = stage.view.panes[0].findChildren(QPushButton)
    assert "Enter the key" not in [button.text() for button in buttons]


def test_a_recording_of_another_computer_says_when_and_where_it_was_recorded(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.saying("some words")})
    stage.choose(HERE)
    noon = datetime(2026, 11, 27, 14, 20).astimezone()
    recorded = Recorded(noon, "32 GB of memory")
    comparison = replace(new_comparison([HERE]), recorded=recorded)
    service = stage.presenter._service
    stage.presenter.replay(comparison, lambda: service.run_turn(comparison, "Hello", RunOrder.FAIR))
    qtbot.waitUntil(finished(stage))
    said = "Recorded on 27 November 2026, 14:20, played back at its own pace (32 GB of memory)"
    # and nothing of what is true of this computer
    assert stage.view.panes[0]._footer.text() == said


def test_a_test_that_keeps_this_computer_busy_is_told_before_and_while_answers_come(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    hanging = FakeEngine.hanging(after=["some "])
    stage = make_compare_window({"SmolLM2 135M": hanging})
    stage.choose(HERE)
    said = "A test is running on this computer: answers here come later and slower."
    notes = stage.view.prompt_card._notes
    stage.presenter.set_busy_with_test(True)
    assert notes.isVisible()
    assert notes.text() == said
    stage.view.header.hide_names.click()
    stage.ask("Hello")
    qtbot.waitUntil(lambda: len(hanging.requests) == 1)
    assert notes.text() == f"{said} Names are hidden: you see them after your vote."
    stage.presenter.set_busy_with_test(False)
    assert "A test" not in notes.text()
    stage.view.prompt_card.stop()
    qtbot.waitUntil(finished(stage))


def test_run_names_its_keys_and_says_why_they_do_nothing_now(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.hanging(after=["some "])})
    stage.choose(HERE)
    run = by_name(stage.view, "Run")
    assert ("↩" if sys.platform == "darwin" else "Enter") in run.text()
    assert ("⌘" if sys.platform == "darwin" else "Ctrl+Enter") in run.toolTip()
    stage.ask("Hello")
    qtbot.waitUntil(lambda: "some" in shown_text(stage, 0))
    box = stage.view.prompt_card._prompt
    qtbot.keyClick(box, Qt.Key.Key_Return)
    said = "Wait until the answers are there, or stop them first."
    assert said in every_text(stage.window._toast)
    qtbot.keyClick(stage.window, Qt.Key.Key_Escape)
    qtbot.waitUntil(finished(stage))


def test_escape_closes_the_answer_settings(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.hanging(after=["some "])})
    stage.choose(HERE)
    stage.ask("Hello")
    qtbot.waitUntil(lambda: "some" in shown_text(stage, 0))
    stage.view.header.drawer_button.click()
    stage.view.settings._fields["seed"].setFocus()
    qtbot.keyClick(stage.view.settings._fields["seed"], Qt.Key.Key_Escape)
    assert not stage.view.settings.isVisible()
    assert not stage.view.header.drawer_button.isChecked()
    assert stage.presenter.is_running, "one Esc does one thing"
    qtbot.keyClick(stage.window, Qt.Key.Key_Escape)
    qtbot.waitUntil(finished(stage))
    stage.view.header.drawer_button.click()
    qtbot.keyClick(stage.window, Qt.Key.Key_Escape)
    assert not stage.view.settings.isVisible()


def test_the_first_click_shortens_only_its_own_answer(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    engine = FakeEngine.saying("a b")
    stage = make_compare_window({"SmolLM2 135M": engine})
    by_name(stage.view, "Try it: a model here against the practice cloud").click()
    qtbot.waitUntil(stage.view.summary.isVisible)
    assert engine.requests[0].sampling.max_tokens == 300
    assert not stage.view.settings._fields["max_tokens"].text()
    stage.ask("And now?")
    qtbot.waitUntil(lambda: len(engine.requests) == 2)
    qtbot.waitUntil(finished(stage))
    assert engine.requests[1].sampling.max_tokens is None


def test_each_answer_setting_has_the_word_of_the_field_and_its_unit(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.view.header.drawer_button.click()
    drawer = stage.view.settings
    shown = {label.text() for label in drawer.findChildren(QLabel) if label.isVisible()}
    words = {"temperature", "max_tokens", "seed", "top_p", "top_k", "min_p", "stop", "logprobs"}
    assert words <= shown
    assert "tokens" in shown
    qtbot.keyClicks(drawer._fields["max_tokens"], "400")
    shown = {label.text() for label in drawer.findChildren(QLabel) if label.isVisible()}
    assert "tokens, ≈ 300 words" in shown
    number = drawer.findChild(QSpinBox)
    assert number.lineEdit().textMargins().left() > 4
