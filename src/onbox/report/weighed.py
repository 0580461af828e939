"""The table of quants and the table of pairs, in words that every view shares."""

from onbox.judge.results import Verdict

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
PAIRS_HEAD = ("beside", "contender", "ability", "points more", "time", "pace", "verdict", "rests on")
UNKNOWN = "unknown"


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
            UNKNOWN if row.memory_bytes is None else f"{row.memory_bytes / 1e9:.2f} GB",
            {True: "yes", False: "no", None: UNKNOWN}[row.sees],
        )
        for row in verdict.quants
    ]


def pair_rows(verdict: Verdict) -> list[tuple[str, ...]]:
    """One row for each pair, under `PAIRS_HEAD`; none with fewer than three contenders, as the headline says it all."""
    if len(verdict.contenders) < 3:
        return []
    return [
        (
            row.old,
            row.new,
            row.ability.value,
            _points(row.difference, row.difference_interval),
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
    within = f" ({100 * interval[0]:.0f} to {100 * interval[1]:.0f})" if interval else ""
    return f"{100 * share:.0f} points{within}"


def _times(ratio: float | None, interval: tuple[float, float] | None) -> str:
    if ratio is None or interval is None:
        return UNKNOWN
    return f"{ratio:.2g} ({interval[0]:.2g} to {interval[1]:.2g})"
