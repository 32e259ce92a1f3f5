"""Tensor-parallel plans: how ranks share the layers of a model.

Shoeybi et al., "Megatron-LM", 2019 (arXiv:1909.08053): the first matrix of a pair by columns, the second by rows, one sum after.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core.variable import Variable
from layercli.dataclass import dataclass
from layercli.errors import UsageError

BY_HEADS = "heads"
"""A projection to heads: each rank has the columns of its heads; of one to queries, keys and values those of each."""
BY_KEY_HEADS = "key heads"
"""A projection to keys or values, of which there may be fewer heads than ranks: several ranks then have the same one."""
COLUMNS = "columns"
"""A projection of which each rank has a range of columns, as its outputs; of an embedding, of its features."""
ROWS = "rows"
"""A projection of what ranks have a share of; the outputs are summed over the ranks."""
VOCABULARY = "vocabulary"
"""An embedding of which each rank has a range of tokens, or the projection to these logits."""
CHANNELS = "channels"
"""A recurrence of channels: each rank has a range of them, the first axis of its variables."""
EXPERTS = "experts"
"""Experts of which each rank has a range; the outputs are summed over the ranks."""


@dataclass(frozen=True)
class TensorParallelPlan:
    """How ranks share each layer, by the end of its path; any other is whole on every rank.

    ``heads`` are numbers of heads that must divide among the ranks. ``key_heads`` are shared by so many ranks each where there
    are more ranks; None where keys and values have as many heads as the queries.
    """

    layers: Mapping[str, str]
    heads: tuple[int, ...] = ()
    key_heads: int | None = None

    def share(self, path: str) -> str | None:
        """Return how ranks share the layer at ``path``, None if each has all of it."""
        return next((how for end, how in self.layers.items() if f"/{path}".endswith(f"/{end}")), None)


def attention_plan(query: str, key: str, value: str, output: str) -> dict[str, str]:
    """Return the plan of an attention with these projections."""
    return {query: BY_HEADS, key: BY_KEY_HEADS, value: BY_KEY_HEADS, output: ROWS}


def check_ranks(model: object, plan: TensorParallelPlan, ranks: int) -> None:
    """Raise UsageError where a model has no plan, or its heads do not divide among the ranks."""
    if not plan.layers:
        raise UsageError(f"layercli has no tensor-parallel plan for a {type(model).__name__}")
    for count in plan.heads:
        if count % ranks:
            raise UsageError(f"{count} heads do not divide among {ranks} ranks")
    if plan.key_heads is not None and plan.key_heads % ranks and ranks % plan.key_heads:
        raise UsageError(f"{plan.key_heads} heads of keys do not divide among {ranks} ranks, nor these among them")


def rank_shares(model: Any, ranks: int) -> dict[str, int]:
    """Return how many elements the first of the ranks has of each variable that is shared, by its path."""
    plan = model.plan
    check_ranks(model, plan, ranks)
    return {
        f"{path}/{variable.key}": elements_of(variable, layer, how, plan, ranks)
        for path, layer in model.named_layers()
        if (how := plan.share(path)) is not None
        for variable in layer.own_variables
    }


def elements_of(variable: Variable, layer: Any, how: str, plan: TensorParallelPlan, ranks: int) -> int:
    """Return how many elements of a variable the first rank has."""
    shape = [int(size) for size in variable.shape]
    whole = int(variable.spec.size)
    if variable.key == "bias" and how == ROWS:
        return whole
    first = how in (ROWS, CHANNELS, EXPERTS) or (how == VOCABULARY and variable.key == "embeddings")
    size = shape[0 if first else -1]
    parts = [size] if how == EXPERTS else list(getattr(layer, "parts", ()) or (size,))
    fewer = plan.key_heads is not None and plan.key_heads < ranks
    repeated = {BY_KEY_HEADS: len(parts), BY_HEADS: len(parts) - 1}.get(how, 0) if fewer else 0
    among = [ranks] * (len(parts) - repeated) + [plan.key_heads or ranks] * repeated
    return whole // size * sum(-(-part // count) for part, count in zip(parts, among, strict=True))
