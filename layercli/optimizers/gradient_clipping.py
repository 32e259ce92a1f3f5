"""Gradients held to a size before an optimizer sees them."""

from __future__ import annotations

from layercli.lazy import torch

Tensors = list["torch.Tensor"]


def clip_each_norm(gradients: Tensors, limit: float) -> Tensors:
    """Return each gradient scaled down, if need be, to a norm of ``limit``."""
    norms = torch._foreach_norm(gradients)
    return list(torch._foreach_mul(gradients, [limit / norm.clamp_min(limit) for norm in norms]))


def clip_global_norm(gradients: Tensors, limit: float) -> Tensors:
    """Return the gradients scaled down together, if need be, so that the norm of all as one vector is ``limit``."""
    norm = torch.stack([norm.float() for norm in torch._foreach_norm(gradients)]).norm()
    return list(torch._foreach_mul(gradients, limit / norm.clamp_min(limit)))


def clip_values(gradients: Tensors, limit: float) -> Tensors:
    """Return the gradients with every element between ``-limit`` and ``limit``."""
    return list(torch._foreach_clamp_min(torch._foreach_clamp_max(gradients, limit), -limit))


CLIPS = {"clipnorm": clip_each_norm, "clipvalue": clip_values, "global_clipnorm": clip_global_norm}
"""The function of each argument of an optimizer that limits gradients; at most one of them is given."""
