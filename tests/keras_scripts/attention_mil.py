"""Example "Attention-based deep multiple instance learning": an own layer on lists of tensors, weights from a second model."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
bags = [rng.random((12, 5, 5)).astype("float32") for _ in range(3)]
labels = rng.integers(0, 2, (12,))


class MILAttentionLayer(layers.Layer):
    def __init__(self, weight_params_dim, kernel_initializer="glorot_uniform", use_gated=False, **kwargs):
        super().__init__(**kwargs)
        self.weight_params_dim, self.use_gated = weight_params_dim, use_gated
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.L2(0.01)

    def build(self, input_shape):
        input_dim = input_shape[0][1]
        given = {"initializer": self.kernel_initializer, "regularizer": self.kernel_regularizer, "trainable": True}
        self.v_weight_params = self.add_weight(shape=(input_dim, self.weight_params_dim), name="v", **given)
        self.w_weight_params = self.add_weight(shape=(self.weight_params_dim, 1), name="w", **given)
        self.u_weight_params = self.add_weight(shape=(input_dim, self.weight_params_dim), name="u", **given)
        self.input_built = True

    def call(self, inputs):
        instances = ops.stack([self.compute_attention_scores(instance) for instance in inputs])
        alpha = ops.softmax(instances, axis=0)
        return [alpha[i] for i in range(alpha.shape[0])]

    def compute_attention_scores(self, instance):
        original_instance = instance
        instance = ops.tanh(ops.tensordot(instance, self.v_weight_params, axes=1))
        if self.use_gated:
            gate = ops.sigmoid(ops.tensordot(original_instance, self.u_weight_params, axes=1))
            instance = instance * gate
        return ops.tensordot(instance, self.w_weight_params, axes=1)


inputs, embeddings = [], []
shared_dense = layers.Dense(6, activation="relu")
for _ in range(3):
    inp = layers.Input((5, 5))
    inputs.append(inp)
    embeddings.append(shared_dense(layers.Flatten()(inp)))
alpha = MILAttentionLayer(weight_params_dim=4, use_gated=True, name="alpha")(embeddings)
multiplied = [layers.multiply([alpha[i], embeddings[i]]) for i in range(len(alpha))]
concat = layers.concatenate(multiplied, axis=1)
model = set_weights(keras.Model(inputs, layers.Dense(2, activation="softmax")(concat)))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    bags, labels, validation_data=(bags, labels), epochs=2, class_weight={0: 1.0, 1: 1.5}, batch_size=4,
    shuffle=False, verbose=0,
)  # fmt: skip
intermediate_model = keras.Model(model.input, model.get_layer("alpha").output)
results = {"history": history.history, "predictions": model.predict(bags, verbose=0),
           "attention": intermediate_model.predict(bags, verbose=0)}  # fmt: skip
