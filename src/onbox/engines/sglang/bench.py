"""The lines that `python -m sglang.bench_serving` appends to its output file, and what their numbers are worth."""

from onbox.schema.bench_tools import (
    RETOKENISED_SHARE,
    WITH_THE_PROMPT,
    BenchTool,
    NumberRule,
    ToolNumber,
    ToolNumbers,
    Trust,
    ratio,
)

KIND = "sglang-bench"
_retokenised_over_counted = ratio("total_output_tokens_retokenized", "total_output_tokens")


def _recounted(cell: ToolNumbers) -> bool:
    return abs(_retokenised_over_counted(cell) - 1) > RETOKENISED_SHARE


def _drafted(cell: ToolNumbers) -> bool:
    return (cell.number("accept_length") or 1.0) > 1.0


BENCH = BenchTool(
    kind=KIND,
    signs=("backend dataset_name completed duration output_throughput mean_e2e_latency_ms",),
    model=("server_info", "model_path"),
    version=("server_info", "version"),
    labels=(("tag",), ("dataset_name",)),
    ran_concurrency=("concurrency",),
    hides_broken_streams=True,
    numbers=(
        ToolNumber("mean_tpot_ms", "ms", spread=True),
        ToolNumber("median_tpot_ms", "ms"),
        ToolNumber("mean_itl_ms", "ms", spread=True),
        ToolNumber("mean_ttft_ms", "ms", spread=True),
        ToolNumber("output_throughput", "tok/s"),
        ToolNumber("total_output_tokens", "tokens"),
        ToolNumber("total_output_tokens_retokenized", "tokens"),
        ToolNumber("accept_length", "tokens"),
    ),
    rules=(
        *(
            NumberRule(
                KIND,
                name,
                Trust.NO,
                "The file counts its tokens twice, and the counts differ: what it divides by is no number of tokens.",
                _recounted,
            )
            for name in ("mean_tpot_ms", "median_tpot_ms", "total_output_tokens", "output_throughput")
        ),
        *(
            NumberRule(
                KIND,
                name,
                Trust.CARE,
                "Latency after the first content over N - 1, where N is usage if the stream tells it, else as many as"
                " were asked for; delta.reasoning_content is not seen, so such replies start late and read too fast.",
            )
            for name in ("mean_tpot_ms", "median_tpot_ms")
        ),
        NumberRule(
            KIND,
            "mean_itl_ms",
            Trust.NO,
            "Over OpenAI's API it is the gap between chunks, which with accepted drafts hold several tokens.",
            lambda cell: _drafted(cell) and "oai" in (cell.backend or ""),
        ),
        NumberRule(
            KIND,
            "mean_itl_ms",
            Trust.CARE,
            "Over OpenAI's API the gap between chunks; over /generate the gap shared out among its tokens.",
        ),
        NumberRule(KIND, "mean_ttft_ms", Trust.CARE, "To the first content; reasoning is not content."),
        NumberRule(KIND, "output_throughput", Trust.NO, WITH_THE_PROMPT),
        NumberRule(KIND, "total_output_tokens", Trust.CARE, "By usage if the stream tells it, else as many as asked."),
        NumberRule(KIND, "total_output_tokens_retokenized", Trust.CARE, "Tokenised again from the text."),
        NumberRule(
            KIND,
            "accept_length",
            Trust.CARE,
            "The server's mean since it started, warm-up and other requests included.",
        ),
    ),
)
