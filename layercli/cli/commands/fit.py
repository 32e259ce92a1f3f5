"""``layercli fit``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from layercli.cli import command_line, options, output
from layercli.errors import UsageError

if TYPE_CHECKING:
    from layercli.runtime.training.fit_command import FitReport

INTERRUPTED = 130


def fit(
    context: typer.Context,
    model: options.Model,
    data: options.Data,
    loss: options.Loss = None,
    set_: options.Set = [],  # noqa: B006 - typer copies it
    custom: options.Custom = [],  # noqa: B006
    validation: Annotated[
        str | None, typer.Option(metavar="FILE", help="Data to evaluate after every epoch.", show_default=False)
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="The number of passes over the data.")] = 1,
    batch_size: options.BatchSize = 32,
    optimizer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:SETTING=VALUE,...]",
            help="As in adam:learning_rate=1e-3. Default: the .keras file's, or adam.",
            show_default=False,
        ),
    ] = None,
    metrics: options.Metrics = [],  # noqa: B006
    input_shape: options.InputShape = [],  # noqa: B006
    rescale: options.Rescale = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    seed: Annotated[int, typer.Option(min=0, help="The seed of weights, data order and dropout.")] = 0,
    save: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Written after every epoch: .keras, .weights.h5, .safetensors, or a folder: out/.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        str | None,
        typer.Option(metavar="FILE.svg", help="Draw the metrics over the epochs.", show_default=False),
    ] = None,
    force: options.Force = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the file or folder of --save, if it exists.")
    ] = False,
    shard: Annotated[bool, typer.Option("--shard", help="Shard the weights among torchrun's ranks (FSDP2).")] = False,
    jit_compile: Annotated[bool, typer.Option("--jit-compile", help="Run the model through torch.compile.")] = False,
    format: output.FormatOption = None,
) -> int:
    """Train a model on arrays, a table or folders of images.

    [dim]$[/dim] layercli fit linear-regression --data line.npz --loss mse --epochs 20 --save line.safetensors --plot line.svg
    [dim]$[/dim] layercli fit mlp --data x.npy,y.npy --loss sparse_categorical_crossentropy:from_logits=true
    [dim]$[/dim] layercli fit net.py:CNN --data photos/ --input-shape 32,64,64,3 --rescale 0,1 --loss crossentropy
    [dim]$[/dim] layercli fit model.keras --data more.npz --epochs 3 --save model.keras
    [dim]$[/dim] torchrun --nproc-per-node 2 -m layercli fit mlp --data digits.npz --loss mse --save out/ --shard
    """
    from layercli.cli import distributed
    from layercli.inspect.python_import import register_custom_objects
    from layercli.sources.resolve import resolve

    distributed.notice_the_end()
    options.check_use(context, "force", save is not None, "--force writes over a file that exists: --save says which")
    if plot is not None:
        check_plot(plot)
    if validation is not None:
        check_validation(validation)

    register_custom_objects(custom)
    subject = resolve(model, set_).trained()

    from layercli.render.fit import table
    from layercli.runtime.training.dataset_files import Reading
    from layercli.runtime.training.fit_command import FitArguments, fit_file

    settings = FitArguments(optimizer, loss, tuple(metrics), batch_size, device, seed, shard, jit_compile, threads)
    report = fit_file(
        subject, settings, data, reading=Reading(tuple(input_shape), rescale),
        validation=validation, epochs=epochs, save=save, resume=resume,
        force=force or is_same(model, save), inform=output.print_info,
        verbose=0 if command_line.current().quiet else "auto",
    )  # fmt: skip
    if report.first and report.before is not None and report.before >= epochs:
        output.print_info(f"nothing to do: {save} has had {report.before} epochs, and --epochs is {epochs}")
    if report.first:
        output.emit(table(report, last=watched(format)), report.to_json, format)
        if plot is not None and report.logs:
            draw(report, plot)
        if save is None:
            output.print_info("nothing is saved: --save FILE keeps the weights")
    if report.interrupted:
        command_line.current().resume_hint = how_to_resume(save)
        return INTERRUPTED
    if not report.finite:
        output.print_info("the loss is not finite")
    return 0 if report.finite else 1


def is_same(model: str, save: str | None) -> bool:
    """Whether the file that is written is the one that the command line names as the model."""
    return save is not None and os.path.exists(model) and os.path.exists(save) and os.path.samefile(model, save)


def check_plot(path: str) -> None:
    """Refuse a picture that cannot be written, before anything is computed."""
    from layercli.formats.output_file import check_place

    if not path.endswith(".svg"):
        raise UsageError(f"--plot draws a .svg, not {path!r}")
    check_place(path, force=True)


def check_validation(path: str) -> None:
    """Refuse a share of the data, as Keras's ``validation_split`` takes, where a file is expected."""
    if path.replace(".", "", 1).removesuffix("%").isdecimal() and not os.path.exists(path):
        raise UsageError(f"--validation takes a file of data, not a share of --data, got {path!r}")


def draw(report: FitReport, path: str) -> None:
    """Write the picture of the metrics."""
    from layercli.formats.atomic import replacing
    from layercli.render.fit import plot

    with replacing(path) as stream:
        stream.write(plot(report).encode())


def watched(format: output.Format | None) -> bool:
    """Whether who sees the table has seen the line of every epoch above it."""
    seen = output.on_terminal(sys.stderr) and output.on_terminal(output.stdout())
    return seen and not command_line.current().quiet and output.chosen(format) is output.Format.table


def how_to_resume(save: str | None) -> str | None:
    """Return the command that resumes interrupted training."""
    if save is None:
        return None
    if save.endswith(".safetensors"):
        return "--resume goes on from .weights.h5, .keras or a folder: .safetensors holds no optimizer"
    return "the same command with --resume goes on"
