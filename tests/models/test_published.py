"""Published models by their configs, written by hand: as many parameters as transformers counts on the meta device.

The counts of flan-t5-xl and of mT5 are those of their files: transformers 5 ties the projection to the vocabulary.
"""

import json
from pathlib import Path

import pytest

from layercli.inspect.layer_call import described
from layercli.models.families import describe

PUBLISHED = json.loads((Path(__file__).parent.parent / "reference" / "published.json").read_text())


@pytest.mark.parametrize(
    "published", PUBLISHED, ids=lambda each: each["source"].removeprefix("https://huggingface.co/")
)
def test_as_many_parameters_as_transformers_counts(published):
    model = describe(published["config"])
    described(model)
    assert sum(int(variable.size) for variable in model.trainable_variables) == published["parameters"]
