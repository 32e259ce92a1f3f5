"""Attention with several heads."""

from __future__ import annotations

import math
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, ClassVar

from layercli.core import dims
from layercli.core.dtype_policy_map import DTypePolicyMap
from layercli.core.layer import Layer
from layercli.core.policy_config import serialize
from layercli.core.spec import Shape, show_shape
from layercli.core.types import Config, Tensor
from layercli.errors import ShapeError
from layercli.layers.core.einsum_dense import EinsumDense
from layercli.layers.regularization.dropout import Dropout
from layercli.ops.nn.activations import SoftmaxActivation
from layercli.ops.nn.attention import AttentionMask, RepeatKV, ScaledDotProductAttention
from layercli.ops.numpy.einsum import Einsum

PROJECTION = (
    "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint",
)  # fmt: skip
"""The settings that the projections have from the layer."""


class BaseMultiHeadAttention(Layer):
    """Projections, masks, and attention between the projected tensors."""

    _left_out = frozenset({"flash_attention"})
    supports_masking = True
    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.query_heads: int
            self.key_heads: int
            self.features: int
            self.depth: int
            self.axes: tuple[int, ...]
            self.sliding_window: int | None
            self.dropout: float
            self.seed: int | None
            self.use_bias: bool
            self.use_gate: bool

    names = ("_query_dense", "_key_dense", "_gate_dense", "_value_dense", "_output_dense")
    _gate_dense: ClassVar[EinsumDense | None] = None

    def get_config(self) -> Config:
        """Return the constructor's arguments as plain data; the dtype policies of quantized projections by their paths."""
        config = super().get_config()
        quantized = {layer.path or "": layer._policy for layer in self.layers if layer.quantization_mode is not None}
        if quantized:
            config["dtype"] = serialize(DTypePolicyMap(self._policy.name, quantized))
        return config

    def finish(self) -> None:
        """Make what both layers derive alike."""
        self._scale = 1 / math.sqrt(self.features)
        self._dropout_layer = Dropout(self.dropout, seed=self.seed, dtype=self.dtype_policy) if self.dropout else None

    def call(
        self,
        query: Any,
        value: Tensor,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Return (batch, targets, features of query), and the scores (batch, heads, targets, sources) if they are asked for."""
        project_query, project_key, project_gate, project_value, project_output = self._projections()
        drops = training and self._dropout_layer is not None
        fused = len(query.shape) == 3 and not drops and not return_attention_scores
        masks = (query_mask, value_mask, key_mask, attention_mask)
        plain = self.sliding_window is None and all(mask is None for mask in masks)
        mask = (
            None
            if plain and (fused or not use_causal_mask)
            else self._mask(use_causal_mask, query)(query, value, *masks)
        )
        gate = None if project_gate is None else project_gate(query)
        q, k, v = project_query(query), project_key(value if key is None else key), project_value(value)
        if fused:
            scores, out = None, ScaledDotProductAttention(self._scale, use_causal_mask and plain)(q, k, v, mask)
        else:
            scores, out = self._by_scores(q, k, v, mask, drops)
        out = project_output(out if gate is None else out * gate)
        return (out, scores) if return_attention_scores else out

    def _mask(self, causal: bool, query: Tensor) -> AttentionMask:
        """Return the op that merges masks into one for the scores."""
        axes = len(self.axes)
        return AttentionMask(causal, self.sliding_window, axes, len(query.shape) + axes)

    def _by_scores(self, q: Tensor, k: Tensor, v: Tensor, mask: object, drops: bool) -> tuple[Tensor, Tensor]:
        """Return the scores, and the values they select (fewer of them where dropout ``drops`` some)."""
        times = self.query_heads // self.key_heads
        if times > 1:
            k, v = RepeatKV(times)(k), RepeatKV(times)(v)
        score, combine = equations(len(q.shape), self.axes)
        scores = SoftmaxActivation(tuple(range(-len(self.axes), 0)))(Einsum(score)(q * self._scale, k), mask)
        weights = self._dropout_layer(scores, training=True) if drops and self._dropout_layer else scores
        return scores, Einsum(combine)(weights, v)

    def _make(
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None, output_shape: tuple[int, ...]
    ) -> None:
        """Make and build the projections, in Keras's order."""
        shapes = (query_shape, key_shape or value_shape, query_shape, value_shape)
        sizes = (
            (self.query_heads, self.features), (self.key_heads, self.features),
            (self.query_heads, self.depth), (self.key_heads, self.depth),
        )  # fmt: skip
        for attribute, shape, size in zip(self.names, shapes, sizes, strict=False):
            is_gate = attribute == "_gate_dense"
            if not is_gate or self.use_gate:
                name = attribute.strip("_").removesuffix("_dense")
                layer = self._projection(name, len(shape), 1, size, "sigmoid" if is_gate else None)
                setattr(self, attribute, layer)
                layer.build(shape)
        out = self._projection("attention_output", len(query_shape) + 1, 2, output_shape, None)
        setattr(self, self.names[-1], out)
        out.build((*query_shape[:-1], self.query_heads, self.depth))

    def _projection(self, name: str, rank: int, summed: int, size: tuple[int, ...], activation: object) -> EinsumDense:
        """Return the projection of the last ``summed`` axes of a tensor of ``rank`` to axes of ``size``."""
        letters = ascii_lowercase[:rank]
        new = ascii_lowercase[rank : rank + len(size)]
        free = letters[: rank - summed]
        return EinsumDense(
            f"{letters},{letters[rank - summed :]}{new}->{free}{new}",
            (*(None,) * (rank - summed - 1), *size),
            activation=activation,
            bias_axes=new if self.use_bias else None,
            name=name,
            dtype=self.dtype_policy,
            **{setting: getattr(self, setting) for setting in PROJECTION},
        )

    def _projections(self) -> list[Any]:
        return [getattr(self, name) for name in self.names]


def equations(rank: int, axes: tuple[int, ...]) -> tuple[str, str]:
    """Return the equations of scores and of their use, for projected tensors of ``rank`` attended over ``axes``.

    >>> equations(4, (1,))
    ('abcd,aecd->acbe', 'acbe,aecd->abcd')
    """
    target, new = ascii_lowercase[:rank], iter(ascii_lowercase[rank:])
    source = "".join(next(new) if axis in axes else letter for axis, letter in enumerate(target))
    kept = "".join(target[axis] for axis in range(rank - 1) if axis not in axes)
    scores = kept + "".join(target[axis] for axis in axes) + "".join(source[axis] for axis in axes)
    return f"{target},{source}->{scores}", f"{scores},{source}->{target}"


def check_ranks(query_shape: Shape, value_shape: Shape, key_shape: Shape | None) -> None:
    """Raise ShapeError where query, value and key cannot belong together."""
    for name, shape in (("query", query_shape), ("value", value_shape)):
        if len(shape) < 3:
            raise ShapeError(f"expects {name} with at least 3 axes, got {len(shape)} ({name} is {show_shape(shape)})")
    if len(query_shape) != len(value_shape):
        shown = f"{show_shape(query_shape)} and {show_shape(value_shape)}"
        raise ShapeError(f"expects query and value with as many axes, got {shown}")
    if key_shape is not None and not all(map(dims.may_equal, value_shape[1:-1], key_shape[1:-1])):
        shown = f"{show_shape(value_shape)} and {show_shape(key_shape)}"
        raise ShapeError(f"expects value and key with as many steps, got {shown}")
