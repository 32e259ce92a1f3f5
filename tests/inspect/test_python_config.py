"""Configs given as JSON become the objects that a constructor wants: of pydantic, dataclasses, and lists and dicts of them."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Protocol, TypedDict

import pydantic
import pytest
from torch import nn

from layercli.errors import UsageError
from layercli.inspect.python_config import with_config


class Attention(pydantic.BaseModel):
    heads: int = pydantic.Field(4, gt=0)
    window: tuple[int, int] | None = None


class Settings(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)
    width: int
    attention: Attention = Attention()
    kinds: list[str] = []

    @pydantic.field_validator("width")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("expects an even width")
        return value


class Net(nn.Module):
    def __init__(self, config: Settings | None) -> None:
        super().__init__()
        self.config = config


@pydantic.dataclasses.dataclass
class Checked:
    width: int


@dataclass
class Block:
    size: int
    active: bool = True


class Sized(Protocol):
    width: int


class Entries(TypedDict):
    width: int


class Plain:
    def __init__(self, width: int) -> None:
        self.width = width


@dataclass
class Blocks:
    blocks: list[Block]
    pair: tuple[Block, int] | None = None
    sizes: tuple[Block, ...] = ()
    nothing: tuple[()] = ()
    first: Block | None = None
    named: dict[str, Block] = field(default_factory=dict)


def checked(cfg: Checked) -> object:
    return cfg


def blocks(config: Blocks) -> object:
    return config


def test_models_of_pydantic():
    found = with_config(Net, {"width": 8, "attention": {"heads": 2, "window": [3, 3]}, "kinds": ["a"]}, "Net")["config"]
    assert found == Settings(width=8, attention=Attention(heads=2, window=(3, 3)), kinds=["a"])
    assert with_config(Net, {"width": 8}, "Net") == {"config": Settings(width=8)}
    assert with_config(checked, {"width": "8"}, "checked") == {"cfg": Checked(8)}


def test_dataclasses_in_lists_and_dicts():
    document = {
        "blocks": [{"size": 1}, {"size": 2, "active": False}],
        "first": {"size": 3},
        "named": {"a": {"size": 4}},
        "pair": [{"size": 5}, 6],
        "sizes": [{"size": 7}, {"size": 8}],
        "nothing": [],
    }
    expected = Blocks(
        blocks=[Block(1), Block(2, active=False)],
        first=Block(3),
        named={"a": Block(4)},
        pair=(Block(5), 6),
        sizes=(Block(7), Block(8)),
        nothing=(),
    )
    assert with_config(blocks, document, "blocks") == {"config": expected}


def taking(annotation):
    def make(config):
        return config

    make.__annotations__["config"] = annotation
    return make


@pytest.mark.parametrize(
    "annotation",
    [None, Any, object, dict, dict[str, int], Mapping, Mapping[str, Any] | None, MutableMapping[str, int], Sized, Entries],
)  # fmt: skip
def test_a_dict_stands_for_no_class_of_its_own(annotation):
    config = with_config(taking(annotation), {"width": 3}, "it")["config"]
    assert (config["width"], config.width) == (3, 3)


def test_other_classes_take_the_entries_by_keyword():
    assert with_config(taking(Plain), {"width": 3}, "it")["config"].width == 3
    assert with_config(taking(SimpleNamespace), {"width": 3}, "it") == {"config": SimpleNamespace(width=3)}


@pytest.mark.parametrize(
    ("found", "document", "sentence"),
    [
        (taking(int), {"width": 8}, "it takes int as its config, not an object"),
        (taking(list[int]), {"width": 8}, "it takes list as its config, not an object"),
        (taking(Plain), {"depth": 8}, "Plain, the config of it, cannot be made: missing a required argument: 'width'"),
        (
            taking(Plain),
            {"width": 1, "depth": 8},
            "Plain, the config of it, cannot be made: got an unexpected keyword argument 'depth'",
        ),
        (Net, {"width": 7}, "entry 'width' of the config of it: expects an even width"),
        (Net, {}, "entry 'width' of the config of it: Field required"),
        (Net, {"width": 8, "depth": 1}, "entry 'depth' of the config of it: Extra inputs are not permitted"),
        (
            Net,
            {"width": "8", "attention": {"heads": 0}},
            "entry 'width' of the config of it: Input should be a valid integer; 1 more entry is refused",
        ),
        (blocks, {"blocks": [{}]}, "the config of it needs size"),
        (blocks, {"blocks": [{"size": 1, "wide": 2}]}, "the config of it has no entry 'wide'"),
        (blocks, {}, "the config of it needs blocks"),
    ],
)
def test_what_a_config_refuses(found, document, sentence):
    with pytest.raises(UsageError) as raised:
        with_config(found, document, "it")
    assert str(raised.value) == sentence
