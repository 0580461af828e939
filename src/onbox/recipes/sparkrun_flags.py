"""Which of a recipe's defaults sparkrun has an option for, when the recipe has no command.

Facts of sparkrun 0.4.2 (`runtimes/_vllm_common.py`, `runtimes/sglang.py`), in its order.
"""

import json
import shlex
from typing import Any

_VLLM = """
port host tensor_parallel gpu_memory_utilization max_model_len max_num_batched_tokens max_num_seqs
served_model_name dtype quantization enforce_eager enable_prefix_caching trust_remote_code
distributed_executor_backend pipeline_parallel data_parallel kv_cache_dtype otlp_traces_endpoint api_key
attention_backend load_format reasoning_parser tool_call_parser chat_template speculative_config tokenizer_mode
mm_encoder_tp_mode block_size seed enable_auto_tool_choice enable_chunked_prefill async_scheduling
generation_config hf_overrides compilation_config attention_config model_loader_extra_config
default_chat_template_kwargs limit_mm_per_prompt mm_processor_cache_gb kv_cache_memory_bytes
max_cudagraph_capture_size long_prefill_token_threshold mamba_cache_mode mamba_cache_dtype mamba_ssm_cache_dtype
reasoning_parser_plugin media_io_kwargs video_pruning_rate allowed_local_media_path prefix_match_unit
enable_mamba_shared_prefix_checkpoint safetensors_load_strategy moe_backend enable_prompt_tokens_details
enable_force_include_usage enable_request_id_headers enable_flashinfer_autotune linear_backend
gdn_prefill_backend gdn_decode_kernel kda_prefill_backend mamba_backend recurrent_checkpoint_policy
prefix_cache_retention_interval engram_config dcp_comm_backend prefill_policy prefill_compute_share
prefill_compute_half_life prefill_schedule_interval max_parallel_prefills decode_refill_target
scheduler_reserve_full_isl jit_monitor_mode disable_custom_all_reduce
"""
_SGLANG = """
port host tensor_parallel pipeline_parallel expert_parallel enable_dp_attention gpu_memory_utilization
max_model_len max_num_seqs served_model_name dtype quantization trust_remote_code chunked_prefill kv_cache_dtype
tokenizer_path api_key attention_backend load_format revision model_type max_total_tokens random_seed
reasoning_parser tool_call_parser mm_feature_transport speculative_algorithm speculative_draft_model_path
speculative_draft_model_revision speculative_num_steps speculative_eagle_topk speculative_num_draft_tokens
speculative_dspark_block_size cuda_graph_bs cuda_graph_max_bs cuda_graph_max_bs_decode torch_compile_max_bs
num_continuous_decode_steps fp8_gemm_backend fp4_gemm_backend moe_runner_backend mamba_ssm_dtype
mamba_full_memory_ratio enable_torch_compile disable_radix_cache disable_prefill_cuda_graph
enable_decoder_swa_bounded_replay
"""
_OTHER_NAMES = {
    "vllm": {"tensor_parallel": "-tp", "pipeline_parallel": "-pp", "data_parallel": "--data-parallel-size"},
    "sglang": {
        "tensor_parallel": "--tp-size",
        "pipeline_parallel": "--pp-size",
        "expert_parallel": "--ep-size",
        "gpu_memory_utilization": "--mem-fraction-static",
        "max_model_len": "--context-length",
        "max_num_seqs": "--max-running-requests",
        "chunked_prefill": "--chunked-prefill-size",
    },
}
_SWITCHES_VLLM = """
async_scheduling disable_custom_all_reduce enable_auto_tool_choice enable_chunked_prefill enable_flashinfer_autotune
enable_force_include_usage enable_mamba_shared_prefix_checkpoint enable_prefix_caching enable_prompt_tokens_details
enable_request_id_headers enforce_eager scheduler_reserve_full_isl trust_remote_code
"""
_SWITCHES_SGLANG = """
disable_prefill_cuda_graph disable_radix_cache enable_decoder_swa_bounded_replay enable_dp_attention
enable_torch_compile trust_remote_code
"""
SWITCHES = {"vllm": frozenset(_SWITCHES_VLLM.split()), "sglang": frozenset(_SWITCHES_SGLANG.split())}
"""Engine -> defaults that are options without a value."""
NEGATABLE = frozenset(
    {
        "async_scheduling",
        "enable_chunked_prefill",
        "enable_flashinfer_autotune",
        "enable_prefix_caching",
        "scheduler_reserve_full_isl",
    }
)
"""Of vLLM, those that it switches on by itself: false is written as `--no-`; other switches that are false are not."""


def _flags(engine: str, names: str) -> dict[str, str]:
    return {name: _OTHER_NAMES[engine].get(name, f"--{name.replace('_', '-')}") for name in names.split()}


FLAGS = {"vllm": _flags("vllm", _VLLM), "sglang": _flags("sglang", _SGLANG)}
"""Engine -> default -> option."""
MODEL_FLAGS: dict[str, tuple[str, ...]] = {"vllm": ("model",), "sglang": ("model-path", "model")}
"""Options that name the model."""


def render(value: Any) -> str:
    """A value as sparkrun writes it into a command: what is JSON, quoted for the shell."""
    if isinstance(value, dict | list | tuple):
        return shlex.quote(json.dumps(value, separators=(",", ":"), default=str))
    if isinstance(value, str) and value.strip()[:1] in ("{", "["):
        return shlex.quote(value.strip())
    return str(value)
