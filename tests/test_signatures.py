"""Every public function and constructor takes Keras's arguments: the same names, order, kinds and defaults."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

from layercli.core.refusals import reason_for
from tests.keras_signatures import NAMESPACES, RECORD, of_keras, signature

KERAS = json.loads(RECORD.read_text())

REFUSED = {
    "ops.einsum": "**kwargs is handed to JAX and TensorFlow alone; Keras on torch ignores it",
    "ops.multi_hot": "**kwargs holds only num_tokens, an old name of num_classes",
    "random.SeedGenerator": "**kwargs holds only Keras's backend module, of which there is one here",
}
"""What is refused of Keras's arguments, with the reason."""


OLD_KEYWORDS = (
    "callbacks", "datasets", "mixed_precision", "models", "optimizers", "preprocessing", "saving", "utils",
)  # fmt: skip
"""The namespaces where Keras's **kwargs takes what Keras 2 took, and the backends' own: here that is an unknown argument."""


EXTENDED = {
    "models.Model": "its keyword arguments are named",
    "models.Sequential": "its arguments are named",
    "optimizers.Optimizer": "the learning rate has a default",
    "utils.FeatureSpace": "it is a layer, and takes the arguments of layers by keyword",
    "losses.categorical_generalized_cross_entropy": "q has the default of the class, so that compile takes the name",
}
"""Where more calls are accepted than Keras accepts, with the reason."""


def ours(namespace, name):
    return getattr(importlib.import_module(f"layercli.{namespace}"), name)


def same(found, wanted):
    """Whether two signatures are equal, where the defaults 0 and 0.0 are."""
    return [(*a[:2], number(a[2])) for a in found] == [(*a[:2], number(a[2])) for a in wanted]


def number(default):
    try:
        return float(default)
    except (TypeError, ValueError):
        return default


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_arguments_are_keras_s(namespace):
    wrong = {}
    for name, wanted in KERAS[namespace].items():
        if f"{namespace}.{name}" in REFUSED or f"ops.{name}" in REFUSED or reason_for(f"{namespace}.{name}"):
            continue
        if namespace.partition(".")[0] in OLD_KEYWORDS:
            wanted = [argument for argument in wanted if argument[1] != "variadic keyword"]
        if reason_for(f"{namespace}.{name}") is not None:
            continue
        found = signature(ours(namespace, name))
        if not (same(found, wanted) or same(found, KERAS[namespace][name])) and f"{namespace}.{name}" not in EXTENDED:
            wrong[name] = (found, wanted)
    assert not wrong


def test_what_is_refused_differs_by_that_alone():
    """Each entry of REFUSED differs from Keras by the ``**kwargs`` that it names, and by nothing else."""
    for path in REFUSED:
        namespace, _, name = path.rpartition(".")
        wanted = [argument for argument in KERAS[namespace][name] if argument[1] != "variadic keyword"]
        assert signature(ours(namespace, name)) == wanted != KERAS[namespace][name]


def test_functions_are_called_by_keras_s_names():
    from layercli import ops

    assert ops.add(x1=1, x2=2) == 3
    assert ops.where(condition=ops.array([True, False]), x1=1, x2=2).tolist() == [1, 2]
    assert [i.tolist() for i in ops.where(ops.array([0, 3, 0, 1]))] == [[1, 3]]
    assert ops.max(ops.zeros((0, 2)), axis=0, initial=5.0).tolist() == [5.0, 5.0]
    assert ops.min(ops.array([3, 4]), initial=2) == 2
    assert ops.prod(ops.array([2.5, 2.0]), dtype="int32") == 4
    assert ops.round(ops.array([2.46, 3.55]), decimals=1).tolist() == pytest.approx([2.5, 3.6], abs=0.06)
    assert ops.round(ops.array([1234, 55]), decimals=-2).tolist() == [1200, 100]
    assert ops.repeat(ops.array([[1, 2], [3, 4]]), 2).tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    assert ops.repeat(ops.array([[1, 2], [3, 4]]), [1, 2], axis=0).tolist() == [[1, 2], [3, 4], [3, 4]]


def test_constructors_take_keras_s_positions():
    from layercli import losses, metrics

    mean = metrics.MeanIoU(2, "a", None, 0)
    assert (mean.num_classes, mean.name, mean.ignore_class) == (2, "a", 0)
    score = metrics.FBetaScore("macro", 2.0, None, "f2")
    assert (score.average, score.beta, score.threshold, score.name) == ("macro", 2.0, None, "f2")
    assert losses.Circle(64.0, 0.3).get_config()["margin"] == 0.3
    loss = losses.SparseCategoricalCrossentropy(True, -1, "sum", -1, "own")
    assert (loss.ignore_class, loss.reduction, loss.name) == (-1, "sum", "own")
    assert metrics.Metric("float64", "own").dtype == "float64"


@pytest.mark.parametrize("package", ["initializers", "losses", "metrics", "ops.image", "ops.nn", "ops.numpy"])
def test_no_module_hides_the_function_of_its_name(package):
    namespace = importlib.import_module(f"layercli.{package}")
    for path in Path(namespace.__file__).parent.glob("*.py"):
        importlib.import_module(f"layercli.{package}.{path.stem}" if path.stem != "__init__" else f"layercli.{package}")
    hidden = [name for name in namespace.__all__ if isinstance(getattr(namespace, name), ModuleType)]
    assert hidden == []


def test_own_classes_are_deserialized():
    from layercli import losses, metrics

    class Own(losses.Loss):
        def call(self, y_true, y_pred):
            return y_pred - y_true

    config = losses.serialize(Own(name="own"))
    assert isinstance(losses.deserialize(config, {"Own": Own}), Own)
    assert losses.deserialize("mse") is losses.mean_squared_error
    assert metrics.deserialize(metrics.serialize(metrics.MeanIoU(2))).num_classes == 2


def test_the_record_is_what_keras_says(request):
    if not request.config.getoption("--live"):
        pytest.skip("asks Keras itself: with --live")
    assert of_keras() == KERAS
