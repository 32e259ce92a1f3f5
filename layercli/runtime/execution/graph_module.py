"""A torch module for a graph loaded from a file, with declared inputs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

import torch
from torch import nn

from layercli.core.spec import Spec
from layercli.errors import FormatError, LayercliError, ShapeError
from layercli.out_of_memory import shortage


class GraphModule(nn.Module):
    """A graph called with one tensor for each of ``specs``; it computes in the dtypes it was written in."""

    specs: dict[str, Spec]
    compiles = True
    """Whether torch.compile can compile the graph."""
    entries: frozenset[str] = frozenset()
    """Those of ``specs`` that are entries of a sequence: their sizes are not declared."""
    notes: Sequence[str] = ()
    """What a user should know of the file before a run."""
    indexed: Mapping[str, int] = {}
    """How many rows a table has that an input chooses rows of, where that is known."""
    held_under = ""
    """The path in this module of the modules that ``layers`` yields."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file

    def declare(self, given: Collection[str]) -> None:
        """Declare the inputs whose number depends on what is given: entries ``x.0`` of a sequence, optional inputs."""

    def output_specs(self) -> dict[str, Spec] | None:
        """Return the Specs of the outputs as the file declares them; None if it does not."""
        return None

    def cast(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the inputs, floating ones in the dtypes of ``specs``: arrays have no bfloat16, and are filled in float32."""
        found = dict(inputs)
        for name, spec in self.specs.items():
            wanted, x = getattr(torch, spec.dtype, None), found.get(name)
            if isinstance(wanted, torch.dtype) and isinstance(x, torch.Tensor):
                found[name] = x.to(wanted) if x.is_floating_point() and wanted.is_floating_point else x
        return found

    def layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the modules that the author wrote, by path, if the file records them."""
        yield from ()


COLOUR = re.compile(r"\x1b\[[\d;]*m")


def first_line(error: Exception) -> str:
    """Return the first line of another library's error message, without prefix and colours; of a KeyError, which key is missing.

    TorchScript's message is a traceback, which ends with the line that says what happened.

    >>> first_line(RuntimeError("\x1b[96mThis is step 2/3.\x1b[0m"))
    'This is step 2/3'
    """
    if isinstance(error, KeyError) and error.args:
        return f"there is no {error.args[0]!r}"
    lines = [line.strip() for line in COLOUR.sub("", str(error)).splitlines() if line.strip()] or [type(error).__name__]
    line = re.sub(r"^[\w.]+: ", "", lines[-1]) if "TorchScript" in lines[0] else lines[0]
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", line).rstrip(".:")


def unreadable(file: str, reader: str, error: Exception) -> FormatError:
    """Return the error for a file that ``reader`` cannot read."""
    return FormatError(f"{file} cannot be read by {reader}: {first_line(error)}")


def refused(file: str, error: Exception, given: tuple[torch.Tensor, ...]) -> Exception:
    """Return the error for inputs that a graph rejects; errors of memory and of layercli stay as they are."""
    if isinstance(error, LayercliError) or shortage(error) is not None:
        return error
    shown = ", ".join(str(list(x.shape)) for x in given)
    return ShapeError(f"{file} cannot run on inputs of {shown}: {first_line(error)}")
