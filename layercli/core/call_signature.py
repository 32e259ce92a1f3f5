"""The signature of a layer's ``call``, and the first symbolic call of the layer."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from layercli.core.types import TensorTree
from layercli.errors import NoCallError, NoTensorError, ShapeError, UsageError

if TYPE_CHECKING:
    from layercli.core.graph import Node


NO_INPUTS = ("training", "cache", "initial_state")
"""Optional arguments of ``call`` that are no tensor: a flag, or a tree of states."""


class overridable_property:
    """A property that an instance attribute of the same name overrides: users name layers ``input`` and ``output``."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __get__(self, layer: object, owner: type | None = None) -> Any:
        return self if layer is None else self.compute(layer)


class CallSignature:
    """The arguments of ``call``, and the first symbolic call of the layer outside other layers."""

    name: str
    _node: Node | None
    _call_names: ClassVar[frozenset[str]]
    _training_default: ClassVar[bool | None]
    _training_position: ClassVar[int]
    _tensors_taken: ClassVar[list[str]]

    def call(self, *inputs: Any, **named: Any) -> Any:
        """Return the outputs for the inputs. Override it; use ops, other layers, or torch."""
        raise NoCallError("does not say what it computes: it has no call method")

    @property
    def is_container_only(self) -> bool:
        """Whether it has sublayers and no ``call`` of its own: its ``train_step``, for example, calls them one by one."""
        return type(self).call is CallSignature.call and bool(self.layers)  # type: ignore[attr-defined]  # every Called is a Holder too

    @classmethod
    def call_names(cls) -> frozenset[str]:
        """The names of the arguments ``call`` takes."""
        if "_call_names" not in cls.__dict__:
            cls._call_names = frozenset(inspect.signature(cls.call).parameters)
        return cls._call_names

    @classmethod
    def training_default(cls) -> bool | None:
        """The default of the argument ``training`` of ``call``; False if it has none."""
        if "_training_default" not in cls.__dict__:
            default = getattr(inspect.signature(cls.call).parameters.get("training"), "default", False)
            cls._training_default = None if default is None else default is True
        return cls._training_default

    @classmethod
    def training_position(cls) -> int:
        """How many positional arguments of ``call`` stand before ``training``; more than can be given if it takes none."""
        if "_training_position" not in cls.__dict__:
            names = cls.call_argument_names()
            parameters = inspect.signature(cls.call).parameters
            by_name = "training" not in names or parameters["training"].kind is inspect.Parameter.KEYWORD_ONLY
            cls._training_position = sys.maxsize if by_name else names.index("training")
        return cls._training_position

    @classmethod
    def with_named_training(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """Return positional arguments without ``training``, which only None may be given so, as in Keras."""
        at = cls.training_position()
        if len(args) <= at:
            return args
        if args[at] is not None:
            raise UsageError(
                f"takes tensors as positional arguments, got {args[at]!r} for training",
                hint=f"training={args[at]!r} gives it by name",
            )
        kwargs["training"] = None
        return args[:at] + args[at + 1 :]

    @classmethod
    def trains_by_default(cls) -> bool:
        """Whether a call without ``training`` is in training mode, as of image augmentation."""
        return cls.training_default() is True

    @classmethod
    def call_argument_names(cls) -> list[str]:
        """The names of the arguments ``call`` takes, in order."""
        return list(inspect.signature(cls.call).parameters)[1:]

    @classmethod
    def required_inputs(cls) -> list[str]:
        """The names of the required arguments of ``call``."""
        if "_tensors_taken" not in cls.__dict__:
            kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
            parameters = list(inspect.signature(cls.call).parameters.values())[1:]
            cls._tensors_taken = [p.name for p in parameters if p.kind in kinds and p.default is p.empty]
        return cls._tensors_taken

    @classmethod
    def optional_inputs(cls) -> list[str]:
        """The names of the arguments of ``call`` that may be None, such as ``attention_mask``, without the trees of states."""
        parameters = list(inspect.signature(cls.call).parameters.values())[1:]
        return [p.name for p in parameters if p.default is None and p.name not in NO_INPUTS]

    @classmethod
    def unpack_inputs(cls, inputs: TensorTree) -> tuple[Any, ...]:
        """Return the arguments of ``call`` for a tree of inputs: the tree, or its parts if ``call`` takes several tensors."""
        names = cls.required_inputs()
        if len(names) < 2:
            return (inputs,)
        parts = [inputs[name] for name in names if name in inputs] if isinstance(inputs, dict) else inputs
        if not isinstance(parts, (list, tuple)) or len(parts) != len(names):
            count = len(parts) if isinstance(parts, (list, tuple)) else 1
            raise ShapeError(f"takes {len(names)} inputs ({', '.join(names)}), got {count}")
        return tuple(parts)

    @overridable_property
    def input(self) -> Any:
        """The symbolic tensor (or tree) of the first call while a functional model was built. Raises NoTensorError before that."""
        args = self._first_call().args
        return args[0] if len(args) == 1 else list(args)

    @overridable_property
    def output(self) -> Any:
        """The symbolic tensor (or tree) that this call returned."""
        return self._first_call().outputs

    def _first_call(self) -> Node:
        if self._node is None:
            raise NoTensorError(f"{self.name} was not called on an Input, so it has no input and no output")
        return self._node
