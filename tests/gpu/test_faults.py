"""The numeric self-tests on the CPU: they pass where all is well, and each injected fault is caught by its test."""

import itertools

import pytest
import torch

from layercli.gpu.selftest import gemm, memory_test
from layercli.gpu.selftest.gemm import BFLOAT16, FLOAT16, FLOAT32, TF32
from layercli.gpu.selftest.test_result import FAILED, PASSED, judged

CPU = torch.device("cpu")
SIZE = 96


def flipped_bit(x, y):
    """Flip bit 10 of one entry's mantissa."""
    out = (x @ y).float()
    bits = out.view(torch.int32)
    bits[17, 23] ^= 1 << 10
    return out


def wrong_tile(x, y):
    """Leave a tile of 16 x 16 from its left neighbour."""
    out = x @ y
    out[32:48, 16:32] = out[32:48, 0:16]
    return out


def rounded_product(x, y):
    """Round the operands to bfloat16 on the way."""
    return (x.bfloat16() @ y.bfloat16()).to(x.dtype)


def tf32_product(x, y):
    """Round the operands to TF32's ten bits, as a silent setting may."""

    def rounded(tensor):
        return ((tensor.view(torch.int32) + (1 << 12)) & ~((1 << 13) - 1)).view(torch.float32)

    return rounded(x) @ rounded(y)


def stale_buffer():
    """Return the product of the call before."""
    before = []

    def product(x, y):
        before.append(x @ y)
        return before[-2] if len(before) > 1 else before[-1]

    return product


def wavering():
    """Change the last bit of one entry in every third call."""
    calls = itertools.count()

    def product(x, y):
        out = x @ y
        if next(calls) % 3 == 2:
            out.view(torch.int16 if out.element_size() == 2 else torch.int32)[5, 5] ^= 1
        return out

    return product


def half_sums(x, y):
    """Add up in half precision: 32 partial sums, each rounded."""
    parts = [a @ b for a, b in zip(x.chunk(32, 1), y.chunk(32, 0), strict=True)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


@pytest.mark.parametrize("precision", gemm.precisions(CPU), ids=lambda precision: precision.name)
def test_a_sound_device_passes_in_every_precision(precision):
    assert gemm.exact(CPU, precision, SIZE).verdict == PASSED
    near = gemm.random(CPU, precision, SIZE)
    assert (near.verdict, near.detail) == (PASSED, f"ran as {precision.name}")
    assert near.figure > 0
    assert gemm.repeatable(CPU, precision, SIZE).verdict == PASSED


def test_a_flipped_bit_is_caught_by_the_exact_product_and_by_no_tolerance_of_tf32():
    found = gemm.exact(CPU, FLOAT32, SIZE, flipped_bit)
    assert (found.verdict, found.figure, found.gate) == (FAILED, 3, 0)
    assert found.detail.startswith("row 17, column 23 is ")
    assert gemm.random(CPU, TF32, SIZE, flipped_bit).verdict == PASSED


@pytest.mark.parametrize("precision", [FLOAT32, FLOAT16, BFLOAT16], ids=lambda precision: precision.name)
def test_a_wrong_tile_is_caught_by_the_exact_product(precision):
    found = gemm.exact(CPU, precision, SIZE, wrong_tile)
    assert found.verdict == FAILED
    assert 3 * 200 < found.figure <= 3 * 256
    assert gemm.random(CPU, precision, SIZE, wrong_tile).verdict == FAILED


def test_a_rounded_product_is_caught_by_the_random_product_and_named():
    found = gemm.random(CPU, FLOAT32, SIZE, rounded_product)
    assert (found.verdict, found.detail) == (FAILED, "ran as bfloat16")
    assert found.figure == pytest.approx(2.9e-3, rel=0.3)
    assert gemm.exact(CPU, BFLOAT16, SIZE, rounded_product).verdict == PASSED


def test_silent_tf32_is_caught_and_named():
    found = gemm.random(CPU, FLOAT32, SIZE, tf32_product)
    assert (found.verdict, found.detail) == (FAILED, "ran as tf32")
    assert gemm.random(CPU, TF32, SIZE, tf32_product).verdict == PASSED


def test_sums_in_half_precision_are_caught_by_the_exact_product():
    assert gemm.exact(CPU, BFLOAT16, SIZE, half_sums).verdict == FAILED


def test_a_stale_buffer_is_caught_by_other_numbers_in_between():
    assert gemm.exact(CPU, FLOAT32, SIZE, stale_buffer()).verdict == FAILED
    assert gemm.repeatable(CPU, FLOAT32, SIZE, stale_buffer()).verdict == FAILED


@pytest.mark.parametrize("precision", [FLOAT32, BFLOAT16], ids=lambda precision: precision.name)
def test_a_bit_that_wavers_is_caught_by_repetition(precision):
    found = gemm.repeatable(CPU, precision, SIZE, wavering())
    assert found.verdict == FAILED
    assert found.unit == "of 4 differ"
    assert gemm.random(CPU, precision, SIZE, wavering()).verdict == PASSED


def test_what_is_no_number_fails():
    assert gemm.random(CPU, FLOAT32, SIZE, lambda x, y: x @ y * float("nan")).verdict == FAILED
    found = judged("a test", "cpu", float("nan"), "", 1.0)
    assert (found.verdict, found.figure) == (FAILED, None)


def test_the_precision_is_set_while_a_test_runs_and_put_back_after():
    matmul = torch.backends.cuda.matmul
    before = (matmul.fp32_precision, matmul.allow_bf16_reduced_precision_reduction)
    with gemm.running_in(TF32):
        assert (matmul.fp32_precision, matmul.allow_bf16_reduced_precision_reduction) == ("tf32", False)
    with gemm.running_in(FLOAT32):
        assert (matmul.fp32_precision, torch.backends.cudnn.conv.fp32_precision) == ("ieee", "ieee")
    assert (matmul.fp32_precision, matmul.allow_bf16_reduced_precision_reduction) == before


def stuck_bit(target, source):
    """One bit of one cell is always 0."""
    target.copy_(source)
    target[7] &= ~(1 << 5)


def aliased(target, source):
    """The address line 4 is dead: cells 16 apart are the same."""
    target.copy_(source)
    target[16:32] = target[0:16]


def lost_write():
    """Every fourth write does not arrive."""
    calls = itertools.count()
    return lambda target, source: None if next(calls) % 4 == 3 else target.copy_(source)


def test_sound_memory_passes():
    found = memory_test.patterns(CPU, 10_000, chunk=1000)
    assert (found.verdict, found.figure, found.detail) == (PASSED, 0, "10 KiB written and read")
    assert memory_test.round_trip(CPU, 4000).verdict == PASSED


@pytest.mark.parametrize("fault", [stuck_bit, aliased, lost_write()], ids=["stuck bit", "aliased", "lost write"])
def test_faulty_memory_is_caught_by_the_patterns(fault):
    assert memory_test.patterns(CPU, 4000, fault, chunk=100).verdict == FAILED


def test_the_patterns_have_every_bit_both_ways_and_differ_from_each_other():
    part = torch.empty(64, dtype=torch.int32)
    every = [memory_test.expected(pattern, 0, part) for pattern in range(6)]
    seen_set = torch.zeros_like(part)
    seen_clear = torch.zeros_like(part)
    for each in every:
        seen_set |= each
        seen_clear |= ~each
    assert (seen_set == -1).all()
    assert (seen_clear == -1).all()
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(every, 2))
    assert not torch.equal(memory_test.expected(4, 0, part), memory_test.expected(4, 1, part))


def test_a_stale_buffer_on_the_way_back_is_caught_by_the_round_trip():
    found = memory_test.round_trip(CPU, 4000, lost_write())
    assert found.verdict == FAILED
    assert found.figure > 900
