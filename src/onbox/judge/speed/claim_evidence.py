"""What the evidence tells of a measured server that a published rate may ask for."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from onbox.evidence.claims import NAME, Claim, read_claims
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import ContenderPlan
from onbox.evidence.served_recipe import served_recipe
from onbox.judge.results import Measurement
from onbox.judge.speed.claims import Served, judge_claims


def with_claims(
    folder: TrialFolder, contender: ContenderPlan, speed: Measurement, further: Sequence[Claim]
) -> Measurement:
    """The measurement with the published rates about its model, those of the folder and `further` ones.

    Raises:
        UsageError: `claims.yaml` of the folder cannot be read.
    """
    path = folder.path / NAME
    named = {claim.name: claim for claim in (*(read_claims(path).claims if path.is_file() else ()), *further)}
    if not named:
        return speed
    profile = speed.profile
    served = Served(
        names=[*served_recipe(contender).model_names, str(profile.get("model") or "")],
        box=tuple(_box(folder)),
        backend=str(profile.get("backend") or ""),
        precision=str(profile.get("precision") or ""),
    )
    return speed.model_copy(update={"claims": judge_claims(tuple(named.values()), speed, served)})


def _box(folder: TrialFolder) -> Iterator[str]:
    """Names of the processor and the accelerators, as `box.json` has them."""
    try:
        box = json.loads((folder.path / "box.json").read_bytes())
    except (OSError, ValueError):
        return
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
