"""How other tools count, as rules: which of their numbers are what they call themselves.

Read in their code (vLLM 0.32 and 0.33, guidellm 0.8.1, AIPerf 0.13.0, llama-benchy 0.4.0) and seen on servers of known
truth: docs/tool-matrix.md. The first rule that fits a number decides.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from onbox.evidence.imported import ImportedCell, ImportedNumber
from onbox.judge.thresholds import MANY_TOKENS_A_GAP, RETOKENISED_SHARE

CHUNKS_COUNTED_BEFORE = (0, 3, 6)
"""llama-benchy until then counted events of the stream as tokens (its #11: 5.51 for 25.16 tok/s)."""


class Trust(StrEnum):
    """How far a number of another tool may be used as what it calls itself."""

    YES = "yes"
    CARE = "with care"
    NO = "no"


@dataclass(frozen=True)
class Rule:
    """What one number of one tool is worth, where `when` holds."""

    tool: str
    number: str
    trust: Trust
    why: str
    when: Callable[[ImportedCell], bool] = lambda cell: True


def _version(cell: ImportedCell) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", cell.version or "")[:3])


def _counts_chunks(cell: ImportedCell) -> bool:
    return () < _version(cell) < CHUNKS_COUNTED_BEFORE


def _by_onbox(cell: ImportedCell) -> bool:
    return (cell.version or "").startswith("onbox ") and not of_a_batch(cell)


def _one_of_a_batch_by_onbox(cell: ImportedCell) -> bool:
    return (cell.version or "").startswith("onbox ") and of_a_batch(cell)


def _no_version(cell: ImportedCell) -> bool:
    return not _version(cell)


def _ratio(over: str, under: str) -> Callable[[ImportedCell], float]:
    def ratio(cell: ImportedCell) -> float:
        above, below = cell.number(over), cell.number(under)
        return above / below if above and below else 1.0

    return ratio


_gap_over_token = _ratio("mean_itl_ms", "mean_tpot_ms")
_recount_over_usage = _ratio("output_sequence_length", "usage_completion_tokens")
_retokenised_over_counted = _ratio("total_output_tokens_retokenized", "total_output_tokens")
_peak_over_mean = _ratio("max_output_tokens_per_s", "output_throughput")


def of_a_batch(cell: ImportedCell) -> bool:
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


def _recounted_by_sglang(cell: ImportedCell) -> bool:
    return abs(_retokenised_over_counted(cell) - 1) > RETOKENISED_SHARE


def _drafted(cell: ImportedCell) -> bool:
    return (cell.number("accept_length") or 1.0) > 1.0


def _several_a_chunk(cell: ImportedCell) -> bool:
    return _gap_over_token(cell) > MANY_TOKENS_A_GAP


def _recounted(cell: ImportedCell) -> bool:
    return abs(_recount_over_usage(cell) - 1) > RETOKENISED_SHARE


FIRST_CHUNK = "It divides by N - 1 tokens, so that it reads (N - 1)/(N - k) too fast where the first chunk brings k."
WITH_THE_PROMPT = "Tokens over the whole time, the prompt's and all pauses included: no rate of decoding."
TOKENS_OF_VLLM = (
    "Counted by usage only where no output comes with it, else by tokenising the content again, which leaves out"
    " reasoning and what tokenises otherwise."
)

RULES = (
    *(
        Rule(tool, name, Trust.YES, "By onbox: tokens over seconds of decoding, its checks applied.", _by_onbox)
        for tool, name in (
            ("llama-benchy", "tg_throughput"),
            ("llama-benchy", "tg_req_throughput"),
            ("aiperf", "inter_token_latency"),
            ("aiperf", "output_token_throughput_per_user"),
        )
    ),
    Rule(
        "llama-benchy",
        "tg_req_throughput",
        Trust.YES,
        "By onbox: of one request among the others, its checks applied.",
        _one_of_a_batch_by_onbox,
    ),
    Rule(
        "llama-benchy",
        "tg_throughput",
        Trust.NO,
        "Of all requests at a time together, prompts of the later ones included: the rate of one is tg_req_throughput.",
        of_a_batch,
    ),
    Rule("llama-benchy", "tg_throughput", Trust.NO, "Before 0.3.6 it counted events as tokens.", _counts_chunks),
    Rule(
        "llama-benchy",
        "tg_throughput",
        Trust.CARE,
        "The file does not tell its version; before 0.3.6 it counted events as tokens.",
        _no_version,
    ),
    Rule(
        "llama-benchy",
        "tg_throughput",
        Trust.CARE,
        "Tokens after the first stamp over the time to the last, of each request: right for one token a chunk, too fast"
        " where a proxy or speculation sends several together.",
    ),
    Rule("llama-benchy", "tg_req_throughput", Trust.NO, "Before 0.3.6 it counted events as tokens.", _counts_chunks),
    Rule(
        "llama-benchy",
        "tg_req_throughput",
        Trust.CARE,
        "Tokens after the first stamp over the time to the last, of each request among the others.",
    ),
    Rule(
        "llama-benchy",
        "pp_throughput",
        Trust.NO,
        "It ends at the first event of any kind: a server that sends the role first makes it many times too fast.",
    ),
    Rule("llama-benchy", "peak_throughput", Trust.CARE, "The busiest second; with several tokens a chunk it jumps."),
    Rule("llama-benchy", "ttfr", Trust.CARE, "To the first event of any kind, which need not hold a token."),
    Rule("llama-benchy", "est_ppt", Trust.NO, "ttfr less a guess of the latency."),
    Rule("llama-benchy", "e2e_ttft", Trust.YES, "To the first content, as the client saw it."),
    Rule(
        "vllm-bench",
        "mean_itl_ms",
        Trust.NO,
        "It is the gap between chunks, and here it is longer than the time of a token: chunks hold several.",
        _several_a_chunk,
    ),
    Rule("vllm-bench", "mean_itl_ms", Trust.CARE, "The gap between chunks, which is a token's only one by one."),
    Rule("vllm-bench", "mean_tpot_ms", Trust.CARE, f"{FIRST_CHUNK} {TOKENS_OF_VLLM}"),
    Rule("vllm-bench", "median_tpot_ms", Trust.CARE, f"{FIRST_CHUNK} {TOKENS_OF_VLLM}"),
    Rule("vllm-bench", "mean_ttft_ms", Trust.CARE, "It does not see delta.reasoning_content: such replies start late."),
    Rule("vllm-bench", "output_throughput", Trust.NO, WITH_THE_PROMPT),
    Rule(
        "vllm-bench",
        "max_output_tokens_per_s",
        Trust.NO,
        "A peak below the mean is none: it counted chunks.",
        lambda cell: _peak_over_mean(cell) < 1,
    ),
    Rule("vllm-bench", "max_output_tokens_per_s", Trust.CARE, "It counts chunks in the busiest second."),
    Rule("vllm-bench", "total_output_tokens", Trust.CARE, TOKENS_OF_VLLM),
    Rule(
        "vllm-bench",
        "acceptance_length",
        Trust.CARE,
        "Of the whole run by the server's counters: with it, mean_itl_ms is the time of so many tokens.",
    ),
    *(
        Rule(
            "sglang-bench",
            name,
            Trust.NO,
            "The file counts its tokens twice, and the counts differ: what it divides by is no number of tokens.",
            _recounted_by_sglang,
        )
        for name in ("mean_tpot_ms", "median_tpot_ms", "total_output_tokens", "output_throughput")
    ),
    *(
        Rule(
            "sglang-bench",
            name,
            Trust.CARE,
            "Latency after the first content over N - 1, where N is usage if the stream tells it, else as many as were"
            " asked for; delta.reasoning_content is not seen, so such replies start late and read too fast.",
        )
        for name in ("mean_tpot_ms", "median_tpot_ms")
    ),
    Rule(
        "sglang-bench",
        "mean_itl_ms",
        Trust.NO,
        "Over OpenAI's API it is the gap between chunks, which with accepted drafts hold several tokens.",
        lambda cell: _drafted(cell) and "oai" in (cell.backend or ""),
    ),
    Rule(
        "sglang-bench",
        "mean_itl_ms",
        Trust.CARE,
        "Over OpenAI's API the gap between chunks; over /generate the gap shared out among its tokens.",
    ),
    Rule("sglang-bench", "mean_ttft_ms", Trust.CARE, "To the first content; reasoning is not content."),
    Rule("sglang-bench", "output_throughput", Trust.NO, WITH_THE_PROMPT),
    Rule("sglang-bench", "total_output_tokens", Trust.CARE, "By usage if the stream tells it, else as many as asked."),
    Rule("sglang-bench", "total_output_tokens_retokenized", Trust.CARE, "Tokenised again from the text."),
    Rule(
        "sglang-bench",
        "accept_length",
        Trust.CARE,
        "The server's mean since it started, warm-up and other requests included.",
    ),
    Rule(
        "guidellm",
        "inter_token_latency_ms",
        Trust.CARE,
        f"{FIRST_CHUNK} Its stamps are of the wall clock, which can step.",
    ),
    Rule("guidellm", "time_per_output_token_ms", Trust.NO, "From the request's start over N: the prompt is in it."),
    Rule("guidellm", "time_to_first_token_ms", Trust.CARE, "To the first content or reasoning, by the wall clock."),
    Rule("guidellm", "output_tokens_per_second", Trust.NO, WITH_THE_PROMPT),
    Rule("guidellm", "output_token_count", Trust.CARE, "By usage; where there is none, tokenised again."),
    *(
        Rule(
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
    Rule("aiperf", "inter_token_latency", Trust.CARE, "By tokens that it counts again; it knows the first chunk's."),
    Rule("aiperf", "output_token_throughput_per_user", Trust.CARE, "One over inter_token_latency."),
    Rule("aiperf", "output_token_throughput", Trust.NO, WITH_THE_PROMPT),
    Rule("aiperf", "time_to_first_token", Trust.CARE, "To the first content; reasoning is not content."),
    Rule("aiperf", "output_sequence_length", Trust.CARE, "Tokenised again from the text."),
    Rule("aiperf", "usage_completion_tokens", Trust.CARE, "The server's word, which nothing here confirms."),
    Rule(
        "llama-bench",
        "tg_avg_ts",
        Trust.YES,
        "Inside the engine, which knows its tokens; without sampling, tokenising and a server, so no client gets it.",
    ),
    Rule("llama-bench", "pp_avg_ts", Trust.YES, "Inside the engine; the prompt's rate, not that of decoding."),
    Rule("llama-bench", "pg_avg_ts", Trust.NO, "Prompt and output in one rate: neither can be had from it."),
)


def rule_for(cell: ImportedCell, number: str) -> Rule | None:
    """The rule that decides about a number of this cell; None for one that onbox does not know."""
    return next((rule for rule in RULES if (rule.tool, rule.number) == (cell.tool, number) and rule.when(cell)), None)
