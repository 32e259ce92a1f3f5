import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from layercli.formats.npy import NpyFile
from layercli.formats.npz import NpzFile
from layercli.inspect import histogram
from layercli.inspect.statistics import STRIDE, Statistics, statistics

FLOATS = st.floats(-1e150, 1e150) | st.sampled_from([0.0, -0.0, float("nan"), float("inf"), float("-inf")])
WHOLE = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def pieces(array, cuts):
    return np.split(array, sorted(cut % (array.size + 1) for cut in cuts))


@given(npst.arrays(np.float64, st.integers(0, 60), elements=FLOATS), st.lists(st.integers(0, 60)))
def test_agrees_with_numpy_however_it_is_cut(array, cuts):
    found = statistics(pieces(array, cuts))
    kept = array[np.isfinite(array)]
    assert (found.count, found.nonfinite, found.zeros) == (array.size, array.size - kept.size, np.sum(kept == 0))
    if not kept.size:
        assert (found.minimum, found.maximum, found.mean, found.std) == (None, None, None, None)
        return
    assert (found.minimum, found.maximum) == (kept.min(), kept.max())
    scale = np.abs(kept).max()
    assert found.mean == pytest.approx(kept.mean(), rel=1e-12, abs=1e-14 * scale)
    assert found.std == pytest.approx(kept.std(), rel=1e-7, abs=1e-14 * scale)


@pytest.mark.parametrize("dtype", WHOLE)
@given(data=st.data())
def test_whole_numbers_are_exact(dtype, data):
    array = data.draw(npst.arrays(dtype, st.integers(1, 20)))
    found = statistics([array[:3], array[3:]])
    assert (found.minimum, found.maximum) == (int(array.min()), int(array.max()))
    assert type(found.minimum) is int
    scale = float(np.abs(array.astype(np.float64)).max())
    assert found.mean == pytest.approx(float(array.astype(np.longdouble).mean()), rel=1e-12, abs=1e-15 * scale)
    assert (found.zeros, found.nonfinite, found.count) == (np.sum(array == 0), 0, array.size)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_many_strides(dtype):
    array = np.random.default_rng(0).normal(3, 2, 3 * STRIDE + 17).astype(dtype)
    found = statistics([array[: STRIDE + 5], array[STRIDE + 5 :]])
    exact = array.astype(np.float64)
    assert found.mean == pytest.approx(exact.mean(), rel=1e-13)
    assert found.std == pytest.approx(exact.std(), rel=1e-13)
    assert (found.minimum, found.maximum, found.count) == (array.min(), array.max(), array.size)


def test_a_small_spread_far_from_0_keeps_its_digits():
    array = 1e9 + np.random.default_rng(0).normal(0, 1e-3, 200_000)
    assert statistics(np.split(array, 200)).std == pytest.approx(array.std(), rel=1e-6)


def test_values_that_a_square_would_overflow():
    array = np.array([3e38, -3e38, 3e38, 1], np.float32)
    assert statistics([array]).std == pytest.approx(array.astype(np.float64).std(), rel=1e-13)
    assert statistics([np.array([65504, 65504], np.float16)]).mean == 65504


def test_bool():
    assert statistics([np.array([True, False, True, True])]) == Statistics(0, 1, 0.75, 3**0.5 / 4, 1, 0, 4)


def test_complex_counts_by_magnitude():
    array = np.array([3 + 4j, 0, complex("nan"), complex(0, float("inf"))], np.complex64)
    assert statistics([array]) == Statistics(0.0, 5.0, 2.5, 2.5, 1, 2, 4)


def test_nothing():
    assert statistics([]) == Statistics(None, None, None, None, 0, 0, 0)
    assert statistics([np.empty(0, np.float32)]) == Statistics(None, None, None, None, 0, 0, 0)
    assert statistics([np.array([np.nan, np.inf])]) == Statistics(None, None, None, None, 0, 2, 2)


@pytest.mark.parametrize("compressed", [False, True])
def test_memory_stays_bounded_on_a_large_file(tmp_path, compressed):
    path = tmp_path / "m.npz"
    array = np.zeros(25_000_000, np.float32)
    array[-1] = 5
    if compressed:
        np.savez_compressed(path, x=array)
    else:
        np.save(path.with_suffix(".npy"), array)
    del array
    file, name = (NpzFile(path), "x") if compressed else (NpyFile(path.with_suffix(".npy")), "m")
    tracemalloc.start()
    found = statistics(file.chunks(name))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.maximum == 5
    assert found.count == 25_000_000
    assert peak < 24e6


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 8))
def test_a_sample_keeps_every_nth_value_however_it_is_cut(sizes, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histogram, "MOST", most)
        sample, values = histogram.ValueSample(), np.arange(float(sum(sizes)))
        for piece in np.split(values, np.cumsum(sizes)[:-1] if sizes else []):
            sample.add(piece)
        kept = np.concatenate([np.empty(0), *sample._kept])
        assert kept.tolist() == values[:: sample.step].tolist()
        assert len(kept) <= most
        assert sum(sample.histogram()) == len(kept)


def test_a_histogram_of_the_greatest_range():
    sample = histogram.ValueSample()
    sample.add(np.array([-1.7e308, 1.7e308, 0.0, 0.0]))
    assert sample.histogram() == [1, *[0] * 7, 2, *[0] * 6, 1]
