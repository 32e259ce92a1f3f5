"""Objects of every public class of Keras's have their public methods and attributes here, or these are refused with a reason."""

from __future__ import annotations

import json

import pytest

import layercli
from layercli.core.refusals import REFUSED_MEMBERS
from layercli.errors import UsageError
from tests.keras_members import RECORD, answers, instances, layers, models
from tests.keras_torch import on_torch

KERAS = json.loads(RECORD.read_text())
DRAWN = "what an augmentation draws and the axes it finds are of no use outside of its call"
STEPS = "the parts of an update rule; update is the rule"
LINE = "the line of progress draws itself"
INTERNAL = {
    "adapt_mean adapt_variance": "mean and variance are what the layer computes with",
    "append_header writer": "the rows are written by csv",
    "auto_contrast equalization random_brightness random_color_degeneration random_contrast random_posterization random_rotation "
    "random_sharpness random_shear random_translation solarization": "the parts that RandAugment and AugMix choose from",
    "backend convert_weight": "there is one backend, and its weights are tensors",
    "get_clipped_bbox get_shifted_bbox get_transformed_x_y": "the parts of how boxes are moved",
    "channel_axis factor generator get_elastic_transform_params height_axis height_lower height_upper width_axis width_lower "
    "width_upper": DRAWN,
    "check_finite lr_adjust transpose_last_axis zeropower_via_newtonschulz5": STEPS,
    "clipnorm clipvalue ema_momentum ema_overwrite_frequency global_clipnorm gradient_accumulation_steps use_ema weight_decay "
    "loss_scale_factor": "settings of the optimizers inside; None in Keras too",
    "embeddings_freq embeddings_metadata": "the projector of TensorBoard is not written",
    "epochs progbar seen target verbose": LINE,
    "feature_dim num_repeats partial_output_shape kernel_shape normalized_weights linear_to_mel_weight_matrix inner_loop "
    "single_state pool_mode noise_shape interpolate_pr_auc": "steps of the computation, whose results are tested",
    "fn": "a loss is called, and so is its function of the same name",
    "ragged_rank record_history row_splits_dtype": "tensors are dense",
    "axis ignore_class sparse_y_pred sparse_y_true value": "arguments of a base class that this class does not take",
    "seed_generator": "what is drawn follows from the seed, and from the layer's path and the step in a model without one",
}  # fmt: skip
"""Public names of Keras's that are parts of its code, with the reason why nobody misses them."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return every object, and the names that it has in Keras."""
    names = [name for name in KERAS["others"] if "." in name]
    others = models(layercli) | instances(layercli, tmp_path_factory.mktemp("callbacks"), names)
    found = {name: (layer, [*KERAS["every layer"], *KERAS["layers"][name]]) for name, layer in layers()}
    return found | {name: (other, KERAS["others"][name]) for name, other in others.items()}


def test_every_member_is_there_or_refused(made):
    missing = {}
    for name, (value, wanted) in made.items():
        for member in wanted:
            if not answers(value, member):
                missing.setdefault(member, []).append(name)
    internal = {name for names in INTERNAL for name in names.split()}
    assert {member: names for member, names in missing.items() if member not in internal} == {}
    assert internal - set(missing) == set(), "what is there is in the list of what is not"
    assert made.keys() == KERAS["layers"].keys() | KERAS["others"].keys()


def test_a_refused_member_says_why():
    with pytest.raises(UsageError) as raised:
        layercli.layers.Dense(1).add_metric(1.0)
    assert str(raised.value) == "layercli has no Layer.add_metric: a metric is an attribute of the layer"
    held = [KERAS["every layer"], *KERAS["layers"].values(), *KERAS["others"].values()]
    members = {name for names in held for name in names}
    assert {path.partition(".")[2] for path in REFUSED_MEMBERS} <= members


def test_the_record_is_what_keras_says(request, tmp_path):
    if not request.config.getoption("--live"):
        pytest.skip("asks Keras itself: with --live")
    code = (
        f"from pathlib import Path; from tests.keras_members import of_keras; found = of_keras(Path({str(tmp_path)!r}))"
    )
    assert on_torch(code) == KERAS
