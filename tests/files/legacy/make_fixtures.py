"""Write models of tf.keras 2.12 or 2.15 with what they give: ``python make_fixtures.py OUT.zip`` with that release installed.

The archive holds for every model ``NAME.h5`` (whole), ``NAME.keras`` (whole), ``NAME.weights.h5`` and ``NAME.old.h5`` (weights
alone, both layouts), and ``NAME.npz`` with inputs, outputs, and for compiled models the outputs after one more step.
"""

import os
import sys
import tempfile
import zipfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import numpy as np
import tensorflow as tf

K, L = tf.keras, tf.keras.layers
MODELS = {}


def model(make):
    MODELS[make.__name__] = make
    return make


@model
def mlp():
    return K.Sequential(
        [
            L.Dense(5, activation="relu", input_shape=(4,), kernel_regularizer="l2"),
            L.BatchNormalization(momentum=0.9),
            L.Dense(3, activation="softmax", kernel_constraint=K.constraints.MaxNorm(2)),
        ],
        name="mlp",
    )


@model
def cnn():
    x = inputs = K.Input((9, 9, 3))
    x = L.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(x)
    x = L.BatchNormalization()(x)
    x = L.ReLU(6.0)(x)
    x = L.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = L.DepthwiseConv2D(3, padding="same")(x)
    x = L.LeakyReLU(alpha=0.1)(x)
    x = L.SeparableConv2D(6, 3, padding="same")(x)
    x = L.MaxPooling2D(2)(x)
    x = L.Conv2DTranspose(2, 3, strides=2)(x)
    x = L.PReLU(shared_axes=[1, 2])(x)
    x = L.UpSampling2D(2)(x)
    x = L.SpatialDropout2D(0.2)(x)
    return K.Model(inputs, L.Dense(2)(L.Flatten()(L.GlobalAveragePooling2D(keepdims=True)(x))))


@model
def recurrent():
    inputs = K.Input((6,), dtype="int32")
    x = L.Embedding(9, 4, mask_zero=True, input_length=6)(inputs)
    x = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
    x = L.GRU(4, return_sequences=True)(x)
    x = L.SimpleRNN(4, return_sequences=True)(x)
    x = L.TimeDistributed(L.Dense(3, activation="tanh"))(x)
    return K.Model(inputs, L.GRU(3, reset_after=False, recurrent_activation="hard_sigmoid")(x))


@model
def attention():
    a, b = K.Input((5, 8), name="a"), K.Input((6, 8), name="b")
    x = L.MultiHeadAttention(2, 4)(a, a, use_causal_mask=True)
    x = L.LayerNormalization(epsilon=1e-6)(L.Add()([a, x]))
    y, scores = L.MultiHeadAttention(2, 3, value_dim=5, name="cross")(x, b, return_attention_scores=True)
    z = L.EinsumDense("abc,cd->abd", output_shape=(None, 4), bias_axes="d", activation="gelu")(y)
    z = L.Concatenate()([z, L.Attention(use_scale=True)([z, z]), L.AdditiveAttention()([z, z])])
    return K.Model([a, b], [z, scores])


@model
def nested():
    x = inner = K.Input((4,))
    x = L.Dense(3, activation="elu")(x)
    encoder = K.Model(inner, L.BatchNormalization()(x), name="encoder")
    frozen = K.Sequential([L.Dense(3, input_shape=(3,)), L.BatchNormalization(), L.Dense(2)], name="frozen")
    frozen.layers[0].trainable = False
    a, b = K.Input((4,), name="a"), K.Input((4,), name="b")
    x, y = encoder(a), encoder(b)
    shared = L.Dense(3, name="shared")
    joined = L.concatenate([shared(x), shared(y), L.subtract([x, y])], axis=-1)
    out = {"joined": joined, "dot": L.Dot(1, normalize=True)([x, y]), "frozen": frozen(x)}
    return K.Model([a, b], [out["joined"], out["dot"], out["frozen"]])


@model
def operations():
    inputs = K.Input((4, 6))
    x = inputs * 2.0 + 1.0
    x = 3.0 - x
    x = tf.nn.relu(x) / 2.0
    x = tf.concat([x, inputs], axis=-1)
    x = x[:, 1:, ::2]
    y = tf.reduce_mean(x, axis=1, keepdims=True)
    x = tf.matmul(x - y, x, transpose_b=True)
    x = tf.nn.softmax(x, axis=-1)
    x = tf.transpose(x, [0, 2, 1])
    x = tf.expand_dims(x, 1)
    x = tf.squeeze(x, axis=1)
    x = tf.reshape(x, [-1, 9])
    x = tf.math.sigmoid(x) ** 2.0
    x = tf.maximum(x, tf.sqrt(tf.abs(x)))
    x = tf.clip_by_value(x, 0.1, 0.9)
    x = L.Dense(4)(x)
    x = tf.stack([x, tf.tanh(x)], axis=1)
    x = tf.cast(x, "float64")
    x = tf.cast(x > 0.0, "float32") * tf.cast(x, "float32")
    return K.Model(inputs, tf.reduce_sum(x, axis=-1))


@model
def cells():
    inputs = K.Input((4, 5, 5, 2))
    x = L.ConvLSTM2D(2, 3, padding="same", return_sequences=True)(inputs)
    x = L.Reshape((4, 50))(x)
    x = L.RNN([L.LSTMCell(3), L.GRUCell(4)], return_sequences=True)(x)
    x = L.Bidirectional(L.RNN(L.SimpleRNNCell(3)), merge_mode="sum")(x)
    return K.Model(inputs, L.RepeatVector(2)(x))


@model
def volumes():
    a, b = K.Input((8, 2), name="a"), K.Input((4, 4, 4, 1), name="b")
    x = L.Conv1D(3, 3, padding="causal", dilation_rate=2)(a)
    x = L.Cropping1D(1)(L.AveragePooling1D(1)(x))
    x = L.Permute((2, 1))(L.Conv1DTranspose(2, 2)(L.SeparableConv1D(3, 2)(x)))
    y = L.Conv3DTranspose(2, 2)(L.Conv3D(2, 2, strides=1)(b))
    y = L.GroupNormalization(2)(L.MaxPooling3D(2)(y))
    return K.Model({"a": a, "b": b}, {"x": L.GlobalMaxPooling1D()(x), "y": L.GlobalAveragePooling3D()(y)})


@model
def activations():
    inputs = K.Input((6,))
    kinds = ["swish", "softplus", "selu", "hard_sigmoid", "exponential", "gelu", "linear"]
    x = [L.Activation(kind)(inputs) for kind in kinds]
    x += [L.ELU(0.5)(inputs), L.Softmax()(inputs), L.ThresholdedReLU(0.3)(inputs), L.LeakyReLU()(inputs)]
    x += [L.GaussianNoise(0.1)(inputs), L.AlphaDropout(0.1)(inputs), L.ReLU(negative_slope=0.1, threshold=0.2)(inputs)]
    return K.Model(inputs, L.Average()([*x, L.Maximum()(x), L.Minimum()(x), L.Multiply()(x[:2])]))


@model
def images():
    x = inputs = K.Input((8, 8, 3))
    x = L.Rescaling(1 / 255.0, offset=-0.5)(x)
    x = L.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])(x)
    x = L.RandomFlip("horizontal")(x)
    x = L.RandomRotation(0.1)(x)
    x = L.CenterCrop(6, 6)(x)
    x = L.Resizing(4, 4)(x)
    return K.Model(inputs, L.Conv2D(2, 3, groups=1)(x))


OPTIMIZERS = {
    "mlp": lambda: K.optimizers.Adam(0.01),
    "cnn": lambda: K.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "activations": None,
    "nested": lambda: K.optimizers.legacy.Adam(0.01, decay=0.1),
    "volumes": lambda: K.optimizers.RMSprop(K.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)),
    "cells": lambda: K.optimizers.legacy.SGD(0.01, momentum=0.5),
}


def given(inputs, rng):
    shape = [2, *inputs.shape[1:]]
    if inputs.dtype.is_integer:
        return rng.integers(0, 5, shape).astype("int32")
    return rng.normal(size=shape).astype("float32")


def main(target):
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out,
        tempfile.TemporaryDirectory() as folder,
    ):
        for name, make in MODELS.items():
            K.backend.clear_session()
            K.utils.set_random_seed(7)
            rng = np.random.default_rng(3)
            made = make()
            for layer in made.submodules:
                if isinstance(layer, L.BatchNormalization):
                    layer.moving_mean.assign(rng.normal(size=layer.moving_mean.shape))
                    layer.moving_variance.assign(rng.uniform(0.5, 2, size=layer.moving_variance.shape))
            x = [given(each, rng) for each in made.inputs]
            fed = x if len(x) > 1 else x[0]
            if isinstance(made.input, dict):
                fed = dict(zip(made.input, x, strict=True))
            record = {f"in{i}": each for i, each in enumerate(x)}
            optimizer = OPTIMIZERS.get(name)
            if optimizer:
                y = tf.nest.map_structure(
                    lambda out, rng=rng: rng.normal(size=out.shape).astype("float32"), made.predict(fed, verbose=0)
                )
                made.compile(optimizer(), loss="mse", metrics=["mae"])
                made.train_on_batch(fed, y)
            record |= {f"out{i}": each for i, each in enumerate(tf.nest.flatten(made.predict(fed, verbose=0)))}
            files = [f"{name}.h5", f"{name}.keras", f"{name}.weights.h5", f"{name}.old.h5"]
            with tf.device("cpu"):
                for file in files:
                    path = os.path.join(folder, file)
                    try:
                        if file.endswith(".weights.h5"):
                            made.save_weights(path)
                        elif file.endswith(".old.h5"):
                            import h5py

                            try:
                                from keras.src.saving.legacy import hdf5_format
                            except ImportError:
                                from keras.saving.legacy import hdf5_format
                            with h5py.File(path, "w") as h5:
                                hdf5_format.save_weights_to_hdf5_group(h5, made)
                        elif file.endswith(".keras"):
                            made.save(path, save_format="keras")
                        else:
                            made.save(path)
                    except Exception as error:
                        print("cannot write", file, type(error).__name__, str(error)[:200])
                        continue
                    out.write(path, file)
            if optimizer:
                made.train_on_batch(fed, y)
                record |= {f"goal{i}": each for i, each in enumerate(tf.nest.flatten(y))}
                record |= {f"next{i}": each for i, each in enumerate(tf.nest.flatten(made.predict(fed, verbose=0)))}
            np.savez(os.path.join(folder, "record.npz"), **record)
            out.write(os.path.join(folder, "record.npz"), f"{name}.npz")
        out.writestr("version.txt", K.__version__ if hasattr(K, "__version__") else tf.__version__)


main(sys.argv[1])
