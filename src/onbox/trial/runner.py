"""Carry out a frozen plan, contender by contender; whatever is finished already is not done again."""

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

from onbox import preflight, weights
from onbox.atomic_files import write_atomic, write_json
from onbox.bench.agents import OPENING_TOKENS, agent_of
from onbox.bench.agents.opening import AgentOpening
from onbox.bench.instances import Instances
from onbox.bench.probing import sandbox_of
from onbox.bench.quality import References
from onbox.bench.tasks import Task
from onbox.bench.tools import DEFINITIONS
from onbox.engines import engine_by_name, facts_of
from onbox.errors import BoxError, GuardStop, OnboxError
from onbox.evidence.extent import runs_asked
from onbox.evidence.folder import TrialFolder, append_line
from onbox.evidence.records import ContenderPlan, LedgerKind, Plan, RunRecord, SpeedRecord, StandUp
from onbox.fetch.named import fetch_with_named
from onbox.image.fetch import Progress
from onbox.image.prepare import prepare
from onbox.launch.lifetime import Lifetime
from onbox.preflight.room import AgentRoom
from onbox.recipes import Recipe
from onbox.recipes.text import recipe_yaml
from onbox.scratch import scratch_folder
from onbox.see import phase as sight
from onbox.see.facts import speaks_of_sight
from onbox.speed.api_requests import apis_for
from onbox.speed.ceiling import measure_again, write_ceiling
from onbox.speed.measure import SpeedRun
from onbox.trial import events
from onbox.trial.affinity import run_affinity
from onbox.trial.bench_setup import bench_of, make_instances
from onbox.trial.cluster import Cluster, connected
from onbox.trial.local_executor import LocalExecutor, room_for
from onbox.trial.plan import check_version, run_seed, tasks_of
from onbox.trial.ray_executor import RayExecutor, node_home
from onbox.trial.scheduler import ExecutorDropped, JobEnded, JobStarted, RunJob, Scheduler
from onbox.wire.proxy import RecordingProxy

TOKENS_EVERY_S = 0.25
NOTED_INSTANCES = 10
"""More of them take over a second."""


class OutcomeJudge(Protocol):
    """Whoever judges what was just done, so that it can be shown; act itself never judges."""

    def run(self, folder: TrialFolder, record: RunRecord) -> tuple[str, str]:
        """(outcome, code) of a finished run."""
        ...

    def speed(self, folder: TrialFolder, contender: str) -> tuple[float | None, str]:
        """(tok/s, status) of a finished measurement."""
        ...

    def half_width(self, pairs: Sequence[tuple[float, float]]) -> float | None:
        """How sure a ratio is by the scatter of its requests; None: they show none."""
        ...


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
        self._opening = AgentOpening(self._agent, self.plan.agent, self._sandbox)

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
        if not todo and self._speed_done(contender) and self._sight_is_done(contender):
            self._show(events.Note(f"{contender.name}: done already"))
            return
        recipe = contender.served
        home = self.folder.contender(contender.name)
        write_atomic(home / "recipe.yaml", recipe_yaml(recipe))
        self._keep_earlier_lives(home)
        recipe = self._prepare_image(contender, recipe)
        files = self._fetch(contender, recipe, home)
        engine = engine_by_name(recipe.engine)
        counter = _TokenCounter(contender.name, self._show)

        def on_phase(phase: str, seconds: float | None) -> None:
            started = events.PhaseStarted(contender.name, phase)
            self._show(started if seconds is None else events.PhaseEnded(contender.name, phase, seconds))

        if files is not None and self.plan.speed is not None:
            self._weigh(contender, recipe, files)
        with Lifetime(recipe, engine, files, home / "standup", on_phase, reserve=self.plan.reserve_bytes) as life:
            if todo and not room_for(self.plan.parallel, life) and recipe.url is not None:
                self._show(events.Note(f"{contender.name}: the server does not say how many it serves at a time"))
            if not self._speed_done(contender):
                self._measure(contender, life, counter, recipe)
            elif todo:
                self._preflight(contender, life, recipe)
            self._see(contender, life, recipe, files)
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

        def on_progress(progress: Progress) -> None:
            self._show(events.Fetching(contender.name, progress.bytes_done, progress.bytes_total, progress.phase))

        return prepare(recipe, on_phase, on_progress)

    def _fetch(self, contender: ContenderPlan, recipe: Recipe, home: Path) -> Path | None:
        if recipe.weights is None:
            return None
        began = time.monotonic()
        self._show(events.PhaseStarted(contender.name, "fetch"))
        path, record = fetch_with_named(
            recipe,
            lambda done, total, source: self._show(events.Fetching(recipe.name, done, total, source)),
        )
        write_json(home / "weights.json", record)
        self._show(events.PhaseEnded(contender.name, "fetch", time.monotonic() - began))
        return path

    def _weigh(self, contender: ContenderPlan, recipe: Recipe, path: Path) -> None:
        """Write down what bounds the decode rate of these weights here."""
        assert self.plan.speed is not None
        depth_tokens, home = self.plan.speed.depth_tokens, self.folder.contender(contender.name)
        try:
            box, gpus = self.folder.path / "box.json", facts_of(recipe.engine).gpu_use(recipe.serve.arguments)
            write_ceiling(home, weights.read(path), depth_tokens=depth_tokens, box=box, gpus=gpus)
        except OnboxError as error:
            self._show(events.Note(f"{contender.name}: no ceiling is known: {error.message}"))

    def _preflight(self, contender: ContenderPlan, life: Lifetime, recipe: Recipe) -> None:
        home = self.folder.contender(contender.name)
        template = recipe.serve.chat_template_name or "the model's own"
        self._show(events.PhaseStarted(contender.name, "preflight"))
        began = time.monotonic()
        with life.client() as client:
            # Where no agent will work, sense is all that is asked.
            tools, agent = list(DEFINITIONS) if self.tasks else [], self.plan.agent
            size, opening = OPENING_TOKENS.get(agent.name), self._opening.body if tools else None
            room = AgentRoom(agent.name, size, agent.limits.turn_tokens, opening) if tools else None
            record, exchanges = preflight.short(client, life.model, tools, template, room, options=life.options)
        write_json(home / "preflight.json", record)
        (home / "preflight.jsonl").unlink(missing_ok=True)
        for exchange in exchanges:
            append_line(home / "preflight.jsonl", exchange)
        self._show(events.PhaseEnded(contender.name, "preflight", time.monotonic() - began))
        for remark in preflight.remarks(record, without_sense=contender.without_sense):
            self._show(events.Note(f"{contender.name}: {remark}"))

    def _measure(self, contender: ContenderPlan, life: Lifetime, counter: "_TokenCounter", recipe: Recipe) -> None:
        plan = self.plan.speed
        if plan is None:
            self._preflight(contender, life, recipe)
            return
        folder = self.folder.contender(contender.name) / "speed" / "1"
        if folder.exists():
            shutil.rmtree(folder)
            self.folder.note(LedgerKind.DISCARDED, f"{contender.name}/speed/1", "was cut off; measured again")
        self._show(events.PhaseStarted(contender.name, "speed"))
        began = time.monotonic()
        with life.client() as client:
            speed = SpeedRun(
                client,
                life.engine,
                life.model,
                plan,
                folder,
                launch_id=life.launch_id,
                engine_pid=life.engine_pid,
                apis=apis_for(life.props),
                on_tokens=counter.add,
                on_progress=lambda now: self._show(
                    events.MeasurementProgress(contender.name, now.done, now.total, now.left_s, now.note)
                ),
                half_width=self._outcome_judge.half_width,
            )
            speed.cold()
            self._preflight(contender, life, recipe)
            self._show(events.PhaseStarted(contender.name, "speed"))
            record = speed.measure()
        measure_again(self.folder.contender(contender.name), self.folder.path / "box.json")
        self._show(events.PhaseEnded(contender.name, "speed", time.monotonic() - began))
        kind = LedgerKind.ACCEPTED if record.ended == "complete" else LedgerKind.INVALIDATED
        self.folder.note(kind, f"{contender.name}/speed/1", record.ended)
        found = self._outcome_judge.speed(self.folder, contender.name)
        self._show(events.SpeedMeasured(contender.name, *found, contender.without_sense))
        if kind is LedgerKind.INVALIDATED and self.tasks:
            life.check()

    def _see(self, contender: ContenderPlan, life: Lifetime, recipe: Recipe, files: Path | None) -> None:
        """Show pictures to a contender that says it sees, or to any where the plan says so."""
        plan, folder = self.plan.see, self.folder.contender(contender.name) / "vision"
        if plan is None or (folder / sight.NAME).is_file():
            return
        name, began = contender.name, time.monotonic()
        with life.client(read_timeout_s=plan.seconds) as client:
            facts = sight.facts_now(client, life.model, recipe, life.record(), files)
            if (plan.always or speaks_of_sight(facts)) and not (folder.parent / "preflight.json").is_file():
                self._preflight(contender, life, recipe)  # of a server without sense, no answer proves anything
            self._show(events.PhaseStarted(name, "see"))
            asked = sight.ask_about_pictures(
                client, life.model, plan, facts, folder, tell=lambda text: self._show(events.Note(f"{name}: {text}"))
            )
        self._show(events.PhaseEnded(name, "see", time.monotonic() - began))
        if asked:
            self.folder.note(LedgerKind.ACCEPTED, f"{name}/vision")

    def _sight_is_done(self, contender: ContenderPlan) -> bool:
        """Whether there is nothing for which an engine would have to be started: a trial asks while one is up."""
        plan, home = self.plan.see, self.folder.contender(contender.name)
        was_up = (home / "standup" / "phases.json").is_file()
        return plan is None or (was_up and not plan.always) or (home / "vision" / sight.NAME).is_file()

    # ------------------------------------------------------------ runs

    def _bench(
        self,
        contender: ContenderPlan,
        life: Lifetime,
        todo: list[RunJob],
        counter: "_TokenCounter",
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
            self._show(events.Note(f"{contender.name}: stands up on {node}"))
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
        self._show(events.Note(f"{contender.name}: goes on without {node}: {why.message}"))

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

    def _speed_done(self, contender: ContenderPlan) -> bool:
        path = self.folder.contender(contender.name) / "speed" / "1" / "run.json"
        record = self.folder.read_if_there(SpeedRecord, path)
        return self.plan.speed is None or (record is not None and record.ended == "complete")

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


class _TokenCounter:
    """Turns counts of events on the wire into a rate for the eye, a few times a second."""

    def __init__(self, contender: str, show: Callable[[events.Event], None]) -> None:
        self._contender = contender
        self._show = show
        self._since = time.monotonic()
        self._recent = 0
        self._total = 0

    def add(self, count: int) -> None:
        """Count events of one read."""
        self._recent += count
        self._total += count
        passed = time.monotonic() - self._since
        if passed >= TOKENS_EVERY_S:
            # After a silence the first rate would be of that silence.
            if passed < 4 * TOKENS_EVERY_S:
                self._show(events.Tokens(self._contender, self._recent / passed, self._total))
            self._recent, self._since = 0, time.monotonic()
