"""Symbolic tensors: a shape and a dtype without values. ``Input`` and layers called on symbolic tensors return them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core import dtypes, naming
from layercli.core.backend import get_backend
from layercli.core.dims import Size
from layercli.core.spec import Shape, Spec, shape_of
from layercli.errors import UnknownSizeError, UsageError

if TYPE_CHECKING:
    from layercli.core.graph import Node


class Operators:
    """The operators of a tensor without values, for symbolic tensors and variables; ops implement them."""

    __array_ufunc__ = None  # an array on the left hands the operator over instead of looping over it

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return get_backend().torch_function(function, args, kwargs or {})

    def __add__(self, other: Any) -> Any:
        return get_backend().ops.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return get_backend().ops.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return get_backend().ops.subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return get_backend().ops.subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return get_backend().ops.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return get_backend().ops.multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return get_backend().ops.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return get_backend().ops.divide(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return get_backend().ops.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return get_backend().ops.floor_divide(other, self)

    def __mod__(self, other: Any) -> Any:
        return get_backend().ops.mod(self, other)

    def __rmod__(self, other: Any) -> Any:
        return get_backend().ops.mod(other, self)

    def __pow__(self, other: Any) -> Any:
        return get_backend().ops.power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return get_backend().ops.power(other, self)

    def __matmul__(self, other: Any) -> Any:
        return get_backend().ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return get_backend().ops.matmul(other, self)

    def __neg__(self) -> Any:
        return get_backend().ops.negative(self)

    def __abs__(self) -> Any:
        return get_backend().ops.absolute(self)

    def __lt__(self, other: Any) -> Any:
        return get_backend().ops.less(self, other)

    def __le__(self, other: Any) -> Any:
        return get_backend().ops.less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return get_backend().ops.greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return get_backend().ops.greater_equal(self, other)

    def __ne__(self, other: Any) -> Any:  # == asks whether two are the same one, as in Keras: lists are searched by it
        return get_backend().ops.not_equal(self, other)

    def __and__(self, other: Any) -> Any:
        return get_backend().ops.logical_and(self, other)

    def __rand__(self, other: Any) -> Any:
        return get_backend().ops.logical_and(other, self)

    def __or__(self, other: Any) -> Any:
        return get_backend().ops.logical_or(self, other)

    def __ror__(self, other: Any) -> Any:
        return get_backend().ops.logical_or(other, self)

    def __xor__(self, other: Any) -> Any:
        return get_backend().ops.logical_xor(self, other)

    def __rxor__(self, other: Any) -> Any:
        return get_backend().ops.logical_xor(other, self)

    def __invert__(self) -> Any:
        return get_backend().ops.logical_not(self)

    def __getitem__(self, key: Any) -> Any:
        return get_backend().ops.getitem(self, key)


class SymbolicTensor(Operators):
    """A Spec with its place in a graph: output ``index`` of ``node``, or an input where ``node`` is None.

    ``mask`` says which steps of a sequence are padding, where the layer that made the tensor knows. ``origin`` is the variable
    whose value it is, or the tensor that it is cast from.
    """

    origin: Any = None

    def __init__(self, spec: Spec, node: Node | None = None, index: int = 0, name: str = "") -> None:
        self.spec = spec
        self.node = node
        self.index = index
        self.name = name
        self.mask: Any = None

    @property
    def shape(self) -> Shape:
        """The sizes of the axes."""
        return self.spec.shape

    @property
    def dtype(self) -> str:
        """The dtype's name."""
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.spec.rank

    sparse = ragged = False

    def __iadd__(self, other: Any) -> Any:
        return self._written_over("add", other)

    def __isub__(self, other: Any) -> Any:
        return self._written_over("subtract", other)

    def __imul__(self, other: Any) -> Any:
        return self._written_over("multiply", other)

    def __itruediv__(self, other: Any) -> Any:
        return self._written_over("divide", other)

    def _written_over(self, operator: str, other: Any) -> Any:
        """Return the result of an operator that torch writes over this tensor, as in ``x += y``."""
        out = getattr(get_backend().ops, operator)(self, other)
        if isinstance(out, SymbolicTensor) and out.node is not None and out.spec == self.spec:
            out.node.in_place = True
        return out

    def __len__(self) -> int:
        first: Size = self.shape[0] if self.shape else 0
        return first if isinstance(first, int) else first.__index__()

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        raise self._valueless("whether it is true")

    def __index__(self) -> int:
        raise self._valueless("an integer")

    def __int__(self) -> int:
        raise self._valueless("an integer")

    def __float__(self) -> float:
        raise self._valueless("a number")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise self._valueless("an array")

    def _valueless(self, wanted: str) -> UnknownSizeError:
        return UnknownSizeError(
            f"asks {wanted} of a tensor that has no values while the model is described (x = {self.spec})",
            hint="a layer's call may depend on shapes, not on values: use torch.where, or an op that selects",
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"a symbolic tensor has no attribute {name!r}")
        return get_backend().tensor_attribute(self, name)

    def __repr__(self) -> str:
        return f"<SymbolicTensor {self.spec}>"


class _AnySymbolicTensor(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, SymbolicTensor)


class KerasTensor(metaclass=_AnySymbolicTensor):
    """A symbolic tensor by Keras's name: ``KerasTensor((None, 3))`` makes one, and every symbolic tensor is an instance.

    Args:
        shape: The shape with the batch; None for any size.
        dtype: The dtype.
        sparse: Must be false: tensors are dense.
        ragged: Must be false.
        record_history: Accepted as in Keras.
        name: The name.
    """

    def __new__(  # type: ignore[misc]  # it stands for the class of the tensors it makes
        cls,
        shape: Any,
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
    ) -> SymbolicTensor:
        """Return a symbolic tensor."""
        if sparse or ragged:
            raise UsageError("KerasTensor has no sparse and no ragged tensors here: layercli computes dense ones")
        return SymbolicTensor(
            Spec(shape_of(shape), dtypes.name_of(dtype)), name=name or naming.auto_name("KerasTensor")
        )
