"""A variable whose value is a number of Python's, kept where it is used: a learning rate, a count of steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core.backend import get_backend
from layercli.core.spec import Spec
from layercli.core.stateless_scope import in_stateless_scope, tensors_of
from layercli.core.variable import Variable


class NumberVariable(Variable):
    """Reads and sets a number by ``read`` and ``write``; compares and formats as that number.

    ``held`` is an empty dict, the same for all variables of one number: its copy in a StatelessScope has what the number is there.
    """

    def __init__(
        self, path: str, dtype: str, read: Callable[[], Any], write: Callable[[Any], None], held: dict[str, Any]
    ) -> None:
        self._hold(self, path.rpartition("/")[2], path, Spec((), dtype), "zeros", trainable=False)
        self._read, self._write = read, write
        self.tensors: Callable[[], dict[str, Any]] = lambda: tensors_of(held)

    def read(self) -> Any:
        """Return the number."""
        scoped = self.tensors().get(self.key)
        return self._read() if scoped is None else scoped.item()

    def put(self, key: str, tensor: Any) -> None:
        """Set the number from a tensor."""
        if in_stateless_scope():
            self.tensors()[key] = tensor
        else:
            self._write(tensor.item())

    def _shown_value(self) -> str:
        return f", value={self.read()}"

    @property
    def stored(self) -> Any:
        """The value as a new tensor."""
        return get_backend().cast_number(self.read(), self.dtype)

    @property
    def value(self) -> Any:
        """The value as a new tensor."""
        return self.stored

    tensor = value

    def assign(self, value: object) -> Any:
        """Set the number, and return it as a tensor."""
        number = value.numpy() if isinstance(value, Variable) else value
        number = number.item() if hasattr(number, "item") else number
        if in_stateless_scope():
            self.put(self.key, get_backend().cast_number(number, self.dtype))
        else:
            self._write(number)
        return self.value

    def assign_add(self, value: object) -> Any:
        """Add ``value`` to the number."""
        return self.assign(self.read() + value)

    def assign_sub(self, value: object) -> Any:
        """Subtract ``value`` from the number."""
        return self.assign(self.read() - value)

    def item(self) -> Any:
        """Return the number."""
        return self.read()

    def __float__(self) -> float:
        return float(self.read())

    def __int__(self) -> int:
        return int(self.read())

    def __index__(self) -> int:
        return int(self.read().__index__())

    def __bool__(self) -> bool:
        return bool(self.read())

    def __format__(self, form: str) -> str:
        return format(self.read(), form)

    def __eq__(self, other: object) -> Any:
        return other is self or self.read() == (float(other) if isinstance(other, Variable) else other)

    def __ne__(self, other: object) -> Any:
        return not self == other

    __hash__ = Variable.__hash__
