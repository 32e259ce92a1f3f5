"""Models of transformers, timm and diffusers: what a trace says, against the same models run for real with eager attention."""

from __future__ import annotations

import enum
import inspect
import sys
import types
import warnings

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from layercli.core.spec import Spec
from layercli.runtime.analysis.module_building import built_without_values
from layercli.runtime.analysis.module_summary import summarize_module

SMALL = {"vocab_size": 99, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
TOKENS = {"input_ids": Spec((2, 7), "int64")}
BOTH = {**TOKENS, "decoder_input_ids": Spec((2, 5), "int64")}
PIXELS = {"pixel_values": Spec((1, 3, 32, 32))}
GQA = {**SMALL, "num_key_value_heads": 2}
BART = {"vocab_size": 99, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
        "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "max_position_embeddings": 64}  # fmt: skip
T5 = {"vocab_size": 99, "d_model": 32, "d_ff": 48, "d_kv": 8, "num_layers": 2, "num_heads": 4}
GPT2 = {"vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
VIT = {**{key: SMALL[key] for key in list(SMALL)[1:]}, "image_size": 32, "patch_size": 8}

TRANSFORMERS = {
    "BertModel": (SMALL, TOKENS), "RobertaModel": (SMALL, TOKENS), "ElectraModel": (SMALL, TOKENS),
    "DebertaModel": (SMALL, TOKENS), "DebertaV2Model": (SMALL, TOKENS),
    "MPNetModel": (SMALL, TOKENS), "ConvBertModel": (SMALL, TOKENS), "NystromformerModel": (SMALL, TOKENS),
    "RoFormerModel": (SMALL, TOKENS), "AlbertModel": (SMALL, TOKENS), "MobileBertModel": (
        {**SMALL, "intra_bottleneck_size": 32, "embedding_size": 32}, TOKENS),
    "DistilBertModel": ({"vocab_size": 99, "dim": 32, "hidden_dim": 48, "n_layers": 2, "n_heads": 4}, TOKENS),
    "SqueezeBertModel": ({**SMALL, "embedding_size": 32}, TOKENS), "FNetModel": (SMALL, TOKENS), "LlamaForCausalLM": (GQA, TOKENS),
    "MistralForCausalLM": (GQA, TOKENS), "Qwen2ForCausalLM": (GQA, TOKENS),
    "Qwen3ForCausalLM": ({**GQA, "head_dim": 8}, TOKENS), "GemmaForCausalLM": ({**GQA, "head_dim": 8}, TOKENS),
    "Gemma2ForCausalLM": ({**GQA, "head_dim": 8}, TOKENS), "PhiForCausalLM": (SMALL, TOKENS),
    "Phi3ForCausalLM": ({**GQA, "pad_token_id": 0}, TOKENS),
    "Olmo2ForCausalLM": (GQA, TOKENS), "CohereForCausalLM": (GQA, TOKENS),
    "Starcoder2ForCausalLM": (GQA, TOKENS), "GPTNeoXForCausalLM": (SMALL, TOKENS),
    "GPT2LMHeadModel": (GPT2, TOKENS), "GPTJForCausalLM": ({**GPT2, "rotary_dim": 4}, TOKENS),
    "CodeGenForCausalLM": ({**GPT2, "rotary_dim": 4}, TOKENS), "GPTBigCodeForCausalLM": (GPT2, TOKENS),
    "BloomForCausalLM": ({"vocab_size": 99, "hidden_size": 32, "n_layer": 2, "n_head": 4}, TOKENS),
    "FalconForCausalLM": ({key: SMALL[key] for key in SMALL if key != "intermediate_size"}, TOKENS),
    "OPTForCausalLM": ({"vocab_size": 99, "hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 2,
                        "num_attention_heads": 4, "word_embed_proj_dim": 32}, TOKENS),
    "MixtralForCausalLM": ({**GQA, "num_local_experts": 4}, TOKENS),
    "Qwen2MoeForCausalLM": ({**GQA, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
                             "shared_expert_intermediate_size": 16}, TOKENS),
    "T5ForConditionalGeneration": (T5, BOTH),
    "BartForConditionalGeneration": (BART, BOTH), "MBartForConditionalGeneration": (BART, BOTH),
    "MarianMTModel": ({**BART, "pad_token_id": 98, "decoder_vocab_size": 99}, BOTH),
    "ViTModel": (VIT, PIXELS), "BeitModel": (VIT, PIXELS), "Dinov2Model": (VIT, PIXELS),
    "ResNetModel": ({"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]}, PIXELS),
    "ConvNextModel": ({"num_stages": 2, "hidden_sizes": [8, 16], "depths": [1, 1]}, PIXELS),
    "SwinModel": ({"image_size": 32, "patch_size": 2, "embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2],
                   "window_size": 4}, PIXELS),
}  # fmt: skip
"""Classes of transformers: a small config, and the inputs."""


def real_run(module, inputs):
    """Return the parameters, the MACs that torch counts, and the shape of the first output, of a module run on zeros."""
    tensors = {name: torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype)) for name, spec in inputs.items()}
    products_alone = sdpa_kernel(SDPBackend.MATH)  # torch's counter leaves out the CPU's fused attention
    with torch.no_grad(), products_alone, FlopCounterMode(display=False) as counter:
        out = module.eval()(**tensors)
    first = out if isinstance(out, torch.Tensor) else next(iter(out.values()))
    return sum(p.numel() for p in module.parameters()), counter.get_total_flops() // 2, tuple(first.shape)


def described(make, inputs):
    module = built_without_values(make)
    summary = summarize_module(module, inputs, "hub", "", rebuilt=make)
    assert summary.failure is None
    return summary.totals.parameters, summary.totals.macs, tuple(summary.outputs[0][1].shape)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformers(name):
    transformers = pytest.importorskip("transformers")
    warnings.simplefilter("ignore")
    config, inputs = TRANSFORMERS[name]
    cls = getattr(transformers, name)

    def make(**more):
        return cls(cls.config_class(**config, **more))

    eager = make(attn_implementation="eager")
    eager.config._experts_implementation = "eager"  # torch's counter leaves the products of the other out
    assert described(make, inputs) == real_run(eager, inputs)


DRAWN = [
    "Inkling2TextModel", "AudioFlamingo3Model", "MegatronBertModel", "SamHQVisionModel", "Cohere2VisionModel", "GlmAsrModel",
    "SwitchTransformersModel", "Lfm2Model", "VisualBertModel", "Data2VecAudioModel", "CTRLModel", "XGLMModel", "GteModel",
    "Qwen3VLModel", "AriaModel", "GraniteModel", "Qwen3VLMoeModel", "Ernie4_5_MoeModel", "NemotronModel", "EuroBertModel",
    "Wav2Vec2Model", "HunYuanDenseV1Model", "PegasusModel", "DPTModel", "Olmo3Model", "MusicFlamingoModel", "ImageGPTModel",
    "GPTNeoXJapaneseModel", "BlenderbotSmallModel", "Kolibri1Model",
]  # fmt: skip
"""Classes drawn from the mapping of AutoModel by a seed (13)."""
SIZES = {
    **dict.fromkeys(("hidden_size", "d_model", "dim", "n_embd", "embed_dim", "embedding_size"), 32),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim", "hidden_dim", "n_inner"), 48),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers",
                     "num_decoder_layers", "num_encoder_layers", "num_key_value_heads", "num_experts_per_tok"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads",
                     "decoder_attention_heads", "num_experts", "num_local_experts", "n_routed_experts", "rotary_dim",
                     "mamba_num_heads"), 4),
    **dict.fromkeys(("patch_size", "head_dim", "d_kv", "kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim",
                     "mamba_head_dim", "state_size", "bottleneck_size"), 8),
    **dict.fromkeys(("moe_intermediate_size", "q_lora_rank", "shared_expert_intermediate_size", "num_mel_bins"), 16),
    "vocab_size": 99, "image_size": 32, "max_position_embeddings": 64, "n_positions": 64,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "n_group": 1, "topk_group": 1,
}  # fmt: skip
"""What makes a config small, where it has an integer of that name."""


def small(config):
    """Return the sizes that make a config of one of transformers' classes small, those of its parts among them."""
    found = {name: size for name, size in SIZES.items() if isinstance(getattr(config, name, ""), int | None)}
    found = {name: size for name, size in found.items() if not isinstance(getattr(config, name), bool)}
    for name in ("text_config", "vision_config", "audio_config"):
        part = getattr(config, name, None)
        if isinstance(getattr(part, "hidden_size", None), int):
            sizes = {key: size for key, size in small(part).items() if isinstance(getattr(part, key), int)}
            found[name] = {**sizes, "model_type": part.model_type}
    return found


@pytest.mark.parametrize("name", DRAWN)
def test_transformers_drawn_by_a_seed(name):
    transformers = pytest.importorskip("transformers")
    warnings.simplefilter("ignore")
    cls = getattr(transformers, name)
    sizes = small(cls.config_class())

    def make(**more):
        return cls(cls.config_class(**sizes, **more))

    eager = make(attn_implementation="eager")
    eager.config._experts_implementation = "eager"
    taken = inspect.signature(eager.forward).parameters
    inputs = {
        "input_values": {"input_values": Spec((1, 4000))},
        "input_features": {"input_features": Spec((1, 16, 100))},
        "pixel_values": PIXELS,
    }.get(eager.main_input_name, BOTH if "decoder_input_ids" in taken else TOKENS)
    assert described(make, inputs) == real_run(eager, inputs)


DIFFUSERS = {
    "UNet2DModel": (
        {"sample_size": 8, "block_out_channels": (8, 16), "norm_num_groups": 4, "attention_head_dim": 4,
         "down_block_types": ("DownBlock2D", "AttnDownBlock2D"), "up_block_types": ("AttnUpBlock2D", "UpBlock2D")},
        {"sample": Spec((1, 3, 8, 8)), "timestep": Spec(())}),
    "UNet2DConditionModel": (
        {"sample_size": 8, "block_out_channels": (8, 16), "norm_num_groups": 4, "attention_head_dim": 4,
         "cross_attention_dim": 8, "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
         "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D")},
        {"sample": Spec((1, 4, 8, 8)), "timestep": Spec(()), "encoder_hidden_states": Spec((1, 5, 8))}),
    "AutoencoderKL": (
        {"block_out_channels": (8, 16), "norm_num_groups": 4, "down_block_types": ("DownEncoderBlock2D",) * 2,
         "up_block_types": ("UpDecoderBlock2D",) * 2}, {"sample": Spec((1, 3, 16, 16))}),
    "VQModel": ({"block_out_channels": (8,), "norm_num_groups": 4, "num_vq_embeddings": 16}, {"sample": Spec((1, 3, 8, 8))}),
    "DiTTransformer2DModel": (
        {"num_attention_heads": 2, "attention_head_dim": 8, "num_layers": 2, "sample_size": 8, "in_channels": 4,
         "num_embeds_ada_norm": 10, "norm_num_groups": 4},
        {"hidden_states": Spec((1, 4, 8, 8)), "timestep": Spec((1,), "int64"), "class_labels": Spec((1,), "int64")}),
    "PriorTransformer": (
        {"num_attention_heads": 2, "attention_head_dim": 8, "num_layers": 2, "embedding_dim": 8, "num_embeddings": 5},
        {"hidden_states": Spec((1, 8)), "timestep": Spec((1,), "int64"), "proj_embedding": Spec((1, 8)),
         "encoder_hidden_states": Spec((1, 5, 8))}),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFUSERS)
def test_diffusers(name):
    diffusers = pytest.importorskip("diffusers")
    config, inputs = DIFFUSERS[name]

    def make():
        return getattr(diffusers, name)(**config)

    assert described(make, inputs) == real_run(make(), inputs)


TIMM = [
    "resnet10t", "resnet18", "resnext26ts", "regnetx_002", "regnety_002", "mobilenetv2_035", "mobilenetv3_small_050",
    "efficientnet_lite0", "mnasnet_small", "inception_v3", "convnext_atto", "convnextv2_atto", "ghostnet_050", "lcnet_035",
    "hardcorenas_a", "tinynet_e", "repvgg_a0", "edgenext_xx_small", "poolformer_s12", "mobilevit_xxs", "vit_tiny_patch16_224",
    "deit_tiny_patch16_224", "mixer_s32_224", "resmlp_12_224", "swin_tiny_patch4_window7_224",
]  # fmt: skip
SIZED = ("vit_t", "deit", "mixer", "resmlp", "swin")
"""Families that are made for images of one size."""


@pytest.fixture(scope="module")
def timm():
    """timm, which takes one class and its transforms from torchvision when it is imported: models do without them."""
    if "torchvision" not in sys.modules:
        try:
            import torchvision  # noqa: F401
        except ImportError:
            parts = ("", ".ops", ".ops.misc", ".transforms", ".transforms.functional", ".datasets", ".models")
            for part in parts:
                sys.modules[f"torchvision{part}"] = StandIn(f"torchvision{part}")
    yield pytest.importorskip("timm")
    for name in [name for name, module in sys.modules.items() if isinstance(module, StandIn)]:
        del sys.modules[name]


class StandIn(types.ModuleType):
    __path__: list[str] = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "InterpolationMode":
            return enum.Enum(name, "NEAREST NEAREST_EXACT BILINEAR BICUBIC BOX HAMMING LANCZOS")
        inner = sys.modules.get(f"{self.__name__}.{name}")
        return inner if inner is not None else type(name, (torch.nn.Module,), {})


@pytest.mark.parametrize("name", TIMM)
def test_timm(timm, name):
    inputs = {"x": Spec((1, 3, 224, 224) if name.startswith(SIZED) else (1, 3, 96, 96))}

    def make():
        return timm.create_model(name)

    assert described(make, inputs) == real_run(make(), inputs)
