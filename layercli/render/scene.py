"""A picture as shapes with coordinates: boxes, texts and lines. SVG and PDF write the same scene."""

from __future__ import annotations

from dataclasses import field

from layercli.dataclass import dataclass
from layercli.render.edge_routes import Line


@dataclass(frozen=True)
class Paint:
    """The colours of a style on a light and on a dark background; None: not painted."""

    fill: str | None = None
    stroke: str | None = None
    dark_fill: str | None = None
    dark_stroke: str | None = None
    width: float = 1.0
    dashes: tuple[float, ...] = ()


@dataclass(frozen=True)
class Rectangle:
    """A rectangle with rounded corners."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    style: str


@dataclass(frozen=True)
class Label:
    """A text whose left end on the baseline is at ``x, y``; it takes ``width`` whatever font there is."""

    x: float
    y: float
    text: str
    width: float
    size: float
    style: str = "text"
    bold: bool = False


@dataclass(frozen=True)
class Polyline:
    """A line with rounded corners; an ``arrow`` has a head at its end."""

    points: Line
    style: str
    arrow: bool = True


Shape = Rectangle | Label | Polyline


@dataclass
class SceneGroup:
    """Shapes that belong together: those of a box, with its tooltip and its path in the model."""

    shapes: list[Shape] = field(default_factory=list)
    tooltip: str = ""
    path: str = ""


@dataclass
class Scene:
    """A picture of a size, its parts from back to front, and the paint of each style."""

    width: float
    height: float
    title: str
    parts: list[SceneGroup]
    styles: dict[str, Paint]
