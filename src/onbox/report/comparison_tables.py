"""The tables of contenders, of pairs, of quants and of arms, in words that every view shares."""

from collections.abc import Iterator

from onbox.evidence.records import Role
from onbox.judge.results import Verdict
from onbox.report import formatting
from onbox.report.frontier import Point
from onbox.schema.units import UNKNOWN, factor

QUANTS = "Quants of one model"
QUANTS_HEAD = (
    "quant",
    "bits a weight",
    "passed",
    "lost",
    "pairs lost, won",
    "said",
    "time",
    "decode",
    "memory",
    "sees",
)
PAIRS = "Contenders in pairs"
PAIRS_HEAD = ("beside", "contender", "ability", "points more", "chance (Holm)", "time", "pace", "verdict", "rests on")
STANDINGS = "Ability, time and memory"
STANDINGS_HEAD = ("", "contender", "passes", "time a run", "memory", "sees", "dominated by")
ARMS = "Arms"
ARMS_HEAD = (
    "contender",
    "arm",
    "passed",
    "baseline",
    "points more",
    "better",
    "worse",
    "holds for",
    "these tasks",
    "tasks like these",
)
CONTENDERS_MIN = 3
"""Of fewer the headline says it all, where there is no room for a picture."""


def tables(
    verdict: Verdict, *, least: int = CONTENDERS_MIN
) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """(title, head, rows) of each table that has rows, arms left out.

    Args:
        verdict: that is shown.
        least: contenders for whom ability, time and memory are told in a table.
    """
    standings = standing_rows(verdict) if len(verdict.standings) >= least else []
    for title, head, rows in (
        (STANDINGS, *_known(STANDINGS_HEAD, standings)),
        (PAIRS, PAIRS_HEAD, pair_rows(verdict)),
        (QUANTS, QUANTS_HEAD, quant_rows(verdict)),
    ):
        if rows:
            yield title, head, rows


def _known(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A table without the columns in which nothing is known of anybody."""
    columns = [n for n in range(len(head)) if any(row[n] not in ("", UNKNOWN) for row in rows)]
    return tuple(head[n] for n in columns), [tuple(row[n] for n in columns) for row in rows]


def arm_rows(verdict: Verdict) -> list[tuple[str, ...]]:
    """One row for each contender and treatment, under `ARMS_HEAD`; a p for each scope, as two contenders have it."""
    return [
        (
            arm.contender,
            arm.arm,
            formatting.of(arm.passed, arm.pairs),
            formatting.of(arm.baseline_passed, arm.pairs),
            _points(arm.difference.value, arm.difference.interval) if arm.difference else "",
            str(arm.better),
            str(arm.worse),
            arm.scope or "may be chance",
            formatting.p_value(arm.p),
            formatting.p_value(arm.population_p),
        )
        for arm in verdict.arms
    ]


def standing_rows(verdict: Verdict) -> list[tuple[str, ...]]:
    """One numbered row for each contender, under `STANDINGS_HEAD`."""
    return [
        (
            str(number),
            each.name,
            formatting.percent(each.pass_rate),
            UNKNOWN if each.seconds_a_run is None else formatting.seconds(each.seconds_a_run),
            formatting.size(each.memory_bytes),
            {True: "yes", False: "no", None: UNKNOWN}[each.sees],
            ", ".join(each.dominated_by),
        )
        for number, each in enumerate(verdict.standings, 1)
    ]


def points(verdict: Verdict) -> list[Point]:
    """Each contender whose pass rate and time are known, as a point of the picture."""
    results = {each.name: each for each in verdict.contenders}
    return [
        Point(
            number=number,
            name=each.name,
            rate=each.pass_rate,
            seconds=each.seconds_a_run,
            interval=results[each.name].interval if each.name in results else None,
            memory_bytes=each.memory_bytes,
            dominated=bool(each.dominated_by),
            incumbent=each.name in results and results[each.name].role == Role.INCUMBENT.value,
        )
        for number, each in enumerate(verdict.standings, 1)
        if each.pass_rate is not None and each.seconds_a_run is not None
    ]


def quant_rows(verdict: Verdict) -> list[tuple[str, ...]]:
    """One row for each quant, the largest first, under `QUANTS_HEAD`; none where no quants were compared."""
    return [
        (
            row.name,
            UNKNOWN if row.bits_per_weight is None else f"{row.bits_per_weight:.2f}",
            f"{row.passed} of {row.valid}",
            _points(row.loss, row.loss_interval),
            "" if row.loss is None else f"{row.lost}, {row.won}",
            row.said,
            _times(row.time_ratio, row.time_interval) if row.loss is not None else "",
            UNKNOWN if row.decode_tok_s is None else f"{row.decode_tok_s:.3g} tok/s{_within(row.decode_interval)}",
            formatting.size(row.memory_bytes),
            {True: "yes", False: "no", None: UNKNOWN}[row.sees],
        )
        for row in verdict.quants
    ]


def pair_rows(verdict: Verdict) -> list[tuple[str, ...]]:
    """One row for each pair, under `PAIRS_HEAD`; none with fewer than three contenders, as the headline says it all."""
    if len(verdict.contenders) < CONTENDERS_MIN:
        return []
    return [
        (
            row.old,
            row.new,
            row.ability.value,
            _points(row.difference, row.difference_interval),
            formatting.p_value(row.p),
            _times(row.time_ratio, row.time_interval),
            row.pace.value,
            row.verdict or "",
            row.basis.value if row.basis else "",
        )
        for row in verdict.pairs
    ]


def _within(interval: tuple[float, float] | None) -> str:
    return f" ({interval[0]:.3g} to {interval[1]:.3g})" if interval else ""


def _points(share: float | None, interval: tuple[float, float] | None) -> str:
    if share is None:
        return ""
    # Whole numbers: a share just below nothing is no "-0".
    within = f" ({round(100 * interval[0])} to {round(100 * interval[1])})" if interval else ""
    return f"{round(100 * share)} points{within}"


def _times(ratio: float | None, interval: tuple[float, float] | None) -> str:
    if ratio is None or interval is None:
        return UNKNOWN
    return f"{factor(ratio)} ({factor(interval[0])} to {factor(interval[1])})"
