"""A commit and its tests, and the pieces of work that it is parted into."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from onbox.bench.history.deciding_tests import SELECTED, DecidingTests, DropError
from onbox.bench.history.groups import TestGroup, bare_name
from onbox.bench.history.paths import is_code
from onbox.bench.history.reduce import TooMuchError, reduced
from onbox.bench.history.repository import Commit
from onbox.bench.history.runners import Suite
from onbox.bench.history.worker import MiningWorker


@dataclass(frozen=True)
class CommitChange:
    """A commit and what its tests say of it.

    Args:
        commit: the commit.
        before: its tree before: content, whether executable.
        old: the files of code that it changes, as they were.
        new: as they are then.
        suite: the tests that it touches.
        worker: runs them.
        deciding: which of them decide.
        folder: for what is made on the way.
    """

    commit: Commit
    before: Mapping[str, tuple[bytes, bool]]
    old: Mapping[str, bytes]
    new: Mapping[str, bytes]
    suite: Suite
    worker: MiningWorker
    deciding: DecidingTests
    folder: Path
    _passed: dict[tuple[bytes, tuple[str, ...], frozenset[str]], frozenset[str]] = field(default_factory=dict)

    def passes(self, files: Mapping[str, bytes], targets: Sequence[str], only: Collection[str] = ()) -> frozenset[str]:
        """The ids that pass with the files of code as in `files`; a state that had a result is not run twice."""
        chosen = frozenset((only if self.suite.kind in SELECTED else ()) or self.deciding.only)
        state = hashlib.sha256()
        for name, content in sorted(files.items()):
            state.update(f"{name}\0{len(content)}\0".encode() + content)
        key = (state.digest(), tuple(targets), chosen)
        if key in self._passed:
            return self._passed[key]
        end = self.worker.observe(files, targets, self.deciding.limit_s, chosen)
        if end.tests:
            self._passed[key] = end.passed
        return end.passed

    def least(self, wanted: Collection[str], targets: Sequence[str], only: Collection[str] = ()) -> dict[str, bytes]:
        """The least part of the commit for which the tests `wanted` pass.

        Raises:
            DropError: it was not found.
        """

        def works(some: Mapping[str, bytes]) -> bool:
            return self.passes(some, targets, only).issuperset(wanted)

        # Words about the change have many places, and are seldom what a test needs.
        code = {name: content for name, content in self.new.items() if is_code(name)}
        code |= {name: content for name, content in self.old.items() if not is_code(name)}
        try:
            whole = code if code != self.new and works(code) else self.new
            return reduced(self.old, whole, works, lambda: self.worker.spent_s)
        except TooMuchError:
            raise DropError("it changes too many places to find out which of them its tests need") from None


def pieces(change: CommitChange, group: TestGroup) -> Iterator[TestGroup | DropError]:
    """The pieces of work in a group of tests: the least part of the commit for one of them decides some more.

    Where the group is the whole of a small commit, or cannot be parted, it is one piece.
    """
    if not group.title or change.suite.kind not in SELECTED:
        yield group
        return
    left = sorted(group.fail_to_pass)
    while left:
        try:
            least = change.least(left[:1], group.targets, left[:1])
        except DropError as why:
            yield why
            left = left[1:]
            continue
        passed = change.passes(least, group.targets, group.fail_to_pass) & set(left) | {left[0]}
        title = group.title if passed == group.fail_to_pass else f"{group.title}-{bare_name(left[0])}"
        yield replace(group, title=title, fail_to_pass=frozenset(passed), least=least)
        left = [name for name in left if name not in passed]
