"""Which keys of a configuration are understood: a key that speaks of attention and is not here makes the cache unknown.

A model newer than this list must not be taken for a plain one. Keys were collected from the configuration classes of
transformers 5.24 and the configurations in the reader of `sources.py`.
"""

import re
from collections.abc import Mapping
from typing import Any

from onbox.weights.config_values import words

_SPEAKS_OF_ATTENTION = re.compile(
    r"attn|attention|window|sliding|swa|(^|_)kv|latent|lora_rank|lora_dim|index|compress|linear|lightning|mamba|ssm|"
    r"(^|_)state|conv|rwkv|recurr|recursion|(^|_)ut_|chunk|block_types|block_type$|block_configs|layer_types?$|layers_block|pattern|memory|"
    r"cache|cross|nope|no_rope|sparse|hybrid|delta|(^|_)gla|(^|_)kda|(^|_)gdn|local|global|retention|head|share|mixer|"
    r"lru|ngram|loop|yoco|hash|(^|_)(csa|hca|mla|nsa|dsa|moba|msa)|engram|dilat|landmark|evict|(^|_)sinks?(_|$)|"
    r"token_shift"
)
_ELSEWHERE = re.compile(
    r"^(vision|visual|vit|image|video|audio|speech|sound|talker|mtp|nextn|eagle|draft|mm|vae|vq|dsp|tts|code|quant)"
    r"|expert|moe|mlp|router|rope|token_(id|index)|_token$|lm_head|hidden_states|quantization|classifier|freq"
)
# Numbers and switches of attention that change neither what is kept nor what is read.
_STRONG = re.compile(r"use_cla$|sharing$|^loop|_loops?$|(^|_)ut_|recursion")
"""Whatever else a key looks like."""
_BY_LAYER_TYPES = ("prefix_dense_sliding_window_pattern", "interleaved_sliding_window", "sliding_window_pattern")
_BY_INDEXER_TYPES = ("index_topk_freq", "index_topk_pattern", "index_skip_topk_offset")
"""Said by a list of layers too, and by that more plainly."""
_HARMLESS = re.compile(
    r"(use_\w*kernels?|bias|dropout|pdrop|drop|multipliers?|softcap|softcapping|scale|scalar|norm|factor|floor|act|"
    r"activation|(?<![a-z])eps|impl|implementation|temperature|floor_scale|alpha|beta|lower_bound|upper_bound|eigval|_min|_max|max_bias)$"
)
_UNDERSTOOD = words("""
attention_bias attn_implementation _attn_implementation attention_probs_dropout_prob attn_temperature_tuning
attn_scale attention_in_multiplier attention_output_gate attn_output_gate use_gated_attention gated_attention
attention_gate attention_value_scale attention_logit_cap attention_softmax_in_fp32 scale_attention_softmax_in_fp32
scale_attn_weights scale_attn_by_inverse_layer_idx reorder_and_upcast_attn parallel_attn alibi use_qk_norm
qk_layernorm clip_qkv attn_config use_bidirectional_attention use_flash_attention use_flash_attn
use_cache cache_implementation cache_config pretraining_tp add_cross_attention attention_type_
num_attention_heads n_head n_heads num_heads head_dim
attention_head_dim attention_head_size num_key_value_heads n_kv_heads num_kv_heads n_head_kv multi_query
multi_query_group_num multi_query_attention v_head_dim qk_head_dim new_decoder_architecture kv_channels
qk_nope_head_dim qk_rope_head_dim kv_lora_rank q_lora_rank mla_use_nope sliding_window use_sliding_window
max_window_layers layer_types sliding_window_pattern _sliding_window_pattern layer_switch
sliding_window_size attention_chunk_size no_rope_layers no_rope_layer_interval nope_layer_interval
hybrid_layer_pattern swa_num_key_value_heads swa_num_attention_heads swa_head_dim swa_v_head_dim
sliding_window_attention_heads num_sliding_attention_heads attention_other_setting num_attention_heads_per_layer
num_kv_shared_layers num_key_value_heads_per_layer global_head_dim num_global_key_value_heads attention_k_eq_v
index_n_heads index_head_dim index_topk indexer_types
indexer_rope_interleave compress_ratios compress_rates o_groups o_lora_rank linear_num_value_heads
linear_num_key_heads linear_value_head_dim linear_key_head_dim linear_conv_kernel_dim linear_attn_config
linear_head_dim linear_num_heads full_attention_interval layers_block_type layer_block_type hybrid_override_pattern
mamba_num_heads mamba_n_heads mamba_head_dim mamba_d_head mamba_d_state mamba_d_conv mamba_expand mamba_n_groups
mamba_d_ssm mamba_chunk_size mamba_dt_rank mamba_use_mlp mamba_ssm_cache_dtype mamba_ssm_dtype ssm_state_size
state_size n_groups conv_kernel chunk_size use_conv_bias attn_layer_indices attn_layer_period attn_layer_offset
attn_type_list full_attn_idxs conv_L_cache conv_dim conv_dim_out block_dim block_types attention_window_size lru_width
conv1d_width layer_group_size group_norm_size linear_silu use_linear_silu attention_layers attention_types window_size
block_configs num_nextn_predict_layers global_attn_every_n_layers rwkv_head_size attention_hidden_size head_size
head_size_divisor rescale_every layer_norm_epsilon time_step_limit chunk_size_feed_forward index_n_groups
residual_in_fp32 use_mamba_kernels use_mambapy conv_bias conv_use_xavier_init num_heads_per_group
shared_intermediate_size decoder_sparse_step summary_type summary_use_proj summary_first_dropout
summary_proj_to_labels summary_activation cross_attention_hidden_size query_pre_attn_scalar use_attention_bias
use_qkv_bias qkv_bias attention_out_bias add_qkv_bias add_swa_attention_sink_bias add_full_attention_sink_bias
linear_allow_neg_eigval linear_a_log_max linear_a_log_min linear_dt_max linear_dt_min share_embedding
mamba_norm_before_gate mamba_rms_norm use_conv_shortcut zero_expert_num share_expert_dim n_shared_head tie_lm_head
hidden_mamba_act hash_layers num_hash_layers activation_sparsity_pattern
hybrid_layer_ids mamba_ngroups n_mamba_heads mamba_headdim use_fused_kernels
full_attn_alpha_factor full_attn_beta_factor linear_attn_alpha_factor linear_attn_beta_factor head_wise_attn_gate
cla_share_factor use_head_wise_attn_gate num_query_groups num_attention_groups share_q_dim layernorm_epsilon
""")


def not_understood(config: Mapping[str, Any]) -> list[str]:
    """Keys of a language model's configuration that speak of attention or state, are set, and are not understood."""
    listed = isinstance(config.get("layer_types"), list), isinstance(config.get("indexer_types"), list)
    return sorted(
        key for key, value in config.items()
        if value not in (None, False, 0, "", "none") and value != [] and value != {}
        and not (listed[0] and key in _BY_LAYER_TYPES) and not (key in _BY_INDEXER_TYPES and (listed[1] or value == 1))
        and (_STRONG.search(key.lower()) or _unexplained(key))
    )  # fmt: skip


def _unexplained(key: str) -> bool:
    low = key.lower()
    return bool(
        _SPEAKS_OF_ATTENTION.search(low)
        and key not in _UNDERSTOOD
        and not _ELSEWHERE.search(low)
        and not _HARMLESS.search(low)
    )


# Keys of GGUF metadata below the architecture's name, as the GGUF reader of `sources.py` knows them.
_GGUF_SPEAKS = re.compile(
    r"^(attention|ssm|wkv|kda|shortconv|swa|ple|hc|hyper|full_attention_interval|token_shift|hash|engram|linear|mamba|"
    r"recurrent|conv|cross|decoder|indexer|kv|state)"
)
_GGUF_UNDERSTOOD = words("""
attention.head_count attention.head_count_kv attention.max_alibi_bias attention.clamp_kqv attention.key_length
attention.value_length attention.layer_norm_epsilon attention.layer_norm_rms_epsilon attention.group_norm_epsilon
attention.group_norm_groups attention.causal attention.q_lora_rank attention.kv_lora_rank attention.sliding_window
attention.sliding_window_pattern attention.rope_pattern attention.scale attention.output_scale attention.value_scale
attention.temperature_length attention.temperature_scale attention.key_length_mla attention.value_length_mla
attention.key_length_swa attention.value_length_swa attention.indexer.head_count attention.indexer.key_length
attention.indexer.top_k attention.indexer.types attention.shared_kv_layers attention.recurrent_layers
attention.relative_buckets_count attention.decay_lora_rank attention.iclr_lora_rank attention.gate_lora_rank
attention.value_residual_mix_lora_rank attention.compress_ratios attention.compress_rope_freq_base
attention.output_group_count attention.output_lora_rank full_attention_interval token_shift_count ssm.conv_kernel
ssm.inner_size ssm.state_size ssm.time_step_rank ssm.group_count ssm.dt_b_c_rms wkv.head_size kda.head_dim
kda.safe_gate kda.gate_lower_bound shortconv.l_cache hash_layer_count attention.layer_indices
attention.rope_dimension_count
""")


def gguf_not_understood(mine: Mapping[str, Any]) -> list[str]:
    """The same for GGUF keys, without the architecture's name in front."""
    return sorted(
        key for key, value in mine.items()
        if _GGUF_SPEAKS.search(key) and key not in _GGUF_UNDERSTOOD and value not in (None, False, 0, "")
        and not key.startswith("hyper") and not key.startswith("hc")
    )  # fmt: skip
