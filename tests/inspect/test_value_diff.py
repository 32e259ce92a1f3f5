"""Values compared block by block, against the same figures computed at once in float64."""

from __future__ import annotations

import json

import numpy as np
import pytest

import layercli
from layercli.formats.safetensors import save
from layercli.inspect import value_diff
from layercli.inspect.value_sums import Sums

RNG = np.random.default_rng(0)
X = RNG.standard_normal(3000, dtype=np.float32)
CASES = {
    "near": (X, X + np.float32(1e-3)),
    "far": (X, np.float32(7) * X[::-1]),
    "one value": (X, np.where(np.arange(X.size) == 2000, np.float32(9), X)),
    "squares too small for float32": (X * np.float32(1e-30), X * np.float32(1.5e-30)),
    "squares too large for float32": (X * np.float32(1e30), X * np.float32(-1e30)),
    "difference too large for float32": (np.full(8, 3e38, "float32"), np.full(8, -3e38, "float32")),
    "half": (X.astype("float16"), (X * 2).astype("float16")),
    "half and single": (X.astype("float16"), X),
    "whole numbers that float64 lacks": (np.array([2**60, 5]), np.array([2**60, 6])),
    "complex": (X[:8] + 1j * X[8:16], X[:8] - 1j * X[8:16]),
}


@pytest.mark.parametrize("case", CASES)
def test_figures_are_those_of_float64(case):
    a, b = CASES[case]
    sums = Sums(0.0, 0.0, None)
    for start in range(0, a.size, 1000):
        sums.add(a[start : start + 1000], b[start : start + 1000])
    x, y = (side.astype("complex128").view("float64") for side in (a, b))
    apart = np.abs(y - x).max()
    assert (sums.different, sums.close, sums.finite) == (True, False, True)
    assert sums.absolute == pytest.approx(apart, rel=1e-6)
    assert sums.relative == pytest.approx(apart / max(np.abs(x).max(), np.abs(y).max()), rel=1e-6)
    cosine = x @ y / (np.linalg.norm(x) * np.linalg.norm(y))
    assert sums.cosine == pytest.approx(cosine, abs=1e-6)
    assert sums.normalised == pytest.approx(np.linalg.norm(y - x) / np.linalg.norm(x), rel=1e-5)


def test_tiny_and_equal_values():
    tiny = np.array([1e-45, 0, 2], "float32")
    for a, b, different in ((tiny, tiny * 2, True), (tiny, tiny.copy(), False)):
        sums = Sums(0.0, 0.0, None)
        sums.add(a[:2], b[:2])
        assert sums.different is different
    nan = np.array([np.nan, np.inf, 1], "float32")
    sums = Sums(0.0, 0.0, None)
    sums.add(nan, nan.copy())
    assert (sums.different, sums.finite, sums.cosine) == (False, True, 1)
    sums.add(nan, -nan)
    assert (sums.different, sums.finite, sums.absolute, sums.close) == (True, False, np.inf, False)


def test_blocks_windows_and_odd_places_in_a_file(tmp_path, monkeypatch):
    """Tensors at addresses that are no multiple of their size, and longer than a block and a window."""
    monkeypatch.setattr(value_diff, "BLOCK", 64)
    monkeypatch.setattr(value_diff, "WINDOW", 500)
    x = X.reshape(60, 50)
    for name, values, spaces in (("a", x, 1), ("b", x + np.float32(1e-3), 3), ("c", x, 2)):
        header = json.dumps({"w": {"dtype": "F32", "shape": [60, 50], "data_offsets": [0, x.nbytes]}})
        text = (header + " " * ((spaces - len(header)) % 4)).encode()
        (tmp_path / name).write_bytes(len(text).to_bytes(8, "little") + text + values.tobytes())
    save(tmp_path / "d", {"w": x.T})
    found = layercli.diff(tmp_path / "a", tmp_path / "b", values=True).values["w"]
    assert found.absolute == np.abs(x + np.float32(1e-3) - x).max()
    assert not found.close
    assert layercli.diff(tmp_path / "a", tmp_path / "c", values=True).values["w"].equal
    assert layercli.diff(tmp_path / "a", tmp_path / "d", values=True).values["w"].equal


def test_reshaped_variables_are_compared_in_their_order(tmp_path):
    from layercli.inspect.diff_verdict import verdict

    w, b = X[:48].reshape(8, 6), X[48:56]
    save(tmp_path / "a", {"w": w, "b": b})
    save(tmp_path / "same", {"w": w.reshape(8, 3, 2), "b": b})
    save(tmp_path / "other", {"w": w.reshape(8, 3, 2) * np.float32(2), "b": b})
    found = layercli.diff(tmp_path / "a", tmp_path / "same", values=True)
    assert (found.same, verdict(found)) == (False, "different: 1 variable of another shape with the same values")
    found = layercli.diff(tmp_path / "a", tmp_path / "other", values=True)
    assert found.values["w"].normalised == pytest.approx(1)
    assert "1 of 2 variables with other values, by 1 of their norm, most in w" in verdict(found)
