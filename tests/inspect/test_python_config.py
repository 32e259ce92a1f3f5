"""Configs given as JSON become the objects that a constructor wants: of pydantic, dataclasses, and lists and dicts of them."""

from __future__ import annotations

from dataclasses import dataclass, field

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


@dataclass
class Blocks:
    blocks: list[Block]
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
    }
    expected = Blocks([Block(1), Block(2, active=False)], Block(3), {"a": Block(4)})
    assert with_config(blocks, document, "blocks") == {"config": expected}


@pytest.mark.parametrize(
    ("found", "document", "sentence"),
    [
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
