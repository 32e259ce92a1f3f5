"""ONNX graphs made by hand, and those that torch exports."""

from __future__ import annotations

import logging
import warnings
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper


def tensor(name, shape, dtype=TensorProto.FLOAT):
    """Return what is said of an input or an output."""
    return helper.make_tensor_value_info(name, dtype, shape)


def array(name, shape, dtype="float32"):
    """Return an initializer of ones."""
    return numpy_helper.from_array(np.ones(shape, dtype), name)


def written(path, nodes, inputs, outputs, held=(), *, opset=20, domains=(), functions=(), infos=()):
    """Write a model of those nodes; what it holds are initializers."""
    graph = helper.make_graph(nodes, "made", inputs, outputs, list(held), value_info=list(infos))
    versions = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=10, functions=list(functions))
    onnx.save(model, str(path))
    return str(path)


def exported(module, inputs, path, **how):
    """Write what torch exports of a module, or of a program of torch.export, saying nothing."""
    given(module, inputs, str(path), external_data=False, **how)
    return str(path)


def exported_twice(module, inputs, path):
    """Return the paths of what torch exports before and after it is optimized, which is the last step of an export."""
    program = given(module, inputs, None, optimize=False)
    before, after = (path.with_stem(f"{path.stem}_{name}") for name in ("before", "after"))
    program.save(before)
    program.optimize()
    program.save(after)
    return str(before), str(after)


def given(module, inputs, path, **how):
    """Return what torch's exporter gives."""
    logging.getLogger("torch.onnx").setLevel(logging.CRITICAL)
    how = {"dynamo": True, "verbose": False, **how}
    with warnings.catch_warnings(action="ignore"), redirect_stdout(StringIO()), torch.no_grad():
        module = module.eval() if isinstance(module, torch.nn.Module) else module
        return torch.onnx.export(module, tuple(inputs), path, **how)


def randomized(module):
    """Return a module with values none of which are alike, which an exporter would keep once."""
    with torch.no_grad():
        for x in [*module.parameters(), *module.buffers()]:
            if x.is_floating_point():
                x.uniform_(0.5, 1.5)
    return module
