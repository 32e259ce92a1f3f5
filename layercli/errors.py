"""Every exception layercli raises on purpose.

    LayercliError                      one sentence, and a hint where a fix is likely
    ├── UsageError (ValueError)        an invalid command, name or argument
    │   ├── ArgumentError (TypeError)  a call that lacks an argument, or has one too many or of another type
    │   │   └── ArgumentTypeError (AttributeError)
    │   ├── ChoiceError (NotImplementedError)  a name that is none of those that the argument takes
    │   ├── UnknownKeyError (KeyError)
    │   ├── ValueRangeError (RuntimeError)
    │   ├── IndexRangeError (IndexError)
    │   ├── NoCallError (NotImplementedError)
    │   ├── NotCompiledError (AttributeError)
    │   └── NoTensorError (AttributeError)
    ├── ShapeError (ValueError)        a tensor of a rank or size that does not fit; a RuntimeError too, as torch raises
    │   └── AxisError (IndexError)     an axis that the tensor does not have
    ├── DTypeError (TypeError)         a dtype that does not exist or does not fit; a ValueError too
    ├── UnknownSizeError (TypeError)   a number was asked of a size that is not known; a ValueError too
    │   └── NoItemsError (NotImplementedError)
    ├── NotBuiltError (RuntimeError)   variables were asked of a layer that has none yet
    ├── FileError (OSError)            a file that cannot be opened, read or written
    │   ├── FolderError (IsADirectoryError)
    │   └── MissingFileError (FileNotFoundError)
    ├── FormatError (ValueError)       a file whose content is not what it should be
    │   ├── DamagedFileError (OSError)
    │   └── UnknownClassError (TypeError)
    ├── DeviceError (RuntimeError)     a device that is not there or does not work
    ├── RankError (RuntimeError)       another process of the training group exited
    └── MissingPackageError (ImportError)

Each subclasses the built-in a caller would expect to catch.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layercli.core.layer import Layer


class LayercliError(Exception):
    """Something the user can fix: ``message`` is one sentence, ``hint`` (or None) says how.

    An error that leaves a layer's call collects the layers it passed through, innermost first; its text then
    begins with the user's own path to the innermost one: ``encoder/dense_1 (Dense) expects ...``.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.trail: list[Layer] = []

    def __str__(self) -> str:
        if not self.trail:
            return self.message
        return f"{path_of(self.trail)} ({type(self.trail[0]).__name__}) {self.message}"


def path_of(trail: list[Layer]) -> str:
    """Return the attribute path from the outermost layer of ``trail`` (its last) to the innermost (its first)."""
    steps = [parent.path_to(child) or child.name for child, parent in pairwise(trail)]
    return "/".join(reversed(steps)) or trail[0].name


class UsageError(LayercliError, ValueError):
    """An invalid command, name or argument."""


class ArgumentError(UsageError, TypeError):
    """A call without an argument that it needs, with one that it does not take, or with one of another type."""


class ArgumentTypeError(ArgumentError, AttributeError):
    """An argument of another type; an AttributeError too, which Python raises where the first attribute of it is asked for."""


class ChoiceError(UsageError, NotImplementedError):
    """A name that is none of those that the argument takes."""


class UnknownKeyError(UsageError, KeyError):
    """A key that a dict or a model does not have."""


class ValueRangeError(UsageError, RuntimeError):
    """A value in a tensor that is out of the range that the operation takes; a RuntimeError, as from torch's kernels."""


class IndexRangeError(UsageError, IndexError):
    """An index in a tensor that no row has."""


class NoCallError(UsageError, NotImplementedError):
    """A layer or a model whose class has no ``call``."""


class ShapeError(LayercliError, ValueError, RuntimeError):
    """A tensor of a rank or size that does not fit; a RuntimeError too, which torch's operations raise."""


class AxisError(ShapeError, IndexError):
    """An axis that the tensor does not have, or an index that the axis does not have."""


class DTypeError(LayercliError, TypeError, ValueError):
    """A dtype that does not exist or does not fit."""


class UnknownSizeError(LayercliError, TypeError, ValueError):
    """A number was asked of a size that is not known."""


class NoItemsError(UnknownSizeError, NotImplementedError):
    """The items of a tensor were asked along an axis whose size is not known."""


class NoValueError(UnknownSizeError, AttributeError):
    """The values were asked of a symbolic tensor; ``hasattr(x, "numpy")`` says that it has none."""


class NotBuiltError(LayercliError, RuntimeError, ValueError):
    """Variables were asked of a layer that has none yet."""


class NotCompiledError(UsageError, AttributeError):
    """What compile gives a model was asked of one that is not compiled."""


class NoTensorError(UsageError, AttributeError):
    """The symbolic input or output was asked of a layer that was not called on one; ``hasattr`` says that it has none."""


class FileError(LayercliError, OSError):
    """A file that cannot be opened, read or written."""


class FolderError(FileError, IsADirectoryError, ValueError):
    """A folder where a file is expected; a ValueError too, which Keras's ``load_model`` raises."""


class MissingFileError(FileError, FileNotFoundError, ValueError):
    """A file that does not exist; a ValueError too, which Keras's ``load_model`` raises."""


class FormatError(LayercliError, ValueError):
    """A file whose content is not what it should be; ``code`` names the kind of fault, as ``layercli check`` prints it.

    A sentence that quotes too much of the file is cut.
    """

    def __init__(self, message: str, *, hint: str | None = None, code: str = "damaged") -> None:
        super().__init__(cut(message), hint=hint)
        self.code = code


class DamagedFileError(FormatError, OSError):
    """A file that is not of the format its name says; an OSError, which h5py raises."""


class UnknownClassError(FormatError, TypeError):
    """A file or a config with a class that is not known."""


class DeviceError(LayercliError, RuntimeError):
    """A device that is not there or does not work."""


class RankError(LayercliError, RuntimeError):
    """Another process of the training group has exited."""

    @staticmethod
    def of_the_job() -> RankError:
        """Return the error for a job that has lost one of its ranks."""
        return RankError(
            "another rank exited, so this one cannot continue",
            hint="start it again; --resume continues a fit with --save and a run with --batch-size",
        )


PACKAGES = {
    "cv2": "opencv-python", "PIL": "pillow", "sklearn": "scikit-learn", "skimage": "scikit-image", "yaml": "pyyaml",
    "faiss": "faiss-cpu", "hydra": "hydra-core", "open_clip": "open-clip-torch", "attr": "attrs", "dotenv": "python-dotenv",
    "bs4": "beautifulsoup4", "git": "GitPython", "google": "protobuf", "pkg_resources": "setuptools", "umap": "umap-learn",
}  # fmt: skip
"""The packages that pip knows by another name than Python."""


class MissingPackageError(LayercliError, ImportError):
    """A package that this needs is not installed, or cannot be imported."""

    @staticmethod
    def of(module: str) -> MissingPackageError:
        """Return the error for a module that is not there, with the command that installs its package."""
        package = module.partition(".")[0]
        return MissingPackageError(f"this needs {package}, which is not installed", hint=pip_install(package))

    @staticmethod
    def broken(package: str, error: BaseException) -> MissingPackageError:
        """Return the error for an installed package whose import fails."""
        words = cut(" ".join(str(error).split()) or type(error).__name__)
        hint = "layercli gpu-check says more" if package == "torch" else f"pip install --force-reinstall {package}"
        return MissingPackageError(f"{package} is installed and cannot be imported: {words}", hint=hint)


def pip_install(package: str) -> str:
    """Return the command that installs a package of this name in Python.

    >>> pip_install("cv2")
    'pip install opencv-python'
    """
    return f"pip install {PACKAGES.get(package, package)}"


def cut(sentence: str, most: int = 300) -> str:
    """Return a sentence of at most ``most`` characters: the middle of a longer one is left out.

    >>> cut("a" * 9 + "b" * 9, most=11)
    'aaaa...bbbb'
    """
    if len(sentence) <= most:
        return sentence
    half = (most - 3) // 2
    return f"{sentence[: most - 3 - half]}...{sentence[-half:]}"


def an(name: str) -> str:
    """Return a name with its indefinite article.

    >>> an("int"), an("Net")
    ('an int', 'a Net')
    """
    return f"an {name}" if name[:1].lower() in set("aeio") else f"a {name}"


def nearest(name: str, known: Iterable[str], kind: str = "") -> str | None:
    """Return a hint that names the entries of ``known`` most like ``name``, or None.

    Where none is like it and ``kind`` says what they are, the hint lists them. Case does not count, a word may be cut
    short, and the first letters of its parts stand for it.

    >>> nearest("sofmax", ["relu", "softmax"]), nearest("lr", ["beta_1", "learning_rate"]), nearest("q", ["a", "b"], "names")
    ('did you mean softmax?', 'did you mean learning_rate?', 'names: a, b')
    """
    import difflib

    names = list(known)
    lower = {each.lower(): each for each in reversed(names)}
    word = name.lower()
    short = [each for each in names if word and word in (initials(each.lower()), each.lower().partition("_")[0])]
    like = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    close = [*short, *(like or (lower[each] for each in difflib.get_close_matches(word, lower, n=3, cutoff=0.5)))]
    if close:
        return f"did you mean {' or '.join(list(dict.fromkeys(close))[:3])}?"
    return f"{kind}: {listed(names)}" if kind and names else None


def initials(name: str) -> str:
    """Return the first letters of the parts of a name, of one part nothing: ``lr`` of ``learning_rate``."""
    parts = name.split("_")
    return "".join(part[:1] for part in parts) if len(parts) > 1 else ""


def with_and(names: Iterable[object]) -> str:
    """Return names as a sentence has them.

    >>> with_and(["B", "H", "W"])
    'B, H and W'
    """
    words = [str(name) for name in names]
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def listed(names: list[str], most: int = 20) -> str:
    """Return names in a row, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
