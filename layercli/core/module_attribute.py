"""A layer in an attribute of a torch.nn.Module: there its layer module is the submodule, as with Keras on torch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from layercli.core.backend import get_backend


class ModuleAttribute:
    """Lets torch take a layer where it takes a module, and register the layer module in its place.

    torch asks ``isinstance(value, Module)`` of what it is given, which looks at ``__class__``; then it lets the registered hooks
    replace the value. To everyone but torch's own torch/nn/modules/module.py, a layer is what it is.
    """

    if TYPE_CHECKING:
        _module: Any

    else:  # type checkers see a plain class

        @property
        def __class__(self) -> type:
            module = sys.modules.get("torch.nn.modules.module")
            if module is None or sys._getframe(1).f_globals is not vars(module):
                return type(self)
            return get_backend().registered_as()

    def _fill_module(self) -> None:
        """Add to the layer module, if torch registered it before the layer was built, what the build made."""
        if self._module is not None and not self._module.ready:
            get_backend().build_module(self, ready=False)  # type: ignore[arg-type]  # every one of these is a Layer
