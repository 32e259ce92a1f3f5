"""Operations: frozen dataclasses whose fields are their arguments, with the rules ``spec``, ``macs`` and ``run``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from layercli.core import dtypes, graph
from layercli.core.backend import get_backend
from layercli.core.dims import Size
from layercli.core.graph import Node
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.spec import Spec, shape_of
from layercli.core.text import STRING, is_text
from layercli.core.types import Tensor
from layercli.core.variable import Variable
from layercli.errors import DTypeError, LayercliError

REGISTRY: dict[str, type[Op]] = {}
"""Every operation by its qualified name; the consistency tests run over all of them."""

T = TypeVar("T")


class cached_property(Generic[T]):
    """A property that is computed once and then stored as an attribute.

    Unlike functools.cached_property it has no lock, which Python 3.11 has and torch.compile cannot trace.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute = compute
        self.name = compute.__name__
        self.__doc__ = compute.__doc__

    def __get__(self, op: object, owner: type | None = None) -> T:
        if op is None:
            return self  # type: ignore[return-value]  # asked of the class, where it is itself
        value = vars(op)[self.name] = self.compute(op)
        return value


def register(operation: type[Op]) -> None:
    """Add an operation under its module and name; TypeError where layercli has another one of that name.

    Users may define theirs again, as a notebook's cell does when it is run twice.
    """
    name = f"{operation.__module__}.{operation.__qualname__}"
    if name in REGISTRY and name.startswith("layercli."):
        raise TypeError(f"there are two operations {name}")
    REGISTRY[name] = operation


def find_operation(class_name: str) -> type[Op] | None:
    """Return layercli's own operation of that class name, or None; its class names are unique."""
    found = (
        cls for cls in REGISTRY.values() if cls.__name__ == class_name and cls.__module__.startswith("layercli.ops.")
    )
    return next(found, None)


class Op(ABC):
    """An operation on tensors. On symbolic tensors a call applies ``spec``; on tensors it runs."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__name__.startswith("_") and cls.__module__ != __name__:
            register(cls)

    promotes = False
    """Whether tensors of several dtypes are taken in the one they promote to, as the spec says: torch's kernel takes only one."""

    @abstractmethod
    def spec(self, *inputs: Any) -> Any:
        """Return the Spec (or a tuple of Specs) of the result for the Specs of the inputs; raise ShapeError if they do not fit."""

    def macs(self, *inputs: Any) -> Size:
        """Return the number of multiply-accumulates for the Specs of the inputs; 0 for an operation without matrix products."""
        return 0

    @abstractmethod
    def run(self, *inputs: Any) -> Any:
        """Return the result on torch tensors."""

    def __call__(self, *inputs: object) -> Tensor:
        """Trace on symbolic tensors, run on tensors, arrays and nested lists; a variable stands for its value."""
        values = [x.tensor if type(x) is Variable else x for x in inputs]
        out: Tensor
        for x in values:
            if type(x) is SymbolicTensor:
                out = self.trace(inputs, values)
                return out
        try:
            out = self.run(*values)
        except Exception as error:
            out = self._again(error, values)
        return out

    def trace(self, inputs: Sequence[object], values: Sequence[object]) -> Any:
        """Apply ``spec`` to the ``inputs``, record the node and return symbolic tensors."""
        node = graph.record(Node(self, tuple(inputs), specs=tuple(map(spec_of, values))))
        return node.set_outputs(self._result_of(node.specs))

    def _result_of(self, specs: Sequence[Any]) -> Any:
        """Return ``spec`` of the inputs; DTypeError for one that is neither a tensor nor a number."""
        try:
            return self.spec(*specs)
        except AttributeError as error:  # only a Spec has a shape and a dtype
            others = [
                x for x in specs if not isinstance(x, (Spec, int, float, complex)) and (x is not None or x is specs[0])
            ]
            if not others:
                raise
            raise DTypeError(f"expects tensors and numbers, got {others[0]!r}") from error

    def _again(self, error: Exception, inputs: Sequence[object]) -> Tensor:
        """Convert arrays and lists to tensors and run again; if that fails too, raise the error of ``spec`` or torch's."""
        backend = get_backend()
        if isinstance(error, LayercliError) and not any(isinstance(x, Variable) for x in inputs):
            raise error
        alone = not any(hasattr(x, "shape") for x in inputs)  # numbers beside nothing are tensors too
        converted = tuple(
            x.tensor
            if isinstance(x, Variable)
            else backend.as_tensor(x)
            if backend.is_array(x) or _are_tensors(x) or (alone and isinstance(x, (int, float)))
            else x
            for x in inputs
        )
        if any(a is not b for a, b in zip(converted, inputs, strict=True)):
            return self(*converted)
        specs = [spec_of(x) for x in inputs]
        self._result_of(specs)
        found = {spec.dtype for spec in specs if isinstance(spec, Spec)}
        if self.promotes and len(found) > 1:
            return self(*backend.as_one_dtype(inputs, reduce(dtypes.promote, sorted(found))))
        if isinstance(error, NotImplementedError) and " not implemented for " in str(error):
            raise DTypeError(f"cannot be computed on {', '.join(sorted(found))}: torch has no such kernel") from error
        raise error


def _are_tensors(values: object) -> bool:
    """Whether ``values`` is a list, nested or not, of tensors, variables and numbers: it is taken as one tensor of them."""
    if not isinstance(values, (list, tuple)) or not values:
        return False
    return all(hasattr(x, "detach") or isinstance(x, (Variable, int, float)) or _are_tensors(x) for x in values)


def require_tensor(x: Any) -> None:
    """Raise TypeError for an array of numbers, on which a method that tensors have too would run: a call then converts it."""
    if not hasattr(x, "detach") and not is_text(x):
        raise TypeError(f"expects a tensor, got {type(x).__name__}")


class MultiOutputOp(Op):
    """An operation with several results: ``spec`` and ``run`` return a tuple."""

    if TYPE_CHECKING:

        def __call__(self, *inputs: object) -> tuple[Tensor, ...]:  # type: ignore[override]  # several results
            """Trace or run, as Op does."""

    def _result_of(self, specs: Sequence[Any]) -> Any:
        return self.spec(*specs)  # its inputs may be trees


class TreeOp(Op):
    """An operation whose results are a tree, or one tensor or several by its arguments."""

    if TYPE_CHECKING:

        def __call__(self, *inputs: object) -> Any:
            """Trace or run, as Op does."""


def spec_of(x: object) -> Any:
    """Return the Spec of a symbolic tensor, a variable or a tensor; a number or None stays as it is."""
    if isinstance(x, (SymbolicTensor, Variable)):
        return x.spec
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        return Spec(shape_of(x.shape), STRING if is_text(x) else dtypes.name_of(x.dtype))
    return x
