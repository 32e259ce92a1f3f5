"""``cost`` of folders whose weights stay in their file or are shared among ranks."""

import json
import re

import pytest

FAMILIES = "tests/reference/families"


@pytest.mark.parametrize("memory", ["40KiB", "28KiB", "20KiB"])
def test_what_makes_a_folder_fit(cli, memory):
    command = f"cost {FAMILIES}/llama --memory {memory} --format json"
    fit = json.loads(cli(f"{command} --at B=2 --at T=16").out)["fit"]
    named = [each["change"] for each in fit["remedies"]]
    assert {"--offload", "--ranks 4"} <= set(named)
    assert not any("--offload" in each and "--ranks" in each for each in named)
    assert any(each["fits"] for each in fit["remedies"])
    for each in fit["remedies"]:
        sizes = {"B": "2", "T": "16"} | dict(re.findall(r"--at (\w)=(\d+)", each["change"]))
        options = re.sub(r"--at \S+", "", each["change"]) + "".join(f" --at {name}={n}" for name, n in sizes.items())
        done = cli(f"{command} {options}")
        assert (done.code, json.loads(done.out)["totals"]["memory"]) == (0 if each["fits"] else 1, each["bytes"])


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("mlp --offload", "--offload in inference is for Hugging Face folders, which mlp is not"),
        ("mlp --ranks 2", "--ranks in inference is for Hugging Face folders, which mlp is not"),
        ("mlp --offload --training sgd", "--offload is for inference"),
        (f"{FAMILIES}/llama --offload --ranks 2", "--offload does not go with --ranks in inference"),
        (f"{FAMILIES}/llama --weights int4 --offload", "--weights does not go with --offload in inference"),
        (f"{FAMILIES}/llama --ranks 2 --parallel fsdp", "--parallel is how several ranks train"),
        (f"{FAMILIES}/llama --ranks 3", "4 heads do not divide among 3 ranks"),
        (f"{FAMILIES}/deberta-v2 --ranks 2", "layercli has no tensor-parallel plan for a Deberta"),
    ],
)
def test_where_weights_cannot_be(cli, command, said):
    done = cli(f"cost {command}")
    assert (done.code, done.err.splitlines()[0]) == (2, f"error: {said}")
