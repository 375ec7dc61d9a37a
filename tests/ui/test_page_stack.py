"""Pages are built when they are asked for, some of them in steps."""

from collections.abc import Callable, Generator

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from playground.ui.page import Page
from playground.ui.page_stack import PageStack, Steps
from tests.ui.conftest import take_turns


class Built:
    """A factory of a page in three steps, and what it has done."""

    def __init__(self, *, breaks: bool = False) -> None:
        self.done: list[int] = []
        self.begun = 0
        self.breaks = breaks

    def __call__(self) -> Steps:
        self.begun += 1
        return self._steps()

    def _steps(self) -> Generator[None, None, Page]:
        for number in range(3):
            self.done.append(number)
            if self.breaks and number == 1:
                raise ZeroDivisionError
            yield
        return Page()


@pytest.fixture
def stack(qtbot: QtBot) -> PageStack:
    stack = PageStack()
    qtbot.addWidget(stack)
    stack.add("first", "First", Page)
    stack.show_page("first")
    return stack


def test_the_window_answers_between_the_steps_of_a_page(stack: PageStack, qtbot: QtBot) -> None:
    built = Built()
    stack.add("large", "Large", built)
    seen: list[int] = []
    timer = QTimer()
    timer.timeout.connect(lambda: seen.append(len(built.done)))
    timer.start(0)
    assert stack.show_page("large") == "large"
    assert stack.current == "first"
    assert stack.wanted == "large"
    qtbot.waitUntil(lambda: stack.current == "large")
    assert {1, 2} <= set(seen)
    assert stack.wanted is None
    assert built.done == [0, 1, 2]
    assert stack.currentWidget() is stack.page("large")
    assert stack.page("large").accessibleName() == "Large"


def test_a_page_that_is_needed_at_once_is_finished_once(stack: PageStack, qtbot: QtBot) -> None:
    built = Built()
    stack.add("large", "Large", built)
    stack.show_page("large")
    stack._take_step()
    assert built.done == [0]
    page = stack.page("large")
    assert built.done == [0, 1, 2]
    assert stack.currentWidget() is page
    assert stack.wanted is None
    stack.show_page("large")
    assert stack.currentWidget() is page
    assert built.begun == 1


def test_a_page_nobody_asked_to_see_is_built_behind_the_one_in_front(stack: PageStack) -> None:
    stack.add("large", "Large", Built())
    page = stack.page("large")
    assert stack.current == "first"
    assert stack.currentWidget() is not page


def test_who_turns_away_from_a_page_finds_it_further_on_later(
    stack: PageStack, qtbot: QtBot
) -> None:
    built = Built()
    stack.add("large", "Large", built)
    stack.add("other", "Other", Page)
    stack.show_page("large")
    stack._take_step()
    stack.show_page("other")
    assert stack.current == "other"
    take_turns(qtbot)
    assert stack.current == "other"
    stack.show_page("large")
    qtbot.waitUntil(lambda: stack.current == "large")
    assert built.begun == 1


def test_a_page_that_cannot_be_built_leaves_the_one_in_front_and_is_tried_again(
    stack: PageStack, qtbot: QtBot
) -> None:
    built = Built(breaks=True)
    stack.add("large", "Large", built)
    with qtbot.captureExceptions() as raised, qtbot.waitSignal(stack.page_refused):
        stack.show_page("large")
    assert [kind for kind, *_ in raised] == [ZeroDivisionError]
    assert stack.current == "first"
    built.breaks = False
    stack.show_page("large")
    qtbot.waitUntil(lambda: stack.current == "large")


def test_a_page_that_fails_as_a_whole_leaves_the_one_in_front(
    stack: PageStack, qtbot: QtBot
) -> None:
    def fail() -> Page:
        raise ZeroDivisionError

    stack.add("broken", "Broken", fail)
    with pytest.raises(ZeroDivisionError), qtbot.waitSignal(stack.page_refused):
        stack.show_page("broken")
    assert (stack.current, stack.wanted) == ("first", None)
    # asked for too early, it must not fail in the middle of the start
    stack.hold()
    stack.show_page("broken")
    with qtbot.captureExceptions() as raised, qtbot.waitSignal(stack.page_refused):
        stack.release()
    assert [kind for kind, *_ in raised] == [ZeroDivisionError]
    assert (stack.current, stack.wanted) == ("first", None)


def test_a_held_page_is_built_after_the_release(stack: PageStack, qtbot: QtBot) -> None:
    built = Built()
    stack.add("large", "Large", built)
    stack.hold()
    stack.show_page("large")
    take_turns(qtbot)
    assert not built.begun
    stack.release()
    qtbot.waitUntil(lambda: stack.current == "large")


def test_a_page_that_is_held_half_built_goes_on_after_the_release(
    stack: PageStack, qtbot: QtBot
) -> None:
    built = Built()
    stack.add("large", "Large", built)
    stack.show_page("large")
    stack._take_step()
    stack.hold()
    take_turns(qtbot)
    assert built.done == [0]
    stack.release()
    qtbot.waitUntil(lambda: stack.current == "large")
    assert built.begun == 1


def visits(stack: PageStack) -> Callable[[], list[str]]:
    seen: list[str] = []
    stack.page_changed.connect(seen.append)
    return lambda: seen


def test_each_visit_is_told_once(stack: PageStack, qtbot: QtBot) -> None:
    stack.add("large", "Large", Built())
    seen = visits(stack)
    stack.show_page("large")
    stack.show_page("large")
    qtbot.waitUntil(lambda: stack.current == "large")
    stack.show_page("large")
    stack.show_page("nobody knows this")
    assert seen() == ["large", "first"]
