"""How other tools count, as rules: which of their numbers are what they call themselves.

Read in their code (guidellm 0.8.1, AIPerf 0.13.0, llama-benchy 0.4.0) and seen on servers of known truth:
docs/tool-matrix.md. The tools that come with engines have theirs in the engine's package. The first
rule that fits a number decides.
"""

import re

from onbox.engines.profiles import BENCH_TOOLS
from onbox.evidence.imported import ImportedCell, ImportedNumber
from onbox.schema.bench_tools import (
    FIRST_CHUNK,
    RETOKENISED_SHARE,
    WITH_THE_PROMPT,
    NumberRule,
    ToolNumbers,
    Trust,
    ratio,
)

CHUNKS_COUNTED_BEFORE = (0, 3, 6)
"""llama-benchy until then counted events of the stream as tokens (its #11: 5.51 for 25.16 tok/s)."""


def _version(cell: ToolNumbers) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", cell.version or "")[:3])


def _counts_chunks(cell: ToolNumbers) -> bool:
    return () < _version(cell) < CHUNKS_COUNTED_BEFORE


def _by_onbox(cell: ToolNumbers) -> bool:
    return (cell.version or "").startswith("onbox ") and not of_a_batch(cell)


def _one_of_a_batch_by_onbox(cell: ToolNumbers) -> bool:
    return (cell.version or "").startswith("onbox ") and of_a_batch(cell)


def _no_version(cell: ToolNumbers) -> bool:
    return not _version(cell)


_recount_over_usage = ratio("output_sequence_length", "usage_completion_tokens")


def of_a_batch(cell: ToolNumbers) -> bool:
    """Whether several requests ran at a time, so that a total is not the rate of one."""
    return (cell.concurrency or 1) > 1


DRAGGED_SHARE = 0.1
"""Of the median, by which a mean may differ from it before it says little of a usual request."""


def dragged(number: ImportedNumber) -> str:
    """The sentence on a mean that a few outliers drag away from the median; empty for others."""
    if number.median is None or abs(number.value - number.median) <= DRAGGED_SHARE * abs(number.median):
        return ""
    std = "" if number.std is None else f", standard deviation {number.std:.4g}"
    return f"A few outliers drag this mean: median {number.median:.4g}{std}."


def _recounted(cell: ToolNumbers) -> bool:
    return abs(_recount_over_usage(cell) - 1) > RETOKENISED_SHARE


RULES = (
    *(
        NumberRule(tool, name, Trust.YES, "By onbox: tokens over seconds of decoding, its checks applied.", _by_onbox)
        for tool, name in (
            ("llama-benchy", "tg_throughput"),
            ("llama-benchy", "tg_req_throughput"),
            ("aiperf", "inter_token_latency"),
            ("aiperf", "output_token_throughput_per_user"),
        )
    ),
    NumberRule(
        "llama-benchy",
        "tg_req_throughput",
        Trust.YES,
        "By onbox: of one request among the others, its checks applied.",
        _one_of_a_batch_by_onbox,
    ),
    NumberRule(
        "llama-benchy",
        "tg_throughput",
        Trust.NO,
        "Of all requests at a time together, prompts of the later ones included: the rate of one is tg_req_throughput.",
        of_a_batch,
    ),
    NumberRule("llama-benchy", "tg_throughput", Trust.NO, "Before 0.3.6 it counted events as tokens.", _counts_chunks),
    NumberRule(
        "llama-benchy",
        "tg_throughput",
        Trust.CARE,
        "The file does not tell its version; before 0.3.6 it counted events as tokens.",
        _no_version,
    ),
    NumberRule(
        "llama-benchy",
        "tg_throughput",
        Trust.CARE,
        "Tokens after the first stamp over the time to the last, of each request: right for one token a chunk, too fast"
        " where a proxy or speculation sends several together.",
    ),
    NumberRule(
        "llama-benchy", "tg_req_throughput", Trust.NO, "Before 0.3.6 it counted events as tokens.", _counts_chunks
    ),
    NumberRule(
        "llama-benchy",
        "tg_req_throughput",
        Trust.CARE,
        "Tokens after the first stamp over the time to the last, of each request among the others.",
    ),
    NumberRule(
        "llama-benchy",
        "pp_throughput",
        Trust.NO,
        "It ends at the first event of any kind: a server that sends the role first makes it many times too fast.",
    ),
    NumberRule(
        "llama-benchy", "peak_throughput", Trust.CARE, "The busiest second; with several tokens a chunk it jumps."
    ),
    NumberRule("llama-benchy", "ttfr", Trust.CARE, "To the first event of any kind, which need not hold a token."),
    NumberRule("llama-benchy", "est_ppt", Trust.NO, "ttfr less a guess of the latency."),
    NumberRule("llama-benchy", "e2e_ttft", Trust.YES, "To the first content, as the client saw it."),
    *(rule for tool in BENCH_TOOLS for rule in tool.rules),
    NumberRule(
        "guidellm",
        "inter_token_latency_ms",
        Trust.CARE,
        f"{FIRST_CHUNK} Its stamps are of the wall clock, which can step.",
    ),
    NumberRule(
        "guidellm", "time_per_output_token_ms", Trust.NO, "From the request's start over N: the prompt is in it."
    ),
    NumberRule(
        "guidellm", "time_to_first_token_ms", Trust.CARE, "To the first content or reasoning, by the wall clock."
    ),
    NumberRule("guidellm", "output_tokens_per_second", Trust.NO, WITH_THE_PROMPT),
    NumberRule("guidellm", "output_token_count", Trust.CARE, "By usage; where there is none, tokenised again."),
    *(
        NumberRule(
            "aiperf",
            name,
            Trust.NO,
            "It tokenised the text again, and usage says another length: the tokens are not the model's.",
            _recounted,
        )
        for name in (
            "inter_token_latency",
            "output_token_throughput_per_user",
            "output_token_throughput",
            "output_sequence_length",
        )
    ),
    NumberRule(
        "aiperf", "inter_token_latency", Trust.CARE, "By tokens that it counts again; it knows the first chunk's."
    ),
    NumberRule("aiperf", "output_token_throughput_per_user", Trust.CARE, "One over inter_token_latency."),
    NumberRule("aiperf", "output_token_throughput", Trust.NO, WITH_THE_PROMPT),
    NumberRule("aiperf", "time_to_first_token", Trust.CARE, "To the first content; reasoning is not content."),
    NumberRule("aiperf", "output_sequence_length", Trust.CARE, "Tokenised again from the text."),
    NumberRule("aiperf", "usage_completion_tokens", Trust.CARE, "The server's word, which nothing here confirms."),
    NumberRule(
        "llama-bench",
        "tg_avg_ts",
        Trust.YES,
        "Inside the engine, which knows its tokens; without sampling, tokenising and a server, so no client gets it.",
    ),
    NumberRule("llama-bench", "pp_avg_ts", Trust.YES, "Inside the engine; the prompt's rate, not that of decoding."),
    NumberRule("llama-bench", "pg_avg_ts", Trust.NO, "Prompt and output in one rate: neither can be had from it."),
)


def rule_for(cell: ImportedCell, number: str) -> NumberRule | None:
    """The rule that decides about a number of this cell; None for one that onbox does not know."""
    return next((rule for rule in RULES if (rule.tool, rule.number) == (cell.tool, number) and rule.when(cell)), None)
