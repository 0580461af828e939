"""The nodes of a Ray cluster as further places for runs: one engine a node, beside the one on the trial's own box.

Ray places the workers, carries bytes and notices a node's death; it schedules nothing here. The trial's box is itself a
node of the cluster, as Ray wants it of whoever connects, and does its share as without a cluster. Ray is imported only
where a cluster is asked for.
"""

import importlib
import importlib.util
import logging
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from onbox.bench.sandbox.halt import Halted
from onbox.bench.tasks import Task
from onbox.errors import BoxError, OnboxError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import ContenderPlan, LedgerKind, Plan, RunRecord
from onbox.trial.lanes import Order, Place, PlaceLost
from onbox.trial.node import Answer, Errand, Worker, versions
from onbox.trial.packed import pack, unpack

ANSWER_S = 5.0
"""For the head of the cluster to take a connection."""
VERSIONS_S = 60.0
"""For a node to start a process and say what it has."""
HALT_S = 5.0
STOP_S = 120.0
"""For a node to end its engine and prove it."""


def require_ray() -> Any:
    """Ray's module.

    Raises:
        BoxError: it is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise BoxError("--ray: ray is not installed here", "pip install 'onbox[ray]', on every node of the cluster")
    return importlib.import_module("ray")


class Cluster:
    """A connection to a running cluster.

    Args:
        ray: its module.
        here: id of the node that is the trial's own box.
        nodes: name -> id of the others.
    """

    def __init__(self, ray: Any, here: str, nodes: dict[str, str]) -> None:
        self._ray = ray
        self.here = here
        self.nodes = nodes

    @contextmanager
    def standing(
        self, trial: TrialFolder, contender: ContenderPlan, tasks: Sequence[Task], errand: Errand, tell: Callable[[str], None]
    ) -> Iterator[list["Node"]]:
        """The nodes on which the contender's engine stands; all of them stand up at once.

        A node that cannot is told, noted in the ledger and left out. On the way out all engines are stopped.

        Args:
            trial: where their evidence goes.
            contender: whose engine it is.
            tasks: that runs may be asked for.
            errand: what all of them are sent for, but for the node's name.
            tell: about nodes that are left out.
        """


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """A connection to the cluster at an address.

    Raises:
        BoxError: ray is missing, no cluster answers there, or a node has another Python or onbox.
    """
    ray = require_ray()
    _knock(address)
    # Nothing of ours reports to anybody, and what Ray logs is not for the terminal.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:
        raise BoxError(f"--ray: {address}: {_line(error)}", "is this box a node of the cluster? ray status tells") from error
    try:
        for number, handler in handlers.items():
            with suppress(ValueError):  # Not in the first thread.
                signal.signal(number, handler)
        cluster = Cluster(ray, *_nodes(ray))
        cluster.check_versions()
        yield cluster
    finally:
        ray.shutdown()
