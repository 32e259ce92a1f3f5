"""One operation under the tracer: which operands have values, the call, and the results for the code that made it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from layercli.core.types import Config
from layercli.runtime.analysis.fake_tensors import CPU, FakeTensor, NeedsValues, reshape_in_place
from layercli.runtime.analysis.operator_arguments import (
    leaves,
    map_tensors,
    written_arguments,
)
from layercli.runtime.analysis.value_rules import DRAWING, SHAPES, check_values_known

if TYPE_CHECKING:
    from layercli.runtime.analysis.dispatch_tracer import Tracer


MOST_REAL = 1 << 20
"""The largest number of elements of a tensor that is computed."""


ALWAYS_SMALL = 1 << 10
"""Operands up to this size give at most MOST_REAL elements, unless the arguments contain larger sizes."""


GROWING = {"aten::repeat", "aten::constant_pad_nd", "aten::im2col", "aten::one_hot", "aten::tile", "aten::resize_"}
"""Operations whose result can be much larger than their operands."""


class DispatchedOperation:
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

        def taken(x: object, writes: bool) -> Any:
            if not isinstance(x, torch.Tensor):
                return x
            found = take(x, writes)
            if writes:
                self.returned[id(found)] = x
            elif found.is_meta and not (known := self.tracer.taken(x)).is_meta:
                real[id(found)] = known
            return found

        def recorded(x: object, _: bool) -> Any:
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

    def wrapped(self, out: object) -> Any:
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
        fake = FakeTensor(x)
        if self.tracer.building:
            self.tracer.made.append(weakref.ref(fake))
        return fake
