"""``layercli run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layercli.cli import arguments, output
from layercli.errors import FileError, UsageError

if TYPE_CHECKING:
    from layercli.runtime.run import Run


def run(
    model: arguments.Model,
    set_: arguments.Set = [],  # noqa: B006 - typer copies it
    input_shape: arguments.InputShape = [],  # noqa: B006
    at: arguments.At = [],  # noqa: B006
    fill: Annotated[
        str, typer.Option(metavar="random|zeros|ones", help="What inputs without a file are filled with.")
    ] = "random",
    seed: Annotated[int, typer.Option(help="The seed of random inputs and of the weights.")] = 0,
    input: Annotated[
        list[str],
        typer.Option("--input", "-i", metavar="FILE", help="Inputs: .npy, or .npz by name.", show_default=False),
    ] = [],  # noqa: B006
    out: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the outputs: .npy or .npz.", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    weights: Annotated[
        str | None, typer.Option(metavar="FILE", help="The variables' values: .safetensors.", show_default=False)
    ] = None,
    format: output.FormatOption = None,
) -> None:
    """Run a model forward and show what comes out.

    [dim]$[/dim] layercli run resnet-block
    [dim]$[/dim] layercli run mlp --input x.npy --output y.npy --weights mlp.safetensors
    [dim]$[/dim] layercli run transformer-encoder --at T=128 --device cuda
    [dim]$[/dim] layercli run net.py:Net --input-shape 32,100 --fill ones --format json
    """
    from layercli.inspect import inputs as values
    from layercli.inspect.reference import resolve
    from layercli.inspect.shapes import inputs_of

    check_target(out)
    subject = resolve(model, set_)
    specs = inputs_of(subject.model, input_shape, at)
    arrays = values.read(subject.model, specs, input) if input else values.filled(specs, fill, seed)

    from layercli.render.run import table
    from layercli.runtime.run import run as run_model

    report = run_model(subject.model, arrays, source=subject.name, device=device, weight_file=weights, seed=seed)
    if out is not None:
        save(report, out)
    output.emit(table(report), report.to_json, format)


def check_target(path: str | None) -> None:
    """Refuse a target that cannot be written before anything is computed."""
    if path is None:
        return
    if Path(path).suffix not in (".npy", ".npz"):
        raise UsageError(f"outputs are written to .npy or .npz, not {path!r}")
    if Path(path).is_dir():
        raise FileError(f"{path} is a folder, not a file")
    if not Path(path).resolve().parent.is_dir():
        raise FileError(f"there is no folder {Path(path).parent} to write {Path(path).name} in")


def save(report: Run, path: str) -> None:
    """Write the outputs: one array as ``.npy``, all of them by name as ``.npz``; the whole file or nothing."""
    from layercli.files.npy import save_npy
    from layercli.files.npz import save_npz

    arrays = report.arrays()
    if path.endswith(".npz"):
        save_npz(path, arrays)
    elif len(arrays) == 1:
        save_npy(path, next(iter(arrays.values())))
    else:
        raise UsageError(f"{report.source} has {len(arrays)} outputs: write them to a .npz")
    output.message(f"wrote {path}")
