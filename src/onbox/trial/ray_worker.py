"""What happens on a node of a cluster: an engine of its own under its own guard, and runs by it.

A `Worker` lives in a process that Ray starts on the node. Its methods are called from several threads; what comes back
is a `WorkerResult` and never an exception, so that whatever raises on the way is Ray's.
"""

import platform
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from onbox import __version__, box, errors
from onbox.atomic_files import write_json
from onbox.bench.agents import agent_of
from onbox.bench.instances import Instances
from onbox.bench.probing import sandbox_of
from onbox.bench.quality import References
from onbox.bench.sandbox.halt import Halt, RunHalted
from onbox.bench.tasks import load_tasks
from onbox.engines import engine_by_name
from onbox.errors import BoxError, OnboxError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import Plan
from onbox.fetch.named import fetch_with_named
from onbox.image.prepare import prepare
from onbox.launch.lifetime import Lifetime
from onbox.recipes import Recipe
from onbox.trial.bench_setup import bench_of, make_instances
from onbox.trial.folder_bytes import pack, unpack
from onbox.trial.local_executor import LocalExecutor
from onbox.trial.plan import as_planned, check_version
from onbox.trial.scheduler import RunJob
from onbox.wire.proxy import RecordingProxy


@dataclass(frozen=True)
class WorkerResult:
    """What a worker's method returns.

    Args:
        files: a packed folder: of the node's evidence, or of the run.
        error: class, message and next step of what went wrong.
        halted: the run was given up because the trial ends.
    """

    files: bytes = b""
    error: tuple[str, str, str] | None = None
    halted: bool = False

    def check(self, node: str) -> None:
        """Do nothing where nothing went wrong.

        Raises:
            OnboxError: what went wrong, with the node's name.
        """
        if self.error is not None:
            kind, message, next_step = self.error
            raise getattr(errors, kind, OnboxError)(f"node {node}: {message}", next_step)


@dataclass(frozen=True)
class WorkerSpec:
    """What a worker is to do.

    Args:
        plan: the frozen plan, as JSON.
        contender: its name.
        node: the worker's.
        tasks: the folder of all tasks, packed.
        weights_sha256: of the weights on the trial's box; None: none are needed.
        replayed_s: of the time for replays, what is not to be spent on this node.
    """

    plan: str
    contender: str
    node: str
    tasks: bytes
    weights_sha256: str | None
    replayed_s: float


def versions() -> dict[str, str]:
    """What must be the same on all nodes."""
    return {"onbox": __version__, "python": platform.python_version()}


class Worker:
    """Stands one contender's engine up on this node, and carries out runs by it."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._plan = Plan.model_validate_json(spec.plan)
        self._contender = next(each for each in self._plan.contenders if each.name == spec.contender)
        self._halt = Halt()
        self._open = ExitStack()
        self._temporary = tempfile.TemporaryDirectory(prefix="onbox-node-")
        self._scratch = Path(self._temporary.name)
        self._folder = TrialFolder(self._scratch / "trial")
        self._home = self._folder.contender(spec.contender)
        self._home.mkdir(parents=True)

    def stand_up(self) -> WorkerResult:
        """Fetch, look at the box, start the engine; the result holds the node's evidence so far."""
        return self._result(self._stand_up)

    def carry_out(self, task: str, arm: str, n: int, seed: int) -> WorkerResult:
        """Do one run; the result holds its whole folder."""
        return self._result(lambda: self._run(task, arm, n, seed))

    def check(self) -> WorkerResult:
        """Whether the engine answers; if it does not, why."""
        return self._result(self._check)

    def halt(self) -> None:
        """Give up the runs under way."""
        self._halt.show()
        self._executor.halt()

    def stop(self) -> WorkerResult:
        """Stop the engine; the result holds the node's evidence, with the proof that the engine is gone."""
        return self._result(self._stop)

    def _result(self, do: Callable[[], bytes]) -> WorkerResult:
        try:
            return WorkerResult(files=do())
        except RunHalted:
            return WorkerResult(halted=True)
        except OnboxError as error:
            return WorkerResult(self._evidence(), (type(error).__name__, error.message, error.next_step))
        except OSError as error:
            return WorkerResult(self._evidence(), ("BoxError", str(error), ""))

    def _stand_up(self) -> bytes:
        plan, recipe = self._plan, self._contender.served
        agent = agent_of(plan.agent)
        check_version(agent, plan)
        sandbox = sandbox_of(plan.sandbox)
        unpack(self._spec.tasks, self._scratch / "tasks")
        found = load_tasks(self._scratch / "tasks", [task.name for task in plan.tasks])
        self._tasks = {task.name: task for task in as_planned(plan, found)}
        instances = Instances(self._scratch / "instances", sandbox[0])
        make_instances(plan, list(self._tasks.values()), instances, sandbox[0])
        write_json(self._home / "box.json", {"onbox_version": __version__, **box.describe().as_dict()})
        recipe = prepare(recipe)
        weights = self._fetch(recipe)
        life = self._open.enter_context(
            Lifetime(recipe, engine_by_name(recipe.engine), weights, self._home / "standup", reserve=plan.reserve_bytes)
        )
        proxy = self._open.enter_context(RecordingProxy(life.endpoint))
        bench = bench_of(
            plan,
            self._contender,
            life,
            proxy,
            agent,
            sandbox,
            References(sandbox[0]),
            self._spec.replayed_s,
            self._spec.node,
        )
        self._executor = LocalExecutor(bench, life, instances, self._folder, plan.parallel)
        return self._evidence()

    def _evidence(self) -> bytes:
        """What there is of this node, but for the runs, which have gone already."""
        return pack(*(path for path in self._home.iterdir() if path.name != "runs"))

    def _fetch(self, recipe: Recipe) -> Path | None:
        if recipe.weights is None:
            return None
        path, record = fetch_with_named(recipe)
        if record.sha256 != self._spec.weights_sha256:
            # Before it is refused, what was known of it is looked at again.
            path, record = fetch_with_named(recipe, full_check=True)
        write_json(self._home / "weights.json", record)
        if record.sha256 != self._spec.weights_sha256:
            raise BoxError(f"{path}: not the weights of the trial's box", "copy the same file to all nodes")
        return path

    def _run(self, task: str, arm: str, n: int, seed: int) -> bytes:
        job = RunJob(self._tasks[task], arm, n, seed)
        with self._halt.kept():
            self._executor.carry_out(job)
        folder = self._folder.run_folder(self._spec.contender, task, arm, n)
        packed = pack(*folder.iterdir())
        shutil.rmtree(folder)
        return packed

    def _check(self) -> bytes:
        self._executor.check()
        return b""

    def _stop(self) -> bytes:
        self._open.close()
        packed = self._evidence()
        self._temporary.cleanup()
        return packed
