"""Adam."""

from __future__ import annotations

import math
from collections.abc import Iterable

from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.optimizers.base_optimizer import Optimizer
from layercli.optimizers.dtensor import own_part
from layercli.optimizers.gradient_clipping import Tensors
from layercli.optimizers.positional import accept_positional


@accept_positional
@dataclass(eq=False)
class Adam(Optimizer):
    """``m += (g - m)(1 - beta_1)``, ``v += (g^2 - v)(1 - beta_2)``, then at step t
    ``p -= rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)``.

    It runs as torch's fused kernel where one exists.
    References: Kingma and Ba 2014, arXiv:1412.6980; Reddi et al. 2018, arXiv:1904.09237 (amsgrad).

    Args:
        amsgrad: Whether to divide by the largest v so far.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    amsgrad: bool = False

    def slots(self) -> Iterable[tuple[str, ...]]:
        """Return momentum and velocity, and velocity_hat with amsgrad."""
        return [("momentum", "velocity"), ("velocity_hat",)] if self.amsgrad else [("momentum", "velocity")]

    def update(self, parameters: Tensors, gradients: Tensors, rate: float, **slots: Tensors) -> None:
        """Take one step."""
        adam(
            parameters,
            gradients,
            **slots,
            rate=rate,
            betas=(self.beta_1, self.beta_2),
            epsilon=self.epsilon,
            step=self.update_count + 1,
        )


def adam(
    parameters: Tensors,
    gradients: Tensors,
    momentum: Tensors,
    velocity: Tensors,
    velocity_hat: Tensors | None = None,
    *,
    rate: float,
    betas: tuple[float, float],
    epsilon: float,
    step: int,
) -> None:
    """Take step number ``step`` of Adam.

    torch adds epsilon after the bias correction of v, Keras before it; dividing Keras's epsilon by the correction gives torch's.
    """
    beta_1, beta_2 = betas
    correction = math.sqrt(1 - beta_2**step)
    if fusable(parameters) and fusable(gradients):
        steps = [torch.full((), step, dtype=torch.float32, device=parameters[0].device)] * len(parameters)
        torch._fused_adam_(
            parameters, gradients, momentum, velocity, velocity_hat or [], steps,
            lr=rate, beta1=beta_1, beta2=beta_2, weight_decay=0.0, eps=epsilon / correction,
            amsgrad=velocity_hat is not None, maximize=False,
        )  # fmt: skip
        return
    torch._foreach_lerp_(momentum, gradients, 1 - beta_1)
    torch._foreach_lerp_(velocity, torch._foreach_mul(gradients, gradients), 1 - beta_2)
    if velocity_hat is not None:
        torch._foreach_maximum_(velocity_hat, velocity)
        velocity = velocity_hat
    below = torch._foreach_sqrt(velocity)
    torch._foreach_add_(below, epsilon)
    torch._foreach_addcdiv_(parameters, momentum, below, -rate * correction / (1 - beta_1**step))


def fusable(tensors: Tensors) -> bool:
    """Return whether torch's fused kernels take these together: contiguous, on one CPU or GPU, of one dtype."""
    device, dtype = tensors[0].device, tensors[0].dtype
    if device.type not in ("cpu", "cuda"):
        return False
    return all(t.dtype is dtype and own_part(t).is_contiguous() and t.device == device for t in tensors)
