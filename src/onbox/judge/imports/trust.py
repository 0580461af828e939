"""What an imported folder is worth, number by number and run by run."""

from collections.abc import Sequence

from onbox.evidence.imported import ImportedCell, ImportedRun
from onbox.evidence.records import Record
from onbox.judge.imports.rules import Trust, rule_for
from onbox.judge.intervals import wilson
from onbox.judge.rounding import rounded, rounded_pair

BLIND = (
    "No such file holds the server's counters, a look at who else was served, or a question whether the answers make"
    " sense: whether the prompt came from a cache and whether every token was the client's cannot be told."
)
ROWS = (
    "A row keeps the length of what was said and not the words, so a failure cannot be laid to the model, the serving"
    " or the gate, and no verdict can be given again."
)


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


class ImportTrust(Record):
    """`trust.json`: what an imported folder is worth."""

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


def _few(cells: Sequence[ImportedCell]) -> list[str]:
    few = sorted({cell.requests for cell in cells if cell.requests is not None and cell.requests < 10})
    return [f"Some means are of {few[0]} requests only; the spread of so few says little."] if few else []


def _failed(cells: Sequence[ImportedCell]) -> list[str]:
    said = []
    if any(cell.failed for cell in cells):
        said.append("Some requests failed, and the means are of the others alone.")
    if any(cell.tool in ("vllm-bench", "aiperf", "llama-benchy") for cell in cells):
        said.append("An error in the middle of a stream counts as success for this tool and is in its means.")
    return said


# ---------------------------------------------------------------- runs


def _runs(runs: Sequence[ImportedRun]) -> list[RunsTrust]:
    groups: dict[tuple[str, str, str], list[ImportedRun]] = {}
    for run in runs:
        groups.setdefault((run.model, run.arm, run.task), []).append(run)
    return [_group(*key, group) for key, group in sorted(groups.items())]


def _group(model: str, arm: str, task: str, runs: Sequence[ImportedRun]) -> RunsTrust:
    passed = sum(run.success for run in runs)
    level, why = _worth(runs)
    interval = rounded_pair(wilson(passed, len(runs)))
    return RunsTrust(
        model=model, arm=arm, task=task, passed=passed, runs=len(runs), interval=interval, trust=level, why=why
    )


def _worth(runs: Sequence[ImportedRun]) -> tuple[Trust, str]:
    failed = [run for run in runs if not run.success]
    silent = sum(run.toolCalls == 0 and not (run.task.startswith("chat")) for run in failed)
    invalid = sum("invalid" in (run.toolNames or ()) for run in runs)
    if broken := sum(bool(run.exitCode) for run in runs):
        return Trust.NO, f"In {broken} of them the agent ended in an error, which may be no fault of the model."
    if silent:
        return Trust.NO, (
            f"{silent} failed without one tool call: the model never tried, or the server lost the calls;"
            " the row cannot tell."
        )
    if failed and runs[0].task.startswith("chat"):
        return Trust.CARE, "A gate of patterns failed on text that was not kept: curly quotes or dashes are enough."
    if invalid:
        return Trust.CARE, f"In {invalid} of them a call was invalid, a sign of the parser as much as of the model."
    return Trust.YES, "A gate that is no judge of style said so; the agent called tools, or had none to call."
