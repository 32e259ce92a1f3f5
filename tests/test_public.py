"""The public names are complete, sorted, and each of them is there."""

from __future__ import annotations

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
