"""Examples "Knowledge distillation" and "Consistency training": own compile() and compute_loss(), a teacher in evaluation mode."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x, y = rng.random((24, 8, 8, 1)).astype("float32"), rng.integers(0, 4, (24,))
noisy = (x + 0.1 * rng.standard_normal(x.shape)).astype("float32")


class Distiller(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.teacher, self.student = teacher, student

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn, self.distillation_loss_fn = student_loss_fn, distillation_loss_fn
        self.alpha, self.temperature = alpha, temperature

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False):
        teacher_pred = self.teacher(x, training=False)
        student_loss = self.student_loss_fn(y, y_pred)
        distillation_loss = self.distillation_loss_fn(
            ops.softmax(teacher_pred / self.temperature, axis=1), ops.softmax(y_pred / self.temperature, axis=1)
        ) * (self.temperature**2)
        return self.alpha * student_loss + (1 - self.alpha) * distillation_loss

    def call(self, x):
        return self.student(x)


def network(width, name):
    made = keras.Sequential(
        [
            keras.Input(shape=(8, 8, 1)),
            layers.Conv2D(width, (3, 3), strides=(2, 2), padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.MaxPooling2D(pool_size=(2, 2), strides=(1, 1), padding="same"),
            layers.Flatten(),
            layers.Dense(4),
        ],
        name=name,
    )
    return set_weights(made, width)


teacher, student = network(8, "teacher"), network(4, "student")
accuracy, crossentropy = keras.metrics.SparseCategoricalAccuracy, keras.losses.SparseCategoricalCrossentropy
teacher.compile(optimizer="adam", loss=crossentropy(from_logits=True), metrics=[accuracy()])
taught = teacher.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0).history
before = teacher.get_weights()
distiller = Distiller(student=student, teacher=teacher)
distiller.compile(
    optimizer="adam", metrics=[accuracy()], student_loss_fn=crossentropy(from_logits=True),
    distillation_loss_fn=keras.losses.KLDivergence(), temperature=10,
)  # fmt: skip
history = distiller.fit(noisy, y, epochs=2, batch_size=8, shuffle=False, verbose=0).history
changed = [float(np.abs(a - b).max()) for a, b in zip(before, teacher.get_weights(), strict=True)]
results = {
    "taught": taught, "history": history, "evaluated": distiller.evaluate(x, y, verbose=0), "changed": changed,
    "student": student.predict(x[:3], verbose=0), "counts": [len(distiller.weights), len(distiller.trainable_weights)],
}  # fmt: skip
