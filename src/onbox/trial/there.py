"""A node of a cluster as a place where runs are carried out; the other end is `onbox.trial.node.Worker`."""

from pathlib import Path
from typing import Any

from onbox.bench.sandbox.halt import Halted
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import RunRecord
from onbox.trial.lanes import Order, PlaceLost
from onbox.trial.node import Answer
from onbox.trial.packed import unpack

HALT_S = 5.0
STOP_S = 120.0
"""For a node to end its engine and prove it."""


class There:
    """The engine of one contender on a node; see `onbox.trial.lanes.Place`.

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

    def stand_up(self, told: Any) -> None:
        """Take in what the node says of its start.

        Args:
            told: Ray's reference to the worker's answer.

        Raises:
            OnboxError: the node cannot do it.
        """
        answer = self._get(told)
        if answer.files:
            unpack(answer.files, self.home)
        answer.check(self.name)

    def carry_out(self, order: Order) -> RunRecord:
        """See `Place.carry_out`."""
        asked = self.worker.carry_out.remote(order.task.name, order.arm, order.n, order.seed)
        answer = self._get(asked)
        if answer.halted:
            raise Halted
        if answer.error is not None:
            raise PlaceLost(f"node {self.name}: {answer.error[1]}", answer.error[2])
        folder = self._folder.run_folder(self._contender, order.task.name, order.arm, order.n)
        unpack(answer.files, folder, last="run.json")
        return self._folder.read(RunRecord, folder / "run.json")

    def check(self) -> None:
        """See `Place.check`."""
        self._get(self.worker.check.remote()).check(self.name)

    def halt(self) -> None:
        """See `Place.halt`."""
        try:
            self._ray.get(self.worker.halt.remote(), timeout=HALT_S)
        except self._ray.exceptions.RayError:
            self.kill()  # It is gone or deaf; either way the lanes that wait for it are let go.

    def stop(self, told: Any) -> None:
        """Take in the node's evidence with the proof that its engine is gone.

        Args:
            told: Ray's reference to the worker's answer.

        Raises:
            OnboxError: the node is gone, or could not do it.
        """
        answer = self._get(told, STOP_S)
        if answer.files:
            unpack(answer.files, self.home)
        answer.check(self.name)

    def kill(self) -> None:
        """End the worker; the supervisor of its engine ends that."""
        self._ray.kill(self.worker)

    def _get(self, told: Any, timeout_s: float | None = None) -> Answer:
        try:
            answer: Answer = self._ray.get(told, timeout=timeout_s)
        except self._ray.exceptions.RayError as error:
            raise PlaceLost(
                f"node {self.name} is gone: {said(error)}", "its runs are done elsewhere, or by --resume"
            ) from error
        return answer


def node_home(folder: TrialFolder, contender: str, node: str) -> Path:
    """Where the evidence of a node lies."""
    return folder.contender(contender) / "nodes" / node


def said(error: Exception) -> str:
    """What an error of Ray's says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no reason given"]
    # Of what was raised on a node Ray tells the traceback, whose last line is the reason.
    return lines[-1] if "Traceback" in str(error) or lines[0].startswith("ray::") else lines[0]
