"""Symbolic tensors: a shape and a dtype without values. ``Input`` and layers called on symbolic tensors return them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from layercli.core import dims, dtypes, naming
from layercli.core.backend import get_backend
from layercli.core.call_context import is_describing
from layercli.core.dims import Size
from layercli.core.spec import Spec, shape_of, shown
from layercli.core.types import DTypeLike, ShapeLike, Tensor, TensorLike
from layercli.errors import NoItemsError, NoValueError, UnknownSizeError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from layercli.core.graph import Node


def _binary(operation: str) -> Callable[[Any, TensorLike], Tensor]:
    """Return the operator that calls the function ``operation`` of ``layercli.ops``."""

    def operator(self: object, other: TensorLike) -> Tensor:
        result: Tensor = getattr(get_backend().ops, operation)(self, other)
        return result

    return operator


def _reflected(operation: str) -> Callable[[Any, TensorLike], Tensor]:
    """Return the operator of an operand on the right."""

    def operator(self: object, other: TensorLike) -> Tensor:
        result: Tensor = getattr(get_backend().ops, operation)(other, self)
        return result

    return operator


def _unary(operation: str) -> Callable[[Any], Tensor]:
    def operator(self: object) -> Tensor:
        result: Tensor = getattr(get_backend().ops, operation)(self)
        return result

    return operator


class Operators:
    """The operators of a tensor without values, for symbolic tensors and variables; ops implement them."""

    __array_ufunc__: Any = None  # an array on the left hands the operator over instead of looping over it

    @classmethod
    def __torch_function__(cls, function: Any, types: object, args: Any = (), kwargs: Any = None) -> Any:
        return get_backend().torch_function(function, args, kwargs or {})

    __add__, __radd__ = _binary("add"), _reflected("add")
    __sub__, __rsub__ = _binary("subtract"), _reflected("subtract")
    __mul__, __rmul__ = _binary("multiply"), _reflected("multiply")
    __truediv__, __rtruediv__ = _binary("divide"), _reflected("divide")
    __floordiv__, __rfloordiv__ = _binary("floor_divide"), _reflected("floor_divide")
    __mod__, __rmod__ = _binary("mod"), _reflected("mod")
    __pow__, __rpow__ = _binary("power"), _reflected("power")
    __matmul__, __rmatmul__ = _binary("matmul"), _reflected("matmul")
    __lt__, __le__ = _binary("less"), _binary("less_equal")
    __gt__, __ge__ = _binary("greater"), _binary("greater_equal")
    __ne__ = _binary("not_equal")  # type: ignore[assignment]  # == asks whether two are the same one, as in Keras: lists are searched by it
    __and__, __rand__ = _binary("logical_and"), _reflected("logical_and")
    __or__, __ror__ = _binary("logical_or"), _reflected("logical_or")
    __xor__, __rxor__ = _binary("logical_xor"), _reflected("logical_xor")
    __neg__, __abs__, __invert__ = _unary("negative"), _unary("absolute"), _unary("logical_not")
    __getitem__ = _binary("getitem")


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
        self.mask: object = None

    @property
    def shape(self) -> tuple[Size | None, ...]:
        """The sizes of the axes: outside of a layer's ``call`` None for one that is not known, inside a size to compute with."""
        return self.spec.shape if is_describing() else shown(self.spec.shape)

    @property
    def dtype(self) -> str:
        """The dtype's name."""
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.spec.rank

    sparse = ragged = False

    def __iadd__(self, other: TensorLike) -> Tensor:
        return self._written_over("add", other)

    def __isub__(self, other: TensorLike) -> Tensor:
        return self._written_over("subtract", other)

    def __imul__(self, other: TensorLike) -> Tensor:
        return self._written_over("multiply", other)

    def __itruediv__(self, other: TensorLike) -> Tensor:
        return self._written_over("divide", other)

    def _written_over(self, operator: str, other: TensorLike) -> Tensor:
        """Return the result of an operator that torch writes over this tensor, as in ``x += y``."""
        out: Any = getattr(get_backend().ops, operator)(self, other)
        if isinstance(out, SymbolicTensor) and out.node is not None and out.spec == self.spec:
            out.node.in_place = True
        result: Tensor = out
        return result

    def __len__(self) -> int:
        first: Size = self.spec.shape[0] if self.ndim else 0
        return first if isinstance(first, int) else first.__index__()

    def __iter__(self) -> Iterator[Tensor]:
        if not isinstance(self.spec.shape[0] if self.ndim else None, int):
            raise self._valueless("the items", NoItemsError)
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self._constant("whether it is true"))

    def __index__(self) -> int:
        index: int = self._constant("an integer").__index__()
        return index

    def __int__(self) -> int:
        return int(self._constant("an integer"))

    def __float__(self) -> float:
        return float(self._constant("a number"))

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        values: np.ndarray = get_backend().to_numpy(self._constant("an array"))
        return values if dtype is None else values.astype(dtype)  # type: ignore[call-overload]  # any dtype of NumPy

    def _constant(self, wanted: str) -> Any:
        """Return the value of a tensor that is the same in every call; raise UnknownSizeError where inputs decide it."""
        value = get_backend().constant_value(self)
        if value is None:
            raise self._valueless(wanted)
        return value

    def _valueless(self, wanted: str, kind: type[UnknownSizeError] = UnknownSizeError) -> UnknownSizeError:
        return kind(
            f"asks {wanted} of a tensor that has no values while the model is described (x = {self.spec})",
            hint="a layer's call may depend on shapes, not on values: use torch.where, or an op that selects",
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"a symbolic tensor has no attribute {name!r}")
        if name == "numpy":  # scripts ask hasattr(x, "numpy") to tell values from symbolic tensors
            raise self._valueless("an array", NoValueError)
        return get_backend().tensor_attribute(self, name)

    def __repr__(self) -> str:
        shape = tuple(map(dims.number, self.spec.shape))
        return f"<KerasTensor shape={shape}, dtype={self.dtype}, sparse=False, ragged=False, name={self.name}>"


class _AnySymbolicTensor(type):
    def __instancecheck__(cls, x: object) -> bool:
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
        shape: ShapeLike,
        dtype: DTypeLike = "float32",
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
