"""llama.cpp's counters and the times in its replies (builds b11434 to b11549)."""

from onbox.schema.engine_profile import CounterNames, DecodeRate, EngineProfile, ReplyTiming

PROFILE = EngineProfile(
    engine="llamacpp",
    counters=CounterNames(
        generated=("llamacpp:tokens_predicted_total",),
        rates=(DecodeRate("llamacpp:tokens_predicted_total", "llamacpp:tokens_predicted_seconds_total"),),
        prompt=("llamacpp:prompt_tokens_total",),
        prompt_is_uncached=True,
        cached=("llamacpp:prompt_tokens_cached_total",),
        never_preempts=True,
        drafts=("llamacpp:spec_decode_num_drafts_total",),
        accepted=("llamacpp:spec_decode_num_accepted_tokens_total",),
        running=("llamacpp:requests_processing",),
        waiting=("llamacpp:requests_deferred",),
        # It counts predicted tokens when a request ends, and passes while it runs.
        live=("llamacpp:n_decode_total", "llamacpp:prompt_tokens_total"),
    ),
    # `predicted_ms` runs from the first token to the last.
    timing=ReplyTiming(
        part="timings",
        seconds="predicted_ms",
        per_second=1e3,
        tokens="predicted_n",
        first_excluded=True,
        drafted="draft_n",
        accepted="draft_n_accepted",
        counts_apart=True,
    ),
    # Counters are printed with six digits, so that a server up for hours rounds away hundredths of a second.
    witness_spread=0.02,
    metrics_option="llama.cpp: --metrics",
)
