"""Parity of operations between a device and float64, with operations that are wrong on the device alone."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
import torch

from layercli.gpu.selftest import op_parity
from layercli.gpu.selftest.test_result import ERROR, FAILED, PASSED
from layercli.ops.sample_inputs import invariants

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
    invariant: Any = None
    bitwise: bool = False

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
    [found] = op_parity.parity(CPU, SOUND)
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
        (lambda x: Crooked.apply(x, x), "relative error 0.005"),
        (lambda x: (x > 0) ^ (x.dtype == torch.float32), "relative error inf"),
    ],
)  # fmt: skip
def test_a_wrong_operation_fails_under_its_name(run, why):
    first, found = op_parity.parity(
        CPU, [case("matmul", torch.matmul, Spec((2, 2)), Spec((2, 2))), case("bad", run, Spec((40,)))]
    )
    assert (first.name, first.verdict, first.detail) == ("kernel bad", FAILED, why)
    assert found.verdict == FAILED
    assert found.detail.startswith("1 of 2 cases agree, forward and backward")


def test_every_registered_case_agrees_on_the_cpu():
    references = {}
    found = list(op_parity.parity(CPU, references=references))
    assert [(each.name, each.detail) for each in found if each.verdict != PASSED] == []
    agreed, of, *_ = found[0].detail.replace(" of ", " ").split()
    assert agreed == of
    assert int(of) > 750
    cases = op_parity.registered()
    left_out = {case.name for number, case in enumerate(cases) if references[number] is None}
    assert left_out == {case.name for case in cases if draws_random_numbers(case)}


def draws_random_numbers(case):
    """Whether an operation's own module is one of random numbers."""
    return "seed" in {entry.name for entry in fields(case.op)} and not {getattr(case.op, "seed", 0)} - {None}


def swapped(run):
    """Return an operation that gives another right answer on the device: signs, order and null space changed."""
    return lambda x: run(x, x.dtype == torch.float32)


def eigh(x, other):
    values, vectors = torch.linalg.eigh(x + x.mT)
    return values, vectors * torch.tensor([1, -1, -1, 1.0] if other else [1.0]).to(x.dtype)


def eig(x, other):
    values, vectors = torch.linalg.eig(x)
    turned = vectors * torch.exp(torch.tensor(0.7j)).to(vectors.dtype)
    return (values.flip(-1), turned.flip(-1)) if other else (values, vectors)


def svd(x, other):
    u, s, v = torch.linalg.svd(x[:, :2])
    if not other:
        return u, s, v
    signs = torch.tensor([-1.0, 1])
    return torch.cat([u[:, :2] * signs, u[:, 2:].flip(-1)], 1), s, v * signs[:, None]


def qr(x, other):
    q, r = torch.linalg.qr(x)
    return (-q, -r) if other else (q, r)


def top(x, other):
    values, indices = torch.topk(x, 3)
    return (values.flip(-1), indices.flip(-1)) if other else (values, indices)


ANOTHER_ANSWER = {
    eigh: invariants.symmetric_eigenvectors, eig: invariants.eigenvectors, svd: invariants.singular_vectors,
    qr: invariants.orthogonal_triangular, top: invariants.unordered_top,
}  # fmt: skip


@pytest.mark.parametrize("run", ANOTHER_ANSWER, ids=lambda run: run.__name__)
def test_another_right_answer_agrees_and_a_wrong_one_does_not(run):
    sound = case("op", swapped(run), Spec((4, 4)), differentiable=False, invariant=ANOTHER_ANSWER[run])
    assert [each.verdict for each in op_parity.parity(CPU, [sound])] == [PASSED]
    assert [each.verdict for each in op_parity.parity(CPU, [replace(sound, invariant=None)])] == [FAILED, FAILED]
    for place in range(len(run(torch.ones(4, 4), False))):
        first, _ = op_parity.parity(CPU, [replace(sound, op=Op(spoiled(run, place)))])
        assert first.verdict == FAILED


def spoiled(run, place):
    """Return an operation one of whose outputs is off by a thousandth on the device, or by a whole place."""

    def spoil(x):
        outputs = [*run(x, False)]
        if x.dtype == torch.float32:
            old = outputs[place]
            outputs[place] = old * 1.001 if old.dtype != torch.int64 else old.roll(1, 0)
        return outputs

    return spoil


def test_bits_are_compared_in_the_dtype_they_are_of():
    bits = case("bits", lambda x: x.view(torch.int32), Spec((5,)), differentiable=False)
    assert [each.verdict for each in op_parity.parity(CPU, [bits])] == [FAILED, FAILED]
    assert [each.verdict for each in op_parity.parity(CPU, [replace(bits, bitwise=True)])] == [PASSED]


def test_a_case_that_cannot_be_run_is_an_error_and_no_wrong_result():
    first, found = op_parity.parity(CPU, [case("bad", only_on_device(lambda x: [][1]), Spec((40,))), SOUND[0]])
    assert (first.name, first.verdict, first.detail) == ("kernel bad", ERROR, "IndexError: list index out of range")
    assert (found.verdict, found.detail[:41]) == (ERROR, "1 of 2 cases agree, forward and backward;")


def test_nothing_is_tried_after_an_error_that_ends_the_context():
    def fail(x):
        raise RuntimeError("CUDA error: device-side assert triggered\nCompile with TORCH_USE_CUDA_DSA")

    def never(x):
        raise AssertionError("tried")

    cases = [SOUND[0], *(case(name, only_on_device(run), Spec((4,))) for name, run in (("bad", fail), ("n", never)))]
    first, found = op_parity.parity(CPU, cases)
    assert (first.verdict, first.detail) == (ERROR, "RuntimeError: CUDA error: device-side assert triggered")
    assert found.detail == (
        "1 of 2 cases agree, forward and backward; the largest error is matmul's; the rest was skipped"
    )


def test_the_reference_is_computed_once_for_all_devices():
    ran = []
    counted = case("counted", lambda x: ran.append(x.dtype) or x * 2, Spec((4,)))
    references = {}
    for _ in range(3):
        assert [each.verdict for each in op_parity.parity(CPU, [counted], references)] == [PASSED]
    assert (ran.count(torch.float64), ran.count(torch.float32)) == (op_parity.DRAWS, 3)


def test_a_case_without_tensors_is_computed_on_the_device():
    made = []
    creation = case("ones", lambda: made.append(torch.ones(3).device.type) or torch.ones(3).cpu())
    list(op_parity.parity(CPU, [creation], {0: ([], [torch.ones(3)])}))
    with pytest.raises(NotImplementedError, match="meta"):
        op_parity.both_ways(creation, [], torch.device("meta"))
    assert made == ["cpu", "meta"]


def test_what_apples_backend_does_not_have_is_not_comparable():
    assert op_parity.lacking("mps", TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework ..."))
    assert op_parity.lacking("mps", NotImplementedError("The operator 'aten::linalg_eig' is not implemented for MPS"))
    assert not op_parity.lacking("mps", RuntimeError("something else"))
    assert not op_parity.lacking("cuda", NotImplementedError("'aten::x' is not implemented for CUDA"))


def test_what_has_no_reference_is_left_out_and_counted():
    cases = [
        case("dropout", lambda x: torch.nn.functional.dropout(x), Spec((100,))),
        case("index", lambda x, i: x[i + 100], Spec((5,)), Spec((3,), "int64")),
        *SOUND[:1],
    ]
    [found] = op_parity.parity(CPU, cases)
    assert found.verdict == PASSED
    assert found.detail == ("1 of 1 cases agree, forward and backward; the largest error is matmul's; 2 not comparable")


def test_nothing_compared_is_no_pass():
    [found] = op_parity.parity(CPU, [])
    assert (found.verdict, found.detail) == (FAILED, "0 of 0 cases agree, forward and backward")


def test_infinities_and_nans_must_be_the_very_same():
    odd = torch.tensor([1.0, float("inf"), float("nan")], dtype=torch.float64)
    assert op_parity.difference(odd.float(), odd) == 0
    assert op_parity.difference(-odd.float(), odd) == float("inf")
    assert op_parity.difference(odd.float().nan_to_num(0), odd) == float("inf")


def test_no_gradient_is_asked_where_there_is_none():
    skewed = case("skewed", lambda x, y: Crooked.apply(x, x) + 0 * y, Spec((9,)), Spec((9,)))
    assert [each.verdict for each in op_parity.parity(CPU, [skewed])] == [FAILED, FAILED]
    assert [each.verdict for each in op_parity.parity(CPU, [replace(skewed, differentiable=False)])] == [PASSED]
    assert [each.verdict for each in op_parity.parity(CPU, [replace(skewed, constants=(0,))])] == [PASSED]


def test_the_random_numbers_of_the_caller_are_left_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    op_parity.seeded(case("noise", lambda x: x + torch.rand(9), Spec((9,))), [torch.zeros(9)], 1)
    assert torch.equal(torch.rand(2), expected)
