"""The line chart: points where they belong, gaps, escaped texts."""

import math
import re
import xml.etree.ElementTree as ET

from layercli.render.chart import Axis, Series, chart, scale_of

SVG = "{http://www.w3.org/2000/svg}"


def curves(text):
    """The points of each curve of the chart itself, the legend's left out."""
    paths = [path.get("d") for path in ET.fromstring(text).iter(f"{SVG}path") if path.get("class") == "curve"]
    return [
        [tuple(map(float, pair)) for pair in re.findall(r"[ML]([0-9.]+) ([0-9.]+)", d)] for d in paths if "h20" not in d
    ]


def test_points_are_proportional_to_values():
    [points] = curves(chart("t", [Series("s", [(1, 0.0), (2, 1.0), (5, 0.5)])], Axis(whole=True)))
    (x1, y1), (x2, y2), (x3, y3) = points
    assert math.isclose((x2 - x1) * 4, x3 - x1, abs_tol=0.3)
    assert math.isclose((y1 - y2) / 2, y1 - y3, abs_tol=0.1)
    assert y2 < y3 < y1


def test_decades_are_as_wide_as_each_other():
    [points] = curves(chart("t", [Series("s", [(1, 1), (10, 100), (100, 10)])], Axis(log=True), Axis(log=True)))
    (x1, y1), (x2, y2), (x3, y3) = points
    assert math.isclose(x2 - x1, x3 - x2, abs_tol=0.2)
    assert math.isclose(y1 - y2, 2 * (y1 - y3), abs_tol=0.2)


def test_a_value_without_a_place_leaves_a_gap():
    points = [(1, 1.0), (2, 2.0), (3, math.nan), (4, math.inf), (5, 1.0), (6, 2.0)]
    assert [len(run) for run in curves(chart("t", [Series("s", points)]))] == [2, 2]
    assert curves(chart("t", [Series("s", [(0, 1.0), (1, 1.0), (2, 3.0)])], Axis(log=True)))[0][0][1] > 0
    ET.fromstring(chart("nothing", [Series("s", [(1, math.nan)])]))


def test_every_value_is_between_the_ends_of_its_axis():
    for values in ([0.31, 0.3100001], [-5.0, 1e9], [3.0], [0.0], [1e-300, 1e-299], [7.0, 7.9]):
        scale = scale_of(Axis(), values)
        assert scale.low <= min(values)
        assert max(values) <= scale.high
        assert len(scale.ticks) >= 2


def test_texts_are_escaped_and_inside():
    svg = chart(
        "<script>", [Series("a & b\x1b[2J" * 9, [(1, 2)]), Series("c" * 50, [(1, 3)])], Axis('"x"'), Axis("<y>")
    )
    texts = ["".join(each.itertext()) for each in ET.fromstring(svg).iter(f"{SVG}text")]
    assert "<script>" in texts
    assert '"x"' in texts
    assert "<y>" in texts
    assert "\x1b" not in svg
    assert all(0 <= float(n) <= 640 for n in re.findall(r' x="(-?[0-9.]+)"', svg))


def test_ticks_that_are_near_each_other_have_other_labels():
    text = chart("t", [Series("s", [(1, 1.47665), (2, 1.47695)])], Axis(whole=True), Axis("TiB"))
    shown = [each.text for each in ET.fromstring(text).iter(f"{SVG}text") if each.get("text-anchor") == "end"]
    assert shown == ["1.4766", "1.4767", "1.4768", "1.4769", "1.477"]
