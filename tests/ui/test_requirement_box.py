"""System requirements as on a game's box."""

from dataclasses import replace

from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from playground.core.machine import Machine
from playground.core.requirements.memory import MemoryNeed
from playground.core.requirements.model import (
    Change,
    ChangeKind,
    Compatibility,
    RequirementLevel,
    Requirements,
    Speed,
)
from playground.core.runs import Provenance
from playground.core.targets import KvType
from playground.ui.theme.theme import Theme
from playground.ui.widgets.requirements_card import RequirementBox

ASKED = Speed(5, 5, Provenance.ESTIMATED)
NEED = MemoryNeed(8_192, KvType.F16, 4_000_000_000, 0, 500_000_000, 60_000_000)
SLOW = Requirements(
    Compatibility.SLOW,
    RequirementLevel(4_100_000_000, ASKED, 512),
    RequirementLevel(5_200_000_000, ASKED, 8_192),
    NEED,
    Machine("this", 16 << 30, 8_000_000_000),
    8_000_000_000,
    Speed(2, 4, Provenance.ESTIMATED),
)


def texts(box: RequirementBox) -> list[str]:
    """Return what the box says."""
    labels = [label for label in box.findChildren(QLabel) if label.isVisibleTo(box)]
    return [label.text().replace("\N{WORD JOINER}", "") for label in labels]


def buttons(box: RequirementBox) -> list[QPushButton]:
    """Return what can be pressed."""
    return [button for button in box.findChildren(QPushButton) if button.isVisibleTo(box)]


def test_minimum_recommended_and_yours_stand_beside_each_other(qtbot: QtBot, theme: Theme) -> None:
    box = RequirementBox(theme)
    qtbot.addWidget(box)
    box.show_needs(SLOW)
    said = texts(box)
    assert {"≈ 4.1 GB", "≈ 5.2 GB", "8.0 GB", "≈ 2–3 words/s", "350 words"} <= {
        text.replace("\N{NO-BREAK SPACE}", " ") for text in said
    }
    assert not buttons(box)
    cells = {label.accessibleName(): label for label in box.findChildren(QLabel)}
    assert cells["Minimum: Memory"].toolTip() == "4,100,000,000 bytes"
    assert cells["Yours: Speed"].toolTip().startswith("≈ 2.0–4.0 tokens a second, estimated")


def test_a_shorter_context_is_one_press_away(qtbot: QtBot, theme: Theme) -> None:
    box = RequirementBox(theme)
    qtbot.addWidget(box)
    change = Change(ChangeKind.SHORTER_CONTEXT, Compatibility.RUNS, context=2_048, frees_bytes=1)
    box.show_needs(replace(SLOW, changes=(change,)))
    assert "Let it keep only 1,000 words in mind and it would run." in texts(box)
    with qtbot.waitSignal(box.context_asked) as asked:
        buttons(box)[0].click()
    assert asked.args == [2_048]


def test_what_to_close_is_named_with_what_that_frees(qtbot: QtBot, theme: Theme) -> None:
    box = RequirementBox(theme)
    qtbot.addWidget(box)
    change = Change(
        ChangeKind.CLOSE_PROGRAMS,
        Compatibility.RUNS_GREAT,
        detail="firefox",
        frees_bytes=2_000_000_000,
    )
    box.show_needs(replace(SLOW, changes=(change,)))
    assert "Close firefox (2.0 GB of memory) and it would run great." in texts(box)


def test_before_a_download_another_version_can_be_chosen(qtbot: QtBot, theme: Theme) -> None:
    box = RequirementBox(theme, has_versions=True)
    qtbot.addWidget(box)
    smaller = Change(
        ChangeKind.SMALLER_QUANTIZATION, Compatibility.RUNS, detail="Q2_K", frees_bytes=1
    )
    shorter = Change(ChangeKind.SHORTER_CONTEXT, Compatibility.RUNS, context=512, frees_bytes=1)
    box.show_needs(replace(SLOW, changes=(shorter, smaller)))
    (choose,) = buttons(box)
    with qtbot.waitSignal(box.version_asked) as asked:
        choose.click()
    assert asked.args == ["Q2_K"]
