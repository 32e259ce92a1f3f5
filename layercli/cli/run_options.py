"""The options of ``layercli run``, in the groups its help shows them in."""

from __future__ import annotations

from typing import Annotated

import typer

from layercli.cli.arguments import complete_model

Model = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        help="A named model, Python (net.py:Net, a layercli Layer or any torch.nn.Module), or a .keras, .pt2 or .onnx.",
        autocompletion=complete_model,
        show_default=False,
    ),
]
INPUTS, OUTPUTS, DEVICE = "Inputs", "Outputs", "Device and precision"
TIME, COMPARISON, AGAIN = "Time and profile", "Comparison", "Doing it again"

Input = Annotated[
    list[str],
    typer.Option(
        "--input",
        "-i",
        metavar="[NAME=]FILE[:KEY]",
        help=".npy, .npz, .safetensors, .csv, .parquet, an image, a folder of images, or - for npy on standard input.",
        show_default=False,
        rich_help_panel=INPUTS,
    ),
]
Cast = Annotated[
    bool,
    typer.Option("--cast", help="Convert inputs of another kind of number to the model's.", rich_help_panel=INPUTS),
]
Rescale = Annotated[
    str | None,
    typer.Option(
        metavar="BLACK,WHITE",
        help="What the pixels 0 and 255 of images become: 0,1 or -1,1.",
        show_default=False,
        rich_help_panel=INPUTS,
    ),
]
Fill = Annotated[
    str,
    typer.Option(
        metavar="random|zeros|ones|range", help="What inputs without a file are filled with.", rich_help_panel=INPUTS
    ),
]
Range = Annotated[
    list[str],
    typer.Option(
        "--range",
        metavar="[NAME=]LOW,HIGH",
        help="Between what an input is filled at random, or in equal steps.",
        show_default=False,
        rich_help_panel=INPUTS,
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="The seed of random inputs and of the weights.", rich_help_panel=INPUTS)]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the results: .npy, .npz, .safetensors, .csv, or - for npy on standard output.",
        show_default=False,
        rich_help_panel=OUTPUTS,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Write over files that exist.", rich_help_panel=OUTPUTS)]
BatchSize = Annotated[
    str | None,
    typer.Option(
        metavar="N|auto",
        help="Stream: read, run and write so many rows at a time, from files larger than memory to a .npy.",
        show_default=False,
        rich_help_panel=OUTPUTS,
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with a stream that was interrupted.", rich_help_panel=OUTPUTS)
]
Layers = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERN",
        help="The results of these layers too: part of a path, or a shell pattern.",
        show_default=False,
        rich_help_panel=OUTPUTS,
    ),
]
Top = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="K", help="The K highest classes of each item.", show_default=False, rich_help_panel=OUTPUTS
    ),
]
Labels = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="The classes' names, one a line.", show_default=False, rich_help_panel=OUTPUTS),
]
Check = Annotated[
    bool,
    typer.Option("--check", help="Exit 1 if a result is not finite, naming where it starts.", rich_help_panel=OUTPUTS),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.", rich_help_panel=DEVICE)]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="The variables' values: .safetensors, .npz.",
        show_default=False,
        rich_help_panel=DEVICE,
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        metavar="NAME",
        help="What it computes in: bfloat16, float16, float64, ...",
        show_default=False,
        rich_help_panel=DEVICE,
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        metavar="highest|high|medium", help="Of float32 matrix products: high allows TF32.", rich_help_panel=DEVICE
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Threads of the CPU.", show_default=False, rich_help_panel=DEVICE),
]
Compile = Annotated[bool, typer.Option("--compile", help="Run it through torch.compile.", rich_help_panel=DEVICE)]
Fuse = Annotated[
    bool,
    typer.Option(
        "--fuse",
        help="Fold batch normalizations into weights; on a CPU, sums and activations into kernels.",
        rich_help_panel=DEVICE,
    ),
]
ChannelsLast = Annotated[
    bool,
    typer.Option(
        "--channels-last",
        help="Let a torch.nn.Module hold images and kernels channels last, as layercli's models always do.",
        rich_help_panel=DEVICE,
    ),
]
Repeat = Annotated[
    str | None,
    typer.Option(
        metavar="N|5s",
        help="Measure so many runs, or for so many seconds.",
        show_default=False,
        rich_help_panel=TIME,
    ),
]
Warmup = Annotated[int, typer.Option(min=0, help="Runs before those that are measured.", rich_help_panel=TIME)]
AgainstTime = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="Measure in turns with another model: exit 0 within, 1 slower, 3 inconclusive.",
        show_default=False,
        rich_help_panel=TIME,
    ),
]
MaxSlowdown = Annotated[
    float,
    typer.Option(min=0, help="How many times as long as --against-time it may take.", rich_help_panel=TIME),
]
Profile = Annotated[
    bool,
    typer.Option("--profile", help="Time, memory and MACs of every layer; the longest kernels.", rich_help_panel=TIME),
]
Sort = Annotated[
    str | None,
    typer.Option(
        metavar="time|memory|macs",
        help="The layers of --profile, highest first: by own time, memory or MACs.",
        show_default=False,
        rich_help_panel=TIME,
    ),
]
Trace = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Write the trace of one run for Perfetto, as JSON.",
        show_default=False,
        rich_help_panel=TIME,
    ),
]
Against = Annotated[
    str | None,
    typer.Option(
        metavar="cpu|cuda|float64|compile|onnx|FILE|MODEL",
        help="Compare every layer's result with another way to run it, saved results, or a model: exit 0 or 1.",
        show_default=False,
        rich_help_panel=COMPARISON,
    ),
]
Rtol = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="How far values may be apart, as a share of each. Default: what rounding may do.",
        show_default=False,
        rich_help_panel=COMPARISON,
    ),
]
Atol = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="How far values may be apart, beside --rtol.",
        show_default=False,
        rich_help_panel=COMPARISON,
    ),
]
Repro = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Write down what was run, under which versions, and hashes of what came out.",
        show_default=False,
        rich_help_panel=AGAIN,
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="FILE",
        help="Run what --repro wrote, in place of MODEL, inputs and device: exit 1 if it is not bit-equal.",
        show_default=False,
        rich_help_panel=AGAIN,
    ),
]
