"""Models as estimators of scikit-learn, which is imported when one is asked for."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layercli.wrappers.estimators import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


if not TYPE_CHECKING:  # a type checker would take any name

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"layercli.wrappers has no {name!r}")
        from layercli.errors import MissingPackageError

        if find_spec("sklearn") is None:
            raise MissingPackageError(
                f"{name} needs scikit-learn, which is not installed", hint="pip install scikit-learn"
            )
        return getattr(import_module("layercli.wrappers.estimators"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
