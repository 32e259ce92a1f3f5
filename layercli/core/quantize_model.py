"""Quantize the layers of a model."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from layercli.core.backend import get_backend
from layercli.core.quantized_policies import CALIBRATED
from layercli.errors import NotBuiltError, UsageError

if TYPE_CHECKING:
    from layercli.core.layer import Layer
    from layercli.core.model import Model


def quantize_layers(
    model: Model, mode: str | None, config: object, filters: object, *, type_check: bool = True
) -> None:
    """See Model.quantize. UsageError for filters of another kind; NotBuiltError for a model without variables."""
    if filters is not None and not (isinstance(filters, (str, list, tuple)) or callable(filters)):
        raise UsageError(f"quantize expects filters to be a pattern, a list of them or a function, got {filters!r}")
    if not model.built:
        raise NotBuiltError(f"{model.name} has no variables yet, which quantize needs", hint="call it on data first")
    if mode in CALIBRATED or getattr(config, "mode", mode) in CALIBRATED:
        get_backend().calibrate(model, mode, config, filters)
        reset_optimizer(model)
        return
    for _, layer in list(model.named_layers()):
        if layer.layers or layer is model or not is_meant(layer, filters):
            continue
        try:
            layer.quantize(mode, type_check=type_check, config=config)
        except NotImplementedError as error:
            warnings.warn(str(error), stacklevel=3)
    reset_optimizer(model)


def reset_optimizer(model: Model) -> None:
    """Give a compiled model a new optimizer of the same settings: the state of the old one is that of other variables."""
    trainer = model._trainer
    if trainer is not None and trainer.optimizer is not None:
        old = trainer.optimizer
        trainer.optimizer = model.optimizer = type(old).from_config(old.get_config())
        trainer.prepare()


def is_meant(layer: Layer, filters: Any) -> bool:
    """Return whether a layer is one of those that filters are for."""
    if filters is None:
        return True
    if callable(filters):
        return bool(filters(layer))
    return any(re.search(pattern, layer.name) for pattern in ([filters] if isinstance(filters, str) else filters))
