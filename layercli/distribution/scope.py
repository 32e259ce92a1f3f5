"""The distribution that new variables and fit follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layercli.distribution.strategies import Distribution

__all__ = ["distribution", "set_distribution"]

_current: Distribution | None = None


def distribution() -> Distribution | None:
    """Return the current distribution, None where there is none.

    >>> distribution() is None
    True
    """
    return _current


def set_distribution(value: Distribution | None) -> None:
    """Make ``value`` the distribution of variables that are created from now on, and of fit; None ends it."""
    global _current
    _current = value
