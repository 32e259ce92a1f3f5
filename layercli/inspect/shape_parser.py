"""Parse shapes from the command line: ``32,100``, ``1,T,512``, ``1,T:int32``, ``image=1,224,224,3``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from layercli.core import dims, dtypes, tree
from layercli.core.layer import Layer
from layercli.core.spec import Spec, with_batch_dim
from layercli.errors import ShapeError, UsageError
from layercli.inspect.input_names import Arguments, NamedInputs, count_of
from layercli.inspect.layer_call import default_inputs, input_names, offered_inputs


def parse_shape(text: str, dtype: str = "float32", *, batch_first: bool = True) -> Spec:
    """Parse comma-separated sizes: numbers, names, or ``None`` and ``?`` for unknown.

    The batch is the first size; unless ``batch_first``, it may be another one, named ``B``.

    >>> print(parse_shape("1,T,512")), print(parse_shape("2,3:int64"))
    float32[1, T, 512]
    int64[2, 3]
    (None, None)
    """
    sizes, colon, wanted = text.partition(":")
    if sizes.strip() == "()":  # a scalar
        return Spec((), dtypes.name_of(wanted) if colon else dtype)
    words = [word.strip() for word in sizes.strip("()[] ").rstrip(",").split(",")]
    if dims.BATCH in words[1:] and (batch_first or words[0] in (dims.BATCH, "None", "?")):
        raise ShapeError(f"{dims.BATCH} is the name of the batch, the first size: {text!r} has it elsewhere")
    return Spec(with_batch_dim(_size(word, text) for word in words), dtypes.name_of(wanted) if colon else dtype)


def inputs_of(model: Layer, shapes: Iterable[str], sizes: Iterable[str]) -> object:
    """Return the Specs to describe ``model`` on: its own, with the given shapes and named sizes applied."""
    offered = offered_inputs(model) if (shapes := list(shapes)) else default_inputs(model)
    return fill(layer_shapes(model, shapes, offered) if shapes else offered, parse_sizes(sizes))


def layer_shapes(model: Layer, texts: Sequence[str], offered: object) -> Any:
    """Return the Specs ``offered`` of a layer's inputs with the shapes in ``texts`` applied, those of optional arguments by name.

    UsageError if there are shapes of optional arguments only.
    """
    names = input_names(model, offered)
    optional = [name for name in model.optional_inputs() if name not in names]
    by_name = [text for text in texts if text.partition("=")[0] in optional]
    found = parse_shapes([text for text in texts if text not in by_name], offered, names)
    if not by_name:
        return found
    if found is None:
        Arguments([*names, *optional], optional).check(model.name, [text.partition("=")[0] for text in by_name])
    return NamedInputs(found, _by_name(by_name, dict.fromkeys(optional)))


def parse_shapes(texts: Iterable[str], default: object, names: Sequence[str] = ()) -> object:
    """Return the Specs of the inputs: ``default`` (a tree, or None) with the shapes in ``texts`` applied.

    A text may begin with the input's name and ``=``; texts without one apply in order.
    """
    given = list(texts)
    if not given:
        return default
    if isinstance(default, dict):
        return {**default, **_by_name(given, default)}
    before = [spec for spec in tree.flatten(default) if isinstance(spec, Spec)]
    if any("=" in text for text in given):
        offered: list[Spec | None] = [*before] or [None] * len(names)
        known = dict(zip(names, offered, strict=False))
        found = {**known, **_by_name(given, known)}
        rest = iter(found.values())
        if before:
            return tree.map_structure(lambda _: next(rest), default)
        return one_or_all([spec for spec in rest if spec is not None])
    specs = [parse_shape(text, before[i].dtype if i < len(before) else "float32") for i, text in enumerate(given)]
    if before and len(before) != len(specs):
        raise UsageError(f"the model takes {len(before)} inputs, got {len(specs)} shapes")
    return one_or_all(specs)


def one_or_all(specs: list[Spec]) -> object:
    """Return the Spec of a single input, or the list of several."""
    return specs[0] if len(specs) == 1 else specs


def shapes_by_name(
    model: str, texts: Sequence[str], offered: Mapping[str, Spec], names: list[str], dtype: str = "float32"
) -> dict[str, Spec]:
    """Return the Specs of the inputs with the shapes in ``texts``, and those ``offered``, in the order of ``names``.

    Texts without a name apply in order, if no text has one; ``dtype`` is the default of a text without a dtype.
    """
    given = list(texts)
    if not any("=" in text for text in given):
        if len(given) > len(names):
            raise UsageError(f"{model} takes {count_of(names)}, got {len(given)} shapes")
        given = [f"{name}={text}" for name, text in zip(names, given, strict=False)]
    known = {name: offered.get(name) for name in names}
    found = {**offered, **_by_name(given, known, dtype, batch_first=False)}
    return {name: found[name] for name in names if name in found}


def parse_sizes(texts: Iterable[str]) -> dict[str, int]:
    """Parse values for named sizes: ``T=4096`` each, or several with commas.

    >>> parse_sizes(["B=8,T=8192"])
    {'B': 8, 'T': 8192}
    """
    return dict(_value(part) for text in texts for part in text.split(","))


def fill(specs: object, values: Mapping[str, int]) -> Any:
    """Replace named sizes in a tree of Specs; UsageError for an unknown name."""
    known = {name for spec in tree.flatten(specs) for size in spec.shape for name in dims.names(size)}
    for name in values:
        if name not in known:
            hint = f"named sizes: {', '.join(sorted(known))}" if known else "name one with --input-shape 1,T,512"
            raise UsageError(f"the input has no size named {name!r}", hint=hint)
    return tree.map_structure(lambda spec: spec.at(values), specs)


def _by_name(
    texts: list[str], default: Mapping[str, Spec | None], dtype: str = "float32", *, batch_first: bool = True
) -> dict[str, Spec]:
    if len(texts) == len(default) and not any("=" in text for text in texts):
        texts = [f"{name}={text}" for name, text in zip(default, texts, strict=True)]
    found = {}
    for text in texts:
        name, equals, shape = text.partition("=")
        if not equals:
            raise UsageError(f"a shape for one of {', '.join(default)} is written name=1,2,3, got {text!r}")
        if name not in default:
            raise UsageError(f"the model has no input {name!r}", hint=f"its inputs: {', '.join(default)}")
        known = default[name]
        shape = f"(){shape}" if shape[:1] in ("", ":") else shape
        found[name] = parse_shape(shape, dtype if known is None else known.dtype, batch_first=batch_first)
    return found


def _size(word: str, text: str) -> int | str | None:
    if (size := integer_in(word)) is not None:
        if size < 1:
            raise ShapeError(f"a size is at least 1, got {size} in {text!r}")
        return size
    if word in ("None", "?"):
        return None
    if not word.isidentifier():
        raise ShapeError(f"cannot read the shape {text!r}", hint="sizes separated by commas, as in 32,100 or 1,T,512")
    return word


def _value(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    size = integer_in(number)
    if not name.isidentifier() or size is None:
        raise UsageError(f"a size is given as T=4096, got {text!r}")
    if size < 1:
        raise UsageError(f"a size is at least 1, got {text!r}")
    return name, size


def integer_in(text: str) -> int | None:
    """Parse an integer in decimal digits, with an optional minus; None for any other text."""
    return int(text) if re.fullmatch("-?[0-9]{1,18}", text) else None
