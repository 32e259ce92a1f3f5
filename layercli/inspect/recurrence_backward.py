"""The moments of a backward pass of torch's recurrences that run step by step: a plain one and a GRU.

A moment is what is live beside the weights and what the forward pass keeps. The events are those of autograd's operations in
their order; of the steps in the middle, which are alike, the first and the last count.
"""

from __future__ import annotations

from layercli.core.dims import Size
from layercli.dataclass import dataclass


@dataclass(frozen=True)
class StepSizes:
    """The bytes of the tensors of a recurrence of ``steps`` steps; ``inputs`` is 0 where their gradient is not computed.

    ``bias`` is that of one product, ``start`` the initial state that torch makes, ``given`` the storage of the gradient that the
    pass begins with, ``held`` as much of it as others still need when the pass is over.
    """

    steps: int
    state: Size
    kernel: Size
    recurrent: Size
    bias: Size
    inputs: Size
    start: Size
    given: Size
    held: Size
    whole: bool
    """Whether ``given`` is the gradient of the outputs of all steps."""

    @property
    def sequence(self) -> Size:
        """The outputs of all steps."""
        return self.steps * self.state

    @property
    def counted(self) -> list[int]:
        """The steps, counted from the end of the sequence, that are not like the one before them."""
        return sorted({i for i in (1, 2, 3, self.steps - 1, self.steps) if 1 <= i <= self.steps})

    @property
    def begun(self) -> list[Size]:
        """The moment before the steps: the gradient of the outputs of all of them, made from that of the last one."""
        return [self.given] if self.whole else [self.given + self.sequence]

    @property
    def first(self) -> Size:
        """What is live when the steps begin."""
        return self.given if self.whole else self.sequence + self.held

    @property
    def spent(self) -> Size:
        """What is freed with the last step that reads the gradient of all outputs."""
        return self.given - self.held if self.whole else self.sequence


def plain_moments(sizes: StepSizes) -> list[Size]:
    """Return the moments of a recurrence of one product and an activation."""
    state, recurrent, last = sizes.state, sizes.recurrent, sizes.steps
    moments, live = sizes.begun, sizes.first
    for i in sizes.counted:
        moments.append(live + state)
        live = live - (sizes.spent if last == 1 else 0) - (state if i > 1 else 0)
        if i < last:
            moments.append(live + 2 * state + recurrent)
            live = live + state + recurrent
        else:
            moments.append(live + recurrent)
            live = live + recurrent - sizes.start
        if i == last - 1:
            live = live - sizes.spent
        if i > 1:
            moments.append(live + recurrent)
            live = live - recurrent
    gradients = sizes.bias + sizes.kernel + sizes.inputs
    return [*moments, live + sizes.sequence, live + gradients]


def gru_moments(sizes: StepSizes, extra: Size) -> list[Size]:
    """Return the moments of a GRU; at the end the gradients of its weights get the order of its gates.

    ``extra`` is what the forward pass keeps beside the outputs. It includes the recurrent weights in torch's order, which are
    freed with the last step that gives a gradient to a state; each step frees seven tensors and makes three.
    """
    state, recurrent, bias, last = sizes.state, sizes.recurrent, sizes.bias, sizes.steps
    moments, live = sizes.begun, sizes.first
    for i in sizes.counted:
        if i == last - 1:
            live = live - 4 * state * (last - len(sizes.counted))  # of the steps that are left out
        moments.append(live + (4 if i == 1 else 3) * state)
        if i == max(last - 1, 1):
            live = live - sizes.spent
        live = live + recurrent + bias + (state if i > 1 else 2 * state) - (2 * state if i == last else 0)
        moments.append(live)
        live = live - 4 * state
        if i == last - 1:
            live = live - recurrent
        if i > 1:
            ready = live - bias - (state if i < last else 0)
            moments += [live + bias, ready + recurrent]
            live = live - bias - recurrent
        live = live - (state if i < last else sizes.start)
    final = sizes.recurrent + sizes.kernel + sizes.inputs + 2 * bias - extra
    gradients = bias + sizes.kernel + sizes.inputs
    return [*moments, live + 3 * sizes.sequence, live + gradients, final + sizes.recurrent, final + sizes.kernel]
