"""Gates again, from evidence: the workspace of a run is rebuilt and its task's gate, as it is now, judges it anew."""

from dataclasses import dataclass
from pathlib import Path

from onbox.bench.environments import environment_of
from onbox.bench.gate import grade
from onbox.bench.instances import Instances
from onbox.bench.sandbox import Sandbox
from onbox.bench.tasks import Task
from onbox.bench.workspace_archive import NAME, rebuild
from onbox.errors import OnboxError
from onbox.evidence.records import GateEnd, RunRecord
from onbox.scratch import scratch_folder


@dataclass(frozen=True)
class Regrader:
    """Runs gates again.

    Args:
        tasks: as they are now, by name.
        instances: of generated tasks.
        sandbox: where gates run; of a task with an image of its own, in a container of that, if this tier has any.
    """

    tasks: dict[str, Task]
    instances: Instances
    sandbox: Sandbox

    def gate(self, run: RunRecord, folder: Path) -> tuple[GateEnd | None, str]:
        """The gate's new word on a run, or None and why there is none.

        Args:
            run: its record.
            folder: `runs/TASK/ARM/N`; nothing is written there.
        """
        if run.gate is None:
            return None, "the gate was not reached"
        task = self.tasks.get(run.task)
        if task is None:
            return None, "the task is gone"
        if not run.workspace_sha256:
            return None, "it is of an onbox that kept no workspace"
        try:
            with scratch_folder("regrade") as scratch:
                workspace = scratch / "app"
                instance = self.instances.of(task, run.seed)
                environment = environment_of(instance, self.sandbox)
                rebuild(environment.make, folder / NAME, workspace, run.workspace_sha256)
                return grade(instance, workspace, run.agent.reply, environment.sandbox), ""
        except OnboxError as error:
            return None, error.message
