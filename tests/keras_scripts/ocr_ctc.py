"""Example "OCR model for reading Captchas": a loss layer around CTC, a second model that predicts, decoding."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
images = rng.random((8, 16, 8, 1)).astype("float32")
labels = rng.integers(0, 5, (8, 3)).astype("float32")


class CTCLayer(layers.Layer):
    def __init__(self, name=None):
        super().__init__(name=name)
        self.loss_fn = keras.ops.ctc_loss

    def call(self, y_true, y_pred):
        batch_len = ops.cast(ops.shape(y_true)[0], dtype="int32")
        input_length = ops.full((batch_len,), ops.shape(y_pred)[1], dtype="int32")
        label_length = ops.full((batch_len,), ops.shape(y_true)[1], dtype="int32")
        loss = self.loss_fn(ops.cast(y_true, "int32"), y_pred, label_length, input_length, mask_index=6)
        self.add_loss(ops.mean(loss))
        return y_pred


input_img = layers.Input(shape=(16, 8, 1), name="image", dtype="float32")
label = layers.Input(name="label", shape=(None,), dtype="float32")
x = layers.Conv2D(4, (3, 3), activation="relu", padding="same", name="Conv1")(input_img)
x = layers.MaxPooling2D((2, 2), name="pool1")(x)
x = layers.Reshape(target_shape=(8, 16), name="reshape")(x)
x = layers.Dense(6, activation="relu", name="dense1")(x)
x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
x = layers.Dense(7, name="dense2")(x)
output = CTCLayer(name="ctc_loss")(label, x)
model = set_weights(keras.models.Model(inputs=[input_img, label], outputs=output, name="ocr_model_v1"))
model.compile(optimizer=keras.optimizers.Adam())
history = model.fit({"image": images, "label": labels}, batch_size=4, epochs=2, shuffle=False, verbose=0).history
prediction_model = keras.models.Model(model.inputs[0], model.get_layer(name="dense2").output)
preds = prediction_model.predict(images, verbose=0)
decoded, scores = ops.ctc_decode(preds, np.full(8, preds.shape[1], "int32"), strategy="greedy", mask_index=6)
ctc = keras.Sequential([keras.Input((8, 5)), layers.Dense(6)])
set_weights(ctc)
ctc.compile(loss=keras.losses.CTC(), optimizer="adam")
sequences = rng.random((8, 8, 5)).astype("float32")
results = {
    "history": history, "predictions": preds, "decoded": decoded[0], "scores": scores,
    "evaluate": model.evaluate({"image": images, "label": labels}, verbose=0),
    "ctc": ctc.fit(sequences, labels + 1, batch_size=4, shuffle=False, verbose=0).history,
}  # fmt: skip
