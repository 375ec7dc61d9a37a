"""What a window does when something fails while it ends, or has failed before."""

import errno

from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from playground.core.redaction import Redactor
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.theme.theme import Theme
from playground.ui.window.bug_report import bug_report
from playground.ui.window.main_window import MainWindow
from playground.ui.window.page import Page


class StuckPage(Page):
    """A page that cannot end what it has begun."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.closing.connect(self._fail)

    def _fail(self) -> None:
        raise ZeroDivisionError


def test_a_part_that_fails_to_end_does_not_keep_the_program_from_ending(
    qtbot: QtBot, bridge: Bridge, theme: Theme, settings: SettingsStore
) -> None:
    async def fail() -> None:
        raise RuntimeError("the services never came")

    window = MainWindow(theme, settings, bridge, fail)
    window.add_page("compare", "Compare", "compare", lambda: StuckPage(theme))
    window.open_remembered()
    with qtbot.captureExceptions() as raised, qtbot.waitSignal(window.closed):
        window.close()
    assert [kind for kind, *_ in raised] == [ZeroDivisionError]
    assert not bridge._thread.is_alive()
    window.deleteLater()


def test_a_report_to_copy_holds_no_key() -> None:
    redactor = Redactor()
    redactor.know("plain words")
    report = bug_report(
        ValueError("bad header Authorization: Bearer sk-abcdefghij0123456789, plain words"),
        redactor,
    )
    assert "bad header" in report
    assert "sk-abcdefghij0123456789" not in report
    assert "plain words" not in report


def test_what_the_system_refuses_is_told_without_the_dialog_for_bugs(
    qtbot: QtBot, bridge: Bridge, theme: Theme, settings: SettingsStore
) -> None:
    window = MainWindow(theme, settings, bridge)
    qtbot.addWidget(window)
    window.report(OSError(errno.EMFILE, "Too many open files"))
    assert "Too many files are open" in window._toast.accessibleName()
    assert window.findChild(QMessageBox) is None
