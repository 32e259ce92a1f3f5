"""Constructor calls that type checkers must refuse, each with the code of the error that mypy reports on its line."""

from typing import Any

import layercli
from layercli import callbacks, layers, metrics, optimizers


class Net(layercli.Model):
    """A model with its arguments as fields."""

    units: int = 3

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs


Net(foo=3)  # expect: call-arg
Net("three")  # expect: arg-type
layers.Dens(4)  # expect: attr-defined
layers.Dense()  # expect: call-arg
layers.Dense("four")  # expect: arg-type
layers.Dense(4, activatoin=1)  # expect: call-arg
layers.Dense(4, use_bias="no")  # expect: arg-type
layers.Dense(4, name=3)  # expect: arg-type
layers.Conv2D(8)  # expect: call-arg
layers.Conv2D(8, 3, padding=1)  # expect: arg-type
layers.LSTM(units=4, return_sequence=True)  # expect: call-arg
layercli.Modl()  # expect: attr-defined
optimizers.Adam(1e-3, beta1=0.9)  # expect: call-arg
optimizers.Adamm()  # expect: attr-defined
callbacks.EarlyStopping(patience="three")  # expect: arg-type
metrics.Acuracy()  # expect: attr-defined
