"""Blocks that are alike are described once: every record is the one that describing each of them gives."""

import json

import pytest

from layercli.core import equal_calls, naming
from layercli.inspect.cost_graph import layer_cost_graph
from layercli.inspect.decoding import decoding_step
from layercli.inspect.layer_graph import layer_views
from layercli.models.families import describe
from tests.models.recording import recorded

CHOSEN = (
    "gemma3", "deepseek_v3", "gpt2", "gpt2-base", "gpt_neox", "bloom", "falcon", "opt", "phi", "bert", "distilbert",
    "vit", "clip", "t5", "whisper", "mamba",
)  # fmt: skip
"""A case of each class of blocks, with two kinds of them where a family has that."""
DEPTHS = {
    "num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers", "encoder_layers", "decoder_layers",
}  # fmt: skip


def deepened(config):
    """A config of four blocks in place of two, with the kinds that follow from its other entries."""
    if not isinstance(config, dict):
        return config
    return {
        key: 4 if key in DEPTHS and value == 2 else deepened(value)
        for key, value in config.items()
        if key != "layer_types"
    }


def records(config):
    """All that views and costs are computed from."""
    naming.clear_session()
    model = describe(config)
    inputs = model.example_input()
    training = layer_cost_graph(model, inputs, None, training=True, name="m", source="")
    graph, summary = layer_views(model, inputs, name="m", source="")
    cached = layer_cost_graph(model, inputs, None, name="m", source="")
    variables = [(v.path, v.spec, v.initializer.get_config()) for v in model.variables]
    return graph, summary, summary.to_json(), cached, training, decoding_step(model), variables


@pytest.mark.parametrize("name", CHOSEN)
def test_equal_blocks_are_described_once_and_recorded_as_each(name, monkeypatch):
    config = deepened(json.loads((recorded(name) / "config.json").read_text()))
    followed, follow = [], equal_calls.follow
    monkeypatch.setattr(equal_calls, "follow", lambda *args: followed.append(args) or follow(*args))
    once = records(config)
    assert bool(followed) == (name != "gpt2-base")  # whose blocks divide the scores by their numbers
    monkeypatch.setattr(equal_calls, "find", lambda *args: None)
    for one, each in zip(once, records(config), strict=True):
        assert one == each
