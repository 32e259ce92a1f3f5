"""Masks: which steps of a sequence are padding. They are passed on with the tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from layercli.core import tree
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.types import Tensor, TensorTree

if TYPE_CHECKING:
    from layercli.core.layer import Layer


def mask_of(x: Tensor) -> Any:
    """Return the mask of ``x``, or None."""
    return x.mask if isinstance(x, SymbolicTensor) else getattr(x, "_keras_mask", None)


def set_mask(x: Any, mask: Any) -> None:
    """Set the mask of ``x``."""
    if isinstance(x, SymbolicTensor):
        x.mask = mask
    else:
        x._keras_mask = mask


def fill_in(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, object]) -> list[Any]:
    """Pass to ``call`` the masks that it takes and were not given: ``mask`` of the first argument, ``value_mask`` of ``value``.

    Return them. A model made of layers takes no mask itself: a given mask is set on its inputs.
    """
    found: list[object] = []
    if layer.passes_masks and kwargs.get("mask") is not None:
        for x, mask in zip(tree.flatten(args[0]), tree.flatten(kwargs.pop("mask")), strict=False):
            set_mask(x, mask)
    if all(mask_of(x) is None for x in tree.flatten((args, kwargs))):
        return found
    given = dict(zip(layer.call_argument_names(), args, strict=False))
    wanted = {"mask": args[0]} if args else {}
    for name, value in {**wanted, **{f"{name}_mask": value for name, value in {**given, **kwargs}.items()}}.items():
        if name in layer.call_names() and name not in given and kwargs.get(name) is None:
            masks = tree.map_structure(mask_of, value)
            known = [mask for mask in tree.flatten(masks) if mask is not None]
            if known:
                kwargs[name] = masks
                found += known
    return found


def passed_on(layer: Layer, args: tuple[object, ...], kwargs: Mapping[str, object], outputs: TensorTree) -> TensorTree:
    """Set the mask that ``layer`` computes on its outputs; return the outputs."""
    if not args:
        return outputs
    asked = kwargs.get("mask")
    known = tree.flatten(asked) if asked is not None else map(mask_of, tree.flatten(args[0]))
    if not layer._computes_mask and all(mask is None for mask in known):
        return outputs
    previous = tree.map_structure(mask_of, args[0]) if asked is None else asked
    mask = layer.compute_mask(args[0], previous)
    for x, found in zip(tree.flatten(outputs), tree.flatten(mask), strict=False):
        if found is not None:
            layer._makes_mask |= all(given is None for given in tree.flatten(previous))
            set_mask(x, found)
    return outputs
