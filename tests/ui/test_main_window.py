"""The window around the pages."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRect, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from playground.core.errors import StorageFailed
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.theme.theme import Theme
from playground.ui.window.main_window import MainWindow
from playground.ui.window.navigation_rail import RailButton
from playground.ui.window.page import Page
from tests.fakes.engine import FakeEngine
from tests.ui.conftest import HERE, THERE, CompareWindow, every_text, take_turns
from tests.ui.layout_checker import layout_problems

MakeCompareWindow = Callable[..., CompareWindow]


def test_a_page_is_built_on_its_first_visit(
    qtbot: QtBot, bridge: Bridge, theme: Theme, settings: SettingsStore
) -> None:
    built: list[str] = []

    def make(key: str) -> Callable[[], Page]:
        def factory() -> Page:
            built.append(key)
            return Page(theme)

        return factory

    window = MainWindow(theme, settings, bridge)
    qtbot.addWidget(window)
    for key in ("compare", "models"):
        window.add_page(key, key.title(), key, make(key))
    window.open_remembered()
    assert built == ["compare"]
    window.show_page("models")
    window.show_page("compare")
    window.show_page("models")
    assert built == ["compare", "models"]
    window.hide()


@pytest.fixture
def early_window(
    qtbot: QtBot, bridge: Bridge, theme: Theme, settings: SettingsStore
) -> Iterator[MainWindow]:
    """A window whose other pages cannot be built yet, as while the services are."""
    window = MainWindow(theme, settings, bridge)
    qtbot.addWidget(window)
    window.add_page("compare", "Compare", "compare", lambda: Page(theme))
    for key in ("models", "history"):
        window.add_page(key, key.title(), key)
    window.open_remembered()
    yield window
    window.hide()


def test_a_page_that_is_asked_for_too_early_comes_as_soon_as_it_can(
    early_window: MainWindow, theme: Theme
) -> None:
    window = early_window
    window.show_page("history")
    window.show_page("models")
    assert window.pages.current == "compare"
    assert lit_words(window) == ["Models"]
    window.add_factories(dict.fromkeys(("models", "history"), lambda: Page(theme)))
    assert window.pages.current == "models"
    assert lit_words(window) == ["Models"]


def test_going_back_forgets_the_page_that_was_asked_for_too_early(
    early_window: MainWindow, theme: Theme
) -> None:
    window = early_window
    window.show_page("models")
    window.show_page("compare")
    window.add_factories({"models": lambda: Page(theme)})
    assert window.pages.current == "compare"
    assert lit_words(window) == ["Compare"]


def test_a_page_that_was_asked_for_as_the_window_closes_is_not_built(
    early_window: MainWindow, theme: Theme, settings: SettingsStore, qtbot: QtBot
) -> None:
    built: list[str] = []

    def make() -> Page:
        built.append("models")
        return Page(theme)

    early_window.show_page("models")
    early_window.close()
    early_window.add_factories({"models": make})
    assert built == []
    # it is where the person wanted to be
    qtbot.waitUntil(lambda: settings.settings.window.page == "models")


def test_a_page_that_cannot_be_built_leaves_the_one_in_front_and_is_tried_again(
    early_window: MainWindow, theme: Theme
) -> None:
    window = early_window

    def fail() -> Page:
        raise ZeroDivisionError

    window.show_page("models")
    with pytest.raises(ZeroDivisionError):
        window.add_factories({"models": fail})
    assert (window.pages.current, window.pages.wanted) == ("compare", None)
    assert lit_words(window) == ["Compare"]
    with pytest.raises(ZeroDivisionError):
        window.show_page("models")
    window.add_factories({"models": lambda: Page(theme)})
    window.show_page("models")
    assert window.pages.current == "models"


def lit_words(window: MainWindow) -> list[str]:
    return [button.text() for button in window.findChildren(QToolButton) if button.isChecked()]


def test_the_rail_is_as_wide_as_its_longest_word(
    qtbot: QtBot, bridge: Bridge, theme: Theme, settings: SettingsStore
) -> None:
    window = MainWindow(theme, settings, bridge)
    qtbot.addWidget(window)
    window.add_page("one", "A very long word here", "compare", lambda: Page(theme))
    window.open_remembered()
    button = window.findChild(QToolButton)
    assert button is not None
    assert button.fontMetrics().horizontalAdvance(button.text()) < button.width()
    window.hide()


def test_pages_are_reached_by_keys_and_by_the_rail(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    for number, key in enumerate(("compare", "models", "providers", "history", "settings"), 1):
        qtbot.keyClick(stage.window, f"{number}", Qt.KeyboardModifier.ControlModifier)
        assert stage.window.pages.current == key
    rail = [b for b in stage.window.findChildren(QToolButton) if b.property("rail")]
    assert [button.accessibleName() for button in rail if button.isChecked()] == ["Settings"]
    next(button for button in rail if button.text() == "History").click()
    assert stage.window.pages.current == "history"
    qtbot.keyClick(stage.window, "l", Qt.KeyboardModifier.ControlModifier)
    assert stage.window.pages.current == "compare"
    qtbot.waitUntil(stage.view.prompt_card._prompt.hasFocus)


def test_the_stage_has_large_type_and_no_rail_and_escape_leaves_it(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, theme: Theme
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    before = theme.px(15)
    qtbot.keyClick(stage.window, Qt.Key.Key_F11)
    assert theme.px(15) >= 22 > before
    assert not stage.window.rail.isVisible()
    assert stage.window.isFullScreen()
    assert not stage.view.header.drawer_button.isVisible()
    qtbot.keyClick(stage.window, Qt.Key.Key_Escape)
    assert theme.px(15) == before
    assert stage.window.rail.isVisible()
    assert not stage.window.isFullScreen()
    rail = stage.window.findChildren(RailButton)
    (way,) = (button for button in rail if button.accessibleName() == "On stage")
    way.click()
    assert theme.in_presentation_mode
    qtbot.keyClick(stage.window, Qt.Key.Key_F11)
    assert not theme.in_presentation_mode
    assert not way.isChecked(), "it is no page"


def test_a_message_moves_nothing_and_leaves_run_in_sight(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE)
    run = stage.view.prompt_card._run
    take_turns(qtbot)
    before = run.mapToGlobal(QPoint(0, 0))
    stage.window.toast("Something to tell, " * 20, tone="bad", action="Undo", stay_ms=0)
    take_turns(qtbot)
    toast = stage.window._toast
    assert toast.isVisible()
    assert run.mapToGlobal(QPoint(0, 0)) == before
    place = QRect(toast.mapToGlobal(QPoint(0, 0)), toast.size())
    assert not place.contains(before)
    assert layout_problems(toast) == []


def test_escape_stops_answers_before_it_leaves_the_stage(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, theme: Theme
) -> None:
    stage = make_compare_window({"SmolLM2 135M": FakeEngine.hanging()})
    stage.choose(HERE)
    qtbot.keyClick(stage.window, Qt.Key.Key_F11)
    stage.ask("Hello")
    qtbot.waitUntil(lambda: bool(stage.engines["SmolLM2 135M"].requests))
    qtbot.keyClick(stage.window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not stage.presenter.is_running)
    assert theme.in_presentation_mode
    qtbot.keyClick(stage.window, Qt.Key.Key_Escape)
    assert not theme.in_presentation_mode


def test_the_window_comes_back_as_it_was_left(
    make_compare_window: MakeCompareWindow, qtbot: QtBot, settings: SettingsStore
) -> None:
    stage = make_compare_window()
    stage.window.resize(790, 610)
    stage.window.show_page("history")
    closed: list[bool] = []
    stage.window.closed.connect(lambda: closed.append(True))
    stage.window.close()
    qtbot.waitUntil(lambda: closed == [True])
    again = make_compare_window_without_resize(stage, settings)
    qtbot.addWidget(again)
    assert again.pages.current == "history"
    assert (again.width(), again.height()) == (790, 610)
    again.hide()


def make_compare_window_without_resize(stage: CompareWindow, settings: SettingsStore) -> MainWindow:
    window = MainWindow(stage.window._theme, settings, stage.window._bridge)
    for key in ("compare", "history"):
        window.add_page(key, key.title(), key, lambda: Page(stage.window._theme))
    window.open_remembered()
    return window


def test_closing_in_the_middle_of_a_run_ends_it_in_order(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    engine = FakeEngine.hanging(after=["some "])
    stage = make_compare_window({"SmolLM2 135M": engine})
    order: list[str] = []

    async def shutdown() -> None:
        order.append("services")
        await asyncio.sleep(0)
        order.append("services ended")

    stage.window._shutdown = shutdown
    stage.window.closed.connect(lambda: order.append("window"))
    stage.choose(HERE)
    stage.ask("Hello")
    qtbot.waitUntil(lambda: bool(stage.view.panes[0].turn.answer.toPlainText()))
    stage.window.close()
    assert not stage.window.isVisible()
    stage.window.close()
    qtbot.waitUntil(lambda: "window" in order)
    assert order == ["services", "services ended", "window"]
    qtbot.waitUntil(lambda: engine.left == 1)


def drop(window: MainWindow, paths: list[Path]) -> bool:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    action = Qt.DropAction.CopyAction
    enter = QDragEnterEvent(QPoint(50, 50), action, data, left, none)
    enter.ignore()
    QApplication.sendEvent(window, enter)
    if enter.isAccepted():
        QApplication.sendEvent(window, QDropEvent(QPointF(50, 50), action, data, left, none))
    return enter.isAccepted()


def test_model_files_and_folders_can_be_dropped_and_nothing_else(
    make_compare_window: MakeCompareWindow, tmp_path: Path
) -> None:
    stage = make_compare_window()
    dropped: list[tuple[Path, ...]] = []
    stage.window.files_dropped.connect(dropped.append)
    model, text, folder = tmp_path / "m.GGUF", tmp_path / "notes.txt", tmp_path / "folder"
    folder.mkdir()
    assert drop(stage.window, [model, text, folder])
    assert dropped == [(model, folder)]
    assert not drop(stage.window, [text])


def test_what_the_environment_did_is_a_message_and_a_bug_is_a_dialog(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.window.report(StorageFailed("The disk is full.", "Free some space."))
    assert stage.window._toast.isVisible()
    assert "The disk is full. Free some space." in every_text(stage.window._toast)
    try:
        raise ZeroDivisionError("secret detail")
    except ZeroDivisionError as error:
        stage.window.report(error)
        stage.window.report(error)
    boxes = stage.window.findChildren(QMessageBox)
    assert len(boxes) == 1
    copy = next(b for b in boxes[0].findChildren(QPushButton) if b.text() == "Copy a report")
    copy.click()
    report = QGuiApplication.clipboard().text()
    assert "ZeroDivisionError" in report
    assert "Python" in report
    boxes[0].close()


def test_a_message_can_be_acted_on(make_compare_window: MakeCompareWindow) -> None:
    stage = make_compare_window()
    done: list[bool] = []
    stage.window.toast("Deleted.", action="Undo", on_action=lambda: done.append(True))
    next(b for b in stage.window.findChildren(QPushButton) if b.text() == "Undo").click()
    assert done == [True]
    assert not stage.window._toast.isVisible()


def test_every_shown_control_can_be_reached_by_the_tab_key(
    make_compare_window: MakeCompareWindow, qtbot: QtBot
) -> None:
    stage = make_compare_window()
    stage.choose(HERE, THERE)
    stage.window.activateWindow()
    stage.view.focus_first()
    qtbot.waitUntil(lambda: stage.window.focusWidget() is not None)
    reached = set()
    for _ in range(80):
        widget = stage.window.focusWidget()
        reached.add(widget)
        qtbot.keyClick(widget, Qt.Key.Key_Tab)
    for button in stage.window.findChildren(QPushButton):
        if button.isVisible() and button.isEnabled() and not button.isCheckable():
            assert button in reached, button.accessibleName()


@pytest.mark.parametrize(
    "module",
    [
        "playground.ui.window.main_window",
        "playground.ui.pages.compare.presenter",
        "playground.ui.pages.tests.presenter",
    ],
)
def test_the_way_to_the_window_imports_nothing_slow(module: str) -> None:
    code = (
        f"import sys, {module}\n"
        "slow = {'openai', 'huggingface_hub', 'genai_prices', 'llama_cpp', 'numpy', 'keyring',"
        " 'pydantic', 'PySide6.QtNetwork', 'PySide6.QtSvg', 'pyqtgraph'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
