"""The rows of a stream among ranks: each computes a share of every batch, and the first rank gets all of them in order."""

from __future__ import annotations

import numpy as np
import torch
import torch.distributed as dist

from layercli.dataclass import dataclass
from layercli.runtime.distributed.process_group import Group
from layercli.runtime.execution import tensors


@dataclass(frozen=True)
class RowShares:
    """How ``group``, None for a single process, shares out rows."""

    group: Group | None = None

    @property
    def ranks(self) -> int:
        """The number of ranks."""
        return 1 if self.group is None else self.group.size

    @property
    def writes(self) -> bool:
        """Whether this rank writes the rows."""
        return self.group is None or self.group.first

    def own(self, start: int, stop: int) -> tuple[int, int]:
        """Return this rank's rows of those from ``start`` to ``stop``: equal shares; one without any computes the first."""
        if self.group is None:
            return start, stop
        most = self.most(start, stop)
        first = start + self.group.rank * most
        return (first, min(first + most, stop)) if first < stop else (start, start + 1)

    def most(self, start: int, stop: int) -> int:
        """Return the number of rows of the largest share."""
        return -(-(stop - start) // self.ranks)

    def any(self, truth: bool) -> bool:
        """Return whether ``truth`` is true on any rank."""
        return truth if self.group is None else self.group.any(truth)

    def agreed(self, number: int) -> int:
        """Return the first rank's ``number``."""
        if self.group is None:
            return number
        shared = torch.tensor(number)
        dist.broadcast(shared, 0)
        return int(shared)

    def joined(self, found: torch.Tensor, start: int, stop: int) -> np.ndarray | None:
        """Return the rows from ``start`` to ``stop``, of which ``found`` is this rank's share; None where they are not written.

        The bytes are gathered on the CPU, as not every backend has every dtype.
        """
        if self.group is None:
            return tensors.to_numpy(found)[: stop - start]
        most = self.most(start, stop)
        own = found[:most].cpu().reshape(len(found[:most]), -1).contiguous().view(torch.uint8)
        padded = torch.nn.functional.pad(own, (0, 0, 0, most - len(own)))
        parts = [torch.empty_like(padded) for _ in range(self.ranks)] if self.writes else None
        dist.gather(padded, parts, 0)
        if parts is None:
            return None
        rows = torch.cat(parts)[: stop - start].view(found.dtype)
        return tensors.to_numpy(rows.reshape(stop - start, *found.shape[1:]))
