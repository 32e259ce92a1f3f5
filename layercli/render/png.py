"""A picture as PNG: the SVG drawn by resvg, with a font from a package, so that it looks the same on every machine."""

from __future__ import annotations

from pathlib import Path

from layercli.errors import MissingPackageError, UsageError

MOST_PIXELS = 100_000_000
"""The largest picture; of a larger one SVG is the better format."""


def svg_to_png(svg: str, width: float, height: float, *, scale: float = 2.0) -> bytes:
    """Return an SVG picture of a size as PNG, ``scale`` pixels for each of its own.

    MissingPackageError without the extra ``plot``, UsageError for more than MOST_PIXELS.
    """
    if width * height * scale * scale > MOST_PIXELS:
        raise UsageError(
            f"a PNG of {width * scale:,.0f} x {height * scale:,.0f} pixels is too large",
            hint="write .svg or .pdf, or show less with --depth or --focus",
        )
    try:
        import font_source_sans_pro
        import resvg_py
    except ModuleNotFoundError as error:
        raise MissingPackageError("PNG needs a renderer and a font", hint='pip install "layercli[plot]"') from error
    folder = Path(font_source_sans_pro.__file__).parent / "files"
    fonts = [str(folder / f"SourceSansPro-{weight}.ttf") for weight in ("Regular", "Bold")]
    drawn = resvg_py.svg_to_bytes(
        svg_string=svg, skip_system_fonts=True, font_files=fonts, zoom=scale, sans_serif_family="Source Sans Pro"
    )
    return bytes(drawn)
