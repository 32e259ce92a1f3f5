"""What a MODEL on the command line means."""

from __future__ import annotations

import sys

import pytest

from layercli.core.layer import Layer
from layercli.errors import UsageError
from layercli.inspect.model_arguments import parse_setting
from layercli.inspect.model_loader import named_models
from layercli.inspect.named_models import catalogue
from layercli.sources.resolve import resolve

NET = """
from layercli import Model, Sequential, layers

class Net(Model):
    def __init__(self, units, activation=None):
        super().__init__()
        self.dense = layers.Dense(units, activation=activation)

    def call(self, inputs):
        return self.dense(inputs)

def stack(depth: int = 2):
    return Sequential([layers.Dense(4) for _ in range(depth)])

class Typed(Model):
    rate: float = 0.5
    wide: bool = False
    label: str = "x"
    inner: layers.Dense

instance = Net(3)
number = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "net3.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("net3", "plugin"):
        sys.modules.pop(name, None)


def test_a_class_a_factory_and_an_instance(folder):
    assert resolve("net3.py:Net", ["units=5"]).model.dense.units == 5
    assert len(resolve("net3.py:stack", ["depth=3"]).model.layers) == 3
    assert resolve("net3.py:instance").model.dense.units == 3
    assert resolve("net3.py:Typed", ["rate=1", "label=7"]).model.get_config() | {"name": ""} == {
        "name": "", "trainable": True, "dtype": "float32", "rate": 1.0, "wide": False, "label": "7",
    }  # fmt: skip
    assert isinstance(resolve("net3:Net", ["units=5", "activation=relu"]).model, Layer)


@pytest.mark.parametrize(
    ("text", "settings", "message", "hint"),
    [
        ("net3.py:Net", [], "net3.py:Net needs units", "--set units=..."),
        ("net3.py:Net", ["unit=5"], "net3.py:Net has no argument 'unit'", "did you mean units?"),
        ("net3.py:instance", ["units=5"], "net3.py:instance is an existing model: it takes no arguments", None),
        ("net3.py:stack", ["depth=deep"], "stack expects depth to be an integer, got 'deep'", None),
        ("net3.py:Typed", ["rate=fast"], "Typed expects rate to be a number, got 'fast'", None),
        ("net3.py:Typed", ["wide=3.5"], "Typed expects wide to be true or false, got 3.5", None),
        ("net3.py:number", [], "net3.py:number is an int, not a layercli Layer or Model, or a torch.nn.Module", None),
    ],
)
def test_what_cannot_be_made(folder, text, settings, message, hint):
    with pytest.raises(UsageError) as raised:
        resolve(text, settings)
    assert (str(raised.value), raised.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("text", "settings", "kind"),
    [
        ("os:system", ["command=touch owned"], "is a builtin_function_or_method"),
        ("subprocess:getoutput", ["cmd=touch owned"], "is a function"),
        ("subprocess:Popen", ["args=touch owned", "shell=true"], "gives a Popen"),
        ("pathlib:Path.touch", [], "is a function"),
        ("net3.py:Touch", [], "gives a Touch"),
        ("net3.py:partial", [], "gives a Touch"),
        ("net3.py:touch", [], "is a Toucher"),
    ],
)
def test_nothing_is_called_but_what_makes_models(folder, text, settings, kind):
    (folder / "net3.py").write_text(TOUCH)
    with pytest.raises(UsageError) as raised:
        resolve(text, settings)
    assert str(raised.value) == f"{text} {kind}, not a layercli Layer or Model, or a torch.nn.Module"
    assert not (folder / "owned").exists()


def test_functions_that_are_wrapped_are_called(folder):
    (folder / "net3.py").write_text(TOUCH)
    assert resolve("net3.py:held").model.units == 4
    assert resolve("net3.py:three").model.units == 3
    assert resolve("net3.py:Made.of", ["units=5"]).model.units == 5


TOUCH = """
import functools
from pathlib import Path

from layercli import layers


class Touch:
    def __init__(self, *given):
        Path("owned").touch()


class Toucher:
    def __call__(self):
        Path("owned").touch()


class Made(layers.Dense):
    @classmethod
    def of(cls, units):
        return cls(units)


partial, touch = functools.partial(Touch, 1), Toucher()
three = functools.partial(layers.Dense, 3)


@functools.cache
def held():
    return layers.Dense(4)
"""


def test_other_packages_add_models(folder, monkeypatch):
    (folder / "plugin.py").write_text(
        "from layercli import Model\n\n\nclass Theirs(Model):\n    '''What it is.'''\n\n    width: int = 3\n"
    )
    info = folder / "plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[layercli.models]\ntheirs = plugin:Theirs\nbroken = no_such_module:Net\nmlp = plugin:Theirs\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    assert named_models()["theirs"] == "plugin:Theirs"
    assert type(resolve("theirs").model).__name__ == "Theirs"
    assert type(resolve("mlp").model).__name__ == "MLP"  # a name of ours stays ours
    entries = {entry.name: entry for entry in catalogue().entries}
    assert (entries["theirs"].line, entries["theirs"].settings) == ("What it is.", {"width": 3})
    assert entries["broken"].line == "cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=64", 64),
        ("a=1e-3", 0.001),
        ("a=true", True),
        ("a=none", None),
        ("a=64,64,256", (64, 64, 256)),
        ("a=(1,2)", (1, 2)),
        ("a=relu", "relu"),
        ("a=x=y", "x=y"),
        ("a=__import__('os')", "__import__('os')"),
    ],
)
def test_settings_are_read_never_evaluated(text, value):
    assert parse_setting(text) == ("a", value)


def test_a_relative_import_outside_a_package_says_how_to_name_the_module(folder):
    (folder / "nets").mkdir()
    (folder / "nets" / "mine.py").write_text("from .base import Net\n")
    with pytest.raises(UsageError) as error:
        resolve("nets/mine.py:Net")
    assert str(error.value) == "nets/mine.py imports from its own package, and nets has no __init__.py"
    assert error.value.hint.startswith("in the folder above: nets.mine:NAME; or ")
    with pytest.raises(UsageError) as error:
        resolve("net3.py:Unlike")
    assert error.value.hint == "its models: Net, Typed, instance"
