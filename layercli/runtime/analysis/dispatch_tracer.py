"""A dispatch mode that sees each torch operation once; it computes small known values and only the shapes of all others.

Values that depend on no parameter, up to about a million elements, are real: masks, positions, constants that code reads
back. All others are fake tensors. Tensors of the module are never modified: operations that write get a copy.
"""

from __future__ import annotations

import itertools
import warnings
import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from layercli.core.types import Tensor
from layercli.runtime.analysis.attention_costs import attention
from layercli.runtime.analysis.dispatched_operation import DispatchedOperation
from layercli.runtime.analysis.fake_tensors import FakeTensor, NeedsValues
from layercli.runtime.analysis.operator_arguments import (
    is_composite,
    map_tensors,
    storage_of,
)
from layercli.runtime.analysis.product_costs import product_cost

warnings.filterwarnings("ignore", "flex_attention called without torch.compile", UserWarning)  # nothing is computed

Recorder = Callable[[Any, tuple[Any, ...], dict[str, Any], Any, int], None]
"""The callback for each operation: the operation, its arguments and results (meta or real tensors), its MACs."""


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch does not annotate it
    """Run operations on real values where they are small and known, and on fake tensors elsewhere.

    ``parameters`` are treated as fake, ``buffers`` as readable values; neither is ever written to. ``real`` computes
    everything. ``building``: tensors without values yet, from ``torch.empty``, are fake at any size. ``forget`` removes the
    products of recorded operations by index: of two branches only the more expensive one counts.
    """

    supports_higher_order_operators = True

    def __init__(
        self,
        parameters: list[torch.Tensor] | None = None,
        buffers: list[torch.Tensor] | None = None,
        *,
        real: bool = False,
        building: bool = False,
        record: Recorder | None = None,
        forget: Callable[[range], None] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.real, self.building, self.record, self.forget = real, building, record, forget
        self.mark: Callable[[str, tuple[Any, ...]], None] | None = None
        self.failure: Exception | None = (
            None  # the last error of an operation, whose words TorchScript does not pass on
        )
        self.drawn: list[str] = []
        self.uncounted: list[str] = []
        self.macs: list[int] = []
        self.unequal_branches: list[tuple[int, int]] = []
        self.gave_fake = False
        self.made: list[weakref.ref[FakeTensor]] = []  # by the constructor of a module: see require_memory
        self.replaced: dict[int, torch.Tensor] = {}
        self.kept: list[torch.UntypedStorage] = []
        self.generator = torch.Generator().manual_seed(0)
        self.own = {storage_of(x) for x in [*(parameters or []), *(buffers or [])]}
        for x in [] if real else parameters or []:
            self._without_values(x)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:  # otherwise torch imports its compiler, which takes a second
        return False

    @classmethod
    def is_infra_mode(cls) -> bool:
        """Mark the mode as infrastructure: torch then behaves as if no mode were active."""
        return True

    def __torch_dispatch__(self, func: Any, types: object, args: Any = (), kwargs: Any = None) -> object:
        """Run one operation."""
        kwargs = dict(kwargs or {})
        if isinstance(func, torch._ops.HigherOrderOperator):
            return self._higher_order(func, args, kwargs)
        if func.namespace == "layercli":  # a mark in a TorchScript graph
            return None if self.mark is None else self.mark(func.name(), args)
        if self.record is not None and is_composite(func):
            return self._decomposed(func, args, kwargs)
        try:
            return self._run(func, args, kwargs)
        except Exception as error:
            self.failure = error
            raise

    def _run(self, func: Any, args: Any, kwargs: dict[str, object]) -> Any:
        name = func.name().partition(".")[0]
        if not self.real and name == "aten::_fused_sdp_choice":
            unset = {key: _unset(x, False) for key, x in kwargs.items()}
            return func(*map_tensors(args, _unset, False), **unset)  # the kernel that the CPU would choose
        if name == "aten::detach" and isinstance(args[0], nn.UninitializedBuffer):  # it asks for its device
            return func(*args, **kwargs)
        call = DispatchedOperation(self, func, name, args, kwargs)
        out = call.run()
        if self.record is not None:
            seen_args, seen_kwargs = call.seen
            self._report(func, seen_args, seen_kwargs, out, product_cost(func, seen_args, out))
        return call.wrapped(out)

    def _report(self, func: Any, args: Any, kwargs: Any, out: object, macs: int | None) -> None:
        """Pass an operation to the recorder; one whose products are unknown is added to ``uncounted``."""
        if macs is None:
            self.uncounted.append(func.name().partition("::")[2].partition(".")[0])
        self.macs.append(macs or 0)
        if self.record is not None:
            self.record(func, args, kwargs, out, macs or 0)

    def _decomposed(self, func: Any, args: Any, kwargs: dict[str, object]) -> object:
        with self:
            found = func.decompose(*args, **kwargs)
        return self._run(func, args, kwargs) if found is NotImplemented else found

    def _higher_order(self, func: Any, args: Any, kwargs: dict[str, object]) -> object:
        """Run a higher-order operation: one branch of a conditional, or the function that a wrapper contains."""
        name = func.name() if callable(getattr(func, "name", None)) else str(func)
        if name == "cond":
            return self._branches(*args)
        if name == "flex_attention":
            return self._flex_attention(args)
        given = next((i for i, x in enumerate(args) if callable(x) and not isinstance(x, torch.Tensor)), None)
        if given is None or not name.startswith(
            ("wrap", "hints_wrapper", "tag_activation_checkpoint", "invoke_subgraph")
        ):
            raise NeedsValues(name)
        with self:
            return args[given](*args[given + 1 :], **kwargs)

    def _branches(self, condition: Tensor, if_true: Any, if_false: Any, operands: Any = ()) -> object:
        """Run both branches and count the one with more products, because the condition depends on values."""
        holds = self._holds(condition)
        if self.real or self.forget is None:
            with self:
                return tuple((if_true if holds else if_false)(*operands))
        starts = [len(self.macs)]
        given = []
        for branch in (if_true, if_false):
            with self:
                given.append(tuple(branch(*operands)))
            starts.append(len(self.macs))
        first, second = (range(*each) for each in itertools.pairwise(starts))
        macs = [sum(self.macs[i] for i in each) for each in (first, second)]
        smaller = first if macs[0] < macs[1] else second
        self.forget(smaller)
        self.macs[smaller.start : smaller.stop] = [0] * len(smaller)
        if macs[0] != macs[1]:
            self.unequal_branches.append((max(macs), min(macs)))
        return given[0 if holds else 1]

    def _holds(self, condition: Tensor) -> bool:
        if isinstance(condition, FakeTensor):
            return True
        return bool(self.taken(condition)) if isinstance(condition, torch.Tensor) else bool(condition)

    def _flex_attention(self, args: Any) -> tuple[FakeTensor, FakeTensor, FakeTensor]:
        query, _, value = (self.taken(x) for x in args[:3])
        shape = (*query.shape[:-1], value.shape[-1])
        out = torch.empty(shape, dtype=query.dtype, device="meta")
        sums = torch.empty(query.shape[:-1], dtype=torch.float32, device="meta")
        if self.record is not None:
            self._report(_FlexAttention, args, {}, out, attention(args, out))
        return FakeTensor(out), FakeTensor(sums), FakeTensor(sums)

    def _without_values(self, x: torch.Tensor) -> torch.Tensor:
        """Return the meta tensor that represents the storage of ``x``; create it on first use."""
        key = storage_of(x)
        if key not in self.replaced:
            storage = x.untyped_storage()
            self.kept.append(storage)
            length = storage.nbytes() // x.element_size()
            self.replaced[key] = torch.empty(length, dtype=x.dtype, device="meta")
        return self.replaced[key]

    def taken(self, x: torch.Tensor) -> torch.Tensor:
        """Return the operand for the computation: a meta tensor if it has no values, else a real tensor."""
        if isinstance(x, FakeTensor):
            return x.meta
        if x.is_meta and not self.real:
            return x
        if x.layout is not torch.strided or x.is_quantized or x.is_nested:
            return x
        key = storage_of(x)
        if key not in self.replaced:
            if not isinstance(x, nn.Parameter) or self.real or self.building:
                return x
            self._without_values(x)
        return _view_of(self.replaced[key], x)

    def written(self, x: torch.Tensor, without_values: bool) -> torch.Tensor:
        """Return an operand that the operation writes to: a copy if the tensor belongs to the module."""
        if isinstance(x, FakeTensor) or x.layout is not torch.strided:
            return self.taken(x)
        key = storage_of(x)
        held = self.replaced.get(key)
        if without_values and (held is None or not held.is_meta):
            self.replaced.pop(key, None)
            self._without_values(x)
        elif held is None and key in self.own:
            whole = torch.empty(0, dtype=x.dtype).set_(x.untyped_storage())
            self.kept.append(x.untyped_storage())
            self.replaced[key] = whole.clone()
        return self.taken(x)


class _FlexAttention:
    """The record entry for flex attention."""

    _schema = SimpleNamespace(arguments=())

    @staticmethod
    def name() -> str:
        """Return the name of the operation."""
        return "flex_attention"


def _unset(x: object, _: bool) -> Any:
    """Return a real tensor like ``x`` whose values are not set; memory that is not written to takes none."""
    return torch.empty_strided(x.size(), x.stride(), dtype=x.dtype) if isinstance(x, torch.Tensor) else x


def _view_of(whole: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return the view of ``whole``, which represents the storage of ``x``, that corresponds to ``x``."""
    if x.dtype == whole.dtype:
        return whole.as_strided(x.size(), x.stride(), x.storage_offset())
    return torch.empty_strided(x.size(), x.stride(), dtype=x.dtype, device=whole.device)
