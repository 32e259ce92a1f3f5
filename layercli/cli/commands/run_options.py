"""The options of ``run``, ``compare``, ``bench`` and ``profile``; ``model_options`` has the group of those they share."""

from __future__ import annotations

from typing import Annotated

import typer

from layercli.cli.options import complete_model

RUNNABLE = (
    "A named model, Python (net.py:Net, a Layer or a torch.nn.Module), a Hugging Face folder, "
    "or a .keras, .h5, .onnx or .pt2."
)
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help=RUNNABLE,
        autocompletion=complete_model,
        show_default=False,
    ),
]
ModelToReplay = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        help=RUNNABLE,
        autocompletion=complete_model,
        show_default=False,
    ),
]
Other = Annotated[
    str | None,
    typer.Argument(
        metavar="OTHER", help="Another model to compare it with.", autocompletion=complete_model, show_default=False
    ),
]
INPUTS, OUTPUTS, DEVICE, AGAIN = "Inputs", "Outputs", "Device and precision", "Reproduction"

Input = Annotated[
    list[str],
    typer.Option(
        "--input",
        "-i",
        metavar="[NAME=]FILE[:KEY]",
        help=".npy, .npz, .safetensors, .json, .jsonl, .csv, .parquet, an image, a folder of images, - for npy on standard input.",
        show_default=False,
        rich_help_panel=INPUTS,
    ),
]
Text = Annotated[
    list[str],
    typer.Option(
        "--text",
        metavar="TEXT",
        help="A text as token ids, by the tokenizer.json of a Hugging Face folder; once per item of the batch.",
        show_default=False,
        rich_help_panel=INPUTS,
    ),
]
Argument = Annotated[
    list[str],
    typer.Option(
        "--arg",
        metavar="NAME=VALUE",
        help="An argument of a torch module's forward that is not a tensor: use_cache=false.",
        show_default=False,
        rich_help_panel=INPUTS,
    ),
]
Cast = Annotated[
    bool,
    typer.Option(
        "--cast", help="Cast inputs of another kind (integers, floats) to the model's dtype.", rich_help_panel=INPUTS
    ),
]
Rescale = Annotated[
    str | None,
    typer.Option(
        metavar="BLACK,WHITE",
        help="Rescale pixels 0 and 255 to these values: 0,1 or -1,1.",
        show_default=False,
        rich_help_panel=INPUTS,
    ),
]
Fill = Annotated[
    str,
    typer.Option(
        metavar="random|zeros|ones|range", help="The values of inputs without a file.", rich_help_panel=INPUTS
    ),
]
Range = Annotated[
    list[str],
    typer.Option(
        "--range",
        metavar="[NAME=]LOW,HIGH",
        help="The range of random or evenly spaced fill values.",
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
        help="Write the results: .npy, .npz, .safetensors, .json, .jsonl, .csv, or - for npy on standard output.",
        show_default=False,
        rich_help_panel=OUTPUTS,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite existing files.", rich_help_panel=OUTPUTS)]
BatchSize = Annotated[
    str | None,
    typer.Option(
        metavar="N|auto",
        help="Stream: read, run and write this many rows at a time, from files larger than memory to a .npy.",
        show_default=False,
        rich_help_panel=OUTPUTS,
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Resume an interrupted stream.", rich_help_panel=OUTPUTS)]
Layers = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERN",
        help="Also return the results of these layers: part of a path, or a shell pattern.",
        show_default=False,
        rich_help_panel=OUTPUTS,
    ),
]
Top = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="K",
        help="The K highest classes of each item; of a decoder, the next tokens.",
        show_default=False,
        rich_help_panel=OUTPUTS,
    ),
]
Generate = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1_000_000,
        metavar="N",
        help="Decode up to N more tokens: at each step the most likely one.",
        show_default=False,
        rich_help_panel=OUTPUTS,
    ),
]
Labels = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="A file with the class names, one per line.", show_default=False, rich_help_panel=OUTPUTS
    ),
]
Check = Annotated[
    bool,
    typer.Option(
        "--check", help="Exit 1 if a result is not finite, and name the first such layer.", rich_help_panel=OUTPUTS
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.", rich_help_panel=DEVICE)]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="The weights: .safetensors, .npz.",
        show_default=False,
        rich_help_panel=DEVICE,
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        metavar="NAME",
        help="The dtype to compute in: bfloat16, float16, float64, ...",
        show_default=False,
        rich_help_panel=DEVICE,
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        metavar="highest|high|medium",
        help="The precision of float32 matrix products: high allows TF32.",
        rich_help_panel=DEVICE,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="The number of CPU threads.", show_default=False, rich_help_panel=DEVICE),
]
Compile = Annotated[
    bool, typer.Option("--compile", help="Run the model through torch.compile.", rich_help_panel=DEVICE)
]
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
        help="Use the channels-last memory format in a torch.nn.Module; layercli's models always do.",
        rich_help_panel=DEVICE,
    ),
]
Offload = Annotated[
    bool,
    typer.Option(
        "--offload",
        help="Leave the weights of a Hugging Face folder on disk, and read each when it is used.",
        rich_help_panel=DEVICE,
    ),
]
Shard = Annotated[
    bool,
    typer.Option(
        "--shard",
        help="Share the weights of a Hugging Face folder among torchrun's ranks.",
        rich_help_panel=DEVICE,
    ),
]
Repeat = Annotated[
    str, typer.Option(metavar="N|5s", help="The number of measured runs, or seconds to measure for (5s).")
]
Warmup = Annotated[
    int,
    typer.Option(
        min=0,
        help="Runs before the measured ones; with fewer than two, a run that prepares later ones is measured too.",
    ),
]
Rival = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="MODEL",
        help="Alternate with another model: exit 0 within --max-slowdown, 1 slower, 3 inconclusive.",
        autocompletion=complete_model,
        show_default=False,
    ),
]
MaxSlowdown = Annotated[float, typer.Option(min=0, help="The highest allowed ratio of its time to that of --against.")]
Sort = Annotated[
    str | None,
    typer.Option(
        metavar="time|memory|macs",
        help="Sort layers by own time, memory or MACs, highest first.",
        show_default=False,
    ),
]
Trace = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Also write a trace of one run for Perfetto, as JSON.", show_default=False),
]
ForceTrace = Annotated[bool, typer.Option("--force", help="Overwrite an existing trace.")]
With = Annotated[
    str | None,
    typer.Option(
        "--with",
        metavar="cpu|cuda|float64|compile|onnx|FILE",
        help="Another way to run the same model, or results saved by run --output.",
        show_default=False,
    ),
]
Rtol = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Allowed relative difference. Default: a bound on rounding errors.",
        show_default=False,
    ),
]
Atol = Annotated[
    float | None, typer.Option(min=0, help="Allowed absolute difference, in addition to --rtol.", show_default=False)
]
RecordTo = Annotated[
    str | None,
    typer.Option(
        "--record",
        metavar="FILE",
        help="Record what was run, the versions, and hashes of the outputs.",
        show_default=False,
        rich_help_panel=AGAIN,
    ),
]
Replay = Annotated[
    str | None,
    typer.Option(
        "--replay",
        metavar="FILE",
        help="Repeat a recorded run in place of MODEL, inputs and device; exit 1 if it is not bit-equal.",
        show_default=False,
        rich_help_panel=AGAIN,
    ),
]
