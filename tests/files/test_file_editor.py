"""KerasFileEditor: what it shows, compares and changes; Keras reads what it saves."""

from __future__ import annotations

import numpy as np
import pytest

from layercli import Input, Sequential, layers
from layercli.errors import UsageError
from layercli.saving import KerasFileEditor


def model(name="b"):
    net = Sequential([Input((3,)), layers.Dense(2, name="a"), layers.BatchNormalization(), layers.Dense(1, name=name)])
    net.compile("sgd", "mse")
    net.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    return net


@pytest.mark.parametrize("file", ["m.keras", "m.weights.h5"])
def test_what_is_in_a_file(tmp_path, file, capsys):
    net = model()
    (net.save if file == "m.keras" else net.save_weights)(tmp_path / file)
    editor = KerasFileEditor(tmp_path / file)
    editor.summary()
    printed = capsys.readouterr().out
    assert "│   └─ dense_1 ('b')" in printed
    assert "0: shape=(2, 1), dtype=float32" in printed
    assert (editor.weights_dict["layers"]["dense"]["0"] == net.layers[0].kernel.numpy()).all()
    assert editor.compare(net) == {"status": "success", "error_count": 0, "match_count": 10}
    assert (editor.config is None) == (file == "m.weights.h5")


def test_edits_are_saved(tmp_path, capsys):
    net, path = model(), str(tmp_path / "edited.weights.h5")
    net.save_weights(tmp_path / "m.weights.h5")
    editor = KerasFileEditor(tmp_path / "m.weights.h5")
    editor.rename_object("layers/dense_1", "other")
    editor.add_object("layers/dense_1", {"0": np.full((2, 1), 5, "float32"), "9": np.zeros(1, "float32")})
    editor.add_weights("dense_1", {"1": np.ones(1, "float32")})
    editor.delete_weight("layers/dense_1", "9")
    assert editor.compare(net)["error_count"] == 2  # the weights of layers/other
    editor.delete_object("other")
    editor.save(path)
    net.load_weights(path)
    assert net.layers[-1].kernel.numpy().tolist() == [[5.0], [5.0]]
    for call, message in (
        (lambda: editor.delete_object("dens"), "the file has no object 'dens'"),
        (lambda: editor.add_weights("dense", 1), "weights are a dict of arrays by their names, got int"),
        (lambda: editor.save(tmp_path / "m.npz"), f"the weights are saved to .weights.h5, not '{tmp_path / 'm.npz'}'"),
        (lambda: KerasFileEditor("m.pt"), "KerasFileEditor opens .keras and .weights.h5 files, not 'm.pt'"),
        (lambda: editor.rename_object("dense", "a/b"), "'a/b' is no new name: it has a '/' or is there already"),
    ):
        with pytest.raises(UsageError) as raised:
            call()
        assert str(raised.value) == message
