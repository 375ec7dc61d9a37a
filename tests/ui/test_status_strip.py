"""The strip of meters."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Iterator

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from playground.network.traffic import Traffic
from playground.services.machine.gpu import GpuSample
from playground.services.machine.telemetry import ProcessSample, Sample
from playground.ui.bridge import Bridge
from playground.ui.theme.theme import Theme
from playground.ui.widgets.details import DetailsPopup
from playground.ui.window.status_bar import StatusBar
from tests.ui.conftest import every_text

NO_GPU = "No graphics card found: models run on the processor"


def sample(*gpus: GpuSample, cpu: float | None = 41.4) -> Sample:
    return Sample(
        t_s=time.perf_counter(),
        cpu_percent=cpu,
        ram_used_bytes=9_200_000_000,
        ram_total_bytes=16_000_000_000,
        gpus=gpus,
        gpu_note=None if gpus else NO_GPU,
        program_rss_bytes=300_000_000,
        program_cpu_percent=2.0,
        workers=(ProcessSample("SmolLM2 135M", 4242, 2_000_000_000, 50.0),),
        power_w=None,
    )


@pytest.fixture
def strip(theme: Theme, qtbot: QtBot) -> Iterator[StatusBar]:
    strip = StatusBar(theme)
    strip.resize(1280, 34)
    strip.show()
    yield strip
    strip.hide()
    strip.deleteLater()


def test_the_strip_shows_the_computer_at_a_glance(strip: StatusBar) -> None:
    strip.show_sample(sample())
    texts = every_text(strip)
    for words in ("41 %", "9.2 of 16 GB", NO_GPU, "This app 2.3 GB", "Loaded: SmolLM2 135M"):
        assert words in texts


def test_each_graphics_card_has_its_own_meter(strip: StatusBar) -> None:
    full = GpuSample("RTX 4070", 63.0, 4_100_000_000, 8_000_000_000, 61.0, 82.0)
    strip.show_sample(sample(full, GpuSample("Apple M4", 12.0)))
    texts = every_text(strip)
    assert "RTX 4070 · 63 % · 4.1 of 8 GB · 61 °C · 82 W" in texts
    assert "Apple M4 · 12 %" in texts
    assert NO_GPU not in texts
    strip.show_sample(sample())
    assert not any(meter.isVisible() for meter in strip._gpus)


def test_a_longer_figure_has_its_room_at_once_and_a_shorter_one_keeps_it(strip: StatusBar) -> None:
    value = strip._cpu._value
    strip.show_sample(sample(cpu=7.0))
    room = value.width()
    for cpu in (13.0, 100.0, 5.0):
        strip.show_sample(sample(cpu=cpu))
        assert value.width() == room >= value.fontMetrics().horizontalAdvance(value.text())


def test_what_is_unknown_is_a_dash(strip: StatusBar) -> None:
    strip.show_sample(sample(cpu=None))
    assert "—" in every_text(strip._cpu)


def test_the_details_show_each_process_and_go_on_while_they_are_open(
    strip: StatusBar, qtbot: QtBot
) -> None:
    strip.show_sample(sample())
    strip.show_details(strip)
    popup = strip.findChild(DetailsPopup)
    texts = every_text(popup)
    for words in ("SmolLM2 135M", "2,000,000,000 bytes", "process 4242", "This program", NO_GPU):
        assert words in texts
    strip.show_sample(sample(cpu=97.0))
    assert "97.0 %" in every_text(popup)
    popup.close()


def test_samples_come_from_the_other_thread_until_the_window_closes(
    strip: StatusBar, bridge: Bridge, qtbot: QtBot
) -> None:
    ended = threading.Event()

    async def samples() -> AsyncGenerator[Sample, None]:
        try:
            yield sample()
            await asyncio.Event().wait()
        finally:
            ended.set()

    strip.follow(bridge, samples, tuple)
    qtbot.waitUntil(lambda: "41 %" in every_text(strip))

    async def close() -> None:
        strip.stop()

    bridge.spawn(close())
    qtbot.waitUntil(ended.is_set)


def test_the_strip_says_whether_anything_has_left_this_computer(strip: StatusBar) -> None:
    traffic = Traffic()
    strip._sent_now = traffic.sent
    strip.show_sample(sample())
    assert "Nothing sent out" in every_text(strip)
    traffic.note(
        "POST", "https://api.example.com/v1/x", [("Host", "api.example.com")], 11_000, None
    )
    traffic.note("GET", "https://hub.example/", [], 0, "10.0.0.1:3128")
    strip.show_sample(sample())
    assert "11 KB sent out" in every_text(strip)
    rows = [row for row in strip._rows(sample()) if row[0] == "Sent out"]
    assert [row[2] for row in rows] == [
        "to api.example.com:443",
        "to hub.example:443 through the proxy 10.0.0.1:3128",
    ]


def test_a_click_on_the_strip_asks_for_the_charts(strip: StatusBar, qtbot: QtBot) -> None:
    with qtbot.waitSignal(strip.opened):
        qtbot.mouseClick(strip, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(strip.opened):
        qtbot.keyClick(strip, Qt.Key.Key_Return)
