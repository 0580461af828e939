"""What the evidence tells of a measured server that a published rate may ask for."""

from collections.abc import Iterator, Sequence
from typing import Any

from onbox.evidence.claims import Claim
from onbox.evidence.records import ContenderPlan
from onbox.evidence.trial_evidence import TrialEvidence
from onbox.judge.results import Measurement
from onbox.judge.speed.claims import ServedModel, judge_claims


def with_claims(
    evidence: TrialEvidence, contender: ContenderPlan, speed: Measurement, further: Sequence[Claim]
) -> Measurement:
    """The measurement with the published rates about its model, those of the evidence and `further` ones."""
    named = {claim.name: claim for claim in (*evidence.claims, *further)}
    if not named:
        return speed
    profile = speed.profile
    served = ServedModel(
        names=[*(contender.recipe.model_names if contender.recipe else ()), str(profile.get("model") or "")],
        box=tuple(_box_names(evidence.box)),
        backend=str(profile.get("backend") or ""),
        precision=str(profile.get("precision") or ""),
    )
    return speed.model_copy(update={"claims": judge_claims(tuple(named.values()), speed, served)})


def _box_names(box: Any) -> Iterator[str]:
    """Names of the processor and the accelerators, as `box.json` has them."""
    for part in ("accelerators", "cpu", "system"):
        yield from _texts(box.get(part) if isinstance(box, dict) else None, ("name", "model", "product"))


def _texts(value: Any, keys: Sequence[str]) -> Iterator[str]:
    """Every text under one of these keys, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in keys and isinstance(inner, str):
                yield inner
            else:
                yield from _texts(inner, keys)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, keys)
