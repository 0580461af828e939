"""Runs of a trial that has no verdict yet, each judged by itself as it ends."""

from collections.abc import Sequence
from pathlib import Path

from onbox.errors import OnboxError, UsageError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_lives, load_run, load_speed
from onbox.evidence.records import LedgerEntry, Plan, RunRecord
from onbox.judge.results import Measurement, RunResult
from onbox.judge.runs.attribution import attribute
from onbox.judge.runs.observed_rate import rate_of
from onbox.judge.runs.run_context import TrialContext
from onbox.judge.speed.measurement import measure

WIRE_BYTES_MAX = 64_000_000
"""Of one run; more is not read while it is only looked at."""

RunKey = tuple[str, str, str, int]
"""Contender, task, arm, number."""


class RunJudge:
    """Asks the judge about single runs and measurements, and keeps what it says.

    The verdict may say otherwise of a run that met its time limit: only it knows the server's usual rate.
    """

    def __init__(self, folder: TrialFolder, plan: Plan) -> None:
        self._folder = folder
        self._plan = plan
        self._results: dict[RunKey, RunResult] = {}
        self._speeds: dict[str, Measurement] = {}
        self._contexts: dict[str, tuple[object, TrialContext]] = {}

    def known(self, key: RunKey) -> RunResult | None:
        """What was said of a run already."""
        return self._results.get(key)

    def forget(self, key: RunKey) -> None:
        """The run is to be done again."""
        self._results.pop(key, None)

    def result(self, key: RunKey, ledger: Sequence[LedgerEntry]) -> RunResult:
        """What the judge says of one finished run.

        Raises:
            UsageError: its evidence cannot be read.
        """
        if key in self._results:
            return self._results[key]
        contender, task, arm, n = key
        path = self._folder.run_folder(contender, task, arm, n)
        record = self._folder.read(RunRecord, path / "run.json")
        if (record.contender, record.task, record.arm, record.n) != key:
            raise UsageError(f"{path}: run.json is of another run")
        if _size(path / "wire.jsonl") > WIRE_BYTES_MAX:
            raise UsageError(f"{path}: wire.jsonl is too large to be judged while it is looked at")
        evidence = load_run(self._folder, record)
        speed = self.speed(contender)
        context = self._context(contender, ledger).of(evidence, rate_of(speed))
        self._results[key] = attribute(record, evidence.exchanges, context)
        return self._results[key]

    def speed(self, contender: str) -> Measurement | None:
        """What the judge says of a finished measurement; None: there is none, or it cannot be read."""
        if contender in self._speeds:
            return self._speeds[contender]
        place = self._folder.contender(contender) / "speed" / "1"
        if not (place / "run.json").is_file() or _size(place / "requests.jsonl") > WIRE_BYTES_MAX:
            return None
        try:
            evidence = load_speed(self._folder, contender)
        except (OnboxError, OSError):
            return None
        if evidence is not None:
            self._speeds[contender] = measure(evidence)
        return self._speeds.get(contender)

    def _context(self, contender: str, ledger: Sequence[LedgerEntry]) -> TrialContext:
        home = self._folder.contender(contender)
        stamp = len(ledger), len(list(home.glob("standup*")))
        if self._contexts.get(contender, (None,))[0] != stamp:
            self._contexts[contender] = stamp, TrialContext(self._plan, ledger, load_lives(self._folder, contender))
        return self._contexts[contender][1]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
