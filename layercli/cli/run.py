"""``layercli run``."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Any

from layercli.cli import arguments, output
from layercli.cli import run_options as options
from layercli.errors import UsageError

if TYPE_CHECKING:
    from layercli.inspect.ranking import Guess
    from layercli.runtime.run import Run


def run(
    model: arguments.Model,
    set_: arguments.Set = [],  # noqa: B006 - typer copies it
    input_shape: arguments.InputShape = [],  # noqa: B006
    at: arguments.At = [],  # noqa: B006
    input: options.Input = [],  # noqa: B006
    cast: options.Cast = False,
    rescale: options.Rescale = None,
    fill: options.Fill = "random",
    range_: options.Range = [],  # noqa: B006
    seed: options.Seed = 0,
    out: options.Output = None,
    force: options.Force = False,
    layers: options.Layers = None,
    top: options.Top = None,
    labels: options.Labels = None,
    check: options.Check = False,
    device: options.Device = "auto",
    dtype: options.Dtype = None,
    precision: options.Precision = "highest",
    threads: options.Threads = None,
    compile_: options.Compile = False,
    weights: options.Weights = None,
    format: output.FormatOption = None,
) -> int | None:
    """Run a model forward and show what comes out.

    [dim]$[/dim] layercli run resnet-block
    [dim]$[/dim] layercli run mlp --input x.npy --output y.npy --weights mlp.safetensors
    [dim]$[/dim] layercli run transformer-encoder --at T=128 --device cuda --dtype bfloat16
    [dim]$[/dim] layercli run net.py:Net --input a=x.npz:left --input b=y.csv --layers conv --check
    [dim]$[/dim] layercli run resnet50 --input photos/ --rescale 0,1 --top 5 --labels classes.txt
    """
    from layercli.files import results
    from layercli.inspect.ranking import read_labels

    if out is not None:
        results.check_target(out, force=force)
    if labels is not None and top is None:
        raise UsageError("--labels names the classes that --top shows", hint="--top 5")
    names = None if labels is None else read_labels(labels)

    from layercli.runtime import feeding, program
    from layercli.runtime.run import run as run_model

    subject = program.resolve(model, set_, seed)
    request = feeding.Request(input, input_shape, at, fill, range_, seed, cast, rescale)
    arrays = feeding.inputs_for(subject, request)
    settings = program.Settings(device, dtype, precision, threads, compile_, weights, seed)
    ready = program.prepare(subject, arrays, settings)
    if device == "auto":
        output.message(f"running on {ready.device}")
    report = run_model(ready, arrays, layers=layers, check=check)
    guesses = None if top is None else ranked(report, top, names)
    if out is not None:
        results.save(out, report.arrays(), report.source)
        output.message(f"wrote {'to standard output' if out == results.STANDARD_OUTPUT else out}")
    with redirect_stdout(sys.stderr) if out == results.STANDARD_OUTPUT else nullcontext():
        show(report, guesses, format)
    return verdict(report) if check else None


def ranked(report: Run, count: int, labels: list[str] | None) -> list[Guess]:
    """Return the classes with the highest values of the one output."""
    from layercli.inspect.ranking import top

    if len(report.outputs) != 1:
        raise UsageError(f"--top needs a model with one output, {report.source} has {len(report.outputs)}")
    return top(report.outputs[0].array, count, labels)


def show(report: Run, guesses: list[Guess] | None, format: output.Format | None) -> None:
    """Print the outputs, and the highest classes where they were asked for."""
    from layercli.render.run import ranking, table

    def document() -> dict[str, Any]:
        return report.to_json() | ({} if guesses is None else {"top": [guess.to_json() for guess in guesses]})

    output.emit([table(report)] if guesses is None else [table(report), ranking(guesses)], document, format)


def verdict(report: Run) -> int:
    """Return 1, and say where it starts, if something is not finite."""
    if report.finite:
        return 0
    output.message(f"not finite, first in {report.culprit or 'what the model computes outside its layers'}")
    return 1
