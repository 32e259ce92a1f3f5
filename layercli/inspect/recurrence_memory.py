"""What torch's recurrences on the CPU keep for their backward pass: an LSTM is oneDNN's kernel, the others run step by step."""

from __future__ import annotations

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.spec import Spec
from layercli.inspect.kernel_memory import Given, states_of

PAGE, LINE = 4096, 64
"""oneDNN begins each buffer of its workspace on a page, and each row of most of them on a cache line."""


def copied_by_steps(given: Given) -> bool:
    """Whether the inputs are copied, to have the steps first: not where they have, or where there is one step or one text."""
    return not given.steps_first and 1 not in given.taken[0].shape[:2]


def kept_by_recurrence(given: Given, wanted: bool) -> Size:
    """Return the bytes that a recurrence keeps beside what it takes and gives; ``wanted``: the inputs want a gradient."""
    x, kernel, recurrent = given.taken[:3]
    kind = given.call.arguments.get("kind")
    state = x.shape[0] * recurrent.shape[0] * dtypes.BYTES[x.dtype]
    started = len(states_of(given))
    inputs = x.bytes if copied_by_steps(given) else 0
    weights = kernel.bytes + recurrent.bytes
    if kind == "lstm":
        biases = dims.total(each.bytes for each in given.taken[3:] if each.rank == 1)
        last = 2 * state + (state if started < 2 else 0)
        return inputs + last + (weights if biases == 0 else biases) + lstm_workspace(x, recurrent.shape[0])
    start = 0 if started else state
    if kind == "gru":
        ordered = weights if wanted else recurrent.bytes
        return inputs + ordered + x.shape[1] * 7 * state - state + start
    return inputs + x.shape[1] * state + start


def lstm_workspace(x: Spec, units: Size) -> Size:
    """Return the bytes of the workspace of oneDNN's LSTM in training: gates, states, and gradients of states of all steps.

    The sizes are those of ``rnn_utils`` in oneDNN.
    """
    batch, steps, features = x.shape
    width = dtypes.BYTES[x.dtype]
    widest: Size = max(int(features), int(units)) if dims.known(features) and dims.known(units) else features + units
    after = steps + 1
    buffers = [
        steps * batch * row(4 * units, width),
        2 * after * batch * row(widest, width),
        steps * batch * row(units, width),
        2 * after * batch * units * width,
        *[2 * after * batch * row(widest, 4)] * 2,
        2 * after * batch * units * 4,
    ]
    return dims.total(dims.ceil_div(each, PAGE) * PAGE for each in buffers)


def row(length: Size, width: int) -> Size:
    """Return the bytes of a row: whole cache lines, and one more where rows a page apart would share lines of the cache."""
    padded = dims.ceil_div(length, LINE // width) * (LINE // width)
    crowded = dims.known(padded) and padded % 256 == 0
    return (padded + LINE // width if crowded else padded) * width
