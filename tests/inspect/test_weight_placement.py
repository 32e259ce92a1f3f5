"""Weights of folders that stay in their file or are shared among ranks, as ``cost`` counts them: against what the runtime holds."""

import gc
import weakref
from types import SimpleNamespace

import pytest
import torch
from memory_tracker import MemoryTracker

from layercli.core import dims
from layercli.errors import UsageError
from layercli.inspect.layer_call import described
from layercli.models.parallel import rank_shares
from layercli.runtime.analysis import pretrained
from layercli.runtime.distributed.tensor_parallel import Ranks, share_of
from layercli.runtime.execution.offload import OffloadTarget
from layercli.sources import open as open_source

FAMILIES = "tests/reference/families"


class Copied(OffloadTarget):
    """Another device: what is read from the file is copied."""

    def placed(self, value):
        return value.clone()


class DeviceTracker(MemoryTracker):
    """Counts what is not a view of the mapped file, which a tensor is made of by ``lift_fresh``."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.name() == "aten::lift_fresh":
            storage = args[0].untyped_storage()
            self.known.add(key := storage._cdata)
            self.mapped = [*getattr(self, "mapped", ()), weakref.ref(storage, lambda _: self.known.discard(key))]
        return super().__torch_dispatch__(func, types, args, kwargs)


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2", "phi3"])
def test_offloaded_weights_are_live_for_one_operation(family):
    source = open_source(f"{FAMILIES}/{family}")
    opened = source.cost_graph().placed(offloaded=True, ranks=1)
    found = opened.cost({**opened.at, "B": 2, "T": 5})
    described(source.model)
    pretrained.offload(source.model, pretrained.weights_of(source.opened), Copied(torch.device("cpu")))
    tokens = torch.randint(0, 20, (2, 5), dtype=torch.int32)
    with torch.no_grad():
        source.model(tokens, cache=[])
        gc.collect()
        with DeviceTracker([tokens]) as tracker:
            source.model(tokens, cache=[])
    assert found.bytes - dims.at(found.memory.fixed["inputs"], found.at) == tracker.peak


@pytest.mark.parametrize("ranks", [2, 4])
@pytest.mark.parametrize("family", ["llama", "gpt2", "falcon", "qwen2_moe", "deepseek_v3", "mamba"])
def test_a_rank_has_the_share_that_it_reads(family, ranks):
    source = open_source(f"{FAMILIES}/{family}")
    opened, model = source.cost_graph().placed(offloaded=False, ranks=ranks), source.model
    file, group = pretrained.weights_of(source.opened), SimpleNamespace(size=ranks, rank=0, first=True)
    styles = {id(x): how for path, x in model.named_layers() if (how := model.plan.share(path)) is not None}
    held = Ranks(group, None, model.plan.key_heads)
    values = [share_of(held, styles, file, place) for place in pretrained.places_in(model, file)]
    found = opened.cost({**opened.at, "B": 2, "T": 5})
    assert found.memory.fixed["weights"] == sum(x.numel() * x.element_size() for x in values)
    assert any("run --shard" in note for note in found.notes)


def test_heads_that_do_not_divide():
    with pytest.raises(UsageError, match=r"^4 heads do not divide among 3 ranks$"):
        rank_shares(open_source(f"{FAMILIES}/llama").model, 3)
