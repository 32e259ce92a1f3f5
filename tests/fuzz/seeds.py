"""Small files of every format, each made by the format's own writer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from torch import nn

from layercli import Input, Model, Sequential, layers

KERNEL, BIAS = np.arange(12, dtype=np.float32).reshape(4, 3), np.zeros(3, np.float32)


def hdf5(path: Path) -> None:
    """Write groups, chunks and a scalar."""
    with h5py.File(path, "w") as file:
        file.create_dataset("dense/vars/0", data=KERNEL, chunks=(2, 3), compression="gzip")
        file.create_dataset("dense/vars/1", data=BIAS)
        file["steps"] = 3


def gguf(path: Path) -> None:
    """Write settings, a plain tensor and a quantized one."""
    from gguf import GGMLQuantizationType, GGUFWriter

    writer = GGUFWriter(path, "llama")
    writer.add_array("tokens", ["a", "b"])
    writer.add_tensor("w", KERNEL)
    writer.add_tensor("q", np.zeros((2, 18), np.uint8), raw_dtype=GGMLQuantizationType.Q4_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def graph(path: Path) -> None:
    """Write a product and a sum."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Add", ["h", "b"], ["y"])]
    ends = (
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
    )
    held = [numpy_helper.from_array(KERNEL, "w"), numpy_helper.from_array(BIAS, "b")]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", *ends, held)), path)


def functional(path: Path) -> None:
    """Write a model with a shared layer, a merge and a nested stack."""
    x = Input((4,), name="x")
    shared = layers.Dense(4, name="shared")
    inner = Sequential([Input((4,)), layers.Dense(3, activation="relu", name="a")], name="inner")
    Model(x, inner(layers.Add()([shared(x), shared(shared(x))]))).save(path)


def module() -> nn.Module:
    """Return a small torch module."""
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.BatchNorm1d(3)).eval()


def checkpoint(path: Path) -> None:
    """Write a checkpoint with a state_dict, an optimizer's state and other values."""
    made = module()
    adam = torch.optim.Adam(made.parameters())
    torch.save({"model": made.state_dict(), "optimizer": adam.state_dict(), "step": 3, "shape": torch.Size([2])}, path)


def exported(path: Path) -> None:
    """Write a program with a size that is not known."""
    sizes = ({0: torch.export.Dim("N", min=2, max=64)},)
    torch.export.save(torch.export.export(module(), (torch.zeros(5, 4),), dynamic_shapes=sizes), path)


WRITERS: dict[str, Callable[[Path], None]] = {
    "m.safetensors": lambda path: save_file({"dense/kernel": KERNEL, "dense/bias": BIAS}, path, {"format": "np"}),
    "m.npy": lambda path: np.save(path, KERNEL),
    "m.npz": lambda path: np.savez_compressed(path, kernel=KERNEL, bias=BIAS),
    "m.h5": hdf5,
    "m.gguf": gguf,
    "m.pt": checkpoint,
    "m.onnx": graph,
    "m.keras": functional,
    "m.pt2": exported,
    "m.csv": lambda path: path.write_text("a,b\n1,2.5\n3,nan\n") and None,
}
"""The writer of each file."""


def written(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file by its name."""
    for name, write in WRITERS.items():
        write(folder / name)
    return {name: (folder / name).read_bytes() for name in WRITERS}
