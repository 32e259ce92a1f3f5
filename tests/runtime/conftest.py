"""What tests of inference share."""

from __future__ import annotations

import pytest
import torch

from layercli.ops.core import kernel_overrides
from layercli.runtime.inference import large_products


@pytest.fixture(params=["oneDNN", "MKL"])
def library(request, monkeypatch):
    """The library of the products, whatever the CPU; every weight is large, and MKL packs for any number of rows."""
    if request.param == "MKL" and not torch.backends.mkl.is_available():
        pytest.skip("this torch was built without MKL")
    monkeypatch.setattr(large_products, "mkl_serves", lambda: request.param == "MKL")
    monkeypatch.setattr(large_products, "PACKED_ROWS", 1)
    monkeypatch.setattr(kernel_overrides, "LARGE", 1)
    return request.param
