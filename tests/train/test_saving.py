"""Files of models and weights: Keras 3.15.1 reads ours and we read Keras's; damaged and hostile ones are refused."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest
from keras_parity import close, keras, real_keras, value_of

import layercli
from layercli.core import naming
from layercli.errors import FileError, FormatError, LayercliError, UsageError
from layercli.formats.detect import open_weights
from layercli.formats.safetensors import SafetensorsFile
from layercli.saving.legacy_h5 import names_in
from layercli.saving.legacy_h5_writer import Writer, put_names

RNG = np.random.default_rng(9)
X = RNG.standard_normal((12, 6)).astype("float32")
Y = RNG.standard_normal((12, 2)).astype("float32")
IMAGES = RNG.standard_normal((12, 8, 8, 1)).astype("float32")


@pytest.fixture(autouse=True)
def _names():
    """Layers are numbered in a process, and their first values follow from their names: the same whatever ran before."""
    naming.clear_session()


def mlp(api):
    return api.Sequential(
        [api.Input((6,)), api.layers.Dense(5, activation="relu", kernel_regularizer="l2"), api.layers.Dense(2)]
    )


def cnn(api):
    return api.Sequential(
        [
            api.Input((8, 8, 1)),
            api.layers.Conv2D(3, 3, strides=2, padding="same", activation="relu"),
            api.layers.BatchNormalization(momentum=0.8),
            api.layers.SeparableConv2D(4, 2),
            api.layers.MaxPooling2D(2),
            api.layers.Dropout(0.0),
            api.layers.Flatten(),
            api.layers.Dense(2, activation="sigmoid"),
        ]
    )


def branches(api):
    """One layer used twice, a model in a model, a stack in a model, and branches of different lengths."""
    layers = api.layers
    inputs = api.Input((6,), name="measured")
    inside = api.Input((5,))
    inner = api.Model(inside, layers.Dense(5, activation="tanh")(inside), name="inner")
    shared = layers.Dense(5, name="shared")
    short = layers.Dense(5, name="short")(inputs)
    long = inner(layers.Dense(5, name="long")(inputs))
    x = layers.Add()([shared(short), shared(long), short])
    x = api.Sequential([layers.Dense(4), layers.LayerNormalization()], name="tower")(x)
    return api.Model(inputs, layers.Dense(2, name="out")(layers.Concatenate()([x, short])))


def several_ends(api):
    a, b = api.Input((6,), name="a"), api.Input((6,), name="b")
    x = api.layers.Multiply()([a, b])
    return api.Model({"a": a, "b": b}, [api.layers.Dense(2, name="left")(x), api.layers.Dense(2, name="right")(x)])


MODELS = {
    "mlp": (mlp, X),
    "cnn": (cnn, IMAGES),
    "branches": (branches, X),
    "several ends": (several_ends, {"a": X, "b": X}),
}
each_model = pytest.mark.parametrize("name", MODELS)


def targets(name):
    return [Y, Y] if name == "several ends" else Y


def trained(name, api, optimizer="adam"):
    make, x = MODELS[name]
    model = make(api)
    model.compile(optimizer, "mse")
    model.fit(x, targets(name), epochs=2, batch_size=4, shuffle=False, verbose=0)
    return model, x


def outputs(model, x):
    found = value_of(model.predict(x, verbose=0))
    return np.concatenate(found, -1) if isinstance(found, list) else found


def set_state(model):
    """Put exact numbers in the place of what training left: what Keras answers is recorded for this very file.

    What another CPU, or the same at another address, trains differs in the last bit, rounded or not.
    """
    rng = np.random.default_rng(3)
    for variable in [*model.variables, *model.optimizer.variables]:
        positive = any(word in variable.path for word in ("variance", "velocity"))
        if np.asarray(variable).dtype == np.float32 and "learning_rate" not in variable.path:
            size = rng.integers(64, 512, variable.shape).astype("float32") / 1024
            variable.assign(size if positive else size * rng.choice([-1, 1], variable.shape).astype("float32"))


@each_model
def test_keras_loads_our_model_and_goes_on_training_it(name, tmp_path):
    ours, x = trained(name, layercli)
    set_state(ours)
    ours.save(tmp_path / "ours.keras")
    theirs = keras.models.load_model(tmp_path / "ours.keras")
    close(outputs(ours, x), outputs(theirs, x), 2e-6)
    assert int(theirs.optimizer.iterations) == ours.optimizer.iterations == 6
    more = {"epochs": 2, "batch_size": 4, "shuffle": False, "verbose": 0}
    close(
        ours.fit(x, targets(name), **more).history["loss"], theirs.fit(x, targets(name), **more).history["loss"], 1e-5
    )


@each_model
@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_we_load_keras_models_and_go_on_training_them(name, optimizer, tmp_path):
    chosen = "adam" if optimizer == "adam" else keras.optimizers.SGD(0.05, momentum=0.9)
    theirs, x = trained(name, keras, chosen)
    theirs.save(tmp_path / "theirs.keras")
    ours = layercli.load_model(tmp_path / "theirs.keras")
    close(outputs(ours, x), outputs(theirs, x), 2e-6)
    assert ours.optimizer.iterations == 6
    more = {"epochs": 2, "batch_size": 4, "shuffle": False, "verbose": 0}
    close(
        ours.fit(x, targets(name), **more).history["loss"], theirs.fit(x, targets(name), **more).history["loss"], 1e-5
    )


@each_model
def test_our_own_file_gives_the_same_model_and_the_same_file(name, tmp_path):
    model, x = trained(name, layercli)
    model.save(tmp_path / "a.keras")
    again = layercli.load_model(tmp_path / "a.keras")
    assert np.array_equal(outputs(again, x), outputs(model, x))
    again.save(tmp_path / "b.keras")
    configs = [zipfile.ZipFile(tmp_path / file).read("config.json") for file in ("a.keras", "b.keras")]
    assert configs[0] == configs[1]


@each_model
def test_weights_files_go_both_ways(name, tmp_path):
    make, x = MODELS[name]
    (ours, _), (theirs, _) = trained(name, layercli), trained(name, keras)
    expected = outputs(ours, x)
    ours.save_weights(tmp_path / "ours.weights.h5")
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    other = make(layercli)
    other.load_weights(tmp_path / "theirs.weights.h5")
    close(outputs(other, x), outputs(theirs, x), 2e-6)
    theirs.load_weights(tmp_path / "ours.weights.h5")
    close(outputs(theirs, x), expected, 2e-6)


class Subclass:
    @staticmethod
    def of(api):
        class Own(api.Model):
            def __init__(self):
                super().__init__()
                self.blocks = [api.layers.Dense(5, activation="relu"), api.layers.Dense(5)]
                self.named = {"b": api.layers.Dense(5), "a": api.layers.Dense(5)}
                self._hidden = api.layers.Dense(4)
                self.head = api.layers.Dense(2)
                self.alone = api.layers.Dense(6)

            def call(self, x):
                x = self.alone(x)
                for layer in self.blocks:
                    x = layer(x)
                return self.head(self._hidden(self.named["a"](self.named["b"](x))))

        return Own()


def test_weights_of_a_class_of_your_own_go_both_ways(tmp_path):
    ours, theirs = Subclass.of(layercli), Subclass.of(real_keras)
    expected = [outputs(ours, X), outputs(theirs, X)]
    ours.save_weights(tmp_path / "ours.weights.h5")
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    theirs.load_weights(tmp_path / "ours.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    close(outputs(theirs, X), expected[0], 2e-6)
    close(outputs(ours, X), expected[1], 2e-6)


def test_weights_in_several_files_have_keras_s_index(tmp_path):
    """tests/files/test_both_ways.py lets Keras read them."""
    model, x = trained("mlp", layercli)
    index = tmp_path / "m.weights.json"
    with pytest.warns(UserWarning, match=r"several files have an index, which is written to .*m\.weights\.json"):
        model.save_weights(tmp_path / "m.weights.h5", max_shard_size=160 / 2**30)
    described = json.loads(index.read_text())
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["m.weights.json", *(f"m_{i:05}.weights.h5" for i in range(len(files) - 1))]
    assert described["metadata"]["total_size"] == sum(entry.bytes for entry in open_weights(index).entries.values())
    assert len(described["weight_map"]["/optimizer/vars"]) > 1
    other = mlp(layercli)
    other.load_weights(index)
    assert np.array_equal(outputs(other, x), outputs(model, x))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UsageError, match=r"layers/dense/vars/0 has 120 bytes, and max_shard_size allows 100 a file"):
        model.save_weights(index, max_shard_size=100 / 2**30)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / files[-1]).unlink()
    with pytest.raises(FileError, match=r"m\.weights\.json names the shard .*, which is not in its folder$"):
        other.load_weights(index)


def test_safetensors_hold_the_variables_by_path(tmp_path):
    model, x = trained("branches", layercli)
    model.save_weights(tmp_path / "m.safetensors")
    assert sorted(SafetensorsFile(tmp_path / "m.safetensors").entries) == sorted(model.named_variables())
    other = branches(layercli)
    other.load_weights(tmp_path / "m.safetensors")
    assert np.array_equal(outputs(other, x), outputs(model, x))


def test_resuming_is_bit_equal_to_not_having_stopped(tmp_path):
    def make():
        layercli.random.set_seed(4)
        model = layercli.Sequential(
            [
                layercli.Input((6,)),
                layercli.layers.Dense(16, activation="relu"),
                layercli.layers.Dropout(0.5),
                layercli.layers.Dense(2),
            ],
            name="net",
        )
        model.compile(layercli.optimizers.Adam(0.01), "mse")
        return model

    whole = make()
    history = whole.fit(X, Y, epochs=6, batch_size=4, verbose=0).history["loss"]
    first = make()
    first.fit(X, Y, epochs=3, batch_size=4, verbose=0)
    first.save(tmp_path / "m.keras")
    second = layercli.load_model(tmp_path / "m.keras")
    rest = second.fit(X, Y, epochs=6, initial_epoch=3, batch_size=4, verbose=0).history["loss"]
    assert rest == history[3:]
    assert all(np.array_equal(a, b) for a, b in zip(whole.get_weights(), second.get_weights(), strict=True))


def test_checkpoints_are_kept_when_better(tmp_path):
    model, _ = trained("mlp", layercli)
    values = iter([3.0, 2.0, 2.5])
    fake = layercli.callbacks.LambdaCallback()
    keep = layercli.callbacks.ModelCheckpoint(
        tmp_path / "{epoch}-{score:.1f}.weights.h5", "score", save_best_only=True, save_weights_only=True
    )
    whole = layercli.callbacks.ModelCheckpoint(tmp_path / "last.keras")
    for callback in (fake, keep, whole):
        callback.set_model(model)
    for epoch, value in enumerate(values):
        keep.on_epoch_begin(epoch)
        keep.on_epoch_end(epoch, {"score": value})
    whole.on_epoch_end(0, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1-3.0.weights.h5", "2-2.0.weights.h5", "last.keras"]
    layercli.load_model(tmp_path / "last.keras").load_weights(tmp_path / "2-2.0.weights.h5")


def rewritten(tmp_path, change_config=None, change_weights=None, compress=zipfile.ZIP_STORED, extra=()):
    """Return the path of an archive of an mlp with something changed."""
    source, target = tmp_path / "good.keras", tmp_path / "bad.keras"
    if not source.exists():
        trained("mlp", layercli)[0].save(source)
    with zipfile.ZipFile(source) as good, zipfile.ZipFile(target, "w") as bad:
        config = json.loads(good.read("config.json"))
        if change_config:
            config = change_config(config) or config
        weights = io.BytesIO(good.read("model.weights.h5"))
        if change_weights:
            with h5py.File(weights, "r+") as file:
                change_weights(file)
        bad.writestr("config.json", json.dumps(config))
        bad.writestr("model.weights.h5", weights.getvalue(), compress)
        for name, content in extra:
            bad.writestr(name, content)
    return target


def layer(config, index=1):
    return config["config"]["layers"][index]


def linked(link):
    def change(file):
        group = file["layers/dense/vars"]
        del group["0"]
        group["0"] = link

    return change


def external(file):
    group = file["layers/dense/vars"]
    del group["0"]
    group.create_dataset("0", (6, 5), "float32", external=[(__file__, 0, 120)])


def reshaped(file):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars"].create_dataset("0", (2**31, 2**20), "float32", chunks=(1, 1024))


def loop(config):
    call = {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 2], "dtype": "float32", "keras_history": ["d", 0, 0]},
    }
    dense = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 2, "name": "d"}, "name": "d"}
    return {
        "class_name": "Functional",
        "config": {
            "layers": [{**dense, "inbound_nodes": [{"args": [call], "kwargs": {}}]}],
            "input_layers": [],
            "output_layers": ["d", 0, 0],
        },
    }


HOSTILE = {
    "lambda": (
        {"change_config": lambda c: layer(c).update(class_name="Lambda")},
        "Lambda 'DENSE': its function has no name, and code in a file is never executed",
    ),
    "any class": (
        {"change_config": lambda c: layer(c).update(module="os", class_name="system", config={"command": "false"})},
        "holds a system, which layercli does not make from a file",
    ),
    "a function": (
        {"change_config": lambda c: layer(c).update(module="keras.layers", class_name="concatenate")},
        "holds a concatenate, which layercli does not make from a file",
    ),
    "a module": (
        {"change_config": lambda c: layer(c).update(class_name="__builtins__")},
        "holds a __builtins__, which layercli does not make from a file",
    ),
    "unknown setting": (
        {"change_config": lambda c: layer(c)["config"].update(unitz=3)},
        "Dense 'DENSE': Dense has no argument 'unitz'",
    ),
    "bad setting": (
        {"change_config": lambda c: layer(c)["config"].update(units=-1)},
        "Dense 'DENSE': Dense expects units to be a positive integer, got -1",
    ),
    "bad activation": (
        {"change_config": lambda c: layer(c)["config"].update(activation="eval")},
        "Dense 'DENSE': there is no activation 'eval'",
    ),
    "too large": (
        {"change_config": lambda c: layer(c)["config"].update(units=4_000_000_000)},
        "layers/dense/vars/0 in FILE has the shape (6, 5), the model's is (6, 4000000000)",
    ),
    "no layers": (
        {"change_config": lambda c: c["config"].update(layers=3)},
        "has layers that are not a list of configs",
    ),
    "no class": ({"change_config": lambda c: c.pop("class_name") and None}, "describes a layer without its class_name"),
    "no model": ({"change_config": layer}, "holds a Dense, which is not a model"),
    "loop": ({"change_config": loop}, "has a graph with calls that wait for each other"),
    "soft link": (
        {"change_weights": linked(h5py.SoftLink("/layers/dense_1/vars/0"))},
        "layers/dense/vars/0 is a link that leads elsewhere",
    ),
    "external link": (
        {"change_weights": linked(h5py.ExternalLink("other.h5", "/x"))},
        "layers/dense/vars/0 is a link that leads elsewhere",
    ),
    "external storage": ({"change_weights": external}, "layers/dense/vars/0 is stored outside the file"),
    "shape bomb": (
        {"change_weights": reshaped},
        "layers/dense/vars/0 in FILE has the shape (2147483648, 1048576), the model's is (6, 5)",
    ),
    "missing group": (
        {"change_weights": lambda f: f.__delitem__("layers/dense_1")},
        "has 0 variables at layers/dense_1, DENSE_1 (Dense) has 2",
    ),
    "compressed weights": (
        {"compress": zipfile.ZIP_DEFLATED},
        "has weights that are compressed, which a .keras file's never are",
    ),
    "two configs": ({"extra": [("config.json", "{}")]}, "holds config.json twice"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_and_damaged_archives_are_refused(name, tmp_path):
    from layercli.core import naming

    naming.clear_session()
    settings, message = HOSTILE[name]
    with pytest.raises(FormatError) as raised:
        layercli.load_model(rewritten(tmp_path, **settings))
    said = str(raised.value).replace(str(tmp_path / "bad.keras"), "FILE")
    expected = message.replace("DENSE_1", "dense_1").replace("DENSE", "dense")
    assert said.removeprefix("FILE: ").removeprefix("FILE ") == expected


def test_the_archive_that_is_only_rewritten_loads(tmp_path):
    assert layercli.load_model(rewritten(tmp_path)).predict(X).shape == (12, 2)


@pytest.mark.parametrize("name", MODELS)
def test_keras_reads_our_whole_h5(name, tmp_path):
    make, x = MODELS[name]
    model = make(layercli)
    rate = layercli.optimizers.schedules.ExponentialDecay(0.01, 2, 0.9)
    model.compile(layercli.optimizers.Adam(rate), "mse", metrics=None if name == "several ends" else ["mae"])
    targets = [Y, Y] if name == "several ends" else Y
    model.fit(x, targets, epochs=1, verbose=0)
    set_state(model)
    model.save(tmp_path / "m.h5")
    again, theirs = layercli.load_model(tmp_path / "m.h5"), keras.models.load_model(tmp_path / "m.h5")
    for ours, expected, found in zip(*(as_list(m.predict(x, verbose=0)) for m in (model, theirs, again)), strict=True):
        close(ours, expected)
        np.testing.assert_array_equal(ours, found)
    assert theirs.optimizer.learning_rate is not None
    for each in (model, again):  # the optimizer goes on where it was
        each.fit(x, targets, epochs=1, verbose=0, shuffle=False)
    for ours, found in zip(*(as_list(m.predict(x, verbose=0)) for m in (model, again)), strict=True):
        np.testing.assert_array_equal(ours, found)


def as_list(outputs):
    outputs = value_of(outputs)
    return outputs if isinstance(outputs, list) else [outputs]


def test_names_too_long_for_one_attribute(tmp_path):
    names = [f"{i:04d}{'x' * 96}" for i in range(700)]
    with h5py.File(tmp_path / "m.h5", "w") as file:
        put_names(Writer(file), file.id, "layer_names", names)
        assert len(file.attrs) == 2
        assert names_in("m.h5", file, "layer_names") == names


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda p: mlp(layercli).save(p / "m.npz"), "a model is saved to .keras or .h5, not 'FOLDER/m.npz'"),
        (
            lambda p: mlp(layercli).load_weights(p / "m.keras", objects_to_skip=[]),
            "objects_to_skip is for .weights.h5 and .weights.json files, not FOLDER/m.keras",
        ),
        (
            lambda p: mlp(layercli).load_weights(p / "m.weights.h5", objects_to_skip="dense"),
            "objects_to_skip is a list of layers, got 'dense'",
        ),
        (
            lambda p: mlp(layercli).save_weights(p / "m.npz"),
            "weights are saved to .safetensors or .weights.h5, not 'FOLDER/m.npz'",
        ),
        (lambda p: layercli.load_model(p / "none.keras"), "FOLDER/none.keras does not exist"),
        (lambda p: mlp(layercli).load_weights(p / "none.weights.h5"), "FOLDER/none.weights.h5 does not exist"),
        (
            lambda p: (p / "z.weights.h5").write_text("x") and mlp(layercli).load_weights(p / "z.weights.h5"),
            "FOLDER/z.weights.h5 does not begin as an HDF5 file does",
        ),
        (
            lambda p: Subclass.of(layercli).save_weights(p / "m.safetensors"),
            "own has no variables yet: their shapes follow from its input",
        ),
    ],
)
def test_what_cannot_be_saved_or_loaded(act, message, tmp_path):
    from layercli.core import naming

    naming.clear_session()
    with pytest.raises(LayercliError) as raised:
        act(tmp_path)
    assert str(raised.value).replace(str(tmp_path), "FOLDER") == message


def test_weights_that_do_not_fit_change_nothing(tmp_path):
    wide = layercli.Sequential([layercli.Input((6,)), layercli.layers.Dense(5), layercli.layers.Dense(3)])
    wide.save_weights(tmp_path / "wide.weights.h5")
    model = mlp(layercli)
    before = model.get_weights()
    with pytest.raises(FormatError):
        model.load_weights(tmp_path / "wide.weights.h5")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.safetensors"])
def test_a_full_disk_leaves_the_file_before(name, tmp_path):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("this system lets nobody here mount a small disk")
    try:
        path = tmp_path / name
        small, large = (layercli.Sequential([layercli.Input((n,)), layercli.layers.Dense(n)]) for n in (4, 512))
        (small.save if name == "m.keras" else small.save_weights)(path)
        before = path.read_bytes()
        with pytest.raises(FileError) as error:
            (large.save if name == "m.keras" else large.save_weights)(path)
        assert str(error.value) == f"cannot write {path}: the disk is full"
        assert (path.read_bytes(), os.listdir(tmp_path)) == (before, [name])
    finally:
        subprocess.run(["umount", tmp_path], check=True)


SAVERS = """
import os, resource, signal, sys, tempfile
import numpy as np
import torch
import layercli
torch.set_num_threads(1)  # so that a fork has every thread it needs
model = layercli.Sequential([layercli.Input((64,)), layercli.layers.Dense(512), layercli.layers.Dense(512)])
model.compile("adam", "mse")
shapes = [w.shape for w in model.get_weights()]
with tempfile.TemporaryDirectory() as folder:  # what a save imports, no fork does again
    model.save(f"{folder}/m.keras")
    for name in ("m.weights.h5", "m.safetensors"):
        model.save_weights(f"{folder}/{name}")
number = 0
STEPS = ("open", "os.rename", "os.remove", "os.truncate", "os.chmod", "fcntl.flock")

def die_at_step(place):
    left = [place]
    def step(event, args):
        if event in STEPS:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(step)

def die_at_byte(place):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (place, place))

for line in sys.stdin:
    how, place, path = line.split()
    save = model.save if path.endswith(".keras") else model.save_weights
    number += 2
    child = os.fork()
    if child == 0:
        model.set_weights([np.full(shape, number, "float32") for shape in shapes])
        save(path)
        {"step": die_at_step, "byte": die_at_byte}[how](int(place))
        model.set_weights([np.full(shape, number + 1, "float32") for shape in shapes])
        save(path)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), number, flush=True)
"""
"""For every line, a process that saves once, and dies at one step or byte of its second save; how it ended, and what the
first save held: the second held one more."""


@pytest.fixture(scope="module")
def savers():
    """One process for every format: to import torch takes longer than all that it saves."""
    command = [sys.executable, "-B", "-c", SAVERS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.stdin.close()


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.safetensors"])
def test_killed_at_any_moment_it_leaves_a_whole_file(name, tmp_path, savers):
    path, ends = tmp_path / name, []
    reader = layercli.Sequential([layercli.Input((64,)), layercli.layers.Dense(512), layercli.layers.Dense(512)])
    moments = [("step", i) for i in range(16)] + [("byte", 1_200_000 * i // 15) for i in range(16)]
    for how, place in moments:
        print(how, place, path, file=savers.stdin, flush=True)
        end, before = map(int, savers.stdout.readline().split())
        ends.append(end)
        reader.load_weights(path)
        value = reader.get_weights()[0][0, 0]
        assert all((weights == value).all() for weights in reader.get_weights())  # all of one save
        assert value in ((before + 1,) if end == 0 else (before, before + 1))
        left = [file for file in tmp_path.iterdir() if file != path]
        assert len(left) <= 1  # what the killed one wrote: that of the one before it has removed
    (reader.save if name.endswith(".keras") else reader.save_weights)(path)
    assert list(tmp_path.iterdir()) == [path]
    assert set(ends) == {-signal.SIGKILL, -signal.SIGXFSZ, 0}
    assert ends.count(-signal.SIGKILL) >= 3
    assert ends.count(-signal.SIGXFSZ) >= 10


@pytest.mark.parametrize("first", ["save", "get_weights"])
def test_initial_values_do_not_depend_on_whether_a_model_is_saved_or_called_first(tmp_path, first):
    def drawn(use):
        layercli.utils.clear_session()
        layercli.utils.set_random_seed(3)
        model = mlp(layercli)
        use(model)
        return model.get_weights()

    saved = drawn(lambda model: model.save(tmp_path / "net.keras") if first == "save" else None)
    for value, expected in zip(saved, drawn(lambda model: model(X)), strict=True):
        np.testing.assert_array_equal(value, expected)


def test_parameters_made_with_a_file_s_values_are_like_those_made_before(tmp_path):
    model = cnn(layercli)
    model.save(tmp_path / "net.keras")
    loaded, again = layercli.saving.load_model(tmp_path / "net.keras"), cnn(layercli)
    again.layers[0].get_weights()  # makes the module of this layer alone
    again.load_weights(tmp_path / "net.keras")
    for other in (loaded, again):
        for value, expected in zip(other.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(value, expected)
        assert [p.stride() for p in other.module.parameters()] == [p.stride() for p in model.module.parameters()]
        assert [p.requires_grad for p in other.module.parameters()] == [
            p.requires_grad for p in model.module.parameters()
        ]


@pytest.mark.parametrize("ending", [".keras", ".h5", ".weights.h5"])
def test_complex_values_are_no_real_weights(tmp_path, ending):
    model = layercli.Sequential([layercli.Input((2,)), layercli.layers.Dense(1, use_bias=False, name="a")])
    file = tmp_path / f"m{ending}"
    (model.save_weights if ending == ".weights.h5" else model.save)(file)
    held = io.BytesIO(zipfile.ZipFile(file).read("model.weights.h5") if ending == ".keras" else file.read_bytes())
    with h5py.File(held, "a") as opened:
        places = []
        opened.visititems(lambda name, each: places.append(name) if isinstance(each, h5py.Dataset) else None)
        (place,) = places
        del opened[place]
        opened[place] = np.full((2, 1), 1 + 2j, "complex64")
    raw = tmp_path / "complex.weights.h5"
    raw.write_bytes(held.getvalue())
    with pytest.raises(FormatError, match=r"a/kernel in .* is complex64, the model's is float32"):
        model.load_weights(raw)


def test_layers_that_are_skipped_keep_their_values(tmp_path):
    source, model = mlp(layercli), mlp(layercli)
    source.set_weights([each + 1 for each in source.get_weights()])
    before = model.get_weights()
    source.save_weights(tmp_path / "m.weights.h5")
    source.save_weights(tmp_path / "parts.weights.json", max_shard_size=1)
    for name in ("m.weights.h5", "parts.weights.json"):
        model.set_weights(before)
        model.load_weights(tmp_path / name, objects_to_skip=[model.layers[0]])
        for kept, found in zip([*before[:2], *source.get_weights()[2:]], model.get_weights(), strict=True):
            np.testing.assert_array_equal(found, kept)


def test_a_model_in_a_file_with_the_ending_of_weights(tmp_path):
    model = mlp(layercli)
    model.save(tmp_path / "m.weights.h5")
    for api in (layercli, keras):
        found = api.saving.load_model(tmp_path / "m.weights.h5")
        for wanted, value in zip(model.get_weights(), found.get_weights(), strict=True):
            np.testing.assert_array_equal(value, wanted)


def test_weights_by_name_for_a_model_without_variables(tmp_path):
    mlp(layercli).save(tmp_path / "m.h5")
    model = layercli.Sequential([layercli.layers.Dense(2, name="other")])
    model.load_weights(tmp_path / "m.h5", by_name=True)
    assert not model.built
    alike = layercli.Sequential([layercli.layers.Dense(2, name="dense")])
    with pytest.raises(FormatError, match=r"has 2 arrays for dense \(Dense\), which has 0 variables"):
        alike.load_weights(tmp_path / "m.h5", by_name=True)
