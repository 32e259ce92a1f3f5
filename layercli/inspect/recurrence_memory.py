"""What torch's recurrences on the CPU keep for their backward pass: an LSTM is oneDNN's kernel, the others run step by step."""

from __future__ import annotations

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.spec import Spec
from layercli.inspect.recurrence_backward import StepSizes, gru_moments, plain_moments
from layercli.inspect.rule_input import Given, several_rows

PAGE, LINE = 4096, 64
"""oneDNN begins each buffer of its workspace on a page, and each row of most of them on a cache line."""


def copied_bytes(given: Given) -> Size:
    """Return the bytes of the copy of the inputs that has the steps first: none where they have, or where there is one step or one
    sequence.
    """
    return 0 if given.steps_first else given.taken[0].bytes * several_rows(given)


def inputs_kept(given: Given) -> Size | None:
    """Return the bytes of the copy of the inputs that is kept, None where the inputs themselves are."""
    copied, turned = copied_bytes(given), turned_bytes(given)
    return turned or (None if dims.at(copied, given.at) == 0 else copied)


def state_bytes(given: Given) -> Size:
    """Return the bytes of one state."""
    return given.taken[0].shape[0] * given.taken[2].shape[0] * dtypes.BYTES[given.taken[0].dtype]


def several_states(given: Given) -> bool:
    """Whether the gradient of a state is computed: there are several steps, or a state is given."""
    return dims.at(given.taken[0].shape[1], given.at) != 1 or bool(states_of(given))


def kept_by_recurrence(given: Given, wanted: bool) -> Size:
    """Return the bytes that a recurrence keeps beside what it takes and gives; ``wanted``: the inputs want a gradient."""
    x, kernel, recurrent = given.taken[:3]
    kind, steps = given.call.arguments.get("kind"), x.shape[1]
    state, started, copied = state_bytes(given), len(states_of(given)), inputs_kept(given)
    inputs = 0 if copied is None else copied
    weights = kernel.bytes + recurrent.bytes
    if kind == "lstm":
        biases = dims.total(each.bytes for each in given.taken[3:] if each.rank == 1)
        last = 2 * state + (state if started < 2 else 0)
        return inputs + last + (weights if biases == 0 else biases) + lstm_workspace(x, recurrent.shape[0])
    start = 0 if started else state
    if kind == "gru":
        ordered = (kernel.bytes if wanted else 0) + (recurrent.bytes if several_states(given) else 0)
        return inputs + ordered + steps * 7 * state - state + start
    return inputs + steps * state + start


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


def sequence_bytes(given: Given) -> Size:
    """Return the bytes of the outputs of all steps of a recurrence."""
    return given.taken[0].shape[1] * state_bytes(given)


def states_of(given: Given) -> list[Spec]:
    """Return the initial states among what a recurrence takes."""
    units = given.taken[2].shape[0]
    return [each for each in given.taken[3:] if each.rank == 2 and each.shape[1] == units]


def bias_bytes(given: Given) -> Size:
    """Return the bytes of the biases of a recurrence: what it takes beside inputs, kernels and states."""
    return dims.total(each.bytes for each in given.taken[3:]) - dims.total(each.bytes for each in states_of(given))


def turned_bytes(given: Given) -> Size:
    """Return the bytes of the inputs with their steps in the other order, which a recurrence that goes backwards makes first."""
    return given.taken[0].bytes if given.call.arguments.get("backwards") else 0


def recurrence(given: Given) -> Size:
    """Return what a recurrence takes at its peak.

    The fused LSTM: the inputs with the steps first, the second bias, the states before they are stacked; without a bias a copy of
    the weights. A GRU: its weights in another order, and the gates of all inputs without and with their bias. A plain one: the
    inputs with the steps first, or the outputs of all steps before they are stacked.
    """
    x, kernel, recurrent = given.taken[:3]
    state = state_bytes(given)
    weights, bias, states = kernel.bytes + recurrent.bytes, bias_bytes(given), len(states_of(given))
    kind = given.call.arguments.get("kind")
    turned = turned_bytes(given)
    if kind == "lstm":
        return (
            turned + copied_bytes(given) + (2 * state + bias if bias != 0 else weights) + (state if states < 2 else 0)
        )
    started = state if states else 0
    if kind == "gru":
        steps, copies = x.shape[1], several_rows(given) if bias != 0 and not given.steps_first else 0
        fewest = max(4 * steps, 3 * steps + 4) if isinstance(steps, int) else 4 * steps
        held = fewest + copies * (max(5 * steps - fewest, 0) if isinstance(steps, int) else steps)
        return turned + weights + bias + held * state - started
    features, units = x.shape[2], recurrent.shape[0]
    widest = max(features, 2 * units) if isinstance(features, int) and isinstance(units, int) else features + 2 * units
    return turned + dims.product(x.shape[:2]) * widest * dtypes.BYTES[x.dtype] + bias - started


def recurrence_backward(given: Given) -> Size:
    """Return the gradients of all outputs where one is given, and those of the inputs and the states that are not wanted.

    A recurrence that runs step by step is live in moments, of which the largest counts.
    """
    x, kernel, recurrent = given.taken[:3]
    arguments = given.call.arguments
    state, bias = state_bytes(given), bias_bytes(given)
    if arguments.get("kind") == "lstm":
        spent = given.gradient.bytes if given.gradient.freed else 0
        outputs = 0 if arguments.get("sequences") else sequence_bytes(given) - spent
        made = bias or 2 * recurrent.shape[1] * dtypes.BYTES[x.dtype]  # the kernel makes the gradients of two
        return outputs + made + 2 * state + (0 if given.wanted else x.bytes)
    counted = kernel.bytes + recurrent.bytes + bias + (x.bytes if given.wanted else 0) + given.gradient.bytes
    found = [dims.at(moment - counted, given.at) for moment in moments_of_steps(given)]
    known = [each for each in found if isinstance(each, int)]
    return max(known) if len(known) == len(found) else found[0]


def recurrence_forward(given: Given) -> Size:
    """Return what a recurrence holds beside what it keeps when its steps are done: the inputs in the other order where it goes
    backwards; one that runs step by step also its gates of all inputs, a GRU weights in another order as well.
    """
    kind = given.call.arguments.get("kind")
    turned = copied_bytes(given) if turned_bytes(given) else 0
    if kind == "lstm":
        return turned
    if kind == "gru":
        kernel, recurrent = (each.bytes for each in given.taken[1:3])
        ordered = (0 if given.wanted else kernel) + (0 if several_states(given) else recurrent)
        return turned + 3 * sequence_bytes(given) + bias_bytes(given) + ordered
    return turned + sequence_bytes(given) + bias_bytes(given) - state_bytes(given)


def moments_of_steps(given: Given) -> list[Size]:
    """Return what is live in the moments of a backward pass step by step, beside what is kept.

    Where the number of steps is open there is one of them: a step in the middle.
    """
    x, kernel, recurrent = given.taken[:3]
    gru, state = given.call.arguments.get("kind") == "gru", state_bytes(given)
    bias = dims.ceil_div(bias_bytes(given), 1 + gru)
    steps = dims.at(x.shape[1], given.at)
    if not isinstance(steps, int):
        return [sequence_bytes(given) + 3 * recurrent.bytes + (bias - 7 * state if gru else state)]
    start = 0 if states_of(given) else state
    inputs = x.bytes if given.wanted else 0
    sizes = StepSizes(
        steps, state, kernel.bytes, recurrent.bytes, bias, inputs, start,
        given.gradient.bytes, 0 if given.gradient.freed else given.gradient.bytes, bool(given.call.arguments.get("sequences")),
    )  # fmt: skip
    return gru_moments(sizes, kept_by_recurrence(given, given.wanted)) if gru else plain_moments(sizes)
