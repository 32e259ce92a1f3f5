"""``get_config()`` of every class is as data what Keras's gives, but for what is listed here with its reason."""

from __future__ import annotations

import json

import pytest

import layercli
from tests.keras_configs import RECORD, configs, differences

KERAS = json.loads(RECORD.read_text())
FORGOTTEN = "Keras's config forgets it, so that from_config makes another object"
STAYS = {
    FORGOTTEN: "initializers.Identity.gain initializers.IdentityInitializer.gain initializers.identity.gain "
    "layers.Bidirectional.backward_layer.config.use_cudnn layers.Bidirectional.layer.config.use_cudnn "
    "layers.CategoryEncoding.sparse layers.GRU.use_cudnn layers.LSTM.use_cudnn layers.MaxNumBoundingBoxes.fill_value "
    "layers.RandomGrayscale.seed layers.SimpleRNN.seed losses.CosineSimilarity.axis losses.Huber.delta "
    "losses.SparseCategoricalCrossentropy.axis metrics.CosineSimilarity.axis "
    "metrics.SparseTopKCategoricalAccuracy.from_sorted_ids",
    "Keras's constructor refuses a setting of every layer; a file has it not": "layers.Discretization.trainable "
    "layers.Pipeline.dtype layers.Pipeline.trainable layers.SpatialDropout1D.trainable layers.SpatialDropout2D.trainable "
    "layers.SpatialDropout3D.trainable",
    "None in Keras, which the constructor takes for what is not given": "layers.AdditiveAttention.seed "
    "layers.EinsumDense.activity_regularizer layers.Embedding.activity_regularizer "
    "layers.ReversibleEmbedding.activity_regularizer",
    "the list itself, where Keras has one that it tracks": "layers.Discretization.bin_boundaries "
    "metrics.BinaryIoU.target_class_ids metrics.IoU.target_class_ids metrics.OneHotIoU.target_class_ids",
    "the number as it was given, which Keras rounds to float32": "regularizers.L1.l1 regularizers.l1.l1 "
    "regularizers.OrthogonalRegularizer.factor regularizers.orthogonal_regularizer.factor",
    "a number as it was given: from_config refuses the pair in Keras": "layers.RandomShear.x_factor layers.RandomShear.y_factor",
    "a pair, where Keras keeps a number": "layers.ContrastLimitedAdaptiveHistogramEqualization.tile_grid_size",
    "the layer under its own name, which Keras changes": "layers.Bidirectional.layer.config.name",
    "None as it was given, [] in Keras": "optimizers.Muon.exclude_layers",
    "a base class without arguments; Keras raises": "regularizers.Regularizer",
}
"""What differs, by the reason why it stays: ``package.Class.setting``."""


def test_configs_are_those_of_keras(tmp_path):
    ours = configs(layercli, tmp_path)
    assert ours.keys() == KERAS.keys()
    found = [path for name, held in KERAS.items() for path in differences(ours[name], held, name)]
    assert sorted(found) == sorted(path for paths in STAYS.values() for path in paths.split())


def test_the_record_is_what_keras_says(request, tmp_path):
    if not request.config.getoption("--live"):
        pytest.skip("asks Keras itself: with --live")
    import keras

    assert configs(keras, tmp_path) == KERAS
