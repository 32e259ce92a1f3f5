"""Write models of Keras 1.2.2 with what they give: ``python make_keras_1_fixtures.py KERAS OUT.zip``, with tensorflow 2.15.

KERAS is the unpacked source of Keras 1.2.2, whose TensorFlow of 2017 is imitated by ``tensorflow.compat.v1``.
"""

import collections
import collections.abc
import inspect
import os
import sys
import tempfile
import zipfile

os.environ.update({"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "HOME": tempfile.mkdtemp()})
import numpy as np
import tensorflow
import tensorflow.compat.v1 as tf
from tensorflow.python.ops import control_flow_ops

inspect.getargspec = lambda function: inspect.getfullargspec(function)[:4]
for name in ("Iterable", "Callable", "Mapping", "Sequence"):
    setattr(collections, name, getattr(collections.abc, name))
tf.disable_v2_behavior()
for name in dir(tf):
    if not name.startswith("_") and name not in ("python", "keras", "compat"):
        setattr(tensorflow, name, getattr(tf, name))
tensorflow.mul, tensorflow.sub, tensorflow.neg = tf.multiply, tf.subtract, tf.negative
tensorflow.python = __import__("tensorflow.python", fromlist=["x"])
control_flow_ops.while_loop = tf.while_loop
sys.path.insert(0, sys.argv[1])
for name in [name for name in sys.modules if name == "keras" or name.startswith("keras.")]:
    del sys.modules[name]
from keras import backend as K  # noqa: E402
from keras import layers as L  # noqa: E402
from keras.layers import Dense, Input, merge  # noqa: E402
from keras.models import Model, Sequential  # noqa: E402

TF = {"dim_ordering": "tf"}


def mlp():
    first = Dense(5, input_dim=4, activation="relu", W_regularizer="l2", init="normal")
    return Sequential([first, L.Dropout(0.5), L.BatchNormalization(), Dense(3, activation="hard_sigmoid", bias=False)])


def cnn():
    convolution = L.Convolution2D(3, 3, 2, border_mode="same", input_shape=(8, 8, 2), subsample=(2, 1), **TF)
    layers = [convolution, L.ZeroPadding2D((1, 2), **TF), L.MaxPooling2D((2, 2), **TF)]
    layers += [L.AveragePooling2D((2, 1), border_mode="same", **TF), L.LeakyReLU(0.2), L.UpSampling2D((2, 1), **TF)]
    return Sequential([*layers, L.SpatialDropout2D(0.1, **TF), L.PReLU(), L.Flatten(), Dense(2)])


def steps():
    convolution = L.Convolution1D(3, 3, input_shape=(9, 2), border_mode="valid", subsample_length=2)
    return Sequential([convolution, L.MaxPooling1D(2), L.GaussianNoise(0.1), L.GlobalAveragePooling1D()])


def recurrent():
    layers = [L.Embedding(9, 4, input_length=6), L.LSTM(3, return_sequences=True, dropout_W=0.1)]
    layers += [L.Bidirectional(L.GRU(4, return_sequences=True)), L.TimeDistributed(Dense(3, activation="tanh"))]
    return Sequential([*layers, L.SimpleRNN(2)])


def recurrent_gpu():
    first = L.LSTM(3, consume_less="gpu", input_shape=(5, 2), return_sequences=True)
    return Sequential([first, L.GRU(3, consume_less="gpu", inner_activation="sigmoid")])


def graph():
    a, b, dense = Input((4,), name="a"), Input((4,), name="b"), Dense(3, activation="tanh")
    x, y = dense(a), dense(b)
    z = merge([x, y, merge([x, y], mode="mul"), merge([x, y], mode="sum")], mode="concat", concat_axis=-1)
    z = merge([z, z], mode="max")
    return Model([a, b], Dense(2)(merge([z, merge([z, z], mode="ave")], mode="dot", dot_axes=1)))


def branches():
    left = Sequential([Dense(3, input_dim=4)])
    right = Sequential([Dense(3, input_dim=5, activation="relu"), Dense(2)])
    return Sequential([L.Merge([left, right], mode="concat"), Dense(2)])


def deconvolution():
    first = L.Deconvolution2D(3, 2, 2, output_shape=(None, 8, 8, 3), subsample=(2, 2), input_shape=(4, 4, 2), **TF)
    others = [L.AtrousConvolution2D(2, 2, 2, atrous_rate=(2, 2), **TF), L.SeparableConvolution2D(3, 2, 2, **TF)]
    return Sequential([first, *others, L.GlobalMaxPooling2D(**TF)])


def volume():
    layers = [L.Convolution3D(2, 2, 2, 2, input_shape=(4, 4, 4, 1), **TF), L.MaxPooling3D(**TF), L.Flatten()]
    return Sequential([*layers, L.RepeatVector(2), L.Permute((2, 1)), L.Reshape((2, 2))])


def nested():
    inner, x = Sequential([Dense(3, input_dim=4), L.BatchNormalization()], name="inner"), Input((4,))
    return Model(x, Dense(2, W_constraint="maxnorm")(inner(x)))


def main(target):
    makers = (mlp, cnn, steps, recurrent, recurrent_gpu, graph, branches, deconvolution, volume, nested)
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out,
        tempfile.TemporaryDirectory() as folder,
    ):
        for make in makers:
            K.clear_session()
            rng, model = np.random.RandomState(3), make()
            model.set_weights([(rng.randn(*each.shape) * 0.3).astype("f4") for each in model.get_weights()])
            for layer in [each for outer in model.layers for each in (outer, *getattr(outer, "layers", ()))]:
                if isinstance(layer, L.BatchNormalization):
                    *others, variance = layer.get_weights()
                    layer.set_weights([*others, np.abs(variance) + 0.5])
            shapes = [K.int_shape(each)[1:] for each in model.inputs]
            x = [rng.randn(2, *shape).astype("f4") for shape in shapes]
            x = [rng.randint(0, 5, (2, 6)).astype("i4")] if make is recurrent else x
            if make is mlp:
                model.compile("adam", "mse")
                model.train_on_batch(x, np.zeros_like(model.predict(x)))
            file, record = os.path.join(folder, "model.h5"), os.path.join(folder, "record.npz")
            np.savez(record, out0=model.predict(x), **{f"in{i}": each for i, each in enumerate(x)})
            model.save(file)
            out.write(file, f"{make.__name__}.h5")
            out.write(record, f"{make.__name__}.npz")


main(sys.argv[2])
