"""Does a measurement reproduce a published rate? Only with the same profile, backend and precision; else, what differs.

Two rates that agree by chance show nothing, so that a claim whose profile is another, or is not told, is never
reproduced, however close the numbers are.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from onbox.evidence.claims import Claim
from onbox.judge import thresholds as limit
from onbox.judge.results import ClaimResult, Difference, Measurement

NOT_TOLD = "not told"
REPRODUCES, DIFFERS, UNDECIDED, NOT_COMPARABLE = "reproduces", "differs", "undecided", "not comparable"
OURS = {"quantity": "decode", "prefix_cache": "no"}


@dataclass(frozen=True)
class ServedModel:
    """What was measured, as far as a claim may ask.

    Args:
        names: what requests, recipe and files call the model.
        box: names of its processor and accelerators.
        backend: as the user stated it; empty where nobody did.
        precision: the same.
    """

    names: Sequence[str]
    box: Sequence[str]
    backend: str
    precision: str


def judge_claims(claims: Sequence[Claim], speed: Measurement, served: ServedModel) -> tuple[ClaimResult, ...]:
    """Hold every claim about this model against the measurement."""
    names = [_plain(name) for name in served.names]
    about = [claim for claim in claims if any(_plain(part) in name for part in claim.models for name in names)]
    return tuple(_judge(claim, speed, served) for claim in about)


def _judge(claim: Claim, speed: Measurement, served: ServedModel) -> ClaimResult:
    bars = [found for found in _profile(claim, speed, served) if found is not None]
    value = _value(claim, speed)
    verdict = NOT_COMPARABLE if bars or speed.interval is None else _of_values(claim, speed.interval)
    return ClaimResult(
        name=claim.name,
        tok_s=claim.tok_s,
        tolerance=claim.tolerance,
        verdict=verdict,
        differences=(*([value] if value else []), *bars, *_remarks(claim, speed)),
        source=claim.source,
        date=claim.date,
        remark=claim.remark,
    )


def _value(claim: Claim, speed: Measurement) -> Difference | None:
    claimed = f"{claim.tok_s:g} tok/s ± {100 * claim.tolerance:g} percent"
    if speed.interval is None:
        return _difference("value", claimed, "no valid rate", "a measurement that failed a check reproduces nothing")
    found = _of_values(claim, speed.interval)
    if found == REPRODUCES:
        return None
    measured = f"{speed.interval[0]:.4g} to {speed.interval[1]:.4g} tok/s"
    why = {
        DIFFERS: "the whole interval lies outside of the tolerance",
        UNDECIDED: "the interval lies across the edge of the tolerance: the rate is not known well enough (--within)",
    }[found]
    return _difference("value", claimed, measured, why)


def _of_values(claim: Claim, interval: tuple[float, float]) -> str:
    """What the interval of the measured rate says of the claim's, tolerance included, all else being the same."""
    low, high = claim.tok_s * (1 - claim.tolerance), claim.tok_s * (1 + claim.tolerance)
    if low <= interval[0] and interval[1] <= high:
        return REPRODUCES
    return DIFFERS if interval[1] < low or interval[0] > high else UNDECIDED


# ---------------------------------------------------------------- what must be the same


def _profile(claim: Claim, speed: Measurement, served: ServedModel) -> Iterator[Difference | None]:
    profile = speed.profile
    if speed.rate_of != "model":
        yield _difference("weights", "a model's", "random", "such a rate is of the kernels, not of the model")
    yield _same(
        "definition",
        claim.quantity,
        OURS["quantity"],
        "decode leaves out the prompt and all waiting; the same stream gives 100, 86 or less by definition alone",
    )
    yield _same(
        "window",
        claim.tokens,
        profile.get("tokens"),
        "a shorter reply weighs its first tokens more, a longer one reads more of its own context",
    )
    yield _depth(claim, speed)
    yield _same(
        "concurrency",
        claim.concurrency,
        profile.get("concurrency"),
        "requests at a time share each read of the weights",
    )
    yield _same(
        "cache",
        None if claim.prefix_cache is None else "yes" if claim.prefix_cache else "no",
        OURS["prefix_cache"],
        "what a prefix cache answers is not computed",
    )
    yield _named("backend", claim.backend, served.backend, "another kernel reads the same weights at another pace")
    yield _named("precision", claim.precision, served.precision, "the bytes of a token set the ceiling")
    yield _box(claim, served)
    yield _speculation(claim, speed)


def _speculation(claim: Claim, speed: Measurement) -> Difference | None:
    claimed, accepted = claim.speculation not in (None, "none"), speed.acceptance_length
    if not claimed and accepted is None:
        return None
    measured = "none seen" if accepted is None else f"{accepted:.3g} tokens a pass"
    why = "with speculation a pass makes several tokens, as many as the text allows"
    return _difference("speculation", _or_not_told(claim.speculation), measured, why)


def _depth(claim: Claim, speed: Measurement) -> Difference | None:
    prompts = [one.prompt_tokens for one in speed.each if one.prompt_tokens is not None]
    prompt_tokens = round(median(prompts)) if prompts else None
    why = "every token of context is read again for each token of output"
    if claim.context_tokens is not None and prompt_tokens is not None:
        apart = abs(prompt_tokens - claim.context_tokens)
        if apart <= max(limit.SAME_CONTEXT_TOKENS, limit.SAME_CONTEXT_SHARE * claim.context_tokens):
            return None
    return _difference(
        "depth", _or_not_told(claim.context_tokens), _or_not_told(prompt_tokens), _why(claim.context_tokens, why)
    )


def _box(claim: Claim, served: ServedModel) -> Difference | None:
    if claim.box is None or any(_plain(claim.box) in _plain(name) for name in served.box):
        return None
    return _difference("box", claim.box, ", ".join(served.box) or "not known", "another box has another memory")


def _same(what: str, claimed: object, measured: object, why: str) -> Difference | None:
    if claimed is not None and claimed == measured:
        return None
    return _difference(what, _or_not_told(claimed), _or_not_told(measured), _why(claimed, why))


def _named(what: str, claimed: str | None, measured: str, why: str) -> Difference | None:
    if claimed is not None and _plain(claimed) == _plain(measured):
        return None
    return _difference(
        what, _or_not_told(claimed), measured or f"not known: state it with --{what}", _why(claimed, why)
    )


# ---------------------------------------------------------------- what is worth knowing beside it


def _remarks(claim: Claim, speed: Measurement) -> Iterator[Difference]:
    if claim.requests is None or claim.requests < limit.CLAIM_REQUESTS_MIN:
        why = "a mean of three has an interval of two and a half standard deviations either way"
        yield _difference("n", _or_not_told(claim.requests), str(speed.requests), _why(claim.requests, why), bars=False)
    if claim.counting != "usage":
        why = "events are not tokens, and a text tokenised again need not give the tokens that were made"
        yield _difference("counting", _or_not_told(claim.counting), "usage", _why(claim.counting, why), bars=False)


def _difference(what: str, claimed: str, measured: str, why: str, bars: bool = True) -> Difference:
    return Difference(what=what, claimed=claimed, measured=measured, why=why, bars=bars)


def _why(claimed: object, why: str) -> str:
    return f"its source does not tell it; {why}" if claimed is None else why


def _or_not_told(value: object) -> str:
    return NOT_TOLD if value is None else str(value)


def _plain(text: str) -> str:
    """Letters and digits alone: names of one thing are written in many ways."""
    return re.sub(r"[^a-z0-9]", "", text.lower())
