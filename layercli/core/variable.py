"""Variables: the description of a parameter or buffer, whose value the layer module holds."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from layercli import initializers
from layercli.core import call_context, dtypes, naming, stateless_scope
from layercli.core.backend import get_backend
from layercli.core.dims import Size
from layercli.core.dtypes import BYTES
from layercli.core.given_values import GivenValue, check_aggregation, dtype_or_default, is_listed, np_array
from layercli.core.keras_tensor import Operators, SymbolicTensor
from layercli.core.name_scope import prefixed
from layercli.core.numpy_functions import NumpyFunctions
from layercli.core.spec import Shape, Spec, shape_of
from layercli.core.stateless_scope import open_scopes, replacement
from layercli.core.types import DTypeLike, ShapeLike
from layercli.core.variable_owner import TensorOwner, VariableOwner
from layercli.distribution import scope
from layercli.errors import ArgumentError, ShapeError, UsageError

if TYPE_CHECKING:
    from layercli.core.layer import Layer


class Variable(NumpyFunctions, Operators):
    """A Spec, an initializer, and where its value lives: ``key`` in the layer module of ``owner``.

    ``layout`` is the order in which the module stores the axes, chosen so that torch's kernel takes a view of it;
    ``shape``, ``value``, ``numpy`` and weight files always speak the logical order. It never holds a tensor itself.
    A variable that is not ``persistent`` (the counter of a random stream, the states of an RNN) is not saved or counted.

    ``Variable(value)`` makes one that is of no layer until it becomes an attribute of one; ``add_weight`` makes those of layers.

    Args:
        initializer: The value (an array, a number or nested lists), or an initializer of a ``shape``.
        shape: The shape, for an initializer.
        dtype: The dtype; None for that of the value, or for the default of floats.
        trainable: Whether an optimizer may update it.
        autocast: Whether a layer that it becomes an attribute of reads it in its compute dtype.
        aggregation: Accepted as in Keras; ranks are synchronized by the trainer.
        synchronization: Accepted as in Keras.
        name: The name; None for ``variable`` with a number.
    """

    overwrite_with_gradient = False
    unpacked: tuple[tuple[int, ...], int] | None = None
    """The shape of the integers of 4 bits that the bytes stand for, and the axis along which two share a byte."""

    def __init__(
        self,
        initializer: Any,
        shape: ShapeLike | None = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
    ) -> None:
        name = naming.auto_name("Variable") if name is None or name == "" else name
        if not isinstance(name, str) or "/" in name:
            raise UsageError(f"a variable's name is text without '/', got {name!r}")
        if initializer is None:
            raise UsageError("Variable expects a value, or an initializer and a shape, got None")
        if isinstance(initializer, str) or callable(initializer):
            if shape is None:
                raise UsageError(f"Variable expects a shape beside the initializer {initializer!r}")
            made, spec = initializers.get(initializer), Spec(shape_of(shape), dtype_or_default(dtype))
        else:
            value = initializer if hasattr(initializer, "shape") else np_array(initializer, dtype_or_default(dtype))
            own = getattr(value, "dtype", None) if dtype is None else dtype
            spec = Spec(shape_of(value.shape), dtype_or_default(own))
            made = GivenValue(value)
        check_aggregation(aggregation)
        owner = VariableOwner()
        self._hold(owner, name, prefixed(name), spec, made, trainable=trainable)
        owner.variable = self
        self.autocast, self.aggregation, self.synchronization = autocast, aggregation, synchronization

    @classmethod
    def of(cls, *args: Any, **kwargs: Any) -> Variable:
        """Return a variable of a layer, or of what is in the place of one; the arguments are those of ``_hold``."""
        variable = cls.__new__(cls)
        variable._hold(*args, **kwargs)
        variable.autocast, variable.aggregation, variable.synchronization = True, "none", "auto"
        return variable

    def _hold(
        self,
        owner: Any,
        key: str,
        path: str,
        spec: Spec,
        initializer: Any,
        *,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        cast: str | None = None,
        layout: tuple[int, ...] | None = None,
        persistent: bool = True,
    ) -> None:
        self.owner = owner
        self.key = key
        self.path = path
        self.spec = spec
        self.initializer = initializer
        self.regularizer = regularizer
        self.constraint = constraint
        self.persistent = persistent
        self.distribution = scope.distribution()
        self.store_as(layout)
        self.made_trainable = trainable
        self._trainable = trainable
        self._cast = cast if cast != spec.dtype and dtypes.is_floating(spec.dtype) else None

    def store_as(self, layout: tuple[int, ...] | None) -> None:
        """Let the module store the axes in the order ``layout``; only before there is a value."""
        self.layout = layout if layout != tuple(range(self.spec.rank)) else None
        self._logical = _inverse(self.layout) if self.layout else None

    @property
    def is_free(self) -> bool:
        """Whether it is of no layer yet."""
        return isinstance(self.owner, VariableOwner)

    def join(self, layer: Layer, key: str) -> None:
        """Become a variable of ``layer``, with the value that it has."""
        call_context.check_may_grow(layer)
        held, self.owner = self.owner, layer
        if held._module is not None:
            self.initializer = GivenValue(getattr(held._module, self.key))
        self.key = key
        layer._variables[key] = self
        wanted = layer._policy.compute if self.autocast else self.dtype
        self._cast = wanted if wanted != self.dtype and dtypes.is_floating(self.dtype) else None
        if layer._module is not None:
            layer._module.register_variable(self)

    @property
    def name(self) -> str:
        """Its own name, as in ``kernel``: the last part of ``path``."""
        return self.path.rpartition("/")[2]

    @property
    def shape(self) -> Shape:
        """The logical shape."""
        return self.spec.shape

    @property
    def sizes(self) -> tuple[int, ...]:
        """The logical shape, as the numbers a variable's sizes always are."""
        return tuple(int(size) for size in self.shape)

    @property
    def dtype(self) -> str:
        """The dtype of the stored value."""
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.spec.rank

    @property
    def size(self) -> Size:
        """The number of values."""
        return self.spec.size

    @property
    def parameters(self) -> int:
        """The number of values that it stands for: two in each byte of packed integers."""
        return int(self.size) if self.unpacked is None else prod(self.unpacked[0])

    @property
    def trainable(self) -> bool:
        """Whether an optimizer may update it: its own flag and that of its layer."""
        return self._trainable and self.owner.trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        self.owner.update_requires_grad()

    @property
    def stored(self) -> Any:
        """The tensor of the layer module, in the physical layout: a torch Parameter if trainable, else a buffer."""
        value = replacement(self) if open_scopes else None
        return getattr(self.owner.module, self.key) if value is None else value

    @property
    def value(self) -> Any:
        """The value as a torch tensor of the logical shape: a view of the stored tensor, in the compute dtype.

        ``grad`` is the gradient that torch keeps on the stored tensor. In a symbolic call it is a symbolic tensor.
        """
        value = self.tensor
        if self._logical is not None and self._cast is None and not call_context.is_describing():
            stored = self.stored
            gradient = stored.grad if getattr(stored, "is_leaf", False) else None
            if gradient is not None:
                value.grad = gradient.permute(*self._logical)
        return value

    @property
    def tensor(self) -> Any:
        """The value as the input of an op."""
        if call_context.is_describing():
            described = SymbolicTensor(Spec(self.shape, self._cast or self.dtype))
            described.origin = self
            return described
        value = replacement(self) if open_scopes else None
        if value is None:
            module = self.owner._module
            if module is None:
                module = self.owner.module
            value = (module._parameters if self.made_trainable else module._buffers).get(self.key)
            if value is None:  # the module computes it, by a parametrization for example
                value = getattr(module, self.key)
        if self._logical is not None:
            # permute reads separate numbers faster than a tuple
            value = value.T if self._logical == (1, 0) else value.permute(*self._logical)
        if self._cast is None:
            return value
        return get_backend().cast(value, self._cast)

    def initial_value(self, rng: Any) -> Any:
        """Return an initial value as a NumPy array of the logical shape; the initializer draws it with the generator ``rng``.

        A value whose dtype NumPy lacks is drawn in float32.
        """
        drawable = self.dtype if BYTES[self.dtype] > 2 or not dtypes.is_floating(self.dtype) else "float32"
        return initializers.values(self.initializer, self.sizes, drawable, rng)

    def assign(self, value: object) -> Any:
        """Set the value from an array of the variable's shape, and return it as a tensor. In a symbolic call nothing is set."""
        if call_context.is_describing():
            return self.tensor
        self._follow(value)
        if value is None or isinstance(value, str):
            raise UsageError(f"the variable {self.path} takes an array of the shape {self.shape}, got {value!r}")
        backend = get_backend()
        found = tuple(value.shape) if hasattr(value, "shape") else tuple(backend.as_tensor(value).shape)
        if found != self.shape:
            raise ShapeError(f"the variable {self.path} has the shape {self.shape}, not {found}")
        if not stateless_scope.assigned(self, value):
            backend.assign(self.stored, value, self.layout)
        return self.tensor

    def assign_add(self, value: object) -> Any:
        """Add ``value`` to the variable, and return the sum as a tensor."""
        if call_context.is_describing():
            return self.tensor
        self._follow(value)
        return self.assign(self.value.detach() + _tensor_of(value))

    def assign_sub(self, value: object) -> Any:
        """Subtract ``value`` from the variable, and return the difference as a tensor."""
        if call_context.is_describing():
            return self.tensor
        self._follow(value)
        return self.assign(self.value.detach() - _tensor_of(value))

    def _follow(self, value: object) -> None:
        if isinstance(self.owner, TensorOwner):
            self.owner.follow(self.key, value)

    def __len__(self) -> int:
        if not self.shape:
            raise ArgumentError(f"the variable {self.path} is one number: it has no length")
        return self.sizes[0]

    def __bool__(self) -> bool:
        raise ArgumentError(
            f"the variable {self.path} is neither true nor false", hint="compare its value: float(variable) != 0"
        )

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def numpy(self) -> Any:
        """Return a copy of the value as a NumPy array of the logical shape."""
        return get_backend().to_numpy(self.stored, self._logical)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Any:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def __getattr__(self, name: str) -> Any:
        is_own = hasattr(type(self), name)  # a property that failed
        if name.startswith("_") or is_own or "spec" not in self.__dict__:
            raise AttributeError(f"a variable has no attribute {name!r}")
        return get_backend().tensor_attribute(self, name)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}{self._shown_value()}>"

    def _shown_value(self) -> str:
        """Return the value as ``repr`` shows it: that of a module which is made already, as drawing values can take long."""
        if call_context.is_describing():
            return ""
        if getattr(self.owner, "_module", None) is None:
            return f", value={self.initial_value(None)}" if isinstance(self.initializer, GivenValue) else ""
        stored = self.stored
        if hasattr(stored, "full_tensor"):
            return ", sharded"  # all ranks would have to print, or none: they gather it together
        return "" if stored.is_meta else f", value={self.numpy()}"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return get_backend().html(self)


def _tensor_of(value: object) -> object:
    return (
        value.tensor if isinstance(value, Variable) else get_backend().as_tensor(value) if is_listed(value) else value
    )


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(order.index(axis) for axis in range(len(order)))
