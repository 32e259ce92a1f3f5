"""A sequence classifier on an LSTM: Hochreiter, Schmidhuber, "Long Short-Term Memory", 1997."""

from __future__ import annotations

from layercli.core import dims
from layercli.core.dims import Dim
from layercli.core.model import Model
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.layers.core.dense import Dense
from layercli.layers.rnn.lstm import LSTM
from layercli.layers.validators import PositiveInt


class LSTMClassifier(Model):
    """An LSTM that classifies sequences of feature vectors.

    A Dense layer classifies its last state.
    """

    features: PositiveInt = 128
    units: PositiveInt = 256
    classes: PositiveInt = 10

    def setup(self) -> None:
        """Create the two layers."""
        self.lstm = LSTM(self.units)
        self.head = Dense(self.classes)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the logits (batch, classes) for (batch, steps, features)."""
        return self.head(self.lstm(inputs))

    def example_input(self) -> Spec:
        """Return a batch of sequences of 100 steps."""
        return Spec((Dim.named(dims.BATCH), 100, self.features))
