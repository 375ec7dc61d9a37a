"""Pages are built when they are first asked for, and told when they come and go."""

import pytest
from pytestqt.qtbot import QtBot

from playground.ui.theme.theme import Theme
from playground.ui.window.page import Page, PageStack


class Built:
    """A factory, and how often it was asked."""

    def __init__(self, theme: Theme) -> None:
        self.count = 0
        self._theme = theme

    def __call__(self) -> Page:
        self.count += 1
        return Page(self._theme)


@pytest.fixture
def built(theme: Theme) -> Built:
    return Built(theme)


@pytest.fixture
def stack(qtbot: QtBot, theme: Theme, built: Built) -> PageStack:
    stack = PageStack()
    qtbot.addWidget(stack)
    stack.add("first", "First", lambda: Page(theme))
    stack.add("large", "Large", built)
    stack.show_page("first")
    return stack


def test_a_page_is_built_once_and_has_its_title_for_a_screen_reader(
    stack: PageStack, built: Built
) -> None:
    assert built.count == 0
    stack.show_page("large")
    stack.show_page("first")
    stack.show_page("large")
    assert built.count == 1
    assert stack.currentWidget() is stack.page("large")
    assert stack.page("large").accessibleName() == "Large"


def test_a_page_nobody_asked_to_see_is_built_behind_the_one_in_front(
    stack: PageStack, built: Built
) -> None:
    page = stack.page("large")
    assert built.count == 1
    assert stack.current == "first"
    assert stack.currentWidget() is not page


def test_a_page_is_told_once_that_it_comes_and_that_it_goes(stack: PageStack) -> None:
    told: list[str] = []
    for key in ("first", "large"):
        page = stack.page(key)
        page.shown.connect(lambda key=key: told.append(f"{key} shown"))
        page.hidden.connect(lambda key=key: told.append(f"{key} hidden"))
    stack.show_page("large")
    stack.show_page("large")
    stack.show_page("nobody knows this")
    assert told == ["first hidden", "large shown", "large hidden", "first shown"]


def test_the_frame_of_a_page_grows_with_the_text(stack: PageStack, theme: Theme) -> None:
    margins = stack.page("first")._column.contentsMargins()
    theme.set_look(scale=2.0)
    wider = stack.page("first")._column.contentsMargins()
    assert (wider.left(), wider.bottom()) == (2 * margins.left(), 2 * margins.bottom())
