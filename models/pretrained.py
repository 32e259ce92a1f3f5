"""Models whose parameters have names in a Hugging Face checkpoint, and the mapping from our paths to those names.

Layers have the names of the checkpoint's modules, so the rule is short: dots for slashes, torch's names for variables, and the
prefix of the base model. A layer with variables stored differently overrides ``stored``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from layercli.core import dims, dtypes
from layercli.core.dims import Dim
from layercli.core.dtypes import DTypePolicy
from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.spec import Spec
from layercli.core.types import Config, ConfigLike, Tree
from layercli.core.variable import Variable
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.models.parallel import TensorParallelPlan
from layercli.models.reading import is_finite, shown

TORCH_NAMES = {"kernel": "weight", "embeddings": "weight", "gamma": "weight", "scale": "weight", "beta": "bias"}
"""torch's names for the variables of our layers."""

ORDERS = {"Dense": (1, 0), "Conv1D": (2, 1, 0), "Conv2D": (3, 2, 0, 1)}
"""The axes of a kernel in torch's order, by the name of the layer's class: most families need not import all of them."""


@dataclass(frozen=True)
class PretrainedStored:
    """The storage of a variable in a checkpoint: under one name, or in parts stacked along a new first axis.

    ``order`` are the variable's axes, without the stacked one, in the file's order; None if it is the same. ``replaced`` are
    names in older files; ``single`` is the index of an extra axis of size 1 in the file.
    """

    names: tuple[str, ...]
    order: tuple[int, ...] | None = None
    stacked: bool = False
    replaced: tuple[str, ...] = ()
    single: int | None = None

    def shape(self, variable: Variable) -> tuple[int, ...]:
        """Return the shape in the file under each of the names."""
        return self.in_file(variable.sizes)

    def in_file(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Convert sizes of the variable to the file's order."""
        sizes = sizes[1:] if self.stacked else sizes
        found = sizes if self.order is None else tuple(sizes[axis] for axis in self.order)
        return found if self.single is None else (*found[: self.single], 1, *found[self.single :])

    def under(self, prefix: str) -> PretrainedStored:
        """Return the storage with ``prefix`` before every name."""
        names = tuple([prefix + name for name in self.names])
        return PretrainedStored(names, self.order, self.stacked, self.replaced, self.single)


class Pretrained(Model):
    """A model described by a ``config.json``.

    ``prefix`` precedes the names in the base model, which is everything except the attributes in ``outside``; a base model has
    no prefix and also accepts names under ``base_prefix``. ``ties`` are names whose values are shared with another and may be
    missing; ``ignored`` are parts of names that are never read. ``renamed`` maps steps of a path to the checkpoint's.
    """

    prefix = ""
    base_prefix = ""
    renamed = cast("Mapping[str, str]", {"blocks": "layers"})  # annotated, it would be a field or the same for all
    outside = cast("tuple[str, ...]", ())
    ignored = cast("tuple[str, ...]", ())
    is_encoder_decoder: ClassVar[bool] = False
    """Whether ``call`` takes what an encoder reads, and after it the tokens of the decoder."""
    recurrent: ClassVar[bool] = False
    """Whether the cache are states of a recurrence."""
    names_subclasses: ClassVar[bool] = True
    """A file names this class for the models of all families: ``from_config`` makes the model of its ``config.json``."""
    _description = cast("ConfigLike | None", None)
    _makes_tensors = True  # positions and masks

    def keep_description(self, config: ConfigLike) -> None:
        """Keep the ``config.json`` that describes the model, which its config in a file is; no field reads an infinity."""
        self._description = {key: value for key, value in config.items() if is_finite(value)}

    def get_config(self) -> Config:
        """Return the name, the dtype and the ``config.json`` that describes the model; UsageError for one made without."""
        if self._description is None:
            return super().get_config()
        return {"name": self.name, "dtype": self.dtype_policy.name, "config": self._description}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Any:
        """Return the unbuilt model that ``get_config`` describes; FormatError for a config of none."""
        from layercli.models.families import describe

        described = config.get("config")
        if not isinstance(described, dict):
            raise FormatError("a model of Hugging Face has no config.json in this file")
        model = describe(described)
        set_dtype(model, config.get("dtype"))
        if config.get("name") is not None:
            model.name = str(config["name"])
        return model

    @property
    def predicts_tokens(self) -> bool:
        """Whether the outputs are the logits of the next token at each step."""
        return False

    @property
    def start_token(self: Any) -> int | None:
        """The token that a decoder beside an encoder starts with; None if the config does not say."""
        found: int | None = self.config.decoder_start_token_id if self.is_encoder_decoder else None
        return found

    @property
    def cached(self: Any) -> Layer:
        """The layer whose ``blocks`` have a cache: the decoder beside an encoder."""
        found: Layer = self.decoder if self.is_encoder_decoder else self
        return found

    def continued(self, tokens: Tree) -> Any:
        """Return the inputs of a call that adds ``tokens`` (batch, steps): all else that was given before is in the cache."""
        return [None, tokens] if self.is_encoder_decoder else tokens

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers; by default each has all of them."""
        return TensorParallelPlan({})

    @property
    def longest(self) -> int | None:
        """The number of steps that it has positions for, None if there is no limit."""
        return None

    @property
    def ties(self) -> Mapping[str, str]:
        """The names whose values are shared with another name."""
        return {}

    def other_names(self, name: str) -> tuple[str, ...]:
        """Return the names of a tensor in checkpoints of another layout."""
        return ()

    def example_input(self) -> Spec | list[Spec]:
        """Return B texts of T tokens."""
        return Spec((Dim.named(dims.BATCH), Dim.named("T")), "int32")


def stored_variables(model: Pretrained) -> dict[str, tuple[Variable, PretrainedStored]]:
    """Return each variable of a built model with its storage in a checkpoint, by the variable's path."""
    found = {}
    for path, layer in model.named_layers():
        place = ".".join(filter(None, (model.renamed.get(step, step) for step in path.split("/"))))
        inside = place.partition(".")[0] not in model.outside
        start = (model.prefix if inside else "") + (f"{place}." if place else "")
        for variable in layer.own_variables:
            stored = layer.stored(variable.key) if hasattr(layer, "stored") else usual(layer, variable.key)
            found[f"{path}/{variable.key}".lstrip("/")] = variable, stored.under(start)
    return found


def checkpoint_names(model: Pretrained) -> dict[str, PretrainedStored]:
    """Return the storage of each variable of a built model in a checkpoint, by the variable's path."""
    return {path: stored for path, (_, stored) in stored_variables(model).items()}


def usual(layer: Layer, key: str) -> PretrainedStored:
    """Return the storage of the variable ``key`` of one of the framework's own layers at that path."""
    name = TORCH_NAMES.get(key, key)
    kinds = [kind.__name__ for kind in type(layer).__mro__] if key == "kernel" else []
    order = next((ORDERS[kind] for kind in kinds if kind in ORDERS), None)
    replaced = {"gamma": ("gamma",), "beta": ("beta",)}.get(key, ())
    return PretrainedStored((name,), order, replaced=replaced)


def set_dtype(model: Model, dtype: str | None) -> None:
    """Let an unbuilt model hold its values and compute in ``dtype``, the dtype of its file."""
    if dtype is None:
        return
    policy = DTypePolicy.named(dtypes.name_of(dtype))
    for layer in model.layers_below():
        layer._policy = policy


def labels_of(config: ConfigLike) -> int:
    """Return the number of classes of a classifier: the number of its labels, or 2."""
    labels, number = config.get("id2label"), config.get("num_labels", 2)
    if labels is not None and not isinstance(labels, dict):
        raise FormatError(f"config.json has id2label = {shown(labels)}, which is not an object")
    count = len(labels) if labels else number
    if type(count) is not int or not 1 <= count < 2**31:
        raise FormatError(f"config.json has num_labels = {shown(count)}, which is not an integer from 1")
    return count


def head_of(architecture: str | None, known: Mapping[str, str], default: str) -> str:
    """Return the entry of ``known`` for the suffix of a class name, such as ``ForCausalLM``; FormatError for an unknown head."""
    if architecture is None:
        return known[default]
    for end in sorted(known, key=len, reverse=True):
        if architecture.endswith(end):
            return known[end]
    raise UnknownArchitectureError(f"layercli does not know {architecture}, of which it has: {', '.join(known)}")


class UnknownArchitectureError(FormatError):
    """A model architecture that layercli does not implement."""
