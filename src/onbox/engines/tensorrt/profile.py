"""TensorRT-LLM's counters (1.1, from its source)."""

from onbox.schema.engine_profile import CounterNames, DecodeRate, EngineProfile, of_requests

PROFILE = EngineProfile(
    engine="trtllm",
    counters=CounterNames(
        generated=("trtllm_generation_tokens_total",),
        rates=(
            DecodeRate(
                tokens="trtllm_generation_tokens_total",
                firsts="trtllm_request_decode_time_seconds_count",
                seconds="trtllm_request_decode_time_seconds_sum",
            ),
            of_requests("trtllm_"),
        ),
        requests=("trtllm_request_success_total", "trtllm_e2e_request_latency_seconds_count"),
        prompt=("trtllm_prompt_tokens_total",),
    ),
)
