"""Do the witnesses agree with one another, and the requests?"""

import math

from onbox.judge import thresholds as limit
from onbox.judge.results import Check, Status
from onbox.judge.speed_seen import Seen


def witnesses_agree(seen: Seen) -> Check:
    """Independent ways to the number give the same number."""
    known = [(witness.name, witness.tok_s) for witness in seen.witnesses if witness.tok_s]
    by_ollama = any(sample.reply.durations for sample in seen.samples)
    engine = seen.counters.engine if seen.counters else "ollama" if by_ollama else ""
    threshold = limit.WITNESS_SPREAD.get(engine, limit.WITNESS_SPREAD_DEFAULT)
    if len(known) < 2:
        return Check(
            id="WITNESSES_AGREE",
            status=Status.UNKNOWN,
            observed=len(known),
            threshold=2,
            unit="witnesses",
            evidence=seen.where,
            hint="one witness cannot be checked: start the server with its metrics on (llama.cpp: --metrics)",
        )
    low, high = min(known, key=lambda pair: pair[1]), max(known, key=lambda pair: pair[1])
    spread = high[1] / low[1] - 1
    good = spread <= threshold
    said = f"{high[0]} says {high[1]:.1f} tok/s, {low[0]} says {low[1]:.1f}"
    return Check(
        id="WITNESSES_AGREE",
        status=Status.PASS if good else Status.FAIL,
        observed=round(100 * spread, 2),
        threshold=100 * threshold,
        unit="%",
        evidence=seen.where,
        hint="" if good else f"the witnesses differ: {said}; no rate is given",
    )


def steady(seen: Seen) -> Check:
    """The requests agree with one another, and the last with the first."""
    rates = [sample.tok_s for sample in seen.samples if sample.tok_s]
    evidence = f"{seen.where}/requests.jsonl"
    if len(rates) < 2:
        return Check(
            id="STEADY",
            status=Status.UNKNOWN,
            observed=len(rates),
            threshold=2,
            unit="requests with a rate",
            evidence=evidence,
            hint="fewer than two requests show a rate: whether it is steady is not known",
        )
    mean = math.fsum(rates) / len(rates)
    deviation = math.sqrt(math.fsum((rate - mean) ** 2 for rate in rates) / (len(rates) - 1)) / mean
    drift = abs(rates[-1] / rates[0] - 1)
    worst = max(deviation, drift)
    good = worst <= limit.STEADY_SPREAD
    what = "the last request differs from the first" if drift >= deviation else "the requests differ from one another"
    return Check(
        id="STEADY",
        status=Status.PASS if good else Status.WARN,
        observed=round(100 * worst, 1),
        threshold=100 * limit.STEADY_SPREAD,
        unit="%",
        evidence=evidence,
        hint="" if good else f"{what} by {worst:.1%}: heat, or other work on the box; measure again when it is quiet",
    )
