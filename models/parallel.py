"""Tensor-parallel plans: how ranks share the layers of a model.

Shoeybi et al., "Megatron-LM", 2019 (arXiv:1909.08053): the first matrix of a pair by columns, the second by rows, one sum after.
"""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass

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
