"""What ``layercli run`` was asked beside its outputs: a section of the report for each question, with its exit code."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from layercli.cli import output
from layercli.errors import UsageError
from layercli.render.table import Table

if TYPE_CHECKING:
    from layercli.inspect.difference import Tolerance
    from layercli.inspect.reference import Subject
    from layercli.runtime.program import Program
    from layercli.runtime.reproduction import Record
    from layercli.runtime.run import Run

Side = tuple["Program", Any]
"""A model that is ready, and the inputs as it takes them."""
Rival = Callable[[str], Side]
"""Makes another model ready for the same inputs, by its reference."""

NO, INCONCLUSIVE = 1, 3
DEFAULT_RACE = 30
"""Runs of each side of a race where --repeat does not say."""


@dataclass
class Section:
    """Tables, what JSON has of them, and the exit code they call for."""

    tables: list[Table] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    code: int = 0


def opened(text: str, settings: Iterable[str], seed: int) -> Subject:
    """Return the model that ``text`` names, to be run; what a torch module draws while it is made is drawn under ``seed``."""
    from layercli import random
    from layercli.sources.resolve import resolve

    random.set_seed(seed)
    return resolve(text, settings).subject


def code_of(sections: Iterable[Section]) -> int:
    """Return the exit code of all sections: no, if any says no, else inconclusive, if any is."""
    codes = {section.code for section in sections}
    return NO if NO in codes else INCONCLUSIVE if INCONCLUSIVE in codes else 0


def finiteness(report: Run) -> Section:
    """Return whether everything is finite, said where it is not."""
    if report.finite:
        return Section()
    start = f", first in {report.culprit or 'what the model computes outside its layers'}" if report.checked else ""
    output.message(f"not finite{start}")
    return Section(code=NO)


def ranking(report: Run, count: int, labels: list[str] | None) -> Section:
    """Return the classes with the highest values of the one output."""
    from layercli.inspect.ranking import top
    from layercli.render.run import ranking

    if len(report.outputs) != 1:
        raise UsageError(f"--top needs a model with one output, {report.source} has {len(report.outputs)}")
    guesses = top(report.outputs[0].array, count, labels)
    return Section([ranking(guesses)], {"top": [guess.to_json() for guess in guesses]})


def timing(program: Program, inputs: Any, repeat: str, warmup: int) -> Section:
    """Return how long the program takes."""
    from layercli.inspect.samples import Repeat
    from layercli.render.timing import table
    from layercli.runtime.timing import measure

    found = measure(program, inputs, Repeat.parse(repeat), warmup)
    warn(found.samples.warnings())
    return Section([table([found])], {"timing": found.to_json()})


def race(ours: Side, theirs: Side, repeat: str | None, warmup: int, at_most: float) -> Section:
    """Return how long a program takes beside another one."""
    from layercli.inspect.samples import Repeat
    from layercli.render import timing as render
    from layercli.runtime import timing

    wanted = Repeat.parse(repeat) if repeat else Repeat(count=DEFAULT_RACE)
    first, second, found = timing.race(ours, theirs, wanted, warmup, at_most)
    warn(first.samples.warnings())
    document = {"timing": first.to_json(), "against_time": {"timing": second.to_json(), **found.to_json()}}
    return Section([render.table([first, second]), render.slowdown(found)], document, found.code)


def profile(program: Program, inputs: Any, by: str | None) -> Section:
    """Return what every layer takes, in the order asked for, and the longest kernels."""
    from layercli.render.profile import kernels, table
    from layercli.runtime.graph import Graph
    from layercli.runtime.profile import profile

    found = profile(program, inputs)
    if isinstance(program.model, Graph) and not program.model.compiles:
        output.message(f"onnxruntime runs {program.name} as one: what it does inside is not seen")
    return Section([table(found, by), kernels(found)], {"profile": found.to_json(by)})


def comparison(program: Program, inputs: Any, against: str, tolerance: Tolerance | None, rival: Rival) -> Section:
    """Return how far every layer's result is from that of another way to run the model, a file, or another model."""
    from layercli.render.comparison import table
    from layercli.runtime import comparison

    if against.lower().endswith(".csv"):
        raise UsageError(
            "results are compared with a .npy, .npz or .safetensors, not with a .csv", hint="--output y.npy"
        )
    ours = comparison.record(program, inputs, layers=against != "compile")
    if against in comparison.WAYS:
        theirs = comparison.in_another_way(program, against, inputs)
    elif against.lower().endswith((".npy", ".npz", ".safetensors")):
        theirs = comparison.of_file(against, ours)
    else:
        theirs = comparison.aligned(ours, comparison.record(*rival(against)))
    found = comparison.compare(ours, theirs, against, tolerance)
    if found.culprit is not None:
        output.message(f"differs from {against}, first in {found.culprit.name}")
    elif found.first_not_finite is not None:
        output.message(f"not finite here and in {against}, first in {found.first_not_finite.name}: nothing to compare")
    return Section([table(found)], {"comparison": found.to_json()}, 0 if found.answer == "agrees" else NO)


def tolerance(rtol: float | None, atol: float | None) -> Tolerance | None:
    """Return the tolerance that was asked for, the other half of it being 0, or None where none was."""
    from layercli.inspect.difference import Tolerance

    return None if rtol is None and atol is None else Tolerance(rtol or 0.0, atol or 0.0)


def recorded(path: str, model: str | None) -> Record:
    """Return the record to run again; it says which model, and the command line says it again where that is Python."""
    from layercli.inspect.reference import is_python
    from layercli.runtime.reproduction import load

    found = load(path)
    if not is_python(found.plan.model):
        if model is not None:
            raise UsageError(f"--from {path} says which model to run, so {model} is one too many")
    elif model is None:
        raise UsageError(
            f"{path} names {found.plan.model}, and a file never says which Python is executed",
            hint=f"name the model again if you trust it: layercli run {shlex.quote(found.plan.model)} --from {path}",
        )
    elif model != found.plan.model:
        raise UsageError(f"{path} is the record of a run of {found.plan.model}, not of {model}")
    return found


def reproduction(before: Record, now: Record) -> Section:
    """Return whether the run gave the same as the one recorded, bit for bit."""
    from layercli.render.run import reproduction
    from layercli.runtime.reproduction import compare

    found = compare(before, now)
    return Section([reproduction(found)], {"reproduction": found.to_json()}, 0 if found.bit_equal else NO)


def warn(sentences: list[str]) -> None:
    """Tell what makes figures doubtful."""
    for sentence in sentences:
        output.message(f"warning: {sentence}")
