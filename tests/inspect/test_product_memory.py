"""The copies that torch makes of the factors of a batched product of matrices, against real runs of layers of one's own."""

import gc

import pytest
import torch
from memory_tracker import MemoryTracker, allocated

from layercli import layers, ops
from layercli.core import dims
from layercli.core.spec import Spec
from layercli.inspect.cost import cost
from layercli.inspect.training_cost import Training, training_cost
from layercli.runtime.analysis.training_step import FreeLoss
from layercli.sources import open as open_source

FEATURES = 4


class Attention(layers.Layer):
    """Attention by products of matrices; ``split`` makes queries, keys and values of x (batch, steps, 3 heads features)."""

    def __init__(self, split, heads):
        super().__init__()
        self.split, self.heads = split, heads
        self.project, self.out = layers.Dense(3 * heads * FEATURES), layers.Dense(3)

    def call(self, inputs):
        query, key, value = self.split(self.project(inputs), self.heads)
        scores = ops.softmax(ops.matmul(query, key))
        return self.out(ops.matmul(scores, value))


def by_parts(x, heads):
    parts = [ops.reshape(part, (-1, x.shape[1], heads, FEATURES)) for part in ops.split(x, 3, axis=-1)]
    query, key, value = (ops.transpose(part, (0, 2, 1, 3)) for part in parts)
    return query, ops.swapaxes(key, -1, -2), value


def scaled(x, heads):
    query, key, value = by_parts(x, heads)
    return 0.5 * query, ops.tanh(key), value


def by_index(x, heads):
    parts = ops.transpose(ops.reshape(x, (-1, x.shape[1], 3, heads, FEATURES)), (2, 0, 3, 1, 4))
    return parts[0], ops.transpose(parts[1], (0, 1, 3, 2)), parts[2]


def by_heads(x, heads):
    """Each part is a part of contiguous heads."""
    x = ops.reshape(x, (-1, 3 * heads, x.shape[1], FEATURES))
    query, key, value = ops.split(x, 3, axis=1)
    return query, ops.swapaxes(key, 2, 3), value


def by_slices(x, heads):
    x = ops.reshape(x, (-1, 3 * heads, x.shape[1], FEATURES))
    return x[:, :heads], ops.swapaxes(x[:, heads : 2 * heads], 2, 3), x[:, 2 * heads :]


def unstacked(x, heads):
    query, key, value = ops.unstack(ops.reshape(x, (-1, 3, heads, x.shape[1], FEATURES)), axis=1)
    return query, ops.swapaxes(key, 2, 3), value


def contiguous(x, heads):
    query, key, value = (ops.reshape(x, (3, -1, heads, x.shape[1], FEATURES))[i] for i in range(3))
    return query, ops.swapaxes(key, 2, 3), value


def grouped(x, heads):
    """All heads of the queries share one head of keys and one of values, which torch expands."""
    query, key, value = by_parts(x, heads)
    return query, key[:, :1], value[:, :1]


SPLITS = [by_parts, scaled, by_index, by_heads, by_slices, unstacked, contiguous, grouped]


@pytest.mark.parametrize("sizes", [(3, 5, 2), (1, 5, 2), (3, 1, 2), (3, 5, 1)], ids=str)
@pytest.mark.parametrize("split", SPLITS)
def test_attention(split, sizes):
    batch, steps, heads = sizes
    layer, x = Attention(split, heads), torch.rand(batch, steps, 6)
    source = open_source(layer)
    layer(x)
    assert in_inference(source, x) == inferred(layer.module, x)
    (peak, kept), (real_peak, really_kept) = in_training(source, x), trained(layer.module, x)
    assert kept == really_kept
    numbers = 16 if split is scaled else 8  # that of the loss, and the factor 0.5
    assert real_peak - numbers <= peak <= real_peak


def in_inference(source, x):
    opened = source.cost_graph(Spec(tuple(x.shape)))
    return cost(opened.graph, at=opened.at).memory.peak(opened.at).bytes


def inferred(module, x):
    module.eval()
    with torch.no_grad(), MemoryTracker([x, *module.parameters()]) as tracker:
        module(x)
    return tracker.peak


def in_training(source, x):
    opened = source.cost_graph(Spec(tuple(x.shape)), training=True)
    found = training_cost(opened, Training("sgd"), at=opened.at)
    last = len(found.graph.calls) - 1
    living = [each for each in found.memory.moving.storages if each.start <= last < each.stop]
    return found.memory.peak(found.at).bytes, sum(dims.at(each.bytes, found.at) for each in living)


def trained(module, x):
    """The peak of a training step and what is live between its passes."""
    FreeLoss.apply(module.train()(x)).backward()
    module.zero_grad()
    gc.collect()
    with MemoryTracker([x, *module.parameters()]) as tracker:
        out = module(x)
        between = tracker.now
    del out
    return allocated(lambda: FreeLoss.apply(module(x)).backward()), between
