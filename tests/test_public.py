"""The public names are complete, sorted, and each of them is there."""

from __future__ import annotations

import pytest

import layercli


def test_public_names():
    assert layercli.__all__ == sorted(layercli.__all__)
    assert set(layercli.__all__) == {*layercli.NAMES, *layercli.MODULES, "__version__"}
    assert dir(layercli) == layercli.__all__
    for name in layercli.__all__:
        assert getattr(layercli, name) is not None


def test_every_public_module_and_class_says_what_it_is():
    for name in layercli.__all__:
        value = getattr(layercli, name)
        assert isinstance(value, str) or (value.__doc__ or "").strip(), name


def test_every_operation_is_where_the_table_says():
    from layercli import ops

    assert ops.__all__ == dir(ops) == sorted(ops.MODULE_OF)
    for name in ops.__all__:
        assert callable(getattr(ops, name))
        assert (getattr(ops, name).__doc__ or "").strip(), name


def test_no_operation_is_forgotten_by_the_table():
    from layercli import ops
    from layercli.ops.nn import activation_functions
    from layercli.ops.numpy import elementwise, reductions

    activations = {function.__name__ for function in activation_functions.ALL} - {"linear"}
    assert set(ops.MODULE_OF) >= {*elementwise.UNARY, *elementwise.BINARY, *reductions.REDUCTIONS, *activations}


def test_every_layer_is_where_the_table_says():
    from layercli import layers

    assert layers.__all__ == dir(layers)
    for name in layers.__all__:
        assert (getattr(layers, name).__doc__ or "").strip(), name


@pytest.mark.parametrize("name", ["quantizers", "saving", "utils", "wrappers"])
def test_dir_lists_what_is_imported_late(name):
    namespace = getattr(layercli, name)
    assert dir(namespace) == sorted(namespace.__all__)
