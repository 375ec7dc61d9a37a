"""The choices of how a model is loaded say what they do."""

from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from playground.core.targets import LoadSettings
from playground.ui.pages.models.load_settings import LoadLimits, LoadSettingsEditor
from playground.ui.theme.theme import Theme
from tests.ui.page_harness import named


def test_no_work_for_the_graphics_card_is_not_the_same_as_automatic(
    qtbot: QtBot, theme: Theme
) -> None:
    editor = LoadSettingsEditor(theme)
    qtbot.addWidget(editor)
    editor.show_settings(LoadSettings(), LoadLimits(layers=30))
    editor.show()
    box = named(editor, "Work for the graphics card", QComboBox)
    assert box.currentText() == "Automatic"
    told: list[LoadSettings] = []
    editor.changed.connect(told.append)
    for words in ("None: on the processor", "All of them", "Automatic"):
        index = box.findText(words)
        box.setCurrentIndex(index)
        box.activated.emit(index)
    assert [settings.gpu_layers for settings in told] == [0, -1, None]
