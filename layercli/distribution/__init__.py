"""How data and variables are divided among devices, as in Keras's ``distribution``, over PyTorch's device mesh.

A device is a rank: one process with one GPU, or with CPU threads, that torchrun or ``initialize`` joins with the others. Under
``DataParallel`` each rank takes its part of every batch, under ``ModelParallel`` it also holds only its part of the variables that
a ``LayoutMap`` divides, with their gradients and the optimizer's state; a variable is gathered whole for a call of the model.
"""

from layercli.distribution.device_mesh import DeviceMesh, TensorLayout
from layercli.distribution.devices import distribute_tensor, get_device_count, initialize, list_devices
from layercli.distribution.layout_map import LayoutMap
from layercli.distribution.scope import distribution, set_distribution
from layercli.distribution.strategies import DataParallel, ModelParallel

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "set_distribution",
]
