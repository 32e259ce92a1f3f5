"""A line chart as SVG: curves or points over linear or logarithmic axes, light or dark as the page that shows it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field
from itertools import pairwise

from layercli.dataclass import dataclass
from layercli.escaping import printable

WIDTH, HEIGHT = 640, 360
CHARACTER = 7.0
"""The greatest usual width of a character at 12 px, in px: room for labels is reserved by it."""

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#56b4e9")
"""Colours that people with any colour vision can tell apart (Okabe and Ito, 2008)."""
ON_DARK = ("#4ba3dc", "#f08436", "#1fc79a", "#dc97bb", "#d4b13a", "#8accf2")
"""The same hues, as bright as a dark background needs."""

NIGHT = " ".join(
    f'.chart [stroke="{light}"] {{ stroke: {dark} }} .chart [fill="{light}"] {{ fill: {dark} }}'
    for light, dark in zip(PALETTE, ON_DARK, strict=True)
)
STYLE = f"""
.chart text {{ font: 12px system-ui, "DejaVu Sans", sans-serif; fill: currentColor; fill-opacity: .75 }}
.chart .title {{ font-size: 14px; font-weight: 600; fill-opacity: 1 }}
.chart .grid {{ stroke: currentColor; stroke-opacity: .15 }} .chart .axis {{ stroke: currentColor; stroke-opacity: .5 }}
.chart .curve {{ fill: none; stroke-width: 2; stroke-linejoin: round }}
@media (prefers-color-scheme: dark) {{
.chart:root {{ color: #eee; background: #0d1117 }}
{NIGHT}
}}
""".strip()


@dataclass(frozen=True)
class Series:
    """Named points (x, y) in the order in which they are joined; one that is not finite leaves a gap.

    ``kind`` is "line"; "step", which keeps a value until the next x; or "points".
    """

    name: str
    points: Sequence[tuple[float, float]]
    kind: str = "line"
    dashed: bool = False


def show_tick(value: float, digits: int = 4) -> str:
    """Return the text of a tick.

    >>> show_tick(0.25), show_tick(2e6), show_tick(1e-7)
    ('0.25', '2M', '1e-07')
    """
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.{digits}g}{unit}"
    return f"{value:.{digits}g}"


def show_ticks(values: Sequence[float]) -> list[str]:
    """Return the texts of the ticks of an axis, with the digits that their distance needs, four at least.

    >>> show_ticks([0.0, 0.25, 0.5]), show_ticks([1.47665, 1.4767, 1.47675])
    (['0', '0.25', '0.5'], ['1.47665', '1.4767', '1.47675'])
    """
    near = min((abs(b - a) for a, b in pairwise(values)), default=math.inf) / 100
    enough = (n for n in range(4, 17) if all(abs(float(f"{value:.{n}g}") - value) <= near for value in values))
    digits = next(enough, 17)
    return [show_tick(value, digits) for value in values]


@dataclass(frozen=True)
class Axis:
    """An axis: its label, and whether it is logarithmic."""

    label: str = ""
    log: bool = False
    whole: bool = False
    """Whether only integers are ticks, as of epochs."""


@dataclass
class Scale:
    """Maps the values of an axis from ``low`` to ``high`` to px from ``start`` to ``end``."""

    axis: Axis
    low: float
    high: float
    start: float = 0.0
    end: float = 1.0
    ticks: list[float] = field(default_factory=list)

    def at(self, value: float) -> float:
        """Return the place of a value in px."""
        low, high, value = (math.log10(v) if self.axis.log else v for v in (self.low, self.high, value))
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def drawable(value: float, axis: Axis) -> bool:
    """Whether an axis has a place for a value."""
    return math.isfinite(value) and (value > 0 or not axis.log)


def scale_of(axis: Axis, values: list[float]) -> Scale:
    """Return the scale that shows all of ``values``, which ends at ticks on a linear axis of fractions."""
    low, high = (min(values), max(values)) if values else (1.0, 10.0)
    if axis.log:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        last = max(last, first + 1)
        every = max(1, math.ceil((last - first) / 6))
        return Scale(axis, 10.0**first, 10.0**last, ticks=[10.0**n for n in range(first, last + 1, every)])
    if low == high:
        low, high = (low, low + 1) if axis.whole else (low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2)
    step = nice_step((high - low) / 5)
    if axis.whole:
        step = max(1.0, step)
        ticks = [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
        return Scale(axis, low, high, ticks=ticks)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Scale(axis, first * step, last * step, ticks=[n * step for n in range(first, last + 1)])


def nice_step(least: float) -> float:
    """Return the least of 1, 2, 5, 10, 20, ... and their fractions that is not under ``least``.

    >>> nice_step(0.3), nice_step(12)
    (0.5, 20.0)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next(n * power for n in (1.0, 2.0, 5.0, 10.0, 20.0) if n * power >= least * (1 - 1e-9))


def chart(
    title: str,
    series: Sequence[Series],
    x: Axis = Axis(),  # noqa: B008  # frozen
    y: Axis = Axis(),  # noqa: B008  # frozen
    *,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> str:
    """Return the SVG of ``series`` over the axes: the same text for the same arguments.

    >>> chart("loss", [Series("loss", [(1, 0.5), (2, 0.25)])]).startswith("<svg")
    True
    """
    points = [(a, b) for each in series for a, b in each.points if drawable(a, x) and drawable(b, y)]
    across, up = scale_of(x, [a for a, _ in points]), scale_of(y, [b for _, b in points])
    names = legend(series, width)
    top = 30.0 + 18 * (1 + max((row for _, row, _ in names), default=0))
    left = 16 + CHARACTER * max(map(len, show_ticks(up.ticks)), default=1) + (18 if y.label else 0)
    across.start, across.end = left, width - 24.0
    up.start, up.end = height - (48.0 if x.label else 30.0), top
    body = [
        f'<text class="title" x="{left:.0f}" y="20">{escaped(title)}</text>',
        *(name_of(each, *place, left) for each, place in zip(series, names, strict=True)),
        *horizontal(up, across),
        *vertical(across, up, height),
        *(line for number, each in enumerate(series) for line in drawn(each, number, across, up)),
    ]
    if y.label:
        middle = (up.start + up.end) / 2
        body.append(
            f'<text transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle">{escaped(y.label)}</text>'
        )
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" {size} role="img">'
    return "\n".join([head, f"<title>{escaped(title)}</title>", f"<style>{STYLE}</style>", *body, "</svg>\n"])


def legend(series: Sequence[Series], width: int) -> list[tuple[float, int, str]]:
    """Return where the name of each series stands: its x, its row, and its colour."""
    found, x, row = [], 0.0, 0
    for number, each in enumerate(series):
        needed = 40 + CHARACTER * len(each.name)
        if x and x + needed > width - 90:
            x, row = 0.0, row + 1
        found.append((x, row, colour(number)))
        x += needed
    return found


def name_of(series: Series, x: float, row: int, stroke: str, left: float) -> str:
    """Return the entry of the legend: a piece of the curve, and its name."""
    x, y = left + x, 40 + 18 * row
    dash = ' stroke-dasharray="5 4"' if series.dashed else ""
    mark = (
        f'<circle cx="{x + 10:.0f}" cy="{y - 4}" r="3.5" fill="{stroke}"/>'
        if series.kind == "points"
        else f'<path class="curve" stroke="{stroke}"{dash} d="M{x:.0f} {y - 4}h20"/>'
    )
    return f'{mark}<text x="{x + 26:.0f}" y="{y}">{escaped(series.name)}</text>'


def colour(number: int) -> str:
    """Return the colour of the series with this number."""
    return PALETTE[number % len(PALETTE)]


def horizontal(up: Scale, across: Scale) -> list[str]:
    """Return the lines and the labels of the ticks of the y axis."""
    return [
        f'<path class="grid" d="M{across.start:.1f} {up.at(tick):.1f}H{across.end:.1f}"/>'
        f'<text x="{across.start - 6:.1f}" y="{up.at(tick) + 4:.1f}" text-anchor="end">{escaped(text)}</text>'
        for tick, text in zip(up.ticks, show_ticks(up.ticks), strict=True)
    ]


def vertical(across: Scale, up: Scale, height: int) -> list[str]:
    """Return the x axis, its ticks with labels, and its name."""
    found = [f'<path class="axis" d="M{across.start:.1f} {up.start:.1f}H{across.end:.1f}"/>']
    for tick, text in zip(across.ticks, show_ticks(across.ticks), strict=True):
        x = across.at(tick)
        found.append(
            f'<path class="axis" d="M{x:.1f} {up.start:.1f}v4"/>'
            f'<text x="{x:.1f}" y="{up.start + 17:.1f}" text-anchor="middle">{escaped(text)}</text>'
        )
    if across.axis.label:
        middle = (across.start + across.end) / 2
        found.append(
            f'<text x="{middle:.1f}" y="{height - 12}" text-anchor="middle">{escaped(across.axis.label)}</text>'
        )
    return found


def drawn(series: Series, number: int, across: Scale, up: Scale) -> list[str]:
    """Return the curve, or the points, of a series; a point between two gaps is a dot."""
    stroke, found = colour(number), []
    for run in runs(series, across.axis, up.axis):
        places = [(across.at(a), up.at(b)) for a, b in run]
        if series.kind == "points" or len(places) == 1:
            found += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{stroke}"/>' for a, b in places]
            continue
        (a, b), *others = places
        step = series.kind == "step"
        path = f"M{a:.1f} {b:.1f}" + "".join(f"H{a:.1f}V{b:.1f}" if step else f"L{a:.1f} {b:.1f}" for a, b in others)
        dash = ' stroke-dasharray="5 4"' if series.dashed else ""
        found.append(f'<path class="curve" stroke="{stroke}"{dash} d="{path}"/>')
    return found


def runs(series: Series, x: Axis, y: Axis) -> list[list[tuple[float, float]]]:
    """Return the points of a series that have a place, in pieces between the gaps."""
    found: list[list[tuple[float, float]]] = [[]]
    for a, b in series.points:
        if drawable(a, x) and drawable(b, y):
            found[-1].append((a, b))
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def escaped(text: str) -> str:
    """Return text as SVG has it, control characters written out."""
    from html import escape

    return escape(printable(text))
