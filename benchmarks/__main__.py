"""Run the named benchmarks, or all of them, and print the ratios; exit 1 if one exceeds its limit."""

from __future__ import annotations

import platform
import sys
from importlib import import_module

from layercli.render import markdown
from layercli.render.table import Column, Table

ALL = (
    "summary_cli",
    "files",
    "folders",
    "layer_overhead",
    "resnet50",
    "lstm",
    "encoder",
    "batch_inference",
    "training",
    "distributed",
    "cuda",
)


def main(names: list[str]) -> int:
    rows, missed = [], 0
    for name in names or ALL:
        for result in import_module(f"benchmarks.{name}").results():
            missed += result.verdict == "MISSED"
            shown = [None if value is None else f"{value:.3g}x" for value in (result.ratio, result.at_most)]
            rows.append([result.what, result.ours, result.peer, result.theirs, *shown, result.verdict])
            print(f"{result.what} / {result.peer}: {shown[0]}", file=sys.stderr, flush=True)
    titles = ["What", "layercli", "Peer", "Peer's", "Ratio", "At most", "Verdict"]
    print(markdown.draw(Table("", [Column(title) for title in titles], rows)))
    print(f"Python {platform.python_version()}, {machine()}")
    return 1 if missed else 0


def machine() -> str:
    """Return the processor, its cores in use, and torch's version."""
    import torch

    with open("/proc/cpuinfo") as lines:
        model = next(
            (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
        )
    return f"PyTorch {torch.__version__}, {model}, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
