"""What several tests share: the oracle, and the way to write expected outputs anew."""

import os
import signal
import sys

import pytest
from hypothesis import settings

os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # every call of the oracle is compiled once and made once

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # in a shell's background job: what tests start would ignore it too
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--golden", action="store_true", help="write the expected outputs anew")


settings.register_profile("steady", deadline=None)  # a busy machine is no failure
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def afresh():
    """Every test draws the same numbers each time, and says what it says, whatever ran before it."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(0)
    if (output := sys.modules.get("layercli.cli.output")) is not None:
        output.quiet = False


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
