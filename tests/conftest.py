"""What several tests share: the oracle, and the way to write expected outputs anew."""

import os
import random
import signal
import sys

import numpy as np
import pytest
from hypothesis import settings

os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # every call of the oracle is compiled once and made once

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # in a shell's background job: what tests start would ignore it too
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--golden", action="store_true", help="write the expected outputs anew")
    parser.addoption("--seed", type=int, default=0, help="the numbers that tests draw; another seed, other numbers")


settings.register_profile("steady", deadline=None, derandomize=True)  # a busy machine is no failure
settings.register_profile("explore", deadline=None, max_examples=1000)  # pytest --hypothesis-profile explore
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def afresh(request):
    """Every test draws the same numbers each time, and says what it says, whatever ran before it."""
    seed = request.config.getoption("--seed")
    random.seed(seed)  # Keras's initializers
    np.random.seed(seed)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)
    if (generator := getattr(request.module, "RNG", None)) is not None:
        generator.bit_generator.state = np.random.default_rng(seed).bit_generator.state
    if (output := sys.modules.get("layercli.cli.output")) is not None:
        output.quiet = False


@pytest.fixture(autouse=True, scope="module")
def _what_the_oracle_compiled():
    """Let go of JAX's compiled calls, of which no other file makes the same: they take gigabytes."""
    yield
    if (jax := sys.modules.get("jax")) is not None:
        jax.clear_caches()


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
