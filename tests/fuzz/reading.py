"""What is done with a damaged file: it is listed and read like any other, and what is wrong with it is said in one sentence."""

from __future__ import annotations

from pathlib import Path

import layercli
from layercli.errors import LayercliError
from layercli.formats.csv import read_csv
from layercli.formats.detect import open_weights
from layercli.formats.pt2_archive import checked
from layercli.formats.pt2_state_dict import Pt2File

LONGEST = 600
"""How many characters a sentence has at most: 300, and the names of layers before it."""


def outcome(path: Path) -> str | None:
    """Read a file as every command would; return what is said of it, or None. Any other exception is a defect."""
    said = None
    for read in (listed, READERS.get(path.suffix)):
        try:
            if read is not None:
                read(path)
        except LayercliError as error:
            said = str(error)
            assert 0 < len(said) <= LONGEST, said
            assert "\n" not in said, said
    return said


def listed(path: Path) -> None:
    """List the tensors of a file, and read each of them."""
    file = open_weights(path)
    for name, entry in file.entries.items():
        assert sum(chunk.size for chunk in file.chunks(name)) == entry.size


def summary(path: Path) -> None:
    """Describe the model in a file."""
    layercli.open(str(path)).summary()


def program(path: Path) -> None:
    """Check a program as it is before torch has it, and list its state."""
    checked(str(path))
    file = Pt2File(path)
    for name in file.entries:
        file.read(name)


def into_a_model(path: Path) -> None:
    """Read a file of Keras's weights into a model."""
    layercli.Sequential([layercli.Input((4,)), layercli.layers.Dense(3)]).load_weights(path)


READERS = {".h5": into_a_model, ".keras": summary, ".onnx": summary, ".pt2": program, ".csv": read_csv}
