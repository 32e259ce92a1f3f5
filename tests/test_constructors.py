"""Constructors take Keras's arguments: the same names, positions and defaults. What Keras has is recorded."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

import layercli
from layercli.errors import UsageError

RECORDED = Path(__file__).parent / "reference" / "constructors.json"
PACKAGES = ("layers", "optimizers", "optimizers.schedules", "callbacks", "constraints", "regularizers")
SIGNATURES = json.loads(RECORDED.read_text())
LAYER = ("name", "trainable", "dtype", "activity_regularizer", "input_shape")
BASES = {"Layer", "InputSpec", "Optimizer", "Callback", "Constraint", "Regularizer", "LearningRateSchedule"}


def package(root, dotted):
    for name in dotted.split("."):
        root = getattr(root, name)
    return root


def plain(default):
    """Return a default as JSON holds it; one number for every axis stands for the same number for each."""
    if isinstance(default, list | tuple):
        values = [plain(value) for value in default]
        return values[0] if values and all(value == values[0] for value in values) else values
    return default if isinstance(default, str | int | float | bool | None) else repr(default)


def positional(cls):
    """Return the positional arguments of a constructor with their defaults, ``[]`` for a required one."""
    found = inspect.signature(cls).parameters.values()
    return {p.name: [plain(p.default)] if p.default is not p.empty else [] for p in found if p.kind == 1}


def classes(module):
    return [name for name in dir(module) if inspect.isclass(getattr(module, name))]


def recorded_of(keras):
    ours = {where: package(layercli, where) for where in PACKAGES}
    return {
        where: {
            name: positional(getattr(package(keras, where), name))
            for name in classes(package(keras, where))
            if inspect.isclass(getattr(ours[where], name, None)) and name not in BASES  # others are refused
        }
        for where in PACKAGES
    }


def dumped(found):
    """Return the record as JSON, one class a line."""
    packages = []
    for where in PACKAGES:
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(found[where][name])}" for name in sorted(found[where]))
        packages.append(f" {json.dumps(where)}: {{\n{lines}\n }}")
    return "{\n" + ",\n".join(packages) + "\n}\n"


@pytest.fixture
def _live(request):
    if not (request.config.getoption("--live") or request.config.getoption("--record")):
        pytest.skip("Keras's own signatures are asked with --live")


@pytest.mark.usefixtures("_live")
def test_the_record_is_what_keras_has(request):
    from tests.keras_parity import real_keras as keras

    found = recorded_of(keras)
    if request.config.getoption("--record"):
        RECORDED.write_text(dumped(found))
    assert found == json.loads(RECORDED.read_text())


def everything():
    return [(where, name) for where in PACKAGES for name in SIGNATURES[where]]


@pytest.mark.parametrize(("where", "name"), everything())
def test_positional_arguments_are_those_of_keras(where, name):
    ours = positional(getattr(package(layercli, where), name))
    theirs = SIGNATURES[where][name]
    assert list(ours)[: len(theirs)] == list(theirs)
    assert {key: ours[key] for key in theirs} == theirs


def test_every_class_is_compared():
    for where in ("layers", "optimizers", "optimizers.schedules", "callbacks"):
        module = package(layercli, where)
        ours = {name for name in module.__all__ if inspect.isclass(getattr(module, name))}
        assert ours - BASES - {"GroupedQueryAttention"} == SIGNATURES[where].keys() - BASES


def test_a_layer_takes_name_and_activity_regularizer_by_position_where_keras_does():
    pooling = layercli.layers.MaxPooling2D(2, 2, "same", None, "pool")
    assert pooling.name == "pool"
    dense = layercli.layers.Dense(3, None, True, "zeros", "ones", None, None, "l2", None, "nonneg")
    assert dense.activity_regularizer.get_config() == layercli.regularizers.get("l2").get_config()
    assert type(dense.bias_constraint).__name__ == "NonNeg"
    again = type(dense).from_config(dense.get_config())
    assert again.get_config() == dense.get_config()
    with pytest.raises(UsageError) as error:
        layercli.layers.MaxPooling2D(2, 2, "same", None, "pool", name="pool")
    assert str(error.value) == "MaxPooling2D got name twice"


def test_too_many_positional_arguments():
    with pytest.raises(UsageError) as error:
        layercli.layers.Flatten(None, 3)
    assert str(error.value) == "Flatten takes 1 positional argument, got 2"
    with pytest.raises(TypeError) as wrong:
        layercli.optimizers.SGD(*range(20))
    assert str(wrong.value) == "SGD takes at most 13 arguments, got 20"


def test_an_optimizer_takes_shared_arguments_by_position():
    muon = layercli.optimizers.Muon(1e-3, 0.8, 0.9, None, 1e-6, 0.1)
    assert (muon.epsilon, muon.weight_decay) == (1e-6, 0.1)
    assert layercli.optimizers.Muon.from_config(muon.get_config()).get_config() == muon.get_config()


def test_signatures_show_every_argument():
    assert str(inspect.signature(layercli.layers.Flatten)) == (
        "(data_format=None, *, name: str | None = None, trainable: bool = True, dtype: str | None = None, "
        "activity_regularizer=None, input_shape=None)"
    )
    assert list(inspect.signature(layercli.layers.Dense).parameters)[:3] == ["units", "activation", "use_bias"]
    assert str(inspect.signature(layercli.layers.Dense(2))) == "(inputs: 'Tensor') -> 'Tensor'"


def test_signatures_of_a_users_layers():
    class Power(layercli.layers.Layer):
        exponent: float = 2.0

    class Own(Power):
        def __init__(self, factor, **kwargs):
            super().__init__(**kwargs)

    shown = list(inspect.signature(Power).parameters.values())
    assert str(shown[0]) in ("exponent: float = 2.0", "exponent: 'float' = 2.0")
    assert [p.name for p in shown[1:]] == [*LAYER]
    assert str(inspect.signature(Own)) == "(factor, **kwargs)"


DOCUMENTED = [
    (where, name)
    for where, name in everything()
    if name not in ("max_norm", "min_max_norm", "l1", "l2", "l1_l2", "orthogonal_regularizer")  # second names
]


@pytest.mark.parametrize(("where", "name"), DOCUMENTED)
def test_help_has_a_line_for_every_argument(where, name):
    cls = getattr(package(layercli, where), name)
    parameters = [p for p in inspect.signature(cls).parameters.values() if p.kind is not p.VAR_KEYWORD]
    section = inspect.getdoc(cls).partition("\nArgs:\n")[2].splitlines()
    described = [line.strip().partition(": ")[0] for line in section if line.strip()]
    assert described == [p.name for p in parameters]


def test_the_arguments_of_a_users_layer_are_not_documented_for_them():
    class Power(layercli.layers.Layer):
        """out = x ** exponent."""

        exponent: float = 2.0

    assert Power.__doc__ == "out = x ** exponent."


def test_arguments_are_documented_in_the_order_of_the_signature():
    from layercli.core.argument_docs import document_arguments

    class Base:
        """The base.

        Args:
            size: The size.
            rate: The rate, which is
                explained in two lines.

        Reference: none.
        """

    class Derived(Base):
        """Derived.

        Args:
            size: Another size.
        """

    document_arguments(Base, ["rate", "size"])
    document_arguments(Derived, ["rate", "size", "units"], {"units": "The units."})
    assert Base.__doc__ == (
        "The base.\n\nReference: none.\n\nArgs:\n    rate: The rate, which is explained in two lines.\n    size: The size."
    )
    assert Derived.__doc__ == (
        "Derived.\n\nArgs:\n    rate: The rate, which is explained in two lines.\n    size: Another size.\n"
        "    units: The units."
    )
