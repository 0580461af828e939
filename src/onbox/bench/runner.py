"""One run: one agent on one task in one fresh workspace, graded after the agent is dead."""

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onbox.atomic_files import utc_now, write_atomic, write_json
from onbox.bench.agents import Agent, AgentOutcome, Job
from onbox.bench.concurrent_runs import ConcurrentRuns
from onbox.bench.diff import changes, patch
from onbox.bench.environments import environment_of
from onbox.bench.faults import Fault, fault_of
from onbox.bench.gate import grade
from onbox.bench.quality import ParseResult, References, parse_changed
from onbox.bench.replay import Replayer
from onbox.bench.sandbox import Sandbox
from onbox.bench.tampering import WatchedFiles
from onbox.bench.tasks import Task
from onbox.bench.workspace import snapshot
from onbox.bench.workspace_archive import keep
from onbox.errors import OnboxError
from onbox.evidence.folder import read_lines
from onbox.evidence.records import (
    AgentEnd,
    AgentPlan,
    AgentStop,
    ArmPlan,
    Changes,
    Exchange,
    GateEnd,
    Quality,
    ReplayEnd,
    RunRecord,
    SandboxReport,
    WireBound,
)
from onbox.scratch import scratch_folder
from onbox.trees import remove
from onbox.wire.proxy import RecordingProxy

CANARY = "(Copy of these rules: {}.)"
"""Stands below the rules of a treatment; a random word, so that it can be nowhere by chance."""
NO_CHANGES = Changes(files=0, lines_added=0, lines_removed=0)


@dataclass(frozen=True)
class Bench:
    """What all runs of one contender share.

    Args:
        contender: its name.
        model: its name in requests.
        sampling: sent with each request.
        agent: who works on the tasks.
        plan: the agent's limits.
        treatments: how the agent is equipped in each arm but the baseline.
        proxy: between the agent and the engine.
        sandbox: where commands and gates run.
        sandbox_report: how it stood its probes.
        launch_id: of the engine's lifetime.
        alive: whether the engine answers now.
        references: how much the tasks' own solutions change; None: nobody asks.
        replayer: asks again what an ambiguous run ended with; None: nobody does.
        node: of the cluster, for the record; empty: the trial's own box.
        concurrent_runs: counts the runs that are under way at a time; `run` may be called from several threads.
    """

    contender: str
    model: str
    sampling: dict[str, Any]
    agent: Agent
    plan: AgentPlan
    proxy: RecordingProxy
    sandbox: Sandbox
    sandbox_report: SandboxReport
    launch_id: str
    alive: Callable[[], bool]
    treatments: Mapping[str, ArmPlan] = field(default_factory=dict)
    replayer: Replayer | None = None
    references: References | None = None
    concurrent_runs: ConcurrentRuns = field(default_factory=ConcurrentRuns)
    node: str = ""

    def run(self, task: Task, arm: str, n: int, seed: int, folder: Path) -> RunRecord:
        """Do one run and write its folder, `run.json` last; a fault of the harness is in the record, not raised.

        Args:
            task: what the agent is asked; of a generated task, the instance of this seed.
            arm: how it is equipped.
            n: number of the run, from 1.
            seed: of the model's sampling and of the task's instance.
            folder: `runs/TASK/ARM/N`, emptied first: what an earlier, unfinished run left is no evidence.
        """
        slot = _Slot(task, arm, n, seed, folder, utc_now(), time.monotonic())
        with self.concurrent_runs.counted() as others:
            try:
                return self._run(slot, others)
            except Exception as error:
                # The last resort, for what came up after the agent and the gate: the next run begins.
                end = _RunEnd(_nothing("its record could not be written"), fault=fault_of(error))
                return self._written(slot, end, alive=self.alive(), beside=others())

    def _run(self, slot: "_Slot", beside: Callable[[], int]) -> RunRecord:
        folder = slot.folder
        remove(folder)
        folder.mkdir(parents=True)
        equipped = _Equipped.by(self.treatments.get(slot.arm, ArmPlan(name=slot.arm)))
        end = _RunEnd(_nothing("the run did not start"), canary=equipped.canary)
        with scratch_folder("run") as scratch:
            try:
                self._do(slot, equipped, scratch, end)
            except Exception as error:
                end.fault = fault_of(error)
        end.ended_s = end.ended_s or time.monotonic()
        alive = self.alive()
        end.replay = self._replay(folder) if alive and end.gate is not None and end.gate.exit_code != 0 else None
        steps = json.dumps({"steps": end.agent.steps}, indent=1, ensure_ascii=True)
        write_atomic(folder / "trajectory.json", steps.encode())
        # After what the agent did is kept: a fault in it ends the run.
        end.quality = self._quality(slot.task, end.parsed)
        return self._written(slot, end, alive=alive, beside=beside())

    def _do(self, slot: "_Slot", equipped: "_Equipped", scratch: Path, end: "_RunEnd") -> None:
        """Let the agent work and the gate judge; `end` holds what there is, also where it breaks off."""
        task, folder = slot.task, slot.folder
        workspace, before, after = (scratch / name for name in ("app", "before", "after"))
        environment = environment_of(task, self.sandbox)
        environment.make(workspace)
        environment.make(before)
        watched = WatchedFiles(task, scratch)
        end.agent = self._work(slot, environment.sandbox, workspace, equipped, end.refused)
        snapshot(workspace, after)
        end.tampering = watched.tampering(before, after)
        end.changes = changes(before, after)
        end.workspace_sha256 = keep(before, after, folder)
        write_atomic(folder / "workspace.patch", patch(before, after).encode("utf-8", "surrogateescape"))
        reply = end.agent.end.reply
        end.gate = grade(task, workspace, reply, environment.sandbox, transcript=folder / "gate.txt")
        end.ended_s = time.monotonic()
        end.parsed = self._parsed(before, after)

    def _written(self, slot: "_Slot", end: "_RunEnd", *, alive: bool, beside: int) -> RunRecord:
        """The record of a run, once it is in its folder."""
        record = RunRecord(
            contender=self.contender,
            task=slot.task.name,
            task_sha256=slot.task.origin_sha256,
            instance_sha256=slot.task.sha256,
            arm=slot.arm,
            n=slot.n,
            seed=slot.seed,
            launch_id=self.launch_id,
            started_at=slot.started_at,
            seconds=round((end.ended_s or time.monotonic()) - slot.began_s, 3),
            agent=_as_text(end.agent.end),
            gate=end.gate,
            changes=end.changes,
            sandbox=self.sandbox_report,
            engine_alive=alive,
            canary=end.canary,
            fault=end.fault.text if end.fault else "",
            fault_kind=end.fault.kind if end.fault else None,
            workspace_sha256=end.workspace_sha256,
            refused=dict(sorted(end.refused.items())),
            tampering=end.tampering,
            replay=end.replay,
            quality=end.quality,
            agent_s=round(end.agent.seconds, 3),
            command_s=round(end.agent.command_s, 3),
            beside=beside,
            node=self.node,
        )
        write_json(slot.folder / "run.json", record)
        return record

    def _work(
        self, slot: "_Slot", sandbox: Sandbox, workspace: Path, equipped: "_Equipped", refused: Counter[WireBound]
    ) -> AgentOutcome:
        task, folder, treatment = slot.task, slot.folder, equipped.treatment
        limits, sampling = self.plan.limits, {**self.sampling, **treatment.sampling}
        nudges = self.plan.nudges if treatment.nudges is None else treatment.nudges
        if task.agent_timeout_s is not None:
            limits = limits.model_copy(update={"wall_s": min(limits.wall_s, task.agent_timeout_s)})
        name = f"{task.name}-{folder.parent.name}-{folder.name}"
        watch = self.agent.watch(limits, sampling, slot.seed)
        with self.proxy.recording(name, folder / "wire.jsonl", policy=watch, refused=refused) as endpoint:
            job = Job(
                instruction=task.instruction,
                workspace=workspace,
                endpoint=endpoint,
                model=self.model,
                sampling=sampling,
                seed=slot.seed,
                plan=self.plan.model_copy(update={"limits": limits, "nudges": nudges}),
                sandbox=sandbox,
                watch=watch,
                socket=self.proxy.socket,
                log=folder / "agent.log",
                rules=equipped.rules,
                mcp=treatment.mcp,
            )
            return self.agent.run(job)

    def _parsed(self, before: Path, after: Path) -> ParseResult | None:
        try:
            return parse_changed(before, after, self.sandbox)
        except (OnboxError, OSError):
            return None  # The run is over and stands, here too.

    def _quality(self, task: Task, parsed: ParseResult | None) -> Quality | None:
        if parsed is None:
            return None
        return Quality(reference=self._reference(task), broken=parsed.broken, unread=parsed.unread, lint=parsed.lint)

    def _reference(self, task: Task) -> Changes | None:
        try:
            return self.references.of(task) if self.references else None
        except (OnboxError, OSError):
            return None  # The run is over and stands; what its task's own solution does is not its fault.

    def _replay(self, folder: Path) -> ReplayEnd | None:
        if self.replayer is None:
            return None
        exchanges = [Exchange.model_validate(line) for line in read_lines(folder / "wire.jsonl")]
        return self.replayer.settle(exchanges, folder / "replay.jsonl")


@dataclass(frozen=True)
class _Slot:
    """Which run it is, where it lies and when it began: `started_at` by the calendar, `began_s` by the clock."""

    task: Task
    arm: str
    n: int
    seed: int
    folder: Path
    started_at: str
    began_s: float


@dataclass
class _RunEnd:
    """What came of a run, as far as it came: its record is made of it, whatever broke it off.

    Args:
        agent: what it did, and how it stopped.
        ended_s: by the clock, when the gate had judged; None: it did not come so far.
        parsed: what the workspace holds; None: nobody looked.
        refused: requests that met a bound of the proxy.
    """

    agent: AgentOutcome
    gate: GateEnd | None = None
    changes: Changes = NO_CHANGES
    canary: str = ""
    fault: Fault | None = None
    tampering: tuple[str, ...] = ()
    workspace_sha256: str = ""
    parsed: ParseResult | None = None
    ended_s: float | None = None
    replay: ReplayEnd | None = None
    quality: Quality | None = None
    refused: Counter[WireBound] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Equipped:
    """The arm of one run, with the word that its rules are known by."""

    treatment: ArmPlan
    canary: str

    @classmethod
    def by(cls, treatment: ArmPlan) -> "_Equipped":
        return cls(treatment, secrets.token_hex(8) if treatment.rules else "")

    @property
    def rules(self) -> str:
        return f"{self.treatment.rules.rstrip()}\n\n{CANARY.format(self.canary)}\n" if self.canary else ""


def _as_text(end: AgentEnd) -> AgentEnd:
    """A model's words may hold half characters, which no record takes."""
    texts = {name: value for name, value in end if type(value) is str}
    return end.model_copy(update={name: value.encode("utf-8", "replace").decode() for name, value in texts.items()})


def _nothing(detail: str) -> AgentOutcome:
    return AgentOutcome(AgentEnd(stop=AgentStop.CRASH, detail=detail))
