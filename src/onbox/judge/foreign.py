"""What can be trusted in the records of other tools, by tool, version and what the numbers say of each other.

How each tool counts was read in its code (vLLM 0.32 and 0.33, guidellm 0.8.1, AIPerf 0.13.0, llama-benchy 0.4.0) and seen
on servers of known truth: docs/tool-matrix.md.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from onbox.evidence.foreign import ForeignCell, ForeignRun
from onbox.evidence.records import Record
from onbox.judge.intervals import wilson
from onbox.judge.rounding import rounded, rounded_pair
from onbox.judge.thresholds import MANY_TOKENS_A_GAP, RETOKENISED_SHARE

CHUNKS_COUNTED_BEFORE = (0, 3, 6)
"""llama-benchy until then counted events of the stream as tokens (its #11: 5.51 for 25.16 tok/s)."""
BLIND = (
    "No such file holds the server's counters, a look at who else was served, or a question whether the answers make"
    " sense: whether the prompt came from a cache and whether every token was the client's cannot be told."
)
ROWS = (
    "A row keeps the length of what was said and not the words, so a failure cannot be laid to the model, the serving or"
    " the gate, and no verdict can be given again."
)


class Trust(StrEnum):
    """How far a number of another tool may be used as what it calls itself."""

    YES = "yes"
    CARE = "with care"
    NO = "no"


class TrustedNumber(Record):
    """One number of another tool, with what it is worth."""

    file: str
    tool: str
    name: str
    value: float
    unit: str
    decode_tok_s: float | None
    """The same as tokens over seconds of decoding, where it is meant to be that."""
    trust: Trust
    why: str


class RunsTrust(Record):
    """The runs of one model in one arm on one task of agent-bench."""

    model: str
    arm: str
    task: str
    passed: int
    runs: int
    interval: tuple[float, float] | None
    """95 percent, Wilson."""
    trust: Trust
    why: str


class Imported(Record):
    """`trust.json`: what an imported folder is worth."""

    kind: str
    imported: int
    """Measurements or runs."""
    says: tuple[str, ...]
    """About all of it."""
    numbers: tuple[TrustedNumber, ...] = ()
    runs: tuple[RunsTrust, ...] = ()


@dataclass(frozen=True)
class _Rule:
    tool: str
    number: str
    trust: Trust
    why: str
    when: Callable[[ForeignCell], bool] = lambda cell: True


def trust(kind: str, records: Sequence[ForeignCell | ForeignRun]) -> Imported:
    """Say of each number what it is worth."""
    cells = [record for record in records if isinstance(record, ForeignCell)]
    runs = [record for record in records if isinstance(record, ForeignRun)]
    says = [*([BLIND] if cells else []), *([ROWS] if runs else []), *_few(cells), *_failed(cells)]
    return Imported(
        kind=kind,
        imported=len(records),
        says=tuple(says),
        numbers=tuple(number for cell in cells for number in _numbers(cell)),
        runs=tuple(_runs(runs)),
    )


# ---------------------------------------------------------------- speed


def _numbers(cell: ForeignCell) -> list[TrustedNumber]:
    found = []
    for number in cell.numbers:
        rule = next((r for r in _RULES if (r.tool, r.number) == (cell.tool, number.name) and r.when(cell)), None)
        found.append(
            TrustedNumber(
                file=cell.file,
                tool=f"{cell.tool} {cell.version}" if cell.version else cell.tool,
                name=number.name,
                value=number.value,
                unit=number.unit,
                decode_tok_s=_decode(number.name, number.value),
                trust=rule.trust if rule else Trust.CARE,
                why=rule.why if rule else "onbox knows no more of this number than its name.",
            )
        )
    return found


_MS_A_TOKEN = frozenset({"mean_tpot_ms", "median_tpot_ms", "inter_token_latency_ms", "inter_token_latency"})
_TOK_S = frozenset({"tg_throughput", "tg_req_throughput", "output_token_throughput_per_user", "tg_avg_ts"})


def _decode(name: str, value: float) -> float | None:
    if name in _MS_A_TOKEN:
        return rounded(1000 / value) if value > 0 else None
    return rounded(value) if name in _TOK_S else None


def _version(cell: ForeignCell) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", cell.version or "")[:3])


def _counts_chunks(cell: ForeignCell) -> bool:
    return () < _version(cell) < CHUNKS_COUNTED_BEFORE


def _no_version(cell: ForeignCell) -> bool:
    return not _version(cell)


def _ratio(over: str, under: str) -> Callable[[ForeignCell], float]:
    def ratio(cell: ForeignCell) -> float:
        above, below = cell.number(over), cell.number(under)
        return above / below if above and below else 1.0

    return ratio


_gap_over_token = _ratio("mean_itl_ms", "mean_tpot_ms")
_recount_over_usage = _ratio("output_sequence_length", "usage_completion_tokens")
_peak_over_mean = _ratio("max_output_tokens_per_s", "output_throughput")


def _several_a_chunk(cell: ForeignCell) -> bool:
    return _gap_over_token(cell) > MANY_TOKENS_A_GAP


def _recounted(cell: ForeignCell) -> bool:
    return abs(_recount_over_usage(cell) - 1) > RETOKENISED_SHARE


FIRST_CHUNK = "It divides by N - 1 tokens, so that it reads (N - 1)/(N - k) too fast where the first chunk brings k."
WITH_THE_PROMPT = "Tokens over the whole time, the prompt's and all pauses included: no rate of decoding."
TOKENS_OF_VLLM = (
    "Counted by usage only where no output comes with it, else by tokenising the content again, which leaves out"
    " reasoning and what tokenises otherwise."
)

_RULES = (
    _Rule("llama-benchy", "tg_throughput", Trust.NO, "Before 0.3.6 it counted events as tokens.", _counts_chunks),
    _Rule(
        "llama-benchy",
        "tg_throughput",
        Trust.CARE,
        "The file does not tell its version; before 0.3.6 it counted events as tokens.",
        _no_version,
    ),
    _Rule(
        "llama-benchy",
        "tg_throughput",
        Trust.CARE,
        "Tokens after the first stamp over the time to the last, of each request: right for one token a chunk, too fast"
        " where a proxy or speculation sends several together.",
    ),
    _Rule("llama-benchy", "tg_req_throughput", Trust.CARE, "As tg_throughput, of single requests."),
    _Rule(
        "llama-benchy",
        "pp_throughput",
        Trust.NO,
        "It ends at the first event of any kind: a server that sends the role first makes it many times too fast.",
    ),
    _Rule("llama-benchy", "peak_throughput", Trust.CARE, "The busiest second; with several tokens a chunk it jumps."),
    _Rule("llama-benchy", "ttfr", Trust.CARE, "To the first event of any kind, which need not hold a token."),
    _Rule("llama-benchy", "est_ppt", Trust.NO, "ttfr less a guess of the latency."),
    _Rule("llama-benchy", "e2e_ttft", Trust.YES, "To the first content, as the client saw it."),
    _Rule(
        "vllm-bench",
        "mean_itl_ms",
        Trust.NO,
        "It is the gap between chunks, and here it is longer than the time of a token: chunks hold several.",
        _several_a_chunk,
    ),
    _Rule("vllm-bench", "mean_itl_ms", Trust.CARE, "The gap between chunks, which is a token's only one by one."),
    _Rule("vllm-bench", "mean_tpot_ms", Trust.CARE, f"{FIRST_CHUNK} {TOKENS_OF_VLLM}"),
    _Rule("vllm-bench", "median_tpot_ms", Trust.CARE, f"{FIRST_CHUNK} {TOKENS_OF_VLLM}"),
    _Rule("vllm-bench", "mean_ttft_ms", Trust.CARE, "It does not see delta.reasoning_content: such a reply starts late."),
    _Rule("vllm-bench", "output_throughput", Trust.NO, WITH_THE_PROMPT),
    _Rule(
        "vllm-bench",
        "max_output_tokens_per_s",
        Trust.NO,
        "A peak below the mean is none: it counted chunks.",
        lambda cell: _peak_over_mean(cell) < 1,
    ),
    _Rule("vllm-bench", "max_output_tokens_per_s", Trust.CARE, "It counts chunks in the busiest second."),
    _Rule("vllm-bench", "total_output_tokens", Trust.CARE, TOKENS_OF_VLLM),
    _Rule(
        "guidellm",
        "inter_token_latency_ms",
        Trust.CARE,
        f"{FIRST_CHUNK} Its stamps are of the wall clock, which can step.",
    ),
    _Rule("guidellm", "time_per_output_token_ms", Trust.NO, "From the request's start over N: the prompt is in it."),
    _Rule("guidellm", "time_to_first_token_ms", Trust.CARE, "To the first content or reasoning, by the wall clock."),
    _Rule("guidellm", "output_tokens_per_second", Trust.NO, WITH_THE_PROMPT),
    _Rule("guidellm", "output_token_count", Trust.CARE, "By usage; where there is none, tokenised again."),
    *(
        _Rule(
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
    _Rule("aiperf", "inter_token_latency", Trust.CARE, "By tokens that it counts again; it knows the first chunk's."),
    _Rule("aiperf", "output_token_throughput_per_user", Trust.CARE, "One over inter_token_latency."),
    _Rule("aiperf", "output_token_throughput", Trust.NO, WITH_THE_PROMPT),
    _Rule("aiperf", "time_to_first_token", Trust.CARE, "To the first content; reasoning is not content."),
    _Rule("aiperf", "output_sequence_length", Trust.CARE, "Tokenised again from the text."),
    _Rule("aiperf", "usage_completion_tokens", Trust.CARE, "The server's word, which nothing here confirms."),
    _Rule(
        "llama-bench",
        "tg_avg_ts",
        Trust.YES,
        "Inside the engine, which knows its tokens; without sampling, tokenising and a server, so no client gets it.",
    ),
    _Rule("llama-bench", "pp_avg_ts", Trust.YES, "Inside the engine; the prompt's rate, not that of decoding."),
    _Rule("llama-bench", "pg_avg_ts", Trust.NO, "Prompt and output in one rate: neither can be had from it."),
)


def _few(cells: Sequence[ForeignCell]) -> list[str]:
    few = sorted({cell.requests for cell in cells if cell.requests is not None and cell.requests < 10})
    return [f"Some means are of {few[0]} requests only; the spread of so few says little."] if few else []


def _failed(cells: Sequence[ForeignCell]) -> list[str]:
    said = []
    if any(cell.failed for cell in cells):
        said.append("Some requests failed, and the means are of the others alone.")
    if any(cell.tool in ("vllm-bench", "aiperf", "llama-benchy") for cell in cells):
        said.append("An error in the middle of a stream counts as success for this tool, and such a reply is in the means.")
    return said


# ---------------------------------------------------------------- runs


def _runs(runs: Sequence[ForeignRun]) -> list[RunsTrust]:
    groups: dict[tuple[str, str, str], list[ForeignRun]] = {}
    for run in runs:
        groups.setdefault((run.model, run.arm, run.task), []).append(run)
    return [_group(*key, group) for key, group in sorted(groups.items())]


def _group(model: str, arm: str, task: str, runs: Sequence[ForeignRun]) -> RunsTrust:
    passed = sum(run.success for run in runs)
    level, why = _worth(runs)
    interval = rounded_pair(wilson(passed, len(runs)))
    return RunsTrust(
        model=model, arm=arm, task=task, passed=passed, runs=len(runs), interval=interval, trust=level, why=why
    )


def _worth(runs: Sequence[ForeignRun]) -> tuple[Trust, str]:
    failed = [run for run in runs if not run.success]
    silent = sum(run.toolCalls == 0 and not (run.task.startswith("chat")) for run in failed)
    invalid = sum("invalid" in (run.toolNames or ()) for run in runs)
    if broken := sum(bool(run.exitCode) for run in runs):
        return Trust.NO, f"In {broken} of them the agent ended in an error, which may be no fault of the model."
    if silent:
        return Trust.NO, (
            f"{silent} failed without one tool call: the model never tried, or the server lost the calls; the row cannot tell."
        )
    if failed and runs[0].task.startswith("chat"):
        return Trust.CARE, "A gate of patterns failed on text that was not kept: curly quotes or dashes are enough."
    if invalid:
        return Trust.CARE, f"In {invalid} of them a call was invalid, a sign of the parser as much as of the model."
    return Trust.YES, "A gate that is no judge of style said so; the agent called tools, or had none to call."
