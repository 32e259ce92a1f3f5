"""What a writer of weights is given: tensors whose bytes come block by block, so that a file may be larger than the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from layercli.dataclass import dataclass
from layercli.formats.weight_file import TensorEntry

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class TensorStream:
    """A tensor to be written: ``entry`` says what it will be, ``blocks`` gives its bytes, as arrays of its stored dtype.

    ``entry.same_as`` is the name of the tensor before it whose values it shares; ``blocks`` is then not called.
    """

    entry: TensorEntry
    blocks: Callable[[], Iterator[np.ndarray]]
