"""What a run costs beyond the model's time: onbox, Harbor and Inspect AI on one task and one scripted model.

All get the builtin task `fill-json` and the same scripted server, and each is started as its users start it, in its own
environment (`bash .ci/parts system formats`), one run at a time. A command with one run and a command with more are
timed from their start to their end, less the time in which a request was under way at the server, which logs it. Out
of the two come

    one run  the whole command with one run: start of the program, its checks, the run, its results
    a further run  what each run beyond the first adds: (more runs - one run) / (number of runs - 1)

No number holds the start of a container: Harbor and Inspect AI use containers by `docker compose`, which adds its own
time to each of their runs; here Harbor gets an environment of bubblewrap (`beside/harbor_process.py`), as onbox has it,
and Inspect AI its sandbox `local`, a folder without isolation. Run it on a quiet box:

    PYTHONPATH=src:. python bench/overhead_beside.py [--times 5] [--runs 11]
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from tests.e2e.cli import environment
from tests.parts import PARTS, ROOT

from onbox.bench.assembly import assembled
from onbox.bench.sandbox.choose import choose

TASK = assembled(ROOT / "suite" / "fill-json")
BESIDE = ROOT / "bench" / "beside"
HARBOR, INSPECT = (PARTS / name / "bin" / "python" for name in ("harbor", "inspect"))
LIMIT_S = 300.0


@dataclass(frozen=True)
class Way:
    """One way to do a number of runs of the task.

    Args:
        name: for people.
        what: what a run of it consists of.
        argv: from the server's URL, the number of runs and an empty folder.
        passed: how many of the runs in that folder passed their gate, by the tool's own results.
    """

    name: str
    what: str
    argv: Callable[[str, int, Path], Sequence[object]]
    passed: Callable[[Path], int]


def _onbox(url: str, runs: int, out: Path) -> Sequence[object]:
    command = [sys.executable, "-m", "onbox", "bench", url, "--tasks", "builtin", "--task", TASK.name]
    return [*command, "--runs", runs, "--out", out / "trial"]


def _onbox_passed(out: Path) -> int:
    (contender,) = json.loads((out / "trial" / "verdict.json").read_text())["contenders"]
    return int(contender["passed"])


def _harbor(*agent: str) -> Callable[[str, int, Path], Sequence[object]]:
    def argv(url: str, runs: int, out: Path) -> Sequence[object]:
        given = [word.replace("{url}", url) for word in agent]
        command = [HARBOR, "-m", "harbor.cli.main", "run", "-p", TASK, "-e", "harbor_process:Process"]
        return [*command, "-o", out, "-k", runs, "-n", 1, "-q", "-y", *given]

    return argv


def _harbor_passed(out: Path) -> int:
    results = [json.loads(path.read_text()) for path in out.glob("*/*/result.json")]
    return sum((trial["verifier_result"] or {}).get("rewards") == {"reward": 1.0} for trial in results)


def _inspect(url: str, runs: int, out: Path) -> Sequence[object]:
    command = [INSPECT, "-m", "inspect_ai", "eval", "inspect_task.py", "--model", "openai-api/onbox/scripted-good"]
    more = ["--model-base-url", f"{url}/v1", "--epochs", runs, "--max-samples", 1]
    return [*command, *more, "--log-dir", out, "--log-format", "json", "--display", "plain"]


def _inspect_passed(out: Path) -> int:
    (log,) = out.glob("*.json")
    return sum(sample["scores"]["gate"]["value"] == 1 for sample in json.loads(log.read_text())["samples"])


TERMINUS = ("-a", "terminus-2", "-m", "openai/scripted-good", "--ak", "api_base={url}/v1",
            "--ak", "record_terminal_session=false")  # fmt: skip
WAYS = (
    Way("onbox", "built-in agent, process sandbox, recording proxy, gate in a fresh sandbox", _onbox, _onbox_passed),
    Way("Harbor, oracle", "no agent and no model: the solution and the gate", _harbor("-a", "oracle"), _harbor_passed),
    Way("Harbor, terminus-2", "its own agent, in a tmux session", _harbor(*TERMINUS), _harbor_passed),
    Way("Inspect AI", "generate loop with the tool bash", _inspect, _inspect_passed),
)


@contextmanager
def model(log: Path) -> Iterator[str]:
    """The scripted server; yields its URL."""
    command = [sys.executable, "-m", "bench.beside.model", "--log", str(log)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT)
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{server.stdout.readline().split()[1]}"
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def under_way_s(log: Path) -> float:
    """Seconds in which at least one request was under way."""
    spans = sorted(tuple(map(int, line.split())) for line in log.read_text().splitlines())
    total_ns = reached_ns = 0
    for began_ns, ended_ns in spans:
        total_ns += max(0, ended_ns - max(began_ns, reached_ns))
        reached_ns = max(reached_ns, ended_ns)
    return total_ns / 1e9


def beyond_s(way: Way, url: str, log: Path, runs: int) -> float:
    """Wall time of one command less the model's time.

    Raises:
        SystemExit: it failed, or a run did not pass.
    """
    log.write_text("")
    # Nothing leaves the box, and no list of prices is fetched.
    quiet = {"HARBOR_TELEMETRY": "0", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "DO_NOT_TRACK": "1"}
    keys = {"OPENAI_API_KEY": "none", "ONBOX_API_KEY": "none", "BESIDE_TASK": str(TASK)}
    with tempfile.TemporaryDirectory(prefix="onbox-beside-") as out:
        argv = [str(word) for word in way.argv(url, runs, Path(out))]
        began = time.monotonic()
        done = subprocess.run(
            argv, env=environment(BESIDE, **quiet, **keys), cwd=BESIDE, capture_output=True, text=True,
            timeout=LIMIT_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        wall_s = time.monotonic() - began
        if done.returncode != 0 or way.passed(Path(out)) != runs:
            raise SystemExit(f"{way.name}: not {runs} passes, exit code {done.returncode}:\n{done.stderr[-2000:]}")
    return wall_s - under_way_s(log)


def median_and_range(values_s: Sequence[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values_s):.2f} s ({min(values_s):.2f} to {max(values_s):.2f})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=5, help="how often each command is timed")
    parser.add_argument("--runs", type=int, default=11, help="runs of the longer command")
    options = parser.parse_args()
    first: dict[str, list[float]] = {way.name: [] for way in WAYS}
    further: dict[str, list[float]] = {way.name: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="onbox-model-") as scratch:
        log = Path(scratch) / "log"
        with model(log) as url:
            for time_ in range(options.times + 1):
                for way in WAYS:
                    one_s, more_s = (beyond_s(way, url, log, runs) for runs in (1, options.runs))
                    # The first time files are read and bytecode is written.
                    if time_:
                        first[way.name].append(one_s)
                        further[way.name].append((more_s - one_s) / (options.runs - 1))
                    print(f"{way.name} {time_}: {one_s:.2f} s, {more_s:.2f} s", file=sys.stderr, flush=True)
    when, cores = time.strftime("%Y-%m-%d %H:%M", time.gmtime()), psutil.cpu_count()
    print(f"{when} UTC, {cores} cores, Linux {platform.release()}, sandbox of onbox: {choose().name}.")
    print(f"Median and range of {options.times} times, of {TASK.name} once and {options.runs} times.\n")
    print("| | what a run is | one run | a further run |\n|---|---|---|---|")
    for way in WAYS:
        print(
            f"| {way.name} | {way.what} | {median_and_range(first[way.name])} | {median_and_range(further[way.name])} |"
        )


if __name__ == "__main__":
    main()
