"""What each engine calls its counters, over the versions in use.

A name that an engine gave up stands behind the one that took its place. Sources: vLLM 0.14 to 0.33 (its metrics and
the deprecations of 0.11 to 0.13, vLLM #32661), SGLang 0.5.23, llama.cpp b11434 to b11549, TensorRT-LLM 1.1.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ruler:
    """One way in which counters tell the decode rate: (tokens - firsts) / (seconds - seconds_less).

    Args:
        tokens: output tokens of finished requests.
        firsts: counter of those that were made before the seconds began; empty: none; None: one of each request, where
            the engine counts no requests.
        seconds: spent on them.
        seconds_less: what of that is not decoding.
        by_event: one is counted for each event, so that it is wrong where an event holds several tokens (vLLM #52853).
    """

    tokens: str
    seconds: str
    firsts: str | None = None
    seconds_less: str = ""
    by_event: bool = False


@dataclass(frozen=True)
class Names:
    """What one engine calls its counters; of several names for one thing the first that is there counts.

    Args:
        prefix: before the colon.
        generated: output tokens; how the engine is recognized.
        rulers: ways to the decode rate, the best first.
        requests: finished requests; none where the engine does not count them, then the caller's own count serves.
        prompt: prompt tokens.
        prompt_is_uncached: those from the cache are counted apart.
        cached: prompt tokens taken from the prefix cache.
        queried: prompt tokens looked up there; none where these are all prompt tokens.
        preemptions: requests that lost their place.
        never_preempts: the engine has no such thing.
        drafts: passes that checked a draft.
        accepted: drafted tokens that were kept.
        busy: gauges that are zero when nobody is served.
    """

    prefix: str
    generated: tuple[str, ...]
    rulers: tuple[Ruler, ...] = ()
    requests: tuple[str, ...] = ()
    prompt: tuple[str, ...] = ()
    prompt_is_uncached: bool = False
    cached: tuple[str, ...] = ()
    queried: tuple[str, ...] = ()
    preemptions: tuple[str, ...] = ()
    never_preempts: bool = False
    drafts: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()

    def all(self) -> tuple[str, ...]:
        """Every counter, each of which can only grow."""
        of_rulers = tuple(
            name
            for ruler in self.rulers
            for name in (ruler.tokens, ruler.firsts, ruler.seconds, ruler.seconds_less)
            if name
        )
        named = (self.generated, self.requests, self.prompt, self.cached, self.queried, self.preemptions)
        return tuple(dict.fromkeys(sum((*named, self.drafts, self.accepted, of_rulers), ())))


def _per_token(name: str, *, by_event: bool) -> Ruler:
    """A histogram of the seconds between two tokens: its count over its sum."""
    return Ruler(tokens=f"{name}_count", seconds=f"{name}_sum", firsts="", by_event=by_event)


def _of_requests(prefix: str) -> Ruler:
    """Seconds of whole requests, less those to the first token."""
    return Ruler(
        tokens=f"{prefix}generation_tokens_total",
        firsts=f"{prefix}e2e_request_latency_seconds_count",
        seconds=f"{prefix}e2e_request_latency_seconds_sum",
        seconds_less=f"{prefix}time_to_first_token_seconds_sum",
    )


ENGINES = (
    Names(
        prefix="llamacpp",
        generated=("llamacpp:tokens_predicted_total",),
        rulers=(Ruler("llamacpp:tokens_predicted_total", "llamacpp:tokens_predicted_seconds_total"),),
        prompt=("llamacpp:prompt_tokens_total",),
        prompt_is_uncached=True,
        cached=("llamacpp:prompt_tokens_cached_total",),
        never_preempts=True,
        drafts=("llamacpp:spec_decode_num_drafts_total",),
        accepted=("llamacpp:spec_decode_num_accepted_tokens_total",),
        busy=("llamacpp:requests_processing", "llamacpp:requests_deferred"),
    ),
    Names(
        prefix="vllm",
        generated=("vllm:generation_tokens_total",),
        rulers=(
            # What finished requests generated, and not the live counter, which runs ahead of the seconds (vLLM #41368).
            Ruler(
                tokens="vllm:request_generation_tokens_sum",
                firsts="vllm:request_generation_tokens_count",
                seconds="vllm:request_decode_time_seconds_sum",
            ),
            _per_token("vllm:inter_token_latency_seconds", by_event=True),
            _per_token("vllm:time_per_output_token_seconds", by_event=True),
        ),
        requests=("vllm:request_success_total", "vllm:request_generation_tokens_count"),
        prompt=("vllm:prompt_tokens_total",),
        cached=("vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"),
        queried=("vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"),
        preemptions=("vllm:num_preemptions_total",),
        drafts=("vllm:spec_decode_num_drafts_total",),
        accepted=("vllm:spec_decode_num_accepted_tokens_total",),
        busy=("vllm:num_requests_running", "vllm:num_requests_waiting"),
    ),
    Names(
        prefix="sglang",
        generated=("sglang:generation_tokens_total",),
        # SGLang divides the seconds of an event by its tokens and counts each, so that speculation does no harm.
        rulers=(
            _per_token("sglang:inter_token_latency_seconds", by_event=False),
            _per_token("sglang:time_per_output_token_seconds", by_event=True),
            _of_requests("sglang:"),
        ),
        requests=("sglang:num_requests_total", "sglang:e2e_request_latency_seconds_count"),
        prompt=("sglang:prompt_tokens_total",),
        cached=("sglang:cached_tokens_total",),
        preemptions=("sglang:num_retracted_requests_total",),
        busy=("sglang:num_running_reqs", "sglang:num_queue_reqs"),
    ),
    Names(
        prefix="trtllm",
        generated=("trtllm_generation_tokens_total",),
        rulers=(
            Ruler(
                tokens="trtllm_generation_tokens_total",
                firsts="trtllm_request_decode_time_seconds_count",
                seconds="trtllm_request_decode_time_seconds_sum",
            ),
            _of_requests("trtllm_"),
        ),
        requests=("trtllm_request_success_total", "trtllm_e2e_request_latency_seconds_count"),
        prompt=("trtllm_prompt_tokens_total",),
    ),
)
"""In the order in which they are looked for."""
