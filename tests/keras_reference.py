"""Keras and JAX as the reference: what they answered is recorded, and asked again only where no record has it.

``keras``, ``jax`` and ``jnp`` here are names for what is not imported yet. What a test does with them is written down in a log;
nothing is executed until the test looks at a value. A file that Keras loads is a part of the question, by its content; a file
that Keras writes is an answer, whose bytes are recorded. Then the digest of the log so far (with the versions of Keras and JAX, the
configurations, the inputs and every call in their order) is looked up in tests/reference/. On a miss the whole log is executed,
and the test goes on live. So a record can only answer the very question that it was made for.

``pytest --live`` asks everything live, and holds what is recorded against it; ``pytest --record`` also writes what was missing.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import operator
import os
import random
import types
import zipfile
from functools import cache, partial
from pathlib import Path

import numpy as np

from tests import digests, records
from tests.digests import Undescribed, digest

__all__ = ["Lazy", "Session", "active", "asked", "jax", "jnp", "keras", "real_keras", "value_of"]

FORMAT = 1
TOUCHING_FILES = ("save", "load", "export", "from_file", "to_file", "write", "image_dataset_from_directory")
READING = ("load_model", "load_weights")
WRITING = ("save", "save_weights")


class Mode:
    """What the options of this run say."""

    live = False
    record = False


@cache
def versions():
    return [FORMAT, *(f"{name} {importlib.metadata.version(name)}" for name in ("keras", "jax"))]


class Session:
    """What one test asks: the log of its calls, and whether they are made or only written down."""

    def __init__(self, store, test, seed=0):
        self.store, self.log, self.live, self.known = store, [], False, True
        self.test, self.seed = test, seed
        self.state = self.begun = None  # most tests ask nothing
        self.draws = None

    def start(self):
        """Before the first step: go live at once unless all that this test asks was recorded."""
        self.state = self.begun = digest([versions(), self.test, self.seed])
        if Mode.live or Mode.record or self.begun not in self.store:
            self.go_live()

    def end(self, passed):
        """Note that all that this test asked is recorded."""
        if passed and self.known and self.log and Mode.record:
            self.store.add(self.begun, True)

    def add(self, kind, *parts):
        """Write down a step, execute it if the session is live, and return the node of its result."""
        if not self.log:
            self.start()
        name = called(kind, parts)
        if name in READING or name in WRITING:
            function, (file, *args), kwargs = parts
            parts = (function, (Loaded(file) if name in READING else Written(file), *args), kwargs)
        try:
            self.state = digest([self.state, kind, *parts])
        except Undescribed:
            self.known = False
            self.state = f"unknown {len(self.log)}"
            self.go_live()
        node = Lazy(self, (kind, parts), self.state)
        self.log.append(node)
        if not self.live and self.raises_or_touches_files(kind, parts):
            self.go_live()
        elif self.live:
            self.execute(node)
        if name in WRITING:
            file = parts[1][0].path
            file.write_bytes(self.look(node, "file", lambda _: np.fromfile(file, "uint8")).tobytes())
        return node

    def raises_or_touches_files(self, kind, parts):
        name = parts[1] if kind == "attribute" else _parts(parts[0]).name or "" if called(kind, parts) else ""
        last = name.rpartition(".")[2]
        if last not in READING + WRITING and (last.startswith(TOUCHING_FILES) or name.startswith("keras.saving.")):
            self.known = False  # what a file or a registry holds is in no digest
            return True
        return self.key("raises") in self.store

    def key(self, *question):
        return digest([self.state, *question])

    def go_live(self):
        """Execute what is written down so far, and from now on every step as it comes."""
        if not self.live:
            self.live = True
            self.draws = (random.Random(self.seed).getstate(), np.random.RandomState(self.seed).get_state())
            fresh_names()
            for node in self.log:
                if not hasattr(_parts(node), "real"):
                    self.execute(node)

    def execute(self, node):
        own = (random.getstate(), np.random.get_state())
        random.setstate(self.draws[0])
        np.random.set_state(self.draws[1])
        kind, parts = _parts(node).step
        try:
            _parts(node).real = STEPS[kind](*map(real, parts))
        except Exception:
            if self.known and Mode.record:
                self.store.add(digest([node_digest(node), "raises"]), True)
            raise
        finally:
            self.draws = (random.getstate(), np.random.get_state())
            random.setstate(own[0])
            np.random.set_state(own[1])

    def look(self, node, kind, of):
        """Return ``of`` a node's real value as data: from the records, or live."""
        if not self.known:
            self.go_live()
            return of(real(node))
        key = self.key(kind, node)
        if not self.live and key in self.store:
            return self.store[key]
        self.go_live()
        value = of(real(node))
        if Mode.record and key not in self.store:
            self.store.add(key, value)
        elif key in self.store:
            recorded = self.store[key]
            if kind != "file":  # a file holds its date: what is read from it is compared
                compare(recorded, value)
        return value


class Loaded:
    """A file that is read: by its content, without the date in it."""

    def __init__(self, path):
        self.path = Path(path)

    def _digest_(self):
        if not zipfile.is_zipfile(self.path):
            return digest(["file", self.path.suffix, self.path.read_bytes()])
        with zipfile.ZipFile(self.path) as archive:
            members = {name: archive.read(name) for name in archive.namelist() if name != "metadata.json"}
        return digest(["file", self.path.suffix, members])


class Written:
    """A file that is written: its name is no part of the question, its bytes are the answer."""

    def __init__(self, path):
        self.path = Path(path)

    def _digest_(self):
        return digest(["written", self.path.suffixes])


class Outside:
    """What is asked outside of any test, as in a module's tables of cases: executed when it is needed, never recorded."""

    known = live = False

    def add(self, kind, *parts):
        return Lazy(self, (kind, parts), digest([versions(), kind, *parts]))

    def execute(self, node):
        kind, parts = _parts(node).step
        _parts(node).real = STEPS[kind](*map(real, parts))

    def look(self, node, kind, of):
        return of(real(node))


def compare(recorded, live):
    """Hold what is recorded against what Keras says now: rounding may differ, nothing else."""
    if isinstance(live, list | tuple):
        assert len(recorded) == len(live), "the record has another length"
        for a, b in zip(recorded, live, strict=True):
            compare(a, b)
    elif isinstance(live, dict):
        assert list(recorded) == list(live), "the record has other names"
        for key in live:
            compare(recorded[key], live[key])
    elif isinstance(live, np.ndarray | float):
        a, b = np.asarray(recorded), np.asarray(live)
        assert (a.shape, a.dtype) == (b.shape, b.dtype), "the record has another shape or type"
        if a.dtype.kind in "fc" and a.size:
            scale = np.abs(np.where(np.isfinite(b), b, 0)).max()
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * max(scale, 1e-30), err_msg="the record is stale")
        elif a.dtype.kind not in "fc":
            np.testing.assert_array_equal(a, b, err_msg="the record is stale")
    else:
        assert recorded == live, "the record is stale"


OUTSIDE = Outside()
active: Session | Outside = OUTSIDE


def begin(session):
    """Make ``session`` what nodes are written to."""
    global active
    active = session


class Parts:
    """What a node is: the session and the step that it is the result of, its digest, and what it really is once executed."""

    __slots__ = ("digest", "name", "real", "session", "step")


class Lazy:
    """A value of Keras's or JAX's that is only written down."""

    __slots__ = ("_parts_",)
    __hash__ = object.__hash__

    def __init__(self, session, step, digest, name=None):
        parts = Parts()
        parts.session, parts.step, parts.digest, parts.name = session, step, digest, name
        object.__setattr__(self, "_parts_", parts)

    def _digest_(self):
        return _parts(self).digest

    def __getattr__(self, name):
        if name == "__name__" and _parts(self).name:
            return _parts(self).name.rpartition(".")[2]
        if name.startswith("__") or name in ("_pytestfixturefunction",):
            raise AttributeError(name)
        if (path := _parts(self).name) is not None:
            return named(f"{path}.{name}")
        return session_of(self).add("attribute", self, name)

    def __setattr__(self, name, value):
        session_of(self).add("set", self, name, value)

    def __call__(self, *args, **kwargs):
        return session_of(self).add("call", self, args, kwargs)

    def __getitem__(self, key):
        return session_of(self).add("item", self, key)

    def __enter__(self):
        return session_of(self).add("enter", self)

    def __exit__(self, *exception):
        session_of(self).add("exit", self)

    def __mro_entries__(self, bases):
        return (real(self),)

    def __instancecheck__(self, value):
        return isinstance(real(value), real(self))

    def __iter__(self):
        found = session_of(self).look(self, "iterate", elements)
        return (self[i] for i in range(found)) if isinstance(found, int) else iter(found)

    def __len__(self):
        return session_of(self).look(self, "length", len)

    def __bool__(self):
        return session_of(self).look(self, "truth", bool)

    def __contains__(self, value):
        return value in value_of(self)

    def __dir__(self):
        return session_of(self).look(self, "names", dir)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(value_of(self), dtype)

    def __float__(self):
        return float(value_of(self))

    def __int__(self):
        return int(value_of(self))

    def __index__(self):
        return operator.index(value_of(self))

    def __eq__(self, other):
        return value_of(self) == value_of(other)

    def __ne__(self, other):
        return value_of(self) != value_of(other)

    def __str__(self):
        if (name := _parts(self).name) is not None:
            return name  # pytest asks for the ids of parameters, which must not import Keras
        return session_of(self).look(self, "text", str)

    def __format__(self, form):
        return format(str(self), form)

    def __repr__(self):
        return f"<{_parts(self).name or _parts(self).step[0]} of the reference>"


def _operator(name, swapped):
    function = getattr(operator, name)

    def apply(self, *others):
        inputs = (*others, self) if swapped else (self, *others)
        return session_of(self).add("call", function, inputs, {})

    return apply


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lt", "le", "gt", "ge"):
    setattr(Lazy, f"__{_name}__", _operator(_name, False))
    if _name not in ("lt", "le", "gt", "ge"):
        setattr(Lazy, f"__r{_name}__", _operator(_name, True))
for _name in ("neg", "abs", "invert"):
    setattr(Lazy, f"__{_name}__", _operator(_name, False))


def _parts(node):
    return object.__getattribute__(node, "_parts_")


def called(kind, parts):
    """Return the last name of the function that a step calls, or an empty text."""
    if kind != "call" or not isinstance(parts[0], Lazy):
        return ""
    function = _parts(parts[0])
    return (
        function.name.rpartition(".")[2]
        if function.name
        else function.step[1][-1]
        if function.step[0] == "attribute"
        else ""
    )


def node_digest(node):
    return _parts(node).digest


def session_of(node):
    """Return where what is done with ``node`` is written: to the test that is running, if any."""
    return active if _parts(node).session is OUTSIDE else _parts(node).session


def named(path):
    """Return the node of a module or of what one holds, such as ``keras.layers.Dense``."""
    return Lazy(OUTSIDE, ("named", (path,)), digest(["named", path]), path)


def elements(value):
    """Return the number of a sequence's elements, or the elements of another iterable as data."""
    if isinstance(value, list | tuple | np.ndarray) or hasattr(value, "__jax_array__") or hasattr(value, "shape"):
        return len(value)
    return records.plain(list(value))


def value_of(value):
    """Return what a node's value holds as data, or ``value`` itself if it is no node."""
    if not isinstance(value, Lazy):
        return value
    try:
        return session_of(value).look(value, "value", records.plain)
    except records.NotData:
        return real(value)


def real(value):
    """Return ``value`` with what the nodes in it really are, which executes them."""
    if isinstance(value, Lazy):
        parts = _parts(value)
        if not hasattr(parts, "real"):
            if parts.session is OUTSIDE:
                parts.session.execute(value)
            else:
                parts.session.go_live()
        return parts.real
    if isinstance(value, Loaded | Written):
        return str(value.path)
    if type(value) in (tuple, list):
        made = type(value)(map(real, value))
        return value if all(map(operator.is_, made, value)) else made
    if type(value) is dict:
        made = dict(zip(value, map(real, value.values()), strict=True))
        return value if all(map(operator.is_, made.values(), value.values())) else made
    if isinstance(value, partial):
        return partial(real(value.func), *real(value.args), **real(value.keywords))
    if isinstance(value, types.FunctionType) and value.__module__.rpartition(".")[2].startswith(
        ("test_", "keras_parity")
    ):
        return real_function(value, {})
    return value


def real_function(function, made):
    """Return a function that closes over, and finds among its globals, what is real: itself if it does already."""
    if function in made:
        return made[function]
    code, cells = function.__code__, function.__closure__ or ()
    names = digests.names_of(code) & function.__globals__.keys()
    held = {name: each for name, each in function.__globals__.items() if name not in names}
    new = tuple(types.CellType() for _ in cells)
    copy = made[function] = types.FunctionType(code, held, function.__name__, None, new)

    def inner(each):
        own = isinstance(each, types.FunctionType) and each.__module__ == function.__module__
        return real_function(each, made) if own else real(each)

    closed = [inner(cell.cell_contents) for cell in cells]
    found = {name: inner(function.__globals__[name]) for name in names}
    defaults, by_name = real(function.__defaults__), real(function.__kwdefaults__)
    old = [*(cell.cell_contents for cell in cells), *(function.__globals__[name] for name in found)]
    pairs = [
        *zip(old, [*closed, *found.values()], strict=True),
        (function.__defaults__, defaults),
        (function.__kwdefaults__, by_name),
    ]
    if all(a is b or (a is function and b is copy) for a, b in pairs):
        made[function] = function
        return function
    for cell, each in zip(new, closed, strict=True):
        cell.cell_contents = each
    held.update(found)
    copy.__defaults__, copy.__kwdefaults__ = defaults, by_name
    return copy


def import_named(path):
    """Import what a dotted name names."""
    os.environ["KERAS_BACKEND"] = "jax"
    first, *rest = path.split(".")
    found = importlib.import_module(first)
    for i, name in enumerate(rest):
        if not hasattr(found, name):
            importlib.import_module(".".join([first, *rest[: i + 1]]))
        found = getattr(found, name)
    return found


def set_attribute(value, name, to):
    setattr(value, name, to)


STEPS = {
    "named": import_named,
    "attribute": getattr,
    "set": set_attribute,
    "call": lambda function, args, kwargs: function(*args, **kwargs),
    "item": operator.getitem,
    "enter": lambda context: context.__enter__(),
    "exit": lambda context: context.__exit__(None, None, None),
    "live": lambda name, args, source: getattr(importlib.import_module("tests.keras_live"), name)(*args),
}


def fresh_names():
    """Let Keras count its names and draw its seeds from the start, as in a new process."""
    state = import_named("keras.src.backend.common.global_state")
    state.set_global_attribute("object_name_uids", None)
    state.set_global_attribute("global_seed_generator", None)


@cache
def live_source(name):
    return digests.source_digest(Path(__file__).with_name("keras_live.py"), name)


def asked(name, *args):
    """Return what the function ``name`` of tests/keras_live.py answers, as data."""
    return value_of(active.add("live", name, args, live_source(name)))


class Real(types.ModuleType):
    """Keras itself, imported when it is first used: for tests of files, of classes and of callbacks, never recorded."""

    def __getattr__(self, name):
        if name.startswith("_"):  # pytest looks for marks of its own in everything that a module holds
            raise AttributeError(name)
        return getattr(import_named("keras"), name)


keras, jax, jnp, real_keras = named("keras"), named("jax"), named("jax.numpy"), Real("keras")
