"""Example "Next-Frame Video Prediction with Convolutional LSTMs": ConvLSTM2D stacked, Conv3D, two callbacks."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
movie = rng.random((6, 5, 8, 8, 1)).astype("float32")
x, y = movie[:, :-1], movie[:, 1:]
inp = layers.Input(shape=(None, *x.shape[2:]))
h = layers.ConvLSTM2D(filters=3, kernel_size=(5, 5), padding="same", return_sequences=True, activation="relu")(inp)
h = layers.BatchNormalization()(h)
h = layers.ConvLSTM2D(filters=3, kernel_size=(3, 3), padding="same", return_sequences=True, activation="relu")(h)
h = layers.BatchNormalization()(h)
h = layers.Conv3D(filters=1, kernel_size=(3, 3, 3), activation="sigmoid", padding="same")(h)
model = set_weights(keras.models.Model(inp, h))
model.compile(loss=keras.losses.binary_crossentropy, optimizer=keras.optimizers.Adam())
early_stopping = keras.callbacks.EarlyStopping(monitor="val_loss", patience=10)
reduce_lr = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", patience=5)
history = model.fit(
    x, y, batch_size=2, epochs=2, validation_data=(x[:2], y[:2]), callbacks=[early_stopping, reduce_lr],
    shuffle=False, verbose=0,
)  # fmt: skip
results = {
    "history": history.history,
    "next": model.predict(movie[:1, :3], verbose=0)[0, -1, :2],
    "count": model.count_params(),
}
