"""A whole model of layers to .keras, .onnx or .pt2; what is written is read back and compared first."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import torch

from layercli.core import tree
from layercli.core.model import Model
from layercli.core.spec import Spec
from layercli.core.types import Tree
from layercli.errors import FileError, LayercliError, UsageError
from layercli.formats.atomic import staged
from layercli.formats.weight_file import TensorEntry
from layercli.inspect.layer_call import described
from layercli.inspect.model_loader import ModelSource
from layercli.runtime.analysis import pretrained
from layercli.runtime.execution import training_modes
from layercli.runtime.execution.model_saving import load_model, save
from layercli.runtime.export.export import ExportSizes, export, with_optional
from layercli.runtime.export.tensors_file import INITIAL
from layercli.runtime.export.written_graph import NOT_COMPUTED, check_same, compare_outputs, compare_state, is_computed
from layercli.saving.conversion_result import Conversion


def convert_model(
    subject: ModelSource,
    inputs: Tree,
    target: str,
    kind: str,
    *,
    optional: Mapping[str, Spec] = MappingProxyType({}),
    initial: bool = True,
    force: bool = False,
    dry_run: bool = False,
) -> Conversion:
    """Write a model, called on ``inputs`` where it was not built yet, to ``target`` of ``kind``.

    A graph takes those of the model's optional inputs that ``optional`` has the Specs of. ``initial``: a model without a file
    has initial values, which is then noted.
    """
    if os.path.lexists(target) and not force:
        raise FileError(f"{target} exists already", hint="--force overwrites it")
    source = subject.name
    model = whole(subject, inputs, compile=kind == "archive", values=not dry_run)
    entries = [TensorEntry(path, x.sizes, x.dtype) for path, x in model.named_variables().items()]
    done = Conversion(source, target, kind, {each.path: each for each in entries}, [target], dry_run=dry_run)
    if initial and subject.archive is None and (subject.checkpoint is None or subject.checkpoint.weights is None):
        done.notes.append(INITIAL.format(source))
    if kind == "archive" and subject.checkpoint is not None:
        done.notes.append(f"layercli opens {target}, with load_model too; Keras has no class for {source}")
    if not dry_run:
        with staged(target) as temporary:
            if kind == "archive":
                save(model, temporary)
                compare_keras(model, temporary, done)
            else:
                export(model, temporary, optional=optional)
                if kind == "pt2":
                    compare_state(model.module.state_dict(), temporary, target)
                else:
                    compare_onnx(model, temporary, done, optional)
    return done


def whole(subject: ModelSource, inputs: Tree, *, compile: bool, values: bool) -> Model:
    """Return the model of a source, with its ``values``; UsageError for a layer that is no Model."""
    if subject.archive is not None:
        return load_model(subject.archive, compile=compile)
    model = subject.model
    if not isinstance(model, Model):
        raise UsageError(f"{subject.name} is a {type(model).__name__}, a layer: only a Model is converted")
    if values and subject.checkpoint is not None:
        pretrained.restore(model, subject.checkpoint)
    if model._call_specs is None:
        described(model, inputs)
    model.module.eval()  # its initial values are drawn for the whole model, as ``run`` and ``vars`` draw them
    return model


def compare_keras(model: Model, file: Path, done: Conversion) -> None:
    """Load the written archive, and raise FormatError unless every variable has the very same values."""
    found = load_model(file, compile=False).named_variables()
    for path, variable in model.named_variables().items():
        check_same(done.target, path, variable.numpy(), found[path].numpy() if path in found else None)


def compare_onnx(model: Model, file: Path, done: Conversion, optional: Mapping[str, Spec]) -> None:
    """Run the written graph and the model on the same values, and raise FormatError unless the outputs are equal.

    The exporter folds and merges tensors, so they cannot be compared one by one.
    """
    module = model.module
    if not is_computed(module):
        done.notes.append(NOT_COMPUTED)
        return
    sizes, generator = ExportSizes(), torch.Generator().manual_seed(0)
    specs = model._call_specs or ()
    given = tree.map_structure(
        lambda spec: spec and filled(sizes.example(spec, None), generator), with_optional(model, specs, optional)
    )
    try:
        with torch.no_grad(), training_modes.mode(module, False):
            expected = tree.flatten(module(*given))
    except LayercliError as error:  # it takes no arbitrary values, as those with tokens for images
        done.notes.append(f"the outputs were not compared: {error}")
        return
    values = [x for x in tree.flatten(given) if x is not None]
    compare_outputs(expected, values, file, done.target)


def filled(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return values for an input: random where it is floating, zeros otherwise, which every vocabulary holds."""
    return torch.rand(x.shape, generator=generator, dtype=x.dtype) if x.is_floating_point() else x
