"""vLLM's page of metrics, as the selftest plays it."""

from onbox.engines.emulation import MetricsPage

METRICS_PAGE = MetricsPage(
    prompt="vllm:prompt_tokens_total",
    generated="vllm:generation_tokens_total",
    cached="vllm:prefix_cache_hits_total",
    preemptions="vllm:num_preemptions_total",
    running="vllm:num_requests_running",
    waiting="vllm:num_requests_waiting",
    output_tokens="vllm:request_generation_tokens",
    decode_s="vllm:request_decode_time_seconds",
)
