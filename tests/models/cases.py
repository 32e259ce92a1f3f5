"""The tiny models that transformers made and computed, by name: the class of each, its config, and its inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """``cls`` is the model's class in transformers; ``inputs`` makes its arguments from a generator of numbers."""

    cls: str
    config: str
    settings: dict[str, Any]
    inputs: Any = None
    cached: bool = True
    call: dict[str, Any] = field(default_factory=dict)

    def arrays(self) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(7)
        return tokens(rng) if self.inputs is None else self.inputs(rng)


def tokens(rng, low=3):
    """Two texts of 11 tokens, the second padded before the last 8: what comes after the padding must not see it."""
    ids, mask = rng.integers(low, 50, (2, 11)), np.ones((2, 11), np.int64)
    ids[1, :3], mask[1, :3] = 0, 0
    return {"input_ids": ids, "attention_mask": mask}


def padded_after(rng):
    """Two texts of 11 tokens, the second padded after 8."""
    ids, mask = rng.integers(3, 50, (2, 11)), np.ones((2, 11), np.int64)
    ids[1, 8:], mask[1, 8:] = 0, 0
    return {"input_ids": ids, "attention_mask": mask}


TINY = {
    "vocab_size": 50,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
LONG = {"short_factor": [1.0, 1.2], "long_factor": [2.0, 2.4]}


def rope(kind, **more):
    return {"rope_parameters": {"rope_type": kind, "rope_theta": 10_000.0, **more}}


def decoder(family, *, head="ForCausalLM", config="Config", cached=True, **settings):
    return Case(f"{family}{head}", f"{family}{config}", {**TINY, **settings}, cached=cached)


GPT2 = {"vocab_size": 50, "n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 64, "pad_token_id": 0}
BLOOM = {"vocab_size": 50, "hidden_size": 24, "n_layer": 2, "n_head": 6, "pad_token_id": 0}
FALCON = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "pad_token_id": 0}
OPT = {**TINY, "ffn_dim": 24, "pad_token_id": 0}
BERT = {**TINY, "type_vocab_size": 2, "num_labels": 3}
ALBERT = {**BERT, "embedding_size": 8, "num_hidden_layers": 3}
DEBERTA = {
    **BERT,
    "relative_attention": True,
    "pos_att_type": "p2c|c2p",
    "position_buckets": 4,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "position_biased_input": False,
    "conv_kernel_size": 3,
}
MODERN = {
    **TINY,
    "num_hidden_layers": 3,
    "global_attn_every_n_layers": 2,
    "local_attention": 4,
    "cls_token_id": 1,
    "sep_token_id": 2,
    "num_labels": 3,
}
DISTILBERT = {"vocab_size": 50, "dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 24, "max_position_embeddings": 32}
LATENT = {
    "moe_intermediate_size": 12,
    "n_routed_experts": 8,
    "n_shared_experts": 2,
    "num_experts_per_tok": 3,
    "kv_lora_rank": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 6,
    "qk_nope_head_dim": 8,
    "num_key_value_heads": 4,
    "first_k_dense_replace": 1,
}
YARN = rope("yarn", factor=4.0, original_max_position_embeddings=16, mscale=0.7, mscale_all_dim=0.7)


def segments(rng):
    return {**tokens(rng), "token_type_ids": rng.integers(0, 2, (2, 11))}


def images(rng):
    return {"pixel_values": rng.standard_normal((2, 3, 8, 8)).astype("float32")}


def texts_and_images(rng):
    found = {**padded_after(rng), **images(rng)}
    found["input_ids"][:, 6] = 49  # the last token of each text
    return found


def texts_with_images(rng):
    """Both texts have 4 image tokens, which stand for the 4 patches of an image."""
    found = {**tokens(rng), **images(rng)}
    found["input_ids"][0, 1:5] = found["input_ids"][1, 3:7] = IMAGE
    return found


def both_ends(rng):
    return {**tokens(rng), "decoder_input_ids": rng.integers(0, 50, (2, 6))}


VIT = {**TINY, "image_size": 8, "patch_size": 4, "num_labels": 3}
DINO = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 8,
    "patch_size": 4,
    "num_labels": 3,
}
CLIP_TEXT = {**TINY, "eos_token_id": 49}
CLIP = {
    "text_config": CLIP_TEXT,
    "vision_config": {**VIT, "hidden_size": 8, "num_attention_heads": 2},
    "projection_dim": 6,
}
SIGLIP = {"text_config": {**TINY, "projection_size": 8}, "vision_config": CLIP["vision_config"]}
IMAGE = 1
LLAVA = {
    "image_token_index": IMAGE,
    "text_config": {**TINY, "model_type": "llama"},
    "vision_config": {**CLIP["vision_config"], "model_type": "clip_vision_model", "num_hidden_layers": 3},
}
T5 = {
    "vocab_size": 50,
    "d_model": 16,
    "d_kv": 6,
    "d_ff": 24,
    "num_layers": 2,
    "num_decoder_layers": 3,
    "num_heads": 2,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 10,
    "decoder_start_token_id": 0,
}


def speech(rng):
    return {
        "input_features": rng.standard_normal((2, 5, 12)).astype("float32"),
        "decoder_input_ids": rng.integers(0, 50, (2, 6)),
    }


WHISPER = {
    "suppress_tokens": [7, 36],
    "begin_suppress_tokens": [25, 220],
    "vocab_size": 50,
    "num_mel_bins": 5,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 20,
    "decoder_layers": 2,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 24,
    "d_model": 16,
    "max_source_positions": 6,
    "max_target_positions": 12,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}


MAMBA = {"vocab_size": 50, "hidden_size": 16, "state_size": 4, "num_hidden_layers": 2, "conv_kernel": 3}


def encoder(cls, family, settings, inputs=segments, *, cached=False):
    return Case(cls, f"{family}Config", settings, inputs, cached=cached)


CASES = {
    "llama": decoder("Llama", **rope("llama3", **LLAMA3)),
    "llama-tied": decoder("Llama", tie_word_embeddings=True, attention_bias=True, mlp_bias=True, head_dim=8),
    "llama-yarn": decoder("Llama", **rope("yarn", factor=4.0, original_max_position_embeddings=16)),
    "llama-base": decoder("Llama", head="Model", **rope("linear", factor=4.0)),
    "llama-classes": Case(
        "LlamaForSequenceClassification", "LlamaConfig", {**TINY, "num_labels": 5}, padded_after, cached=False
    ),
    "llama-padded-after": Case("LlamaForCausalLM", "LlamaConfig", TINY, padded_after),
    "mistral": decoder("Mistral", sliding_window=5),
    "mixtral": decoder("Mixtral", num_local_experts=4),
    "qwen2": decoder("Qwen2", use_sliding_window=True, sliding_window=4, max_window_layers=1),
    "qwen3": decoder("Qwen3", head_dim=8),
    "qwen3_moe": decoder(
        "Qwen3Moe", num_experts=6, num_experts_per_tok=2, moe_intermediate_size=12, decoder_sparse_step=2,
        norm_topk_prob=True,
    ),
    "qwen2_moe": decoder(
        "Qwen2Moe", num_experts=5, num_experts_per_tok=2, moe_intermediate_size=12, shared_expert_intermediate_size=20,
        mlp_only_layers=[0],
    ),
    "granite": decoder(
        "Granite", embedding_multiplier=3.0, logits_scaling=7.0, residual_multiplier=0.6, attention_multiplier=0.3,
        tie_word_embeddings=True,
    ),
    "smollm3": decoder("SmolLM3", no_rope_layer_interval=2, use_sliding_window=True, sliding_window=4),
    "olmo2": decoder("Olmo2"),
    "glm4": decoder("Glm4", head_dim=8),
    "cohere": decoder("Cohere", logit_scale=0.3),
    "cohere2": decoder("Cohere2", logit_scale=0.3, sliding_window=4, layer_types=["sliding_attention", "full_attention"]),
    "starcoder2": decoder("Starcoder2", sliding_window=5),
    "stablelm": decoder("StableLm", use_qkv_bias=True, partial_rotary_factor=0.5),
    "stablelm-parallel": decoder("StableLm", use_parallel_residual=True, partial_rotary_factor=0.5),
    "gemma": decoder("Gemma", head_dim=8),
    "gemma2": decoder("Gemma2", head_dim=8, sliding_window=4, query_pre_attn_scalar=8),
    "gemma3": decoder(
        "Gemma3", config="TextConfig", head_dim=8, sliding_window=4, query_pre_attn_scalar=8, sliding_window_pattern=2
    ),
    "phi3": decoder("Phi3"),
    "gpt2": Case("GPT2LMHeadModel", "GPT2Config", GPT2),
    "gpt2-base": Case("GPT2Model", "GPT2Config", {**GPT2, "n_inner": 20, "scale_attn_by_inverse_layer_idx": True}),
    "gpt_neox": decoder("GPTNeoX", rotary_pct=0.5),
    "gpt_neox-serial": decoder("GPTNeoX", use_parallel_residual=False, attention_bias=False, rotary_pct=0.5),
    "opt": Case("OPTForCausalLM", "OPTConfig", {**OPT, "word_embed_proj_dim": 16}),
    "opt-projected": Case(
        "OPTForCausalLM", "OPTConfig", {**OPT, "word_embed_proj_dim": 8, "do_layer_norm_before": False}
    ),
    "bloom": Case("BloomForCausalLM", "BloomConfig", BLOOM),
    "falcon": Case("FalconForCausalLM", "FalconConfig", FALCON),
    "falcon-alibi": Case(
        "FalconForCausalLM", "FalconConfig", {**FALCON, "alibi": True, "multi_query": False, "parallel_attn": False, "bias": True}
    ),
    "falcon-grouped": Case(
        "FalconForCausalLM", "FalconConfig", {**FALCON, "new_decoder_architecture": True, "num_kv_heads": 2}
    ),
    "phi": decoder("Phi", num_key_value_heads=4),
    "phi-grouped": decoder("Phi", qk_layernorm=True, hidden_size=32),
    "bert": encoder("BertModel", "Bert", BERT),
    "bert-masked": encoder("BertForMaskedLM", "Bert", BERT),
    "bert-classes": encoder("BertForSequenceClassification", "Bert", BERT),
    "bert-steps": encoder("BertForTokenClassification", "Bert", BERT),
    "bert-answer": encoder("BertForQuestionAnswering", "Bert", {**BERT, "num_labels": 2}),
    "roberta": encoder("RobertaModel", "Roberta", BERT, tokens),
    "roberta-masked": encoder("RobertaForMaskedLM", "Roberta", BERT, tokens),
    "xlm-roberta-masked": encoder("XLMRobertaForMaskedLM", "XLMRoberta", BERT, tokens),
    "roberta-classes": encoder("RobertaForSequenceClassification", "Roberta", BERT, tokens),
    "albert": encoder("AlbertModel", "Albert", {**ALBERT, "num_hidden_groups": 2, "inner_group_num": 2}),
    "albert-masked": encoder("AlbertForMaskedLM", "Albert", ALBERT),
    "albert-classes": encoder("AlbertForSequenceClassification", "Albert", ALBERT),
    "deberta-v2": encoder("DebertaV2Model", "DebertaV2", {**DEBERTA, "embedding_size": 8, "position_biased_input": True}),
    "deberta-v2-masked": encoder("DebertaV2ForMaskedLM", "DebertaV2", {**BERT, "pos_att_type": "c2p", "type_vocab_size": 0}),
    "deberta-v2-predictions": encoder("DebertaV2ForMaskedLM", "DebertaV2", {**DEBERTA, "legacy": False}),
    "deberta-v2-classes": encoder(
        "DebertaV2ForSequenceClassification", "DebertaV2",
        {**DEBERTA, "share_att_key": False, "pos_att_type": ["c2p"], "position_buckets": -1, "norm_rel_ebd": "none"},
    ),
    "modernbert": encoder("ModernBertModel", "ModernBert", MODERN, tokens),
    "modernbert-masked": encoder("ModernBertForMaskedLM", "ModernBert", {**MODERN, "norm_bias": True}, tokens),
    "modernbert-classes": encoder(
        "ModernBertForSequenceClassification", "ModernBert", {**MODERN, "classifier_pooling": "mean"}, tokens
    ),
    "modernbert-steps": encoder(
        "ModernBertForTokenClassification", "ModernBert", {**MODERN, "attention_bias": True, "mlp_bias": True}, tokens
    ),
    "electra": encoder("ElectraForPreTraining", "Electra", {**BERT, "embedding_size": 8}),
    "electra-masked": encoder("ElectraForMaskedLM", "Electra", {**BERT, "embedding_size": 8}),
    "electra-classes": encoder("ElectraForSequenceClassification", "Electra", {**BERT, "embedding_size": 16}),
    "distilbert": encoder("DistilBertModel", "DistilBert", DISTILBERT, tokens),
    "distilbert-masked": encoder("DistilBertForMaskedLM", "DistilBert", DISTILBERT, tokens),
    "distilbert-classes": encoder("DistilBertForSequenceClassification", "DistilBert", DISTILBERT, tokens),
    "vit": encoder("ViTModel", "ViT", VIT, images),
    "vit-classes": encoder("ViTForImageClassification", "ViT", VIT, images),
    "dinov2": encoder("Dinov2Model", "Dinov2", {**DINO, "image_size": 12}, images),
    "dinov2-classes": encoder("Dinov2ForImageClassification", "Dinov2", {**DINO, "use_swiglu_ffn": True}, images),
    "siglip": encoder("SiglipModel", "Siglip", SIGLIP, texts_and_images),
    "clip": encoder("CLIPModel", "CLIP", CLIP, texts_and_images),
    "llava": Case("LlavaForConditionalGeneration", "LlavaConfig", LLAVA, texts_with_images),
    "llava-states": Case(
        "LlavaForConditionalGeneration", "LlavaConfig",
        {**LLAVA, "vision_feature_layer": [0, -1], "multimodal_projector_bias": False}, texts_with_images, cached=False,
    ),
    "t5": encoder("T5ForConditionalGeneration", "T5", T5, both_ends, cached=True),
    "t5-base": encoder("T5Model", "T5", T5, both_ends),
    "t5-gated": encoder("T5ForConditionalGeneration", "T5", {**T5, "feed_forward_proj": "gated-gelu"}, both_ends, cached=True),
    "t5-unscaled": encoder(
        "T5ForConditionalGeneration", "T5", {**T5, "tie_word_embeddings": False}, both_ends, cached=True
    ),
    "t5-encoder": encoder("T5EncoderModel", "T5", T5, tokens),
    "mt5": encoder("MT5ForConditionalGeneration", "MT5", {**T5, "feed_forward_proj": "gated-gelu"}, both_ends, cached=True),
    "umt5": encoder("UMT5ForConditionalGeneration", "UMT5", T5, both_ends, cached=True),
    "umt5-encoder": encoder("UMT5EncoderModel", "UMT5", {**T5, "feed_forward_proj": "gated-gelu"}, tokens),
    "whisper": encoder("WhisperForConditionalGeneration", "Whisper", WHISPER, speech, cached=True),
    "whisper-base": encoder("WhisperModel", "Whisper", WHISPER, speech),
    "mamba": encoder("MambaForCausalLM", "Mamba", MAMBA, tokens, cached=True),
    "mamba-base": encoder("MambaModel", "Mamba", {**MAMBA, "time_step_rank": 3, "use_bias": True}, tokens),
    "deepseek_v2": decoder("DeepseekV2", **LATENT, q_lora_rank=None),
    "deepseek_v2-groups": decoder(
        "DeepseekV2", **LATENT, q_lora_rank=10, topk_method="group_limited_greedy", n_group=4, topk_group=2, **YARN
    ),
    "deepseek_v3": decoder("DeepseekV3", **LATENT, q_lora_rank=10, n_group=4, topk_group=2),
    "deepseek_v3-yarn": decoder(
        "DeepseekV3", **LATENT, q_lora_rank=None, n_group=2, topk_group=1, rope_interleave=False, **YARN
    ),
    "phi3-longrope": decoder("Phi3", original_max_position_embeddings=32, **rope("longrope", **LONG)),
}  # fmt: skip
