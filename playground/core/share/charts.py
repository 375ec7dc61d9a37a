"""Charts as SVG, built as a structure; across it is in per cent, so that text keeps its size."""

import math
from xml.etree.ElementTree import Element, SubElement

from playground.core.share.document import Chart, ChartKind, Place, Point

_ROW = 44
"""Pixels for a point of a chart that has a line for each: the name above, the mark below."""
_WIDTH = 78.0
"""Per cent of the width in which the scale lies; the rest is for what is written behind it."""
_LEFT = 1.0
_SCATTER = 240
_EDGE = 13.0
"""Per cent of the width before the scale of a chart with two of them."""
_TEXT = 13
LONGEST_LABEL = 44
_LINES_END = 74.0
"""Per cent of the width where the scale of a chart of lines ends; their names stand behind it."""
LIGHT = {
    "ground": "#f6f7f9",
    "card": "#ffffff",
    "line": "#e3e6eb",
    "text": "#1a1d23",
    "quiet": "#5b6577",
    "accent": "#5b5bd6",
    "here": "#1a8754",
    "cloud": "#2f6fde",
    "server": "#a33a86",
    "caution": "#8f4a05",
    "caution-ground": "#fdf0df",
}
"""Colours on paper, by the names that the page's style has for them."""
_CLASSES = {
    Place.HERE: "here",
    Place.SERVER: "server",
    Place.CLOUD: "cloud",
    Place.PRACTICE: "cloud",
    None: "plain",
}


def chart_element(chart: Chart) -> Element:
    """Return the chart as an `svg` element; its text says all that its shapes do."""
    draw = {ChartKind.SCATTER: _scatter, ChartKind.LINES: _lines}.get(chart.kind, _rows)
    return draw(chart)


def drawing(chart: Chart, width: int, family: str) -> Element:
    """Return the chart as a file of its own, `width` pixels wide, in its colours on paper.

    For what knows neither per cent nor style sheets. `family` is the font's.
    """
    svg = chart_element(chart)
    height = svg.get("height", "0")
    attributes = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}"}
    whole = Element("svg", attributes | {"width": str(width), "height": height})
    whole.set("font-family", family)
    for part in svg:
        if part.tag != "title":
            whole.append(_resolved(part, width))
    return whole


def sign_element(place: Place) -> Element:
    """Return the sign of a place: a house, a cloud, a square; the word stands beside it."""
    svg = Element(
        "svg",
        {"viewBox": "0 0 16 16", "class": f"sign {_CLASSES[place]}", "aria-hidden": "true"},
    )
    path = {
        Place.HERE: "M2.5 7.5 8 2.8l5.5 4.7M4 6.6V13h8V6.6M6.6 13V9.4h2.8V13",
        Place.SERVER: "M3 3.5h10v4H3zM3 8.5h10v4H3zM5 5.5h1M5 10.5h1",
    }.get(
        place,
        "M5 12.5h6.2a2.6 2.6 0 0 0 .3-5.2A3.6 3.6 0 0 0 4.6 6.6 3 3 0 0 0 5 12.5z",
    )
    SubElement(svg, "path", {"d": path})
    return svg


def sign_drawing(place: Place, size: int) -> Element:
    """Return the sign of a place as a file of its own, in its colour on paper."""
    svg = sign_element(place)
    path = svg[0].get("d", "")
    attributes = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": "0 0 16 16"}
    whole = Element("svg", attributes | {"width": str(size), "height": str(size)})
    line = {"fill": "none", "stroke": LIGHT[_CLASSES[place]], "stroke-width": "1.4"}
    rounded = {"stroke-linejoin": "round", "stroke-linecap": "round"}
    SubElement(whole, "path", {"d": path} | line | rounded)
    return whole


def _rows(chart: Chart) -> Element:
    """Return bars, or points with their intervals, one under the other."""
    is_interval = chart.kind is ChartKind.INTERVALS
    largest = 100.0 if is_interval else max(point.value for point in chart.points)
    ticks = _ticks(largest)
    end = max(ticks[-1], largest) or 1.0
    height = _ROW * len(chart.points) + 34
    svg = _svg(chart, height)
    bottom = _ROW * len(chart.points) + 4
    for tick in ticks:
        at = _across(tick / end)
        _line(svg, (at, at), (2, bottom), "grid")
        words = f"{tick:g} {chart.unit}" if tick else "0"
        _text(svg, at, bottom + 16, words, "tick", anchor="middle" if tick else "start")
    for number, point in enumerate(chart.points):
        top = _ROW * number + 4
        _text(svg, f"{_LEFT}%", top + 12, _short(point.label), "name")
        middle = top + 26
        tone = _CLASSES[point.place]
        if is_interval:
            low, high = point.low or 0.0, point.high if point.high is not None else point.value
            _line(svg, (_across(low / end), _across(high / end)), (middle, middle), f"span {tone}")
            for whisker in (_across(low / end), _across(high / end)):
                _line(svg, (whisker, whisker), (middle - 5, middle + 5), f"span {tone}")
            _mark(svg, point, _across(point.value / end), middle)
            _text(svg, "100%", middle + 4, point.text, "value", anchor="end")
        else:
            width = _WIDTH * point.value / end
            SubElement(
                svg,
                "rect",
                {
                    "x": f"{_LEFT}%",
                    "y": f"{middle - 7}",
                    "width": f"{max(width, 0.4):.2f}%",
                    "height": "14",
                    "rx": "3",
                    "class": f"bar {tone}",
                },
            )
            _text(svg, f"{_LEFT + width:.2f}%", middle + 4, point.text, "value", dx=8)
    return svg


def _scatter(chart: Chart) -> Element:
    largest = max(point.value for point in chart.points)
    ticks = _ticks(largest)
    end = max(ticks[-1], largest) or 1.0
    svg = _svg(chart, _SCATTER + 44)
    for step in (0, 25, 50, 75, 100):
        _line(svg, (f"{_EDGE - 1}%", "98%"), (_up(step), _up(step)), "grid")
        _text(svg, f"{_EDGE - 1.5}%", _up(step) + 4, f"{step} %", "tick", anchor="end")
    for tick in ticks:
        _text(svg, _at(tick / end), _up(0) + 18, _dollars(tick), "tick", anchor="middle")
    _text(svg, "98%", _up(0) + 36, chart.axis, "tick", anchor="end")
    taken: list[float] = []
    for point in sorted(chart.points, key=lambda each: -(each.height or 0.0)):
        share = point.height or 0.0
        x, y = _at(point.value / end), _up(share)
        tone = _CLASSES[point.place]
        if point.low is not None and point.high is not None:
            _line(svg, (x, x), (_up(point.low), _up(point.high)), f"span {tone}")
        _mark(svg, point, x, y)
        is_right = point.value / end > 0.5
        label_y = y + (18 if share > 92 else -8)
        # a name goes below another that it would cover
        while any(abs(label_y - other) < 16 for other in taken):
            label_y += 16
        taken.append(label_y)
        anchor = "end" if is_right else "start"
        label = f"{_short(point.label, 26)}, {point.text}"
        _text(svg, x, label_y, label, "name", anchor=anchor, dx=-9 if is_right else 9)
    return svg


def _lines(chart: Chart) -> Element:
    """Return straight lines over a scale of numbers, each with its name at its end."""
    lines = [point for point in chart.points if point.height is not None]
    most = max(point.value for point in chart.points)
    top = max(max(point.height or 0.0, point.low or 0.0) for point in lines)
    ticks, steps = _ticks(top), _ticks(most)
    top = max(ticks[-1], top) or 1.0
    most = max(steps[-1], most) or 1.0
    svg = _svg(chart, _SCATTER + 44)

    def across(value: float) -> str:
        return f"{_EDGE + (_LINES_END - _EDGE) * value / most:.2f}%"

    for tick in ticks:
        y = _up(100 * tick / top)
        _line(svg, (f"{_EDGE - 1}%", f"{_LINES_END}%"), (y, y), "grid")
        _text(svg, f"{_EDGE - 1.5}%", y + 4, _dollars(tick), "tick", anchor="end")
    for step in steps:
        _text(svg, across(step), _up(0) + 18, f"{step:,.0f}", "tick", anchor="middle")
    _text(svg, f"{_LINES_END}%", _up(0) + 36, chart.axis, "tick", anchor="end")
    taken: list[float] = []
    for point in sorted(lines, key=lambda each: -(each.height or 0.0)):
        start, end = (_up(100 * (each or 0.0) / top) for each in (point.low, point.height))
        _line(svg, (across(0), across(point.value)), (start, end), f"run {_CLASSES[point.place]}")
        at = end + 4
        # a name goes below another that it would cover
        while any(abs(at - other) < 16 for other in taken):
            at += 2
        taken.append(at)
        _text(svg, across(point.value), at, _short(point.label, 24), "name", dx=8)
    for point in chart.points:
        if point.height is None:
            x = across(point.value)
            _line(svg, (x, x), (2, _up(0)), "you")
            is_right = point.value / most > 0.5
            anchor, dx = ("end", -6) if is_right else ("start", 6)
            _text(svg, x, 14, point.text, "you", anchor=anchor, dx=dx)
    return svg


def _svg(chart: Chart, height: int) -> Element:
    svg = Element("svg", {"width": "100%", "height": str(height), "role": "img", "class": "chart"})
    spoken = "; ".join(f"{point.label}: {_spoken(point)}" for point in chart.points)
    SubElement(svg, "title").text = f"{chart.caption} {spoken}."
    return svg


def _spoken(point: Point) -> str:
    words = point.text
    if point.height is not None and point.low is not None and point.high is None:
        return words
    if point.height is not None:
        words = f"{point.height:.0f} % right for {words}"
    if point.low is not None and point.high is not None:
        words += f" (between {point.low:.0f} and {point.high:.0f} %)"
    return words


def _mark(svg: Element, point: Point, x: str, y: float) -> None:
    """Draw a point: a circle for one's own computer, a square for a server, else a diamond."""
    tone = f"dot {_CLASSES[point.place]}"
    if point.place in {Place.HERE, None}:
        SubElement(svg, "circle", {"cx": x, "cy": f"{y:.1f}", "r": "5.5", "class": tone})
        return
    nested = SubElement(svg, "svg", {"x": x, "y": f"{y:.1f}", "class": "over"})
    turned = {} if point.place is Place.SERVER else {"transform": "rotate(45)"}
    square = {"x": "-5", "y": "-5", "width": "10", "height": "10", "class": tone}
    SubElement(nested, "rect", square | turned)


def _line(svg: Element, across: tuple[str, str], down: tuple[float, float], name: str) -> None:
    (x1, x2), (y1, y2) = across, down
    ends = {"x1": x1, "x2": x2, "y1": f"{y1:.1f}", "y2": f"{y2:.1f}"}
    SubElement(svg, "line", ends | {"class": name})


def _text(
    svg: Element, x: str, y: float, words: str, name: str, *, anchor: str = "start", dx: int = 0
) -> None:
    at = {"x": x, "y": f"{y:.1f}", "class": name, "text-anchor": anchor, "font-size": str(_TEXT)}
    SubElement(svg, "text", at | ({"dx": str(dx)} if dx else {})).text = words


def _resolved(part: Element, width: int) -> Element:
    """Return a part of a chart with pixels for per cent, and with its colours in it."""
    given = {key: _pixels(value, width) for key, value in part.attrib.items()}
    names = given.pop("class", "").split()
    if part.tag == "svg":
        # one inside another is there to move what is in it
        found = Element("g", {"transform": f"translate({given['x']},{given['y']})"})
    else:
        if "dx" in given:
            given["x"] = f"{float(given['x']) + float(given.pop('dx')):.2f}"
        found = Element(part.tag, given | _painted(part.tag, names))
    found.text = part.text
    for inner in part:
        found.append(_resolved(inner, width))
    return found


def _pixels(value: str, width: int) -> str:
    return f"{float(value[:-1]) * width / 100:.2f}" if value.endswith("%") else value


def _painted(tag: str, names: list[str]) -> dict[str, str]:
    """Return what the page's style sheet says of an element with these names."""
    tone = next((LIGHT[name] for name in names if name in LIGHT), LIGHT["quiet"])
    if "grid" in names:
        return {"stroke": LIGHT["line"]}
    if "span" in names:
        return {"stroke": tone, "stroke-width": "2.5", "stroke-opacity": "0.55"}
    if "run" in names:
        dashes = {"stroke-dasharray": "6 4"} if "plain" in names else {}
        return {"stroke": tone, "stroke-width": "2"} | dashes
    if "you" in names:
        return {"fill" if tag == "text" else "stroke": LIGHT["accent"]}
    if tag == "text":
        return {"fill": LIGHT["quiet" if "tick" in names else "text"]}
    return {"fill": tone}


def _across(share: float) -> str:
    return f"{_LEFT + _WIDTH * share:.2f}%"


def _at(share: float) -> str:
    return f"{_EDGE + (94 - _EDGE) * share:.2f}%"


def _up(share: float) -> float:
    return 22 + _SCATTER * (1 - share / 100) - 16


def _ticks(largest: float) -> list[float]:
    """Return round steps from 0 up to `largest`, about four of them."""
    if not largest > 0:
        return [0.0]
    rough = largest / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * 0.999)
    return [n * step for n in range(int(largest / step + 1e-9) + 1)]


def _dollars(amount: float) -> str:
    return f"${amount:.2g}" if amount < 1 else f"${amount:,.2f}".removesuffix(".00")


def _short(label: str, longest: int = LONGEST_LABEL) -> str:
    return label if len(label) <= longest else f"{label[: longest - 1].rstrip()}…"
