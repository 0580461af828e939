"""How numbers and names are said: one place for every phrase and format that two views share.

A value that is None was not seen; it is said so, and never shown as 0. Every function returns text with its unit.
"""

import re
from collections.abc import Mapping

from onbox.judge.formatting import OF_KERNELS
from onbox.judge.rates import Bound, RateOrder, RateRatio
from onbox.judge.results import BackendProof, Difference, Measurement, RunResult

# The templates name all of these by this module.
from onbox.schema.units import NOT_MEASURED as NOT_MEASURED
from onbox.schema.units import UNKNOWN as UNKNOWN
from onbox.schema.units import count as count
from onbox.schema.units import number as number
from onbox.schema.units import p_value as p_value
from onbox.schema.units import percent as percent
from onbox.schema.units import plus_minus, without_trailing_zeros
from onbox.schema.units import seconds as seconds
from onbox.schema.units import size as size

WHOLE_IS_IN = "the whole is in"
NO_VALID_NUMBER = "no valid number"
KERNELS_ALONE = OF_KERNELS
NOT_PUBLISHED = "not published: random weights, so a rate of the kernels alone"
ORDER_OF_WORDS = "The verdict first, then what speaks against it, then the numbers and the files behind them."
INVALID_IS_NOT_COUNTED = "An invalid run says nothing about the model and is not counted."

ARMS = (
    "Pairs of runs with the same task and seed; better and worse: only the treatment passed, only the baseline did. "
    "A p is adjusted for the number of treatments (Holm)."
)
FRONTIER = (
    "Further up passes more, with its 95 percent interval on these tasks; further left is faster; a larger dot needs "
    "more memory, a dashed one an unknown amount. Filled is what runs now, pale is dominated."
)
DOMINATED = (
    "Dominated: another is shown to be no worse in anything that is known, and better in something. The others are on "
    "the frontier, or too little is known of them."
)

NO_REASON = "no reason was written down"
NO_STAND_UP = "No record of a stand-up."
NO_BOX = "No fingerprint of the box was kept."
NO_PASS = "no pass"
CELLS_HEAD = ("at a time", "each", "together", "over one", "status")
CLAIMS_HEAD = ("published", "by", "this measurement", "what differs")
NO_DOUBTS = "No check failed or warned."
NOTHING_DROPPED = "Nothing was discarded or invalidated."
FILES_NOTE = "Each number is computed from these; paths are relative to the trial folder."
NO_RATE = "the witnesses differ, or there is none, so no number is given."
REFUSED = "a check failed, so what the witnesses saw is shown and not used."
COLD = "Cold: first request, kept apart"

VERDICTS: Mapping[str, str] = {
    "keep": "Keep what you run now",
    "switch": "Switch",
    "undecided": "Undecided",
}
ROLES: Mapping[str, str] = {"incumbent": "runs now", "challenger": "wants its place"}
STATUSES: Mapping[str, str] = {"pass": "passed", "warn": "warning", "fail": "failed", "unknown": "not seen"}
WITNESSES: Mapping[str, str] = {
    "client_bursts": "Client: bytes at the socket",
    "engine_counters": "Engine: its counters",
    "engine_timings": "Engine: its timings",
}
LABELS: Mapping[str, str] = {"ruler": "rate taken from"}
"""Field names that mean nothing to a reader, in words that do."""
BETTER_IS: Mapping[str, str] = {"incumbent": "what runs now is better", "challenger": "the challenger is better"}
INDEPENDENT = (
    "The client stamps bytes at its own socket by its own clock; counters and timings are kept inside the engine, by "
    "its clock. They may agree to three digits, and still none is made from another."
)
ONE_OF_MANY = re.compile(r"^([a-z]{2,})s\b")
"""The unit of a count in the plural."""
HOW_ENDED: Mapping[str, str] = {"asked": "stopped by onbox", "died": "it died", "guard": "stopped by the guard"}
"""Of an engine's end, where the record's word alone says too little."""
SIGNS: Mapping[str, str] = {"passed": "✓", "failed": "✗", "serving failure": "≈", "invalid": "–"}
"""Outcomes where there is no picture; the form alone tells them apart."""
NOT_COUNTED = frozenset({"discarded", "invalidated", "failed", "interrupted"})
"""Kinds of ledger entry whose subject is struck through."""


def rate_details(speed: Measurement) -> dict[str, object]:
    """What stands beside a rate where it is known, by name for people."""
    found = {
        "tokens a forward pass": speed.acceptance_length,
        "forward passes a second": speed.forward_passes_s,
        "implied bandwidth": None
        if speed.implied_gb_s is None
        else f"{number(speed.implied_gb_s)} GB/s{_known(speed)}",
        "share of the roof": None if speed.roof_share is None else _share(speed),
        "plausibility": None if speed.plausibility is None else label(speed.plausibility),
    }
    return {name: value for name, value in found.items() if value is not None}


def _known(speed: Measurement) -> str:
    return plus_minus(speed.uncertainty.relative if speed.uncertainty else None)


def _share(speed: Measurement) -> str:
    within = speed.roof_share_interval
    return percent(speed.roof_share) + (f" ({percent_interval(within)})" if within else "")


def cell(speed: Measurement) -> tuple[str, str, str, str, str]:
    """One number of requests at a time, under `CELLS_HEAD`."""
    together = "" if speed.system_tok_s is None else tok_s(speed.system_tok_s) + _known(speed)
    over_one = "" if speed.beside_one is None else ratio(speed.beside_one)
    each = NO_VALID_NUMBER if speed.decode_tok_s is None else tok_s(speed.decode_tok_s) + _known(speed)
    return str(speed.profile.get("concurrency", 1)), each, together, over_one, speed.status.value


def ratio(found: RateRatio) -> str:
    """One rate over another: `1.86 times ± 3 %`, with `equal within uncertainty` where they are not told apart."""
    if found.ratio is None:
        return found.said.value
    times = f"{number(found.ratio)} times{plus_minus(found.relative)}"
    return f"{times}, {found.said.value}" if found.said is RateOrder.EQUAL else times


def title_and_headline(verdict: str, headline: str) -> tuple[str, str]:
    """A short title and the sentence below it; a headline that begins with its own title gives both."""
    title, colon, rest = headline.partition(": ")
    if colon and title.lower().split(" ")[0] == verdict:
        return title, rest
    return VERDICTS.get(verdict, verdict), headline


def observed_against_threshold(observed: float | str | None, threshold: float | str | None, unit: str) -> str:
    """What a check saw and where it draws the line: `seen 128 tokens, threshold 0 tokens`."""
    line = "" if threshold is None else f", threshold {quantity(threshold, unit)}"
    return f"seen {quantity(observed, unit)}{line}"


def backend(proof: BackendProof | None) -> str:
    """What computes, and whether that is what was asserted; empty when nothing is known of it."""
    if proof is None or not (proof.parts or proof.named):
        return ""
    named = ", ".join(f"{part} {name}" for part, name in proof.named.items()) or "not named in the log"
    if not proof.parts:
        return f"Backend: {named}; the recipe asserts nothing."
    why = "; ".join(f"{part.part}: {part.why}" for part in proof.parts if part.status is proof.status)
    return f"Backend: {named}; {proof.status.value}: {why}"


def bracket(sides: tuple[str, str]) -> str:
    """What the verdict would be, were the invalid runs all against the challenger, or all for it."""
    return (
        f"Had every invalid run gone against the challenger, the verdict would be {sides[0]}; "
        f"had every one gone for it, {sides[1]}."
    )


def seconds_to_pass(value: float | None) -> str:
    """All seconds of valid runs over passes, or that there was no pass."""
    return NO_PASS if value is None else seconds(value)


def with_other_runs(others: int) -> str:
    """Which company a run had: `, beside 2 other runs`; empty for a run alone."""
    return f", beside {count(others, 'other run')}" if others else ""


def served_correctly(value: float | None) -> str:
    """An upper bound of a pass rate."""
    return percent(value) if value is None else f"at most {percent(value)}"


def difference(found: Difference) -> str:
    """One way in which a published rate and a measurement differ: `depth: claimed 2048, here 40`."""
    return f"{found.what}: claimed {found.claimed}, here {found.measured}"


def tok_s(value: float | None) -> str:
    """A rate: `23.6 tok/s`."""
    return NOT_MEASURED if value is None else f"{number(value)} tok/s"


def points(value: float | None) -> str:
    """A difference of two shares, signed, in points: `+33 points`."""
    return UNKNOWN if value is None else f"{100 * value:+.0f} points"


def points_interval(value: tuple[float, float] | None) -> str:
    """Two differences: `-12 to +40`."""
    return UNKNOWN if value is None else f"{100 * value[0]:+.0f} to {100 * value[1]:+.0f}"


def percent_interval(value: tuple[float, float] | None) -> str:
    """Two shares of 1: `41 to 87 %`."""
    return UNKNOWN if value is None else f"{100 * value[0]:.0f} to {100 * value[1]:.0f} %"


def rate(speed: Measurement) -> str:
    """The number of a measurement with its uncertainty, `46.6 tok/s ± 4 %`, or that there is none."""
    if speed.decode_tok_s is None:
        return NO_VALID_NUMBER
    return tok_s(speed.decode_tok_s) + _known(speed) + (f" {OF_KERNELS}" if of_kernels(speed) else "")


def of_kernels(speed: Measurement) -> bool:
    """Whether a rate is one of random weights: it is told, and neither compared nor published."""
    return speed.rate_of != "model"


def bound(found: Bound) -> str:
    """What bounds a rate, with the numbers: `launch-bound: reading takes at most 37 % of a step; ...`."""
    parts = [f"{found.kind.value}: {found.why}"]
    if found.effective_gb_s is not None and found.effective_gb_s_interval is not None:
        low, high = found.effective_gb_s_interval
        parts.append(f"decoding reads {number(found.effective_gb_s)} GB/s ({number(low)} to {number(high)})")
    if found.fixed_ms is not None and found.fixed_ms_interval is not None:
        low, high = found.fixed_ms_interval
        parts.append(f"{number(found.fixed_ms)} ms of a step depend on no bytes ({number(low)} to {number(high)})")
    return "; ".join(parts)


def budget(speed: Measurement) -> str:
    """The lines of an uncertainty, the widest first: `requests 3.1 %, drift 1.0 %`; those below 0.05 % are left out."""
    lines = sorted(speed.uncertainty.budget if speed.uncertainty else (), key=lambda line: -line.relative)
    sources = ", ".join(f"{line.source} {100 * line.relative:.1f} %" for line in lines if line.relative >= 0.0005)
    if speed.uncertainty is None or speed.uncertainty.asked is None:
        return sources
    target = f"{number(100 * speed.uncertainty.asked)} % asked"
    kept = f", not reached: {speed.uncertainty.why_not}" if speed.uncertainty.why_not else ", reached"
    return f"{sources}; {target}{kept}" if sources else f"{target}{kept}"


def tok_s_interval(value: tuple[float, float] | None) -> str:
    """Two rates: `23.1 to 24.0 tok/s`."""
    return UNKNOWN if value is None else f"{number(value[0])} to {number(value[1])} tok/s"


def change(run: RunResult) -> str:
    """What an agent changed: `2 files, 12 lines, 2.0 times the reference; broken: a.py`."""
    if not run.files_changed:
        return "nothing"
    size = "" if run.size is None else f", {run.size:.1f} times the reference"
    parsed = "; whether all of it parses is unknown" if run.broken is None else ""
    parsed = f"; broken: {', '.join(run.broken)}" if run.broken else parsed
    lint = f"; pyflakes: {', '.join(run.lint)}" if run.lint else ""
    return f"{count(run.files_changed, 'file')}, {count(run.lines_changed, 'line')}{size}{parsed}{lint}"


def reward(run: RunResult) -> str:
    """What a gate gave, and what it takes to pass: `reward 0.5 of 1`; empty where its exit code is the verdict."""
    shown = (f"{key} {value:g}{_wanted(run.reward_min.get(key))}" for key, value in run.rewards.items())
    return ", ".join(shown)


def _wanted(least: float | None) -> str:
    return "" if least is None else f" of the {least:g} that passes"


def of(part: int, whole: int) -> str:
    """`8 of 12`."""
    return f"{part} of {whole}"


def quantity(value: float | str | None, unit: str = "") -> str:
    """What a check saw, or what it asked for, with its unit; percent as exactly as the words beside them."""
    if value is None:
        return UNKNOWN
    if not isinstance(value, str) and unit.startswith("%") and abs(value) >= 1:
        return f"{without_trailing_zeros(f'{value:,.1f}')} {unit}"
    text = value if isinstance(value, str) else without_trailing_zeros(number(value))
    counted = ONE_OF_MANY.sub(r"\1", unit) if text == "1" else unit
    return f"{text} {counted}".strip()


def fact(key: str, value: object) -> str:
    """A recorded fact; the unit is read from the key's ending (`_bytes`, `_gb_s`, `_tok_s`, `_s`)."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _measured(key, value)
    if isinstance(value, list | tuple):
        return ", ".join(fact(key, item) for item in value) or "none"
    if isinstance(value, str) and value in WITNESSES:
        return WITNESSES[value]
    if isinstance(value, Mapping):
        return ", ".join(f"{label(str(name))} {_inner(str(name), item)}" for name, item in value.items()) or "none"
    return str(value)


def _inner(key: str, value: object) -> str:
    return f"({fact(key, value)})" if isinstance(value, Mapping) and value else fact(key, value)


def _measured(key: str, value: float) -> str:
    if key.endswith("bytes"):
        return size(value)
    if key.endswith("gb_s"):
        return f"{number(value)} GB/s"
    if key.endswith("tok_s"):
        return tok_s(value)
    if key.endswith("_s"):
        return seconds(value)
    return str(value) if isinstance(value, int) else without_trailing_zeros(number(value, 4))


def label(key: str) -> str:
    """A field's name for people: `prompt_tokens` becomes `prompt tokens`, unit endings left to the value."""
    if key in LABELS:
        return LABELS[key]
    for ending in ("_bytes", "_gb_s", "_tok_s", "_s"):
        key = key.removesuffix(ending)
    return key.replace("_", " ")
