"""From schema version 1, in which faults and transport errors were sentences alone, to 2, in which they have a kind.

The sentences are those that onbox 0.1 wrote; nothing else is searched for. What they do not tell becomes `other`, or
the fault of the sandbox, as it was judged then.
"""

import re
from collections.abc import Mapping
from typing import Any

from onbox.evidence.records.runs import FaultKind
from onbox.evidence.records.wire import TransportError

_DISK_FULL = re.compile(r"disk: |.*\[Errno (?:28|122)\]", re.DOTALL)
_OUT_OF_MEMORY = re.compile(r"(?:.*\[Errno 12\])|harness: MemoryError\b", re.DOTALL)
_ERRORS = (
    (re.compile(r"the client left: its run ended"), TransportError.RUN_ENDED),
    (re.compile(r"the client left"), TransportError.CLIENT_LEFT),
    (re.compile(r"ConnectionRefusedError: |gaierror: "), TransportError.REFUSED),
    (re.compile(r"Connection(?:Reset|Aborted)Error: |BrokenPipeError: |IncompleteReadError: "), TransportError.RESET),
    (re.compile(r"no answer within |TimeoutError: "), TransportError.TIMED_OUT),
    (re.compile(r"RemoteProtocolError: |LocalProtocolError: "), TransportError.PROTOCOL),
    (re.compile(r"LimitExceededError: "), TransportError.LIMIT),
)


def run(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """`run.json` with the kind of its fault."""
    fault = data.get("fault")
    if "fault_kind" in data or not isinstance(fault, str) or not fault:
        return data
    return {**data, "fault_kind": _fault_kind(fault)}


def exchange(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """A line of `wire.jsonl` or `requests.jsonl` with the kind of its error."""
    error = data.get("error")
    if "error_kind" in data or not isinstance(error, str):
        return data
    kind = next((kind for pattern, kind in _ERRORS if pattern.match(error)), TransportError.OTHER)
    return {**data, "error_kind": kind}


def _fault_kind(fault: str) -> FaultKind:
    if _DISK_FULL.match(fault):
        return FaultKind.DISK_FULL
    if _OUT_OF_MEMORY.match(fault):
        return FaultKind.OUT_OF_MEMORY
    kinds = {"box:": FaultKind.BOX, "harness:": FaultKind.HARNESS}
    return next((kind for prefix, kind in kinds.items() if fault.startswith(prefix)), FaultKind.SANDBOX)
