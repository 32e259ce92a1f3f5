"""Hugging Face folders on the command line: what is shown, what is run, and the one sentence for what cannot be meant."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from layercli.cli.main import run
from layercli.errors import FormatError
from layercli.formats.tokenizer_json import TextTokenizer
from tests.models.recording import recorded

LLAMA_405B = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 128_256,
    "hidden_size": 16_384,
    "intermediate_size": 53_248,
    "num_hidden_layers": 126,
    "num_attention_heads": 128,
    "num_key_value_heads": 8,
    "torch_dtype": "bfloat16",
}


@pytest.fixture
def folder(tmp_path):
    copy = tmp_path / "tiny"
    shutil.copytree(recorded("llama"), copy)
    return copy


def change(folder, **values):
    config = json.loads((folder / "config.json").read_text()) | values
    (folder / "config.json").write_text(json.dumps(config))


def rewrite(folder, **changes):
    arrays = load_file(folder / "model.safetensors")
    arrays |= changes
    save_file({name: array for name, array in arrays.items() if array is not None}, folder / "model.safetensors")


def asked(capsys, *args):
    code = run([str(arg) for arg in args])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_summary_of_a_config_alone_needs_neither_torch_nor_numpy(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_405B))
    blocked = ["torch", "numpy", "safetensors", "transformers"]
    blocked += [
        f"layercli.runtime.{x}" for x in ("analysis", "distributed", "execution", "export", "inference", "training")
    ]
    code = (
        f"import sys\nfor name in {blocked!r}: sys.modules[name] = None\n"
        f"from layercli.cli.main import run\nsys.exit(run(['summary', {str(tmp_path)!r}, '--format', 'json']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    totals = json.loads(done.stdout)["totals"]
    assert totals["parameters"] == 405_853_388_800
    assert totals["bytes"] == 2 * 405_853_388_800


def test_a_folder_and_its_config_mean_the_same(folder, capsys):
    of_folder, of_config = (asked(capsys, "summary", place) for place in (folder, folder / "config.json"))
    assert of_folder == of_config
    assert of_folder[0] == 0
    assert "input_ids int32[None, T]" in of_folder[1]


def test_running_a_folder_gives_the_logits_of_transformers(folder, tmp_path, capsys):
    expected = np.load(folder / "expected.npz")
    np.save(tmp_path / "ids.npy", expected["input_input_ids"][:1])
    code, _, _ = asked(capsys, "run", folder, "--input", tmp_path / "ids.npy", "--output", tmp_path / "out.npy")
    assert code == 0
    wanted = expected["output_0"][:1]
    assert np.abs(np.load(tmp_path / "out.npy") - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_inputs_have_names_and_the_next_tokens_follow_the_last_step_of_each_text(folder, tmp_path, capsys):
    expected = np.load(folder / "expected.npz")
    mask = expected["input_attention_mask"]
    np.savez(tmp_path / "x.npz", input_ids=expected["input_input_ids"], attention_mask=mask)
    np.save(tmp_path / "mask.npy", mask)
    whole = ("--input", tmp_path / "x.npz", "--top", 1, "--output", tmp_path / "y.npy", "--format", "json", "--force")
    named = ("--input", f"input_ids={tmp_path}/x.npz:input_ids", "--input", f"attention_mask={tmp_path}/mask.npy")
    outputs = []
    for given in (whole, (*named, *whole[2:])):
        code, out, _ = asked(capsys, "run", folder, *given)
        assert code == 0
        outputs.append((json.loads(out)["top"], np.load(tmp_path / "y.npy").tolist()))
    assert outputs[0] == outputs[1]
    wanted = expected["output_0"]
    assert np.abs(np.load(tmp_path / "y.npy") - wanted)[mask != 0].max() < 1e-5 * np.abs(wanted).max()
    assert [guess["class"] for guess in outputs[0][0]] == wanted[:, -1].argmax(-1).tolist()
    np.save(tmp_path / "mask.npy", mask[:, ::-1])  # the second text ends after 8 tokens
    top = json.loads(asked(capsys, "run", folder, *named, "--top", 1, "--format", "json")[1])["top"]
    np.save(tmp_path / "mask.npy", np.ones_like(mask))
    alone = ("--input", f"{tmp_path}/x.npz:input_ids", "--output", tmp_path / "y.npy", "--force")
    assert asked(capsys, "run", folder, *alone)[0] == 0
    assert top[1]["class"] == np.load(tmp_path / "y.npy")[1, 7].argmax()


def tokenizer(folder):
    words = {"[PAD]": 0, "[END]": 2, **{f"w{i}": i for i in range(3, 50)}, "[X]": 1}
    model = {"type": "WordLevel", "vocab": words, "unk_token": "[X]"}
    split = {"type": "Whitespace"}
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "model": model, "pre_tokenizer": split}))


def test_texts_are_continued(folder, tmp_path, capsys):
    tokenizer(folder)
    texts = ("w5 w9 w30 w7", "w4 w8")
    asks = [word for text in texts for word in ("--text", text)]
    code, out, err = asked(capsys, "run", folder, *asks, "--generate", 3, "--output", tmp_path / "y.npy", "-f", "json")
    assert (code, err) == (0, f"running on cpu\nwrote {tmp_path / 'y.npy'}\n")
    found = json.loads(out)["generated"]
    assert np.load(tmp_path / "y.npy").tolist() == [row["tokens"] for row in found]
    assert [row["text"] for row in found] == [" ".join(f"w{i}" for i in row["tokens"]) for row in found]
    for row, text in zip(found, texts, strict=True):  # padding changes nothing
        alone = asked(capsys, "run", folder, "--text", text, "--generate", 3, "-f", "json")[1]
        assert json.loads(alone)["generated"][0]["tokens"] == row["tokens"]
    top = json.loads(asked(capsys, "run", folder, "--text", texts[0], "--top", 2, "-f", "json")[1])["top"]
    assert (top[0]["class"], top[0]["label"]) == (found[0]["tokens"][0], found[0]["text"].split()[0])


def test_beside_an_encoder_decoding_begins_with_the_token_that_the_config_names(tmp_path, capsys):
    copy = tmp_path / "t5"
    shutil.copytree(recorded("t5"), copy)
    np.savez(tmp_path / "start.npz", input_ids=np.ones((2, 4), int), decoder_input_ids=np.full((2, 1), 3))
    np.save(tmp_path / "ids.npy", np.ones((2, 4), int))
    code, out, err = asked(capsys, "run", copy, "--input", tmp_path / "ids.npy", "--generate", 3, "-f", "json")
    assert (code, err, len(json.loads(out)["generated"])) == (0, "running on cpu\n", 2)
    change(copy, decoder_start_token_id=3)
    asks = [("--input", tmp_path / name, "--generate", 3, "-f", "json") for name in ("ids.npy", "start.npz")]
    found, given = (json.loads(asked(capsys, "run", copy, *each)[1])["generated"] for each in asks)
    assert found == given
    tokenizer(copy)
    asks = [("--top", 1), ("--generate", 1)]
    top, made = (json.loads(asked(capsys, "run", copy, "--text", "w4 w5", *each, "-f", "json")[1]) for each in asks)
    assert top["top"][0]["class"] == made["generated"][0]["tokens"][0]
    change(copy, decoder_start_token_id=None)
    code, _, err = asked(capsys, "run", copy, "--at", "T=3", "--generate", 3)
    assert (code, err) == (
        2, "error: t5 has no decoder_start_token_id\nhint: --input decoder_input_ids=ids.npy\n",
    )  # fmt: skip


NO_TEXT = "has no tokenizer.json, which turns texts into token ids\nhint: --input input_ids=ids.npy"


def test_what_cannot_be_decoded_is_one_sentence(folder, tmp_path, capsys):
    mask = np.ones((1, 4), int)
    np.savez(tmp_path / "x.npz", input_ids=mask, attention_mask=mask * [1, 1, 1, 0])
    for options, message in (
        (["--text", "w5"], f"{folder} {NO_TEXT}"),
        (["--generate", 2, "--layers", "mlp"], "--generate runs the model once for each token, which --layers does not go with"),
        (["--input", tmp_path / "x.npz", "--generate", 2],
         "--generate continues the last token of each text, and attention_mask is 0 there: pad in front"),
    ):  # fmt: skip
        code, out, err = asked(capsys, "run", folder, *options)
        assert (code, out, err.removeprefix("running on cpu\n")) == (2, "", f"error: {message}\n")
    for name, message in (
        ("gpt2", "gpt2 has 64 positions, and 4 tokens and 62 more do not fit"),
        ("gpt2-base", "--generate needs logits of tokens, and gpt2-base ends in no projection to its vocabulary"),
        ("bert", "--generate is for decoders with a cache, and bert has none"),
    ):
        assert asked(capsys, "run", recorded(name), "--at", "T=4", "--generate", 62)[2].splitlines()[1:] == [
            f"error: {message}"
        ]
    (folder / "tokenizer.json").write_text("{")
    assert asked(capsys, "run", folder, "--text", "w5")[2].startswith(
        f"error: {folder}/tokenizer.json is not a tokenizer: "
    )


TOKENIZERS = {
    "no token for what is unknown": ({}, "cannot encode a text: WordLevel error: Missing [UNK] token from the vocabulary"),
    "a search without an end": (
        {"normalizer": {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": "a"}},
        "cannot encode a text: Onig: Regex search error: retry-limit-in-match over",
    ),
    "a text that grows": (
        {"normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 99} for _ in range(4)]}},
        "makes a text more than 1,000 times as long",
    ),
    "padding without an end": (
        {"padding": {"strategy": {"Fixed": 10**12}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
                     "pad_type_id": 0, "pad_token": "a"}},
        "cannot encode a text: WordLevel error: Missing [UNK] token from the vocabulary",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_tokenizer_of_absurd_settings_is_one_sentence(tmp_path, name):
    changed, message = TOKENIZERS[name]
    model = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "?"}
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps({"version": "1.0", "added_tokens": [], "model": model, **changed}))
    with pytest.raises(FormatError) as refused:
        TextTokenizer(tmp_path).encode(["a" * 30 + "b"])
    assert str(refused.value) == f"{file} {message}"


def test_vars_lists_the_header(folder, capsys):
    code, out, err = asked(capsys, "vars", folder, "q_proj", "--format", "csv")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].startswith("model.layers.0.self_attn.q_proj.weight,")


@pytest.mark.parametrize("name", ["mixtral", "mamba", "gpt2", "vit"])
def test_vars_of_a_config_alone_has_the_names_of_a_checkpoint(tmp_path, capsys, name):
    folder = recorded(name)
    shutil.copy(folder / "config.json", tmp_path)
    names = {
        row["path"]: row["shape"]
        for row in json.loads(asked(capsys, "vars", tmp_path, "--format", "json")[1])["variables"]
    }
    assert names == {name: list(array.shape) for name, array in load_file(folder / "model.safetensors").items()}


def test_vars_says_what_does_not_fit(folder, capsys):
    rewrite(
        folder,
        **{"model.norm.weight": None, "extra": np.zeros(3, "float32"), "lm_head.weight": np.zeros((50, 8), "float32")},
    )
    code, _, err = asked(capsys, "vars", folder)
    assert code == 0
    assert err.splitlines() == [
        "lm_head.weight has the shape (50, 8), and config.json asks for (50, 16)",
        "the weights have no model.norm.weight",
        "config.json says nothing of extra",
    ]


def test_an_unknown_model_type_is_shown_by_what_its_weights_hold(folder, capsys):
    change(folder, model_type="mystery", auto_map={"AutoModel": "modeling_mystery.Mystery"})
    (folder / "modeling_mystery.py").write_text("raise SystemExit('this was run')")
    code, out, err = asked(capsys, "summary", folder, "--depth", "2")
    assert code == 0
    assert err == "layercli does not implement the model_type 'mystery': the tensors of the weights are shown instead\n"
    assert "model/embed_tokens" in out


def test_the_training_of_an_unknown_model_type_is_refused_as_such(folder, capsys):
    change(folder, model_type="mystery")
    code, out, err = asked(capsys, "cost", folder, "--training", "adam")
    assert (code, out) == (2, "")
    assert err.endswith("error: layercli does not implement the model_type 'mystery'\n")


def test_quantized_weights_are_named_and_not_run(folder, capsys):
    change(folder, quantization_config={"quant_method": "gptq", "bits": 4})
    code, _, err = asked(capsys, "summary", folder)
    assert (code, err) == (0, "the weights are quantized (gptq, 4 bits): the unquantized model is shown\n")
    code, _, err = asked(capsys, "run", folder, "--at", "T=4")
    assert code == 2
    assert err == f"error: {folder} holds quantized weights (gptq, 4 bits), which layercli does not run\n"


def weights_in(capsys, folder, *more):
    """The bytes of the weights in what ``cost`` says."""
    code, out, _ = asked(capsys, "cost", folder, "--at", "B=1", "--at", "T=4", "--format", "json", *more)
    assert code == 0
    return json.loads(out)["totals"]["weights"]


def packed_by_gptq(folder):
    change(folder, quantization_config={"quant_method": "gptq", "bits": 4})
    arrays = load_file(folder / "model.safetensors")
    for name in [name for name in arrays if "_proj." in name]:
        (outputs, inputs), path = arrays.pop(name).shape, name.removesuffix(".weight")
        arrays[f"{path}.qweight"] = np.zeros((inputs // 8, outputs), "int32")
        arrays[f"{path}.qzeros"] = np.zeros((1, outputs // 8), "int32")
        arrays[f"{path}.scales"] = np.zeros((1, outputs), "float16")
    save_file(arrays, folder / "model.safetensors")
    return arrays


@pytest.mark.parametrize(("method", "bits", "sound"), [("gptq", 4, True), ("awq", 4, False), ("gptq", 0, False)])
def test_weights_packed_otherwise_than_the_config_says_are_not_run(folder, capsys, method, bits, sound):
    packed_by_gptq(folder)
    change(folder, quantization_config={"quant_method": method, "bits": bits})
    fault = f"config.json says that the weights are quantized by {method}, {bits} bits, and they are gptq-int4"
    code, _, err = asked(capsys, "summary", folder)
    assert (code, fault in err) == (0, not sound)
    code, out, _ = asked(capsys, "check", folder, "--format", "json")
    messages = [finding["message"] for finding in json.loads(out)["findings"]]
    assert (code, messages) == ((0, []) if sound else (1, [f"{folder}/model.safetensors: {fault}"]))
    code, _, err = asked(capsys, "run", folder, "--at", "T=4", "--device", "cpu")
    assert (code, err) == ((0, "") if sound else (2, f"error: {folder} contradicts itself: {fault}\n"))


def test_quantized_weights_count_as_what_they_stand_for(folder, capsys):
    arrays = packed_by_gptq(folder)
    code, out, err = asked(capsys, "summary", folder, "--format", "json")
    assert (code, err) == (0, "the weights are quantized (gptq, 4 bits): the unquantized model is shown\n")
    found = json.loads(out)
    assert found["totals"]["parameters"] == 5520
    assert found["totals"]["bytes"] == sum(array.nbytes for array in arrays.values())
    packed = {each["dtype"]: (each["parameters"], each["bits_per_parameter"]) for each in found["dtypes"]}
    scales = sum(array.nbytes for name, array in arrays.items() if name.endswith(("scales", "qzeros")))
    assert packed == {"gptq-int4": (3840, round(4 + 8 * scales / 3840, 4)), "float32": (1680, 32.0)}
    stored, packed = weights_in(capsys, folder), sum(x.nbytes for name, x in arrays.items() if "_proj." in name)
    assert stored == found["totals"]["bytes"]
    assert weights_in(capsys, folder, "--dtype", "bfloat16") == packed + (stored - packed) // 2
    assert weights_in(capsys, folder, "--training", "sgd") == 4 * 5520
    rewrite(folder, **{"model.layers.0.mlp.up_proj.qweight": np.zeros((2, 16), "int32")})
    code, _, err = asked(capsys, "summary", folder)
    assert code == 0
    fault = "model.layers.0.mlp.up_proj.weight"
    assert fault in err


@pytest.fixture
def adapter(folder, tmp_path):
    place = tmp_path / "adapter"
    place.mkdir()
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["v_proj", "q_proj"]}
    (place / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": str(folder)}))
    path = "base_model.model.model.layers.{}.self_attn.{}.lora_{}.weight"
    sizes = {"q_proj": (16, 16), "v_proj": (8, 16)}
    save_file(
        {
            path.format(i, name, half): np.zeros((4, inputs) if half == "A" else (outputs, 4), "float32")
            for i in range(2)
            for name, (outputs, inputs) in sizes.items()
            for half in "AB"
        },
        place / "adapter_model.safetensors",
    )
    return place


def test_an_adapter_is_shown_beside_its_base(adapter, folder, capsys):
    code, out, err = asked(capsys, "summary", adapter)
    assert (code, err) == (0, "")
    assert [line.split(":", 1)[1].strip() for line in out.splitlines() if line.startswith(("Adapter", "Targets", "Base"))] == [
        "LORA, rank 4, products times 2",
        "q_proj, v_proj",
        f"{folder}, 5,520 parameters: the adapter has 8.12% of that",  # 448 of 5,520
    ]  # fmt: skip
    shutil.rmtree(folder)
    found = json.loads(asked(capsys, "summary", adapter, "-f", "json")[1])["adapter"]
    assert (found["parameters"], found["base_parameters"], found["share_of_base"]) == (448, None, None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"r": 8}, "adapter_config.json has r = 8, and the tensors have the rank 4"),
        ({"r": 0}, "adapter_config.json has r = 0, which is not an integer from 1"),
        ({"target_modules": 3}, "adapter_config.json has target_modules = 3, which is not a list of texts"),
        ({"base_model_name_or_path": 3}, "adapter_config.json has base_model_name_or_path = 3, which is not text"),
    ],
)
def test_an_adapter_that_contradicts_itself_is_one_sentence(adapter, capsys, values, message):
    config = json.loads((adapter / "adapter_config.json").read_text()) | values
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    assert asked(capsys, "summary", adapter) == (2, "", f"error: {message}\n")


CONFIGS = [
    (
        {"hidden_size": 10**15},
        "config.json has hidden_size = 1000000000000000, which is not an integer from 1 to 2,147,483,648",
    ),
    (
        {"num_hidden_layers": 10**9},
        "config.json has num_hidden_layers = 1000000000, which is not an integer from 1 to 2,000",
    ),
    ({"hidden_size": -1}, "config.json has hidden_size = -1, which is not an integer from 1 to 2,147,483,648"),
    ({"hidden_size": "16"}, "config.json has hidden_size = '16', which is not an integer from 1 to 2,147,483,648"),
    ({"hidden_size": True}, "config.json has hidden_size = True, which is not an integer from 1 to 2,147,483,648"),
    (
        {"hidden_size": 18, "head_dim": None},
        "config.json has hidden_size = 18, which num_attention_heads = 4 does not divide",
    ),
    (
        {"num_key_value_heads": 3},
        "config.json has num_attention_heads = 4, which num_key_value_heads = 3 does not divide",
    ),
    ({"hidden_act": "evil"}, "config.json names the activation 'evil', which layercli does not have"),
    ({"head_dim": 7}, "config.json turns 7 features of each head by their position, which is not an even number"),
    ({"model_type": 7}, "config.json has model_type = 7, which is not text"),
    ({"architectures": "Llama"}, "config.json has architectures = 'Llama', which is not a list of texts"),
    ({"dtype": "float7"}, "config.json has dtype = 'float7', which is not a floating dtype"),
    ({"dtype": "int8"}, "config.json has dtype = 'int8', which is not a floating dtype"),
    ({"rope_parameters": None, "rope_scaling": [1]}, "config.json has rope_scaling = [1], which is not an object"),
    (
        {"rope_parameters": {"rope_type": "llama3", "factor": 0}},
        "config.json has factor = 0, which is not a number above 0",
    ),
    (
        {"rope_parameters": {"rope_type": "llama3", "factor": 8.0}},
        "config.json has rope_parameters of the type 'llama3' that do not say all it needs",
    ),
    ({"quantization_config": 4}, "config.json has quantization_config = 4, which is not an object"),
    ({"rms_norm_eps": -1e-6}, "config.json has rms_norm_eps = -1e-06, which is not a number from 0"),
]


@pytest.mark.parametrize(("values", "message"), CONFIGS, ids=lambda value: str(value)[:40])
def test_a_config_that_no_model_can_have_is_one_sentence(folder, capsys, values, message):
    change(folder, **values)
    assert asked(capsys, "summary", folder) == (2, "", f"error: {message}\n")


CONTRADICTIONS = {
    "another shape": (
        {"lm_head.weight": np.zeros((50, 8), "float32")},
        "other-shape: 'lm_head.weight' has the shape (50, 8), and config.json asks for (50, 16)",
    ),
    "missing": (
        {"model.norm.weight": None},
        "missing-tensor: 'model.norm.weight' is missing, which config.json asks for",
    ),
    "left over": ({"extra": np.zeros(3, "float32")}, "extra-tensor: 'extra' is nothing that config.json asks for"),
}


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_check_holds_the_weights_to_the_config(folder, capsys, kind):
    changes, wanted = CONTRADICTIONS[kind]
    rewrite(folder, **changes)
    code, out, _ = asked(capsys, "check", folder, "--format", "json")
    [finding] = json.loads(out)["findings"]
    message = finding["message"].removeprefix(f"{folder}/model.safetensors: ")
    assert (code, f"{finding['code']}: {message}") == (int(kind != "left over"), wanted)


def test_check_says_that_a_link_leads_out_of_the_folder(folder, tmp_path, capsys):
    index = sharded(folder, dict.fromkeys(names_in(folder), "one.safetensors"))
    shutil.move(folder / "one.safetensors", tmp_path / "outside.safetensors")
    (folder / "one.safetensors").symlink_to(tmp_path / "outside.safetensors")
    code, out, _ = asked(capsys, "check", folder, "--format", "json")
    [finding] = json.loads(out)["findings"]
    where = f"{index} names the shard 'one.safetensors', which leads out of its folder and is never opened"
    assert (code, finding["message"].partition(":")[0]) == (1, where)


def test_check_names_a_config_that_no_model_can_have(folder, capsys):
    for change_it, message in [
        (lambda: change(folder, hidden_size=-1), "hidden_size = -1"),
        (lambda: (folder / "config.json").write_text("{"), "a config that is not JSON"),
    ]:
        change_it()
        code, out, _ = asked(capsys, "check", folder, "--format", "json")
        [finding] = json.loads(out)["findings"]
        assert (code, finding["code"], finding["file"]) == (1, "bad-config", f"{folder}/config.json")
        assert finding["message"].startswith(f"{folder}/config.json has {message}")


def test_an_infinity_in_a_config_is_a_value_like_others(folder, capsys):
    """transformers writes ``"time_step_limit": [0.0, Infinity]``."""
    change(folder, time_step_limit=[0.0, float("inf")])
    assert asked(capsys, "summary", folder)[::2] == (0, "")
    assert asked(capsys, "convert", folder, folder / "m.keras", "-q")[::2] == (0, "")
    both = (folder / "m.keras", folder, "--input-shape", "1,4", "--device", "cpu", "-q")
    assert asked(capsys, "compare", *both)[::2] == (0, "")
    change(folder, rms_norm_eps=float("inf"))
    assert (
        asked(capsys, "summary", folder)[2]
        == "error: config.json has rms_norm_eps = inf, which is not a number from 0\n"
    )


@pytest.mark.parametrize("command", [("cost", "--at", "B=1,T=4"), ("plot",)])
def test_cost_and_plot_compare_the_weights_as_summary_does(folder, capsys, command):
    rewrite(folder, **{"model.norm.weight": None})
    code, _, err = asked(capsys, command[0], folder, *command[1:])
    assert (code, err) == (0, "the weights have no model.norm.weight\n")
    rewrite(folder, **{"lm_head.weight": np.zeros((50, 8), "float32")})
    code, out, err = asked(capsys, command[0], folder, *command[1:])
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {folder} contradicts itself: lm_head.weight has the shape (50, 8)")


def test_an_index_that_is_no_json_is_named_as_one(folder, capsys):
    index = sharded(folder, {})
    index.write_text("hello")
    assert asked(capsys, "summary", folder) == (2, "", f"error: {index} has an index that is not JSON\n")


def test_more_patches_than_can_be_counted_are_one_sentence(tmp_path, capsys):
    shutil.copy(recorded("vit") / "config.json", tmp_path)
    change(tmp_path, image_size=10**9)
    message = "config.json has image_size = 1000000000 and patch_size = 4: more than 2,147,483,648 patches"
    assert asked(capsys, "run", tmp_path) == (2, "", f"error: {message}\n")


@pytest.mark.parametrize(
    ("family", "values", "message"),
    [
        ("siglip", {"vision_config": None}, "describes texts as vectors of 8 features, and images as vectors of 768"),
        ("siglip", {"vision_config": []}, "has vision_config = [], which is not an object"),
        ("llava", {"text_config": []}, "has text_config = [], which is not an object"),
    ],
)
def test_a_part_of_a_config_that_no_model_can_have_is_one_sentence(tmp_path, capsys, family, values, message):
    shutil.copy(recorded(family) / "config.json", tmp_path)
    change(tmp_path, **values)
    assert asked(capsys, "summary", tmp_path) == (2, "", f"error: config.json {message}\n")


def sharded(folder, weight_map):
    (folder / "model.safetensors").rename(folder / "one.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    return folder / "model.safetensors.index.json"


def names_in(folder):
    return list(load_file(folder / "model.safetensors"))


def test_shards_are_read_through_their_index(folder, capsys):
    whole = asked(capsys, "summary", folder)
    sharded(folder, dict.fromkeys(names_in(folder), "one.safetensors"))
    assert asked(capsys, "summary", folder) == whole
    assert asked(capsys, "run", folder, "--at", "T=4")[0] == 0


def test_a_missing_shard_is_one_sentence(folder, capsys):
    index = sharded(folder, dict.fromkeys(names_in(folder), "two.safetensors"))
    message = f"error: {index} names the shard 'two.safetensors', which is not in its folder\n"
    assert asked(capsys, "summary", folder) == (2, "", message)


@pytest.mark.parametrize("name", ["../one.safetensors", "/etc/passwd", "..", ""])
def test_an_index_that_names_files_outside_the_folder_is_one_sentence(folder, capsys, name):
    index = sharded(folder, dict.fromkeys(names_in(folder), name))
    message = f"error: {index} names the shard {name!r}, which is not a plain file name\n"
    assert asked(capsys, "run", folder, "--at", "T=4") == (2, "", message)


def test_a_truncated_shard_is_one_sentence(folder, capsys):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    code, out, err = asked(capsys, "summary", folder)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {file} is cut short: its tensors take ")


def test_weights_that_contradict_the_config_are_one_sentence(folder, capsys):
    change(folder, hidden_size=32, head_dim=4)
    fault = "model.embed_tokens.weight has the shape (50, 16), and config.json asks for (50, 32) (and 20 more)"
    assert asked(capsys, "summary", folder) == (2, "", f"error: {folder} contradicts itself: {fault}\n")
    code, _, err = asked(capsys, "run", folder, "--at", "T=4")
    assert (code, err) == (2, f"error: {folder / 'model.safetensors'} does not fit config.json: {fault}\n")


def test_several_files_without_an_index_are_one_sentence(folder, capsys):
    (folder / "model.safetensors").rename(folder / "a.safetensors")
    shutil.copy(folder / "a.safetensors", folder / "b.safetensors")
    what = "has 2 safetensors files and no model.safetensors.index.json that says which file holds which tensor"
    message = f"error: {folder} {what}\n"
    assert asked(capsys, "summary", folder) == (2, "", message)


def test_an_unknown_model_type_without_weights_is_one_sentence(tmp_path, capsys):
    (tmp_path / "config.json").write_text('{"model_type": "mystery"}')
    message = "error: layercli does not implement the model_type 'mystery'\n"
    assert asked(capsys, "summary", tmp_path) == (2, "", message)


def test_a_head_that_is_not_known_is_named(folder, capsys):
    change(folder, architectures=["LlamaForQuestionAnswering"])
    code, _, err = asked(capsys, "run", folder, "--at", "T=4")
    wanted = "layercli does not know LlamaForQuestionAnswering, of which it has: ForCausalLM, ForSequenceClassification, Model"
    assert (code, err) == (2, f"error: {wanted}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "is not a JSON object"),
        ("{", "is not JSON"),
        ('{"a":1,"a":2}', "holds 'a' twice"),
        ('{"b":[{"a" : ":","a"\t:2}]}', "holds 'a' twice"),
    ],
)
def test_a_config_that_is_no_config_is_one_sentence(folder, capsys, text, message):
    (folder / "config.json").write_text(text)
    code, _, err = asked(capsys, "summary", folder)
    assert code == 2
    assert err == f"error: {folder / 'config.json'} has a config that {message}\n"


def test_a_folder_takes_no_settings(folder, capsys):
    message = f"error: {folder} is an existing model: it takes no arguments\n"
    assert asked(capsys, "summary", folder, "--set", "a=1") == (2, "", message)
