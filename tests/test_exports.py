"""What type checkers and editors see of the packages that import their names on first use is what there is."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import layercli
from layercli import ops

PACKAGES = ["layercli", *(f"layercli.{name}" for name in ("layers", "optimizers", "callbacks", "losses", "metrics"))]
PACKAGES += ["layercli.ops", *(f"layercli.ops.{name}" for name in ops.NAMESPACES)]
OWN = {"__version__", "deserialize", "get", "parse", "resolve", "serialize"}  # defined in the package itself


def seen_by_type_checkers(package):
    """Return the names under ``if TYPE_CHECKING`` with the objects that they are imported from."""
    body = ast.parse(Path(package.__file__).read_text()).body
    found = {}
    (block,) = (node for node in body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            found |= {alias.asname or alias.name: getattr(module, alias.name) for alias in node.names}
        else:
            found |= {node.targets[0].id: found[node.value.id]}
    return found


@pytest.mark.parametrize("name", PACKAGES)
def test_type_checkers_see_every_name(name):
    package = importlib.import_module(name)
    seen = seen_by_type_checkers(package)
    namespaces = set(ops.NAMESPACES) if package is ops else set()  # no operations themselves
    assert set(seen) - namespaces == set(package.__all__) - OWN
    for key, value in seen.items():
        assert getattr(package, key) is value


@pytest.mark.parametrize("name", ["layers", "optimizers", "callbacks"])
def test_no_module_hides_a_public_name(name):
    """An import of a submodule sets an attribute of the package, which would hide a function of that name."""
    package = importlib.import_module(f"layercli.{name}")
    submodules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert submodules & (set(package.__all__) - {"schedules"}) == set()


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError) as error:
        layercli.Modl  # noqa: B018
    assert str(error.value) == "layercli has no 'Modl'"
