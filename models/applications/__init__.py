"""The networks of keras.applications, with Keras's arguments, names of layers and order of weights.

Each function takes these arguments, in an order of its own:

* ``include_top``: whether the network ends in its classifier.
* ``weights``: the path of a weight file, ``"imagenet"`` for the published file in Keras's folder, or None for initial values.
* ``input_tensor``: a symbolic tensor to begin with, instead of an image.
* ``input_shape``: the shape (height, width, channels) of an image.
* ``pooling``: without the classifier, ``"avg"`` or ``"max"`` for one vector per image, or None for the last feature map.
* ``classes`` and ``classifier_activation``: the units and the activation of the classifier.
* ``name``: the name of the model.

``layercli.applications`` has them under Keras's module names, with ``preprocess_input`` and ``decode_predictions``.
"""
