"""Goes through a repository's commits, and keeps as tasks those that came with tests which can decide."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from onbox.bench.history.commit_tasks import TREE_BYTES_MAX, DroppedCommit, MinedTask, TaskMaker
from onbox.bench.history.deciding_tests import DropError
from onbox.bench.history.environment import seal
from onbox.bench.history.project import project
from onbox.bench.history.repository import Commit, GitRepository
from onbox.bench.sandbox import Sandbox
from onbox.bench.sandbox.halt import Halt
from onbox.errors import UsageError
from onbox.scratch import in_memory, scratch_folder
from onbox.trees import remove

JOBS = 2
"""Commits that are tried side by side."""
SCRATCH_BYTES = 8 * TREE_BYTES_MAX
"""That one of them takes at most, with all copies of the workspace that its audit has at a time."""


def mine(
    path: Path,
    target: Path,
    sandbox: Sandbox,
    *,
    commits: int,
    keep: int,
    environment: Path | None,
    tell: Callable[[str], None],
    jobs: int = JOBS,
    limit_s: float | None = None,
) -> Iterator[MinedTask | DroppedCommit]:
    """Look at commits, newest first, until enough tasks are kept; a large commit may make several.

    Args:
        path: the repository.
        target: a new folder for the tasks.
        sandbox: where the repository's tests run.
        commits: how many to look at.
        keep: how many tasks are enough.
        environment: a virtual environment, or a folder with `node_modules`; None: the repository's own.
        tell: called with a line for what takes time, from several threads.
        jobs: commits that are tried side by side.
        limit_s: for all of it; commits that are being tried then are neither kept nor dropped.

    Raises:
        UsageError: the repository, or the environment, cannot be used.
        BoxError: git is missing, or the sandbox could not start.
    """
    until = None if limit_s is None else time.monotonic() + limit_s
    with scratch_folder("history", in_memory(jobs * SCRATCH_BYTES)) as scratch:
        repository = GitRepository(path, scratch)
        found = repository.commits(commits)
        if all(len(commit.parents) > 1 for commit in found):
            raise UsageError(f"{path}: has no commits other than merges", "give the repository that was merged")
        if all(not commit.parents for commit in found):
            why = "it is shallow: git fetch --unshallow" if repository.shallow else "commit a change to it"
            raise UsageError(f"{path}: has only one commit", why)
        target.mkdir(parents=True, exist_ok=True)
        tree = repository.tree(repository.head)
        name, own = project(repository, tree, path)
        # On the file system of the tasks, so that files can be linked and folders renamed.
        making = target / ".making"
        sealed = seal(path, environment, name, own, making / "environment")
        tell(f"environment: {sealed.source}")
        try:
            maker = TaskMaker(repository, sealed, sandbox, making / "tasks", scratch, path.resolve().name, tell)
            kept = 0
            for ends in _tried(maker, found, jobs, keep, until, tell):
                for end in ends:
                    if isinstance(end, MinedTask):
                        place = target / end.name
                        end.path.rename(place)
                        kept += 1
                        yield end.at(place)
                    else:
                        yield end
                    if kept >= keep:
                        return
        finally:
            remove(making)


@dataclass
class _Attempt:
    """A commit that is tried: what it has made by now, and in the end what became of it."""

    commit: Commit
    kept: list[MinedTask]
    future: Future[Sequence[MinedTask | DroppedCommit]]

    @property
    def ends(self) -> Sequence[MinedTask | DroppedCommit] | None:
        """What became of it; None where it came to no end."""
        future = self.future
        return future.result() if future.done() and not future.cancelled() and future.exception() is None else None


def _tried(
    maker: TaskMaker, commits: Sequence[Commit], jobs: int, keep: int, until: float | None, tell: Callable[[str], None]
) -> Iterator[Sequence[MinedTask | DroppedCommit]]:
    """What became of each commit, in their order, until a time or until `keep` tasks are made.

    Those that come next are tried while one takes long, but none once those that were made by then are enough.
    """
    halt = Halt()
    with halt:
        pool = ThreadPoolExecutor(jobs)

        def attempt(commit: Commit, kept: list[MinedTask]) -> Sequence[MinedTask | DroppedCommit]:
            with halt.kept():
                try:
                    maker.tasks(commit, kept)
                except DropError as why:
                    return [DroppedCommit(commit.name, str(why))]
                return kept

        attempts: deque[_Attempt] = deque()
        left, made = deque(commits), 0
        try:
            while left or attempts:
                if until is not None and time.monotonic() >= until:
                    break
                busy = [one.future for one in attempts if not one.future.done()]
                if left and len(busy) < jobs and made + sum(len(one.kept) for one in attempts) < keep:
                    commit, kept = left.popleft(), list[MinedTask]()
                    attempts.append(_Attempt(commit, kept, pool.submit(attempt, commit, kept)))
                    continue
                if attempts and not attempts[0].future.done():
                    wait(busy, _left_s(until), FIRST_COMPLETED)
                while attempts and attempts[0].future.done():
                    one = attempts.popleft()
                    made += len(one.kept)
                    yield one.future.result()
                if not attempts and made >= keep:
                    return
            # The time is over: what was made by now is whole, and stays.
            halt.show()
            pool.shutdown(cancel_futures=True)
            given_up = [one for one in attempts if one.ends is None]
            if left or given_up:
                tell(f"the time is over: {len(given_up)} commits were in progress, {len(left)} not started")
            for one in attempts:
                yield one.kept if one.ends is None else one.ends
        finally:
            halt.show()
            pool.shutdown(cancel_futures=True)


def _left_s(until: float | None) -> float | None:
    return None if until is None else max(until - time.monotonic(), 0.0)
