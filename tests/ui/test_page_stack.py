"""Pages are built when they are first asked for, and told when they come and go."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListWidget, QWidget
from pytestqt.qtbot import QtBot

from playground.ui.theme.theme import Theme
from playground.ui.window.page import Page, PageStack, SplitPage


class Built:
    """A factory, and how often it was asked."""

    def __init__(self, theme: Theme) -> None:
        self.count = 0
        self._theme = theme

    def __call__(self) -> Page:
        self.count += 1
        return Page(self._theme)


class Split(SplitPage):
    """200 pixels of list, and the rest for what is chosen."""

    LEAST = (200, 300)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.list = QListWidget()
        self._head.addWidget(self._search)
        self._splitter.addWidget(self.list)
        self._splitter.addWidget(QWidget())
        self._column.addWidget(self._splitter, 1)

    def _sizes(self, whole: int) -> tuple[int, int]:
        return 200, whole - 200

    def _enter_list(self) -> None:
        self.list.setFocus()


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
    theme.set_appearance(scale=2.0)
    wider = stack.page("first")._column.contentsMargins()
    assert (wider.left(), wider.bottom()) == (2 * margins.left(), 2 * margins.bottom())


def test_a_split_page_shares_its_width_until_the_border_is_moved(
    stack: PageStack, theme: Theme
) -> None:
    page = Split(theme)
    stack.add("split", "Split", lambda: page)
    stack.resize(800, 400)
    stack.show()
    stack.show_page("split")
    assert page.list.width() == pytest.approx(200, abs=3)
    stack.resize(1000, 400)
    assert page.list.width() == pytest.approx(200, abs=3)
    page._splitter.moveSplitter(300, 1)
    stack.resize(1100, 400)
    assert page.list.width() > 250


def test_list_and_entry_stand_alone_where_there_is_no_room_for_both(
    stack: PageStack, theme: Theme, qtbot: QtBot
) -> None:
    page = Split(theme)
    page._add_list(page.list)
    page.list.addItems(["one", "two"])
    stack.add("split", "Split", lambda: page)
    stack.resize(400, 400)
    stack.show()
    stack.show_page("split")
    entry = page._splitter.widget(1)
    assert page.list.isVisible()
    assert not entry.isVisible()
    page.list.setCurrentRow(0)
    qtbot.keyClick(page.list, Qt.Key.Key_Right)
    assert entry.isVisible()
    assert not page.list.isVisible()
    assert page.handle_escape()
    assert page.list.isVisible()
    stack.resize(900, 400)
    assert page.list.isVisible()
    assert entry.isVisible()
    assert not page._to_list.isVisible()


def test_find_and_down_lead_through_the_search_into_the_list(
    stack: PageStack, theme: Theme, qtbot: QtBot
) -> None:
    page = Split(theme)
    stack.add("split", "Split", lambda: page)
    stack.show()
    stack.show_page("split")
    stack.activateWindow()
    qtbot.waitUntil(stack.isActiveWindow)
    page.list.setFocus()
    qtbot.keyClick(page.list, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert page._search.hasFocus()
    qtbot.keyClick(page._search, Qt.Key.Key_Down)
    assert page.list.hasFocus()
