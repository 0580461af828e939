"""A node of a cluster as an executor of runs; the other end is `onbox.trial.ray_worker.Worker`."""

import re
from pathlib import Path
from typing import Any

from onbox.bench.sandbox.halt import RunHalted
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import RunRecord
from onbox.trial.folder_bytes import unpack
from onbox.trial.ray_worker import WorkerResult
from onbox.trial.scheduler import ExecutorLost, RunJob

HALT_S = 5.0
STOP_S = 120.0
"""For a node to end its engine and prove it."""


class RayExecutor:
    """The engine of one contender on a node; see `onbox.trial.scheduler.Executor`.

    Args:
        ray: Ray's module.
        worker: the actor on the node.
        name: of the node.
        slots: runs at a time.
        folder: of the trial.
        contender: whose engine it is.
    """

    def __init__(self, ray: Any, worker: Any, name: str, slots: int, folder: TrialFolder, contender: str) -> None:
        self.name = name
        self.slots = slots
        self._ray = ray
        self.worker = worker
        self._folder = folder
        self._contender = contender

    @property
    def home(self) -> Path:
        """The node's evidence."""
        return node_home(self._folder, self._contender, self.name)

    def stand_up(self, reference: Any) -> None:
        """Take in the result of the node's start.

        Args:
            reference: Ray's, to the worker's result.

        Raises:
            OnboxError: the node cannot do it.
        """
        result = self._get(reference)
        if result.files:
            unpack(result.files, self.home)
        result.check(self.name)

    def carry_out(self, job: RunJob) -> RunRecord:
        """See `Executor.carry_out`."""
        reference = self.worker.carry_out.remote(job.task.name, job.arm, job.n, job.seed)
        result = self._get(reference)
        if result.halted:
            raise RunHalted
        if result.error is not None:
            raise ExecutorLost(f"node {self.name}: {result.error[1]}", result.error[2])
        folder = self._folder.run_folder(self._contender, job.task.name, job.arm, job.n)
        unpack(result.files, folder, last="run.json")
        return self._folder.read(RunRecord, folder / "run.json")

    def check(self) -> None:
        """See `Executor.check`."""
        self._get(self.worker.check.remote()).check(self.name)

    def halt(self) -> None:
        """See `Executor.halt`."""
        try:
            self._ray.get(self.worker.halt.remote(), timeout=HALT_S)
        except self._ray.exceptions.RayError:
            self.kill()  # It is gone or deaf; either way the threads that wait for it go on.

    def stop(self, reference: Any) -> None:
        """Take in the node's evidence with the proof that its engine is gone.

        Args:
            reference: Ray's, to the worker's result.

        Raises:
            OnboxError: the node is gone, or could not do it.
        """
        result = self._get(reference, STOP_S)
        if result.files:
            unpack(result.files, self.home)
        result.check(self.name)

    def kill(self) -> None:
        """End the worker; the supervisor of its engine ends that."""
        self._ray.kill(self.worker)

    def _get(self, reference: Any, timeout_s: float | None = None) -> WorkerResult:
        try:
            result: WorkerResult = self._ray.get(reference, timeout=timeout_s)
        except self._ray.exceptions.RayError as error:
            raise ExecutorLost(
                f"node {self.name} is gone: {one_line_of(error)}", "its runs are done on other nodes, or with --resume"
            ) from error
        return result


def node_home(folder: TrialFolder, contender: str, node: str) -> Path:
    """Where the evidence of a node lies."""
    return folder.contender(contender) / "nodes" / node


COLOURS = re.compile(r"\x1b\[[\d;]*m")
"""Ray writes the name of what failed in colour."""


def one_line_of(error: Exception) -> str:
    """What an error of Ray's says, in one line."""
    text = COLOURS.sub("", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no reason given"]
    # For what was raised on a node Ray gives the traceback, whose last line is the reason.
    return lines[-1] if "Traceback" in text or lines[0].startswith("ray::") else lines[0]
