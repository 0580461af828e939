"""The records of an evidence folder, one model per file or line.

A record holds what was seen, never what it means: outcomes, rates and verdicts are derived by `onbox.judge`.
Times named `*_ns` are CLOCK_MONOTONIC nanoseconds, those named `*_at` are wall clock (ISO 8601, UTC) for people.
"""

from onbox.evidence.records.base import (
    SCHEMA_VERSION,
    Record,
)
from onbox.evidence.records.ledger import (
    LedgerEntry,
    LedgerKind,
)
from onbox.evidence.records.plan import (
    PARALLEL_MAX,
    RUNS_MAX,
    AgentCommand,
    AgentPlan,
    ArmPlan,
    Audited,
    ContenderPlan,
    Expected,
    Forerunner,
    Limits,
    McpServer,
    Plan,
    ReplayPlan,
    Role,
    SpeedPlan,
    Spending,
    TaskPlan,
)
from onbox.evidence.records.regrade import (
    Regrade,
    RegradedRun,
)
from onbox.evidence.records.runs import (
    AgentEnd,
    AgentStop,
    Changes,
    FaultKind,
    GateEnd,
    Probe,
    Quality,
    ReplayEnd,
    RunRecord,
    SandboxBounds,
    SandboxReport,
)
from onbox.evidence.records.speed import (
    Ceiling,
    CpuWindow,
    GpuMoment,
    Moment,
    SpeedRecord,
    Telemetry,
)
from onbox.evidence.records.standup import (
    BackendSeen,
    GuardLimits,
    GuardStopped,
    Holder,
    ImageUsed,
    LaunchCheck,
    LaunchRecord,
    Phase,
    Preflight,
    PreflightCase,
    StandUp,
    Stopped,
    WeightsFile,
)
from onbox.evidence.records.values import (
    OwnerValues,
)
from onbox.evidence.records.wire import (
    Exchange,
    TransportError,
)

__all__ = [
    "PARALLEL_MAX",
    "RUNS_MAX",
    "SCHEMA_VERSION",
    "AgentCommand",
    "AgentEnd",
    "AgentPlan",
    "AgentStop",
    "ArmPlan",
    "Audited",
    "BackendSeen",
    "Ceiling",
    "Changes",
    "ContenderPlan",
    "CpuWindow",
    "Exchange",
    "Expected",
    "FaultKind",
    "Forerunner",
    "GateEnd",
    "GpuMoment",
    "GuardLimits",
    "GuardStopped",
    "Holder",
    "ImageUsed",
    "LaunchCheck",
    "LaunchRecord",
    "LedgerEntry",
    "LedgerKind",
    "Limits",
    "McpServer",
    "Moment",
    "OwnerValues",
    "Phase",
    "Plan",
    "Preflight",
    "PreflightCase",
    "Probe",
    "Quality",
    "Record",
    "Regrade",
    "RegradedRun",
    "ReplayEnd",
    "ReplayPlan",
    "Role",
    "RunRecord",
    "SandboxBounds",
    "SandboxReport",
    "SpeedPlan",
    "SpeedRecord",
    "Spending",
    "StandUp",
    "Stopped",
    "TaskPlan",
    "Telemetry",
    "TransportError",
    "WeightsFile",
]
