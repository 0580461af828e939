"""The nodes of a Ray cluster as further executors of runs: an engine on each, beside the one on the trial's own box.

Ray starts a worker on each node, carries bytes and notices a node's death; it schedules nothing here. The trial's box
is itself a node of the cluster, as Ray wants it of whoever connects, and does its share as without a cluster. Ray is
imported only where a cluster is asked for.
"""

import importlib
import logging
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from onbox.bench.tasks import Task
from onbox.errors import BoxError, OnboxError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import ContenderPlan, Plan, WeightsFile
from onbox.trial.folder_bytes import pack
from onbox.trial.ray_executor import RayExecutor, one_line_of
from onbox.trial.ray_module import require_ray
from onbox.trial.ray_worker import Worker, WorkerSpec, versions

KNOCK_S = 3.0
"""For the head of the cluster to take a connection."""
VERSIONS_S = 90.0
"""For every node to start a process and say what it has."""
CALLS_DURING_RUNS = 4
"""Calls that a worker takes while runs are under way: check, halt, stop."""

OnDropped = Callable[[str, OnboxError], None]
"""Called with a node's name and why it is left out."""


class Cluster:
    """A connection to a running cluster.

    Args:
        ray: Ray's module.
        nodes: name -> id of the nodes that are not the trial's own box.
    """

    def __init__(self, ray: Any, nodes: dict[str, str]) -> None:
        self._ray = ray
        self.nodes = nodes
        self.silent: dict[str, str] = {}
        """Nodes that Ray lists and that do not answer -> why; they are not among `nodes`."""

    @contextmanager
    def standing(
        self,
        folder: TrialFolder,
        plan: Plan,
        contender: ContenderPlan,
        tasks: Sequence[Task],
        replayed_s: float,
        dropped: OnDropped,
    ) -> Iterator[list[RayExecutor]]:
        """The nodes on which the contender's engine stands; they all stand it up at once, and end it on the way out.

        A node that cannot is left out.

        Args:
            folder: of the trial; the evidence of each node goes to `CONTENDER/nodes/NODE`.
            plan: the frozen one.
            contender: whose engine it is.
            tasks: those of the plan.
            replayed_s: of the time for replays, what is not to be spent on one node.
            dropped: called with nodes that are left out.
        """
        weights = folder.read_if_there(WeightsFile, folder.contender(contender.name) / "weights.json")
        spec = WorkerSpec(
            plan=plan.model_dump_json(),
            contender=contender.name,
            node="",
            tasks=pack(*(task.path for task in tasks)),
            weights_sha256=weights.sha256 if weights else None,
            replayed_s=replayed_s,
        )
        slots = plan.parallel
        executors = [
            RayExecutor(self._ray, self._worker(replace(spec, node=name), slots), name, slots, folder, contender.name)
            for name in self.nodes
        ]
        try:
            results = [(executor, executor.worker.stand_up.remote()) for executor in executors]
            yield [executor for executor, result in results if self._stands(executor, result, dropped)]
        finally:
            self._end(executors)

    def _stands(self, executor: RayExecutor, result: Any, dropped: OnDropped) -> bool:
        try:
            executor.stand_up(result)
        except OnboxError as error:
            dropped(executor.name, error)
            return False
        return True

    def _end(self, executors: Sequence[RayExecutor]) -> None:
        results = [(executor, executor.worker.stop.remote()) for executor in executors]
        for executor, result in results:
            with suppress(OnboxError):  # Lost nodes are noted already; their stand-up has no end in the evidence.
                executor.stop(result)
            executor.kill()

    def _worker(self, spec: WorkerSpec, slots: int) -> Any:
        strategy = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            self.nodes[spec.node], soft=False
        )
        return (
            self._ray.remote(Worker)
            .options(num_cpus=0, max_concurrency=slots + CALLS_DURING_RUNS, scheduling_strategy=strategy)
            .remote(spec)
        )

    def check_versions(self) -> None:
        """Find the nodes that do not answer; do nothing else where all others have this onbox.

        Raises:
            BoxError: one has not.
        """
        affinity = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        remote = self._ray.remote(versions)
        pending = {
            name: remote.options(num_cpus=0, max_retries=0, scheduling_strategy=affinity(node, soft=False)).remote()
            for name, node in self.nodes.items()
        }
        mine = versions()
        for name, reference in pending.items():
            try:
                theirs = self._ray.get(reference, timeout=VERSIONS_S)
            except self._ray.exceptions.RayTaskError as error:
                raise BoxError(
                    f"--ray: node {name}: {one_line_of(error)}", f"is onbox {mine['onbox']} installed for its Ray?"
                ) from error
            except self._ray.exceptions.RayError as error:
                # Ray lists a node that went away until it has missed it for a while.
                self.silent[name] = one_line_of(error)
                del self.nodes[name]
                continue
            for what in mine:
                if theirs.get(what) != mine[what]:
                    raise BoxError(
                        f"--ray: node {name} has {what} {theirs.get(what)}, and this box {mine[what]}",
                        "all nodes need the same",
                    )


@contextmanager
def connected(address: str) -> Iterator[Cluster | None]:
    """A connection to the cluster at an address; None where there is no address.

    Raises:
        BoxError: Ray is missing, no cluster answers there, or a node has another onbox.
    """
    if not address:
        yield None
        return
    ray = require_ray()
    _knock(address)
    # What Ray logs is not for the terminal, and what it would tell its makers is for nobody.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
        importlib.import_module("ray.util.scheduling_strategies")
    except Exception as error:
        raise BoxError(
            f"--ray: {address}: {one_line_of(error)}",
            "this box must be a node of that cluster: ray start --address=...",
        ) from error
    try:
        for number, handler in handlers.items():
            with suppress(ValueError):  # Not in the first thread.
                signal.signal(number, handler)
        here = ray.get_runtime_context().get_node_id()
        cluster = Cluster(ray, _named(node for node in ray.nodes() if node["Alive"] and node["NodeID"] != here))
        cluster.check_versions()
        yield cluster
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Ray itself would try for minutes."""
    match = re.fullmatch(r"(?P<host>[\w.-]+|\[[0-9a-fA-F:]+\]):(?P<port>\d+)", address)
    # Beyond 65535 the C library connects to another port: the number modulo 65536.
    if match is None or int(match["port"]) > 65535:
        raise BoxError(f"--ray: {address}: not an address", "give HOST:PORT, as ray start printed it on the head node")
    try:
        socket.create_connection((match["host"].strip("[]"), int(match["port"])), KNOCK_S).close()
    except OSError as error:
        raise BoxError(f"--ray: {address}: no cluster answers: {error}", "start one: ray start --head") from error


def _named(nodes: Iterator[dict[str, Any]]) -> dict[str, str]:
    """A name for each node that can be a folder -> its id."""
    found: dict[str, str] = {}
    for node in sorted(nodes, key=lambda node: (node["NodeManagerAddress"], node["NodeID"])):
        given = node.get("NodeName") or node["NodeManagerHostname"]
        name = plain = re.sub(r"[^A-Za-z0-9._-]", "-", given).strip(".-") or "node"
        number = 1
        while name in found:
            number += 1
            name = f"{plain}-{number}"
        found[name] = node["NodeID"]
    return found
