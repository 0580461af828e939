"""Carry out a frozen plan, contender by contender; whatever is finished already is not done again."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from onbox.atomic_files import write_atomic, write_json
from onbox.bench.agents import agent_of
from onbox.bench.agents.opening import AgentOpening
from onbox.bench.instances import Instances
from onbox.bench.probing import sandbox_of
from onbox.bench.quality import References
from onbox.bench.tasks import Task
from onbox.engines import engine_by_name
from onbox.errors import BoxError, GuardStop, OnboxError
from onbox.evidence.extent import runs_asked
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import ContenderPlan, LedgerKind, Plan, StandUp
from onbox.fetch.named import fetch_with_named
from onbox.image.fetch import ImageProgress
from onbox.image.prepare import prepare
from onbox.launch.lifetime import Lifetime
from onbox.recipes import Recipe
from onbox.recipes.yaml_text import recipe_yaml
from onbox.scratch import scratch_folder
from onbox.trial import events
from onbox.trial.affinity import run_affinity
from onbox.trial.bench_setup import bench_of, make_instances
from onbox.trial.cluster import Cluster, connected
from onbox.trial.local_executor import LocalExecutor, room_for
from onbox.trial.outcome_judge import OutcomeJudge
from onbox.trial.plan import check_version, run_seed, tasks_of
from onbox.trial.ray_executor import RayExecutor, node_home
from onbox.trial.scheduler import ExecutorDropped, JobEnded, JobStarted, RunJob, Scheduler
from onbox.trial.server_measurement import ServerMeasurement
from onbox.trial.token_counter import TokenCounter
from onbox.wire.proxy import RecordingProxy

NOTED_INSTANCES = 10
"""More of them take over a second."""


class TrialRunner:
    """A plan being carried out.

    Args:
        folder: with the frozen plan in it.
        show: told what happens.
        outcome_judge: judges what is done, for the show.
        ray: address of a cluster, in place of the plan's; empty: this box alone.
    """

    def __init__(
        self,
        folder: TrialFolder,
        show: Callable[[events.Event], None],
        outcome_judge: OutcomeJudge,
        ray: str | None = None,
    ) -> None:
        self.folder = folder
        plan, ledger = folder.plan(), folder.ledger()
        self.plan: Plan = plan.model_copy(update={"runs": runs_asked(plan, ledger)})
        """As it is frozen, with the runs that were asked for later."""
        self._until = self.plan.runs
        self._ray = self.plan.ray if ray is None else ray
        self.tasks: list[Task] = tasks_of(self.plan)
        self.failures: list[BoxError | GuardStop] = []
        """Why contenders were not carried out to their end; the trial goes on with the next one all the same."""
        self._cluster: Cluster | None = None
        self._showing = threading.Lock()
        self._shown_by = show
        self._outcome_judge = outcome_judge
        self._agent = agent_of(self.plan.agent)
        if self.tasks:
            check_version(self._agent, self.plan)
        self._sandbox, self._sandbox_report = sandbox_of(self.plan.sandbox if self.tasks else None)
        opening = AgentOpening(self._agent, self.plan.agent, self._sandbox)
        self._measurement = ServerMeasurement(folder, self.plan, opening, self._show, outcome_judge)

    def carry_out(self, runs: int | None = None) -> None:
        """Do all that is not done yet; a contender that this box cannot carry out is recorded as failed.

        Args:
            runs: of each task, up to the look that is due; None: all.

        Raises:
            OnboxError: something that concerns every contender; what was done before is kept.
            KeyboardInterrupt: as it came; the ledger says so, and the engine is stopped.
        """
        self._until = self.plan.runs if runs is None else runs
        self._show(self._plan_event())
        with scratch_folder("instances") as scratch:
            self._instances = Instances(scratch, self._sandbox)
            self._references = References(self._sandbox)
            self._make_instances()
            with connected(self._ray) as self._cluster:
                if self._cluster is not None:
                    others = ", ".join(self._cluster.nodes) or "no other node"
                    self._show(events.Note(f"runs are spread over this box and {others}"))
                    for node, why in self._cluster.silent.items():
                        self._show(events.Note(f"node {node} does not answer: {why}"))
                self._contenders()

    def _make_instances(self) -> None:
        """All before the first measurement."""
        count = self.plan.runs * sum(task.generated for task in self.tasks)
        if count > NOTED_INSTANCES:
            self._show(events.Note(f"making {count} instances of generated tasks"))
        make_instances(self.plan, self.tasks, self._instances, self._sandbox)

    def _show(self, event: events.Event) -> None:
        """One event at a time: tokens come from the proxy's thread."""
        with self._showing:
            self._shown_by(event)

    def _contenders(self) -> None:
        try:
            for position, contender in enumerate(self.plan.contenders, 1):
                self._show(events.ContenderStarted(contender.name, contender.role, position, len(self.plan.contenders)))
                self._try(contender)
        except KeyboardInterrupt:
            self.folder.note(LedgerKind.INTERRUPTED, ".", "by the user")
            raise
        except Exception as error:
            self.folder.note(LedgerKind.FAILED, ".", str(error))
            raise

    # ------------------------------------------------------------ one contender

    def _try(self, contender: ContenderPlan) -> None:
        try:
            self._contender(contender)
        except (BoxError, GuardStop) as error:
            self.failures.append(error)
            self.folder.note(LedgerKind.FAILED, contender.name, error.message)
            self._show(events.ContenderFailed(contender.name, error.message))

    def _contender(self, contender: ContenderPlan) -> None:
        todo = self._todo(contender)
        if not todo and self._measurement.is_done(contender):
            self._show(events.Note(f"{contender.name}: done already"))
            return
        recipe = contender.served
        home = self.folder.contender(contender.name)
        write_atomic(home / "recipe.yaml", recipe_yaml(recipe))
        self._keep_earlier_lives(home)
        recipe = self._prepare_image(contender, recipe)
        files = self._fetch(contender, recipe, home)
        engine = engine_by_name(recipe.engine)
        counter = TokenCounter(contender.name, self._show)

        def on_phase(phase: str, seconds: float | None) -> None:
            started = events.PhaseStarted(contender.name, phase)
            self._show(started if seconds is None else events.PhaseEnded(contender.name, phase, seconds))

        if files is not None and self.plan.speed is not None:
            self._measurement.weigh(contender, recipe, files)
        with Lifetime(recipe, engine, files, home / "standup", on_phase, reserve=self.plan.reserve_bytes) as life:
            if todo and not room_for(self.plan.parallel, life) and recipe.url is not None:
                self._show(
                    events.Note(f"{contender.name}: the server does not report how many requests it serves at a time")
                )
            if not self._measurement.speed_is_done(contender):
                self._measurement.measure(contender, life, counter, recipe)
            elif todo:
                self._measurement.preflight(contender, life, recipe)
            self._measurement.see(contender, life, recipe, files)
            if todo:
                with self._nodes(contender) as nodes:
                    self._bench(contender, life, todo, counter, nodes)
        stopped = self.folder.read(StandUp, home / "standup" / "phases.json").stopped
        how = stopped.how if stopped else "unknown"
        self.folder.note(LedgerKind.STOPPED, contender.name, how)
        self._show(events.ContenderStopped(contender.name, how))

    def _prepare_image(self, contender: ContenderPlan, recipe: Recipe) -> Recipe:
        """The recipe, its image here: fetched beside the daemon or built, each a phase of its own."""

        def on_phase(phase: str, seconds: float | None) -> None:
            started = events.PhaseStarted(contender.name, phase)
            self._show(started if seconds is None else events.PhaseEnded(contender.name, phase, seconds))

        def on_progress(progress: ImageProgress) -> None:
            self._show(events.FetchProgress(contender.name, progress.bytes_done, progress.bytes_total, progress.phase))

        return prepare(recipe, on_phase, on_progress)

    def _fetch(self, contender: ContenderPlan, recipe: Recipe, home: Path) -> Path | None:
        if recipe.weights is None:
            return None
        began = time.monotonic()
        self._show(events.PhaseStarted(contender.name, "fetch"))
        path, record = fetch_with_named(
            recipe,
            lambda done, total, source: self._show(events.FetchProgress(recipe.name, done, total, source)),
        )
        write_json(home / "weights.json", record)
        self._show(events.PhaseEnded(contender.name, "fetch", time.monotonic() - began))
        return path

    # ------------------------------------------------------------ runs

    def _bench(
        self,
        contender: ContenderPlan,
        life: Lifetime,
        todo: list[RunJob],
        counter: TokenCounter,
        nodes: Sequence[RayExecutor],
    ) -> None:
        with RecordingProxy(life.endpoint, on_events=counter.add) as proxy:
            sandbox = (self._sandbox, self._sandbox_report)
            replayed_s = self._replayed_s(contender)
            bench = bench_of(self.plan, contender, life, proxy, self._agent, sandbox, self._references, replayed_s)
            local = LocalExecutor(bench, life, self._instances, self.folder, self.plan.parallel)
            local_failed: OnboxError | None = None
            with Scheduler([local, *nodes], todo, self._affinity(nodes)) as scheduler:
                for event in scheduler:
                    if not isinstance(event, ExecutorDropped):
                        self._take_in(contender, event)
                    elif event.executor is local:
                        local_failed = event.why
                    else:
                        self._leave_out(contender, event.executor.name, event.why)
        if local_failed is not None:
            raise local_failed

    def _nodes(self, contender: ContenderPlan) -> AbstractContextManager[Sequence[RayExecutor]]:
        """The other nodes of the cluster on which the contender's engine stands."""
        if self._cluster is None:
            return nullcontext(())
        for node in self._cluster.nodes:
            self._keep_earlier_lives(node_home(self.folder, contender.name, node))
            self._show(events.Note(f"{contender.name}: starting on {node}"))
        return self._cluster.standing(
            self.folder,
            self.plan,
            contender,
            self.tasks,
            self._replayed_s(contender),
            lambda node, why: self._leave_out(contender, node, why),
        )

    def _leave_out(self, contender: ContenderPlan, node: str, why: OnboxError) -> None:
        subject = node_home(self.folder, contender.name, node).relative_to(self.folder.path).as_posix()
        self.folder.note(LedgerKind.FAILED, subject, why.message)
        self._show(events.Note(f"{contender.name}: continues without {node}: {why.message}"))

    def _affinity(self, nodes: Sequence[RayExecutor]) -> Callable[[RunJob], int]:
        names = ["", *(node.name for node in nodes)]
        done = [run for contender in self.plan.contenders for run in self.folder.runs(contender.name)]
        return run_affinity(names, [task.name for task in self.tasks], done)

    def _take_in(self, contender: ContenderPlan, event: JobStarted | JobEnded) -> None:
        task, arm, n = event.job.task.name, event.job.arm, event.job.n
        if isinstance(event, JobStarted):
            self._show(events.RunStarted(contender.name, task, arm, n, self.plan.runs))
            return
        folder = self.folder.run_folder(contender.name, task, arm, n)
        self.folder.note(LedgerKind.ACCEPTED, str(folder.relative_to(self.folder.path)), event.record.fault)
        outcome, code = self._outcome_judge.run(self.folder, event.record)
        self._show(events.RunEnded(contender.name, task, arm, n, outcome, code, event.record.seconds))

    def _todo(self, contender: ContenderPlan) -> list[RunJob]:
        """Runs without a finished record, all tasks once before any task twice.

        Arms take turns in going first (ABBA), so that what drifts with time hits all alike.
        """
        return [
            RunJob(task, arm, n, run_seed(self.plan.seed, task.name, n))
            for n in range(1, self._until + 1)
            for position, task in enumerate(self.tasks)
            for arm in self.plan.arms[:: -1 if (n + position) % 2 == 0 else 1]
            if not (self.folder.run_folder(contender.name, task.name, arm, n) / "run.json").is_file()
        ]

    def _replayed_s(self, contender: ContenderPlan) -> float:
        """Of the time for replays, what one box is not to spend: what earlier runs took, and the share of others."""
        took_s = sum(run.replay.seconds for run in self.folder.runs(contender.name) if run.replay is not None)
        boxes = 1 + (len(self._cluster.nodes) if self._cluster else 0)
        limit_s = self.plan.replay.contender_s
        return limit_s - (limit_s - took_s) / boxes

    # ------------------------------------------------------------ small things

    def _keep_earlier_lives(self, home: Path) -> None:
        """A resumed trial starts the engine again: the record of the first life stays."""
        current = home / "standup"
        if not current.exists():
            return
        lives = len(list(home.glob("standup.*")))
        current.rename(home / f"standup.{lives + 1}")

    def _plan_event(self) -> events.PlanShown:
        plan, expected = self.plan, self.plan.expected
        return events.PlanShown(
            trial=str(self.folder.path),
            contenders=tuple(contender.name for contender in plan.contenders),
            tasks=tuple(task.name for task in plan.tasks),
            arms=plan.arms,
            runs=plan.runs,
            parallel=plan.parallel,
            expected_s=expected.seconds if expected else None,
            download_bytes=expected.download_bytes if expected else 0,
            memory_bytes=expected.memory_bytes if expected else 0,
            basis=expected.basis if expected else "nothing is known of the weights",
        )
