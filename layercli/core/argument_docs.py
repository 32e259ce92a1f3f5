"""The ``Args`` section of the docstrings of layers and optimizers: a line for each argument of the constructor.

A docstring describes the arguments that are particular to its class. Those that many classes share are described once, here or
in a base class, and added when the class is created, in the order of the signature.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

SHARED = {
    "activation": "The activation function: a name, a function, or None for no activation.",
    "activity_regularizer": "The regularizer of the output: a name, a config or an object; None for no penalty.",
    "axis": "The axis, or a list of axes, that the statistics are computed over.",
    "beta_constraint": "The constraint of beta.",
    "beta_initializer": "The initializer of beta.",
    "beta_regularizer": "The regularizer of beta.",
    "bias_constraint": "The constraint of the bias.",
    "bias_initializer": "The initializer of the bias.",
    "bias_regularizer": "The regularizer of the bias.",
    "center": "Whether to add the trainable variable beta.",
    "data_format": '"channels_last" or "channels_first"; None for the default of config.set_image_data_format, channels_last.',
    "depth_multiplier": "The number of output channels of each input channel.",
    "depthwise_constraint": "The constraint of the depthwise kernel.",
    "depthwise_initializer": "The initializer of the depthwise kernel.",
    "depthwise_regularizer": "The regularizer of the depthwise kernel.",
    "dilation_rate": "The distance between the taps of the kernel: an integer, or one for each spatial axis.",
    "dropout": "The fraction of units to drop in training, from 0 to 1.",
    "dtype": 'The dtype or the dtype policy, such as "float16" or "mixed_bfloat16"; None for the global policy.',
    "embeddings_constraint": "The constraint of the embeddings.",
    "embeddings_initializer": "The initializer of the embeddings.",
    "embeddings_regularizer": "The regularizer of the embeddings.",
    "epsilon": "A small number that is added to the variance, so that it is not zero.",
    "fill_mode": 'How to fill pixels outside the image: "reflect", "wrap", "constant" or "nearest".',
    "fill_value": 'The value of pixels outside the image if fill_mode is "constant".',
    "filters": "The number of output channels.",
    "flash_attention": "Accepted for Keras's sake; torch chooses the kernel.",
    "gamma_constraint": "The constraint of gamma.",
    "gamma_initializer": "The initializer of gamma.",
    "gamma_regularizer": "The regularizer of gamma.",
    "go_backwards": "Whether to process the sequence from the last step to the first.",
    "groups": "The number of groups that the channels are split into.",
    "height": "The height of the output in pixels.",
    "input_dim": "The number of rows of the table: the largest index plus 1.",
    "input_shape": "The shape of the input without the batch, for the first layer of a Sequential model.",
    "interpolation": 'The interpolation: "nearest" or "bilinear".',
    "keepdims": "Whether to keep the spatial axes with size 1.",
    "kernel_constraint": "The constraint of the kernel.",
    "kernel_initializer": "The initializer of the kernel: a name, a config, an object or a function of a shape and a dtype.",
    "kernel_regularizer": "The regularizer of the kernel.",
    "kernel_size": "The size of the kernel: an integer, or one for each spatial axis.",
    "layer": "The layer to wrap.",
    "lora_alpha": "The scale of the low-rank update, which is multiplied by lora_alpha / lora_rank; None for lora_rank.",
    "lora_rank": "The rank of a trainable low-rank update of the weights (Hu et al. 2021); None for no update.",
    "mask_zero": "Whether the index 0 is padding, which later layers mask.",
    "name": "The name of the layer; None for the class name in snake case with a number.",
    "negative_slope": "The slope for x < 0.",
    "noise_shape": "The shape of the random mask, batch first: 1 shares a decision along an axis, None takes x's size.",
    "output_dim": "The size of an embedding.",
    "output_mode": '"int" (bins only), "one_hot", "multi_hot" or "count".',
    "output_size": "The size of the output: an integer, or one for each spatial axis.",
    "padding": '"valid" (no padding) or "same" (so that a stride of 1 keeps the size).',
    "pointwise_constraint": "The constraint of the pointwise kernel.",
    "pointwise_initializer": "The initializer of the pointwise kernel.",
    "pointwise_regularizer": "The regularizer of the pointwise kernel.",
    "pool_size": "The size of the window: an integer, or one for each spatial axis.",
    "quantization_config": "How a quantized dtype policy stores the weights: a QuantizationConfig of quantizers, or None.",
    "rate": "The fraction of values to drop in training, from 0 to 1.",
    "recurrent_activation": "The activation function of the gates.",
    "recurrent_constraint": "The constraint of the recurrent kernel.",
    "recurrent_dropout": "The fraction of the units of the state to drop in training, from 0 to 1.",
    "recurrent_initializer": "The initializer of the recurrent kernel.",
    "recurrent_regularizer": "The regularizer of the recurrent kernel.",
    "return_sequences": "Whether to return the outputs of all steps instead of the last output.",
    "return_state": "Whether to return the last states after the output.",
    "scale": "Whether to multiply by the trainable variable gamma.",
    "seed": "An integer gives the layer a random stream of its own; None uses the global seed.",
    "sliding_window": "The number of positions around a target that it attends to; None for all.",
    "sparse": "Must be false: sparse tensors are not supported.",
    "stateful": "Whether the last states of a batch are the initial states of the next.",
    "strides": "The step of the window: an integer, or one for each spatial axis.",
    "trainable": "Whether the variables are trained.",
    "unit_forget_bias": "Whether to initialize the bias of the forget gate to 1.",
    "units": "The size of the last axis of the output.",
    "unroll": "Whether to unroll the loop over the steps; the result is the same.",
    "use_bias": "Whether to add a bias.",
    "use_cudnn": 'Whether to use the fused kernel: true, false, or "auto" where it computes the same.',
    "use_gate": "Whether to multiply the output of each head by a sigmoid of a projection of the query.",
    "use_scale": "Whether to multiply the scores by a trainable scale.",
    "value_range": "The least and the greatest value of the images: a pair.",
    "width": "The width of the output in pixels.",
    "zero_output_for_mask": "Whether the outputs of masked steps are zeros instead of the previous output.",
}
"""The arguments that many layers share."""


def document_arguments(cls: Any, names: Iterable[str], shared: Mapping[str, str] = SHARED) -> None:
    """Complete the ``Args`` section of a class's docstring: a line for each of ``names``.

    The text comes from the class's own docstring, from that of a base class, or from ``shared``.
    """
    text, own = split(inspect.cleandoc(cls.__dict__.get("__doc__") or ""))
    cls._argument_docs = {**getattr(cls, "_argument_docs", {}), **own}
    known = {**shared, **cls._argument_docs}
    lines = [f"    {name}: {known[name]}" for name in names if name in known]
    if text and lines:
        cls.__doc__ = "\n".join([text, "", "Args:", *lines])


def split(doc: str) -> tuple[str, dict[str, str]]:
    """Return a docstring without its ``Args`` section, and the text of each argument in that section."""
    before, found, section = doc.partition("\nArgs:\n")
    if not found:
        return doc, {}
    end = next((i for i, line in enumerate(section.split("\n")) if line and not line.startswith(" ")), None)
    lines = section.split("\n")
    rest = [] if end is None else ["", *lines[end:]]
    texts: dict[str, str] = {}
    name = ""
    for line in map(str.rstrip, lines[:end]):
        if line.startswith("        "):
            texts[name] += f" {line.strip()}"
        elif line:
            name, _, text = line.strip().partition(": ")
            texts[name] = text
    return "\n".join([before.rstrip(), *rest]), texts
