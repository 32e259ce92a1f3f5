"""Models that run in several threads at once: what one call needs, no other call sees."""

import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from layercli import Model, Sequential, layers
from layercli.ops.core import kernel_overrides
from layercli.ops.nn.batch_norm_stats import BatchMoments
from layercli.runtime.distributed import collectives, process_group
from layercli.runtime.distributed.process_group import Group
from layercli.runtime.inference import onednn_kernels

TIMEOUT = 60


class Overlapping(Model):
    """A Dense whose prediction says that it has begun, and ends when it may."""

    def __init__(self, begun, may_end, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(6)
        self.begun, self.may_end = begun, may_end

    def call(self, x):
        return self.dense(x)

    def predict_step(self, data):
        self.begun.set()
        assert self.may_end.wait(TIMEOUT)
        return super().predict_step(data)


@pytest.mark.skipif(not onednn_kernels.available(), reason="this torch was built without oneDNN's kernels")
def test_predictions_that_overlap_leave_no_packed_weights_behind(monkeypatch):
    monkeypatch.setattr(kernel_overrides, "LARGE", 1)
    x = np.ones((4, 4), "float32")
    first_begun, second_begun, first_ended = (threading.Event() for _ in range(3))
    first, second = Overlapping(first_begun, second_begun), Overlapping(second_begun, first_ended)
    for model in (first, second):
        model(x)
    with ThreadPoolExecutor() as pool:
        one = pool.submit(lambda: (first.predict(np.tile(x, (2, 1)), batch_size=4), first_ended.set()))
        assert first_begun.wait(TIMEOUT)
        two = pool.submit(second.predict, np.tile(x, (2, 1)), 4)
        one.result(TIMEOUT)
        two.result(TIMEOUT)
    kernel = second.dense.module.get_parameter("kernel")
    with torch.inference_mode():
        for _ in range(2):  # a weight would be packed in the second call
            second(torch.from_numpy(x))
        kernel.data.zero_()
        assert torch.equal(second(torch.from_numpy(x)), torch.zeros(4, 6))


def test_a_call_in_one_thread_is_not_seen_in_another(monkeypatch):
    monkeypatch.setattr(process_group.dist, "barrier", lambda: pytest.fail("this thread trains alone"))
    inside, done = threading.Event(), threading.Event()

    def train():
        with collectives.at_once(Group(rank=1, size=2)):
            inside.set()
            assert done.wait(TIMEOUT)

    with ThreadPoolExecutor() as pool:
        training = pool.submit(train)
        assert inside.wait(TIMEOUT)
        with collectives.is_writer_rank(Sequential([layers.Dense(1)])) as writes:
            assert writes
        done.set()
        training.result(TIMEOUT)


def test_batch_moments_are_summed_over_the_ranks_of_their_own_thread_only(monkeypatch):
    x = torch.arange(6.0).reshape(3, 2)
    inside, done = threading.Event(), threading.Event()

    def train():
        with process_group.all_reduce_by(lambda *tensors: [tensor + 1 for tensor in tensors]):
            inside.set()
            assert done.wait(TIMEOUT)
            return BatchMoments(synchronized=True)(x)

    with ThreadPoolExecutor() as pool:
        training = pool.submit(train)
        assert inside.wait(TIMEOUT)
        mean, _ = BatchMoments(synchronized=True)(x)
        done.set()
        shared_mean, _ = training.result(TIMEOUT)
    assert mean.tolist() == [2.0, 3.0]
    assert shared_mean.tolist() == [7 / 4, 10 / 4]  # sums of 6 and 9 over 3 rows, and what the other ranks add


@pytest.fixture
def eager_switches():
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def network(dtype):
    return Sequential(
        [
            layers.Input((6, 6, 2)),
            layers.Conv2D(4, 3, activation="relu", dtype=dtype),
            layers.BatchNormalization(dtype=dtype),
            layers.Flatten(dtype=dtype),
            layers.Dense(3, dtype=dtype),
        ]
    )


def test_models_of_several_dtypes_predict_while_another_is_trained():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((32, 6, 6, 2)).astype("float32")
    models = {dtype: network(dtype) for dtype in ("float32", "float64", "bfloat16", "mixed_bfloat16")}
    expected = {dtype: model.predict(x, batch_size=8) for dtype, model in models.items()}
    trained, alone = network("float32"), network("float32")
    alone.set_weights(trained.get_weights())
    for model in (trained, alone):
        model.compile("sgd", "mse")
    start = threading.Barrier(len(models) + 1)

    def predict(model):
        start.wait(TIMEOUT)
        return [model.predict(x, batch_size=8) for _ in range(10)]

    def fit(model):
        start.wait(TIMEOUT)
        return model.fit(x, np.ones((32, 3)), epochs=10, batch_size=8, verbose=0, shuffle=False).history

    with ThreadPoolExecutor(len(models) + 1) as pool:
        training = pool.submit(fit, trained)
        predictions = {dtype: pool.submit(predict, model) for dtype, model in models.items()}
        for dtype, prediction in predictions.items():
            for found in prediction.result(TIMEOUT):
                np.testing.assert_array_equal(found, expected[dtype])
        history = training.result(TIMEOUT)
    start = threading.Barrier(1)
    assert history == fit(alone)
    assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()


@pytest.mark.usefixtures("eager_switches")
def test_the_first_reads_of_a_built_layer_make_its_module_once():
    for _ in range(20):
        norm = layers.BatchNormalization()
        norm.build((None, 3))
        start = threading.Barrier(4)

        def read(norm=norm, start=start):
            start.wait(TIMEOUT)
            return norm.moving_mean.stored, norm.gamma.value.detach().tolist(), norm.module

        with ThreadPoolExecutor(4) as pool:
            stored, gammas, modules = zip(
                *(each.result(TIMEOUT) for each in [pool.submit(read) for _ in range(4)]), strict=True
            )
        assert {*map(id, stored)} == {id(norm.moving_mean.stored)}
        assert gammas == ([1.0] * 3,) * 4
        assert {*map(id, modules)} == {id(norm.module)}


@pytest.mark.usefixtures("eager_switches")
def test_the_first_calls_of_one_model_build_it_once():
    model = Sequential([layers.Dense(5, activation="relu"), layers.Dense(2)])
    x = torch.ones(3, 4)
    start = threading.Barrier(4)

    def call():
        start.wait(TIMEOUT)
        return model(x).detach()

    with ThreadPoolExecutor(4) as pool:
        outputs = [future.result(TIMEOUT) for future in [pool.submit(call) for _ in range(4)]]
    assert len(model.variables) == len(list(model.module.parameters())) == 4
    for found in outputs:
        assert torch.equal(found, model(x).detach())


@pytest.mark.usefixtures("eager_switches")
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_predictions_leave_the_filters_of_warnings_alone():
    x = np.ones((4, 3), "float32")
    x.flags.writeable = False
    model = Sequential([layers.Dense(2)])
    model.predict(x)
    before = list(warnings.filters)
    start = threading.Barrier(4)

    def predict():
        start.wait(TIMEOUT)
        return [model.predict(x) for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(predict) for _ in range(4)]:
            future.result(TIMEOUT)
    assert list(warnings.filters) == before


@pytest.mark.usefixtures("eager_switches")
def test_layers_made_in_several_threads_get_names_of_their_own():
    start = threading.Barrier(4)

    def make():
        start.wait(TIMEOUT)
        return [layers.Dense(1).name for _ in range(500)]

    with ThreadPoolExecutor(4) as pool:
        names = [name for future in [pool.submit(make) for _ in range(4)] for name in future.result(TIMEOUT)]
    assert len({*names}) == 2000
