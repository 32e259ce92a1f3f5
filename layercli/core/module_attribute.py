"""What a layer answers as a torch.nn.Module, as with Keras on torch: as an attribute of one, and to the methods of one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from layercli.core.backend import get_backend

MODULE_METHODS = {
    "parameters", "named_parameters", "buffers", "named_buffers", "modules", "named_modules", "children", "named_children",
    "state_dict", "load_state_dict", "get_parameter", "get_buffer", "get_submodule", "zero_grad", "requires_grad_", "eval",
    "train", "to", "to_empty", "cpu", "cuda", "float", "double", "half", "bfloat16", "share_memory",
    "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook", "register_full_backward_pre_hook",
    "register_state_dict_post_hook", "register_state_dict_pre_hook", "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook",
}  # fmt: skip
"""Methods of torch.nn.Module that a layer hands to its layer module."""


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

        def __getattr__(self, name: str) -> Any:
            if name in MODULE_METHODS:
                return module_method(self, name)
            if hasattr(type(self), name):  # a property, whose own error is raised again
                return object.__getattribute__(self, name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _fill_module(self) -> None:
        """Add to the layer module, if torch registered it before the layer was built, what the build made."""
        if self._module is not None and not self._module.ready:
            get_backend().build_module(self, ready=False)  # type: ignore[arg-type]  # every one of these is a Layer


def module_method(layer: Any, name: str) -> Callable[..., Any]:
    """Return the method of the layer module, which is looked for when it is called; where that returns itself, the layer.

    The call raises NotBuiltError where the layer has no variables yet.
    """

    def method(*args: object, **kwargs: object) -> Any:
        out = getattr(layer.module, name)(*args, **kwargs)
        return layer if out is layer.module else out

    return method
