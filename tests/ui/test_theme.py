"""Palettes, icons, text sizes and the strip."""

from dataclasses import fields
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from typing_extensions import override

from playground.ui.theme.icons import resource
from playground.ui.theme.palette import DARK, LIGHT, TEXT_PAIRS, Palette, contrast
from playground.ui.theme.stylesheet import style_sheet
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_label, plain_tooltip

ICONS = sorted(path.stem for path in resource("icons").glob("*.svg"))


def test_contrast_is_what_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT_PAIRS)
def test_text_can_be_read_on_its_ground(palette: Palette, ink: str, ground: str) -> None:
    assert contrast(getattr(palette, ink), getattr(palette, ground)) >= 4.5


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_every_mark_of_the_style_sheet_is_filled_in(palette: Palette) -> None:
    sheet = style_sheet(palette, 1.3)
    assert "@" not in sheet
    assert "%ROLES%" not in sheet
    for size in range(40):
        assert f"{{{size}}}" not in sheet


@pytest.mark.parametrize("name", ICONS)
def test_every_icon_is_drawn_in_the_colour_that_is_asked_for(name: str, theme: Theme) -> None:
    image = theme.icon(name, "bad").pixmap(48, 48).toImage()
    bad = QColor(theme.palette.bad)
    drawn = [
        image.pixelColor(x, y)
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() > 250
    ]
    assert drawn, "nothing was drawn"
    for color in drawn:
        assert abs(color.red() - bad.red()) + abs(color.green() - bad.green()) < 12


def test_the_whole_application_changes_at_once(
    theme: Theme, qapp: QApplication, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(theme.changed):
        theme.set_appearance(mode="dark")
    assert qapp.palette().window().color().name() == DARK.background
    theme.set_appearance(mode="light")
    assert qapp.palette().window().color().name() == LIGHT.background


def test_text_grows_with_one_setting(theme: Theme, qtbot: QtBot) -> None:
    label = make_label("1,234", "figure")
    qtbot.addWidget(label)
    label.show()
    before = label.fontMetrics().height()
    theme.set_appearance(scale=2.0)
    assert label.fontMetrics().height() > before * 1.7
    theme.set_appearance(scale=1.0)


class Polished(QObject):
    """Counts how often a look is applied to a widget."""

    count = 0

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() is QEvent.Type.StyleChange
        return False


def test_a_changed_look_is_applied_as_often_to_a_widget_deep_in_others_as_to_any(
    theme: Theme, qtbot: QtBot
) -> None:
    outer = QWidget()
    qtbot.addWidget(outer)
    inner = outer
    for _ in range(12):
        inner = QWidget(inner)
    label = make_label("1,234", "figure")
    label.setParent(inner)
    outer.show()
    polished = Polished()
    label.installEventFilter(polished)
    theme.set_appearance(scale=1.5)
    assert 1 <= polished.count <= 2
    assert label.fontMetrics().height() > 19 * 1.4
    theme.set_appearance(scale=1.0)


def test_large_text_does_not_make_the_stage_larger_than_it_was_set_to_be(theme: Theme) -> None:
    theme.set_appearance(scale=1.5, presentation_scale=1.6, presentation_mode=True)
    assert theme.scale == 1.6
    theme.set_appearance(scale=2.0)
    assert theme.scale == 1.6, "the screen has no room for more"
    theme.set_appearance(scale=1.0, presentation_mode=False)
    assert theme.scale == 1.0


def test_nothing_happens_where_the_look_stays_the_same(theme: Theme, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(theme.changed):
        theme.set_appearance(mode="light", scale=1.0)


def test_resources_are_found_in_a_checkout() -> None:
    assert isinstance(resource("prompts.toml"), Path)
    assert resource("prompts.toml").is_file()


def test_a_tooltip_never_becomes_html() -> None:
    assert "<img" not in plain_tooltip('<img src="file:///etc/passwd">')
    assert plain_tooltip("plain & simple") == "plain & simple"


def test_palettes_have_a_colour_for_everything() -> None:
    for palette in (LIGHT, DARK):
        for field in fields(palette):
            value = getattr(palette, field.name)
            assert isinstance(value, bool) or QColor(value).isValid()
