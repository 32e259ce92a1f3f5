"""Layouts, meshes and distributions in one process; what several ranks do is in test_distributed.py."""

from __future__ import annotations

import numpy as np
import pytest

import layercli
from layercli import distribution
from layercli.distribution import DataParallel, DeviceMesh, LayoutMap, ModelParallel, TensorLayout
from layercli.errors import UsageError


@pytest.fixture
def mesh():
    return DeviceMesh((2, 4), ["batch", "model"], [f"cpu:{i}" for i in range(8)])


def test_paths_find_their_layouts_as_keras_s(mesh):
    layouts = LayoutMap(mesh)
    layouts[".*dense.*kernel"] = (None, "model")
    layouts[".*dense.*bias"] = ("model",)
    layouts["dense_1/kernel"] = TensorLayout((None, None))
    assert layouts["dense_1/kernel"].axes == (None, None)
    assert layouts["net/dense_2/kernel"].axes == (None, "model")
    assert layouts["net/dense_2/kernel"].device_mesh is mesh
    assert layouts["dense/kernel/more"] is None
    assert layouts["conv/kernel"] is None
    assert list(layouts) == [".*dense.*kernel", ".*dense.*bias", "dense_1/kernel"]
    layouts["dense.*"] = ("batch",)
    with pytest.raises(UsageError) as raised:
        layouts["dense/bias"]
    assert str(raised.value) == "the path dense/bias matches 2 keys of the LayoutMap: .*dense.*bias, dense.*"
    with pytest.raises(UsageError, match=r"^the mesh has no axis 'rows': its axes are batch, model$"):
        layouts["a"] = ("rows",)
    with pytest.raises(UsageError, match=r"^the LayoutMap already has dense\.\*, as <TensorLayout axes=\('batch',\)"):
        layouts["dense.*"] = (None,)


def test_distributions_say_their_layouts(mesh):
    layouts = LayoutMap(mesh)
    layouts["dense/kernel"] = (None, "model")
    parallel = ModelParallel(layout_map=layouts, batch_dim_name="batch")
    dense = layercli.layers.Dense(4, name="dense")
    dense.build((None, 3))
    assert parallel.get_variable_layout(dense.kernel).axes == (None, "model")
    assert parallel.get_variable_layout(dense.bias).axes == (None,)
    assert parallel.get_data_layout((8, 3)).axes == ("batch", None)
    assert (parallel.num_model_replicas, parallel.num_processes, parallel.data_shard_id) == (2, 1, 0)
    with pytest.warns(UserWarning, match="^DataParallel divides batches by the first of the 2 axes of the mesh$"):
        data = DataParallel(mesh)
    assert (data.num_model_replicas, data.batch_dim_name) == (8, "batch")
    assert (
        repr(DataParallel(devices=["cpu:0"]))
        == "<DataParallel device_mesh=<DeviceMesh shape=(1,), axis_names=['batch']>>"
    )
    with data.scope():
        assert distribution.distribution() is data
    assert distribution.distribution() is None


def test_one_process_follows_a_mesh_of_its_own_device_and_no_other(mesh):
    assert distribution.list_devices("cpu") == ["cpu:0"]
    assert distribution.get_device_count("tpu") == 0
    x, y = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")
    model = layercli.Sequential([layercli.layers.Dense(1)])
    model.compile("sgd", "mse")
    with DataParallel(devices=["cpu:0"]).scope():
        model.fit(x, y, verbose=0)
    wrong = "^the mesh has 8 devices, a rank for each, and there is only this process$"
    with ModelParallel(layout_map=LayoutMap(mesh)).scope(), pytest.raises(UsageError, match=wrong) as raised:
        model.fit(x, y, verbose=0)
    assert raised.value.hint == "torchrun --nproc-per-node 8 script.py"
    with pytest.raises(UsageError, match=r"^a DeviceMesh of the shape \(3,\) has 3 places, not 1$"):
        DeviceMesh((3,), ["batch"], ["cpu:0"])
    with pytest.raises(UsageError, match=r"^initialize needs job_addresses, num_processes and process_id$"):
        distribution.initialize("10.0.0.1:1234")
    own = DeviceMesh((1,), ["batch"], ["cpu:0"])
    assert distribution.distribute_tensor(x, TensorLayout(("batch", None), own)).tolist() == x.tolist()
