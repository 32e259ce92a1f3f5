"""The base class of losses, and losses made from functions."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from layercli.core import masking
from layercli.core.given_values import dtype_or_default, is_listed
from layercli.core.naming import auto_name
from layercli.core.registry import DataclassConfig
from layercli.core.types import Config, Tensor
from layercli.errors import DTypeError, UsageError
from layercli.lazy import torch
from layercli.losses.alignment import align_ranks, tensor
from layercli.losses.arguments import document
from layercli.losses.reduction import check_reduction, reduce


class Loss(DataclassConfig):
    """reduce(call(y_true, y_pred), sample_weight, mask): subclasses implement ``call``, which returns one value per
    sample.

    Raises UsageError for an unknown reduction or dtype, ShapeError for shapes that do not fit.

    Arguments:
        name: the name in logs; by default the class name in snake case.
        reduction: sum_over_batch_size (or mean), sum, mean_with_sample_weight, or none (or None).
        dtype: the dtype that predictions are converted to, or a policy; None is ``floatx()``, float32.
    """

    keras_module: ClassVar[str] = "keras.losses"
    name: str | None
    reduction: str | None
    dtype: str | None

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: str | None = None
    ) -> None:
        self.name, self.reduction, self.dtype = name, reduction, dtype
        self.__post_init__()

    def __post_init__(self) -> None:
        self.name = self.name or auto_name(type(self).__name__)
        self._given_dtype = self.dtype
        self.dtype = compute_dtype(self.dtype)
        check_reduction(self.reduction)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> torch.Tensor:
        """Return the loss of ``y_pred`` against ``y_true``; tensors, arrays or lists, as are the weights and the mask.

        The mask is that of ``y_pred``, which a layer gave it, unless one is given.
        """
        mask = masking.mask_of(y_pred) if mask is None else mask
        y_pred = self.prepared(y_pred)
        if sample_weight is None and mask is None:
            whole = self.whole(y_true, y_pred)
            if whole is not None:
                return whole
        return reduce(*self.unreduced(y_true, y_pred, sample_weight, mask), self.reduction)

    def prepared(self, y_pred: Tensor) -> torch.Tensor:
        """Return the predictions as a tensor in the dtype of the computation."""
        values = tensor(y_pred)
        return values.to(self.dtype_for(values))

    def whole(self, y_true: Tensor, y_pred: torch.Tensor) -> torch.Tensor | None:
        """Return ``mean`` where the reduction is the mean and no weights are given, else None."""
        return self.mean(y_true, y_pred) if self.reduction in ("sum_over_batch_size", "mean") else None

    def unreduced(
        self, y_true: Tensor, y_pred: torch.Tensor, sample_weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return the values, their weights and their mask, each None where there is none."""
        if is_listed(y_true) and not type(self).__module__.startswith(
            "layercli."
        ):  # a user's call computes with tensors
            y_true = tensor(y_true).to(y_pred.device)
        values = self.call(y_true, y_pred)
        own = self.mask(y_true, values)
        if own is not None:
            mask = own if mask is None else own & torch.as_tensor(mask, device=own.device).bool()
        return values, sample_weight, mask

    def dtype_for(self, y_pred: torch.Tensor) -> torch.dtype:
        """Return the dtype of the computation for ``y_pred``."""
        dtype: torch.dtype = getattr(torch, self.dtype or "float32")
        return dtype

    def call(self, y_true: Any, y_pred: torch.Tensor) -> torch.Tensor:
        """Return one value per sample."""
        raise NotImplementedError(f"{type(self).__name__} has no call(y_true, y_pred)")

    def mask(self, y_true: Tensor, values: torch.Tensor) -> torch.Tensor | None:
        """Return a boolean tensor of the values that count, or None for all."""
        return None

    def mean(self, y_true: Tensor, y_pred: torch.Tensor) -> torch.Tensor | None:
        """Return the mean of all values where one fused kernel computes it, else None."""
        return None

    def check(self, y_true: Tensor, y_pred: Tensor) -> None:
        """Raise the error for invalid ``y_true`` and ``y_pred``, by a computation on the CPU.

        Call it for the first batch: on a GPU a label out of range is an assertion of the device without an explanation.
        """
        device = torch.device("cpu")
        self(torch.as_tensor(y_true, device=device), torch.as_tensor(y_pred, device=device).detach())

    def get_config(self) -> Config:
        """Return the constructor's arguments; ``dtype`` only where it was given, as Keras does."""
        config = super().get_config()
        config.pop("dtype", None)
        return config if self._given_dtype is None else config | {"dtype": self.dtype}


def compute_dtype(dtype: Any) -> str:
    """Return the name of the dtype in which a loss computes: that of a policy, the default for None; else UsageError."""
    try:
        given = getattr(dtype, "compute_dtype", dtype)
        return dtype_or_default(given.removeprefix("mixed_") if isinstance(given, str) else given)
    except DTypeError as error:
        raise UsageError(error.message) from None


class FunctionLoss(Loss):
    """The Loss of a user's function fn(y_true, y_pred, **arguments), which returns one value per sample."""

    def __init__(
        self,
        fn: Callable[..., torch.Tensor],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
        **arguments: object,
    ) -> None:
        super().__init__(name=name or getattr(fn, "__name__", None), reduction=reduction, dtype=dtype)
        self.fn = fn
        self.arguments = arguments

    def call(self, y_true: Any, y_pred: torch.Tensor) -> torch.Tensor:
        """Return fn's values; a last axis of size 1 that only one of the two has is added to the other or removed."""
        if isinstance(y_true, torch.Tensor):
            y_true, y_pred = align_ranks(y_true, y_pred)
        return self.fn(y_true, y_pred, **self.arguments)

    @classmethod
    def settings(cls) -> list[str]:
        """Return the arguments in a config; ``get_config()`` adds those of the function."""
        return ["fn", "reduction", "name", "dtype"]

    def get_config(self) -> Config:
        """Return the constructor's arguments, the function by its name."""
        return {**super().get_config(), **self.arguments}


Mask = Callable[[Any, Any, "torch.Tensor"], "torch.Tensor | None"]
Whole = Callable[..., "torch.Tensor | None"]


def loss_class(
    name: str,
    function: Callable[..., torch.Tensor],
    *,
    order: str = "{} reduction name dtype",
    default_name: str | None = None,
    without: tuple[str, ...] = (),
    mask: Mask | None = None,
    mean: Whole | None = None,
    check: Callable[[Any], None] | None = None,
) -> type[Any]:
    """Return the Loss class ``name`` of ``function(y_true, y_pred, **arguments)``, whose arguments its constructor takes.

    ``order``: the constructor's arguments in Keras's order; ``{}`` stands for all arguments of ``function`` but those in
    ``without``. ``default_name``: the default of ``name``. ``mask(loss, y_true, values)`` returns which values count;
    ``mean(y_true, y_pred, **arguments)`` is ``Loss.mean``; ``check(loss)`` raises an error for invalid arguments.
    """
    arguments = [p for p in list(inspect.signature(function).parameters.values())[2:] if p.name not in without]
    names = [argument.name for argument in arguments]

    def call(self: object, y_true: Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        return function(y_true, y_pred, **{name: getattr(self, name) for name in names})

    def whole(self: object, y_true: Tensor, y_pred: torch.Tensor) -> torch.Tensor | None:
        if mean is None or not y_pred.numel():
            return None
        return mean(y_true, y_pred, **{name: getattr(self, name) for name in names})

    def post_init(self: Any) -> None:
        Loss.__post_init__(self)
        if check is not None:
            check(self)

    types = {p.name: (p.annotation, p.default) for p in arguments} | {
        "reduction": ("str | None", "sum_over_batch_size"),
        "name": ("str | None", default_name or function.__name__),
        "dtype": ("str | None", None),
    }
    fields: list[Any] = [(field, *types[field]) for field in order.format(" ".join(names)).split()]
    namespace: dict[str, Any] = {
        "call": call,
        "mean": whole,
        "__post_init__": post_init,
        "__module__": function.__module__,
    }
    if mask is not None:
        namespace["mask"] = mask
    namespace["__doc__"] = document(inspect.getdoc(function) or "", [field[0] for field in fields])
    return dataclasses.make_dataclass(name, fields, bases=(Loss,), namespace=namespace, eq=False)
