"""TensorFlow's tutorial on custom layers, statement by statement, with only the import changed."""

from __future__ import annotations

import pytest
import torch

from layercli import tf


def test_the_gpu_question():
    assert tf.test.is_gpu_available() is torch.cuda.is_available()
    assert [device.device_type for device in tf.config.list_physical_devices("GPU")] == [
        "GPU"
    ] * torch.cuda.device_count()


def test_layers_infer_their_input():
    layer = tf.keras.layers.Dense(100)
    assert not layer.built
    layer = tf.keras.layers.Dense(10, input_shape=(None, 5))

    out = layer(tf.zeros([10, 5]))

    assert torch.equal(out, torch.zeros(10, 10))
    assert [tuple(v.shape) for v in layer.variables] == [(5, 10), (10,)]
    assert layer.trainable_variables == layer.variables
    assert tuple(layer.kernel.shape) == (5, 10)
    assert layer.kernel.numpy().std() > 0
    assert layer.bias.numpy().tolist() == [0.0] * 10
    assert repr(layer.bias) == (
        f"<Variable path={layer.name}/bias, shape=(10,), dtype=float32, value=[0. 0. 0. 0. 0. 0. 0. 0. 0. 0.]>"
    )


class MyDenseLayer(tf.keras.layers.Layer):
    def __init__(self, num_outputs):
        super(MyDenseLayer, self).__init__()  # noqa: UP008 - as the tutorial has it
        self.num_outputs = num_outputs

    def build(self, input_shape):
        self.kernel = self.add_weight("kernel", shape=[int(input_shape[-1]), self.num_outputs])

    def call(self, inputs):
        return tf.matmul(inputs, self.kernel)


def test_your_own_layer():
    layer = MyDenseLayer(10)
    out = layer(tf.zeros([10, 5]))  # Calling the layer `.builds` it.
    assert tuple(out.shape) == (10, 10)
    assert [var.name for var in layer.trainable_variables] == ["kernel"]
    assert layer.name.startswith("my_dense_layer")


def test_its_first_variable_has_the_tutorials_name():
    from layercli.core import naming

    naming.clear_session()
    layer = MyDenseLayer(10)
    layer(tf.zeros([10, 5]))
    assert [var.path for var in layer.trainable_variables] == ["my_dense_layer/kernel"]


class ResnetIdentityBlock(tf.keras.Model):
    def __init__(self, kernel_size, filters):
        super(ResnetIdentityBlock, self).__init__(name="")  # noqa: UP008 - as the tutorial has it
        filters1, filters2, filters3 = filters

        self.conv2a = tf.keras.layers.Conv2D(filters1, (1, 1))
        self.bn2a = tf.keras.layers.BatchNormalization()

        self.conv2b = tf.keras.layers.Conv2D(filters2, kernel_size, padding="same")
        self.bn2b = tf.keras.layers.BatchNormalization()

        self.conv2c = tf.keras.layers.Conv2D(filters3, (1, 1))
        self.bn2c = tf.keras.layers.BatchNormalization()

    def call(self, input_tensor, training=False):
        x = self.conv2a(input_tensor)
        x = self.bn2a(x, training=training)
        x = tf.nn.relu(x)

        x = self.conv2b(x)
        x = self.bn2b(x, training=training)
        x = tf.nn.relu(x)

        x = self.conv2c(x)
        x = self.bn2c(x, training=training)

        x += input_tensor
        return tf.nn.relu(x)


BLOCK = """\
resnet_identity_block (ResnetIdentityBlock)

Layer (type)               Output shape  Parameters
conv2a (Conv2D)            (1, 2, 3, 1)           4
bn2a (BatchNormalization)  (1, 2, 3, 1)           4
conv2b (Conv2D)            (1, 2, 3, 2)           4
bn2b (BatchNormalization)  (1, 2, 3, 2)           8
conv2c (Conv2D)            (1, 2, 3, 3)           9
bn2c (BatchNormalization)  (1, 2, 3, 3)          12

Input:          input_tensor float32[1, 2, 3, 3]
Output:         float32[1, 2, 3, 3]
Parameters:     41 (164 B)
Trainable:      29
Non-trainable:  12
MACs:           66
"""


def test_models_nest_layers(capsys):
    from layercli.core import naming

    naming.clear_session()
    block = ResnetIdentityBlock(1, [1, 2, 3])
    out = block(tf.zeros([1, 2, 3, 3]))

    assert torch.equal(out, torch.zeros(1, 2, 3, 3))
    assert [type(layer).__name__ for layer in block.layers] == ["Conv2D", "BatchNormalization"] * 3
    assert len(block.variables) == 18
    assert block.summary() is None
    assert capsys.readouterr().out == BLOCK


STACK = """\
sequential (Sequential)

Layer (type)                                Output shape           Parameters
conv2d (Conv2D)                             (None, None, None, 1)           4
batch_normalization (BatchNormalization)    (None, None, None, 1)           4
conv2d_1 (Conv2D)                           (None, None, None, 2)           4
batch_normalization_1 (BatchNormalization)  (None, None, None, 2)           8
conv2d_2 (Conv2D)                           (None, None, None, 3)           9
batch_normalization_2 (BatchNormalization)  (None, None, None, 3)          12
"""


@pytest.mark.parametrize("called", [False, True])
def test_a_stack_of_layers(capsys, called):
    from layercli.core import naming

    naming.clear_session()
    my_seq = tf.keras.Sequential(
        [
            tf.keras.layers.Conv2D(1, (1, 1), input_shape=(None, None, 3)),
            tf.keras.layers.BatchNormalization(),
            tf.keras.layers.Conv2D(2, 1, padding="same"),
            tf.keras.layers.BatchNormalization(),
            tf.keras.layers.Conv2D(3, (1, 1)),
            tf.keras.layers.BatchNormalization(),
        ]
    )
    if called:
        assert torch.equal(my_seq(tf.zeros([1, 2, 3, 3])), torch.zeros(1, 2, 3, 3))
    my_seq.summary()
    assert capsys.readouterr().out.startswith(STACK)
