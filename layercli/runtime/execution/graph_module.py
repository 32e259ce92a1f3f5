"""A model that came from a file as a graph: a torch module that knows what it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
from torch import nn

from layercli.core.spec import Spec
from layercli.errors import FormatError, LayercliError, ShapeError
from layercli.out_of_memory import shortage


class GraphModule(nn.Module):
    """What a file holds, to be called with the tensors of ``specs`` in turn; it computes in the dtype it was written in."""

    specs: dict[str, Spec]
    compiles = True
    """Whether torch can compile what it computes."""
    held_under = ""
    """Where the modules that ``layers`` yields stand in this one."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file

    def layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the modules its author wrote by path, where the file tells them apart."""
        yield from ()


def first_line(error: Exception) -> str:
    """Return the beginning of what another library says went wrong, without its own marks."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", line).rstrip(".:")


def unreadable(file: str, reader: str, error: Exception) -> FormatError:
    """Return the error for a file that ``reader`` does not take."""
    return FormatError(f"{file} cannot be read by {reader}: {first_line(error)}")


def refused(file: str, error: Exception, given: tuple[torch.Tensor, ...]) -> Exception:
    """Return the error for inputs that a graph cannot run on; one of memory, or of ours, stays what it is."""
    if isinstance(error, LayercliError) or shortage(error) is not None:
        return error
    shown = ", ".join(str(list(x.shape)) for x in given)
    return ShapeError(f"{file} cannot run on inputs of {shown}: {first_line(error)}")
