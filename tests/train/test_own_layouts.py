"""A layer's own layout in weight files: save_own_variables and load_own_variables, as in Keras's guide on saving."""

import h5py
import numpy as np
import pytest

import layercli
from layercli import layers
from layercli.saving import register_keras_serializable


@register_keras_serializable("own_layouts")
class Counted(layers.Dense):
    """A Dense that keeps a count which is no variable, and names what it writes."""

    seen = 0

    def save_own_variables(self, store):
        """Write the kernel by name and the count."""
        store["weights of mine"] = self.kernel
        store["shift"] = self.bias.numpy()
        store["seen"] = np.int64(self.seen)

    def load_own_variables(self, store):
        """Read what save_own_variables wrote."""
        assert sorted(store) == ["seen", "shift", "weights of mine"]
        self.kernel.assign(store["weights of mine"])
        self.bias.assign(store["shift"])
        self.seen = int(store["seen"])


def model_of(seed):
    layercli.utils.set_random_seed(seed)
    return layercli.Sequential([layercli.Input((3,)), Counted(4, name="mine"), layers.Dense(2, name="plain")])


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5"])
def test_a_layer_writes_and_reads_its_variables_itself(tmp_path, name):
    model, file = model_of(0), tmp_path / name
    model.get_layer("mine").seen = 7
    if name == "m.keras":
        model.save(file)
        other = layercli.models.load_model(file)
    else:
        model.save_weights(file)
        with h5py.File(file) as h5:
            assert sorted(h5["layers/counted/vars"]) == ["seen", "shift", "weights of mine"]
        other = model_of(1)
        other.load_weights(file)
    assert other.get_layer("mine").seen == 7
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(other.predict(x, verbose=0), model.predict(x, verbose=0))
