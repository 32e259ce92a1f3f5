"""GPTQ and AWQ of one matrix (outputs, inputs): the integers, scales and zero points that fit what its inputs are on data.

References: Frantar et al., https://arxiv.org/abs/2210.17323; Lin et al., https://arxiv.org/abs/2306.00978.
"""

from __future__ import annotations

from typing import Any

from layercli.core.types import Tensor
from layercli.lazy import F, torch
from layercli.quantizers.calibration_config import AWQConfig, GPTQConfig

BLOCK = 128
"""How many columns are rounded before their errors are taken from all later ones."""


def ranges(x: Tensor, bits: int, group: int = -1, *, symmetric: bool = False, per_channel: bool = True) -> Any:
    """Return the scales and the zero points (outputs, groups) of a matrix for integers from 0 to 2**bits - 1.

    The zero points fit into a byte: where one would not, the range of the values is extended to 0.
    """
    rows, columns = x.shape
    groups = -(-columns // group) if group > 0 and per_channel else 1
    if groups > 1:
        held = F.pad(x, (0, groups * group - columns)).reshape(rows, groups, group)
    else:
        held = x.reshape(rows if per_channel else 1, 1, -1)
    low, high = held.amin(-1), held.amax(-1)
    most = 2**bits - 1
    if symmetric:
        high = torch.maximum(low.abs(), high)
        low = torch.where(low < 0, -high, low)
    equal = (low == high).to(x.dtype)
    low, high = low - equal, high + equal
    zero = (-low / ((high - low) / most)).round()
    wrong = (zero < 0) | (zero > 255)
    low, high = torch.where(wrong, low.clamp(max=0), low), torch.where(wrong, high.clamp(min=0), high)
    scale = (high - low) / most
    zero = torch.full_like(scale, (most + 1) / 2) if symmetric else (-low / scale).round()
    return scale.expand(rows, -1), zero.expand(rows, -1)


def rounded(x: Tensor, scale: Tensor, zero: Tensor, bits: int) -> Tensor:
    """Return the integers of x, as floats."""
    return (x / scale + zero).round().clamp(0, 2**bits - 1)


def gptq(weight: Tensor, hessian: Tensor, config: GPTQConfig) -> dict[str, Any]:
    """Return the integers, the scale and the zero point of each group, and the group of each input.

    ``hessian`` is the mean of 2 x xᵀ over the inputs x.
    """
    count, bits = weight.shape[1], config.weight_bits
    group = count if config.group_size == -1 else config.group_size
    hessian, diagonal = hessian.clone(), hessian.diagonal()
    diagonal = torch.where(diagonal == 0, 1.0, diagonal)
    hessian.diagonal().copy_(diagonal + config.hessian_damping * diagonal.mean())
    inverse, weight, order = torch.linalg.inv(hessian), weight.clone(), None
    if config.activation_order:
        order = torch.argsort(-hessian.diagonal(), stable=True)
        weight, inverse = weight[:, order], inverse[order][:, order]
    integers, found = torch.zeros_like(weight), list[Any]()
    for start in range(0, count, BLOCK):
        end = min(start + BLOCK, count)
        block, errors = weight[:, start:end].clone(), torch.zeros_like(weight[:, start:end])
        for i in range(end - start):
            place = (start + i) // group
            if place == len(found):
                values = weight[:, place * group : (place + 1) * group]
                found.append(ranges(values, bits, symmetric=config.symmetric, per_channel=config.per_channel))
            scale, zero = found[place]
            column, row = block[:, i : i + 1], inverse[start + i, start:end]
            integer = rounded(column, scale, zero, bits)
            error = (column - (integer - zero) * scale) / row[i]
            integers[:, start + i], errors[:, i] = integer[:, 0], error[:, 0]
            block[:, i + 1 :] -= error * row[i + 1 :]
        weight[:, end:] -= errors @ inverse[start:end, end:]
    places = torch.arange(count) / group
    if order is not None:
        back = torch.argsort(order)
        integers, places = integers[:, back], places[back]
    scales, zeros = (torch.cat(each, 1) for each in zip(*found, strict=True))
    return {"": integers, "_scale": scales, "_zero": zeros, "g_idx": places}


def awq(weight: Tensor, largest: Tensor, config: AWQConfig) -> dict[str, Any]:
    """Return the integers, scales and zero points of the weight times ``awq_scales``, and the group of each input.

    ``largest`` are the largest magnitudes of the inputs. The scales are that power of them, between 0 and 1, whose rounding errors
    times the magnitudes have the least squares.
    """
    count, group = weight.shape[1], config.group_size
    groups = torch.zeros(count) if group == -1 else torch.arange(count) // group
    largest = torch.where(largest < 1e-8, 1.0, largest)
    best: Any = None
    for step in range(config.num_grid_points + 1):
        factors = (largest ** (step / config.num_grid_points)).clamp(min=1e-4)
        factors = factors / (factors.max() * factors.min()).sqrt().clamp(min=1e-8)
        scale, zero = ranges(weight * factors, 4, group)
        spread_scale, spread_zero = scale[:, groups.long()], zero[:, groups.long()]
        integers = rounded(weight * factors, spread_scale, spread_zero, 4)
        lost = weight - (integers - spread_zero) * spread_scale / factors
        loss = (lost.square() * largest.square()).mean()
        if best is None or loss < best[0]:
            best = loss, {"": integers, "_scale": scale, "_zero": zero, "awq_scales": factors, "g_idx": groups.float()}
    found: dict[str, Any] = best[1]
    return found
