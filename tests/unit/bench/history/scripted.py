"""A worker whose runs are said by a test, in place of a sandbox."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from onbox.bench.history.runners import TESTS_S, SuiteRun
from onbox.bench.history.worker import MiningWorker


@dataclass(frozen=True)
class SuiteRequest:
    """What a run was asked for."""

    files: Mapping[str, bytes | None]
    targets: tuple[str, ...]
    cpu_s: float
    only: frozenset[str]
    in_turn: bool = False


class ScriptedWorker(MiningWorker):
    """Answers by a function; keeps the requests."""

    def __init__(self, answer: Callable[[SuiteRequest], SuiteRun]) -> None:
        self.requests: list[SuiteRequest] = []
        self.spent_s = 0.0
        self._answer = answer

    def observe(
        self,
        changed: Mapping[str, bytes | None],
        targets: Collection[str] = (),
        cpu_s: float = TESTS_S,
        only: Collection[str] = (),
        *,
        in_turn: bool = False,
    ) -> SuiteRun:
        self.requests.append(SuiteRequest(dict(changed), tuple(targets), cpu_s, frozenset(only), in_turn))
        end = self._answer(self.requests[-1])
        self.spent_s += end.cost_s
        return end


def run_of(passed: Collection[str], failed: Collection[str] = (), cpu_s: float = 0.1, **more: object) -> SuiteRun:
    """A run of so much processor time; each test took an equal share of it, where nothing else is said."""
    tests = {**dict.fromkeys(passed, "passed"), **dict.fromkeys(failed, "failed")}
    seconds_of = {name: cpu_s / len(tests) for name in tests}
    facts: dict[str, object] = {"output": "", "seconds": cpu_s, "cpu_s": cpu_s, "seconds_of": seconds_of, **more}
    return SuiteRun(tests, **facts)  # type: ignore[arg-type]
