"""Build the inputs of a model to run: read from files, or filled with values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from layercli.core import dims, tree
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.inspect import input_generation, inputs, shape_parser
from layercli.inspect.input_names import Arguments, NamedInputs
from layercli.inspect.layer_call import default_inputs
from layercli.inspect.model_arguments import parse_setting
from layercli.inspect.model_loader import ModelSource
from layercli.models.pretrained import Pretrained
from layercli.runtime.execution.forward_arguments import forward_arguments, named
from layercli.runtime.inference import text_inputs
from layercli.runtime.inference.model_kinds import runnable


@dataclass(frozen=True)
class Request:
    """The input options of the command line."""

    files: Sequence[str] = ()
    texts: Sequence[str] = ()
    shapes: Sequence[str] = ()
    sizes: Sequence[str] = ()
    fill: str = "random"
    ranges: Sequence[str] = ()
    seed: int = 0
    cast: bool = False
    rescale: str | None = None
    arguments: Sequence[str] = ()

    @property
    def flags(self) -> dict[str, object]:
        """The arguments of a torch module's ``forward`` that are not tensors."""
        return dict(map(parse_setting, self.arguments))

    @property
    def batch_given(self) -> bool:
        """Whether --at says the size of the batch, which files must then have."""
        return dims.BATCH in shape_parser.parse_sizes(self.sizes)

    def check_nothing_generated(self) -> None:
        """Raise UsageError for options that choose generated values, where every input is read."""
        if self.fill != "random" or self.ranges:
            option = "--range" if self.ranges else "--fill"
            raise UsageError(f"{option} applies to generated inputs, and all of these are given")


def inputs_for(
    subject: ModelSource,
    request: Request,
    convert: Callable[[np.ndarray, Spec | None], Any] | None = None,
    *,
    decodes: bool = False,
) -> Any:
    """Return arrays that match the model's inputs; those of a torch module are a dict of its arguments by name.

    ``convert`` converts an array from a file that fits; by default it copies it to the model's dtype. If the model
    ``decodes``, the tokens of a decoder beside an encoder may be left out.
    """
    model: Any = subject.model
    kind = runnable(model)
    if not kind.says_inputs:
        return inputs_for_module(subject, request, convert)
    if request.arguments:
        raise UsageError(
            f"--arg gives an argument to the forward of a torch module in Python, and {subject.name} is none"
        )
    kind.declare(named([*request.shapes, *request.files]))
    specs = specs_for(subject, request)
    taken = kind.arguments(specs, max(len(request.files), len(request.shapes)))
    tokens = text_inputs.tokens_of(subject, request.texts, taken.names) if request.texts else {}
    from_texts = decodes or request.texts  # which are what the encoder reads
    started = taken.names[1] if from_texts and isinstance(model, Pretrained) and model.is_encoder_decoder else None
    sizes = shape_parser.parse_sizes(request.sizes)
    known, fixed = kind.by_name(specs), {name: spec.at(sizes) for name, spec in kind.fixed().items()}
    if not request.files and not tokens:
        if request.rescale is not None:
            raise UsageError("--rescale is for images, and no input is one", hint="--input photos/")
        if kind.exact:
            taken.check(subject.name, known)
        if started is not None:
            required, optional = specs if isinstance(specs, NamedInputs) else (specs, {})
            encoded = from_start(subject, required, list(known), request)
            more = input_generation.filled(optional, list(optional), request.fill, request.seed)
            return tree.map_structure(kept, NamedInputs(encoded, more) if more else encoded)
        made = input_generation.filled(
            specs, list(known), request.fill, request.seed, request.ranges, kind.indexed(specs)
        )
        for name, spec in fixed.items():
            inputs.check(made[name], spec, name, fixed=True)
        return tree.map_structure(kept, made)
    request.check_nothing_generated()
    if started is not None:
        taken = replace(taken, optional={*taken.optional, started})
    whole = request.batch_given or (kind.exact and convert is None)
    found = inputs.read(
        subject.name, taken, fixed if kind.exact else known, request.files,
        cast=request.cast, rescale=request.rescale, convert=convert, fixed=whole, arrays=tokens,
    )  # fmt: skip
    if started is not None and started not in found:
        found[started] = start_of(subject, len(next(iter(found.values()))))
    arrays = [kept(array) for array in found.values()]
    return kind.grouped(taken, specs, dict(zip(found, arrays, strict=True)))


def from_start(subject: ModelSource, specs: Any, names: list[str], request: Request) -> list[Any]:
    """Return generated inputs of an encoder, and the tokens that its decoder starts with."""
    encoded, _ = specs
    made = input_generation.filled([encoded], names[:1], request.fill, request.seed, request.ranges)
    return [*made, start_of(subject, len(made[0]))]


def start_of(subject: ModelSource, batch: int) -> np.ndarray:
    """Return the tokens (batch, 1) that a decoder beside an encoder starts with; UsageError where the config has none."""
    model: Any = subject.model
    if model.start_token is None:
        name = model.required_inputs()[1]
        raise UsageError(f"{subject.name} has no decoder_start_token_id", hint=f"--input {name}=ids.npy")
    return np.full((batch, 1), model.start_token, np.int64)


def inputs_for_module(
    subject: ModelSource, request: Request, convert: Callable[[np.ndarray, Spec | None], Any] | None
) -> dict[str, object]:
    """Return arrays for the ``forward`` of a torch module by name: from files, else filled in the given shapes."""
    module: Any = subject.model
    request = replace(request, files=inputs.expanded(request.files))
    given = forward_arguments(subject.name, module, request.shapes, request.files, request.arguments)
    if not (request.shapes or request.files or request.texts):
        raise UsageError(
            f"{subject.name} is a torch.nn.Module, which does not say what it takes",
            hint="give it inputs, --input x.npy, or their shapes, --input-shape 1,3,224,224",
        )
    specs = given.specs(request.sizes)
    tokens = text_inputs.tokens_of(subject, request.texts, given.taken.names) if request.texts else {}
    found: dict[str, object] = {}
    if request.files or tokens:
        shaped = specs if convert is None else ()  # the rows of a stream all come from files
        found = inputs.read(
            subject.name, Arguments(given.taken.names, {*given.taken.optional, *shaped}), specs, given.files,
            cast=request.cast, rescale=request.rescale, convert=convert, fixed=request.batch_given, arrays=tokens,
        )  # fmt: skip
    elif request.rescale is not None:
        raise UsageError("--rescale is for images, and no input is one", hint="--input photos/")
    given.check({**specs, **found})
    unread = {name: spec for name, spec in specs.items() if name not in found} if convert is None else {}
    if not unread:
        request.check_nothing_generated()
    indexed = runnable(module).indexed(specs, {**found, **given.flags}) if unread else {}
    found |= input_generation.filled(unread, list(unread), request.fill, request.seed, request.ranges, indexed)
    return {name: kept(found[name]) for name in given.taken.names if name in found}


def kept(array: object) -> Any:
    """Return an array that a run cannot modify: each run gets a copy."""
    if isinstance(array, np.ndarray):
        array.flags.writeable = False
    return array


def specs_for(subject: ModelSource, request: Request) -> Any:
    """Return the Specs of the inputs of a layer or a graph, or None if only the files determine them; of a graph by name."""
    kind = runnable(subject.model)
    declared = kind.declared()
    if declared is None and not request.shapes:
        if request.files:
            return None
        default_inputs(subject.model)
    given = kind.shapes(subject.name, request.shapes, declared, kind.arguments(declared, len(request.shapes)))
    return shape_parser.fill(given, shape_parser.parse_sizes(request.sizes))
