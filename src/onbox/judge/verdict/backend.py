"""Is it the backend that the recipe asserts? From lines of the log and from memory after load; silence is no proof.

Engines fall back to other kernels without an error. MARLIN where CUTLASS was asserted held 118 GB for a checkpoint of
61, and nothing but a line of the log and the memory said so.
"""

import re
from collections.abc import Sequence

from onbox.evidence.records import LoggedBackend, StandUp
from onbox.judge.results import BackendProof, PartProof, Proof
from onbox.schema.recipe import Expect
from onbox.schema.units import gib


def backend_proof(standup: StandUp, expect: Expect) -> BackendProof:
    """Hold one start of an engine against the recipe that it was started by.

    Args:
        standup: with the lines that name backends and the figures of the log.
        expect: what the recipe asserts.
    """
    parts = [_part(part, pattern, standup.backends) for part, pattern in expect.backends.items()]
    if expect.loaded_bytes:
        parts.append(_loaded(expect.loaded_bytes, expect.tolerance, standup))
    return BackendProof(status=_worst(parts), parts=tuple(parts), named=_named(standup.backends))


def _part(part: str, pattern: str, lines: Sequence[LoggedBackend]) -> PartProof:
    """Every name that the log gives must match in whole; a fallback's reason is quoted."""
    named = [line for line in lines if line.part == part and line.backend is not None]
    reasons = [line.line for line in lines if line.part == part and line.warning]
    others = [line for line in named if not re.fullmatch(pattern, line.backend or "", re.IGNORECASE)]
    because = f"; because: {reasons[-1]}" if reasons else ""
    if others:
        # The last word is what runs.
        status, why = Proof.CONTRADICTED, f"the log says: {others[-1].line}{because}"
    elif named and not reasons:
        status, why = Proof.PROVEN, f"the log says: {named[-1].line}"
    elif named:
        status, why = Proof.UNKNOWN, f"the log says: {named[-1].line}; and also: {reasons[-1]}"
    else:
        status, why = Proof.UNKNOWN, f"no line of the log names it{because}"
    names = ", ".join(dict.fromkeys(line.backend or "" for line in named))
    return PartProof(part=part, status=status, asserted=pattern, seen=names, why=why)


def _loaded(asserted: int, tolerance: float, standup: StandUp) -> PartProof:
    """Memory after load against the plan: repacking for another kernel shows here.

    Of a model that several GPUs hold together each may tell its part, or one for all: then that part is taken so often.
    """
    loaded_bytes, lines, devices = (
        standup.figures.get("loaded_bytes"),
        standup.figures.get("loaded_lines"),
        standup.devices,
    )
    told_by = ""
    if loaded_bytes is not None and lines is not None and devices is not None and devices > 1:
        told_by = f" on {devices} GPUs"
        if lines == 1:
            loaded_bytes, told_by = loaded_bytes * devices, f"{told_by}, as one of them tells of its part"
        elif lines != devices:
            loaded_bytes, told_by = None, f": {lines:.0f} lines tell of {devices} GPUs"
    if loaded_bytes is None:
        status, why = Proof.UNKNOWN, f"the log does not tell what was loaded{told_by}"
    else:
        off = (loaded_bytes - asserted) / asserted
        status = Proof.PROVEN if abs(off) <= tolerance else Proof.CONTRADICTED
        why = f"{gib(loaded_bytes)} loaded{told_by}, {off:+.0%} of what was asserted ({tolerance:.0%} allowed)"
    loaded = "" if loaded_bytes is None else gib(loaded_bytes)
    shown = gib(asserted)
    return PartProof(part="loaded_bytes", status=status, asserted=shown, seen=loaded, why=why)


def _worst(parts: Sequence[PartProof]) -> Proof:
    statuses = {part.status for part in parts}
    if Proof.CONTRADICTED in statuses:
        return Proof.CONTRADICTED
    return Proof.PROVEN if statuses == {Proof.PROVEN} else Proof.UNKNOWN


def _named(lines: Sequence[LoggedBackend]) -> dict[str, str]:
    named: dict[str, list[str]] = {}
    for line in lines:
        if line.backend is not None and not line.warning:
            named.setdefault(line.part, []).append(line.backend)
    return {part: ", ".join(dict.fromkeys(names)) for part, names in named.items()}
