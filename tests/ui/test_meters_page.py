"""Live use: large charts, what the models did under each, and who uses the computer."""

import time
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QPoint, QRectF, QSize
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QLabel, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from playground.engines.llama.work_log import WorkKind, WorkSpan
from playground.services.machine.gpu import GpuSample
from playground.services.machine.telemetry import GpuShare, ProcessSample, Sample
from playground.services.worker_pool import ModelWork
from playground.ui.pages.meters.charts import Lane, Series, _Plot
from playground.ui.pages.meters.page import MetersPage
from playground.ui.theme.theme import Theme
from playground.ui.window.status_bar import StatusBar
from tests.ui.conftest import every_text

CARD = GpuSample("RTX 4070", 63.0, 4_100_000_000, 8_000_000_000, 61.0, 82.0)
UNTOLD = GpuShare()
QWEN, SMOL = "Qwen3 4B", "SmolLM2 135M"


def sample(
    *gpus: GpuSample, own: GpuShare = UNTOLD, qwen: GpuShare = UNTOLD, cpu: float = 41.4
) -> Sample:
    """Return a sample of two models: Qwen, process 1, and SmolLM2, process 2."""
    return Sample(
        t_s=time.perf_counter(),
        cpu_percent=cpu,
        ram_used_bytes=9_200_000_000,
        ram_total_bytes=16_000_000_000,
        gpus=gpus,
        gpu_note=None,
        program_rss_bytes=200_000_000,
        program_cpu_percent=3.0,
        program_gpu=own,
        workers=(
            ProcessSample(QWEN, 1, 900_000_000, 24.0, qwen),
            ProcessSample(SMOL, 2, 300_000_000, 0.0, GpuShare(0.0, 0)),
        ),
        power_w=None,
    )


def at_work(now_s: float) -> tuple[ModelWork, ...]:
    """Qwen has loaded and read, and writes for 20 s; SmolLM2 wrote 40 to 35 s ago."""
    loading = WorkSpan(WorkKind.LOADING, now_s - 26, now_s - 23)
    reading = WorkSpan(WorkKind.READING, now_s - 23, now_s - 20)
    writing = WorkSpan(WorkKind.WRITING, now_s - 20, None, tokens=400)
    before = WorkSpan(WorkKind.WRITING, now_s - 40, now_s - 35, tokens=50)
    return ModelWork(QWEN, 1, (loading, reading, writing)), ModelWork(SMOL, 2, (before,))


class Stage:
    """The page beside its strip."""

    def __init__(self, theme: Theme, work: Callable[[float], tuple[ModelWork, ...]]) -> None:
        self.strip = StatusBar(theme)
        self.page = MetersPage(theme, self.strip, work)
        self.page.resize(1280, 800)
        self.page.show()

    def cells(self, name: str) -> list[str]:
        """Return what stands in the row of `name`, after it."""
        grid = self.page._users._grid
        places = {}
        for index in range(grid.count()):
            widget = grid.itemAt(index).widget()
            line, column, _, _ = grid.getItemPosition(index)
            if widget.isVisible():
                places[line, column] = widget
        (line,) = [line for (line, column), one in places.items() if name == _words(one)]
        return [_words(one) for (at, column), one in sorted(places.items()) if at == line][1:]


def _words(widget: QWidget) -> str:
    if isinstance(widget, QLabel):
        return widget.text()
    labels = widget.findChildren(QLabel)
    return labels[0].text() if labels else widget.accessibleName()


@pytest.fixture
def stage(theme: Theme) -> Iterator[Stage]:
    # at the moment of the sample: a slow machine would change how fast they write
    stage = Stage(theme, lambda _since_s: at_work(stage.strip.history[-1].t_s))
    yield stage
    for widget in (stage.page, stage.strip):
        widget.hide()
        widget.deleteLater()


def test_the_charts_show_what_this_computer_tells_and_nothing_else(
    stage: Stage, qtbot: QtBot
) -> None:
    for cpu in (10.0, 95.0, 41.4):
        stage.strip.show_sample(sample(CARD, cpu=cpu))
    titles = [chart.accessibleName() for chart in stage.page._charts]
    assert titles == [
        "Processor: 41 %",
        "Memory: 9.2 GB",
        "Graphics card: 63 %",
        "Graphics memory: 4.1 GB",
        "Temperature: 61 °C",
        "Power: 82 W",
    ]
    stage.strip.show_sample(sample())
    assert len(stage.page._charts) == 2
    with qtbot.waitSignal(stage.page.left):
        assert stage.page.handle_escape()


def test_each_chart_says_which_model_did_what_when(stage: Stage) -> None:
    stage.strip.show_sample(sample(CARD))
    for chart in stage.page._charts:
        told = chart.accessibleDescription().splitlines()
        assert told == [
            f"{QWEN}: loading 3.0 s, reading the prompt 3.0 s, writing 20.0 s",
            f"{SMOL}: writing 5.0 s",
        ]
    plot = stage.page._charts[0]._plot
    area = plot._area()
    for ago_s, words in ((10, f"{QWEN}: writing"), (24, f"{QWEN}: loading"), (37, f"{SMOL}: w")):
        place = QPoint(int(area.right() - area.width() * ago_s / 60), 20)
        QApplication.sendEvent(plot, QHelpEvent(QHelpEvent.Type.ToolTip, place, place))
        first, told = QToolTip.text().splitlines()
        assert first.endswith("ago: 41 %")
        assert told.startswith(words)
    QToolTip.hideText()


def test_lanes_are_painted_where_and_as_long_as_the_work_was(stage: Stage, theme: Theme) -> None:
    stage.strip.show_sample(sample(CARD))
    plot = stage.page._charts[1]._plot
    picture, area = plot.grab().toImage(), plot._area()

    def color(ago_s: float, lane: int) -> str:
        x = int(area.right() - area.width() * ago_s / 60)
        line = plot._lane_height()
        return picture.pixelColor(x, int(area.bottom() + line / 2 + (lane + 0.5) * line)).name()

    token = theme.palette
    ground = color(55, 0)
    assert [color(ago_s, 0) for ago_s in (1, 19, 21.5, 24.5, 30)] == [
        token.accent, token.accent, token.reading, token.loading, ground
    ]  # fmt: skip
    assert [color(ago_s, 1) for ago_s in (30, 37, 45)] == [ground, token.accent, ground]


def test_work_from_before_the_span_is_left_out_and_shown_in_a_longer_one(theme: Theme) -> None:
    now_s = time.perf_counter()
    old = ModelWork(SMOL, None, (WorkSpan(WorkKind.WRITING, now_s - 100, now_s - 90),))
    stage = Stage(theme, lambda _since_s: (old,))
    stage.strip.show_sample(sample())
    assert stage.page._charts[0].accessibleDescription() == ""
    stage.page._span._buttons["600"].click()
    assert stage.page._charts[0].accessibleDescription() == f"{SMOL}: writing 10.0 s"
    for widget in (stage.page, stage.strip):
        widget.hide()
        widget.deleteLater()


def test_the_table_says_who_uses_what_and_does_what(stage: Stage) -> None:
    own, qwen = GpuShare(1.0, 100_000_000), GpuShare(61.0, 3_100_000_000)
    stage.strip.show_sample(sample(CARD, own=own, qwen=qwen))
    writing = "writing, ≈ 15 words/s"
    assert stage.cells(QWEN) == [writing, "24 %", "900 MB", "61 %", "3.1 GB"]
    assert stage.cells(SMOL) == ["waiting", "0 %", "300 MB", "0 %", "none"]
    assert stage.cells("This window") == ["3 %", "200 MB", "1 %", "100 MB"]
    assert stage.cells("Everything else")[-4:] == ["14 %", "7.8 GB", "1 %", "900 MB"]


def test_what_the_driver_does_not_tell_of_single_programs_is_unknown_and_not_nothing(
    stage: Stage, theme: Theme
) -> None:
    stage.strip.show_sample(sample(CARD, own=GpuShare(None, None), qwen=GpuShare(None, 5)))
    assert stage.cells(QWEN)[-2:] == ["unknown", "5 bytes"]
    assert stage.cells("This window")[-2:] == ["unknown", "unknown"]
    assert stage.cells("Everything else")[-2:] == ["unknown", "unknown"]
    unknown, known = (row._load.bar.grab().toImage() for row in stage.page._users._rows[:2])
    track = known.pixelColor(known.rect().center())
    assert track == theme.color("track")
    assert unknown.pixelColor(unknown.rect().center()) != track


def test_without_a_graphics_card_there_are_no_columns_for_it(stage: Stage) -> None:
    stage.strip.show_sample(sample())
    assert stage.cells(QWEN)[1:] == ["24 %", "900 MB"]
    assert not [head.text() for head in stage.page._users._heads[4:] if head.isVisible()]


def test_where_there_is_no_room_for_columns_the_figures_stand_under_the_name(
    stage: Stage,
) -> None:
    stage.page.resize(650, 600)
    stage.strip.show_sample(sample(CARD))
    figures = "Processor 24 % · Memory 900 MB · Graphics card unknown · Graphics memory unknown"
    line = next(label for label in stage.page.findChildren(QLabel) if label.text() == figures)
    assert line.isVisible()
    assert stage.cells(QWEN) == ["writing, ≈ 15 words/s"]
    stage.page.resize(1280, 800)
    assert not line.isVisible()
    assert stage.cells(QWEN)[1:] == ["24 %", "900 MB", "unknown", "unknown"]


def test_a_room_sees_four_charts_without_scrolling_and_who_writes(
    stage: Stage, theme: Theme, qtbot: QtBot
) -> None:
    stage.strip.show_sample(sample(CARD))
    theme.set_appearance(presentation_mode=True, presentation_scale=800 / 545)
    stage.page.set_presentation_mode(on=True)
    qtbot.wait(1)
    names = [chart.accessibleName() for chart in stage.page._charts]
    assert [name.partition(":")[0] for name in names] == [
        "Processor", "Graphics card", "Graphics memory", "Power"
    ]  # fmt: skip
    assert not stage.page._scroll.verticalScrollBar().maximum()
    assert min(chart._value.font().pixelSize() for chart in stage.page._charts) >= 52
    texts = every_text(stage.page)
    for words in (
        "Live use, the last minute",
        f"{QWEN} is writing, ≈ 15 words a second",
        "Memory 9.2 GB · Temperature 61 °C",
    ):
        assert words in texts
    assert not stage.page.handle_escape()
    theme.set_appearance(presentation_mode=False)
    stage.page.set_presentation_mode(on=False)
    assert len(stage.page._charts) == 6
    assert stage.page._users.isVisible()


def test_every_control_is_reached_by_the_keyboard_and_has_a_name(stage: Stage) -> None:
    stage.strip.show_sample(sample(CARD))
    stage.page.activateWindow()
    stage.page.focus_first()
    seen: list[QWidget] = []
    while (widget := QApplication.focusWidget()) is not None and widget not in seen:
        seen.append(widget)
        stage.page.focusNextChild()
    names = {widget.accessibleName() for widget in seen}
    assert {"1 minute", "Every exact figure", "Live use"} <= names
    assert "Back to the page before" in names
    assert "" not in names


def test_what_is_not_known_for_a_while_leaves_a_gap_in_its_chart(theme: Theme) -> None:
    points = [(4.0, 1.0), (3.0, 2.0), (2.0, None), (1.0, 3.0), (0.0, 4.0), (90.0, 1.0)]
    plot = _Plot(theme)
    series = Series("Processor", "", 4.0, str, points)
    stretches = plot._stretches(series, QRectF(0, 0, 60, 40))
    assert [stretch.count() for stretch in stretches] == [2, 2]
    assert stretches[1].last().toPoint() == QPoint(60, 0)


def test_a_model_more_makes_room_for_its_lane_and_the_line_keeps_its_own(theme: Theme) -> None:
    plot = _Plot(theme)
    series = Series("Processor", "", 100.0, str, [(1.0, 1.0), (0.0, 2.0)])
    heights = []
    for count in (0, 1, 5):
        work = tuple(Lane(str(n), ((WorkKind.WRITING, 3.0, 1.0),)) for n in range(count))
        plot.show_series(series, work, 60.0)
        plot.resize(QSize(200, plot.minimumSizeHint().height()))
        heights.append(plot._area().height())
    assert len(set(heights)) == 1
