"""Example "Object detection": anchors matched with boxes by overlap, a head trained on the differences, and boxes decoded."""

import keras
import numpy as np
from keras import layers, ops
from keras.utils import bounding_boxes

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
size = 16
centers = np.stack(np.meshgrid(np.arange(2, size, 4), np.arange(2, size, 4)), -1).reshape(-1, 2)
anchors = np.concatenate([centers, np.full_like(centers, 6)], 1).astype("float32")
corners = np.sort(rng.uniform(0, size, (4, 1, 2, 2)), 2).reshape(4, 1, 4).astype("float32")
images = rng.uniform(0, 1, (4, size, size, 3)).astype("float32")

smaller = layers.Resizing(size // 2, size, bounding_box_format="xyxy")
given = {"images": images, "bounding_boxes": {"boxes": corners, "labels": np.ones((4, 1), "int32")}}
resized = smaller(given)

overlaps = bounding_boxes.compute_iou(
    bounding_boxes.convert_format(anchors, "center_xywh", "xyxy"), ops.convert_to_tensor(corners), "xyxy"
)
matched = ops.cast(overlaps > 0.2, "float32")
targets = bounding_boxes.encode_box_to_deltas(
    anchors, ops.convert_to_tensor(corners), "center_xywh", "xyxy", variance=[0.1, 0.1, 0.2, 0.2]
)

inputs = keras.Input((size, size, 3))
x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(inputs)
x = layers.Conv2D(4, 3, strides=2, padding="same")(x)
model = keras.Model(inputs, layers.Reshape((16, 4))(x))
set_weights(model)
model.compile(keras.optimizers.SGD(0.01), keras.losses.Huber())
history = model.fit(
    images, targets, sample_weight=ops.max(matched, -1), batch_size=2, epochs=3, shuffle=False, verbose=0
)
decoded = bounding_boxes.decode_deltas_to_boxes(
    anchors, model(images), "center_xywh", "xyxy", variance=[0.1, 0.1, 0.2, 0.2]
)
clipped = bounding_boxes.clip_to_image_size({"boxes": decoded, "labels": np.ones((4, 16), "int32")}, size, size)

results = {
    "resized": ops.convert_to_numpy(resized["bounding_boxes"]["boxes"]),
    "overlaps": ops.convert_to_numpy(overlaps),
    "loss": history.history["loss"],
    "decoded": ops.convert_to_numpy(clipped["boxes"])[:, :3],
    "labels": ops.convert_to_numpy(clipped["labels"]),
}
