"""What several tests share: the oracle, and the way to write expected outputs anew."""

import os

import pytest


def pytest_addoption(parser):
    parser.addoption("--golden", action="store_true", help="write the expected outputs anew")


def pytest_configure(config):
    if config.getoption("--golden"):
        os.environ["GOLDEN"] = "write"


@pytest.fixture
def rewrite_golden(request):
    """Whether expected outputs are written rather than compared."""
    return request.config.getoption("--golden")


@pytest.fixture(scope="session")
def keras():
    """Keras itself, on JAX, whose kernels are not torch's."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    return keras
