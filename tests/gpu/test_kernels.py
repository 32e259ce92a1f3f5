"""Parity of operations between a device and float64, with operations that are wrong on the device alone."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from layercli.gpu import kernels
from layercli.gpu.result import FAILED, PASSED

CPU = torch.device("cpu")


@dataclass
class Spec:
    shape: tuple[int, ...]
    dtype: str = "float32"


class Op:
    def __init__(self, run):
        self.run = run


@dataclass
class Case:
    name: str
    op: Any
    inputs: tuple[Any, ...]
    differentiable: bool = True
    constants: tuple[int, ...] = ()

    def arrays(self):
        draws = np.random.default_rng(5)
        return tuple(drawn(each, draws) if isinstance(each, Spec) else each for each in self.inputs)


def drawn(spec, draws):
    if spec.dtype.startswith("float"):
        return draws.standard_normal(spec.shape).astype(spec.dtype)
    return draws.integers(0, 2, spec.shape).astype(spec.dtype)


def case(name, run, *inputs, **settings):
    return Case(name, Op(run), inputs, **settings)


class Crooked(torch.autograd.Function):
    """A product whose gradient is wrong in float32 only, as a broken kernel's would be."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, gradient):
        x, y = ctx.saved_tensors
        return gradient * y * (1.01 if x.dtype == torch.float32 else 1), gradient * x


def only_on_device(run):
    """Return an operation that is right in float64, and ``run`` in float32, which is what the device computes in."""
    return lambda x: run(x) if x.dtype == torch.float32 else x * 2


SOUND = [
    case("matmul()(float32[8, 16])", torch.matmul, Spec((8, 16)), Spec((16, 4))),
    case("softmax", lambda x: torch.softmax(x, -1), Spec((4, 10))),
    case("log", torch.log, Spec((50,)), differentiable=False),
    case("gather", lambda x, i: x[i], Spec((5, 3)), Spec((7,), "int64")),
    case("argmax", lambda x: x.argmax(-1), Spec((4, 9))),
    case("split", lambda x: x.split(2), Spec((6, 3))),
    case("named", lambda x: {"a": x * 2, "b": [x + 1, x > 0]}, Spec((6, 3))),
    case("choice", lambda c, x: torch.where(c, x, -x), Spec((5,), "bool"), Spec((5,))),
    case("half", lambda x: x * 3.3, Spec((64,), "float16")),
    case("optional", lambda x, bias, scale: x * scale if bias is None else x + bias, Spec((4,)), None, 2.5),
]


def test_sound_operations_agree_forward_and_backward():
    [found] = kernels.parity(CPU, SOUND)
    assert (found.name, found.verdict, found.gate) == ("kernels", PASSED, 1e-4)
    assert found.detail.startswith("10 of 10 cases agree, forward and backward; the largest error is ")
    assert 0 < found.figure < 1e-5


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (only_on_device(lambda x: x * 2.001), "relative error 0.0005"),
        (only_on_device(lambda x: (x * 2)[:-1]), "relative error inf"),
        (only_on_device(lambda x: x * float("nan")), "relative error inf"),
        (only_on_device(lambda x: (x * 2, x)), "relative error inf"),
        (only_on_device(lambda x: [][1]), "IndexError: list index out of range"),
        (lambda x: Crooked.apply(x, x), "relative error 0.005"),
        (lambda x: (x > 0) ^ (x.dtype == torch.float32), "relative error inf"),
    ],
)  # fmt: skip
def test_a_wrong_operation_fails_under_its_name(run, why):
    first, found = kernels.parity(
        CPU, [case("matmul", torch.matmul, Spec((2, 2)), Spec((2, 2))), case("bad", run, Spec((40,)))]
    )
    assert (first.name, first.verdict, first.detail) == ("kernel bad", FAILED, why)
    assert found.verdict == FAILED
    assert found.detail.startswith("1 of 2 cases agree, forward and backward")


def test_what_has_no_reference_is_left_out_and_counted():
    cases = [
        case("dropout", lambda x: torch.nn.functional.dropout(x), Spec((100,))),
        case("index", lambda x, i: x[i + 100], Spec((5,)), Spec((3,), "int64")),
        *SOUND[:1],
    ]
    [found] = kernels.parity(CPU, cases)
    assert found.verdict == PASSED
    assert found.detail == ("1 of 1 cases agree, forward and backward; the largest error is matmul's; 2 not comparable")


def test_nothing_compared_is_no_pass():
    [found] = kernels.parity(CPU, [])
    assert (found.verdict, found.detail) == (FAILED, "0 of 0 cases agree, forward and backward")


def test_infinities_and_nans_must_be_the_very_same():
    odd = torch.tensor([1.0, float("inf"), float("nan")], dtype=torch.float64)
    assert kernels.difference(odd.float(), odd) == 0
    assert kernels.difference(-odd.float(), odd) == float("inf")
    assert kernels.difference(odd.float().nan_to_num(0), odd) == float("inf")


def test_no_gradient_is_asked_where_there_is_none():
    skewed = case("skewed", lambda x, y: Crooked.apply(x, x) + 0 * y, Spec((9,)), Spec((9,)))
    assert [each.verdict for each in kernels.parity(CPU, [skewed])] == [FAILED, FAILED]
    assert [each.verdict for each in kernels.parity(CPU, [replace(skewed, differentiable=False)])] == [PASSED]
    assert [each.verdict for each in kernels.parity(CPU, [replace(skewed, constants=(0,))])] == [PASSED]


def test_the_random_numbers_of_the_caller_are_left_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    kernels.seeded(case("noise", lambda x: x + torch.rand(9), Spec((9,))), [torch.zeros(9)], 1)
    assert torch.equal(torch.rand(2), expected)
