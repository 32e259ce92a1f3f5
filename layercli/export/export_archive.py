"""ExportArchive: a folder of graphs, one for each endpoint."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from layercli.core.backend import get_backend
from layercli.core.layer import Layer
from layercli.core.variable import Variable
from layercli.errors import NotBuiltError, UsageError

__all__ = ["ExportArchive"]


class ExportArchive:
    """Functions of layers, written as a folder that runs without layercli.

    The folder holds ``NAME.pt2`` for each endpoint, which ``torch.export.load(...).module()`` runs, ``NAME.safetensors`` for each
    collection of variables, and ``endpoints.json``, which lists them with the shapes and dtypes of the inputs. A SavedModel, which
    is TensorFlow's, is not written.

    Args:
        format: ``"saved_model"``, Keras's default, or ``"torch"``: both give this folder.
    """

    def __init__(self, format: str = "saved_model", **kwargs: Any) -> None:
        if format not in ("saved_model", "torch"):
            raise UsageError(f"an ExportArchive is a folder of torch's graphs, and has no format {format!r}")
        if kwargs:
            raise UsageError(f"ExportArchive has no argument {next(iter(kwargs))!r}")
        self._tracked: list[Layer] = []
        self._endpoints: dict[str, tuple[Callable[..., Any], Any, dict[str, Any]]] = {}
        self._collections: dict[str, list[Variable]] = {}

    @property
    def variables(self) -> list[Variable]:
        """The variables of the tracked layers."""
        return list({id(v): v for layer in self._tracked for v in layer.variables}.values())

    @property
    def trainable_variables(self) -> list[Variable]:
        """Those of them that are trainable."""
        return [variable for variable in self.variables if variable.trainable]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The others."""
        return [variable for variable in self.variables if not variable.trainable]

    def track(self, resource: object) -> None:
        """Let endpoints use ``resource``, a built layer or model: its variables are stored with them."""
        if not isinstance(resource, Layer):
            raise UsageError(f"ExportArchive tracks layers and models, got a {type(resource).__name__}")
        if not resource.built:
            raise NotBuiltError(f"{resource.name} is not built, so it cannot be exported", hint="call it once")
        if resource not in self._tracked:
            self._tracked.append(resource)

    def add_endpoint(
        self, name: str, fn: Callable[..., Any], input_signature: Sequence[Any] | None = None, **kwargs: Any
    ) -> Callable[..., Any]:
        """Add a function of tracked layers as an endpoint, and return it.

        Args:
            name: The name of its file.
            fn: A function of tensors, or a layer.
            input_signature: An InputSpec, a KerasTensor or a tensor for each argument; unknown sizes stay dynamic. None for what a
                layer was called with.
            **kwargs: What torch.export.export takes, such as ``strict``.
        """
        _check_name(name)
        if name in self._endpoints:
            raise UsageError(f"the archive already has an endpoint {name}")
        owner = fn if isinstance(fn, Layer) else getattr(fn, "__self__", None)
        if isinstance(owner, Layer):
            self.track(owner)
        elif not self._tracked:
            raise UsageError(f"the layers that the endpoint {name} uses are tracked first", hint="archive.track(model)")
        if input_signature is None and not isinstance(owner, Layer):
            raise UsageError(f"the endpoint {name} needs an input_signature")
        self._endpoints[name] = (fn, input_signature, kwargs)
        return fn

    def track_and_add_endpoint(
        self, name: str, resource: Any, input_signature: Any, **kwargs: Any
    ) -> Callable[..., Any]:
        """Track a layer or a model and add it as an endpoint; see ``add_endpoint``."""
        self.track(resource)
        return self.add_endpoint(name, resource, input_signature, **kwargs)

    def add_variable_collection(self, name: str, variables: Sequence[Variable]) -> None:
        """Store variables, such as those that train on, under a name."""
        _check_name(name)
        if not isinstance(variables, (list, tuple, set)) or not all(isinstance(each, Variable) for each in variables):
            raise UsageError(f"a collection is a list of variables, got {variables!r}")
        self._collections[name] = list(variables)

    def write_out(self, filepath: str | os.PathLike[str], options: object = None, verbose: bool = True) -> None:
        """Write the folder, whole or not at all.

        Args:
            filepath: Where there is nothing yet, or an empty folder.
            options: TensorFlow's; None.
            verbose: Whether to print what was written.
        """
        if options is not None:
            raise UsageError("options of write_out are TensorFlow's, and none are taken")
        if not self._endpoints:
            raise UsageError("the archive has no endpoints yet", hint="add_endpoint")
        get_backend().write_archive(filepath, self._endpoints, self._tracked, self._collections)
        if verbose:
            print(f"Saved the endpoints {', '.join(self._endpoints)} in {os.fspath(filepath)}")


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise UsageError(f"a name in an archive is an identifier, got {name!r}")
