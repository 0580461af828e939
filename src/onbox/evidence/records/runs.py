"""One run of an agent on a task."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from onbox.evidence.records.base import Count, FolderName, Record, Seconds


class AgentStop(StrEnum):
    """What ended an agent's work."""

    ANSWERED = "answered"
    TURN_LIMIT = "turn_limit"
    TOKEN_LIMIT = "token_limit"
    TIME_LIMIT = "time_limit"
    LOOP = "loop"
    ENDPOINT = "endpoint"
    """The server did not answer as it should."""
    WIRE_LIMIT = "wire_limit"
    """The record of its requests was full."""
    DISK_LIMIT = "disk_limit"
    """It wrote more to the disk than a run may."""
    CRASH = "crash"


class WireBound(StrEnum):
    """What the proxy holds the requests of one run to."""

    RECORD_BYTES = "record_bytes"
    """Of its record; then nothing more is taken."""
    REQUESTS_AT_A_TIME = "requests_at_a_time"
    REQUEST_BYTES = "request_bytes"
    HELD_BYTES = "held_bytes"
    """Of all its requests that are under way: its share of what the proxy holds."""


class FaultKind(StrEnum):
    """What broke a run from outside; blame rests on this, never on the text beside it."""

    DISK_FULL = "disk full"
    """No space, no inodes or no quota left."""
    OUT_OF_MEMORY = "out of memory"
    SANDBOX = "sandbox"
    BOX = "box"
    """Any other error of the operating system."""
    HARNESS = "harness"
    """Of onbox itself, which nobody foresaw."""


class GateLimit(StrEnum):
    """What a gate had used up when it was killed; blame rests on this, never on its reason."""

    TIME = "time"
    MEMORY = "memory"
    DISK = "disk"


class AgentEnd(Record):
    """How the agent stopped."""

    stop: AgentStop
    detail: str = ""
    turns: Count = 0
    reply: str = ""
    """Its last message to the user."""


class GateEnd(Record):
    """What the gate said: by the exit code of its script, or by the reward that it wrote, as in Harbor."""

    exit_code: int | None
    """The verdict: 0 passed, 1 not done, anything else a fault of the gate; None: it was killed at its time limit."""
    reason: str
    """The last `REASON: code` line that it printed, without the prefix, and the rewards that were too low."""
    seconds: Seconds
    sha256: str
    """Of the gate's files."""
    rewards: dict[str, float] = Field(default_factory=dict)
    """As written, including partial ones; empty: the exit code is the verdict, or none was read."""
    reward_min: dict[str, float] = Field(default_factory=dict)
    """The least value that each judged reward must reach."""
    script_exit_code: int | None = None
    """Of its script, if a reward is the verdict; it decides nothing then."""
    limit: GateLimit | None = None
    """That it was killed at; None: it ended by itself."""


class Probe(Record):
    """One question put to the sandbox: could a command do this?"""

    name: str
    held: bool
    detail: str = ""


class SandboxBounds(Record):
    """What the sandbox holds each command to; None: nothing."""

    memory_bytes: int | None = None
    memory_of: Literal["", "process", "command"] = ""
    """Address space of each `process`, or memory of all processes of a `command` together."""
    processes: int | None = None
    disk_bytes: int | None = None
    """On the disk, of all commands of a run together."""
    disk_files: int | None = None
    disk_free_share: float | None = None
    """Share of what was free when the run began, which applies if that is less than `disk_bytes` or `disk_files`."""


class SandboxReport(Record):
    """The sandbox of a run and how it stood its probes."""

    name: str
    version: str = ""
    probes: tuple[Probe, ...] = ()
    bounds: SandboxBounds | None = None
    """None: of a trial before they were told."""


class Changes(Record):
    """What became of the workspace."""

    files: Count
    lines_added: Count
    lines_removed: Count


class Quality(Record):
    """How good a change was, beside its passing."""

    reference: Changes | None
    """What the reference solution changes; None: there is none."""
    broken: tuple[str, ...] = ()
    """Changed Python, JSON, TOML, JavaScript or TypeScript files that can no longer be parsed."""
    unread: tuple[str, ...] = ()
    """Changed files of these kinds that cannot be parsed here: no node, a node that cannot read types, or a file that
    is too large."""
    lint: tuple[str, ...] = ()
    """New findings of pyflakes in changed Python files, as `name: message`; no other language is linted."""


class ReplayEnd(Record):
    """How the last request of a run was asked again; the exchanges are in `replay.jsonl`."""

    rounds: Count
    """Whole rounds."""
    seconds: Seconds
    ended: str
    """`complete`, or why there were fewer rounds than planned."""
    raw_route: str
    """The raw route past the server's parser, in words; empty: none is known."""


class RunRecord(Record):
    """`runs/TASK/ARM/N/run.json`, written last: a run without it was not finished."""

    contender: FolderName
    task: FolderName
    task_sha256: str
    instance_sha256: str = ""
    """Of the files generated from the seed; `task_sha256` if the task has no generator."""
    arm: FolderName
    n: int = Field(ge=1)
    seed: int
    launch_id: str
    started_at: str
    seconds: Seconds
    """Wall time from the fresh workspace to the gate's end."""
    agent: AgentEnd
    gate: GateEnd | None
    """None: the gate was not reached; `fault` says why."""
    changes: Changes
    sandbox: SandboxReport
    engine_alive: bool
    """Whether the engine answered after the agent had stopped."""
    canary: str = ""
    """A random word that was planted in the rules of a treatment; no run of another arm may show it."""
    fault: str = ""
    """What went wrong in the harness, the sandbox or the box, in words; empty: nothing."""
    fault_kind: FaultKind | None = None
    """None: nothing did."""
    workspace_sha256: str = ""
    """Of the workspace that was graded: names, execute bits and contents; empty: recorded by a version of onbox that
    kept none."""
    refused: dict[WireBound, Count] = Field(default_factory=dict)
    """Requests that met a bound of the proxy, by the bound: no engine saw them, and the record does not hold them."""
    tampering: tuple[str, ...] = ()
    """What was touched although no agent may touch it: the gate's files, a reward, a process that outlived the run."""
    replay: ReplayEnd | None = None
    """None: nothing was asked again."""
    quality: Quality | None = None
    """None: the workspace was not looked at."""
    agent_s: Seconds = 0.0
    command_s: Seconds = 0.0
    """Share of `agent_s` spent in the agent's commands."""
    beside: Count = 0
    """The highest number of other runs on the same engine at any moment of this one."""
    node: str = ""
    """Node of the cluster on which the run was carried out; empty: the trial's own box."""
