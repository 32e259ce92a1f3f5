"""What the networks share: the arguments of keras.applications, the image, the classifier and the weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from layercli.core.dims import known
from layercli.core.fields import checked
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.model import Model
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.layers import Dense, GlobalAveragePooling2D, GlobalMaxPooling2D, Input
from layercli.layers.validators import BOOL, POSITIVE, one_of
from layercli.models.applications.layout import channels_first
from layercli.models.applications.pretrained_weights import weight_file

IMAGENET_CLASSES = 1000
RULES = {"include_top": BOOL, "include_preprocessing": BOOL, "pooling": one_of(None, "avg", "max"), "classes": POSITIVE}


@dataclass(frozen=True)
class ImageClassifier:
    """A network that is to be made, by the arguments that all have; UsageError for those that contradict each other."""

    include_top: bool
    weights: Any
    input_tensor: Any
    input_shape: Any
    pooling: str | None
    classes: int
    classifier_activation: Any
    name: str
    include_preprocessing: bool = True

    def __post_init__(self) -> None:
        for argument, rule in RULES.items():
            object.__setattr__(self, argument, checked(self.name, argument, getattr(self, argument), rule))
        if self.weights != "imagenet" or not self.include_top:
            return
        if self.classes != IMAGENET_CLASSES:
            raise UsageError(
                f"{self.name}: the ImageNet weights have {IMAGENET_CLASSES} classes, got classes={self.classes}",
                hint="include_top=False leaves the classifier out; weights=None starts without them",
            )
        if getattr(self.classifier_activation, "__name__", self.classifier_activation) not in (None, "softmax"):
            raise UsageError(
                f"{self.name}: the ImageNet weights go with classifier_activation softmax or None, "
                f"got {self.classifier_activation!r}"
            )

    def require(self, argument: str, value: object, published: Iterable[object]) -> None:
        """Raise UsageError if the ImageNet weights are asked for, and an argument has none of the values they exist for."""
        if self.weights == "imagenet" and value not in published:
            allowed = " or ".join(map(str, published))
            raise UsageError(f"{self.name}: the ImageNet weights are for {argument}={allowed}, got {value}")

    def image(self, size: int | None, smallest: int = 32) -> Tensor:
        """Return the tensor to begin with: ``input_tensor``, or an image, by default of ``size`` pixels each way.

        Without the classifier, or for a ``size`` of None, an image of any size is the default.
        """
        shape = self._shape(size if self.include_top else None, smallest)
        *sides, channels = (*shape[1:], shape[0]) if channels_first() else shape
        if self.weights == "imagenet" and (channels != 3 or (self.include_top and size and sides[0] != size)):
            wanted = ordered(size if self.include_top else None)
            raise UsageError(f"{self.name}: the ImageNet weights are for images of {wanted}, got input_shape={shape}")
        if self.input_tensor is None:
            return cast("Tensor", Input(shape))
        if not isinstance(self.input_tensor, SymbolicTensor):
            raise UsageError(f"{self.name} expects input_tensor to be symbolic, got {type(self.input_tensor).__name__}")
        return cast("Tensor", self.input_tensor)

    def _shape(self, size: int | None, smallest: int) -> tuple[Any, ...]:
        """Return the shape of an image; UsageError for one that the network cannot take."""
        if self.input_shape is None:
            return ordered(size)
        shape = tuple(self.input_shape) if isinstance(self.input_shape, (list, tuple)) else ()
        if len(shape) != 3:
            order = "(channels, height, width)" if channels_first() else "(height, width, channels)"
            raise UsageError(f"{self.name} expects input_shape as {order}, got {self.input_shape!r}")
        if size is not None and None in shape:
            raise UsageError(
                f"{self.name} expects an input_shape of known sizes, got {shape}", hint="include_top=False takes any"
            )
        if any(known(side) and side < smallest for side in (shape[1:] if channels_first() else shape[:2])):
            raise UsageError(f"{self.name} expects images of at least {smallest} x {smallest}, got {shape}")
        return shape

    def head(self, x: Tensor, *, named_pooling: bool = False) -> Tensor:
        """Return the usual end: the mean over the positions and the classifier, or what ``pooling`` asks for."""
        if not self.include_top:
            return self.pooled(x, named=named_pooling)
        return self.predictions(GlobalAveragePooling2D(name="avg_pool")(x))

    def predictions(self, x: Tensor, name: str = "predictions", **arguments: Any) -> Tensor:
        """Return the classifier's output for vectors x."""
        return Dense(self.classes, activation=self.classifier_activation, name=name, **arguments)(x)

    def pooled(self, x: Tensor, *, named: bool = False) -> Tensor:
        """Return x, or its mean or maximum over the positions, as ``pooling`` says; ``named`` as some networks name the layer."""
        if self.pooling is None:
            return x
        layer = GlobalAveragePooling2D if self.pooling == "avg" else GlobalMaxPooling2D
        return layer(name=f"{self.pooling}_pool" if named else None)(x)

    def model(self, image: Any, outputs: Any, published: str, local: str | None = None) -> Model:
        """Return the model with its weights.

        ``published`` is the address of the ImageNet weights, ``local`` the file's name in Keras's folder if it differs.
        """
        model = Model(sources(image) if self.input_tensor is not None else image, outputs, name=self.name)
        if self.weights is not None:
            model.load_weights(weight_file(self.name, self.weights, published, local))
        return model


def ordered(size: int | None) -> tuple[int | None, ...]:
    """Return the shape of an image of ``size`` pixels each way and three colors."""
    return (3, size, size) if channels_first() else (size, size, 3)


def sources(x: SymbolicTensor) -> SymbolicTensor | list[SymbolicTensor]:
    """Return the inputs that a symbolic tensor was computed from: one, or a list."""
    found: dict[int, SymbolicTensor] = {}
    pending = [x]
    seen: set[int] = set()
    while pending:
        each = pending.pop()
        if each.node is None:
            found.setdefault(id(each), each)
        elif id(each.node) not in seen:
            seen.add(id(each.node))
            pending += reversed(each.node.inputs)
    inputs = list(found.values())
    return inputs[0] if len(inputs) == 1 else inputs
