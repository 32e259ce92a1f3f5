"""Raw torch functions on symbolic values in a layer's ``call``: torch's meta device gives the shapes.

Unknown sizes are filled with primes; how the result's sizes change with the primes shows which unknowns they depend on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from operator import attrgetter
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from layercli.core import call_context, dims, dtypes, tree
from layercli.core.constant_values import constant_value
from layercli.core.dims import UNKNOWN, Dim, Size
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.operation import TreeOp
from layercli.core.spec import Spec
from layercli.core.types import Config, Tensor
from layercli.core.variable import Variable
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.runtime.analysis.filled_sizes import PRIMES, Formulas
from layercli.runtime.execution.tensors import dtype_of


@dataclass(frozen=True)
class _TensorSlot:
    index: int


@dataclass(frozen=True, eq=False)
class TorchFunction(TreeOp):
    """out = function(*args, **kwargs) for any torch function; ``given`` are its arguments without the tensors.

    ``sources`` are the symbolic shapes of the tensors; sizes among the arguments are recovered from them.
    """

    function: Callable[..., Any]
    given: tuple[Any, dict[str, Any]] = field(hash=False)
    sources: tuple[Any, ...] = ()

    def spec(self, *inputs: Any) -> Any:
        """Return the spec on which two runs on the meta device agree."""
        fills = self._fills(inputs)
        first, second = (self._shapes(inputs, fill) for fill in fills)
        return tree.map_structure(lambda pair: pair, _merged(first, second, Formulas(fills)))

    def macs(self, *inputs: Any) -> Size:
        """Return half of the floating point operations that torch counts on the meta device, if they depend on no unknown."""
        counts = []
        for fill in self._fills(inputs):
            with FlopCounterMode(display=False) as counter:
                self._on_meta(inputs, fill)
            counts.append(counter.get_total_flops() // 2)
        return counts[0] if counts[0] == counts[1] else UNKNOWN

    def run(self, *tensors: Any) -> Any:
        """Apply the function to the tensors; sizes among its arguments are computed from the tensors' shapes."""
        sizes = {
            size: actual
            for source, x in zip(self.sources, tensors, strict=True)
            if isinstance(source, Spec)
            for size, actual in zip(source.shape, x.shape, strict=True)
            if isinstance(size, Dim)
        }
        return self._applied(tensors, lambda size: _actual(size, sizes))

    def _fills(self, inputs: tuple[object, ...]) -> list[dict[Any, int]]:
        """Return two fillings of the unknowns of all arguments: a prime per name, and one for all anonymous unknowns."""
        shapes = [size for x in inputs if isinstance(x, Spec) for size in x.shape]
        names = sorted({name for size in [*shapes, *tree.flatten(self.given)] for name in dims.names(size)})
        return [dict(zip([None, *names], primes, strict=False)) for primes in PRIMES]

    def _applied(self, tensors: object, number: Callable[[Dim], int]) -> Any:
        def filled(x: Tensor) -> Tensor:
            if isinstance(x, _TensorSlot):
                return tensors[x.index]
            return number(x) if isinstance(x, Dim) else x

        args, kwargs = tree.map_structure(filled, self.given)
        return self.function(*args, **kwargs)

    def _on_meta(self, inputs: tuple[object, ...], fill: Mapping[object, int]) -> object:
        metas = [
            torch.empty([_filled(n, fill) for n in x.shape], dtype=dtype_of(x.dtype), device="meta")
            if isinstance(x, Spec)
            else x
            for x in inputs
        ]
        with torch.device("meta"):
            return self._applied(metas, lambda size: _filled(size, fill))

    def _shapes(self, inputs: tuple[object, ...], fill: Mapping[object, int]) -> object:
        try:
            result = self._on_meta(inputs, fill)
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            name = getattr(self.function, "__name__", str(self.function))
            reason = str(error).splitlines()[0].rstrip(".")
            given = ", ".join(str(x) for x in inputs)
            raise ShapeError(f"cannot apply torch's {name} to {given}: {reason}") from None
        return tree.map_structure(
            lambda x: (tuple(x.shape), dtypes.name_of(x.dtype)) if isinstance(x, torch.Tensor) else x, _plain(result)
        )


def torch_function(function: Callable[..., Any], args: Any, kwargs: Config) -> Any:
    """Apply a torch function to arguments that contain symbolic tensors or variables."""
    flat = tree.flatten((args, kwargs))
    if not call_context.is_describing() and not any(isinstance(x, SymbolicTensor) for x in flat):
        args, kwargs = tree.map_structure(lambda x: x.value if isinstance(x, Variable) else x, (args, kwargs))
        return function(*args, **kwargs)
    tensors: list[Tensor] = []

    def slotted(x: Tensor) -> object:
        if not isinstance(x, (SymbolicTensor, Variable, torch.Tensor)):
            return x
        tensors.append(x)
        return _TensorSlot(len(tensors) - 1)

    given = tree.map_structure(slotted, (tuple(args), kwargs))
    sources = tuple(getattr(x, "spec", None) for x in tensors)
    return TorchFunction(function, given, sources).trace(tensors, tensors)


def tensor_attribute(x: Any, name: str) -> object:
    """Return the attribute ``name`` of a symbolic tensor: a method or property of torch's Tensor."""
    if isinstance(x, Variable) and not call_context.is_describing():
        return getattr(x.value, name)
    shape = x.spec.shape
    known: dict[str, object] = {
        "device": torch.device("meta"),
        "dim": lambda: len(shape),
        "size": lambda dim=None: shape if dim is None else shape[dim],
        "numel": lambda: dims.product(shape),
        "requires_grad": False,
    }
    if name in known:
        return known[name]
    if name in ("item", "tolist", "numpy") and (value := constant_value(x)) is not None:
        return getattr(value, name)
    attribute = getattr(torch.Tensor, name, None)
    if attribute is None:
        raise AttributeError(f"a symbolic tensor has no attribute {name!r}, and neither has a torch tensor")
    if callable(attribute):
        return lambda *args, **kwargs: torch_function(attribute, (x, *args), kwargs)
    return torch_function(attrgetter(name), (x,), {})


def _filled(size: Size, fill: Mapping[Any, int]) -> int:
    if isinstance(size, int):
        return size
    return fill[None] if size.anonymous else int(size.at(fill))


def _actual(size: Dim, sizes: Mapping[Dim, int]) -> int:
    if size in sizes:
        return sizes[size]
    names = {str(known): actual for known, actual in sizes.items()}
    return int(size.at(names))


def _plain(result: object) -> object:
    return list(result) if isinstance(result, tuple) and type(result) is not tuple else result


def _merged(first: Any, second: Any, formulas: Formulas) -> object:
    """Return the spec whose sizes explain both runs, leaf by leaf."""
    if isinstance(first, tuple) and len(first) == 2 and isinstance(first[1], str):
        sizes = zip(first[0], second[0], strict=True)
        return Spec(tuple(map(formulas.of, sizes)), first[1])
    if isinstance(first, (list, tuple)):
        return type(first)(_merged(a, b, formulas) for a, b in zip(first, second, strict=True))
    return first
