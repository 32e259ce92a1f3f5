"""What several tests share: the oracle, and the way to write expected outputs anew."""

import gc
import os
import random
import signal
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from layercli.core import naming
from layercli.core import seed as core_seed
from tests import keras_reference
from tests.keras_reference import Session
from tests.records import Records
from tests.torchlib import read_once
from tests.warm import Server

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
# Hypothesis would parse our 1,000 files, 4 s for each worker, and draw the constants in them as well: what a test draws would
# depend on the modules that others imported.
providers._get_local_constants = lambda: providers._local_constants


class Running:
    """The test that a worker runs, and what it asks of Keras and JAX."""

    item: pytest.Item | None = None
    session: Session | None = None
    store: Records | None = None


# Hooks rather than fixtures: a fixture that asks for `request` costs every one of the tests 0.3 ms each time.
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    Running.item = item
    read_once()


@pytest.fixture(autouse=True)
def _afresh():
    """Every test draws the same numbers and names its layers alike each time, whatever ran before it."""
    naming.clear_session()  # initial values follow from names and the seed, and what Keras answered is found by them
    core_seed._seed = 0
    item = Running.item
    seed = item.config.option.seed
    random.seed(seed)  # Keras's initializers
    np.random.seed(seed)
    if (torch := sys.modules.get("torch")) is not None:
        torch.default_generator.manual_seed(seed)  # torch.manual_seed writes down its stack, for the day CUDA begins
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed_all(seed)
    if (generator := getattr(item.module, "RNG", None)) is not None:
        generator.bit_generator.state = np.random.default_rng(seed).bit_generator.state
    Running.session = keras_reference.Session(_records(item), item.name, seed)
    keras_reference.begin(Running.session)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    """What a test asked of Keras and JAX is in the records of its file; the last of a file saves them."""
    if Running.session is not None:
        keras_reference.begin(keras_reference.OUTSIDE)
        Running.session.end(passed=item.stash.get(PASSED, False))
        Running.session = None
    if nextitem is None or nextitem.path != item.path:
        _leave(item.config)


def _records(item):
    """The records of a test's file."""
    if Running.store is None:
        Running.store = Records(str(item.path.relative_to(TESTS).with_suffix("")).replace("/", "."))
    return Running.store


def _leave(config):
    """Save a file's records, and let go of JAX's compiled calls: no other file makes the same, and they take gigabytes."""
    options = config.option
    if Running.store is not None and options.record:
        part = options.keyword or options.markexpr or any("::" in arg for arg in config.args)
        Running.store.save(whole=not part)
    Running.store = None
    if (jax := sys.modules.get("jax")) is not None:
        jax.clear_caches()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[PASSED] = report.passed
    return report


def pytest_sessionstart(session):
    """Let a worker send what the controller shows: of a test that passes one report, and not its set-up and teardown."""
    options = session.config.option
    for plugin in session.config.pluginmanager.get_plugins() if options.durations is None else ():
        if type(plugin).__name__ == "WorkerInteractor":
            plugin.sendevent = partial(_send, plugin.sendevent)


def _send(send, name, **event):
    report = event.get("data") if name == "testreport" else None
    if name != "logstart" and (report is None or report["when"] == "call" or report["outcome"] != "passed"):
        send(name, **event)


def pytest_collection_modifyitems(items):
    """Begin with the tests that need Keras itself, so that one worker has them and the others do not import it."""
    items.sort(
        key=lambda item: (
            "keras" not in item.fixturenames and type(getattr(item.module, "keras", None)) is not keras_reference.Real
        )
    )


def pytest_collection_finish():
    """Leave what the collection made, 15,000 tests, out of every search for garbage, and search as rarely as a command does."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


def pytest_configure(config):
    mode = keras_reference.Mode
    mode.live, mode.record = config.getoption("--live"), config.getoption("--record")
    if config.getoption("--golden"):
        os.environ["GOLDEN"] = "write"


@pytest.fixture
def rewrite_golden(request):
    """Whether expected outputs are written rather than compared."""
    return request.config.getoption("--golden")


@pytest.fixture(scope="session")
def warm():
    """The process that has imported torch, from which commands in processes of their own are forked."""
    server = Server()
    yield server
    server.end()


@pytest.fixture(scope="session")
def keras():
    """Keras itself, on JAX, whose kernels are not torch's."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    return keras
