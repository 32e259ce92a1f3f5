"""AdamW."""

from __future__ import annotations

from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.optimizers.adam import Adam
from layercli.optimizers.positional import accept_positional


@accept_positional
@dataclass(eq=False)
class AdamW(Adam):
    """Adam with decoupled weight decay.

    Reference: Loshchilov and Hutter 2017, arXiv:1711.05101.
    """

    weight_decay: float | None = 0.004

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight_decay is None:
            raise UsageError("weight_decay of adamw is a number, got None", hint="use adam for none")
