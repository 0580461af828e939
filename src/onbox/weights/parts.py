"""Which part of the model a weight is, told from its name alone, for safetensors and GGUF names alike."""

import functools
import re
from enum import StrEnum


class Part(StrEnum):
    """What a weight does; the values are also the names that `--resident` takes."""

    EMBEDDING = "embedding"
    """Looked up: one row is read for a token."""
    LM_HEAD = "lm_head"
    QKV = "qkv"
    OUTPUT = "o"
    LINEAR = "linear"
    """Linear attention and Mamba: projections, convolution, decay."""
    EXPERTS = "experts"
    """Routed experts: top-k of N are read for a token."""
    SHARED = "shared"
    """Shared experts and projections around the routed ones: always read."""
    ROUTER = "router"
    MLP = "mlp"
    NORM = "norm"
    VISION = "vision"
    AUDIO = "audio"
    DRAFT = "draft"
    """Multi-token prediction and other built-in draft layers: not read without speculation."""
    OTHER = "other"
    """Not recognised; counted as read, and reported."""


_MODEL_WIDE = (
    (Part.VISION, r"(^|\.)(visual\w*|vision\w*|vit|vpm|resampler|image_newline|image_embed\w*|image_proj\w*|"
                  r"image_encoder|img_\w+|multi_modal\w*|multimodal\w*|mm_projector\w*|mm_vision\w*|embed_vision|patch_merger|"
                  r"pre_mm_projector_norm|modality_projection|modality_projector|connector|aligner|projector|"
                  r"sam_model|siglip\w*|vte|vae\w*|view_seperator|view_separator)(\.|$)|^(model\.)?mlp1\.|^(v|mm)\."),
    (Part.AUDIO, r"(^|\.)(audio_\w+|audio|apm|embed_audio|speech_\w+|sound_\w+|talker|token2wav|code2wav|tts|"
                 r"whisper\w*)(\.|$)|^a\."),
    (Part.DRAFT, r"(^|\.)(mtp\w*|nextn\w*|eagle\w*|medusa\w*)(\.|$)"),
)  # fmt: skip
_TOP = (
    (Part.LM_HEAD, r"(^|\.)(lm_head|output|embed_out|lm_head\.linear|output_layer|head)(\.bias)?$"),
    (Part.EMBEDDING, r"(^|\.)(embed_tokens\w*|embeddings?|word_embeddings|wte|wpe|embed_in|tok_embeddings|token_embd|"
                     r"embed|position_embd|embed_positions|position_embeddings|per_layer_token_embd|token_types)$"),
    (Part.NORM, r"norm|(^|\.)ln_"),
    (Part.MLP, r"(^|\.)(hc_\w+|per_layer_model_proj\w*|per_layer_projection|altup\w*)(\.|$)"),
)  # fmt: skip
_IN_LAYER = (
    (Part.ROUTER, r"router|(mlp|mixer|moe|block_sparse_moe|feed_forward|ffn)\.gate(\.|$)|ffn_gate_inp|"
                  r"e_score_correction_bias|exp_probs_b|shared_expert_gate"),
    (Part.SHARED, r"shared_expert|share_expert|shared_mlp|_shexp|latent_proj|ffn_latent|shared_head"),
    (Part.EXPERTS, r"(^|\.)experts(\.|$)|_exps|(^|\.)switch_mlp\.|block_sparse_moe\.(input|output)_linear"),
    (Part.LINEAR, r"linear_attn|(^|\.)mamba\d?(\.|$)|(^|\.)ssm_|(^|\.)shortconv|short_conv|time_mix|channel_mix|"
                  r"(^|\.)conv\.|recurrent_block|(^|\.)(rg_lru|rglru|att)\.|temporal_block\.(conv_1d|rg_lru|linear_[xy]|linear_out)|"
                  r"mixer\.(in_proj|out_proj|conv1d|norm|x_proj|dt_proj|a_log|d|dt_bias|[bc]_layernorm|dt_layernorm)(\.|$)"),
    (Part.NORM, r"^(attention|feedforward|feed_forward|mlp|ffn|self_attn|pre|post)_\w*norm(\.|$)|"
                r"(input_layernorm|post_attention_layernorm|pre_feedforward_layernorm|post_feedforward_layernorm|"
                r"attn_norm|ffn_norm|post_attention_norm|post_ffw_norm|attn_post_norm|(pre|post)_(mlp|ffn|attn)_\w*norm|"
                r"(^|\.)norm\d?|(^|\.)ln_\d)(\.|$)"),
    (Part.OUTPUT, r"(o_proj|attn_output|attn_out|(attn|attention)\.(out_proj|wo|dense|c_proj))(\.|$)"),
    (Part.MLP, r"(^|\.)(hc_(attn|ffn|mlp)\w*|(attn|ffn|mlp)_hc)(\.|$)"),
    (Part.QKV, r"attn|attention|mixer\.[qkv]_proj|(^|\.)(wq|wk|wv)(\.|$)|(^|\.)(indexer|compressor)|"
               r"temporal_block\.[qkv]_proj"),
    (Part.MLP, r"(^|\.)(mlp\w*|mlps|feed_forward|ffn_\w+|ffn|fc1|fc2|mixer\.(up|down|gate)_proj|per_layer_\w+|"
               r"altup|laurel|layer_scalar|layer_scale\w*|hc_\w+|inp_gate|proj|layer_output_scale|mlp_block|w[123])(\.|$)"),
    (Part.NORM, r"norm|layer_scale|(^|\.)ln"),
)  # fmt: skip
_LAYER = re.compile(r"(?:^|\.)(?:layers|blk|h|blocks|layer)\.(\d+)\.")
_BEFORE_LAYER = re.compile(r"^.*?(?:^|\.)(?:layers|blk|h|blocks|layer)\.\d+\.")
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.|$)")


def layer_of(name: str) -> int | None:
    """The layer's number in a weight's name; None outside the layers."""
    match = _LAYER.search(name)
    return int(match.group(1)) if match else None


def within_layer(name: str) -> str:
    """A weight's name inside its layer."""
    return _BEFORE_LAYER.sub("", name, count=1)


def part_of(name: str) -> Part:
    """The part that a weight belongs to, by its name."""
    return _part_of_template(_NUMBER.sub("#", name.lower()))


@functools.lru_cache(maxsize=4096)
def _part_of_template(name: str) -> Part:
    """Models have thousands of weights and a few dozen kinds of names."""
    for part, pattern in _MODEL_WIDE:
        if re.search(pattern, name):
            return part
    inside = re.search(r"(?:^|\.)(?:layers|blk|h|blocks|layer)\.#\.", name)
    rest = name[inside.end() :] if inside else name
    for part, pattern in _IN_LAYER if inside else _TOP:
        if re.search(pattern, rest):
            return part
    return Part.OTHER
