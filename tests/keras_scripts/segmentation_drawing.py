"""Example "Image segmentation": masks moved with their images by layers in a pipeline, and drawn on them."""

import keras
import numpy as np
from keras import layers, ops

rng = np.random.default_rng(0)
images = rng.integers(0, 255, (2, 12, 12, 3)).astype("float32")
masks = np.zeros((2, 12, 12, 1), "int32")
masks[:, 3:9, 2:7] = 1
masks[:, 5:, 8:] = 2

cropped = layers.CenterCrop(8, 6)({"images": images, "segmentation_masks": masks})
resized = layers.Resizing(6, 6, interpolation="nearest")({"images": images, "segmentation_masks": masks})
drawn = keras.visualization.draw_segmentation_masks(images, masks, num_classes=3, alpha=0.5)

results = {
    "crop": ops.convert_to_numpy(cropped["images"]),
    "cropped masks": ops.convert_to_numpy(cropped["segmentation_masks"]),
    "resized masks": ops.convert_to_numpy(resized["segmentation_masks"]),
    "drawn": ops.convert_to_numpy(drawn),
}
