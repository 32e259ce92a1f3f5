"""Constructor calls that type checkers must accept."""

from typing import Any

import layercli
from layercli import callbacks, layers, losses, metrics, optimizers
from layercli.models.resnet import ResNet50
from layercli.optimizers import schedules


class Net(layercli.Model):
    """A model with its arguments as fields."""

    units: int
    activation: str | None = None

    def setup(self) -> None:
        """Make the layers."""
        self.hidden = layers.Dense(self.units, activation=self.activation)
        self.out = layers.Dense(10, name="out")

    def call(self, inputs: Any) -> Any:
        """Return the logits."""
        return self.out(self.hidden(inputs))


class Scale(layers.Layer):
    """A layer with a constructor of its own."""

    def __init__(self, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs: Any) -> Any:
        """Return the inputs times the factor."""
        return inputs * self.factor


class WideNet(Net):
    """A model with one more argument."""

    width: int = 2


net = Net(64, activation="relu", name="net")
wide: WideNet = WideNet(64, width=3)
scale = Scale(2.0, name="scale", dtype="float32")
dense: layers.Dense = layers.Dense(4, "relu", False, kernel_initializer="he_normal", name="dense", trainable=False)
regularized = layers.Dense(4, None, True, "zeros", "zeros", None, None, "l2")
conv = layers.Conv2D(filters=8, kernel_size=3, strides=(2, 2), padding="same", activation="relu", input_shape=(8, 8, 3))
pooled = layers.MaxPool2D(2)
lstm = layers.LSTM(16, return_sequences=True, dropout=0.5)
attention = layers.MultiHeadAttention(8, 64, dropout=0.1)
stack = layercli.Sequential([layers.Dense(4), layers.Dropout(0.5), layers.Flatten()], name="stack")
x = layercli.Input((4,))
model = layercli.Model(x, dense(x), name="functional")
named = layercli.Model(inputs=x, outputs=dense(x))
adam = optimizers.Adam(1e-3, beta_1=0.9, weight_decay=0.01, name="adam")
decayed = optimizers.SGD(schedules.CosineDecay(0.1, 100), momentum=0.9)
stopping = callbacks.EarlyStopping("val_loss", patience=3)
loss = losses.CategoricalCrossentropy(from_logits=True)
metric = metrics.SparseCategoricalAccuracy()
units: int = dense.units
model.compile("adam", loss="mse", metrics=["mae"])
resnet: ResNet50 = ResNet50(classes=10, name="resnet")
