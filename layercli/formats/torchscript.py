"""The archive of ``torch.jit.save``: what its modules hold, read as data as in a file of ``torch.save``, and none of its code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from layercli.core.limits import DEPTH
from layercli.formats import safe_pickle
from layercli.formats.pickled_values import Pairs, PickledCall
from layercli.formats.torch_checkpoint import PICKLE, Tensors, TorchFile, allowed, content, is_big_endian, members_of
from layercli.formats.zip_archive import members_in

CLASSES = "__torch__."
"""How the names of the classes in the archive begin; they are never imported."""
CODE = "/code/"
"""The folder of the archive with the code, compressed."""
CONSTANTS = "constants.pkl"
REPEATED = "_flat_weights"
"""The attribute in which torch's recurrent modules keep their parameters once more."""
LISTS = {f"torch.jit._pickle.{name}" for name in (
    "restore_type_tag", "build_tensorlist", "build_intlist", "build_doublelist", "build_boollist", "build_stringlist",
)}  # fmt: skip
"""The calls around a list or a dict that has a type."""


class TorchScriptFile(TorchFile):
    """A TorchScript program: the tensors that its modules hold, by the names that ``state_dict`` gives them.

    Tensors in lists and dicts of a module, and those that are no parameter and no buffer, are entries as well; the constants of
    a frozen program are none, and ``notes`` say how many there are. Raises as ``TorchFile`` does.
    """

    #: What to say where a model is asked for, and what to do.
    refusal = (
        "is a TorchScript program, whose code is never run",
        "put net = torch.jit.load(FILE) in a file net.py, after import torch, and give net.py:net",
    )

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = Path(path)
        self._members = members_of(self.file, [info for info in members_in(self.file) if CODE not in info.filename])
        self._big_endian = is_big_endian(self.file, self._members)
        raw = content(self.file, self._members[PICKLE])
        known = allowed(self.file, raw)

        def check(name: str) -> None:
            if not name.startswith(CLASSES) and name not in LISTS:
                known(name)

        root, machine = safe_pickle.load_at(str(self.file), raw, 0, check)
        self._list(Attributes(self.file, machine.states).of(root), len(raw))
        self.parts, self.metadata = [""], {}  # the attributes of modules are no metadata
        constants = content(self.file, self._members[CONSTANTS])
        held = self._collected(safe_pickle.load(str(self.file), constants, known), len(constants)).by_path
        self.notes = [f"{len(held)} tensors are constants of its code, without names, and are left out"] if held else []

    def _collected(self, root: object, length: int) -> Tensors:
        found = Tensors(self.file, length, between=".")
        found.collect(root)
        return found


class Attributes:
    """The objects of a pickle as dicts of their attributes."""

    def __init__(self, file: Path, states: Mapping[int, tuple[Any, Any]]) -> None:
        self.file, self.states = file, states
        self.found: dict[int, Any] = {}

    def of(self, value: object, depth: int = 0) -> Any:
        """Return ``value`` with each object in it replaced by a dict of its attributes."""
        if depth > DEPTH.value:
            raise DEPTH.refused(f"{self.file} has more than {DEPTH.value} nested modules, or a cycle")
        if isinstance(value, PickledCall) and value.of in LISTS:
            return self.of(value.args[0] if value.args else None, depth + 1)
        if isinstance(value, PickledCall) and value.of.startswith(CLASSES):
            if id(value) not in self.found:
                self.found[id(value)] = self.of(self.states.get(id(value), (None, None))[1], depth + 1)
            return self.found[id(value)]
        if isinstance(value, Pairs):
            return Pairs([(key, self.of(each, depth + 1)) for key, each in value.pairs if key != REPEATED])
        if isinstance(value, (list, tuple)):
            return [self.of(each, depth + 1) for each in value]
        return value
