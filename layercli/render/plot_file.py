"""Write a picture to a file: the ending of its name says the format."""

from __future__ import annotations

from pathlib import Path

from layercli.errors import UsageError, nearest
from layercli.formats.atomic import replacing
from layercli.inspect.plot_graph import PlotGraph

SUFFIXES = (".svg", ".png", ".pdf", ".dot", ".mmd", ".txt")
"""What a picture can be written as."""


def check_suffix(path: Path) -> None:
    """Raise UsageError for a name whose ending is not of a picture."""
    if path.suffix.lower() not in SUFFIXES:
        ending = path.suffix or "without an ending"
        raise UsageError(
            f"a picture is not written as {ending}" if path.suffix else f"{path} has no ending that says its format",
            hint=nearest(path.suffix.lower(), SUFFIXES) or f"it is one of {', '.join(SUFFIXES)}",
        )


def picture_bytes(graph: PlotGraph, suffix: str, *, down: bool | None = None, scale: float = 2.0) -> bytes:
    """Return the picture in the format of a suffix; edges run ``down``, by default those of a tree run to the right.

    ``scale`` is how many pixels a PNG has for each of the picture's. Raises what ``svg_to_png`` raises.
    """
    match suffix:
        case ".dot":
            from layercli.render.dot import draw_dot

            return draw_dot(graph, down=down).encode()
        case ".mmd":
            from layercli.render.mermaid import draw_mermaid

            return draw_mermaid(graph, down=down).encode()
        case ".txt":
            from layercli.render.text_boxes import draw_text

            return draw_text(graph, 100).encode()
    from layercli.render.plot_scene import scene_of
    from layercli.render.svg import draw_svg

    scene = scene_of(graph, down=down)
    if suffix == ".pdf":
        from layercli.render.pdf import draw_pdf

        return draw_pdf(scene)
    if suffix == ".png":
        from layercli.render.png import svg_to_png

        return svg_to_png(draw_svg(scene, dark=False), scene.width, scene.height, scale=scale)
    return draw_svg(scene).encode()


def write_picture(graph: PlotGraph, path: Path, *, down: bool | None = None, scale: float = 2.0) -> None:
    """Write the picture to a file, whole or not at all.

    UsageError for an unknown ending, MissingPackageError without what PNG needs, FileError if it cannot be written.
    """
    check_suffix(path)
    content = picture_bytes(graph, path.suffix.lower(), down=down, scale=scale)
    with replacing(path) as file:
        file.write(content)
