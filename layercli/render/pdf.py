"""A scene as PDF, written here: one page of vector shapes and text in Helvetica, which every reader has.

Libraries that turn SVG into PDF need cairo or a browser, or embed fonts; a page of boxes, lines and text is a short stream.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from layercli.render.edge_routes import Line
from layercli.render.font_metrics import width_of
from layercli.render.scene import Label, Polyline, Rectangle, Scene, Shape
from layercli.render.svg import head_corners, number, shortened_line

POINTS, LARGEST, ARC = 0.75, 14400.0, 0.5523
"""Points for each pixel, the largest side of a page in points, and what draws a quarter of a circle as a curve."""


def draw_pdf(scene: Scene) -> bytes:
    """Return the scene as a PDF document of one page, in the colours of a light background."""
    scale = min(POINTS, LARGEST / max(scene.width, scene.height))
    width, height = number(scene.width * scale), number(scene.height * scale)
    stream = zlib.compress("\n".join(page_lines(scene, scale)).encode("latin-1"), 9)
    fonts = "/R << /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
    regular, bold = fonts.format("Helvetica"), fonts.replace("/R", "/B").format("Helvetica-Bold")
    title = scene.title.encode("utf-16-be", "replace").hex()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents 4 0 R "
        f"/Resources << /Font << {regular} {bold} >> >> >>".encode(),
        b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        f"<< /Title <feff{title}> /Producer (layercli) >>".encode(),
    ]
    return document(objects)


def document(objects: list[bytes]) -> bytes:
    """Return numbered objects as a document; the first is its catalog, the last its information."""
    content, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for i, each in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (i, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return content + b"xref\n0 %d\n0000000000 65535 f \n" % count + table + trailer % (count, count - 1, len(content))


def page_lines(scene: Scene, scale: float) -> Iterator[str]:
    """Yield the instructions that draw the page; heights run up from its foot."""
    yield f"{scale:.6f} 0 0 {-scale:.6f} 0 {scene.height * scale:.3f} cm 1 j 1 J"
    for part in scene.parts:
        for shape in part.shapes:
            yield from shape_lines(shape, scene)


def shape_lines(shape: Shape, scene: Scene) -> Iterator[str]:
    """Yield the instructions that draw a shape."""
    paint = scene.styles[shape.style]
    if isinstance(shape, Label):
        yield f"BT {colour(paint.fill)} rg {label_text(shape)} ET"
        return
    if paint.fill is not None:
        yield f"{colour(paint.fill)} rg"
    if paint.stroke is not None:
        yield f"{colour(paint.stroke)} RG {number(paint.width)} w [{' '.join(map(number, paint.dashes))}] 0 d"
    if isinstance(shape, Rectangle):
        finish = "B" if paint.fill and paint.stroke else "f" if paint.fill else "S"
        yield f"{rounded_rectangle(shape)} {finish}"
    else:
        yield f"{path(shortened_line(shape.points) if shape.arrow else shape.points)} S"
        if shape.arrow:
            yield f"{colour(paint.stroke)} rg {path(arrow_of(shape))} f"


def arrow_of(shape: Polyline) -> Line:
    """Return the corners of the head of an arrow."""
    return tuple(head_corners(shape.points))


def label_text(label: Label) -> str:
    """Return the instructions that write a text, stretched to its width; characters Helvetica lacks are question marks."""
    encoded = label.text.encode("cp1252", "replace")
    taken = width_of(encoded.decode("cp1252"), label.size, bold=label.bold)
    stretch = 100 * label.width / taken if taken else 100
    font = "B" if label.bold else "R"
    place = f"1 0 0 -1 {number(label.x)} {number(label.y)} Tm"
    return f"/{font} {number(label.size)} Tf {stretch:.2f} Tz {place} <{encoded.hex()}> Tj"


def path(points: Line) -> str:
    """Return a path along points."""
    return " ".join(f"{number(x)} {number(y)} {'l' if i else 'm'}" for i, (x, y) in enumerate(points))


def rounded_rectangle(box: Rectangle) -> str:
    """Return the closed path of a rectangle with rounded corners."""
    x, y, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
    r = min(box.radius, box.width / 2, box.height / 2)
    c = r * (1 - ARC)
    sides = [
        ((right - r, y), (right - c, y), (right, y + c), (right, y + r)),
        ((right, bottom - r), (right, bottom - c), (right - c, bottom), (right - r, bottom)),
        ((x + r, bottom), (x + c, bottom), (x, bottom - c), (x, bottom - r)),
        ((x, y + r), (x, y + c), (x + c, y), (x + r, y)),
    ]
    found = [f"{number(x + r)} {number(y)} m"]
    for start, *curve in sides:
        found.append(f"{number(start[0])} {number(start[1])} l")
        found.append(" ".join(f"{number(a)} {number(b)}" for a, b in curve) + " c")
    return " ".join([*found, "h"])


def colour(text: str | None) -> str:
    """Return a colour as three shares of red, green and blue.

    >>> colour("#ff8000")
    '1.000 0.502 0.000'
    """
    code = (text or "#000000")[1:]
    return " ".join(f"{int(code[i : i + 2], 16) / 255:.3f}" for i in (0, 2, 4))
