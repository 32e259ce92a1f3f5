"""The named models: each a readable example of the framework, with settings that have defaults and an input to try.

A model is a class (or a function that returns a Layer) whose settings all have defaults. Another package adds its own
through the entry-point group ``layercli.models``: ``my-net = "my_package.nets:MyNet"``.
"""

from __future__ import annotations

NAMED = {
    "resnet-block": "layercli.models.resnet:ResnetIdentityBlock",
    "sequential": "layercli.models.basics:sequential",
    "my-dense": "layercli.models.basics:MyDenseLayer",
    "linear-regression": "layercli.models.basics:LinearRegression",
    "mlp": "layercli.models.basics:MLP",
    "lenet": "layercli.models.lenet:lenet",
    "lstm": "layercli.models.lstm:LSTMClassifier",
    "resnet50": "layercli.models.resnet:ResNet50",
    "transformer-encoder": "layercli.models.transformer:TransformerEncoder",
    "decoder": "layercli.models.decoder:Decoder",
}
"""Where each model is found: a module and a name in it."""
