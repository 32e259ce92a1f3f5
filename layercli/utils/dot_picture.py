"""A picture of a model in Graphviz's DOT language, as ``model_to_dot`` returns it."""

from __future__ import annotations

from typing import Any

from layercli.core.backend import get_backend
from layercli.core.types import PathLike


class DotPicture:
    """The picture of a model: ``to_string()`` is its DOT text, ``write(path)`` draws it to a file by the ending of its name.

    Args:
        model: A Layer or Model that was called.
        nested: Whether the layers inside layers are drawn.
        down: Whether edges run down, not to the right.
        dpi: How many pixels an inch of a PNG has.
    """

    def __init__(self, model: Any, nested: bool, down: bool, dpi: int) -> None:
        self._model, self._nested, self._down, self._dpi = model, nested, down, dpi
        self._text = get_backend().dot(model, nested=nested, down=down)

    def to_string(self) -> str:
        """Return the picture in the DOT language."""
        return self._text

    def write(self, path: PathLike) -> None:
        """Write the picture to a .dot, .svg, .png, .pdf, .mmd or .txt file."""
        get_backend().plot(self._model, str(path), nested=self._nested, down=self._down, dpi=self._dpi)

    write_png = write_svg = write_pdf = write_dot = write

    def __str__(self) -> str:
        return self._text
