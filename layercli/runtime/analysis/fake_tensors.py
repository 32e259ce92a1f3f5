"""Tensors that report the CPU as their device and hold no values; torch's meta device computes their shapes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any, Never

import torch
from torch.utils._python_dispatch import _disable_current_modes

from layercli.core.types import DTypeLike, Tensor

CPU = torch.device("cpu")


class NeedsValues(RuntimeError):
    """Code asked for the values of a tensor that has none; ``operation`` is the operation that asked."""

    def __init__(self, operation: str) -> None:
        super().__init__(f"{operation} needs the values of a tensor that depends on the parameters")
        self.operation = operation


class FakeTensor(torch.Tensor):
    """A CPU tensor without values: a wrapper of a meta tensor of the same shape, strides and dtype."""

    meta: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]  # what torch's own subclasses do

    @staticmethod
    def __new__(cls, meta: torch.Tensor, requires_grad: bool = False) -> FakeTensor:
        """Return the tensor that wraps ``meta``."""
        made: Any = torch.Tensor._make_wrapper_subclass(
            cls, meta.size(), strides=meta.stride(), storage_offset=meta.storage_offset(), dtype=meta.dtype,
            layout=meta.layout, device=CPU, requires_grad=requires_grad,
        )  # fmt: skip
        made.meta = meta
        return made  # type: ignore[no-any-return]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: object, args: Any = (), kwargs: Any = None) -> object:  # type: ignore[override]  # as above
        """Compute shapes while no tracer is active, for example when a module built without values is moved or copied."""
        from layercli.runtime.analysis.dispatch_tracer import Tracer

        with Tracer():
            return func(*args, **(kwargs or {}))

    def _set_data(self, value: torch.Tensor) -> None:
        if not isinstance(value, FakeTensor):
            with _disable_current_modes():
                value = FakeTensor(torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta"))
        torch.Tensor.data.__set__(self, value)  # type: ignore[attr-defined]
        self.meta = value.meta

    data = property(lambda self: self.detach(), _set_data)

    def numpy(self, *args: object, **kwargs: object) -> Any:
        """Raise NeedsValues."""
        raise NeedsValues("numpy()")

    def tolist(self) -> Any:
        """Raise NeedsValues."""
        raise NeedsValues("tolist()")

    def data_ptr(self) -> int:
        """Return 0: there is no memory."""
        return 0

    def __array__(self, dtype: DTypeLike | None = None) -> Never:
        raise NeedsValues("numpy()")

    def __deepcopy__(self, memo: dict[int, Any]) -> FakeTensor:
        if id(self) not in memo:
            with _disable_current_modes():
                copied = FakeTensor(torch.empty_like(self.meta), self.requires_grad)
            copied.__dict__.update({key: value for key, value in self.__dict__.items() if key != "meta"})
            memo[id(self)] = copied
        return memo[id(self)]  # type: ignore[no-any-return]

    def __repr__(self, *, tensor_contents: object = None) -> str:  # type: ignore[override]  # torch's is not annotated
        return f"tensor(..., size={tuple(self.shape)}, dtype={self.dtype})"


def reshape_in_place(fake: FakeTensor) -> None:
    """Give ``fake`` the shape that an in-place operation such as ``squeeze_`` gave its meta tensor."""
    if fake.size() != fake.meta.size() or fake.stride() != fake.meta.stride():
        torch.Tensor.data.__set__(fake, FakeTensor(fake.meta))  # type: ignore[attr-defined]


class _StandIn(ModuleType):
    """Replace a module from which torch functions import a few names lazily; other attributes come from the real module."""

    def __init__(self, name: str, known: Mapping[str, object]) -> None:
        super().__init__(name)
        self.__dict__["_known"] = known

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and (name != "__path__" or "symbolic_shapes" in self.__name__):
            raise AttributeError(name)  # importing a submodule reads the package's path
        importing = (
            sys._getframe(1).f_code.co_name == "<module>"
        )  # a name bound on the module would outlive the context
        if name in self._known and not importing and sys.modules.get(self.__name__) is self:
            return self._known[name]
        self.take_out()
        return getattr(importlib.import_module(self.__name__), name)

    def put_in(self) -> None:
        """Install the replacement in ``sys.modules``."""
        sys.modules[self.__name__] = self
        parent, _, child = self.__name__.rpartition(".")
        if parent:
            setattr(importlib.import_module(parent), child, self)

    def take_out(self) -> None:
        """Restore the real module."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        parent, _, child = self.__name__.rpartition(".")
        if parent and vars(sys.modules[parent]).get(child) is self:
            delattr(sys.modules[parent], child)


class _NotSympy:
    """A class without instances."""


def _as_it_is(x: Tensor, *args: object, **kwargs: object) -> Tensor:
    return x


KNOWN: dict[str, dict[str, Any]] = {
    "torch._dynamo": {"disable": _as_it_is, "config": SimpleNamespace(error_on_nested_fx_trace=True)},
    "sympy": {"Basic": _NotSympy},
    "torch.fx.experimental.symbolic_shapes": {
        **dict.fromkeys(
            ("expect_true", "guard_or_false", "guard_or_true", "guard_size_oblivious", "statically_known_true"),
            _as_it_is,
        ),
        "sym_and": lambda *xs: all(xs),
        "sym_or": lambda *xs: any(xs),
        "sym_eq": lambda a, b: a == b,
        "is_nested_int": lambda _: False,
        "free_unbacked_symbols": lambda _: set(),
        "has_guarding_hint": lambda _: True,
        "guarding_hint_or_throw": _as_it_is,
        "guard_int": _as_it_is,
    },
}
"""What torch's Python meta kernels import from slow modules; these values are correct when all sizes are numbers."""


@contextmanager
def without_slow_imports() -> Iterator[None]:
    """Keep torch from importing its compiler and sympy, which takes longer than a trace.

    Its meta kernels in Python use the compiler to mark functions as not compilable, and sympy for ``isinstance`` checks.
    """
    stand_ins = [_StandIn(name, names) for name, names in KNOWN.items() if name not in sys.modules]
    for each in stand_ins:
        each.put_in()
    try:
        yield
    finally:
        for each in stand_ins:
            each.take_out()


@contextmanager
def uncompiled() -> Iterator[None]:
    """Run what torch.compile has made, or makes meanwhile, as the Python that it was made from.

    The compiler would trace the tracer with it; outside ``without_slow_imports``, it is imported only if something was compiled.
    """
    compile_function = torch.compile
    with ExitStack() as stack:
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        torch.compile = _not_compiled
        stack.callback(setattr, torch, "compile", compile_function)
        yield


def _not_compiled(model: Any = None, **options: object) -> Any:
    return _not_compiled if model is None else model
