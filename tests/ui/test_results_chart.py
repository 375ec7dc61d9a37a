"""The chart of results: what is saved is what is seen, and names cover nothing."""

from itertools import combinations
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

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
    chart.show_points(points or POINTS, is_cost=is_cost)
    return chart


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
    path = tmp_path / f"chart.{ending}"
    chart.save(path)
    if ending == "png":
        saved = QImage(str(path))
        assert saved.width() == PNG_WIDTH
    else:
        saved = QImage(QSize(960, 600), QImage.Format.Format_RGB32)
        painter = QPainter(saved)
        QSvgRenderer(str(path)).render(painter)
        painter.end()
        assert NAME in path.read_text("utf-8")
    assert difference(saved, chart.grab().toImage()) < 0.15


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
    areas = [area for _, area in chart.name_areas()]
    drawn = [chart._bar(point) for point in points] + chart._line()
    assert len(drawn) > len(points)
    for area in areas:
        assert QRectF(chart.rect()).contains(area)
        assert not any(area.intersects(other) for other in drawn)
    assert not any(one.intersects(other) for one, other in combinations(areas, 2))


def test_no_line_is_drawn_where_one_model_is_best_at_both(theme: Theme) -> None:
    slow, fast = POINTS[1], ChartPoint("Fast", HERE, 20.0, 0.9, 0.6, 0.98)
    chart = shown(theme, slow, fast)
    assert chart.frontier == (fast,)
    assert chart._corners() == []


def test_a_point_tells_its_figures(theme: Theme) -> None:
    chart = shown(theme)
    assert chart.figures_at(chart._at(POINTS[0]) + QPointF(3, 3)) == "6 of 10"
    assert chart.figures_at(QPointF(0, 0)) == ""
