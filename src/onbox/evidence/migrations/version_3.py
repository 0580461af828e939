"""From schema version 3 to 4: that a gate was killed at a limit is said by its kind; it stood in the reason alone."""

from collections.abc import Mapping
from typing import Any

from onbox.evidence.records.runs import GateLimit

_MEMORY = "out of memory: killed at the sandbox's bound"


def run(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """`run.json` whose `gate` has a `limit`."""
    gate = data.get("gate")
    if not isinstance(gate, Mapping) or "limit" in gate:
        return data
    return {**data, "gate": {**gate, "limit": _limit(gate)}}


def regrade(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """A line of `regrade.jsonl` whose gates, before and after, have a `limit`."""
    runs = data.get("runs")
    if not isinstance(runs, list):
        return data
    return {**data, "runs": [_gates(each) if isinstance(each, Mapping) else each for each in runs]}


def _gates(run: Mapping[str, Any]) -> Mapping[str, Any]:
    gates = {
        name: {**run[name], "limit": _limit(run[name])}
        for name in ("was", "now")
        if isinstance(run.get(name), Mapping) and "limit" not in run[name]
    }
    return {**run, **gates}


def _limit(gate: Mapping[str, Any]) -> GateLimit | None:
    code, reason = gate.get("exit_code", 0), gate.get("reason")
    if code is None:
        return GateLimit.TIME
    by_memory = isinstance(reason, str) and reason.startswith(f"GATE_FAULT {_MEMORY}")
    return GateLimit.MEMORY if by_memory and code not in (0, 1) else None
