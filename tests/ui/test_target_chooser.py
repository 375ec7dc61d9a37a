"""What can be compared is offered by name at once, however many files have still to be read."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from PySide6.QtCore import QModelIndex, QRect, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPixmap
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from playground.core.targets import CloudTarget, LoadSettings, LocalTarget, ModelFile, Provider
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.pages.compare.targets import TargetSelection
from playground.ui.theme.theme import Theme
from playground.ui.widgets.target_picker import (
    ENTRY_ROLE,
    PickerDelegate,
    PickerEntry,
    PickerListModel,
    TargetPicker,
)
from tests.ui.conftest import CLOUD, OTHER, PRACTICE, STARTER, CompareWindow, Library, Providers


@dataclass
class SlowLibrary(Library):
    """A library of new files whose headers take as long as the test wants."""

    read: asyncio.Event = field(default_factory=asyncio.Event)

    async def listed(self) -> tuple[ModelFile, ...]:
        return tuple(
            replace(model, quantization=None, is_header_read=False) for model in self.files
        )

    async def scan(self) -> tuple[ModelFile, ...]:
        await self.read.wait()
        return self.files


def chooser_of(library: SlowLibrary, bridge: Bridge, settings: SettingsStore) -> TargetSelection:
    return TargetSelection(bridge, library, Providers(), settings, lambda: 8 << 30)


def offered(chooser: TargetSelection) -> dict[str | None, tuple[str, str]]:
    return {entry.key: (entry.title, entry.detail) for entry in chooser.entries()}


def test_the_picker_lists_files_before_they_are_read(
    qtbot: QtBot, bridge: Bridge, settings: SettingsStore
) -> None:
    library = SlowLibrary()
    chooser = chooser_of(library, bridge, settings)
    shown: list[int] = []
    bridge.spawn(chooser.look_everywhere(lambda: shown.append(1)))
    key = LocalTarget(OTHER).key
    qtbot.waitUntil(lambda: key in offered(chooser))
    assert offered(chooser)[key] == ("Qwen3 4B", "2.5 GB · Downloads")
    chooser.toggle(key)
    bridge.call(library.read.set)

    def tooltip() -> str:
        return next(entry.tooltip for entry in chooser.entries() if entry.key == key)

    # how it is rounded is for those who look closer
    qtbot.waitUntil(lambda: "Q4_K_M" in tooltip())
    assert "Q4_K_M" not in offered(chooser)[key][1]
    # what was chosen meanwhile is known as well as if it had been chosen now
    assert [target.model for target in chooser.chosen] == [OTHER]  # type: ignore[union-attr]


def test_what_is_no_chat_model_is_not_offered_and_a_broken_file_is_with_its_reason(
    qtbot: QtBot, bridge: Bridge, settings: SettingsStore
) -> None:
    embedding = replace(OTHER, name="Embedding", problem="It cannot answer.", is_chat_model=False)
    broken = replace(OTHER, name="Broken", problem="The file is damaged.")
    library = SlowLibrary(files=(STARTER, embedding, broken))
    library.read.set()
    chooser = chooser_of(library, bridge, settings)
    bridge.spawn(chooser.scan())
    qtbot.waitUntil(lambda: LocalTarget(STARTER).key in offered(chooser))
    shown = {entry.title: entry.detail for entry in chooser.entries()}
    assert shown["Broken"] == "The file is damaged."
    assert "Embedding" not in shown


def test_a_model_whose_drive_is_away_is_chosen_again_when_it_is_back(
    qtbot: QtBot, bridge: Bridge, settings: SettingsStore
) -> None:
    keys = (LocalTarget(OTHER).key, LocalTarget(STARTER).key)
    settings.update(last_targets=keys)
    library = SlowLibrary(files=(STARTER,))
    library.read.set()
    chooser = chooser_of(library, bridge, settings)
    bridge.spawn(chooser.restore())
    qtbot.waitUntil(lambda: [target.label for target in chooser.chosen] == [STARTER.name])
    # reading it, or setting it up anew, changes nothing of what was chosen
    bridge.spawn(chooser.scan())
    qtbot.waitUntil(lambda: not chooser.has_unread)
    settings.update(load_settings={str(STARTER.path): LoadSettings(context=512)})
    chooser.renew()
    qtbot.waitUntil(lambda: chooser.chosen[0].settings.context == 512)  # type: ignore[union-attr]
    written = bridge.write(lambda: None)
    qtbot.waitUntil(written.done)
    assert settings.settings.last_targets == keys
    again = chooser_of(SlowLibrary(), bridge, settings)
    bridge.spawn(again.restore())
    qtbot.waitUntil(lambda: tuple(target.key for target in again.chosen) == keys)


def test_of_what_was_chosen_the_practice_cloud_is_kept_and_what_was_recorded_is_not(
    qtbot: QtBot, bridge: Bridge, settings: SettingsStore
) -> None:
    class WithPractice(Providers):
        def list(self) -> tuple[Provider, ...]:
            return (CLOUD, PRACTICE)

    practice = CloudTarget(PRACTICE, "smollm2")
    starter = LocalTarget(STARTER)
    keys = ("local:recorded/1 SmolLM2 135M", practice.key, "recorded-2:giant-9", starter.key)
    settings.update(last_targets=keys)
    providers = WithPractice()
    chooser = TargetSelection(bridge, SlowLibrary(), providers, settings, lambda: 8 << 30)
    bridge.spawn(chooser.restore())
    qtbot.waitUntil(lambda: bool(chooser.chosen))
    assert [target.key for target in chooser.chosen] == [practice.key, starter.key]
    assert not providers.practice_starts, "it starts with the first question"


def test_the_starter_is_read_alone(qtbot: QtBot, bridge: Bridge, settings: SettingsStore) -> None:
    chooser = chooser_of(SlowLibrary(), bridge, settings)
    found: list[LocalTarget | None] = []

    async def ask() -> None:
        found.append(await chooser.starter())

    bridge.spawn(ask())
    qtbot.waitUntil(lambda: bool(found))
    assert found == [LocalTarget(STARTER)]


def test_a_model_that_was_chosen_by_name_is_read_before_it_runs_and_its_answer_stays(
    make_compare_window: Callable[..., CompareWindow], qtbot: QtBot
) -> None:
    stage = make_compare_window()
    unread = replace(OTHER, quantization=None, is_header_read=False)
    stage.choose(LocalTarget(unread))
    stage.ask("Hello")
    qtbot.waitUntil(lambda: stage.presenter.comparison is not None)
    qtbot.waitUntil(lambda: not stage.presenter.is_running)
    assert stage.presenter.comparison is not None
    assert stage.presenter.comparison.targets == (LocalTarget(OTHER),)
    answer = stage.view.panes[0].turn.answer.toPlainText()
    assert answer
    # more becomes known of the same file
    stage.choose(LocalTarget(replace(OTHER, licence="mit")))
    assert stage.view.panes[0].turn.answer.toPlainText() == answer
    # another model begins anew
    stage.choose(LocalTarget(STARTER))
    assert stage.presenter.comparison is None


def test_the_entries_of_a_provider_are_made_once(
    qtbot: QtBot, bridge: Bridge, settings: SettingsStore
) -> None:
    library = SlowLibrary()
    library.read.set()
    chooser = chooser_of(library, bridge, settings)
    bridge.spawn(chooser.look_everywhere(lambda: None))
    qtbot.waitUntil(lambda: "example:large-2" in offered(chooser))
    (before,) = (entry for entry in chooser.entries() if entry.key == "example:large-2")
    chooser.toggle(LocalTarget(OTHER).key)
    assert any(entry is before for entry in chooser.entries())
    chooser.toggle("example:large-2")
    (chosen,) = (entry for entry in chooser.entries() if entry.key == "example:large-2")
    assert chosen.is_chosen
    written = bridge.write(lambda: None)
    qtbot.waitUntil(written.done)


def test_the_view_gets_thousands_of_entries_piece_by_piece(qtbot: QtBot, theme: Theme) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    model = PickerListModel(parent)
    QAbstractItemModelTester(model, parent)
    entries = [PickerEntry(None, "In the cloud")]
    entries += [PickerEntry(f"p:model-{n}", f"Model-{n}", "Acme") for n in range(5000)]
    model.set_entries(entries)
    before = model.rowCount()
    model.fetchMore(QModelIndex())
    # the tester fetches as well
    assert before < model.rowCount() < 2000
    assert model.index_of("p:model-4999").row() == 5000
    model.set_search("acme model-499")
    titles = [model.index(row, 0).data(ENTRY_ROLE).title for row in range(model.rowCount())]
    assert titles == ["In the cloud", "Model-499", *(f"Model-{n}" for n in range(4990, 5000))]
    assert not model.index_of("p:model-7").isValid()


def test_the_picker_opens_with_its_first_line_selected_and_keeps_what_was_chosen(
    qtbot: QtBot, theme: Theme
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.show()
    picker = TargetPicker(theme, parent)

    def entries(*keys: str) -> list[PickerEntry]:
        return [PickerEntry(None, "Here"), *(PickerEntry(key, key) for key in keys)]

    def selected() -> str:
        return str(picker._list.currentIndex().data(ENTRY_ROLE).key)

    picker.set_entries(entries("b"))
    picker.open_at(parent)
    # one that is found later stands before it
    picker.set_entries(entries("a", "b"))
    assert selected() == "a"
    qtbot.keyClick(picker._search, Qt.Key.Key_Down)
    picker.set_entries(entries("0", "a", "b"))
    assert selected() == "b"
    picker.close()
    picker.open_at(parent)
    assert selected() == "0"
    picker.close()


def test_the_remark_at_the_right_is_painted_whole(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    room: dict[str, float] = {}

    def paint_text(_theme: Theme, painter: QPainter, rect: QRect, text: str, **_: object) -> None:
        painter.setFont(theme.font("caption"))
        room[text] = rect.width() - QFontMetricsF(theme.font("caption")).horizontalAdvance(text)

    monkeypatch.setattr("playground.ui.widgets.target_picker.paint_text", paint_text)
    picture = QPixmap(600, 48)
    painter = QPainter(picture)
    for remark in ("Fits", "free", "Needs 1.2 GB more", "$0.15 in"):
        entry = PickerEntry("k", "Model", remark=remark, is_chosen=True)
        PickerDelegate(theme, parent)._paint_entry(painter, picture.rect(), entry)
        assert room[f"✓ chosen · {remark}"] >= 1
    painter.end()
