"""Batches that a PyDataset makes: every one once an epoch, in an order that follows from the seed, made ahead or not."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from keras_parity import real_keras as keras

import layercli
from layercli import Input, Sequential, layers
from layercli.errors import UsageError
from layercli.utils import PyDataset


def model(api=layercli):
    made = api.Sequential([api.Input((3,)), api.layers.Dense(1, name="only")])
    made.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    return made


class Batches(PyDataset):
    """Five batches of four samples, which notes what it is asked for."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.x = np.random.default_rng(0).standard_normal((20, 3)).astype("float32")
        self.y = self.x.sum(-1, keepdims=True)
        self.asked, self.heard, self.makers = [], [], set()

    def __len__(self):
        return 5

    def __getitem__(self, index):
        self.asked.append(index)
        self.makers.add((os.getpid(), threading.get_ident()))
        return self.x[4 * index : 4 * index + 4], self.y[4 * index : 4 * index + 4]

    def on_epoch_begin(self):
        self.heard.append("begin")

    def on_epoch_end(self):
        self.heard.append("end")


def test_every_batch_once_an_epoch_in_other_orders():
    data = Batches()
    model().fit(data, epochs=3, verbose=0)
    asked = data.asked[1:]  # the first batch is looked at before
    epochs = [asked[i : i + 5] for i in range(0, 15, 5)]
    assert [sorted(epoch) for epoch in epochs] == [[0, 1, 2, 3, 4]] * 3
    assert len(set(map(tuple, epochs))) > 1
    assert data.heard == ["begin", "end"] * 3


def test_in_turn_it_trains_as_arrays_do_and_as_keras_does():
    data = Batches()
    ours, beside, theirs = model(), model(), model(keras)
    beside.set_weights(ours.get_weights())
    theirs.set_weights(ours.get_weights())
    found = ours.fit(data, epochs=2, shuffle=False, verbose=0).history
    assert data.asked[1:] == [0, 1, 2, 3, 4] * 2
    assert found == beside.fit(data.x, data.y, batch_size=4, epochs=2, shuffle=False, verbose=0).history

    class Theirs(keras.utils.PyDataset):
        __len__, __getitem__ = Batches.__len__, Batches.__getitem__

    given = Theirs()
    vars(given).update(x=data.x, y=data.y, asked=[], makers=set())
    expected = theirs.fit(given, epochs=2, shuffle=False, verbose=0).history
    assert np.allclose(found["loss"], expected["loss"], rtol=1e-5)
    assert np.allclose(found["mae"], expected["mae"], rtol=1e-5)


def test_evaluate_and_predict_take_it_in_turn():
    data, net = Batches(), model()
    assert net.evaluate(data, verbose=0) == net.evaluate(data.x, data.y, batch_size=4, verbose=0)
    assert np.array_equal(net.predict(data, verbose=0), net.predict(data.x, batch_size=4, verbose=0))


@pytest.mark.parametrize(
    "settings", [{"workers": 3}, {"workers": 2, "use_multiprocessing": True}, {"workers": 0}], ids=str
)
def test_batches_made_ahead_are_the_same(settings):
    plain, ahead = Batches(), Batches(**settings, max_queue_size=2)
    net, other = model(), model()
    other.set_weights(net.get_weights())
    expected = net.fit(plain, epochs=2, verbose=0).history
    assert other.fit(ahead, epochs=2, verbose=0).history == expected
    here = (os.getpid(), threading.get_ident())
    assert (here in ahead.makers) is (settings["workers"] == 0)


def test_of_a_dataset_without_end_as_many_steps_as_are_told():
    class Endless(Batches):
        num_batches = None

        def __getitem__(self, index):
            return super().__getitem__(index % 5)

    for workers in (1, 2):
        data = Endless(workers=workers)
        net = model()
        net.fit(data, epochs=2, steps_per_epoch=7, verbose=0)
        assert net.optimizer.iterations == 14
        assert data.heard == ["begin", "end"] * 2


def test_weights_of_classes_and_what_does_not_go_with_it():
    data, net = Batches(), Sequential([Input((3,)), layers.Dense(1)])
    net.compile("sgd", "mse")
    data.y = (data.y > 0).astype("float32")
    beside = layercli.models.clone_model(net)
    beside.compile("sgd", "mse")
    beside.set_weights(net.get_weights())
    weights = {0: 1.0, 1: 3.0}
    found = net.fit(data, class_weight=weights, shuffle=False, verbose=0).history
    assert found == beside.fit(data.x, data.y, batch_size=4, class_weight=weights, shuffle=False, verbose=0).history
    with pytest.raises(UsageError) as error:
        net.fit(data, data.y, verbose=0)
    assert str(error.value) == "fit takes no y and no sample_weight beside Batches: its batches hold them"
    with pytest.raises(UsageError) as error:
        net.fit(data, validation_split=0.5, verbose=0)
    assert str(error.value) == "validation_split needs arrays: batches of a loader or generator cannot be split"


@pytest.mark.parametrize("settings", [{}, {"workers": 2}])
def test_an_error_of_its_own_comes_through(settings):
    class Broken(Batches):
        def __getitem__(self, index):
            if index == 3:
                raise ZeroDivisionError("batch 3")
            return super().__getitem__(index)

    with pytest.raises(ZeroDivisionError, match="batch 3"):
        model().fit(Broken(**settings), verbose=0)


def test_the_names_of_the_metrics():
    net = model()
    net.fit(Batches(), verbose=0)
    assert net.metrics_names == ["loss", "compile_metrics"]
    assert set(net.get_metrics_result()) == {"loss", "mae"}
