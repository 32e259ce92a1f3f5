"""Example "Point cloud classification with PointNet": an own regularizer and a transformation net with a Dot layer."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
points, labels = rng.standard_normal((12, 10, 3)).astype("float32"), rng.integers(0, 4, (12, 1))


class OrthogonalRegularizer(keras.regularizers.Regularizer):
    def __init__(self, num_features, l2reg=0.001):
        self.num_features, self.l2reg, self.identity = num_features, l2reg, ops.eye(num_features)

    def __call__(self, x):
        x = ops.reshape(x, (-1, self.num_features, self.num_features))
        xxt = ops.tensordot(x, x, axes=(2, 2))
        xxt = ops.reshape(xxt, (-1, self.num_features, self.num_features))
        return ops.sum(self.l2reg * ops.square(xxt - self.identity))

    def get_config(self):
        return {"num_features": self.num_features, "l2reg": self.l2reg}


def conv_bn(x, filters):
    x = layers.Conv1D(filters, kernel_size=1, padding="valid")(x)
    x = layers.BatchNormalization(momentum=0.0)(x)
    return layers.Activation("relu")(x)


def dense_bn(x, filters):
    x = layers.Dense(filters)(x)
    x = layers.BatchNormalization(momentum=0.0)(x)
    return layers.Activation("relu")(x)


def tnet(inputs, num_features):
    bias = keras.initializers.Constant(np.eye(num_features).flatten())
    x = layers.GlobalMaxPooling1D()(conv_bn(inputs, 6))
    x = layers.Dense(
        num_features * num_features, kernel_initializer="zeros", bias_initializer=bias,
        activity_regularizer=OrthogonalRegularizer(num_features),
    )(dense_bn(x, 5))  # fmt: skip
    return layers.Dot(axes=(2, 1))([inputs, layers.Reshape((num_features, num_features))(x)])


inputs = keras.Input(shape=(10, 3))
x = conv_bn(tnet(inputs, 3), 4)
x = layers.GlobalMaxPooling1D()(conv_bn(tnet(x, 4), 6))
x = layers.Dropout(0.0)(dense_bn(x, 5))
model = set_weights(keras.Model(inputs=inputs, outputs=layers.Dense(4, activation="softmax")(x), name="pointnet"))
model.compile(
    loss="sparse_categorical_crossentropy",
    optimizer=keras.optimizers.SGD(learning_rate=0.01),
    metrics=["sparse_categorical_accuracy"],
)
fit = {"epochs": 2, "batch_size": 4, "shuffle": False, "verbose": 0}
results = {
    "history": model.fit(points, labels, validation_data=(points[:4], labels[:4]), **fit).history,
    "predictions": model.predict(points[:3], verbose=0),
    "evaluated": model.evaluate(points, labels, verbose=0),
}
