"""What a report on a model holds: summary, picture, variables, cost, and where asked for statistics, a profile and a difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.core import dims
from layercli.core.dims import BATCH
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.inspect.time_floor import traffic_of

if TYPE_CHECKING:
    from layercli.inspect.cost import Cost
    from layercli.inspect.devices import DeviceLimits
    from layercli.inspect.diff import ModelDiff
    from layercli.inspect.model_graph import ModelGraph
    from layercli.inspect.plot_graph import PlotGraph
    from layercli.inspect.summary import Summary
    from layercli.inspect.variables import Variables

USUAL_SIZE = 128
"""The value of a named size in the curves of a report, if none is given; the batch is 1."""
LARGEST_PROFILE = 100_000_000


@dataclass
class Report:
    """All that a report shows; what was not asked for, or is not known, is None or empty."""

    graph: ModelGraph
    summary: Summary
    picture: PlotGraph
    variables: Variables
    cost: Cost | None = None
    device: DeviceLimits | None = None
    profile: Mapping[str, Any] | None = None
    diff: ModelDiff | None = None
    notes: list[str] = field(default_factory=list)


def usual_sizes(graph: ModelGraph) -> dict[str, int]:
    """Return a value for each named size of the inputs."""
    names = {name for _, place in graph.inputs for size in graph.values[place].spec.shape for name in dims.names(size)}
    return {name: 1 if name == BATCH else USUAL_SIZE for name in sorted(names)}


def memory_curve(cost: Cost) -> list[tuple[int, int]]:
    """Return the bytes of weights and live activations during each call, by its number from 1; empty if a size is unknown."""
    fixed, sums = dims.at(cost.memory.fixed_bytes, cost.at), cost.memory.moving.sums(cost.at)
    if not isinstance(fixed, int) or sums is None:
        return []
    return [(i, fixed + live) for i, live in enumerate(sums, 1)]


def roofline_points(cost: Cost) -> Iterator[tuple[float, float]]:
    """Yield the intensity of each call that multiplies, in FLOPs for each byte that it moves at least, and its FLOPs."""
    for size, moved_bytes in {
        (call.macs, traffic_of(cost.graph, call)): None for call in cost.graph.calls if call.macs
    }:
        macs, moved = dims.at(size or 0, cost.at), dims.at(moved_bytes, cost.at)
        if isinstance(macs, int) and isinstance(moved, int) and moved:
            yield 2 * macs / moved, 2.0 * macs


def read_profile(path: Path) -> dict[str, object]:
    """Return what ``layercli profile --format json`` wrote; FormatError for any other content."""
    from layercli.formats import strict_json
    from layercli.formats.os_errors import reading

    with reading(path), path.open("rb") as file:
        raw = file.read(LARGEST_PROFILE + 1)
    document = strict_json.parse(path, raw[:LARGEST_PROFILE], "a profile") if len(raw) <= LARGEST_PROFILE else None
    held = document.get("profile") if isinstance(document, dict) else None
    rows = held.get("layers") if isinstance(held, dict) else None
    if not isinstance(rows, list) or not all(map(is_profile_row, rows)):
        raise FormatError(
            f"{path} is not a profile", hint=f"write one: layercli profile MODEL --format json > {path.name}"
        )
    return {"layers": rows, "seconds": held.get("seconds") if isinstance(held, dict) else None}


def is_profile_row(row: Any) -> bool:
    """Whether an entry of a profile has a path, a time and a share."""
    numbers = isinstance(row, dict) and all(isinstance(row.get(key), (int, float)) for key in ("self", "share"))
    return numbers and isinstance(row.get("path"), str)
