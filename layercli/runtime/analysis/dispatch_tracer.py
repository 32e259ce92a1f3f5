"""A dispatch mode that sees each torch operation once; it computes small known values and only the shapes of all others.

Values that depend on no parameter, up to about a million elements, are real: masks, positions, constants that code reads
back. All others are fake tensors. Tensors of the module are never modified: operations that write get a copy.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from layercli.core.types import Config, Tensor
from layercli.runtime.analysis.fake_tensors import CPU, FakeTensor, NeedsValues, reshape_in_place
from layercli.runtime.analysis.operator_arguments import (
    is_composite,
    leaves,
    map_tensors,
    storage_of,
    written_arguments,
)
from layercli.runtime.analysis.product_costs import attention, product_cost
from layercli.runtime.analysis.value_rules import DRAWING, SHAPES, check_values_known

MOST_REAL = 1 << 20
"""The largest number of elements of a tensor that is computed."""

ALWAYS_SMALL = 1 << 10
"""Operands up to this size give at most MOST_REAL elements, unless the arguments contain larger sizes."""

GROWING = {"aten::repeat", "aten::constant_pad_nd", "aten::im2col", "aten::one_hot", "aten::tile", "aten::resize_"}
"""Operations whose result can be much larger than their operands."""

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

    def __torch_dispatch__(self, func: Any, types: object, args: Any = (), kwargs: Any = None) -> Any:
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

    def _run(self, func: Any, args: object, kwargs: dict[str, object]) -> Any:
        name = func.name().partition(".")[0]
        if not self.real and name == "aten::_fused_sdp_choice":
            unset = {key: _unset(x, False) for key, x in kwargs.items()}
            return func(*map_tensors(args, _unset, False), **unset)  # the kernel that the CPU would choose
        call = _Call(self, func, name, args, kwargs)
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

    def _decomposed(self, func: Any, args: Any, kwargs: dict[str, object]) -> Any:
        with self:
            found = func.decompose(*args, **kwargs)
        return self._run(func, args, kwargs) if found is NotImplemented else found

    def _higher_order(self, func: Any, args: Any, kwargs: dict[str, object]) -> Any:
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

    def _branches(self, condition: Tensor, if_true: Any, if_false: Any, operands: Any = ()) -> Any:
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

    @staticmethod
    def name() -> str:
        """Return the name of the operation."""
        return "flex_attention"


class _Call:
    """One operation: its operands, the call, and the results for the calling code."""

    def __init__(self, tracer: Tracer, func: Any, name: str, args: Any, kwargs: Config) -> None:
        self.tracer, self.func, self.name = tracer, func, name
        self.args, self.kwargs = args, kwargs
        self.operands = [x for x in leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        self.fake = any(tracer.taken(x).is_meta for x in self.operands) and not tracer.real
        self.returned: dict[int, torch.Tensor] = {}
        self.seen: tuple[tuple[Any, ...], dict[str, Any]] = (args, kwargs)

    def run(self) -> Any:
        """Return the results: meta tensors and real ones."""
        self._place_on_cpu()
        if self.tracer.real:
            return self._called(self._taken)
        if not self.fake and self._is_small():
            return self._called(self._taken)
        if not self.fake and self.name == "aten::_to_copy":
            return self._called(self._on_meta)
        return self._without_values()

    def _place_on_cpu(self) -> None:
        """Redirect requests for another device to the CPU."""
        device = self.kwargs.get("device")
        if device is not None and torch.device(device).type != "cpu":
            self.kwargs["device"] = CPU

    def _is_small(self) -> bool:
        if self.name == "aten::empty" and self.tracer.building:
            return False
        sizes = [x.numel() for x in self.operands]
        if sizes and max(sizes) <= ALWAYS_SMALL and self.name not in GROWING:
            return True
        try:
            out = self._called(self._on_meta)
        except (
            RuntimeError,
            NotImplementedError,
        ):  # the size of the result depends on values; it is at most that of the operand
            return True
        return all(x.numel() <= MOST_REAL for x in leaves(out) if isinstance(x, torch.Tensor)) or bool(
            self.operands and all(x._is_view() for x in leaves(out) if isinstance(x, torch.Tensor))
        )

    def _without_values(self) -> Any:
        check_values_known(self.name, [self.tracer.taken(x).is_meta for x in self.operands])
        if self.name in ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"):
            self._replace_masks()
        out = self._called(self._on_meta)
        draw = DRAWING.get(self.name)
        if draw is None or not self.operands or self.operands[0].numel() > MOST_REAL:
            return out
        self.tracer.drawn.append(self.name.partition("::")[2])
        found = draw(self.args, out, self.tracer.generator)
        return type(out)(found) if type(out) in (tuple, list) else found

    def _replace_masks(self) -> None:
        """Replace known boolean masks by indices, because the meta device cannot read masks."""
        x, indices, *rest = self.args
        if not any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in indices):
            return
        if "put" in self.name:  # the result has the shape of the first operand, whatever is written to it
            self.args = (x, [None] * 0 + [torch.zeros((), dtype=torch.int64)], *rest)
            value = torch.zeros((), dtype=x.dtype)
            self.args = (x, [torch.zeros((), dtype=torch.int64)], value, *rest[1:])
            return
        found: list[object] = []
        for index in indices:
            if index is None or index.dtype not in (torch.bool, torch.uint8):
                found.append(index)
                continue
            known = self.tracer.taken(index)
            if known.is_meta:
                raise NeedsValues("indexing by a mask")
            found += known.nonzero().unbind(1)
        self.args = (x, found, *rest)

    def _called(self, take: Callable[[torch.Tensor, bool], torch.Tensor]) -> Any:
        written = written_arguments(self.func)
        self.returned = {}
        real: dict[int, torch.Tensor] = {}  # what a copy without values stands for

        def taken(x: Any, writes: bool) -> Any:
            if not isinstance(x, torch.Tensor):
                return x
            found = take(x, writes)
            if writes:
                self.returned[id(found)] = x
            elif found.is_meta and not (known := self.tracer.taken(x)).is_meta:
                real[id(found)] = known
            return found

        def recorded(x: Any, _: bool) -> Any:
            return real.get(id(x), x)

        args = tuple(map_tensors(x, taken, i in written) for i, x in enumerate(self.args))
        kwargs = {key: map_tensors(x, taken, key in written) for key, x in self.kwargs.items()}
        if take == self._on_meta and (kwargs.get("device") is not None or not self.operands):
            kwargs["device"] = torch.device("meta")
        self.seen = (
            tuple(map_tensors(x, recorded, False) for x in args),
            {key: map_tensors(x, recorded, False) for key, x in kwargs.items()},
        )
        if take == self._on_meta and self.name in SHAPES:
            return SHAPES[self.name](args, kwargs)
        return self.func(*args, **kwargs)

    def _taken(self, x: torch.Tensor, writes: bool) -> torch.Tensor:
        return self.tracer.written(x, False) if writes else self.tracer.taken(x)

    def _on_meta(self, x: torch.Tensor, writes: bool) -> torch.Tensor:
        if writes and self.fake:
            return self.tracer.written(x, True)
        found = self.tracer.taken(x)
        return found if found.is_meta else found.to("meta")

    def wrapped(self, out: Any) -> Any:
        """Return the results for the calling code: fake tensors for those without values; in-place operands as given."""
        if self.returned:
            for x in self.operands:
                if isinstance(x, FakeTensor):
                    reshape_in_place(x)
        if isinstance(out, torch.Tensor):
            return self._wrapped(out)
        if isinstance(out, (tuple, list)):
            found = [self.wrapped(x) for x in out]
            return type(out)(*found) if hasattr(out, "_fields") else type(out)(found)
        return out

    def _wrapped(self, x: torch.Tensor) -> torch.Tensor:
        if id(x) in self.returned:
            return self.returned[id(x)]
        if not x.is_meta or self.tracer.real:
            return x
        self.tracer.gave_fake = True
        return FakeTensor(x)


def _unset(x: Any, _: bool) -> Any:
    """Return a real tensor like ``x`` whose values are not set; memory that is not written to takes none."""
    return torch.empty_strided(x.size(), x.stride(), dtype=x.dtype) if isinstance(x, torch.Tensor) else x


def _view_of(whole: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return the view of ``whole``, which represents the storage of ``x``, that corresponds to ``x``."""
    if x.dtype == whole.dtype:
        return whole.as_strided(x.size(), x.stride(), x.storage_offset())
    return torch.empty_strided(x.size(), x.stride(), dtype=x.dtype, device=whole.device)
