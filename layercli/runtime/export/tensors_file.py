"""The tensors of a model in memory as a file of weights, so that they are written and compared as those of a file are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from layercli.core.layer import Layer
from layercli.core.variable import Variable
from layercli.errors import FormatError
from layercli.formats.dtype_codec import decode
from layercli.formats.weight_file import TensorEntry, missing
from layercli.runtime.execution import tensors

BUILT = "the values are those that {} gets from its own code, with the seed 0"
INITIAL = "{} has no values of its own: these are initial ones, drawn with the seed 0"
KINDS = {
    torch.bfloat16: torch.uint16,
    **dict.fromkeys(
        (torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz, torch.float8_e8m0fnu),
        torch.uint8,
    ),
}
"""What the bytes of dtypes that numpy lacks are read as."""


class TensorsFile:
    """Tensors by name; those that share their memory are entries with ``same_as``."""

    def __init__(self, name: str, held: Mapping[str, torch.Tensor], notes: Sequence[str] = ()) -> None:
        self.file = Path(name)
        self.notes = list(notes)
        self._held = dict(held)
        first: dict[object, str] = {}
        self.entries = {path: entry_of(path, x, first.setdefault(place_of(x), path)) for path, x in held.items()}

    def stored(self, path: str) -> np.ndarray:
        """Return the values of an entry as a file stores them: bfloat16 as uint16, 8-bit floats as uint8."""
        if path not in self.entries:
            raise missing(self.file, path, self.entries)
        if (why := self.entries[path].unreadable) is not None:
            raise FormatError(f"{self.file}: the values of {path!r} cannot be read, as {why}")
        x = self._held[path].detach().cpu().contiguous()
        return x.view(KINDS[x.dtype]).numpy() if x.dtype in KINDS else x.resolve_conj().resolve_neg().numpy()

    def read(self, path: str) -> np.ndarray:
        """Return the values of an entry; dtypes that numpy lacks become float32."""
        values = decode(self.stored(path), self.entries[path].dtype).view()
        values.flags.writeable = False
        return values

    def chunks(self, path: str, values: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the values of an entry, flat, at most ``values`` at a time."""
        flat = self.stored(path).reshape(-1)
        for start in range(0, flat.size, values):
            yield decode(flat[start : start + values], self.entries[path].dtype)


def entry_of(path: str, x: torch.Tensor, first: str) -> TensorEntry:
    """Return the description of a tensor whose memory ``first`` has too."""
    opaque = None if tensors.has_values(x) and x.layout is torch.strided else f"a {kind_of(x)} tensor of torch"
    dtype = tensors.name_of(x.dtype) if opaque is None or not x.is_quantized else "uint8"
    return TensorEntry(path, tuple(x.shape), dtype, None, None if first == path else first, opaque)


def kind_of(x: torch.Tensor) -> str:
    """Return what a tensor without plain values is."""
    return "quantized" if x.is_quantized else "meta" if x.is_meta else "nested" if x.is_nested else "sparse"


def place_of(x: torch.Tensor) -> object:
    """Return a key that two tensors share if they are the same values in the same memory."""
    if not tensors.has_values(x) or x.layout is not torch.strided or not x.numel():
        return id(x)
    return x.data_ptr(), x.dtype, tuple(x.shape), x.stride()


def tensors_of(model: Layer | nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors of a module's state_dict, or those of a built layer's variables."""
    if isinstance(model, Layer):
        model.module.eval()  # initial values are drawn for the whole model, as ``run`` and ``vars`` draw them
        return {path: logical(variable) for path, variable in model.named_variables().items()}
    return {name: x for name, x in model.state_dict(keep_vars=True).items() if isinstance(x, torch.Tensor)}


def logical(variable: Variable) -> torch.Tensor:
    """Return the stored tensor of a variable with its axes in Keras's order."""
    stored: torch.Tensor = variable.stored
    return stored if variable._logical is None else stored.permute(*variable._logical)
