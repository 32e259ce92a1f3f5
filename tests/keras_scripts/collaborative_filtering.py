"""Example "Collaborative Filtering for Movie Recommendations": a subclassed model of embeddings with regularizers."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x = np.stack([rng.integers(0, 9, 40), rng.integers(0, 12, 40)], axis=1)
y = rng.random(40).astype("float32")


class RecommenderNet(keras.Model):
    def __init__(self, num_users, num_movies, embedding_size, **kwargs):
        super().__init__(**kwargs)
        given = {"embeddings_initializer": "he_normal", "embeddings_regularizer": keras.regularizers.l2(1e-3)}
        self.user_embedding = layers.Embedding(num_users, embedding_size, **given)
        self.user_bias = layers.Embedding(num_users, 1)
        self.movie_embedding = layers.Embedding(num_movies, embedding_size, **given)
        self.movie_bias = layers.Embedding(num_movies, 1)

    def call(self, inputs):
        user_vector, user_bias = self.user_embedding(inputs[:, 0]), self.user_bias(inputs[:, 0])
        movie_vector, movie_bias = self.movie_embedding(inputs[:, 1]), self.movie_bias(inputs[:, 1])
        dot_user_movie = ops.tensordot(user_vector, movie_vector, 2)
        return ops.nn.sigmoid(dot_user_movie + user_bias + movie_bias)


model = RecommenderNet(9, 12, 4)
model(x[:2])
set_weights(model)
model.compile(loss=keras.losses.BinaryCrossentropy(), optimizer=keras.optimizers.Adam(learning_rate=0.01))
history = model.fit(x=x, y=y, batch_size=8, epochs=2, validation_data=(x[:8], y[:8]), shuffle=False, verbose=0).history
ratings = model.predict(np.stack([np.zeros(12, int), np.arange(12)], axis=1), verbose=0).flatten()
results = {"history": history, "ratings": ratings, "top": ratings.argsort()[-3:][::-1], "losses": len(model.losses)}
