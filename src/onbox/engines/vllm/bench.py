"""`vllm bench serve --save-result` and `--append-result`: its file, and what its numbers are worth (0.32 and 0.33)."""

from onbox.schema.bench_tools import (
    FIRST_CHUNK,
    MANY_TOKENS_A_GAP,
    WITH_THE_PROMPT,
    BenchTool,
    NumberRule,
    ToolNumber,
    Trust,
    ratio,
)

KIND = "vllm-bench"
_TOKENS = (
    "Counted by usage only where no output comes with it, else by tokenising the content again, which leaves out"
    " reasoning and what tokenises otherwise."
)
_gap_over_token = ratio("mean_itl_ms", "mean_tpot_ms")
_peak_over_mean = ratio("max_output_tokens_per_s", "output_throughput")

BENCH = BenchTool(
    kind=KIND,
    signs=("model_id tokenizer_id completed duration output_throughput",),
    model=("model_id",),
    backend=(("backend",), ("endpoint_type",)),
    labels=(("label",),),
    joined=": ",
    failed="failed",
    requested="num_prompts",
    hides_broken_streams=True,
    numbers=(
        ToolNumber("mean_tpot_ms", "ms", spread=True),
        ToolNumber("median_tpot_ms", "ms"),
        ToolNumber("mean_itl_ms", "ms", spread=True),
        ToolNumber("mean_ttft_ms", "ms", spread=True),
        ToolNumber("output_throughput", "tok/s"),
        ToolNumber("max_output_tokens_per_s", "tok/s"),
        ToolNumber("total_output_tokens", "tokens"),
        ToolNumber("acceptance_length", "tokens", key="spec_decode_acceptance_length"),
    ),
    rules=(
        NumberRule(
            KIND,
            "mean_itl_ms",
            Trust.NO,
            "It is the gap between chunks, and here it is longer than the time of a token: chunks hold several.",
            lambda cell: _gap_over_token(cell) > MANY_TOKENS_A_GAP,
        ),
        NumberRule(KIND, "mean_itl_ms", Trust.CARE, "The gap between chunks, which is a token's only one by one."),
        NumberRule(KIND, "mean_tpot_ms", Trust.CARE, f"{FIRST_CHUNK} {_TOKENS}"),
        NumberRule(KIND, "median_tpot_ms", Trust.CARE, f"{FIRST_CHUNK} {_TOKENS}"),
        NumberRule(
            KIND, "mean_ttft_ms", Trust.CARE, "It does not see delta.reasoning_content: such replies start late."
        ),
        NumberRule(KIND, "output_throughput", Trust.NO, WITH_THE_PROMPT),
        NumberRule(
            KIND,
            "max_output_tokens_per_s",
            Trust.NO,
            "A peak below the mean is none: it counted chunks.",
            lambda cell: _peak_over_mean(cell) < 1,
        ),
        NumberRule(KIND, "max_output_tokens_per_s", Trust.CARE, "It counts chunks in the busiest second."),
        NumberRule(KIND, "total_output_tokens", Trust.CARE, _TOKENS),
        NumberRule(
            KIND,
            "acceptance_length",
            Trust.CARE,
            "Of the whole run by the server's counters: with it, mean_itl_ms is the time of so many tokens.",
        ),
    ),
)
