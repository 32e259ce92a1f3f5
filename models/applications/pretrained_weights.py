"""The files with ImageNet weights that Keras publishes: their names, where they are, and where they belong on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from layercli.core.types import ShapeLike
from layercli.errors import FileError, MissingFileError
from layercli.models.applications.layout import channels_first

PUBLISHED = "https://storage.googleapis.com/tensorflow/keras-applications/"


def tf_kernels(folder: str, name: str, include_top: bool) -> str:
    """Return the address of a weight file under the name that most have."""
    return f"{folder}/{name}_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"


def published_size(input_shape: ShapeLike | None, sizes: tuple[int, ...]) -> int:
    """Return the side of a square image if there are weights for that size, else 224."""
    given = tuple(input_shape) if isinstance(input_shape, (list, tuple)) else ()
    sides = given[1:] if channels_first() else given[:2]
    return sides[0] if sides and sides[0] == sides[-1] and sides[0] in sizes else 224


def rows(input_shape: ShapeLike | None, include_top: bool) -> int | None:
    """Return the height of an image as the default name of the model has it."""
    if isinstance(input_shape, (list, tuple)) and input_shape:
        return input_shape[min(1, len(input_shape) - 1) if channels_first() else 0]
    return 224 if include_top else None


def keras_folder() -> Path:
    """Return the folder where Keras keeps what it downloads: ``$KERAS_HOME`` or ``~/.keras``."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def weight_file(model: str, weights: str | os.PathLike[str], address: str, local: str | None = None) -> Path:
    """Return the path of a weight file, or for ``"imagenet"`` that of the published one in Keras's folder.

    FileError if it is not there: it says what to fetch and where to put it.
    """
    if weights != "imagenet":
        if not Path(weights).is_file():
            raise MissingFileError(
                f"{model}: there is no weight file {os.fspath(weights)}", hint="weights: a file, 'imagenet' or None"
            )
        return Path(weights)
    return downloaded(model, address if address.startswith("https:") else PUBLISHED + address, local)


def downloaded(user: str, url: str, local: str | None = None) -> Path:
    """Return the path in Keras's folder of a file that ``user`` needs; FileError if it is not there."""
    path = keras_folder() / "models" / (local or url.rpartition("/")[2])
    if not path.is_file():
        raise FileError(
            f"{user} needs {path}, which is not there", hint=f"nothing is downloaded: fetch {url} and put it there"
        )
    return path
