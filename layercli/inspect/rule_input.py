"""What a rule of memory is given: the Specs, the arguments and the sizes of a call of an operation."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import field

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.inspect.memory_order import STEPS_FIRST, Order, contiguous, is_scattered, more_than_one
from layercli.inspect.model_graph import ModelGraph, OperationCall


@dataclass(frozen=True)
class GivenGradient:
    """The gradient that the backward pass of a call begins with: the bytes of its storage, which others may share.

    ``freed``: no other call needs the storage, so that it is freed with its last use in this one. ``missing`` are the bytes of
    the results that have no gradient.
    """

    bytes: Size
    freed: bool = True
    missing: Size = 0


@dataclass(frozen=True)
class Given:
    """A call as a rule sees it: the Specs of what it takes and gives, and its arguments."""

    call: OperationCall
    taken: tuple[Spec, ...]
    gave: tuple[Spec, ...]
    wants: tuple[bool, ...] = ()
    """Whether the gradient of each input is computed."""
    at: Mapping[str, int] = field(default_factory=dict)
    """The values of named sizes that tell which kernel runs."""
    orders: tuple[Order | None, ...] = ()
    """The order in which the axes of each input lie in memory, None for a contiguous one."""
    gradient: GivenGradient = GivenGradient(0)

    @staticmethod
    def of(
        graph: ModelGraph,
        call: OperationCall,
        wanted: Container[int] = (),
        at: Mapping[str, int] | None = None,
        gradient: GivenGradient | None = None,
    ) -> Given:
        """Return what a rule sees of a call; ``wanted`` are the values that a gradient is computed for."""
        taken, gave = (tuple(graph.values[index].spec for index in side) for side in (call.inputs, call.outputs))
        wants = tuple(index in wanted for index in call.inputs)
        orders = tuple(map(graph.orders.get, call.inputs))
        return Given(call, taken, gave, wants, at or {}, orders, gradient or GivenGradient(0))

    @property
    def wanted(self) -> bool:
        """Whether the gradient of the first input is computed."""
        return self.wants[:1] == (True,)

    @property
    def steps_first(self) -> bool:
        """Whether the first input lies in memory with its steps first, as the outputs of a recurrence do."""
        return self.orders[:1] == (STEPS_FIRST,)


def several_rows(given: Given) -> Size:
    """Return 1 where there are several sequences of several steps, else 0."""
    batch, steps = given.taken[0].shape[:2]
    return more_than_one(batch) * more_than_one(steps)


def rows_copied(given: Given) -> Size:
    """Return the copy of the inputs that a matrix product makes of what lies in memory with its steps first."""
    x = given.taken[0]
    return x.bytes * several_rows(given) if given.steps_first and x.rank == 3 else 0


def factors_copied(given: Given) -> list[Size]:
    """Return the copy of each factor of a product of matrices: torch expands the leading axes and makes one of them."""
    if len(given.taken) < 2 or min(x.rank for x in given.taken) < 3:
        return [0] * len(given.taken)
    lead = given.gave[0].shape[:-2]
    orders = given.orders or (None,) * len(given.taken)
    return [
        dims.product((*lead, *x.shape[-2:])) * dtypes.BYTES[x.dtype] * scattered
        for x, order in zip(given.taken, orders, strict=True)
        for scattered in [is_scattered(x.shape, order or contiguous(x.rank), lead)]
    ]


def every_feature(given: Given) -> Size:
    """Return the bytes of one number for each feature of each score of additive attention."""
    query = given.taken[0]
    return given.gave[0].size * query.shape[-1] * dtypes.BYTES[query.dtype]


def has_inner_scale(given: Given) -> bool:
    """Whether additive attention scales its sums before their hyperbolic tangent."""
    return len(given.taken) > 3 or (len(given.taken) == 3 and "outside" in given.call.arguments)
