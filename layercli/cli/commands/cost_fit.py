"""Whether a model fits in the memory of a device, and how large its sizes may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercli.cli.commands.model_options import Describing
from layercli.dataclass import dataclass
from layercli.errors import LayercliError, UsageError

if TYPE_CHECKING:
    from layercli.inspect.cost import Cost
    from layercli.inspect.cost_graph import CostGraph
    from layercli.inspect.devices import DeviceLimits
    from layercli.inspect.fit import Fit
    from layercli.inspect.time_floor import TimeFloor
    from layercli.inspect.training_cost import Training
    from layercli.sources.source import Source


@dataclass(frozen=True)
class WeightStorage:
    """How weights are stored in inference: in so many bits, in their file until they are used, or shared among ranks."""

    bits: int | None = None
    offloaded: bool = False
    ranks: int = 1

    @property
    def elsewhere(self) -> bool:
        """Whether they are not all on the device."""
        return self.offloaded or self.ranks > 1

    def of(self, opened: CostGraph) -> CostGraph:
        """Return the graph with its weights stored so."""
        placed = opened.placed(self.offloaded, self.ranks) if self.elsewhere else opened
        return placed.with_weights(self.bits)


def cost_of_graph(opened: CostGraph, at: dict[str, int], dtype: str | None, training: Training | None) -> Cost:
    """Return the cost of one call, or of one training step."""
    from layercli.inspect.remedies import measured

    return measured(opened, training, {**opened.at, **at}, dtype)


def device_of(memory: str | None, on: str | None, dtype: str | None) -> DeviceLimits | None:
    """Return the device to fit on: one of so much memory, one of the table, or this machine; UsageError where two are given."""
    from layercli.inspect import devices, quantities

    if memory is not None and on is not None:
        raise UsageError("--memory and --on both say how much memory there is: give one of them")
    if memory is not None:
        return devices.DeviceLimits("", "", quantities.bytes_in(memory, "--memory"), 0.0)
    if on == devices.HERE:
        from layercli.runtime.analysis.roofline import limits_here

        return limits_here(dtype or "float32")
    return None if on is None else devices.find_device(on)


def fitted(opened: CostGraph, found: Cost, training: Training | None, device: DeviceLimits) -> Fit:
    """Return whether it fits, and where it does not, what would make it fit."""
    from dataclasses import replace

    from layercli.inspect.fit import fit
    from layercli.inspect.remedies import bytes_of, remedies, smaller_sizes

    answer = fit(found, device.memory, device.title)
    if answer.fits:
        return answer
    changes = remedies(opened, training, found, device.memory)
    smaller = smaller_sizes(answer, found.at, bytes_of(found))
    return replace(answer, remedies=(*smaller, *changes))


def with_largest(
    fit: Fit,
    source: Source,
    describing: Describing,
    dtype: str | None,
    training: Training | None,
    stored: WeightStorage,
) -> Fit:
    """Return the answer with the largest sizes that fit, of a model that is described again at each size."""
    from dataclasses import replace
    from functools import partial

    from layercli.core import dims
    from layercli.inspect.cost_graph import with_open_batch
    from layercli.inspect.fit import largest_described
    from layercli.inspect.remedies import smaller_sizes
    from layercli.inspect.shape_parser import fill, parse_sizes

    inputs, at = with_open_batch(source.inputs(describing.input_shape))
    at |= parse_sizes(describing.at)

    def bytes_at(name: str, value: int) -> int | None:
        try:
            opened = source.cost_graph(fill(inputs, {**at, name: value}), dtype, training=training is not None)
            opened = stored.of(opened)
            return cost_of_graph(opened, {}, dtype, training).bytes
        except LayercliError:  # as of more tokens than a table has positions
            return None

    names = sorted(at, key=lambda name: (name != dims.BATCH, name))
    found = {name: largest_described(partial(bytes_at, name), at[name], fit.bytes, fit.capacity) for name in names}
    fit = replace(fit, largest=found)
    return fit if fit.fits else replace(fit, remedies=(*smaller_sizes(fit, at, bytes_at), *fit.remedies))


def floor_of(found: Cost, device: DeviceLimits) -> TimeFloor | None:
    """Return the least time of one call on the device; None where its bandwidth is not known."""
    from layercli.inspect.time_floor import time_floor

    floor = time_floor(found, device) if device.bandwidth else None
    if floor is None and device.bandwidth:
        found.notes.append(f"the least time on {device.title} is not known: its rate, or a size, is not")
    return floor
