"""Models shared among ranks layer by layer: each computes with its share of the weights, and they add what they computed.

Each rank maps the whole folder and reads its own share. The sums and the whole logits are DTensors that are made replicated.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Shard

from layercli.core.layer import Layer
from layercli.core.variable import Variable
from layercli.dataclass import dataclass
from layercli.formats.weight_file import WeightFile
from layercli.inspect.layer_call import described
from layercli.models.fused import FusedDense
from layercli.models.matching import MatchingPlace
from layercli.models.parallel import BY_HEADS, BY_KEY_HEADS, CHANNELS, EXPERTS, ROWS, VOCABULARY, check_ranks
from layercli.models.pretrained import Pretrained
from layercli.runtime.analysis import pretrained
from layercli.runtime.distributed.process_group import Group


@dataclass(frozen=True)
class Ranks:
    """The ranks that share a model, the mesh of their devices, and how many heads the keys have that ranks may share."""

    group: Group
    mesh: DeviceMesh
    key_heads: int | None = None

    def span(self, size: int) -> tuple[int, int]:
        """Return the start and the length of this rank's share of an axis: equal shares, as of torch.chunk."""
        most = -(-size // self.group.size)
        start = min(self.group.rank * most, size)
        return start, min(most, size - start)

    def cut(self, value: torch.Tensor, axis: int) -> torch.Tensor:
        """Return a copy of this rank's share of ``value`` along ``axis``."""
        return value.narrow(axis, *self.span(value.shape[axis])).clone(memory_format=torch.contiguous_format)

    def key_head(self, value: torch.Tensor, axis: int) -> torch.Tensor:
        """Return a copy of the head of keys or values that this rank's queries belong to, of fewer heads than ranks."""
        assert self.key_heads is not None
        size, head = value.shape[axis] // self.key_heads, self.group.rank * self.key_heads // self.group.size
        return value.narrow(axis, head * size, size).clone(memory_format=torch.contiguous_format)

    @property
    def repeats_heads(self) -> bool:
        """Whether several ranks have the same head of keys and values."""
        return self.key_heads is not None and self.key_heads < self.group.size

    def total(self, value: torch.Tensor) -> torch.Tensor:
        """Return ``value`` summed over the ranks."""
        return DTensor.from_local(value, self.mesh, [Partial()], run_check=False).full_tensor()

    def whole(self, value: torch.Tensor, size: int) -> torch.Tensor:
        """Return the shares of a last axis of ``size`` from all ranks, joined."""
        shape = torch.Size([*value.shape[:-1], size])
        strides = torch.empty(shape, device="meta").stride()
        return DTensor.from_local(
            value.contiguous(), self.mesh, [Shard(value.ndim - 1)], run_check=False, shape=shape, stride=strides
        ).full_tensor()


def load(model: Pretrained, file: WeightFile, group: Group, device: str) -> None:
    """Load this rank's share of ``file`` into a described model without state.

    UsageError if the model has no plan, or its heads do not divide among the ranks; else raises as ``pretrained.load`` does.
    """
    from torch.distributed.device_mesh import init_device_mesh

    plan = model.plan
    check_ranks(model, plan, group.size)
    described(model)
    ranks = Ranks(group, init_device_mesh(device, (group.size,)), plan.key_heads)
    styles = {id(layer): (layer, how) for path, layer in model.named_layers() if (how := plan.share(path)) is not None}
    pretrained.load(model, file, partial(share_of, ranks, {key: how for key, (_, how) in styles.items()}))
    for layer, how in styles.values():
        hook(layer, how, ranks)
    if model.predicts_tokens and VOCABULARY in plan.layers.values():
        model.module.register_forward_hook(partial(join_logits, ranks, vocabulary_of(styles)))


def share_of(ranks: Ranks, styles: dict[int, str], file: WeightFile, place: MatchingPlace) -> torch.Tensor:
    """Return this rank's share of one variable."""
    layer, key = place.variable.owner, place.variable.key
    how = styles.get(id(layer))
    if how is None:
        return pretrained.value_of(file, place)
    if how == EXPERTS:
        start, count = ranks.span(len(place.names))
        return pretrained.value_of(
            file, MatchingPlace(place.variable, place.stored, place.names[start : start + count])
        )
    value = pretrained.value_of(file, place)
    if key == "bias" and how == ROWS:
        return value if ranks.group.first else torch.zeros_like(value)  # one rank adds it
    axis = shared_axis(place.variable, how)
    sizes = getattr(layer, "parts", ()) or (value.shape[axis],)
    parts = torch.split(value, list(sizes), axis)
    repeated = {BY_KEY_HEADS: len(parts), BY_HEADS: len(parts) - 1}.get(how, 0) if ranks.repeats_heads else 0
    own = len(parts) - repeated  # of a projection to queries, keys and values these are the queries
    return torch.cat([(ranks.cut if i < own else ranks.key_head)(part, axis) for i, part in enumerate(parts)], axis)


def shared_axis(variable: Variable, how: str) -> int:
    """Return the axis along which a stored tensor is cut into the parts of the ranks.

    It is the inputs for ``ROWS``, the first axis for ``CHANNELS``, the tokens for a table of ``VOCABULARY``, else the outputs.
    """
    first = how in (ROWS, CHANNELS) or (how == VOCABULARY and variable.key == "embeddings")
    logical = 0 if first else variable.ndim - 1
    return logical if variable.layout is None else variable.layout.index(logical)


def hook(layer: Layer, how: str, ranks: Ranks) -> None:
    """Let a layer that has a share of its weights take and return whole values, where its neighbours do."""
    module: nn.Module = layer.module
    if how == BY_HEADS and ranks.repeats_heads and isinstance(layer, FusedDense):
        queries, *others = layer.parts
        assert ranks.key_heads is not None
        layer.parts = (queries // ranks.group.size, *(size // ranks.key_heads for size in others))
    elif how == ROWS:
        module.register_forward_hook(lambda _, args, x: ranks.total(x))
    elif how == EXPERTS:
        start, _ = ranks.span(layer.experts.count)  # type: ignore[attr-defined]  # an ExpertBank
        module.register_forward_pre_hook(lambda _, args: (args[0], args[1] - start, *args[2:]))
        module.register_forward_hook(lambda _, args, x: ranks.total(x))
    elif how == VOCABULARY and hasattr(layer, "input_dim"):
        module.register_forward_pre_hook(partial(own_tokens, *ranks.span(layer.input_dim)))
        module.register_forward_hook(partial(add_rows, ranks))


def own_tokens(start: int, count: int, module: object, args: Any) -> object:
    """Return the tokens as rows of this rank's table; those of other ranks become row 0, and are remembered."""
    rows = args[0] - start
    module.__dict__["foreign"] = foreign = (rows < 0) | (rows >= count)
    return (rows.masked_fill(foreign, 0), *args[1:])


def add_rows(ranks: Ranks, module: object, args: object, x: torch.Tensor) -> torch.Tensor:
    """Return the embeddings that the ranks found, added."""
    return ranks.total(x.masked_fill(module.__dict__.pop("foreign").unsqueeze(-1), 0))


def vocabulary_of(styles: dict[int, tuple[Layer, str]]) -> int:
    """Return the number of tokens."""
    return next(
        int(layer.input_dim) for layer, how in styles.values() if how == VOCABULARY and hasattr(layer, "input_dim")
    )


def join_logits(ranks: Ranks, size: int, module: object, args: object, outputs: Any) -> object:
    """Return the outputs with the logits of the whole vocabulary, in place of this rank's."""
    if isinstance(outputs, tuple):
        return (ranks.whole(outputs[0], size), *outputs[1:])
    return ranks.whole(outputs, size)
