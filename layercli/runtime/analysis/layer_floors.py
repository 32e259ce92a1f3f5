"""The least time of each layer of a run on the device that it ran on: the roofline that is measured there."""

from __future__ import annotations

import torch

from layercli.core import tree
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.errors import LayercliError
from layercli.inspect.cost import cost
from layercli.inspect.cost_graph import floating_dtype
from layercli.inspect.devices import DeviceLimits
from layercli.inspect.layer_graph import layer_graph
from layercli.inspect.model_graph import ModelGraph
from layercli.inspect.time_floor import Floor, time_floor
from layercli.runtime.analysis.flop_counter import traced_call
from layercli.runtime.analysis.module_graph import graph_of_trace
from layercli.runtime.analysis.roofline import measure
from layercli.runtime.execution.graph_module import GraphModule
from layercli.runtime.inference.prepared_model import PreparedModel


def layer_floors(program: PreparedModel, placed: object) -> dict[str, Floor]:
    """Return the floor of each layer by its path; empty where the operations of the run are not known."""
    graph = graph_of(program, placed)
    if graph is None or graph.incomplete:
        return {}
    dtype = floating_dtype(graph) or "float32"
    found = measure(program.device, getattr(torch, dtype))
    here = DeviceLimits("here", str(program.device), 0, found.bandwidth, {dtype: found.flops}, "measured")
    floor = time_floor(cost(graph), here)
    return {} if floor is None else dict(floor.modules)


def graph_of(program: PreparedModel, placed: object) -> ModelGraph | None:
    """Return the graph of a run on a tree of tensors; None for one that is not known."""
    model = program.model
    if isinstance(model, Layer):
        try:
            return layer_graph(model, tree.map_structure(spec_of, placed), name=program.name, source="")
        except LayercliError:
            return None
    if isinstance(model, GraphModule):
        return None  # the modules of its trace are not those of its file
    inputs = {str(i): spec_of(x) for i, x in enumerate(tree.flatten(placed)) if isinstance(x, torch.Tensor)}
    return graph_of_trace(model, traced_call(model, placed, program.flags), inputs, program.name, "")[0]
