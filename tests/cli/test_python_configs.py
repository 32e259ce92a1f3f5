"""Configs of torch modules given as JSON: nested dataclasses, and models of pydantic."""

from __future__ import annotations

import json
import sys

import pytest

DATACLASSES = """
import dataclasses
from torch import nn


@dataclasses.dataclass
class Block:
    units: int
    bias: bool = True


@dataclasses.dataclass
class Settings:
    blocks: list[Block]
    named: dict[str, Block] = dataclasses.field(default_factory=dict)
    pair: tuple[Block, ...] = ()
    last: Block | None = None
    options: dict = dataclasses.field(default_factory=dict)


class Net(nn.Module):
    def __init__(self, config: Settings):
        super().__init__()
        found = [*config.blocks, *config.named.values(), *config.pair, *([config.last] if config.last else [])]
        assert all(isinstance(each, Block) for each in found) and isinstance(config.options, dict)
        sizes = [4, *(each.units for each in found)]
        self.layers = nn.Sequential(*(nn.Linear(a, b, each.bias) for a, b, each in zip(sizes, sizes[1:], found)))

    def forward(self, x):
        return self.layers(x)
"""

PYDANTIC = """
import pydantic
from torch import nn


class Block(pydantic.BaseModel):
    units: int = pydantic.Field(3, le=10)


@pydantic.dataclasses.dataclass
class Head:
    units: int


class Settings(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    depth: int = 2
    block: Block = Block()
    head: Head | None = None
    sizes: tuple[int, int] = (4, 4)

    @pydantic.field_validator("depth")
    @classmethod
    def even(cls, value):
        if value % 2:
            raise ValueError("depth must be even")
        return value


class Net(nn.Module):
    def __init__(self, cfg: Settings):
        super().__init__()
        self.a = nn.Sequential(*(nn.Linear(*cfg.sizes) for _ in range(cfg.depth)))
        self.b = nn.Linear(4, cfg.block.units)
        self.c = nn.Linear(cfg.block.units, cfg.head.units) if cfg.head else nn.Identity()

    def forward(self, x):
        return self.c(self.b(self.a(x)))


class Only(nn.Linear):
    def __init__(self, config: Head):
        assert isinstance(config, Head)
        super().__init__(4, config.units)
"""


@pytest.fixture
def parameters(cli, tmp_path, monkeypatch):
    """Return the parameters of a model with a config, or the error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def call(text, name, config, argument=None):
        (tmp_path / "net.py").write_text(text)
        (tmp_path / "config.json").write_text(config)
        given = ["--config", "config.json"] if argument is None else ["--set", f"{argument}={config}"]
        done = cli("summary", f"net.py:{name}", *given, "--input-shape", "2,4", "--format", "json")
        return done.err if done.code else json.loads(done.out)["totals"]["parameters"]

    yield call
    sys.modules.pop("net", None)


def test_dataclasses_within_lists_and_dicts(parameters):
    config = '{"blocks": [{"units": 3}, {"units": 5, "bias": false}], "named": {"x": {"units": 2}}'
    assert parameters(DATACLASSES, "Net", config + "}") == 15 + 15 + 12
    config += ', "pair": [{"units": 1}], "last": {"units": 7}, "options": {"a": {"b": 1}}}'
    for argument in (None, "config"):
        assert parameters(DATACLASSES, "Net", config, argument) == 15 + 15 + 12 + 3 + 14


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('{"blocks": [{"units": 3}, {"unit": 5}]}', "the config of net.py:Net has no entry 'unit'\nhint: its entries: units, bias"),
        ('{"blocks": [{"bias": true}]}', "the config of net.py:Net needs units"),
        ("{}", "the config of net.py:Net needs blocks"),
    ],
)  # fmt: skip
def test_what_dataclasses_refuse(parameters, config, message):
    assert parameters(DATACLASSES, "Net", config) == f"error: {message}\n"


def test_a_missing_config(cli, parameters, tmp_path):
    (tmp_path / "net.py").write_text(DATACLASSES)
    assert cli("summary", "net.py:Net").err == (
        "error: net.py:Net needs config\nhint: --config FILE.json, or --set 'config={...}'\n"
    )


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("{}", 2 * 20 + 15),
        ('{"depth": 4, "block": {"units": 5}, "head": {"units": 2}, "sizes": [4, 4]}', 4 * 20 + 25 + 12),
        ('{"depth": 3}', "error: entry 'depth' of the config of net.py:Net: depth must be even\n"),
        (
            '{"block": {"units": 11}, "width": 1}',
            "error: entry 'block.units' of the config of net.py:Net: Input should be less than or equal to 10; "
            "1 more entry is refused\n",
        ),
        (
            '{"head": {"units": "few"}}',
            "error: entry 'head.units' of the config of net.py:Net: Input should be a valid integer, unable to parse string "
            "as an integer\n",
        ),
    ],
)  # fmt: skip
def test_pydantic(parameters, config, expected):
    for argument in (None, "cfg"):
        assert parameters(PYDANTIC, "Net", config, argument) == expected


def test_a_dataclass_of_pydantic(parameters):
    assert parameters(PYDANTIC, "Only", '{"units": 3}') == 15
    assert parameters(PYDANTIC, "Only", '{"unit": 3}').startswith(
        "error: entry 'units' of the config of net.py:Only: Field required"
    )
