"""This box as an executor of runs: one engine behind the recording proxy."""

from dataclasses import dataclass

from onbox.bench.instances import Instances
from onbox.bench.runner import Bench
from onbox.engines.registry import facts_by_owner, facts_of
from onbox.engines.sequence_limit import reported_slots
from onbox.errors import BoxError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import RunRecord
from onbox.launch.lifetime import Lifetime
from onbox.trial.scheduler import RunJob


@dataclass
class LocalExecutor:
    """The engine of one contender on this box; see `onbox.trial.scheduler.Executor`.

    Args:
        bench: what all runs share.
        life: of the engine.
        instances: of generated tasks, all made already.
        folder: of the trial.
        slots: runs at a time.
    """

    bench: Bench
    life: Lifetime
    instances: Instances
    folder: TrialFolder
    slots: int
    name: str = ""

    def carry_out(self, job: RunJob) -> RunRecord:
        """See `Executor.carry_out`."""
        folder = self.folder.run_folder(self.bench.contender, job.task.name, job.arm, job.n)
        return self.bench.run(self.instances.of(job.task, job.seed), job.arm, job.n, job.seed, folder)

    def check(self) -> None:
        """See `Executor.check`."""
        self.life.check()

    def halt(self) -> None:
        """See `Executor.halt`."""
        self.bench.proxy.break_off()
        if self.bench.replayer is not None:
            self.bench.replayer.halt()


def room_for(parallel: int, life: Lifetime) -> bool:
    """Whether the engine is known to serve so many runs at a time; False: it does not say.

    Raises:
        BoxError: it serves fewer. The runs would wait for one another, while their time limits go on.
    """
    slots = reported_slots(life.props)
    if slots is not None and slots < parallel:
        raise BoxError(
            f"{life.recipe.name}: {parallel} runs at a time, but the server has room for {slots}",
            f"start it with room for {parallel}{_option(life, parallel)}, or use --parallel {slots}",
        )
    return parallel == 1 or slots is not None


def _option(life: Lifetime, parallel: int) -> str:
    known = facts_by_owner(life.props.get("owned_by")) or facts_of(life.engine.name)
    return f" ({known.room_option.format(parallel=parallel)})" if known.room_option else ""
