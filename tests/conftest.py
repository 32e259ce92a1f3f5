"""What several tests share: the oracle, and the way to write expected outputs anew."""

import gc
import os
import random
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
PASSED = pytest.StashKey[bool]()

if "PYTEST_XDIST_WORKER" in os.environ:  # a process for each core: threads of several would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # a pool of compilers costs an import of torch for each
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # every call of the oracle is compiled once and made once

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # in a shell's background job: what tests start would ignore it too
    signal.signal(signal.SIGINT, signal.default_int_handler)

gc.disable()  # until all tests are collected


def pytest_addoption(parser):
    parser.addoption("--golden", action="store_true", help="write the expected outputs anew")
    parser.addoption("--live", action="store_true", help="ask Keras and JAX themselves, also what is recorded of them")
    parser.addoption("--record", action="store_true", help="ask them, and record what they answer in tests/reference/")
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
        torch.default_generator.manual_seed(seed)  # torch.manual_seed writes down its stack, for the day CUDA begins
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed_all(seed)
    if (generator := getattr(request.module, "RNG", None)) is not None:
        generator.bit_generator.state = np.random.default_rng(seed).bit_generator.state


@pytest.fixture(autouse=True)
def _asked(request, afresh):
    """What a test asks of Keras and JAX is looked up in the records of its file."""
    if (reference := sys.modules.get("tests.keras_reference")) is None:
        yield
        return
    session = reference.Session(
        request.getfixturevalue("_recorded"), request.node.name, request.config.getoption("--seed")
    )
    reference.begin(session)
    yield
    reference.begin(reference.OUTSIDE)
    session.end(passed=request.node.stash.get(PASSED, False))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[PASSED] = report.passed
    return report


@pytest.fixture(scope="module")
def _recorded(request):
    """The records of a test file."""
    from tests.records import Records

    options = request.config.option
    store = Records(str(request.path.relative_to(TESTS).with_suffix("")).replace("/", "."))
    yield store
    if options.record:
        store.save(whole=not (options.keyword or options.markexpr or any("::" in arg for arg in request.config.args)))


@pytest.fixture(autouse=True, scope="module")
def _what_the_oracle_compiled():
    """Let go of JAX's compiled calls, of which no other file makes the same: they take gigabytes."""
    yield
    if (jax := sys.modules.get("jax")) is not None:
        jax.clear_caches()


def pytest_collection_modifyitems(items):
    """Begin with the tests that need Keras itself, so that one worker has them and the others do not import it."""
    from tests.keras_reference import Real

    items.sort(
        key=lambda item: "keras" not in item.fixturenames and type(getattr(item.module, "keras", None)) is not Real
    )


def pytest_collection_finish():
    """Leave what the collection made, 15,000 tests, out of every search for garbage."""
    gc.freeze()
    gc.enable()


def pytest_configure(config):
    from tests.keras_reference import Mode

    Mode.live, Mode.record = config.getoption("--live"), config.getoption("--record")
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
