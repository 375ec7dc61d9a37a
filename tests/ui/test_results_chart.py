"""The chart of results: what is saved is what is seen, and names cover nothing."""

from itertools import combinations
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QImage, QPainter, QWheelEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QToolTip

from playground.core.targets import Place
from playground.ui.pages.tests.chart import PNG_WIDTH, ChartPoint, RightChart
from playground.ui.theme.theme import Theme

HERE, CLOUD = Place.LOCAL, Place.CLOUD
NAME = "SmolLM2 135M Instruct"
POINTS = (
    ChartPoint(f"{NAME}\nOn this computer", HERE, 6.3, 0.6, 0.31, 0.83, "6 of 10"),
    ChartPoint(f"{NAME}\nPractice cloud", CLOUD, 9.4, 0.5, 0.24, 0.76, "5 of 10"),
)


def shown(theme: Theme, *points: ChartPoint, is_cost: bool = False) -> RightChart:
    chart = RightChart(theme)
    chart.resize(480, 300)
    chart.show()
    chart.show_points(points or POINTS, is_cost=is_cost, title="Fish & <b>chips</b>")
    return chart


def written(chart: RightChart, path: Path) -> QImage:
    """Save the chart and return what is in the file; a drawing twice as large."""
    chart.save(path)
    if path.suffix == ".png":
        return QImage(str(path))
    image = QImage(2 * chart.size(), QImage.Format.Format_RGB32)
    painter = QPainter(image)
    QSvgRenderer(str(path)).render(painter)
    painter.end()
    return image


def difference(one: QImage, other: QImage) -> float:
    """Return how far two pictures differ, 0 … 1, looked at from afar."""
    size = QSize(48, 30)
    grey = QImage.Format.Format_Grayscale8
    pictures = [
        image.convertToFormat(QImage.Format.Format_RGB32)
        .smoothScaled(size.width(), size.height())
        .convertToFormat(grey)
        for image in (one, other)
    ]
    pairs = [
        (pictures[0].pixelColor(x, y).value(), pictures[1].pixelColor(x, y).value())
        for x in range(size.width())
        for y in range(size.height())
    ]
    return max(abs(a - b) for a, b in pairs) / 255


@pytest.mark.parametrize("is_cost", [True, False])
@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_saved_chart_is_the_one_that_is_seen(
    theme: Theme, tmp_path: Path, ending: str, *, is_cost: bool
) -> None:
    chart = shown(theme, is_cost=is_cost)
    saved = written(chart, tmp_path / f"chart.{ending}")
    if ending == "png":
        assert saved.width() == PNG_WIDTH
    else:
        drawing = (tmp_path / "chart.svg").read_text("utf-8")
        assert NAME in drawing
        assert "Fish &amp; &lt;b&gt;chips&lt;/b&gt;: right answers, by" in drawing
        # a picture within it would not grow sharp
        assert "<image" not in drawing
    seen = chart.grab().toImage()
    with chart.titled():
        titled = chart.grab().toImage()
    assert difference(saved, titled) < 0.15
    assert chart.grab().toImage() == seen, "the title is for the picture alone"


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_bars_are_as_thick_in_a_larger_picture(theme: Theme, tmp_path: Path, ending: str) -> None:
    chart = shown(theme)
    saved = written(chart, tmp_path / f"chart.{ending}")
    times = saved.width() / chart.width()
    # where neither a line of the ground nor the dashed one passes
    with chart.titled():
        at = chart._at(POINTS[0], 0.7) * times
    ground = saved.pixel(1, 1)
    near = range(round(at.x() - 9 * times), round(at.x() + 9 * times))
    thick = sum(saved.pixel(x, round(at.y())) != ground for x in near)
    assert thick == pytest.approx(theme.px(3) * times, abs=2)


def test_a_drawing_has_the_dots_per_inch_of_the_screen(
    theme: Theme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RightChart, "logicalDpiX", lambda _chart: 144)
    shown(theme).save(tmp_path / "chart.svg")
    # what axes have recorded for the screen would else have another size than all the rest
    assert f'width="{480 / 144 * 25.4:.4f}mm"' in (tmp_path / "chart.svg").read_text("utf-8")


def test_a_picture_that_cannot_be_written_is_an_error(theme: Theme, tmp_path: Path) -> None:
    for ending in ("png", "svg"):
        with pytest.raises(OSError, match="No such file"):
            shown(theme).save(tmp_path / "nowhere" / f"chart.{ending}")


def crowd(count: int) -> list[ChartPoint]:
    return [
        ChartPoint(f"Model {n}", (HERE, CLOUD)[n % 2], 5.0 + 4 * n, 0.9 - 0.1 * n, 0.3, 0.95)
        for n in range(count)
    ]


@pytest.mark.parametrize("points", [POINTS, crowd(4)], ids=["two", "four"])
def test_names_stand_whole_and_cover_neither_bars_nor_line_nor_each_other(
    theme: Theme, points: list[ChartPoint]
) -> None:
    chart = shown(theme, *points)
    areas = chart.name_areas
    assert len(areas) == len(points)
    drawn = [chart._bar(point) for point in points] + chart._line()
    assert len(drawn) > len(points)
    for area in areas:
        assert QRectF(chart.rect()).contains(area)
        assert not any(area.intersects(other) for other in drawn)
    assert not any(one.intersects(other) for one, other in combinations(areas, 2))


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_points_stand_before_the_lines_in_the_colour_of_their_place(
    theme: Theme, mode: str
) -> None:
    theme.set_appearance(mode=mode)
    seen = shown(theme)
    picture, at = seen.grab().toImage(), seen._at(POINTS[1]).toPoint()
    assert picture.pixelColor(at) == theme.color("cloud")
    assert picture.pixelColor(1, 1) == theme.color("card")
    theme.set_appearance(mode="dark" if mode == "light" else "light")
    assert seen.grab().toImage().pixelColor(at) == theme.color("cloud")


def test_no_line_is_drawn_where_one_model_is_best_at_both(theme: Theme) -> None:
    slow, fast = POINTS[1], ChartPoint("Fast", HERE, 20.0, 0.9, 0.6, 0.98)
    chart = shown(theme, slow, fast)
    assert chart.frontier == (fast,)
    assert chart._corners() == []


def test_a_point_tells_its_figures(theme: Theme) -> None:
    chart = shown(theme)
    view, place = chart.viewport(), chart._at(POINTS[0]).toPoint() + QPoint(3, 3)
    QApplication.sendEvent(view, QHelpEvent(QEvent.Type.ToolTip, place, view.mapToGlobal(place)))
    assert QToolTip.text() == "6 of 10"
    assert chart.figures_at(QPointF(60, 20)) == ""


def test_the_wheel_scrolls_the_page_around_a_chart(theme: Theme) -> None:
    chart = shown(theme)
    room = chart.plotItem.vb.sceneBoundingRect()
    for place in (room.center(), QPointF(20, 100), QPointF(200, chart.height() - 20)):
        wheel = QWheelEvent(
            place, chart.mapToGlobal(place), QPoint(0, 0), QPoint(0, -120),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        chart.wheelEvent(wheel)
        assert not wheel.isAccepted()


def test_names_find_their_place_anew_at_another_size_of_text_and_chart(theme: Theme) -> None:
    chart = shown(theme)
    theme.set_appearance(presentation_mode=True)
    assert chart.name_areas[0].height() > 2 * theme.font("caption").pixelSize()
    for width, height in ((800, 500), (1200, 400)):
        chart.resize(width, height)
        ends = [area.left() for area in chart.name_areas] + [a.right() for a in chart.name_areas]
        for point in POINTS:
            assert min(abs(chart._at(point).x() - end) for end in ends) <= theme.px(20)
        assert all(QRectF(chart.rect()).contains(area) for area in chart.name_areas)
