"""Assertions for the tests of people who work with models."""

from __future__ import annotations

from layercli.inspect.diff import Part
from layercli.sources.diff import diff


def assert_same_model(
    a: object,
    b: object,
    *,
    values: bool = True,
    only: Part | None = None,
    rtol: float = 0.0,
    atol: float = 0.0,
    rename: dict[str, str] | None = None,
) -> None:
    """Raise AssertionError, which says what differs, unless two models are the same, as ``layercli.diff`` finds it.

    >>> assert_same_model("mlp", "mlp", values=False)
    """
    found = diff(a, b, values=values, only=only, rtol=rtol, atol=atol, rename=rename or {})
    if not found.same:
        from layercli.render import plain
        from layercli.render.diff import tables

        raise AssertionError("\n".join(plain.draw(table) for table in tables(found)).rstrip())
