"""What an imported folder is worth, number by number and run by run."""

from collections.abc import Sequence

from onbox.engines.profiles import BENCH_TOOLS
from onbox.evidence.imported import ImportedCell, ImportedRun
from onbox.evidence.records import Record
from onbox.judge import RULES
from onbox.judge.imports.rules import dragged, of_a_batch, rule_for
from onbox.judge.imports.runs import is_chat, outcome_of
from onbox.judge.intervals import wilson
from onbox.judge.results import Outcome
from onbox.judge.rounding import rounded, rounded_pair
from onbox.judge.thresholds import IMPORTED_TOK_S_MAX
from onbox.schema.bench_tools import Trust
from onbox.schema.units import several

BLIND = (
    "No such file holds the server's counters, a look at who else was served, or a question whether the answers make"
    " sense: whether the prompt came from a cache and whether every token was the client's cannot be told."
)
ROWS = (
    "Such a run comes without the exchanges with the server, so a failure cannot be laid to the model, the serving or"
    " the gate beyond what the agent's own errors say: `onbox judge` compares the runs as they are."
)
HIDE_BROKEN_STREAMS = frozenset(
    {"aiperf", "llama-benchy", *(tool.kind for tool in BENCH_TOOLS if tool.hides_broken_streams)}
)
"""Tools for which an error in the middle of a stream is a success."""


class TrustedNumber(Record):
    """One number of another tool, with what it is worth."""

    file: str
    tool: str
    cell: str
    """Which of the file's measurements: `tg128 @ d4096 (c5)`."""
    name: str
    value: float
    unit: str
    median: float | None
    std: float | None
    """Standard deviation."""
    decode_tok_s: float | None
    """The same as tokens over seconds of decoding, where it is meant to be that; of the median, where outliers drag the
    mean."""
    trust: Trust
    why: str


class RunsTrust(Record):
    """The runs of one model in one arm on one task of agent-bench."""

    model: str
    arm: str
    task: str
    passed: int
    runs: int
    """Valid ones."""
    invalid: int
    interval: tuple[float, float] | None
    """95 percent, Wilson."""
    trust: Trust
    why: str


class ImportTrust(Record):
    """`trust.json`: what an imported folder is worth."""

    rules: int = 1
    """Version of the judge's rules, as in `verdict.json`. A file without it is of an onbox before rules 8; since 8 a
    rate of 0, or above what one stream can have, is not trusted."""
    kind: str
    imported: int
    """Measurements or runs."""
    says: tuple[str, ...]
    """About all of it."""
    numbers: tuple[TrustedNumber, ...] = ()
    runs: tuple[RunsTrust, ...] = ()


def trust(kind: str, records: Sequence[ImportedCell | ImportedRun]) -> ImportTrust:
    """Say of each number what it is worth."""
    cells = [record for record in records if isinstance(record, ImportedCell)]
    runs = [record for record in records if isinstance(record, ImportedRun)]
    says = [*([BLIND] if cells else []), *([ROWS] if runs else []), *_few(cells), *_failed(cells)]
    return ImportTrust(
        rules=RULES,
        kind=kind,
        imported=len(records),
        says=tuple(says),
        numbers=tuple(number for cell in cells for number in _numbers(cell)),
        runs=tuple(_runs(runs)),
    )


# ---------------------------------------------------------------- speed


def _numbers(cell: ImportedCell) -> list[TrustedNumber]:
    found = []
    for number in cell.numbers:
        rule = rule_for(cell, number.name)
        why = rule.why if rule else "onbox knows no more of this number than its name."
        level = rule.trust if rule else Trust.CARE
        if outliers := dragged(number):
            level, why = Trust.NO, f"{outliers} {why}"
        best = number.median if outliers and number.median is not None else number.value
        rate = _decode(cell, number.name, best)
        if rate is not None and not 0 < rate <= IMPORTED_TOK_S_MAX:
            rate, level, why = None, Trust.NO, f"No rate that one stream has: nothing was measured here. {why}"
        found.append(
            TrustedNumber(
                file=cell.file,
                tool=f"{cell.tool} {cell.version}" if cell.version else cell.tool,
                cell=cell.label,
                name=number.name,
                value=number.value,
                unit=number.unit,
                median=number.median,
                std=number.std,
                decode_tok_s=rate,
                trust=level,
                why=why,
            )
        )
    return found


_MS_A_TOKEN = frozenset({"mean_tpot_ms", "median_tpot_ms", "inter_token_latency_ms", "inter_token_latency"})
_TOK_S = frozenset({"tg_throughput", "tg_req_throughput", "output_token_throughput_per_user", "tg_avg_ts"})


def _decode(cell: ImportedCell, name: str, value: float) -> float | None:
    if name == "tg_throughput" and of_a_batch(cell):
        return None
    if name in _MS_A_TOKEN:
        return rounded(1000 / value) if value > 0 else None
    return rounded(value) if name in _TOK_S else None


def _few(cells: Sequence[ImportedCell]) -> list[str]:
    empty = [cell.label or cell.file for cell in cells if not cell.numbers or cell.requests == 0]
    sentences = [f"Nothing was measured in {several(empty)}."] if empty else []
    few = sorted({cell.requests for cell in cells if cell.requests is not None and 0 < cell.requests < 10})
    return (
        [*sentences, f"Some means are of {few[0]} requests only; the spread of so few says little."]
        if few
        else sentences
    )


def _failed(cells: Sequence[ImportedCell]) -> list[str]:
    sentences = []
    if any(cell.failed for cell in cells):
        sentences.append("Some requests failed, and the means are of the others alone.")
    if any(cell.tool in HIDE_BROKEN_STREAMS for cell in cells):
        sentences.append("An error in the middle of a stream counts as success for this tool and is in its means.")
    return sentences


# ---------------------------------------------------------------- runs


def _runs(runs: Sequence[ImportedRun]) -> list[RunsTrust]:
    groups: dict[tuple[str, str, str], list[ImportedRun]] = {}
    for run in runs:
        groups.setdefault((run.model, run.arm, run.task), []).append(run)
    return [_group(*key, group) for key, group in sorted(groups.items())]


def _group(model: str, arm: str, task: str, runs: Sequence[ImportedRun]) -> RunsTrust:
    outcomes = [outcome_of(run).outcome for run in runs]
    passed, invalid = outcomes.count(Outcome.PASSED), outcomes.count(Outcome.INVALID)
    level, why = _worth(runs)
    return RunsTrust(
        model=model,
        arm=arm,
        task=task,
        passed=passed,
        runs=len(runs) - invalid,
        invalid=invalid,
        interval=rounded_pair(wilson(passed, len(runs) - invalid)) if len(runs) > invalid else None,
        trust=level,
        why=why,
    )


def _worth(runs: Sequence[ImportedRun]) -> tuple[Trust, str]:
    ends = [outcome_of(run) for run in runs]
    unread = sum((run.toolNames or ()).count("invalid") for run in runs)
    if invalid := [each for each in ends if each.outcome is Outcome.INVALID]:
        return (
            Trust.NO,
            f"{len(invalid)} of them say nothing of the model: {several(sorted({e.detail for e in invalid}))}.",
        )
    if any(run.exitCode for run in runs):
        broken = sum(bool(run.exitCode) for run in runs)
        return Trust.NO, f"In {broken} of them the agent ended in an error, which may be no fault of the model."
    if silent := sum(each.code == "M-NOCALL" for each in ends):
        return Trust.NO, (
            f"{silent} failed without one tool call: the model never tried, or the server lost the calls;"
            " the row cannot tell."
        )
    if any(each.outcome is Outcome.FAILED for each in ends) and is_chat(runs[0]):
        return Trust.CARE, "A gate of patterns failed on text that was not kept: curly quotes or dashes are enough."
    if unread:
        calls = "1 call" if unread == 1 else f"{unread} calls"
        return Trust.CARE, f"The agent could not read {calls}, a sign of the parser as much as of the model."
    return Trust.YES, "A gate that is no judge of style said so; the agent called tools, or had none to call."
