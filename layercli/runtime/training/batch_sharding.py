"""A rank's shard of the training data: its samples of each global batch, and their weight in losses and metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import torch
import torch.distributed as dist
from torch.utils.data import DistributedSampler

from layercli.core import tree
from layercli.core.model import Model
from layercli.core.types import Tensor
from layercli.errors import UsageError
from layercli.losses.loss import Loss
from layercli.losses.reduction import divide_no_nan, reduce
from layercli.metrics.metric import Metric
from layercli.runtime.distributed.process_group import Group
from layercli.runtime.training.data_adapters import ArrayAdapter, Batch, IterableAdapter, TensorAdapter
from layercli.runtime.training.lazy_logs import LazyLogs, numbers


class ShardSum(torch.autograd.Function):
    """A sum over the ranks whose backward pass sums the gradients over the ranks."""

    @staticmethod
    def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
        """Return the sum."""
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: object, gradient: torch.Tensor) -> torch.Tensor:
        """Return the gradients summed over the ranks."""
        return ShardSum.forward(ctx, gradient)


class BatchShard:
    """This rank's shard of the current batch: ``own`` samples of the ``whole`` number over all ranks.

    A rank without samples computes on another rank's samples with weight 0; ``own`` is then 0. ``per_batch_logs``: a callback reads
    per-batch logs, so they are all-reduced after every batch. ``apart``: each rank has data of its own.
    """

    def __init__(self, group: Group, *, per_batch_logs: bool = False, apart: bool = False) -> None:
        self.group = group
        self.apart = apart
        self.per_batch_logs = per_batch_logs
        self.own = self.whole = 1
        self.device = torch.device("cpu")
        self.scope = ExitStack()

    # Sharding the data

    def take(self, samples: int) -> slice:
        """Return this rank's slice of a batch: contiguous, with at most one sample more on the first ranks."""
        share, over = divmod(samples, self.group.size)
        rank = self.group.rank
        self.whole, self.own = samples, share + (rank < over)
        start = rank * share + min(rank, over)
        return slice(start, start + self.own) if self.own else slice(0, 1)

    def batches(
        self, source: ArrayAdapter | IterableAdapter, size: int, order: torch.Tensor | None = None, first: int = 0
    ) -> Iterator[Batch]:
        """Yield this rank's shard of every batch of ``source`` from number ``first`` on, equally many on every rank."""
        if isinstance(source, TensorAdapter) and not self.apart:
            return self._slices(source, size, order, first)
        return self._cuts(source, source.batches(size, order, first))

    def _slices(self, source: TensorAdapter, size: int, order: torch.Tensor | None, first: int) -> Iterator[Batch]:
        for start in range(first * size, source.samples, size):
            own = self.take(min(size, source.samples - start))
            where = slice(start + own.start, start + own.stop)
            yield source._taken(where if order is None else order[where])

    def _cuts(self, source: ArrayAdapter | IterableAdapter, batches: Iterator[Batch]) -> Iterator[Batch]:
        loader = source.source if isinstance(source, IterableAdapter) else None
        apart = self.apart or isinstance(getattr(loader, "sampler", None), DistributedSampler)
        for batch in batches:
            if apart:
                self.own = len(tree.flatten(batch[0])[0])
                self.whole = self.own * self.group.size
            yield batch if apart else self.cut(batch)

    def cut(self, batch: Batch) -> Batch:
        """Return this rank's shard of a global batch."""
        own = self.take(len(tree.flatten(batch[0])[0]))
        x, y, weight = (tree.map_structure(lambda x: None if x is None else x[own], each) for each in batch)
        return x, y, weight

    def check(self, size: int) -> None:
        """Raise UsageError for a batch size that cannot be divided evenly among the ranks."""
        ranks = self.group.size
        if size < ranks:
            raise UsageError(f"a batch of {size} is smaller than the {ranks} ranks that share it")
        if size % ranks:
            below = size - size % ranks
            raise UsageError(
                f"a batch of {size} does not divide among {ranks} ranks", hint=f"take {below} or {below + ranks}"
            )

    # Sharding the loss

    def of(
        self, loss: Loss, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None, mask: Tensor | None
    ) -> torch.Tensor:
        """Return the contribution of this rank's samples to the loss of the global batch; the ranks' values sum to it."""
        fraction = self.own / self.whole
        if type(loss).__call__ is not Loss.__call__:
            return loss(y_true, y_pred, sample_weight, mask) * fraction
        y_pred = loss.prepared(y_pred)
        if sample_weight is None and mask is None:
            mean = loss.whole(y_true, y_pred)
            if mean is not None:
                return mean * fraction
        values, weight, mask = loss.unreduced(y_true, y_pred, sample_weight, mask)
        value = reduce(values, weight, mask, loss.reduction)
        divisor = divisor_of(values, weight, mask, loss.reduction)
        if divisor is None:
            return value * (1.0 if loss.reduction == "sum" and self.own else fraction)
        divisor = divisor * bool(self.own)
        [together] = self.group.sum([divisor], value.device)
        return value * divide_no_nan(divisor, together.to(divisor.dtype))

    def penalty(self, value: torch.Tensor) -> torch.Tensor:
        """Return a regularizer's penalty as part of the loss: its value is divided among the ranks, its gradient is not.

        Each rank's gradient is that of the whole penalty, whether gradients are averaged over ranks (DDP) or sharded.
        """
        full: torch.Tensor = value.full_tensor() if hasattr(value, "full_tensor") else value
        return full.detach() * (self.own / self.whole) + (full - full.detach()) / self.group.size

    def scaled(self, loss: torch.Tensor) -> torch.Tensor:
        """Return the loss scaled for backward: DDP and FSDP average the gradients, which must be summed."""
        return loss * self.group.size

    # Communication between ranks

    def together(self, *tensors: torch.Tensor) -> list[torch.Tensor]:
        """Return tensors of one dtype summed over the ranks, with gradients; borrowed samples count as zero."""
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors]) * bool(self.own)
        parts = torch.split(ShardSum.apply(flat), [tensor.numel() for tensor in tensors])  # type: ignore[no-untyped-call]
        return [part.reshape(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]

    def update(self, metrics: Sequence[Metric], add: Any) -> None:
        """Call ``add``, which updates ``metrics`` with the batch; borrowed samples change nothing."""
        before = [] if self.own else [{name: total.clone() for name, total in m.state.items()} for m in metrics]
        add()
        for metric, sums in zip(metrics, before, strict=False):
            for name, total in metric.state.items():
                total.copy_(sums[name]) if name in sums else total.zero_()

    def result(self, metrics: Sequence[Metric], compute: Any) -> Any:
        """Return the result of ``compute`` with the metrics' sums totalled over the ranks."""
        states = [(metric, list(metric.state)) for metric in metrics]
        held = [metric.state[name] for metric, names in states for name in names]
        added = iter(self.group.sum(held, self.device) if held else [])
        own = [metric._held for metric in metrics]
        try:
            for metric, names in states:
                metric._held = {name: next(added) for name in names}
            return compute()
        finally:
            for metric, state in zip(metrics, own, strict=True):
                metric._held = state

    def agreed(self, logs: Mapping[str, object]) -> dict[str, Any]:
        """Return logs as numbers, equal on every rank: computed together, or, for a custom step, averaged over the ranks."""
        found = numbers(logs)
        if isinstance(logs, LazyLogs):
            return found
        names = [name for name, value in found.items() if isinstance(value, int | float)]
        summed = self.group.sum([torch.tensor(float(found[name])) for name in names], self.device) if names else []
        return found | {name: value.item() / self.group.size for name, value in zip(names, summed, strict=True)}

    def batch_logs(self, logs: Mapping[str, object]) -> Mapping[str, object]:
        """Return the logs for callbacks after a batch: those of all ranks if a callback reads them, else none."""
        return self.agreed(logs) if self.per_batch_logs else {}

    def level(self, model: Model) -> None:
        """Average the moving statistics over the ranks, because each rank updated them with its own samples."""
        moving = [v.stored for v in model.non_trainable_variables if not v.made_trainable]
        moving = [tensor for tensor in moving if tensor.is_floating_point()]
        if moving:
            with torch.no_grad():
                for tensor, total in zip(moving, self.group.sum(moving, self.device), strict=True):
                    tensor.copy_(total / self.group.size)


def divisor_of(
    values: torch.Tensor, weight: Tensor | None, mask: Tensor | None, reduction: str | None
) -> torch.Tensor | None:
    """Return the divisor that a reduction applies to the sum of ``values``; None if it is the number of samples."""
    if mask is None and (weight is None or reduction != "mean_with_sample_weight"):
        return None
    if reduction not in ("mean", "sum_over_batch_size", "mean_with_sample_weight"):
        return None
    ones = torch.ones_like(values.detach())
    weights = weight if reduction == "mean_with_sample_weight" else None
    return reduce(ones, weights, None if mask is None else torch.as_tensor(mask, device=values.device), "sum")
