"""Every family beside transformers: outputs, with a cache too, parameter counts, and the names in the file."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from layercli.errors import FormatError, UsageError
from layercli.inspect.decoding import active_parameters, decoding_step
from layercli.inspect.input_names import NamedInputs
from layercli.inspect.layer_call import described
from layercli.models.families import describe
from layercli.models.matching import match
from layercli.runtime.analysis import pretrained
from layercli.runtime.inference.generation import DecodingRules, generate
from layercli.sources import huggingface
from layercli.sources.generation_config import generation_config
from layercli.sources.resolve import resolve
from tests.models.cases import CASES
from tests.models.recording import CACHES, GENERATED, STEPS, decoders, recorded
from tests.models.test_published import PUBLISHED

TOLERANCE = 1e-5


@pytest.fixture(scope="module", params=CASES)
def case(request):
    folder = recorded(request.param)
    opened = huggingface.open(str(folder))
    described(opened.model)
    with np.load(folder / "expected.npz") as held:
        return request.param, opened, {key: held[key] for key in held}


def inputs_of(expected):
    return {key.removeprefix("input_"): value for key, value in expected.items() if key.startswith("input_")}


def outputs_of(model, *args, **kwargs):
    with torch.inference_mode():
        given = model(*args, **kwargs)
    return list(given) if isinstance(given, (tuple, list)) else [given]


def off(found, wanted, mask=None):
    """How far two arrays are apart, of the scale of the wanted one, where the text is no padding."""
    assert found.shape == wanted.shape
    apart = np.abs(found - wanted)
    apart = apart[mask.astype(bool)] if mask is not None and found.shape[:2] == mask.shape else apart
    return apart.max() / np.abs(wanted).max()


def test_the_file_has_the_names_and_shapes_that_the_config_asks_for(case):
    _, opened, _ = case
    found = opened.matched()
    assert (found.missing, found.unexpected, found.other_shape) == ([], [], [])
    assert found.places.keys() == opened.model.named_variables().keys()


LAYOUTS = {  # transformers 4.36, 4.52, and in memory 5
    "vision_tower.vision_model": "language_model.model.embed_tokens.weight language_model.lm_head.weight",
    "model.vision_tower.vision_model": "model.language_model.embed_tokens.weight lm_head.weight",
    "model.vision_tower": "model.language_model.embed_tokens.weight lm_head.weight",
}


@pytest.mark.parametrize("tower", LAYOUTS)
def test_images_and_texts_are_found_in_each_layout(tower):
    opened = huggingface.open(str(recorded("llava")))
    described(opened.model)
    own = {"vision_tower": tower, "language_model.model": "language_model", "language_model.lm_head": "lm_head"}
    renamed = {}
    for name, entry in opened.weights.entries.items():
        first = next((old for old in own if name.startswith(f"{old}.")), "")
        if not tower.startswith("model."):
            renamed[name.replace("vision_tower", tower)] = entry.shape
        elif first == "language_model.lm_head":
            renamed["lm_head.weight"] = entry.shape
        else:
            new = name.replace(first, own[first], 1) if first else name
            renamed[new if new.startswith("model.") else f"model.{new}"] = entry.shape
    assert set(LAYOUTS[tower].split()) <= renamed.keys()
    found = match(opened.model, renamed)
    assert (found.missing, found.unexpected, found.other_shape) == ([], [], [])


def test_there_are_as_many_parameters_as_in_transformers(case):
    name, opened, expected = case
    own = 50 * 16 if name in ("t5-unscaled", "mt5") else 0  # a projection that transformers 5 ties
    assert sum(int(variable.size) for variable in opened.model.trainable_variables) == expected["parameters"] + own


def test_the_outputs_are_those_of_transformers(case):
    _, opened, expected = case
    if opened.model._module is None:
        pretrained.load(opened.model, opened.weights)
    inputs = inputs_of(expected)
    wanted = [value for key, value in expected.items() if key.startswith("output_")]
    found = outputs_of(opened.model, **inputs)
    assert len(found) <= len(wanted)
    for one, other in zip(found, wanted, strict=False):
        assert off(one.numpy(), other, inputs.get("attention_mask")) < TOLERANCE


def test_step_by_step_with_the_cache_the_outputs_are_the_same(case):
    name, opened, expected = case
    if not CASES[name].cached:
        return
    if opened.model._module is None:
        pretrained.load(opened.model, opened.weights)
    inputs = {key: torch.tensor(value) for key, value in inputs_of(expected).items()}
    key = "decoder_input_ids" if "decoder_input_ids" in inputs else "input_ids"
    growing = {key, "attention_mask"} if key == "input_ids" else {key}
    kept = {"attention_mask"} & inputs.keys()  # all else, images and what an encoder reads, is in the cache
    ids, parts, cache = inputs[key], [], ()
    first = ids.shape[1] - 4
    for start, end in [(0, first), *((end - 1, end) for end in range(first + 1, ids.shape[1] + 1))]:
        given = {name: x[:, :end] if name in growing else x for name, x in inputs.items()}
        given |= dict.fromkeys(given.keys() - {key} - kept) if cache else {}
        logits, cache = outputs_of(opened.model, **{**given, key: ids[:, start:end]}, cache=cache)
        parts.append(logits)
    mask = expected.get("input_attention_mask") if key == "input_ids" else None
    assert off(torch.cat(parts, 1).numpy(), expected["output_0"], mask) < TOLERANCE


@pytest.fixture
def one_thread():
    """Steps of tiny models take longer to hand out among threads than to compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_greedy_decoding_gives_the_tokens_of_transformers(one_thread):
    with np.load(GENERATED) as held:
        wanted = {name: held[name].tolist() for name in held}
    assert list(wanted) == decoders()
    found = {}
    for name in wanted:
        source = resolve(str(recorded(name)))
        with np.load(recorded(name) / "expected.npz") as held:
            given = inputs_of(held)
        mask, encodes = given.pop("attention_mask", None), source.model.is_encoder_decoder
        if encodes:
            given["decoder_input_ids"] = np.full((2, 1), source.model.start_token)
        ids = list(given.values()) if len(given) > 1 else given["input_ids"]
        kept = mask is not None and (encodes or mask[:, -1].all())
        inputs = NamedInputs(ids, {"attention_mask": mask}) if kept else ids
        of = generation_config(recorded(name), source.subject.checkpoint.config)
        rules = DecodingRules(of.ends, of.pad, of.suppressed, of.suppressed_first)
        done = generate(source.prepare(inputs), inputs, STEPS, rules)
        found[name] = done.outputs[0].array.tolist()
    assert found == wanted


def step_of(name):
    model = huggingface.open(str(recorded(name))).model
    described(model)
    return decoding_step(model)


def test_kv_caches_are_as_large_as_those_of_transformers():
    wanted = json.loads(CACHES.read_text())
    assert list(wanted) == decoders()
    assert wanted.pop("falcon-grouped") == 2 * step_of("falcon-grouped").at({"B": 2, "T": 11}).cache  # repeated there
    sizes = {name: {"B": 2, "T": 6 if name == "whisper" else 11, "S": 6} for name in wanted}
    assert {name: step_of(name).at(sizes[name]).cache for name in wanted} == wanted


@pytest.mark.parametrize(
    "name", ["llama", "mistral", "gemma2", "qwen3_moe", "deepseek_v3", "gpt2", "bloom", "t5", "whisper", "mamba"]
)
def test_the_next_token_costs_what_torch_counts(name, one_thread):
    opened = huggingface.open(str(recorded(name)))
    model = opened.model
    described(model)
    pretrained.load(model, opened.weights)
    given = inputs_of(np.load(recorded(name) / "expected.npz"))
    given.pop("attention_mask", None)
    ids = torch.tensor(list(given.values())[-1])
    _, cache = outputs_of(model, **given, cache=())
    wanted = step_of(name).at({"B": 2, "T": 6 if name == "whisper" else 11, "S": 6})
    assert sum(x.nbytes for entries in cache for x in entries) == wanted.cache
    positions = {"position_ids": torch.tensor([[11]])} if "position_ids" in model.call_names() else {}
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        outputs_of(model, *model.unpack_inputs(model.continued(ids[:, :1])), **positions, cache=cache)
    assert counter.get_total_flops() == 2 * wanted.macs


def test_each_token_uses_the_chosen_experts_alone():
    mixtral = next(x["config"] for x in PUBLISHED if "Mixtral-8x7B-v0.1" in x["source"])
    model = describe(mixtral)
    described(model)
    assert active_parameters(model) == 12_879_925_248  # arXiv:2401.04088: 13B active of 47B


def test_without_steps_outside_its_windows_a_cache_needs_positions():
    opened = huggingface.open(str(recorded("mistral")))
    described(opened.model)
    pretrained.load(opened.model, opened.weights)
    _, cache = outputs_of(opened.model, torch.ones(1, 9, dtype=torch.int64), cache=())
    message = "its cache keeps no more than its windows, so that it needs attention_mask or position_ids"
    with pytest.raises(UsageError, match=message):
        outputs_of(opened.model, torch.ones(1, 1, dtype=torch.int64), cache=cache)


def test_a_parameter_that_the_file_has_in_one_piece_is_a_view_of_it(monkeypatch):
    mapped, tensor_of = set(), pretrained.tensor_of

    def seen(file, name):
        tensor = tensor_of(file, name)
        mapped.add(tensor.data_ptr())
        return tensor

    monkeypatch.setattr(pretrained, "tensor_of", seen)
    opened = huggingface.open(str(recorded("llama")))
    described(opened.model)
    pretrained.load(opened.model, opened.weights)
    assert {parameter.data_ptr() for parameter in opened.model.module.parameters()} == mapped


@pytest.mark.parametrize("name", ["llama-tied", "mixtral", "gpt2", "mamba"])
@pytest.mark.parametrize("dtype", [None, "bfloat16"])
def test_offloaded_weights_stay_in_the_file(name, dtype, one_thread):
    inputs = inputs_of(np.load(recorded(name) / "expected.npz"))
    ids = inputs["input_ids"]
    given, usual = (resolve(str(recorded(name))).prepare(ids, offload=how, dtype=dtype) for how in (True, False))
    [(_, found)], [(_, wanted)] = (each.outputs(each.place(ids)) for each in (given, usual))
    assert torch.equal(found, wanted)
    assert list(given.module.parameters()) == []
    assert found.dtype == (torch.float32 if dtype is None else torch.bfloat16)


def test_bfloat16_is_kept(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = recorded("llama")
    save_file(
        {k: v.bfloat16() for k, v in load_file(folder / "model.safetensors").items()}, tmp_path / "model.safetensors"
    )
    (tmp_path / "config.json").write_text((folder / "config.json").read_text().replace('"float32"', '"bfloat16"'))
    opened = huggingface.open(str(tmp_path))
    described(opened.model)
    pretrained.load(opened.model, opened.weights)
    assert {p.dtype for p in opened.model.module.parameters()} == {torch.bfloat16}
    [logits] = outputs_of(opened.model, np.array([[3, 4, 5]]))
    assert logits.dtype is torch.bfloat16


def test_a_key_that_nobody_knows_is_ignored_and_null_stands_for_the_default():
    plain = {"model_type": "llama", "num_hidden_layers": 1}
    odd = {**plain, "auto_map": {"AutoModel": "evil.py"}, "hidden_size": None, "whatever": 1, "rope_scaling": None}
    assert describe(odd).decoder == describe(plain).decoder


@pytest.mark.parametrize("kind", [{"a": 1}, ["linear"]])
def test_a_word_that_is_a_list_or_a_dict_is_refused(kind):
    with pytest.raises(FormatError) as error:
        describe({"model_type": "llama", "num_hidden_layers": 1, "rope_scaling": {"type": kind}})
    assert error.value.message.startswith(f"config.json has rope_type = {kind}, which is not 'default' or 'dynamic'")


WITHOUT_TORCH = """
import json, sys
for name in ("torch", "numpy", "transformers"): sys.modules[name] = None
from layercli.inspect.layer_call import described
from layercli.models.families import describe
for file in sys.argv[1:]:
    with open(file) as stream: described(describe(json.load(stream)))
"""


def test_every_family_is_described_without_torch():
    files = [str(recorded(name) / "config.json") for name in CASES]
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, *files], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
