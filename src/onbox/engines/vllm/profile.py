"""vLLM's counters and the times in its replies (0.14 to 0.33).

A name that it gave up stands behind the one that took its place (the deprecations of 0.11 to 0.13, vLLM #32661).
"""

from onbox.schema.engine_profile import CounterNames, DecodeRate, EngineProfile, ReplyTiming, per_token

PROFILE = EngineProfile(
    engine="vllm",
    counters=CounterNames(
        generated=("vllm:generation_tokens_total",),
        rates=(
            # What finished requests generated, and not the live counter, which runs ahead of the seconds (vLLM #41368).
            DecodeRate(
                tokens="vllm:request_generation_tokens_sum",
                firsts="vllm:request_generation_tokens_count",
                seconds="vllm:request_decode_time_seconds_sum",
            ),
            # One is counted for each event, whatever it holds (vLLM #52853).
            per_token("vllm:inter_token_latency_seconds", by_event=True),
            per_token("vllm:time_per_output_token_seconds", by_event=True),
        ),
        requests=("vllm:request_success_total", "vllm:request_generation_tokens_count"),
        prompt=("vllm:prompt_tokens_total",),
        cached=("vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"),
        queried=("vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"),
        preemptions=("vllm:num_preemptions_total",),
        drafts=("vllm:spec_decode_num_drafts_total",),
        accepted=("vllm:spec_decode_num_accepted_tokens_total",),
        running=("vllm:num_requests_running",),
        waiting=("vllm:num_requests_waiting",),
        live=("vllm:generation_tokens_total", "vllm:prompt_tokens_total"),
    ),
    # `generation_time_ms` runs from the first token to the last.
    timing=ReplyTiming(part="metrics", seconds="generation_time_ms", per_second=1e3, first_excluded=True),
    usage_option="vLLM: --enable-force-include-usage",
)
