"""A scene as SVG: styles in a sheet that follows the reader's light or dark colours, every text escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise
from math import hypot

from layercli.render.edge_routes import Line, Point
from layercli.render.font_metrics import FAMILY
from layercli.render.scene import Label, Paint, Polyline, Rectangle, Scene, SceneGroup, Shape

CORNER, HEAD = 5.0, 6.0
"""The radius of the corners of a line, and the length of an arrow's head."""
ILLEGAL = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535, *range(55296, 57344)), "�")
"""Characters that XML has no way to write."""


def draw_svg(scene: Scene, *, dark: bool = True) -> str:
    """Return the scene as an SVG document; without ``dark`` it has light colours everywhere."""
    width, height = number(scene.width), number(scene.height)
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="layercli" width="{width}" height="{height}" ',
            f'viewBox="0 0 {width} {height}" role="img">\n<title>{text_of(scene.title)}</title>\n',
            f"<style>{style_sheet(scene, dark=dark)}</style>\n",
            f'<rect class="background" width="{width}" height="{height}"/>\n',
            *(line for part in scene.parts for line in part_lines(part)),
            "</svg>\n",
        ]
    )


def text_of(text: str) -> str:
    """Return a text as it stands in XML: markup in it is text."""
    return escape(text.translate(ILLEGAL))


def number(value: float) -> str:
    """Return a coordinate with one decimal at most.

    >>> number(3.0), number(-0.04), number(12.345)
    ('3', '0', '12.3')
    """
    return (
        f"{value:.1f}".removesuffix(".0").replace("-0", "0") if abs(value) < 0.05 else f"{value:.1f}".removesuffix(".0")
    )


def style_sheet(scene: Scene, *, dark: bool) -> str:
    """Return the rules of the styles that occur, for light colours and then for dark ones."""
    used = dict.fromkeys(["background", *(s.style for part in scene.parts for s in part.shapes)])
    kept = {name: scene.styles[name] for name in used}
    heads = {s.style for part in scene.parts for s in part.shapes if isinstance(s, Polyline) and s.arrow}
    light = "".join(f".layercli .{name}{{{rule(paint, paint.fill, paint.stroke)}}}" for name, paint in kept.items())
    light += "".join(f".layercli .{name}-head{{fill:{kept[name].stroke}}}" for name in sorted(heads))
    text = f".layercli text{{font-family:{FAMILY};white-space:pre}}.layercli .bold{{font-weight:bold}}"
    if not dark:
        return text + light
    night = "".join(
        f".layercli .{name}{{{rule(paint, paint.dark_fill, paint.dark_stroke, whole=False)}}}"
        for name, paint in kept.items()
    )
    night += "".join(f".layercli .{name}-head{{fill:{kept[name].dark_stroke}}}" for name in sorted(heads))
    return f"{text}{light}@media (prefers-color-scheme:dark){{{night}}}"


def rule(paint: Paint, fill: str | None, stroke: str | None, *, whole: bool = True) -> str:
    """Return the declarations of a style; not the ``whole``: its colours alone."""
    found = [f"fill:{fill or 'none'}"]
    if stroke is not None:
        found.append(f"stroke:{stroke}")
        if whole and paint.width != 1:
            found.append(f"stroke-width:{number(paint.width)}")
        if whole and paint.dashes:
            found.append(f"stroke-dasharray:{' '.join(map(number, paint.dashes))}")
    return ";".join(found)


def part_lines(part: SceneGroup) -> Iterator[str]:
    """Yield the lines of a part: a group with its tooltip where it has one."""
    if part.path or part.tooltip:
        path = f' data-path="{text_of(part.path)}"' if part.path else ""
        tooltip = f"<title>{text_of(part.tooltip)}</title>" if part.tooltip else ""
        yield f"<g{path}>{tooltip}{''.join(map(shape_text, part.shapes))}</g>\n"
    else:
        yield from (f"{shape_text(shape)}\n" for shape in part.shapes)


def shape_text(shape: Shape) -> str:
    """Return a shape as an element."""
    if isinstance(shape, Rectangle):
        place = (
            f'x="{number(shape.x)}" y="{number(shape.y)}" width="{number(shape.width)}" height="{number(shape.height)}"'
        )
        return f'<rect class="{shape.style}" {place} rx="{number(shape.radius)}"/>'
    if isinstance(shape, Label):
        weight = " bold" if shape.bold else ""
        place = f'x="{number(shape.x)}" y="{number(shape.y)}" font-size="{number(shape.size)}"'
        room = f' textLength="{number(shape.width)}" lengthAdjust="spacingAndGlyphs"' if shape.width else ""
        return f'<text class="{shape.style}{weight}" {place}{room}>{text_of(shape.text)}</text>'
    line = f'<path class="{shape.style}" d="{rounded(shortened_line(shape.points) if shape.arrow else shape.points)}"/>'
    return line + (f'<path class="{shape.style}-head" d="{head(shape.points)}"/>' if shape.arrow else "")


def shortened_line(points: Line) -> Line:
    """Return a line that ends inside its arrow's head."""
    (x1, y1), (x2, y2) = points[-2:]
    length = hypot(x2 - x1, y2 - y1) or 1.0
    back = min(HEAD - 1, length) / length
    return (*points[:-1], (x2 - (x2 - x1) * back, y2 - (y2 - y1) * back))


def rounded(points: Line) -> str:
    """Return the path of a line whose corners are rounded."""
    found = [f"M{pair(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        found.append(f"L{pair(towards(corner, before))}Q{pair(corner)} {pair(towards(corner, after))}")
    return "".join([*found, f"L{pair(points[-1])}"])


def towards(corner: Point, other: Point) -> Point:
    """Return the point where the rounding of a corner begins: at most half the way to its neighbour."""
    (x, y), (ox, oy) = corner, other
    length = hypot(ox - x, oy - y)
    part = min(CORNER, length / 2) / length if length else 0.0
    return x + (ox - x) * part, y + (oy - y) * part


def pair(point: Point) -> str:
    """Return a point as a path has it."""
    return f"{number(point[0])} {number(point[1])}"


def head(points: Line) -> str:
    """Return the path of the arrow's head at the end of a line."""
    return "M" + "L".join(map(pair, head_corners(points))) + "Z"


def head_corners(points: Line) -> list[Point]:
    """Return the corners of the arrow's head at the end of a line."""
    (x1, y1), (x2, y2) = next(ends for ends in reversed([*pairwise(points)]) if ends[0] != ends[1])
    length = hypot(x2 - x1, y2 - y1)
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    back, side = (x2 - ux * HEAD, y2 - uy * HEAD), HEAD * 0.55
    return [(x2, y2), (back[0] - uy * side, back[1] + ux * side), (back[0] + uy * side, back[1] - ux * side)]
