"""What changes elsewhere while the Compare page is open, and what does not fit on it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect
from pytestqt.qtbot import QtBot

from playground.core.errors import RateLimited
from playground.core.events import StreamEvent
from playground.core.fold import RunFold
from playground.core.metrics import RunFigures, figures
from playground.core.runs import Recorded, Run, RunOrder
from playground.core.targets import (
    RECORDED,
    RECORDED_ID,
    CloudModel,
    CloudTarget,
    LoadSettings,
    LocalTarget,
    ModelFile,
    ModelPrice,
    Provider,
    Target,
)
from playground.core.turns import new_comparison
from playground.store.settings import SettingsStore
from playground.ui.answers.metrics_card import MetricsCard
from playground.ui.pages.compare import panes
from playground.ui.theme.theme import Theme
from tests.fakes.engine import FakeEngine
from tests.ui.conftest import HERE, THERE, CompareWindow, every_text, take_turns
from tests.ui.layout_checker import layout_problems

MakeCompareWindow = Callable[..., CompareWindow]


def ask(stage: CompareWindow, qtbot: QtBot, prompt: str = "Which is it?") -> None:
    stage.ask(prompt)
    qtbot.waitUntil(lambda: stage.presenter.is_running)
    qtbot.waitUntil(lambda: not stage.presenter.is_running)


def speed_caption(stage: CompareWindow) -> str:
    card = stage.view.panes[0].findChild(MetricsCard)
    assert card is not None
    return card._figures[1].cell.caption


def test_units_and_order_chosen_in_the_settings_show_at_once(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, settings: SettingsStore
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    ask(stage, qtbot)
    assert speed_caption(stage) == "words a second"
    settings.update(show_tokens=True, run_order=RunOrder.RACE)
    qtbot.waitUntil(lambda: speed_caption(stage) == "tokens a second")
    race = [b for b in stage.view.findChildren(type(stage.view.prompt_card._run)) if b.isChecked()]
    assert "All at once" in {button.accessibleName() for button in race}


def test_a_new_comparison_loads_a_model_as_it_is_set_up_now(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, settings: SettingsStore
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    settings.update(load_settings={str(HERE.model.path): LoadSettings(context=1024)})
    ask(stage, qtbot)
    comparison = stage.presenter.comparison
    assert comparison is not None
    (local,) = [t for t in comparison.targets if isinstance(t, LocalTarget)]
    assert local.settings.context == 1024
    assert comparison.turns[0].prompt == "Which is it?"


def test_a_comparison_with_more_answers_than_panes_is_left_to_the_history(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    many = [
        replace(HERE, model=replace(HERE.model, path=HERE.model.path / f"{n}")) for n in "1234567"
    ]
    for targets in (many, [HERE, HERE]):
        stage.presenter.open_comparison(new_comparison(targets))
        assert "Read it under History" in every_text(stage.window)
        assert len(stage.view.panes) == 2


def test_hidden_names_of_answers_that_failed_are_told_after_a_vote(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window({"large-1": FakeEngine.failing(RateLimited("Slow down."))})
    stage.choose(HERE, THERE)
    stage.view.header.hide_names.setChecked(True)
    ask(stage, qtbot)
    assert "Slow down." not in every_text(stage.view)
    assert stage.view.summary.none_button.isVisible()
    stage.view.summary.none_button.click()
    qtbot.waitUntil(lambda: "Slow down." in every_text(stage.view))


def test_showing_names_again_does_not_show_whose_the_answers_before_the_vote_were(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    stage.view.header.hide_names.setChecked(True)
    ask(stage, qtbot, "One")
    stage.view.header.hide_names.setChecked(False)
    ask(stage, qtbot, "Two")
    heads = [pane.accessibleName() for pane in stage.view.panes]
    assert heads == ["Answer A", "Answer B"]


def test_the_picker_shows_a_price_that_was_set_meanwhile(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, settings: SettingsStore
) -> None:
    stage = make_compare_window()
    stage.choose(HERE)

    async def models(provider: Provider) -> tuple[CloudModel, ...]:
        price = settings.settings.price_overrides.get("example:large-1")
        return (CloudModel(provider.id, "large-1", price=price),)

    stage.providers.models = models  # type: ignore[method-assign]  # as the service would answer

    def details() -> str:
        return " ".join(f"{e.title} {e.remark}" for e in stage.presenter._selection.entries())

    stage.view.add_button.click()
    qtbot.waitUntil(lambda: "large-1 price unknown" in details())
    settings.update(price_overrides={"example:large-1": ModelPrice(1.0, 2.0)})
    stage.view.add_button.click()
    qtbot.waitUntil(lambda: "large-1 $1 in" in details())


def test_events_are_folded_once_and_figures_worked_out_once_a_change(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 200
    engines = {
        name: FakeEngine.paced(tokens_per_s=400, count=count, token=lambda n: f"w{n} ")
        for name in ("SmolLM2 135M", "large-1")
    }
    folded: list[StreamEvent] = []
    measured: list[Run] = []
    add = RunFold.add

    def counting_add(self: RunFold, event: StreamEvent) -> None:
        folded.append(event)
        add(self, event)

    def counting_figures(run: Run) -> RunFigures:
        measured.append(run)
        return figures(run)

    monkeypatch.setattr(RunFold, "add", counting_add)
    monkeypatch.setattr(panes, "figures", counting_figures)
    stage = make_compare_window(dict(engines))
    stage.choose(HERE, THERE)
    stage.view.header.order.select("race")
    stage.ask("Hello")
    qtbot.waitUntil(lambda: stage.presenter.is_running)
    qtbot.waitUntil(lambda: not stage.presenter.is_running, timeout=15_000)
    assert len(folded) == len({id(event) for event in folded}) >= 2 * count
    assert len(measured) == len({id(run) for run in measured}) < count
    whole = "".join(f"w{n} " for n in range(count))
    assert [pane.turn.answer.markdown for pane in stage.view.panes] == [whole, whole]


def recorded(name: str, number: int, *, is_cloud: bool = False) -> Target:
    """Return a target as a recording tells of it."""
    if is_cloud:
        return CloudTarget(Provider(f"{RECORDED_ID}{number}", "Far Cloud", ""), name)
    path = Path("recorded") / f"{number} {name}"
    model = ModelFile(path, name, 1_000, RECORDED, quantization="Q4_1", is_present=False)
    return LocalTarget(model)


def replay(stage: CompareWindow, qtbot: QtBot, *targets: Target) -> None:
    """Watch a recording of another computer to its end."""
    comparison = replace(new_comparison(targets), recorded=Recorded(None))
    service = stage.presenter._service
    stage.presenter.replay(comparison, lambda: service.run_turn(comparison, "Then", RunOrder.RACE))
    assert stage.presenter.is_running
    qtbot.waitUntil(lambda: not stage.presenter.is_running)


def asked(stage: CompareWindow) -> list[str]:
    """Return whom the last question went to, by their keys."""
    comparison = stage.presenter.comparison
    assert comparison is not None
    return [run.target.key for run in comparison.turns[-1].runs]


def heads(stage: CompareWindow) -> list[str]:
    return [pane.accessibleName() for pane in stage.view.panes]


def test_a_question_after_a_recording_goes_to_the_models_chosen_before(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, settings: SettingsStore
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    names = ("SmolLM2 135M", "giant-9", "giant-8")
    replay(stage, qtbot, *(recorded(name, n, is_cloud=n > 0) for n, name in enumerate(names)))
    assert heads(stage) == list(names)
    assert [chip.button.text() for chip in stage.view._chips] == [
        "SmolLM2 135M",
        "Example Cloud · large-1",
    ]
    note = stage.view.prompt_card._notes
    assert note.isVisible()
    said = "SmolLM2 135M on this computer, large-1 at Example Cloud"
    assert note.text() == f"This is a recording: your own question goes to {said}."
    assert not stage.view.prompt_card.choose_button.isVisible()
    ask(stage, qtbot, "And now?")
    assert heads(stage) == [HERE.label, THERE.label]
    assert asked(stage) == [HERE.key, THERE.key]
    assert [len(pane._turns) for pane in stage.view.panes] == [1, 1]
    assert not note.isVisible()
    replay(stage, qtbot, recorded("SmolLM2 135M", 0))
    stage.view.prompt_card.begin_anew()
    assert heads(stage) == [HERE.label, THERE.label]
    assert not note.isVisible()
    written = stage.presenter._bridge.write(lambda: None)
    qtbot.waitUntil(written.done)
    assert settings.settings.last_targets == (HERE.key, THERE.key)


def test_where_nothing_was_chosen_a_question_after_a_recording_goes_to_what_is_here_of_it(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    replay(stage, qtbot, recorded("SmolLM2 135M", 1), recorded("giant-9", 2, is_cloud=True))
    card = stage.view.prompt_card
    said = (
        "This is a recording: your own question goes to SmolLM2 135M on this "
        "computer. Not here: giant-9 at Far Cloud."
    )
    qtbot.waitUntil(lambda: card._notes.text() == said)
    assert heads(stage) == ["SmolLM2 135M", "giant-9"], "it stays to be read"
    card.choose_button.click()
    assert stage.view.picker.isVisible()
    stage.view.picker.close()
    ask(stage, qtbot, "And now?")
    assert heads(stage) == [HERE.label]
    assert asked(stage) == [HERE.key]


def test_a_recording_of_which_nothing_is_here_asks_for_models_before_a_question(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    replay(stage, qtbot, recorded("Unknown 7B", 1))
    card = stage.view.prompt_card
    said = (
        "This is a recording: choose the models that your own question goes to. "
        "Not here: Unknown 7B on another computer."
    )
    qtbot.waitUntil(lambda: card._notes.text() == said)
    assert card.choose_button.isVisible()
    stage.ask("And now?")
    assert not stage.presenter.is_running
    assert stage.view.picker.isVisible()
    stage.view.picker.close()
    stage.choose(THERE)
    assert not card.choose_button.isVisible()
    said = "This is a recording: your own question goes to large-1 at Example Cloud."
    assert card._notes.text() == said
    assert heads(stage) == ["Unknown 7B"]
    card.begin_anew()
    assert heads(stage) == [THERE.label]


@pytest.mark.parametrize(
    ("size", "scale"), [((900, 600), 1.0), ((900, 600), 2.0), ((720, 480), 1.5)]
)
def test_what_is_said_beside_the_prompt_has_its_own_room(
    size: tuple[int, int],
    scale: float,
    make_compare_window: MakeCompareWindow,
    qtbot: QtBot,
    theme: Theme,
) -> None:
    stage = make_compare_window()
    stage.window.resize(*size)
    theme.set_appearance(scale=scale)
    stage.presenter.set_busy_with_test(True)
    replay(stage, qtbot, recorded("SmolLM2 135M", 1), recorded("giant-9", 2, is_cloud=True))
    stage.view.header.hide_names.setChecked(True)
    card = stage.view.prompt_card
    qtbot.waitUntil(lambda: "Not here" in card._notes.text())
    take_turns(qtbot, 40)
    assert layout_problems(stage.view) == []
    note = card._notes if card._notes.isVisible() else card._short_note
    assert note.isVisible()
    place = QRect(note.mapTo(card, QPoint(0, 0)), note.size())
    assert not place.intersects(QRect(card._run.mapTo(card, QPoint(0, 0)), card._run.size()))
