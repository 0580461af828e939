"""SGLang's counters (0.5.23, from its source)."""

from onbox.schema.engine_profile import CounterNames, EngineProfile, of_requests, per_token

PROFILE = EngineProfile(
    engine="sglang",
    counters=CounterNames(
        generated=("sglang:generation_tokens_total",),
        # It divides the seconds of an event by its tokens and counts each, so that speculation does no harm.
        rates=(
            per_token("sglang:inter_token_latency_seconds", by_event=False),
            per_token("sglang:time_per_output_token_seconds", by_event=True),
            of_requests("sglang:"),
        ),
        requests=("sglang:num_requests_total", "sglang:e2e_request_latency_seconds_count"),
        prompt=("sglang:prompt_tokens_total",),
        cached=("sglang:cached_tokens_total",),
        preemptions=("sglang:num_retracted_requests_total",),
        running=("sglang:num_running_reqs",),
        waiting=("sglang:num_queue_reqs",),
        live=("sglang:generation_tokens_total", "sglang:prompt_tokens_total"),
    ),
)
