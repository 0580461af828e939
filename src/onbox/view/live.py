"""A trial under way, of this or another terminal, read from its evidence folder alone."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from onbox.errors import OnboxError
from onbox.evidence.decode_rate import digest
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import Exchange, LedgerEntry, LedgerKind, Phase, Plan, StandUp
from onbox.judge.progress import remaining_s
from onbox.judge.results import Measurement, RunResult
from onbox.view.live_standup import StandUpFollower
from onbox.view.run_judge import RunJudge, RunKey
from onbox.view.standups import tail
from onbox.view.tails import JsonTail

LOOK_S = 0.8
"""So often the folder is looked at, however many pages follow it."""
JUDGE_S = 0.4
"""Of each look, at most, for the judge; runs that ended long ago wait for the next."""
RECENT = 30
LOG_BYTES = 8192
LINE_MAX = 400
WIRE_TAIL_BYTES = 4_000_000


@dataclass
class CurrentRun:
    """A run that has begun and not ended."""

    task: str
    arm: str
    n: int
    answers: int
    """Requests that were answered."""
    tok_s: float | None
    """Of the last answer with a rate."""
    changed_s: float | None
    """Since anything of it was written."""


@dataclass
class ContenderNow:
    """Where one contender is."""

    name: str
    role: str
    state: str = "waits"
    """`waits`, `stands up`, `is measured`, `works`, `is done`, `failed`."""
    why: str = ""
    phases: tuple[Phase, ...] = ()
    speed: Measurement | None = None
    ended: int = 0


@dataclass
class MemoryNow:
    """The last look at the box's memory."""

    available_bytes: int
    total_bytes: int
    held_bytes: int
    reserve_bytes: int | None
    age_s: float


@dataclass
class LiveState:
    """All that a page of a trial under way shows."""

    running: bool
    plan: Plan | None
    problem: str = ""
    contenders: list[ContenderNow] = field(default_factory=list)
    active: ContenderNow | None = None
    phase: str = ""
    phase_detail: str = ""
    phase_left_s: float | None = None
    memory: MemoryNow | None = None
    tok_s: float | None = None
    requests: int = 0
    """Of the measurement, answered so far."""
    under_way: list[CurrentRun] = field(default_factory=list)
    cells: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    """Contender, task, arm -> for each run its outcome, `under way`, `ended` (not judged yet) or nothing."""
    recent: list[RunResult] = field(default_factory=list)
    unread: int = 0
    """Runs that ended and cannot be judged."""
    ended: int = 0
    planned: int = 0
    left_s: float | None = None
    elapsed_s: float | None = None
    line: str = ""
    """The last of the engine's log."""
    notes: list[LedgerEntry] = field(default_factory=list)


class LiveTrial:
    """Follows one trial; `refresh` may be called by many at a time."""

    def __init__(self, folder: TrialFolder) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._looked = -LOOK_S
        self._state = LiveState(False, None)
        self._plan: Plan | None = None
        self._judge: RunJudge | None = None
        self._ledger_tail = JsonTail(folder.path / "ledger.jsonl")
        self.ledger: list[LedgerEntry] = []
        self._ended: dict[RunKey, str] = {}
        self._seconds: dict[RunKey, float] = {}
        self._bad: set[RunKey] = set()
        self._ends: dict[str, LedgerEntry] = {}
        """How contenders ended, since the trial was last resumed."""
        self._standing: dict[str, StandUpFollower] = {}
        self._rates: dict[Path, tuple[tuple[int, int], int, float | None]] = {}

    def refresh(self, running: bool) -> LiveState:
        """How it stands now."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked >= LOOK_S or self._state.running != running:
                self._state = self._read_folder(running)
                self._looked = time.monotonic()
            return self._state

    def result(self, key: RunKey) -> RunResult:
        """What the judge says of one run.

        Raises:
            UsageError: it has not ended, or cannot be read.
        """
        with self._lock:
            self._read_plan()
            self._read_ledger()
            assert self._judge is not None
            return self._judge.result(key, self.ledger)

    # ------------------------------------------------------------ reading

    def _read_plan(self) -> None:
        if self._plan is None:
            self._plan = self.folder.plan()
            self._judge = RunJudge(self.folder, self._plan)

    def _read_ledger(self) -> None:
        for line in self._ledger_tail.new():
            try:
                entry = LedgerEntry.model_validate(line)
            except ValidationError:
                continue
            self.ledger.append(entry)
            if entry.kind in (LedgerKind.STOPPED, LedgerKind.FAILED):
                self._ends[entry.subject] = entry
            elif entry.kind is LedgerKind.RESUMED:
                self._ends.clear()
            if entry.kind is LedgerKind.ACCEPTED and (key := _run_key(entry.subject)):
                self._ended[key] = entry.at
            elif entry.kind is LedgerKind.DISCARDED and (key := _run_key(entry.subject, shelf="set-aside")):
                self._ended.pop(key, None)
                self._bad.discard(key)
                assert self._judge is not None
                self._judge.forget(key)

    def _read_folder(self, running: bool) -> LiveState:
        try:
            self._read_plan()
        except (OnboxError, OSError) as error:
            return LiveState(running, None, str(error).replace(f"{self.folder.path}/", ""))
        assert self._plan is not None
        self._read_ledger()
        self._judge_some()
        plan, state = self._plan, LiveState(running, self._plan)
        state.planned = len(plan.contenders) * len(plan.tasks) * len(plan.arms) * plan.runs
        state.ended = len(self._ended)
        state.contenders = [self._contender(each.name, each.role.value) for each in plan.contenders]
        begun = [each for each in state.contenders if each.state not in ("waits", "is done", "failed")]
        state.active = begun[-1] if begun else None
        state.unread = len(self._bad)
        state.recent = list(self._recent())
        state.notes = [entry for entry in self.ledger if entry.kind is not LedgerKind.ACCEPTED][-6:]
        if state.active is not None:
            self._active(state, state.active)
        self._grid(state)
        if running:
            paces = [self._seconds[key] for key in self._ended if key in self._seconds]
            state.left_s = remaining_s(max(0, state.planned - state.ended), paces, plan.parallel)
        return state

    def _judge_some(self) -> None:
        assert self._judge is not None
        began = time.monotonic()
        for key in reversed(self._ended):
            if self._judge.known(key) is not None or key in self._bad:
                continue
            try:
                self._seconds[key] = self._judge.result(key, self.ledger).seconds
            except (OnboxError, OSError):
                self._bad.add(key)
            if time.monotonic() - began > JUDGE_S:
                return

    def _recent(self) -> Iterator[RunResult]:
        assert self._judge is not None
        count = 0
        for key in reversed(self._ended):
            found = self._judge.known(key)
            if found is not None:
                yield found
                count += 1
            if count >= RECENT:
                return

    # ------------------------------------------------------------ one contender

    def _contender(self, name: str, role: str) -> ContenderNow:
        assert self._judge is not None
        now, home = ContenderNow(name, role), self.folder.contender(name)
        now.ended = sum(key[0] == name for key in self._ended)
        if not home.is_dir():
            return now
        up = self._stand_up(home)
        now.phases = up.phases if up else ()
        now.speed = self._judge.speed(name)
        end = self._ends.get(name)
        if end is not None:
            now.state, now.why = ("failed", end.reason) if end.kind is LedgerKind.FAILED else ("is done", "")
        elif up is None or up.ready_s is None or up.stopped is not None:
            now.state = "stands up"
        elif self._plan is not None and self._plan.speed is not None and not (home / "speed/1/run.json").is_file():
            now.state = "is measured"
        else:
            now.state = "works"
        return now

    def _stand_up(self, home: Path) -> StandUp | None:
        try:
            return self.folder.read_if_there(StandUp, home / "standup" / "phases.json")
        except OnboxError:
            return None

    def _active(self, state: LiveState, now: ContenderNow) -> None:
        home = self.folder.contender(now.name)
        up = self._stand_up(home)
        standing = self._standing.setdefault(now.name, StandUpFollower(home / "standup" / "samples.jsonl"))
        standing.refresh()
        reserve = up.guard.reserve_bytes if up and up.guard else state.plan.reserve_bytes if state.plan else None
        if standing.memory is not None:
            state.memory = MemoryNow(*standing.memory, reserve_bytes=reserve, age_s=standing.age_s)
        state.line = _last_line(home / "standup" / "engine.log")
        if now.state == "stands up":
            state.phase, state.phase_detail, state.phase_left_s = self._phase(home, up, standing)
        elif now.state == "is measured":
            state.phase = "speed"
            state.requests, state.tok_s = self._rate(home / "speed" / "1" / "requests.jsonl")
        else:
            state.phase = "runs"
            state.under_way = list(self._runs_under_way(now.name))
            rates = [run.tok_s for run in state.under_way if run.tok_s is not None]
            state.tok_s = rates[0] if rates else next((r.decode_tok_s for r in state.recent if r.decode_tok_s), None)

    def _phase(self, home: Path, up: StandUp | None, standing: StandUpFollower) -> tuple[str, str, float | None]:
        if up is None and not standing.verdict:
            fetched = (home / "weights.json").is_file()
            return ("start", "", None) if fetched else ("fetch", "the weights come here", None)
        if standing.verdict is None:
            return "start", "", None
        return standing.verdict.phase, f"{standing.verdict.state}: {standing.verdict.why}", standing.left_s

    def _runs_under_way(self, contender: str) -> Iterator[CurrentRun]:
        """Folders of runs that have no `run.json` yet."""
        assert self._plan is not None
        for task in self._plan.tasks:
            for arm in self._plan.arms:
                place = self.folder.contender(contender) / "runs" / task.name / arm
                for n in _numbers(place):
                    if (contender, task.name, arm, n) in self._ended or (place / str(n) / "run.json").is_file():
                        continue
                    wire = place / str(n) / "wire.jsonl"
                    answers, tok_s = self._rate(wire)
                    yield CurrentRun(task.name, arm, n, answers, tok_s, _age_s(wire))

    def _rate(self, path: Path) -> tuple[int, float | None]:
        """(exchanges, tok/s of the last that holds a rate) at the end of a file of exchanges."""
        try:
            found = path.stat()
        except OSError:
            return 0, None
        stamp = found.st_mtime_ns, found.st_size
        if path in self._rates and self._rates[path][0] == stamp:
            return self._rates[path][1:]
        if len(self._rates) > 256:
            self._rates.clear()
        count, tok_s = 0, None
        if found.st_size <= WIRE_TAIL_BYTES:
            for line in JsonTail(path).new():
                try:
                    exchange = Exchange.model_validate(line)
                except ValidationError:
                    continue
                count += 1
                tok_s = digest(exchange).tok_s or tok_s
        self._rates[path] = stamp, count, tok_s
        return count, tok_s

    def _grid(self, state: LiveState) -> None:
        assert self._plan is not None
        assert self._judge is not None
        under_way = {(run.task, run.arm, run.n) for run in state.under_way}
        for contender in self._plan.contenders:
            for task in self._plan.tasks:
                for arm in self._plan.arms:
                    words = []
                    for n in range(1, self._plan.runs + 1):
                        known = self._judge.known((contender.name, task.name, arm, n))
                        if known is not None:
                            words.append(known.outcome.value)
                        elif (contender.name, task.name, arm, n) in self._ended:
                            words.append("ended")
                        else:
                            active = state.active is not None and contender.name == state.active.name
                            words.append("under way" if active and (task.name, arm, n) in under_way else "")
                    state.cells[contender.name, task.name, arm] = words


def _run_key(subject: str, shelf: str = "runs") -> RunKey | None:
    """The run that a ledger's subject names."""
    parts = subject.split("/")
    if len(parts) != 5 or parts[1] != shelf:
        return None
    number = parts[4].partition(".")[0]
    return (parts[0], parts[2], parts[3], int(number)) if number.isascii() and number.isdecimal() else None


def _numbers(place: Path) -> list[int]:
    if not place.is_dir():
        return []
    with os.scandir(place) as entries:
        return sorted(int(entry.name) for entry in entries if entry.name.isascii() and entry.name.isdecimal())


def _age_s(path: Path) -> float | None:
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return None


def _last_line(path: Path) -> str:
    text, _ = tail(path, LOG_BYTES)
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][-LINE_MAX:] if lines else ""
