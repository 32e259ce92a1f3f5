"""Two ranks over gloo: the same result as one process on the same batches, and one sentence where a rank goes."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import warnings
from functools import cache
from unittest import mock

import numpy as np
import pytest
import torch

import layercli
from layercli import distributed
from layercli.errors import DeviceError, FormatError, RankError, UsageError
from layercli.inspect.layer_call import described
from layercli.models.families import describe
from layercli.models.pretrained import Pretrained
from layercli.runtime.distributed.process_group import Group
from layercli.runtime.training.batch_sharding import BatchShard
from layercli.sources import huggingface
from layercli.sources.resolve import resolve
from tests.torchrun import ONE_THREAD, free_port
from tests.train import distributed_scripts as scripts


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The folder in which two ranks have done every job."""
    folder = tmp_path_factory.mktemp("ranks")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    code = f"import sys; sys.path.insert(0, {root!r}); from pathlib import Path; from tests.train import distributed_scripts; "
    done = subprocess.run(
        [sys.executable, "-c", f"{code}sys.exit(distributed_scripts.ranks(Path({str(folder)!r}), {free_port()}))"],
        cwd=folder, env={**os.environ, **ONE_THREAD, "CUDA_VISIBLE_DEVICES": ""}, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.fixture
def tensor_parallel():
    """The module, which imports torch.distributed.tensor: a second, not for every worker that collects this file."""
    from layercli.runtime.distributed import tensor_parallel

    return tensor_parallel


@pytest.fixture(scope="module")
def found(done):
    """What each of the two ranks found."""
    return [np.load(done / f"rank{rank}.npz") for rank in range(2)]


@cache
def alone(name):
    return scripts.train(name)


WAYS = {
    "ddp": scripts.TRAININGS,
    "fsdp": scripts.SHARDED,
    "layouts": scripts.LAID_OUT,
}


@pytest.mark.parametrize(("way", "name"), [(way, name) for way, names in WAYS.items() for name in names])
def test_two_ranks_come_to_what_one_process_does(found, name, way):
    for rank in found:
        for key, expected in alone(name).items():
            atol = 5e-5 if name == "bfloat16" else 2e-6  # sums of fewer samples are rounded otherwise, to 8 bits
            np.testing.assert_allclose(rank[f"{name}/{way}/{key}"], expected, rtol=2e-5, atol=atol, err_msg=key)


def test_data_parallel_is_what_torchrun_does(found):
    for rank in found:
        for key in alone("plain"):
            np.testing.assert_array_equal(rank[f"replicated/{key}"], rank[f"plain/ddp/{key}"])
    layercli.random.set_seed(0)
    model = scripts.dense()
    model.compile("sgd", scripts.sparse())
    model.fit(scripts.X[:16], scripts.LABELS[:16], batch_size=16, verbose=0, shuffle=False)
    whole = np.concatenate([each.ravel() for each in model.get_weights()])
    for rank in found:
        np.testing.assert_allclose(rank["replicated/own halves"], whole, rtol=2e-5, atol=2e-6)


def test_what_a_layout_divides(found):
    for rank, each in enumerate(found):
        assert each["divided/devices"].tolist() == ["cpu:0", "cpu:1"]
        np.testing.assert_array_equal(each["divided/part"], scripts.X[:, 2:] if rank else scripts.X[:, :2])
        assert each["divided/values"] == (
            18 if rank else 21
        )  # of 32: three or two of five columns, one of two, and biases
        model = scripts.dense()
        model.set_weights([each[f"divided/weight{number}"] for number in range(4)])
        np.testing.assert_allclose(
            each["divided/predicted"], model.predict(scripts.X[:3], verbose=0), rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(
            each["divided/by layer"], model.layers[0](scripts.X[:3]).detach(), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize(
    ("how", "name"),
    [("ddp", n) for n in scripts.WHOLE] + [("fsdp", n) for n in scripts.BY_LAYER],
)
def test_whole_models_in_plain_pytorch(found, how, name):
    for rank in found:
        assert rank[f"gradients/{how}/{name}"] < 1e-5


def test_ranks_stop_together_and_one_of_them_writes(found, done):
    first, second = found
    for key in ("epochs", "batches", "loss"):
        np.testing.assert_array_equal(first[f"stopped/{key}"], second[f"stopped/{key}"])
    assert first["stopped/epochs"].tolist() == [0, 1]
    assert len(first["stopped/batches"]) == 8
    with open(done / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert [float(row["loss"]) for row in rows] == first["stopped/loss"].tolist()
    assert layercli.load_model(done / "best.keras").count_params() == 32


def test_what_callbacks_decide_is_what_they_decide_in_one_process(found):
    one = scripts.patient()
    assert len(one["epochs"]) < 12
    for rank in found:
        for key, expected in one.items():
            np.testing.assert_allclose(rank[f"patient/{key}"], expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("file", ["shards", "whole.weights.h5"])
def test_what_two_ranks_saved_one_process_goes_on_from(found, done, file):
    layercli.random.set_seed(0)
    model = scripts.dense()
    model.compile("adam", scripts.sparse())
    model._trainer.prepare()
    (distributed.load if file == "shards" else model.__class__.load_weights)(model, done / file)
    np.testing.assert_array_equal(np.concatenate([w.ravel() for w in model.get_weights()]), found[0]["saved/weights"])
    assert model.optimizer.iterations == 6
    model.fit(scripts.X, scripts.LABELS, batch_size=8, initial_epoch=1, epochs=2, verbose=0)
    layercli.random.set_seed(0)
    unbroken = scripts.dense()
    unbroken.compile("adam", scripts.sparse())
    unbroken.fit(scripts.X, scripts.LABELS, batch_size=8, epochs=2, verbose=0)
    for got, expected in zip(model.get_weights(), unbroken.get_weights(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("family", scripts.FAMILIES)
def test_ranks_that_share_a_folder_give_what_transformers_gives(found, family):
    expected = np.load(scripts.folder_of(family) / "expected.npz")
    wanted, mask = expected["output_0"], expected.get("input_attention_mask")
    kept = mask.astype(bool) if mask is not None and mask.shape == wanted.shape[:2] else ...
    for rank in found:
        apart = np.abs(rank[f"shared/{family}/found"] - wanted)[kept]
        assert apart.max() < 1e-5 * np.abs(wanted).max()
        assert rank[f"shared/{family}/values"] < 0.7 * expected["parameters"]


def test_ranks_share_the_rows_of_a_stream(done):
    program = resolve("mlp").prepare(scripts.ROWS)
    [(_, wanted)] = program.outputs(program.place(scripts.ROWS))
    np.testing.assert_allclose(np.load(done / "streamed.npy"), wanted, rtol=1e-5, atol=1e-6)
    assert not (done / "streamed.npy.part.json").exists()


@pytest.mark.parametrize(
    ("family", "ranks", "sentence"),
    [
        ("llama", 3, "4 heads do not divide among 3 ranks"),
        ("falcon-grouped", 4, "2 heads do not divide among 4 ranks"),
    ],
)
def test_a_model_that_ranks_cannot_share(tensor_parallel, family, ranks, sentence):
    opened = huggingface.open(str(scripts.folder_of(family)))
    with pytest.raises(UsageError) as caught:
        tensor_parallel.load(opened.model, opened.weights, Group(0, ranks), "cpu")
    assert caught.value.message == sentence


def test_a_model_without_a_plan(tensor_parallel, monkeypatch):
    opened = huggingface.open(str(scripts.folder_of("mamba")))
    monkeypatch.setattr(type(opened.model), "plan", Pretrained.plan)
    with pytest.raises(UsageError, match=r"^layercli has no tensor-parallel plan for a Mamba$"):
        tensor_parallel.load(opened.model, opened.weights, Group(0, 2), "cpu")


def test_ranks_that_are_more_than_the_heads_of_keys_share_each(tensor_parallel):
    rows = torch.arange(24.0).reshape(6, 4)  # two heads of 3 features
    shares = [tensor_parallel.Ranks(Group(rank, 4), None, key_heads=2).key_head(rows, 0) for rank in range(4)]
    for share, rank in zip(shares, (0, 0, 1, 1), strict=True):
        assert torch.equal(share, rows[3 * rank : 3 * rank + 3])
    model = describe({"model_type": "llama", "num_attention_heads": 12, "num_key_value_heads": 3, "hidden_size": 48})
    with pytest.raises(UsageError, match=r"^3 heads of keys do not divide among 2 ranks, nor these among them$"):
        tensor_parallel.load(model, None, Group(0, 2), "cpu")


def test_ranks_that_are_more_share_the_keys_and_values_of_a_fused_projection(tensor_parallel):
    opened = huggingface.open(str(scripts.folder_of("phi3")))  # 4 heads, 2 of keys
    described(opened.model)
    layer = opened.model.blocks[0].self_attn.qkv_proj
    place = opened.matched().places["blocks/0/self_attn/qkv_proj/kernel"]
    whole = torch.tensor(opened.weights.read(*place.names)).T
    heads = torch.arange(whole.shape[1]).reshape(8, -1)
    for rank, taken in enumerate([[0, 4, 6], [1, 4, 6], [2, 5, 7], [3, 5, 7]]):
        ranks = tensor_parallel.Ranks(Group(rank, 4), None, key_heads=2)
        share = tensor_parallel.share_of(ranks, {id(layer): "heads"}, opened.weights, place)
        assert torch.equal(share, whole[:, heads[taken].ravel()])


def test_shard_needs_ranks():
    with pytest.raises(UsageError, match=r"^dense is sharded among ranks, and there is only this process$"):
        distributed.shard(scripts.dense(), scripts.X)
    with pytest.raises(UsageError, match=r"^there is no process group to join: torchrun did not start this process$"):
        distributed.join()


def test_nccl_needs_a_gpu(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "1" if name == "WORLD_SIZE" else "0")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(DeviceError, match=r"^nccl needs a CUDA device, and there is none$"):
        distributed.join("nccl")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(DeviceError, match=r"^rank 2 of this machine has no GPU: there are 2$"):
        distributed.join()


def test_a_rank_whose_first_rank_is_not_there_says_so(monkeypatch):
    import socket

    from layercli.runtime.distributed import process_group

    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        for name, value in {"RANK": 1, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}.items():
            monkeypatch.setenv(name, str(value))
        monkeypatch.setattr(process_group, "PATIENCE", 0.25)
        with pytest.raises(RankError) as error:
            distributed.join()
    place = f"127.0.0.1:{port} (MASTER_ADDR, MASTER_PORT)"
    assert str(error.value) == f"rank 0 did not answer within 0.25 s at {place}"


@pytest.mark.parametrize(
    ("ranks", "gpus", "backend", "own"),
    [(2, 1, "gloo", []), (2, 2, "cpu:gloo,cuda:nccl", [1]), (2, 8, "cpu:gloo,cuda:nccl", [1])],
)
def test_ranks_beyond_the_gpus_of_a_machine_train_on_the_cpu(monkeypatch, ranks, gpus, backend, own):
    for name, value in {"RANK": 1, "LOCAL_RANK": 1, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}.items():
        monkeypatch.setenv(name, str(value))
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "0")
    joined, taken = [], []
    monkeypatch.setattr("layercli.runtime.distributed.process_group.reach_first_rank", lambda: None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    monkeypatch.setattr("torch.cuda.set_device", lambda device: taken.append(device.index))
    monkeypatch.setattr("torch.distributed.init_process_group", joined.append)
    monkeypatch.setattr("torch.distributed.get_rank", lambda: 1)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: ranks)
    distributed.join()
    assert (joined, taken) == ([backend], own)


@pytest.mark.parametrize(
    ("rank", "backend", "told"), [(0, "cpu:gloo,cuda:nccl", 1), (1, "cpu:gloo,cuda:nccl", 0), (0, "cpu:gloo", 0)]
)
def test_a_model_on_the_cpu_beside_idle_gpus_is_warned_of(monkeypatch, rank, backend, told):
    from layercli.runtime.distributed import ddp

    monkeypatch.setattr("torch.distributed.get_rank", lambda: rank)
    monkeypatch.setattr("torch.distributed.get_backend_config", lambda: backend)
    monkeypatch.setattr("torch.distributed.broadcast", lambda *arguments: None)
    monkeypatch.setattr(ddp, "DistributedDataParallel", mock.MagicMock())
    model = scripts.dense()
    with warnings.catch_warnings(record=True) as found, ddp.replicated(model, set()):
        pass
    text = f"{model.name} trains on the CPU, and each rank has a GPU: call model.module.to('cuda') before fit"
    assert [str(each.message) for each in found] == [text] * told


@pytest.mark.parametrize(
    ("size", "sentence", "hint"),
    [
        (30, "a batch of 30 does not divide among 4 ranks", "take 28 or 32"),
        (3, "a batch of 3 is smaller than the 4 ranks that share it", None),
    ],
)
def test_a_batch_is_shared_out_evenly(size, sentence, hint):
    with pytest.raises(UsageError) as caught:
        BatchShard(Group(1, 4)).check(size)
    assert (caught.value.message, caught.value.hint) == (sentence, hint)


def test_every_sample_is_some_ranks():
    for samples in range(1, 9):
        parts = [BatchShard(Group(rank, 3)) for rank in range(3)]
        taken = [list(range(samples))[part.take(samples)] for part in parts]
        assert [x for own, part in zip(taken, parts, strict=True) if part.own for x in own] == list(range(samples))
        assert [len(own) for own in taken] == [max(part.own, 1) for part in parts]


def test_a_checkpoint_that_does_not_fit(tmp_path, monkeypatch):
    model = scripts.dense()
    model.compile("adam", "mse")
    model._trainer.prepare()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    with pytest.raises(FormatError, match=r"^out holds no checkpoint$"):
        distributed.load(model, "out")
    distributed.save(model, "out")
    wider = scripts.masked()
    wider.compile("adam", "mse")
    with pytest.raises(FormatError, match=r"^out has no model.embedding.embeddings$"):
        distributed.load(wider, "out")
    file = next((tmp_path / "out" / "00000001").iterdir())
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(FormatError, match=r"^out/00000001 is damaged: "):
        distributed.load(model, "out")
