"""Values of models without weights: the limit on how many are drawn to be shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

HINT = (
    "hint: name a file of weights, or a part: layercli vars MODEL PATTERN; --limit drawn=N sets the limit, as does the "
    "environment variable LAYERCLI_MAX_DRAWN\n"
)
SMALL = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 64, "hidden_size": 16,
    "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
}  # fmt: skip
TIED = (
    "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.a = nn.Linear(8, 4)\n        self.b = nn.Linear(8, 4)\n        self.b.weight = self.a.weight\n"
)


def refused(name, count, size, limit):
    return (
        2,
        f"error: {name} has no weights, and {count:,} initial values ({size:,} bytes) are more than the limit of "
        f"{limit:,} to draw\n{HINT}",
    )


def answer(cli, words):
    done = cli(words)
    return done.code, done.err


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("hf").mkdir()
    Path("hf/config.json").write_text(json.dumps(SMALL))
    Path("net.py").write_text(TIED)


def test_a_model_of_billions_is_refused_before_any_is_drawn(cli):
    expected = refused("decoder", 8_030_261_248, 32_121_044_992, 500_000_000)
    for words in ("vars decoder --set preset=8b --stats", "report decoder --set preset=8b --stats -o x.html"):
        assert answer(cli, words) == expected
    assert not Path("x.html").exists()
    assert cli("vars decoder --set preset=8b").code == 0
    assert cli("vars decoder --set preset=8b norm/scale --stats").code == 0


@pytest.mark.parametrize("option", ["--stats", "--values", "--hash", "--check", "--where mean>0", "--columns minimum"])
def test_each_option_that_draws(cli, option):
    assert answer(cli, f"vars my-dense {option} --limit drawn=49") == refused("my-dense", 50, 200, 49)
    assert cli(f"vars my-dense {option} --limit drawn=50").code == 0


def test_a_folder_with_a_config_alone(cli):
    code, err = answer(cli, "vars hf --stats --limit drawn=100")
    size = 64 * 16 * 2 + 16 * 16 * 4 + 16 * 32 * 3 + 16 * 3
    assert (code, err) == refused("hf/config.json", size, size * 4, 100)
    assert cli(f"vars hf --stats --limit drawn={size}").code == 0


def test_a_torch_class_is_made_whole_for_any_of_its_values(cli):
    for words in ("vars net.py:Net a.bias --stats", "report net.py:Net --stats -o x.html"):
        assert answer(cli, f"{words} --limit drawn=39") == refused("net.py:Net", 40, 160, 39)
    assert cli("vars net.py:Net a.bias --stats --limit drawn=40").code == 0
