"""torch's fused kernel of ``nn.TransformerEncoderLayer``, as the operations that it runs: they are recorded as those of its parts.

In eval mode and without gradients torch runs such a layer by one kernel, which allocates less than the modules called one by one.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from layercli.core.types import Tensor

ARGUMENTS = ("src", "src_mask", "src_key_padding_mask")
"""The arguments of an encoder layer that are tensors, in their order."""


def runs_fused(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether torch runs this call of a module by the fused kernel; a call with a mask of padding is left as it is."""
    if type(module) is not nn.TransformerEncoderLayer or not args or module.training:
        return False
    given = dict(zip(ARGUMENTS, args, strict=False)) | kwargs
    x, attention = args[0], module.self_attn
    return (
        given.get("src_key_padding_mask") is None
        and isinstance(x, torch.Tensor)
        and x.dim() == 3
        and not x.is_nested
        and has_fused_kernel(module)
        and attention.num_heads % 2 == 0
        and not torch.is_autocast_enabled(x.device.type)
        and not any(each._forward_hooks or each._forward_pre_hooks for each in module.modules())
    )


def has_fused_kernel(layer: nn.TransformerEncoderLayer) -> bool:
    """Whether torch has a fused kernel for a layer with these settings."""
    attention = layer.self_attn
    return bool(
        attention.batch_first
        and attention.in_proj_bias is not None
        and attention._qkv_same_embed_dim
        and layer.activation_relu_or_gelu
        and layer.norm1.eps == layer.norm2.eps
    )


def encoder_layer(
    layer: nn.TransformerEncoderLayer, x: Tensor, src_mask: Tensor | None = None, *_: Any, **__: Any
) -> Tensor:
    """Return the outputs of a layer; the sums and the activation are computed in place."""
    if src_mask is not None and src_mask.dtype == torch.bool:
        src_mask = torch.zeros_like(src_mask, dtype=x.dtype).masked_fill_(src_mask, float("-inf"))
    first = layer.norm1(x) if layer.norm_first else x
    out = layer.dropout1(layer.self_attn(first, first, first, need_weights=False, attn_mask=src_mask)[0])
    del first
    out = out.add_(x)
    if not layer.norm_first:
        out = layer.norm1(out)
    normalized = layer.norm2(out) if layer.norm_first else out  # lives until the layer is done
    hidden = layer.linear1(normalized)
    hidden = hidden.relu_() if layer.activation_relu_or_gelu == 1 else torch.ops.aten.gelu_.default(hidden)
    result = layer.dropout2(layer.linear2(layer.dropout(hidden)))
    del hidden
    result = result.add_(out)
    return result if layer.norm_first else layer.norm2(result)  # type: ignore[no-any-return]  # torch does not annotate it


def self_attention(
    attention: nn.MultiheadAttention, x: Tensor, *_: object, attn_mask: Tensor | None = None, **__: object
) -> tuple[Tensor, None]:
    """Return the outputs of an attention of a sequence to itself, which the encoder layer's kernel contains.

    With a mask the kernel makes a boolean one for every head, and the weights beside the scores.
    """
    batch, steps, width = x.shape
    heads = attention.num_heads
    projected = torch.mm(x.reshape(-1, width), attention.in_proj_weight.t())
    # with the bias, one head after another
    parts = torch.empty_like(projected).view(3, batch * heads, steps, width // heads)
    del projected
    query, key, value = parts.unbind(0)
    scores = torch.bmm(query, key.transpose(1, 2))
    if attn_mask is None:
        torch.ops.aten._softmax.out(scores, -1, False, out=scores)
    else:
        masked = attn_mask.expand(batch, heads, steps, steps) if attn_mask.dim() == 2 else attn_mask
        masked = masked.to(torch.bool, copy=True)
        scores = torch.softmax(scores, -1)
        del masked
    torch.ops.aten.bmm.out(scores, value, out=query)
    del scores
    joined = query.view(batch, heads, steps, -1).transpose(1, 2).contiguous().view(batch, steps, width)
    return F.linear(joined, attention.out_proj.weight, attention.out_proj.bias), None
