"""Guide "Distributed training": a mesh of devices, layouts of variables by regular expressions, what each distribution says."""

import keras
from keras import layers

mesh = keras.distribution.DeviceMesh((2, 4), ["data", "model"], devices=[f"cpu:{i}" for i in range(8)])
layouts = keras.distribution.LayoutMap(mesh)
layouts["d1/kernel"] = (None, "model")
layouts["d1/bias"] = ("model",)
layouts[".*conv.*kernel"] = keras.distribution.TensorLayout([None, None, None, "data"], mesh)
parallel = keras.distribution.ModelParallel(layout_map=layouts, batch_dim_name="data")
replicated = keras.distribution.DataParallel(devices=["cpu:0", "cpu:1"])

model = keras.Sequential(
    [keras.Input((8, 8, 3)), layers.Conv2D(4, 3, name="conv_a"), layers.Flatten(), layers.Dense(4, name="d1")]
)
found = {v.path.rpartition("/")[0].rpartition("/")[2] + "/" + v.path.rpartition("/")[2]: v for v in model.variables}

results = {
    "shape": [list(mesh.shape), list(mesh.axis_names), list(mesh.devices.shape)],
    "layouts": [[str(axis) for axis in parallel.get_variable_layout(v).axes] for v in found.values()],
    "asked": [str(layouts[path] and layouts[path].axes) for path in ("d1/kernel", "d2/kernel", "net/conv_a/kernel")],
    "data": [str(each.get_data_layout((16, 3)).axes) for each in (parallel, replicated)],
    "replicas": [parallel.num_model_replicas, replicated.num_model_replicas, parallel.data_shard_id],
    "keys": list(layouts),
}
